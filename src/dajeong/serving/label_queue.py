"""Who gets which item next: shared ones first, none twice, repetitions in between. Knows no text and no file.

An item that somebody has before them is kept for them for a while; the clock only ever goes forward, whatever
the machine's calendar does.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from pydantic import Field

from dajeong.records import Frozen
from dajeong.serving.label_items import Item
from dajeong.serving.label_sides import draw
from dajeong.serving.label_votes import Stage, Votes


class Plan(Frozen):
    """How items are shared out."""

    seed: int = 0
    """Draws sides, the order of items, and which of them are shared or repeated."""
    overlap: float = Field(0.2, ge=0, le=1)
    """Share of the items that several annotators label."""
    per_item: int = Field(2, ge=1)
    """How many annotators a shared item gets."""
    repeats: float = Field(0.04, ge=0, le=1)
    """Share of items that an annotator sees once more, sides swapped."""
    repeat_after: int = Field(20, ge=1)
    """How many items lie in between, as far as there are any."""
    keep_minutes: float = Field(10, gt=0)
    """How long an item stays with who has it before them."""
    goal: int = Field(50, ge=1)
    """How many votes make a sitting."""
    show_judge: bool = False
    """Whether a vote is answered with what the judge said."""


class Turn(NamedTuple):
    item: Item
    stage: Stage


class Queue:
    def __init__(
        self, items: Sequence[Item], plan: Plan, votes: Votes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan, self._votes, self._clock = plan, votes, clock
        self._order = _ordered(items, plan)
        self._by_id = {item.id: item for item in items}
        self._wanted = {item.id: self._num_wanted(item) for item in items}
        self._held: defaultdict[str, dict[str, float]] = defaultdict(dict)
        """Item → annotator → until when."""
        self._repeated = lru_cache(maxsize=None)(self._drawn_for)

    def _num_wanted(self, item: Item) -> int:
        if item.gold is not None:
            return 10**9
        return self._plan.per_item if is_shared(self._plan, item) else 1

    def next(self, annotator: str, num: int, beside: Collection[str] = ()) -> list[Turn]:
        """What to label next; held for this annotator. `beside`: what is before them already."""
        turns: list[Turn] = []
        due = self._due(annotator, self._plan.repeat_after)
        turns += [Turn(item, "again") for item in due if item.id not in beside][:1]
        for item in self._fresh(annotator):
            if len(turns) >= num:
                break
            if item.id not in beside:
                turns.append(Turn(item, "first"))
        if len(turns) < num and not beside:
            shown = {turn.item.id for turn in turns}
            turns += [Turn(item, "again") for item in self._due(annotator, 0) if item.id not in shown]
        for turn in turns[:num]:
            self._hold(turn, annotator)
        return turns[:num]

    def _fresh(self, annotator: str) -> Iterator[Item]:
        done = self._votes.of_annotator[annotator]
        return (
            each
            for each in self._order
            if ("first", each.id) not in done and self._has_room(each.id, annotator)
        )

    def _has_room(self, item: str, annotator: str) -> bool:
        """Whether fewer others than wanted have voted on it or have it before them."""
        taken = set(self._votes.labels(item)) if item in self._votes.of_item else set()
        held = self._held.get(item)
        if held:
            now = self._clock()
            taken |= {name for name, until in held.items() if until > now}
        return len(taken - {annotator}) < self._wanted[item]

    def _hold(self, turn: Turn, annotator: str) -> None:
        if turn.stage == "first":
            self._held[turn.item.id][annotator] = self._clock() + 60 * self._plan.keep_minutes

    def release(self, item: str, annotator: str) -> None:
        self._held.get(item, {}).pop(annotator, None)

    def _due(self, annotator: str, after: int) -> list[Item]:
        """Items to be seen again, `after` others having come in between."""
        standing = self._votes.of_annotator[annotator]
        firsts = [
            vote for (stage, _), vote in standing.items() if stage == "first" and vote.verdict != "skip"
        ]
        return [
            self._by_id[vote.item]
            for vote in firsts[: max(0, len(firsts) - after)]
            if vote.item in self._repeated(annotator) and ("again", vote.item) not in standing
        ]

    def _drawn_for(self, annotator: str) -> frozenset[str]:
        share = self._plan.repeats
        return frozenset(
            item.id
            for item in self._order
            if item.gold is None and draw(self._plan.seed, "again", annotator, item.id) < share
        )

    def disputed(self, annotator: str) -> list[Turn]:
        """Items on which annotators differ and nobody has decided."""
        return [
            Turn(item, "final")
            for item in self._order
            if item.id in self._votes.of_item and self._is_disputed(item.id)
        ]

    def _is_disputed(self, item: str) -> bool:
        said = {(vote.verdict, vote.ranking) for vote in self._votes.labels(item).values()}
        return len(said) > 1 and not self._votes.labels(item, "final")

    def left(self, annotator: str) -> int:
        """How many items there still are for this annotator."""
        return sum(1 for _ in self._fresh(annotator)) + len(self._due(annotator, 0))


def is_shared(plan: Plan, item: Item) -> bool:
    return draw(plan.seed, "shared", item.id) < plan.overlap


def _ordered(items: Sequence[Item], plan: Plan) -> list[Item]:
    """Shared items first, in a drawn order; gold items spread among all."""
    plain = [item for item in items if item.gold is None]
    plain.sort(key=lambda item: (not is_shared(plan, item), draw(plan.seed, "place", item.id)))
    gold = [item for item in items if item.gold is not None]
    for number, item in enumerate(gold):
        place = round((number + 0.5) * len(plain) / len(gold)) + number
        plain.insert(place, item)
    return plain
