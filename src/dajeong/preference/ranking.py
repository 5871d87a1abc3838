"""Scores → who is better: the replies to one prompt in groups of equal rank. Writes and reads nothing.

A criterion counts only where every reply has a value: what is missing is not 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from dajeong.records import Preference, Reply, Response, Score, content_id

Scores = Mapping[str, Mapping[str, float | None]]
"""Reply id → criterion → value."""


def by_reply(scores: Iterable[Score]) -> Scores:
    table: defaultdict[str, dict[str, float | None]] = defaultdict(dict)
    for score in scores:
        table[score.reply_id][score.criterion] = score.value
    return table


def by_prompt(replies: Iterable[Reply], counts: Counter[str]) -> list[list[Reply]]:
    """The replies to each prompt, each text once, in the order of their coming."""
    groups: defaultdict[tuple[object, ...], dict[str, Reply]] = defaultdict(dict)
    for reply in replies:
        group = groups[(reply.prompt_id, reply.prompt)]
        counts["repeated-replies"] += reply.content in group
        group.setdefault(reply.content, reply)
    return [list(group.values()) for group in groups.values()]


def totals(replies: Sequence[Reply], scores: Scores, criteria: Collection[str]) -> list[float] | None:
    """The sum of the criteria that all replies have; None where they share none."""
    shared = [
        criterion
        for criterion in criteria
        if all(scores.get(reply.id, {}).get(criterion) is not None for reply in replies)
    ]
    if not shared:
        return None
    return [sum(scores[reply.id][criterion] or 0.0 for criterion in shared) for reply in replies]


def ranking_of(values: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Indices in groups of equal value, highest first."""
    groups: defaultdict[float, list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        groups[value].append(index)
    return tuple(tuple(groups[value]) for value in sorted(groups, reverse=True))


def grouped(values: Sequence[float], margin: float) -> tuple[tuple[int, ...], ...]:
    """As `ranking_of`, but what is within `margin` of the best of a group ties with it."""
    groups: list[list[int]] = []
    for index in sorted(range(len(values)), key=lambda each: (-values[each], each)):
        if groups and values[groups[-1][0]] - values[index] <= margin:
            groups[-1].append(index)
        else:
            groups.append([index])
    return tuple(tuple(sorted(group)) for group in groups)


def ranked(
    replies: Sequence[Reply],
    values: Sequence[float],
    scores: Scores,
    labelled_by: str,
    ranking: tuple[tuple[int, ...], ...] | None = None,
) -> Preference:
    """One record of all replies to a prompt; needs two of them. `ranking`: None orders them by value."""
    first = replies[0]
    responses = tuple(
        Response(
            content=reply.content,
            author=reply.author,
            scores={name: value for name, value in scores.get(reply.id, {}).items() if value is not None},
        )
        for reply in replies
    )
    return Preference(
        id=content_id("ranked", first.prompt_id, *(response.content for response in responses)),
        source=first.source,
        licence=first.licence,
        kind=first.kind,
        meta=first.meta | {"prompt_kind": first.kind},
        prompt=first.prompt,
        responses=responses,
        ranking=ranking_of(values) if ranking is None else ranking,
        labelled_by=labelled_by,
    )


def taken_apart(record: Preference) -> list[Preference]:
    """Every (better, worse) pair of a ranking as a record of its own."""
    return [
        record.model_copy(
            update={
                "id": f"{record.id}.{better}.{worse}",
                "responses": (record.responses[better], record.responses[worse]),
                "ranking": ((0,), (1,)),
            }
        )
        for better, worse in record.pairs()
    ]
