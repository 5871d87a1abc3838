"""Who gets which item next: shared ones first, none twice, repetitions in between. Knows no text and no file.

An item that somebody has before them is kept for them for a while; the clock only ever goes forward, whatever
the machine's calendar does.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from pydantic import Field

from dajeong.records import Frozen
from dajeong.serving.label_items import Item
from dajeong.serving.label_sides import draw
from dajeong.serving.label_votes import Stage, Vote, Votes


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
        self._by_id = {item.id: item for item in _ordered(items, plan)}
        self._wanted = {item.id: _num_wanted(item, plan) for item in items}
        self._open = set(self._by_id)
        """Items that want more votes."""
        self.labelled: set[str] = set()
        self._disputed: set[str] = set()
        self._held: defaultdict[str, dict[str, float]] = defaultdict(dict)
        """Item → annotator → until when."""
        self._done_open: dict[str, set[str]] = {}
        self._num_done_open: Counter[str] = Counter()
        self._repeated = lru_cache(maxsize=None)(self._drawn_for)
        for item in self._by_id:
            self.changed(item)

    def changed(self, item: str) -> None:
        """Votes on an item came or went. Whoever had it before them has it no more."""
        if item not in self._by_id or item not in self._votes.of_item:
            return
        labels, final = self._votes.labels(item), self._votes.labels(item, "final")
        is_disputed = not final and len({(vote.verdict, vote.ranking) for vote in labels.values()}) > 1
        _put(self._disputed, item, is_disputed)
        _put(self.labelled, item, bool(labels))
        _put(self._open, item, len(labels) < self._wanted[item])
        voted = {annotator for stage, annotator in self._votes.of_item[item] if stage == "first"}
        for annotator in voted:
            self._held.get(item, {}).pop(annotator, None)
        self._count_done(item, voted if item in self._open else set())

    def _count_done(self, item: str, voted: set[str]) -> None:
        """Who has done an item that others may still do."""
        before = self._done_open.get(item, set())
        self._num_done_open.update(voted - before)
        self._num_done_open.subtract(before - voted)
        self._done_open[item] = voted

    def next(self, annotator: str, num: int, beside: Collection[str] = ()) -> list[Turn]:
        """What to label next; held for this annotator. `beside`: what is before them already."""
        due = self._due(annotator, self._plan.repeat_after)
        turns = [Turn(item, "again") for item in due if item.id not in beside][: min(1, num)]
        fresh = (item for item in self._fresh(annotator) if item.id not in beside)
        turns += [Turn(item, "first") for item in islice(fresh, num - len(turns))]
        if not turns and not beside:
            turns = [Turn(item, "again") for item in self._due(annotator, 0)[:num]]
        for turn in turns:
            if turn.stage == "first":
                self._held[turn.item.id][annotator] = self._clock() + 60 * self._plan.keep_minutes
        return turns

    def _fresh(self, annotator: str) -> Iterator[Item]:
        done = self._votes.of_annotator.get(annotator, {})
        for item in self._by_id:
            if item in self._open and ("first", item) not in done and self._has_room(item, annotator):
                yield self._by_id[item]

    def _has_room(self, item: str, annotator: str) -> bool:
        """Whether fewer others than wanted have voted on it or have it before them."""
        held = self._held.get(item)
        if not held:
            return True
        now = self._clock()
        taken = set(self._votes.labels(item)) | {name for name, until in held.items() if until > now}
        return len(taken - {annotator}) < self._wanted[item]

    def _due(self, annotator: str, after: int) -> list[Item]:
        """Items to be seen again, `after` others having come in between."""
        standing = self._votes.of_annotator.get(annotator, {})
        firsts = (item for stage, item in reversed(standing) if stage == "first")
        recent = set(islice(firsts, after))
        return [
            self._by_id[item]
            for item in self._repeated(annotator)
            if self._may_repeat(item, standing, recent)
        ]

    @staticmethod
    def _may_repeat(item: str, standing: Mapping[tuple[Stage, str], Vote], recent: Collection[str]) -> bool:
        vote = standing.get(("first", item))
        is_voted = vote is not None and vote.verdict != "skip"
        return is_voted and item not in recent and ("again", item) not in standing

    def _drawn_for(self, annotator: str) -> tuple[str, ...]:
        share = self._plan.repeats
        return tuple(
            item
            for item, each in self._by_id.items()
            if each.gold is None and draw(self._plan.seed, "again", annotator, item) < share
        )

    def disputed(self) -> list[Turn]:
        """Items on which annotators differ and nobody has decided."""
        return [Turn(self._by_id[item], "final") for item in self._by_id if item in self._disputed]

    @property
    def num_disputed(self) -> int:
        return len(self._disputed)

    def left(self, annotator: str) -> int:
        """How many items there still are for this annotator, were nobody else at work."""
        return len(self._open) - self._num_done_open[annotator] + len(self._due(annotator, 0))


def _put(among: set[str], item: str, is_in: bool) -> None:
    if is_in:
        among.add(item)
    else:
        among.discard(item)


def _num_wanted(item: Item, plan: Plan) -> int:
    """Everybody is tested on items whose answer is known."""
    if item.gold is not None:
        return 10**9
    return plan.per_item if is_shared(plan, item) else 1


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
