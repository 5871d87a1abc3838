"""What is labelled: a prompt and the answers to it, with what others said of them. Knows no vote and no page.

Made of preferences, of replies, or of what a run left behind. An item's id is a hash of its texts: the same
item of two files is one, and the id tells nothing of who wrote it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dajeong.errors import DataProblem
from dajeong.records import Frozen, Message, Preference, Reply, Response, content_id
from dajeong.serving.label_votes import Groups
from dajeong.storage import read_records, write_records

ITEMS = "items.jsonl"


class Item(Frozen):
    id: str
    source: str = ""
    licence: str = ""
    kind: str = "general"
    prompt: tuple[Message, ...]
    responses: tuple[Response, ...]
    judged: dict[str, Groups] = {}
    """Who labelled it before, a judge or a rule → their ranking. No page sees it before the vote."""
    gold: Groups | None = None
    """The right answer of an item that tests the annotator."""


def load(path: Path, authors: Sequence[str] = ()) -> list[Item]:
    """A file of preferences or replies, or a run folder. Raises DataProblem where nothing can be compared.

    `authors`: whose replies are compared; of a run the last two that answer by default.
    """
    if not path.exists():
        raise DataProblem("file-missing", path=path)
    items = merged(_of_run(path, authors) if path.is_dir() else _of_file(path, authors))
    if not items:
        raise DataProblem("label-no-items", path=path)
    return items


def _of_file(path: Path, authors: Sequence[str]) -> Iterator[Item]:
    columns = _columns(path)
    if {"prompt_id", "author"} <= columns:
        return of_replies(list(read_records(path, Reply)), authors)
    if {"responses", "ranking"} <= columns:
        return map(of_preference, read_records(path, Preference))
    from dajeong.data.doctor.reading import Reading

    return (of_preference(each) for each in Reading([path]).records() if isinstance(each, Preference))


def _columns(path: Path) -> set[str]:
    """The keys of the first line; none where it is no JSON object."""
    with path.open("rb") as file:
        try:
            first = json.loads(next((line for line in file if line.strip()), b"{}"))
        except ValueError:
            return set()
    return set(first) if isinstance(first, dict) else set()


def _of_run(run: Path, authors: Sequence[str]) -> Iterator[Item]:
    """Of the step that was done last among those that left replies of several authors."""
    found = sorted((run / "steps").glob("*/replies.jsonl"), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        replies = list(read_records(path, Reply))
        known = list(dict.fromkeys(reply.author for reply in replies))
        wanted = authors or known[-2:]
        if len(known) > 1 and set(wanted) <= set(known):
            return of_replies(replies, wanted)
    return iter(())


def of_replies(replies: Sequence[Reply], authors: Sequence[str]) -> Iterator[Item]:
    """One item a prompt and way of drawing: the first reply of each author, in the authors' order."""
    groups: defaultdict[tuple[object, ...], dict[str, Reply]] = defaultdict(dict)
    for reply in replies:
        if not authors or reply.author in authors:
            groups[reply.prompt_id, reply.prompt, reply.decoding].setdefault(reply.author, reply)
    for group in groups.values():
        first = next(iter(group.values()))
        responses = [Response(content=reply.content, author=reply.author) for reply in group.values()]
        yield _item(first.prompt, responses, first)


def of_preference(record: Preference) -> Item:
    """A ranking that the record brings is what a judge said."""
    item = _item(record.prompt, record.responses, record)
    says_something = record.labelled_by and len(record.ranking) > 1 and len(item.responses) > 1
    return (
        item.model_copy(update={"judged": {record.labelled_by: moved(record, item)}})
        if says_something
        else item
    )


def _item(prompt: tuple[Message, ...], responses: Sequence[Response], record: Preference | Reply) -> Item:
    """Of equal answers one is enough."""
    distinct = tuple({each.content: each for each in reversed(responses)}.values())[::-1]
    texts = [message.model_dump_json() for message in prompt]
    return Item(
        id=content_id("item", *texts, *sorted(each.content for each in distinct)),
        source=record.source,
        licence=record.licence,
        kind=record.kind,
        prompt=prompt,
        responses=distinct,
    )


def moved(record: Preference, item: Item) -> Groups:
    """The record's ranking over the item's responses, found by their texts."""
    places = {response.content: index for index, response in enumerate(item.responses)}
    seen: set[int] = set()
    groups = []
    for group in record.ranking:
        here = {places[record.responses[index].content] for index in group} - seen
        seen |= here
        groups.append(tuple(sorted(here)))
    return tuple(group for group in groups if group)


def merged(items: Iterable[Item]) -> list[Item]:
    """Each item once, with all that was said of it; what leaves nothing to compare is left out."""
    found: dict[str, Item] = {}
    for item in items:
        if len(item.responses) < 2:
            continue
        known = found.setdefault(item.id, item)
        if known is not item:
            judged = {who: _over(known, item, ranking) for who, ranking in item.judged.items()}
            gold = known.gold if item.gold is None else _over(known, item, item.gold)
            found[item.id] = known.model_copy(update={"judged": {**judged, **known.judged}, "gold": gold})
    return list(found.values())


def _over(known: Item, item: Item, ranking: Groups) -> Groups:
    places = {response.content: index for index, response in enumerate(known.responses)}
    return tuple(tuple(sorted(places[item.responses[each].content] for each in group)) for group in ranking)


def gold_of(path: Path) -> list[Item]:
    """Items whose right answer is known: preferences with a ranking."""
    found = []
    for record in read_records(path, Preference):
        item = of_preference(record)
        if len(record.ranking) > 1 and len(item.responses) > 1:
            found.append(item.model_copy(update={"gold": moved(record, item), "judged": {}}))
    return found


def judged_in(path: Path, items: Sequence[Item]) -> list[Item]:
    """The items, with what a judge's file of preferences says of them."""
    known = {item.id for item in items}
    said = [item for item in map(of_preference, read_records(path, Preference)) if item.id in known]
    return merged([*items, *said])


def kept(folder: Path, items: Sequence[Item]) -> list[Item]:
    """The items of a folder of labels and these; what was labelled once stays, whatever the file says now."""
    path = folder / ITEMS
    before = list(read_records(path, Item)) if path.is_file() else []
    together = merged([*before, *items])
    if together != before:
        write_records(path, together)
    return together
