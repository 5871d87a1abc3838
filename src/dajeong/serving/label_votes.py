"""What annotators said: votes and their undoing as events, and what stands after all of them. Knows no file.

Votes name responses by their place in the item, never by the side they were shown on: `order` keeps sides.
Events may come in any order and more than once: each counts by its id, and an undone vote stays undone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from dajeong.records import Frozen

Groups = tuple[tuple[int, ...], ...]
"""Responses in groups of equal rank, best first, by index."""
Verdict = Literal["ranked", "tie", "both-bad", "skip"]
Stage = Literal["first", "again", "final"]
"""`first`: a label. `again`: the same item once more, sides swapped. `final`: it settles a disagreement."""
Reason = Literal["friendly", "harmless", "natural", "context", "factual"]
SkipReason = Literal["", "unsure", "unclear", "broken", "upsetting", "other"]

EventId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
"""Made by who votes, so that a vote sent twice is one vote."""
ItemId = Annotated[str, Field(pattern=r"^[0-9A-Za-z:-]{1,64}$")]
Name = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+$")
]


class Vote(Frozen):
    event: Literal["vote"] = "vote"
    id: EventId
    item: ItemId
    annotator: Name
    verdict: Verdict
    ranking: Groups = ()
    """Empty where skipped; one group where all tie."""
    order: tuple[int, ...] = Field(min_length=2)
    """What was shown: the response at each place, left or top first."""
    stage: Stage = "first"
    strength: int | None = Field(None, ge=1, le=3)
    reasons: tuple[Reason, ...] = Field((), max_length=5)
    skip_reason: SkipReason = ""
    seconds: float | None = Field(None, ge=0, le=86_400)
    """From being shown to the vote, while the page was looked at."""
    at: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        ranked = sorted(index for group in self.ranking for index in group)
        expected = [] if self.verdict == "skip" else sorted(self.order)
        if ranked != expected or not all(self.ranking):
            raise ValueError(
                f"ranking {self.ranking} of {len(self.order)} responses: each once, none if skipped"
            )
        if self.verdict in ("tie", "both-bad") and len(self.ranking) != 1:
            raise ValueError(f"{self.verdict} is one group, not {len(self.ranking)}")
        return self


class Undo(Frozen):
    event: Literal["undo"] = "undo"
    id: EventId
    undoes: EventId
    annotator: Name
    at: str = ""


Event = Vote | Undo
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


class Votes:
    """The votes that stand, looked up by item and by annotator."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.undone: set[str] = set()
        self.of_item: defaultdict[str, dict[tuple[Stage, str], Vote]] = defaultdict(dict)
        """Item → (stage, annotator) → vote."""
        self.of_annotator: defaultdict[str, dict[tuple[Stage, str], Vote]] = defaultdict(dict)
        """Annotator → (stage, item) → vote, the oldest first."""
        self.num_final: Counter[str] = Counter()
        """Annotator → how many disagreements they settled."""

    @classmethod
    def of(cls, events: Sequence[Event]) -> Votes:
        """What stands after all of them, also where an undo lies behind the vote that came after it."""
        votes = cls()
        votes.undone = {event.undoes for event in events if isinstance(event, Undo)}
        for event in events:
            votes.add(event)
        return votes

    def add(self, event: Event) -> None:
        if event.id in self.events:
            return
        self.events[event.id] = event
        if isinstance(event, Undo):
            self._take_back(event)
        elif event.id not in self.undone and self.standing(event) is None:
            self.of_item[event.item][event.stage, event.annotator] = event
            self.of_annotator[event.annotator][event.stage, event.item] = event
            self.num_final[event.annotator] += event.stage == "final"

    def standing(self, vote: Vote) -> Vote | None:
        """What already stands in this vote's place."""
        return self.of_item[vote.item].get((vote.stage, vote.annotator))

    def _take_back(self, undo: Undo) -> None:
        self.undone.add(undo.undoes)
        vote = self.events.get(undo.undoes)
        if isinstance(vote, Vote) and self.standing(vote) == vote:
            del self.of_item[vote.item][vote.stage, vote.annotator]
            del self.of_annotator[vote.annotator][vote.stage, vote.item]
            self.num_final[vote.annotator] -= vote.stage == "final"

    def last(self, annotator: str) -> Vote | None:
        """The vote that an undo takes back."""
        standing = self.of_annotator[annotator]
        return standing[next(reversed(standing))] if standing else None

    def labels(self, item: str, stage: Stage = "first") -> dict[str, Vote]:
        """Annotator → vote on an item; skipped ones say nothing of it."""
        return {
            name: vote
            for (when, name), vote in self.of_item[item].items()
            if when == stage and vote.verdict != "skip"
        }

    @property
    def annotators(self) -> list[str]:
        return sorted(name for name, standing in self.of_annotator.items() if standing)
