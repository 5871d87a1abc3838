"""What the first rollout must show before anything is learned from it: the policy is its reference, and the
rewards tell replies apart. Knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dajeong.errors import QualityProblem, UsageProblem
from dajeong.training.experience import Experience, joined
from dajeong.training.rewards import Part

SAME = 1e-2
"""Nats between two readings of one token by equal roles, in whatever precision; a reference that is another
model lies far beyond.
"""
EQUAL = 1e-6
"""Rewards that differ by less than this share of their deviation do not differ."""


def refuse_other_reference(buffer: Sequence[Experience]) -> None:
    """Raises UsageProblem where the policy has diverged before it learned anything."""
    gap = (joined(buffer, "logprobs") - joined(buffer, "reference")).abs()
    if float(gap.mean()) > SAME:
        raise UsageProblem("reference-not-the-start", nats=float(gap.mean()))


def refuse_equal_rewards(buffer: Sequence[Experience], parts: Mapping[str, Part]) -> None:
    """Raises QualityProblem where no reward model tells any reply from another."""
    models = {name: part for name, part in parts.items() if part.is_model}
    if not models or len({tuple(e.ids) for e in buffer}) < 2:
        return
    for name, part in models.items():
        found = [e.rewards[name] for e in buffer]
        if max(found) - min(found) > EQUAL * part.deviation:
            return
    value = buffer[0].rewards[next(iter(models))]
    raise QualityProblem("rewards-equal", rewards=", ".join(models), replies=len(buffer), value=value)
