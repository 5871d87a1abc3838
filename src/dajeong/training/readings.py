"""What people read under the bar of a training step: losses, the last rollout, tokens a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from dajeong.messages import text
from dajeong.training.algorithm import Entry, StepReport

OF_A_ROLLOUT = ("reward", "kl", "length")
RECENT = 20
"""Updates over which the pace is reckoned."""


class Readings:
    """The latest readings of one run of the loop."""

    def __init__(
        self, coefficients: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.coefficients, self.clock = coefficients, clock
        self.rollout: dict[str, float] = {}
        self.paces = deque([(clock(), 0)], maxlen=RECENT + 1)

    def note(self, report: StepReport, entries: Sequence[Entry]) -> str:
        """One line; a reading that does not change, such as the last rollout's, stays in it."""
        for entry in entries:
            if entry.event in ("rollout", "validation"):
                self.rollout |= self._shown(entry)
        self.paces.append((self.clock(), report.num_tokens))
        losses = {name: value for name, value in report.losses.items() if self.coefficients.get(name)}
        said = [f"{name} {_number(value)}" for name, value in {**self.rollout, **losses}.items()]
        return " · ".join([*said, *self._pace()])

    def _shown(self, entry: Entry) -> dict[str, float]:
        if entry.event == "rollout":
            return {name: entry.values[name] for name in OF_A_ROLLOUT if name in entry.values}
        loss = entry.values.get("loss", {})
        terms = loss if isinstance(loss, Mapping) else {"": loss}
        learned = {name: value for name, value in terms.items() if not name or self.coefficients.get(name)}
        return {f"validation {name}".strip(): value for name, value in learned.items()}

    def _pace(self) -> list[str]:
        """Tokens a second over the recent updates, the time of their rollouts included."""
        began = self.paces[0][0]
        seconds, tokens = self.paces[-1][0] - began, sum(number for _, number in list(self.paces)[1:])
        return [text("reading-tokens", rate=f"{tokens / seconds:,.0f}")] if seconds > 0 else []


def _number(value: float) -> str:
    """Three digits that matter, never an exponent for numbers that people compare."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
