"""What gives rewards to replies, and how several of them become one score. Knows no model and no file.

Reward adapters on the policy's own base are read inside its one scoring forward; whatever else judges (a
model on another base, a classifier, rules, length) is a `RewardSource` and sees the reply as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from dajeong.records import Dialogue

Combine = Literal["sum", "min"]


class Answer(NamedTuple):
    """A reply as a source of rewards sees it."""

    prompt: Dialogue
    """Ends with the user."""
    text: str
    """As it was drawn, without control tokens."""
    ids: Sequence[int]
    """Prompt and reply under the policy's tokenizer, the end included where it came."""
    num_tokens: int
    """Of the reply alone."""
    ended: bool
    """Whether it ended by itself."""


class RewardSource(Protocol):
    """Anything that gives replies a raw reward. Weight and normalisation are the algorithm's."""

    name: str
    """In the journal the mean of its raw rewards is `raw/<name>`."""
    mean: float
    deviation: float
    """Normalised reward = (raw − mean) / deviation."""

    def score(self, answers: Sequence[Answer]) -> list[float]:
        """One raw reward each, all finite; where nothing can be said, `mean`, which counts as 0.

        Raises QualityProblem where a model gives what is no number.
        """


class Part(NamedTuple):
    """What one source or reward role contributes to a score."""

    weight: float
    mean: float = 0.0
    deviation: float = 1.0
    is_model: bool = True
    """Rules and lengths are no members of an ensemble: they are added to it."""


def normalised(raw: float, part: Part, bound: float) -> float:
    """(raw − mean) / deviation, cut to ±bound (Ziegler et al. 2019, code)."""
    return max(-bound, min(bound, (raw - part.mean) / part.deviation))


def total(
    raw: Mapping[str, float], parts: Mapping[str, Part], bound: float, combine: Combine = "sum"
) -> float:
    """Σ weight · normalised; with `min` the models count as their worst: (Σ weight) · min, rules are added.

    The mean of an ensemble is `sum` with equal weights; its minimum is the worst-case optimisation of Coste
    et al. (2023), Reward Model Ensembles Help Mitigate Overoptimization, §3.
    """
    models = {name: part for name, part in parts.items() if part.is_model and combine == "min"}
    score = 0.0
    if models:
        worst = min(normalised(raw[name], part, bound) for name, part in models.items())
        score = sum(part.weight for part in models.values()) * worst
    for name, part in parts.items():
        if name not in models:
            score += part.weight * normalised(raw[name], part, bound)
    return score
