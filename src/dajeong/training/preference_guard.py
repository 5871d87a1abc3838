"""A warning where preferred answers themselves become ever less likely. Knows no model: it reads numbers.

DPO and its kin only ask that the better answer lead; both may sink (Pal et al. 2024, §3), and what rises is
something that nobody preferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dajeong.training.algorithm import Entry, StepReport
from dajeong.workplace import Workplace

PATIENCE = 5
"""Updates in a row: the readings are of a few answers each."""


class Collapse:
    """Warns when preferred answers have lain `limit` nats a token below their start for `PATIENCE` updates.

    The start is the reference, and `drift` the distance from it; where there is none it is the first `nll`.
    """

    def __init__(self, limit: float | None, work: Workplace | None = None) -> None:
        self.limit, self.work = limit, work
        self.first: float | None = None
        self.below = 0

    def entries(self, report: StepReport) -> list[Entry]:
        """A note for the journal at the update that makes it `PATIENCE` in a row."""
        if self.limit is None:
            return []
        drift = self._drift(report.losses)
        if drift is None:
            return []
        fall = -drift
        self.below = self.below + 1 if fall > self.limit else 0
        if self.below != PATIENCE:
            return []
        values = {"update": report.update, "drift": drift, "limit": -self.limit}
        if self.work:
            self.work.progress.say("chosen-collapse", step=self.work.name, update=report.update, fall=fall)
        return [Entry("note", {"collapse": values})]

    def state(self) -> dict[str, Any]:
        return {"first": self.first, "below": self.below}

    def restore(self, state: dict[str, Any]) -> None:
        self.first, self.below = state["first"], state["below"]

    def _drift(self, losses: Mapping[str, float]) -> float | None:
        """Nats a token gained since the start; None for an update without a preferred answer."""
        if "drift" in losses or "nll" not in losses:
            return losses.get("drift")
        if self.first is None:
            self.first = losses["nll"]
        return self.first - losses["nll"]
