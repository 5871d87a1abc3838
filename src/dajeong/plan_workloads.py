"""What each kind of step holds and does on its card: the table of those that put a model there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dajeong import plan_learning, plan_rollouts
from dajeong.plan_models import Models, Place, Planned
from dajeong.plan_sizes import Sizes
from dajeong.recipe import Step


def planned(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    """None for a step that puts no model on the card. `settings` may differ from the step's own."""
    makers: Mapping[str, Callable[..., Planned | None]] = {
        "base": plan_learning.base,
        "sft": plan_learning.sft,
        "reward": plan_learning.reward,
        "ppo": plan_rollouts.rollouts,
        "grpo": plan_rollouts.rollouts,
        "rloo": plan_rollouts.rollouts,
        "dpo": plan_learning.preferences,
        "kto": plan_learning.preferences,
        "orpo": plan_learning.preferences,
        "replies": plan_rollouts.writing,
        "respond": plan_rollouts.writing,
        "evaluate": plan_rollouts.writing,
        "refusals": plan_rollouts.writing,
        "kobest": plan_rollouts.reading,
        "reward-report": plan_rollouts.reading,
        "judge": plan_rollouts.reading,
        "compare": plan_rollouts.reading,
    }
    maker = makers.get(step.use)
    return maker(step, settings, models, sizes, place) if maker else None
