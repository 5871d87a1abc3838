"""Votes as data: every one as it was given, and what they come to as preferences. Knows no page.

Several votes on an item are one ranking by mean rank, which for two answers is the majority; a final vote
settles it. What ties and both-bad votes become is said, never guessed.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any, Literal

from dajeong.records import Frozen, Preference, content_id
from dajeong.serving.label_items import Item
from dajeong.serving.label_votes import Groups, Vote, Votes

POSITION = "position"
"""As in `artefacts`: for each response the place at which it was shown."""
BYTE_ORDER_MARK = "\ufeff"
"""Excel reads UTF-8 only where the file begins with it."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Policy(Frozen):
    """What votes without a winner become."""

    ties: Literal["drop", "keep"] = "drop"
    """Whether an item on which nobody won is a record too: its responses in one group."""
    both_bad: Literal["drop", "tie"] = "drop"
    """Whether an item that most call bad on all sides is left out, or counts as a tie."""
    pairs: bool = False
    """Whether rankings of K > 2 are taken apart into pairs, each of weight 1 / (K over 2)."""


def preferences(
    items: Sequence[Item], votes: Votes, policy: Policy | None = None
) -> tuple[list[Preference], Counter[str]]:
    """What the votes come to, and how many items gave nothing and why. Gold items are no data."""
    policy = policy or Policy()
    found: list[Preference] = []
    counts: Counter[str] = Counter()
    for item in items:
        if item.gold is not None:
            continue
        record = _preference(item, votes, policy)
        if isinstance(record, str):
            counts[record] += 1
        else:
            counts["labelled"] += 1
            found += taken_apart(record) if policy.pairs and len(record.responses) > 2 else [record]
    return found, counts


def _preference(item: Item, votes: Votes, policy: Policy) -> Preference | str:
    """The record, or why there is none."""
    final, labels = votes.labels(item.id, "final"), votes.labels(item.id)
    counted = list((final or labels).values())
    if not counted:
        return "unlabelled"
    if policy.both_bad == "drop" and sum(vote.verdict == "both-bad" for vote in counted) * 2 > len(counted):
        return "both-bad"
    ranking = joined([vote.ranking for vote in counted], len(item.responses))
    if len(ranking) == 1 and policy.ties == "drop":
        return "tied"
    return Preference(
        id=f"labelled:{item.id.partition(':')[2]}",
        source=item.source,
        licence=item.licence,
        kind=item.kind,
        meta=_meta(counted, bool(final)),
        prompt=item.prompt,
        responses=item.responses,
        ranking=ranking,
        labelled_by="human:final" if final else _labeller(counted),
    )


def joined(rankings: Sequence[Groups], num_responses: int) -> Groups:
    """By mean rank, groups tying at the middle of their places; Borda's count, for two the majority."""
    means = [fmean(_ranks(ranking)[index] for ranking in rankings) for index in range(num_responses)]
    levels = sorted(set(means))
    return tuple(tuple(index for index, value in enumerate(means) if value == level) for level in levels)


def _ranks(ranking: Groups) -> dict[int, float]:
    ranks: dict[int, float] = {}
    for group in ranking:
        middle = len(ranks) + (len(group) - 1) / 2
        ranks |= dict.fromkeys(group, middle)
    return ranks


def _labeller(counted: Sequence[Vote]) -> str:
    return f"human:{counted[0].annotator}" if len(counted) == 1 else "human:majority"


def _meta(counted: Sequence[Vote], is_final: bool) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "votes": len(counted),
        "verdicts": dict(Counter(vote.verdict for vote in counted)),
    }
    if is_final:
        meta["final"] = True
    if len(counted) == 1:
        shown = counted[0].order
        meta[POSITION] = [shown.index(index) for index in range(len(shown))]
    strengths = [vote.strength for vote in counted if vote.strength is not None]
    if strengths:
        meta["strength"] = round(fmean(strengths), 3)
    reasons = Counter(reason for vote in counted for reason in vote.reasons)
    return {**meta, "reasons": dict(reasons)} if reasons else meta


def taken_apart(record: Preference) -> list[Preference]:
    """Every (better, worse) pair of a ranking; all of a record weigh as much as one pair does."""
    num_pairs = len(list(combinations(record.responses, 2)))
    return [
        record.model_copy(
            update={
                "id": content_id("labelled", record.id, str(better), str(worse)),
                "responses": (record.responses[better], record.responses[worse]),
                "ranking": ((0,), (1,)),
                "weight": record.weight / num_pairs,
                "meta": {key: value for key, value in record.meta.items() if key != POSITION},
            }
        )
        for better, worse in record.pairs()
    ]


def raw(items: Sequence[Item], votes: Votes) -> Iterator[dict[str, Any]]:
    """Every vote ever given, those taken back too, with the texts it was about."""
    known: Mapping[str, Item] = {item.id: item for item in items}
    for vote in votes.events.values():
        if isinstance(vote, Vote) and vote.item in known:
            item = known[vote.item]
            yield {
                **vote.model_dump(mode="json", exclude={"event"}),
                "undone": vote.id in votes.undone,
                "kind": item.kind,
                "gold": item.gold is not None,
                "prompt": [message.model_dump(mode="json", exclude_none=True) for message in item.prompt],
                "responses": [
                    each.model_dump(mode="json", include={"content", "author"}) for each in item.responses
                ],
            }


def as_lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """For spreadsheets: a row a vote, no cell of which is a formula."""
    out = io.StringIO()
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for row in rows:
        best = row["ranking"][0] if row["verdict"] == "ranked" else []
        cells = {
            **row,
            "ranking": " > ".join(
                " = ".join(row["responses"][each]["author"] for each in group) for group in row["ranking"]
            ),
            "left_wins": row["order"][0] in best if best else "",
            "reasons": " ".join(row["reasons"]),
            "prompt": "\n".join(message["content"] for message in row["prompt"]),
            "responses": "\n---\n".join(each["content"] for each in row["responses"]),
        }
        writer.writerow([neutral(cells[column]) for column in _COLUMNS])
    return out.getvalue()


_COLUMNS = (
    "id", "item", "kind", "annotator", "at", "stage", "verdict", "ranking", "left_wins", "strength",
    "reasons", "skip_reason", "seconds", "undone", "gold", "prompt", "responses",
)  # fmt: skip


def neutral(value: object) -> str:
    """A cell that Excel shows and does not reckon."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
