"""What an algorithm is: what to learn from next, how wrong the model is about it. The rest is the loop's.

A loss is a mapping of *sums*, one per term; the batch says the weights; only the loop divides, by global
weights known before the first backward. So 8 × 1 = 1 × 8 = two processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from dajeong.errors import QualityProblem
from dajeong.models.layout import TokenBatch, TokenOutputs
from dajeong.models.roles import RoleModel
from dajeong.training.settings import OptimizerSettings


@dataclass(frozen=True, eq=False)
class Batch:
    """One forward: its tokens, the weight of every loss term in it, and whatever the loss needs beside."""

    tokens: TokenBatch
    weights: Mapping[str, float]
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    model: str = "main"
    rows: Sequence[str] = ()
    """Ids of its records, for people who must look at them."""


class Update(NamedTuple):
    """The micro-batches of one optimizer step on this process."""

    batches: list[Batch]
    trains: frozenset[str]
    """Roles that move; the others get learning rate 0."""
    progress: float
    """Share of the run that lies behind, 0 ≤ progress < 1; schedules read nothing else."""


class StepReport(NamedTuple):
    """What one optimizer step did, summed over all processes."""

    update: int
    losses: dict[str, float]
    """Term → weighted mean; terms without a coefficient are readings, not losses."""
    weights: dict[str, float]
    grad_norms: dict[str, float]
    learning_rates: dict[str, float]
    num_tokens: int


class State(NamedTuple):
    """All that an algorithm remembers between updates: tensors and JSON values."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]


class Entry(NamedTuple):
    """One line for the journal."""

    event: str
    values: dict[str, Any]
    stops: QualityProblem | None = None
    """Raised by the loop once the line is written and a checkpoint is saved. The same on every process."""


class Algorithm(Protocol):
    num_updates: int

    @property
    def models(self) -> Mapping[str, RoleModel]: ...

    @property
    def coefficients(self) -> Mapping[str, float]:
        """Loss term → coefficient; 0 for readings."""

    @property
    def groups(self) -> Mapping[str, OptimizerSettings]:
        """Trainable role → its optimizer."""

    def updates(self) -> Iterator[Update]:
        """What to learn from next. Keeps nothing in locals across a yield: `state` must hold it all."""

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        """Sums, one per term of `batch.weights`."""

    def after(self, report: StepReport) -> list[Entry]:
        """The step is done: move the cursor, read the validation set, adapt. Returns journal lines."""

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...
