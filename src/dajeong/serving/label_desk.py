"""The desk where labels are given: what is asked of it, checked, kept, and answered. Knows no HTTP.

One vote at a time; what is answered for is on the disk. Annotators are told apart by their names alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from dajeong.errors import UsageProblem
from dajeong.records import Result
from dajeong.serving import label_sides
from dajeong.serving.label_items import Item
from dajeong.serving.label_queue import Plan, Queue, Turn
from dajeong.serving.label_store import Store
from dajeong.serving.label_votes import Undo, Vote, Votes


class Desk:
    def __init__(
        self, items: Sequence[Item], plan: Plan, store: Store, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.items, self.plan, self._store = items, plan, store
        self.healed = store.healed
        self._by_id = {item.id: item for item in items}
        self.votes = Votes.of(store.events)
        self._queue = Queue(items, plan, self.votes, clock)
        self._lock = threading.Lock()
        self._figures: tuple[int, list[Result]] = (-1, [])
        self._counting = threading.Lock()

    def turns(self, annotator: str, num: int, beside: Collection[str]) -> list[dict[str, Any]]:
        with self._lock:
            return [self._view(turn, annotator) for turn in self._queue.next(annotator, num, beside)]

    def disputes(self, annotator: str, num: int, beside: Collection[str]) -> list[dict[str, Any]]:
        """Items to be settled, with what was said of them, in this annotator's own order of sides."""
        with self._lock:
            turns = [turn for turn in self._queue.disputed() if turn.item.id not in beside]
            return [
                {**self._view(turn, annotator), "votes": self._said(turn, annotator)} for turn in turns[:num]
            ]

    def _view(self, turn: Turn, annotator: str) -> dict[str, Any]:
        shown = label_sides.order(self.plan.seed, turn.item, annotator, turn.stage)
        return label_sides.view(turn.item, shown, turn.stage)

    def _said(self, turn: Turn, annotator: str) -> list[dict[str, Any]]:
        """Nobody's name: who decides shall read the answers."""
        shown = label_sides.order(self.plan.seed, turn.item, annotator, turn.stage)
        return [
            {
                "verdict": vote.verdict,
                "ranking": label_sides.as_shown(vote.ranking, shown),
                "reasons": list(vote.reasons),
                "strength": vote.strength,
            }
            for vote in self.votes.labels(turn.item.id).values()
        ]

    def item(self, identity: str) -> Item:
        """Raises UsageProblem where there is none."""
        if identity not in self._by_id:
            raise UsageProblem("label-item-unknown", item=identity[:80])
        return self._by_id[identity]

    def shown(self, item: Item, annotator: str, stage: str) -> tuple[int, ...]:
        return label_sides.order(self.plan.seed, item, annotator, stage)  # type: ignore[arg-type]

    def vote(self, vote: Vote) -> bool:
        """Whether it stands now; False where the place was taken, by the same annotator in another window.

        Raises EnvironmentProblem where it could not be kept: then it is not counted, and may be sent again.
        """
        with self._lock:
            if vote.id in self.votes.events:
                return vote.id not in self.votes.undone
            if self.votes.standing(vote) is not None:
                return False
            kept = vote.model_copy(update={"at": _now()})
            self._store.append(kept)
            self.votes.add(kept)
            self._queue.changed(vote.item)
            return True

    def undo(self, identity: str, annotator: str, vote_id: str | None) -> Vote | None:
        """The vote that was taken back: the one named, else the annotator's last; None without any."""
        with self._lock:
            before = self.votes.events.get(identity)
            if isinstance(before, Undo):
                return self._vote(before.undoes, annotator)
            vote = self._vote(vote_id, annotator) if vote_id else self.votes.last(annotator)
            if vote is None:
                return None
            if vote.id not in self.votes.undone:
                event = Undo(id=identity, undoes=vote.id, annotator=annotator, at=_now())
                self._store.append(event)
                self.votes.add(event)
                self._queue.changed(vote.item)
            return vote

    def _vote(self, identity: str, annotator: str) -> Vote | None:
        found = self.votes.events.get(identity)
        return found if isinstance(found, Vote) and found.annotator == annotator else None

    def view_of(self, vote: Vote) -> dict[str, Any]:
        """The item of a vote as it was shown, and what was said of it."""
        return {
            **label_sides.view(self.item(vote.item), vote.order, vote.stage),
            "before": {
                "verdict": vote.verdict,
                "ranking": label_sides.as_shown(vote.ranking, vote.order),
                "reasons": list(vote.reasons),
                "strength": vote.strength,
            },
        }

    def judged(self, vote: Vote) -> dict[str, Any]:
        """What judges said of the item, by its places: only for who has voted."""
        item = self.item(vote.item)
        return {who: label_sides.as_shown(ranking, vote.order) for who, ranking in item.judged.items()}

    def progress(self, annotator: str) -> dict[str, Any]:
        with self._lock:
            mine = self.votes.of_annotator.get(annotator, {})
            return {
                "mine": len(mine) - self.votes.num_final[annotator],
                "left": self._queue.left(annotator),
                "items": len(self.items),
                "labelled": len(self._queue.labelled),
                "annotators": len(self.votes.annotators),
                "disputed": self._queue.num_disputed,
                "goal": self.plan.goal,
            }

    def figures(self) -> list[Result]:
        """Reckoned anew when votes came; voting goes on meanwhile."""
        with self._counting:
            with self._lock:
                num_events = len(self.votes.events)
            if num_events != self._figures[0]:
                from dajeong.serving.label_figures import figures  # numpy; a page is open without it

                self._figures = (num_events, figures(self.items, self.snapshot()))
            return self._figures[1]

    def snapshot(self) -> Votes:
        """The votes of this moment, which no later vote changes."""
        with self._lock:
            events = list(self.votes.events.values())
        return Votes.of(events)

    def close(self) -> None:
        with self._lock:
            self._store.close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
