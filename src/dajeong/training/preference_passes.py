"""What DPO, KTO and ORPO share: passes over atoms of unlike length, the validation set, what to remember.

A prompt's K answers are one atom and never split. Knows no loss.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from dajeong.models.layout import TokenOutputs
from dajeong.models.roles import BASE, RoleModel
from dajeong.models.scoring import fill
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.batches import Cursor, share
from dajeong.training.lockstep import lockstep
from dajeong.training.parallel import Parallel, Single
from dajeong.training.preference_batches import Roles
from dajeong.training.preference_examples import Atom
from dajeong.training.preference_guard import Collapse
from dajeong.training.preference_settings import PreferenceSettings
from dajeong.training.sft import num_updates

A = TypeVar("A", bound=Atom)


class Passes(Generic[A]):
    """An algorithm but for its batches and its loss."""

    coefficients: Mapping[str, float]
    settings: PreferenceSettings

    def __init__(
        self,
        model: RoleModel,
        atoms: Sequence[A],
        settings: PreferenceSettings,
        roles: Roles,
        seed: int,
        parallel: Parallel | None = None,
        held_out: Sequence[A] = (),
        guard: Collapse | None = None,
    ) -> None:
        self.models = {"main": model}
        self.groups = {roles.policy or BASE: settings.optimizer}
        self.atoms, self.held_out, self.roles, self.seed = atoms, held_out, roles, seed
        self.parallel = parallel or Single()
        self.settings, self.guard = settings, guard or Collapse(None)
        self.lengths = [self.num_tokens(atom) for atom in atoms]
        # an update counts examples; a forward holds every token once for each of its readers
        self.read_lengths = [length * roles.num_readers for length in self.lengths]
        self.cursor = Cursor(self.lengths, settings.tokens_per_update, seed, "preferences")
        self.num_updates = num_updates(settings, self.cursor.per_epoch)
        self.validate_every = max(1, math.floor(settings.validate_every * self.num_updates))
        self.done = 0

    def num_tokens(self, atom: A) -> int:
        """Tokens that the policy reads of it in one update."""
        return sum(len(answer.ids) for answer in atom.answers)

    @abstractmethod
    def batches(self, parts: Sequence[Sequence[A]]) -> list[Batch]:
        """One batch for each part, an empty one without weight. Every process calls it at once."""

    @abstractmethod
    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        """Sums, one per term of `batch.weights`."""

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates:
            rank, world = self.parallel.rank, self.parallel.world
            budget = self.settings.tokens_per_micro_batch
            micro = share(self.cursor.group(), self.read_lengths, budget, rank, world)
            batches = self.batches([[self.atoms[index] for index in indices] for indices in micro])
            yield Update(batches, frozenset(self.groups), self.done / self.num_updates)

    def after(self, report: StepReport) -> list[Entry]:
        self.done += 1
        self.cursor.advance()
        entries = self.guard.entries(report)
        due = self.done % self.validate_every == 0 or self.done == self.num_updates
        if due and self.held_out:
            entries.append(Entry("validation", {"update": self.done, "loss": self.measured(self.held_out)}))
        return entries

    def state(self) -> State:
        place = {"epoch": self.cursor.epoch, "place": self.cursor.place}
        return State({}, {"done": self.done, **place, "guard": self.guard.state()})

    def restore(self, state: State) -> None:
        self.done = state.values["done"]
        self.cursor.move(state.values["epoch"], state.values["place"])
        self.guard.restore(state.values["guard"])

    def measured(self, atoms: Sequence[A]) -> dict[str, float]:
        """Every term's mean over other atoms, all processes together; nothing is learned."""
        lengths = [self.num_tokens(atom) * self.roles.num_readers for atom in atoms]
        order = sorted(range(len(atoms)), key=lambda index: lengths[index])
        budget = self.settings.tokens_per_micro_batch
        cut = list(fill(order, lengths, budget))[self.parallel.rank :: self.parallel.world]
        model, names = self.models["main"], sorted(self.coefficients)
        sums = torch.zeros(2, len(names), dtype=torch.float64)
        with torch.no_grad(), model.measuring():
            batches = self.batches([[atoms[index] for index in indices] for indices in cut])
        with torch.no_grad(), model.measuring(), lockstep(self.parallel, model):
            for batch in batches:
                terms = self.loss(model(batch.tokens), batch)
                found = [[float(terms[name]) for name in names], [batch.weights[name] for name in names]]
                sums += torch.tensor(found, dtype=torch.float64)
        totals, weights = self.parallel.sum(sums).tolist()
        return {name: t / w for name, t, w in zip(names, totals, weights, strict=True) if w}
