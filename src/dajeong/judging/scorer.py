"""Whatever reads replies and gives scores: rules, a reward model, a judge. Knows no model and no file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dajeong.records import Reply, Score


class Scorer(Protocol):
    name: str
    """Written into every score as its `scorer`."""

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        """The scores of every reply, in order; what cannot be judged is a score without a value."""
