"""The one training loop: divide, back-propagate, clip, step, write down, save. Knows no algorithm.

W[t] is the weight of term t over all processes and micro-batches of a step, known before the first backward;
gradients are those of Σ c[t] · s[t] / W[t].
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from dajeong.errors import EnvironmentProblem, QualityProblem, Stopped
from dajeong.journal import Journal
from dajeong.models.runtime import key
from dajeong.training import offending
from dajeong.training.algorithm import Algorithm, Batch, Entry, State, StepReport, Update
from dajeong.training.budgets import narrow, settle
from dajeong.training.checkpoint import Checkpoint, Checkpoints
from dajeong.training.digests import frozen_digest, order_after, rows_hash
from dajeong.training.optimizer import owned, refuse_all_warmup
from dajeong.training.parallel import Parallel
from dajeong.training.readings import Readings
from dajeong.workplace import Workplace, stop_wanted


class Loop:
    """Runs `algorithm` to its end, from its newest checkpoint if there is one."""

    def __init__(
        self,
        algorithm: Algorithm,
        work: Workplace,
        parallel: Parallel,
        checkpoint_every: int,
        identity: dict[str, Any],
    ) -> None:
        self.algorithm, self.work, self.parallel, self.every = algorithm, work, parallel, checkpoint_every
        for settings in algorithm.groups.values():
            refuse_all_warmup(algorithm.num_updates, settings, work.name)
        parameters = {role: owned(algorithm.models, role) for role in algorithm.groups}
        started_from = {"recipe": work.fingerprint, "frozen": _frozen(algorithm, parameters)}
        self.checkpoints = Checkpoints(
            work.folder / "checkpoints",
            circumstances({**started_from, **identity}),
            work.progress,
        )
        _refuse_unlike(started_from, parallel, work)
        if not parallel.sharded:  # else its forwards need all processes
            settle(algorithm, parallel)
        self.shared = parallel.share(algorithm.models, algorithm.groups)
        self.optimizer = self.shared.optimizer
        settle(algorithm, parallel)
        self.update = 0
        self.forward: tuple[int, ...] = ()
        """Lengths of the sequences in the forward under way."""
        self.order = ""
        """Digest of all that was learned from, in its order."""

    def run(self) -> None:
        """Raises QualityProblem when a loss or gradient is not finite; and, once a checkpoint is saved, when
        the algorithm asks for it. Stopped after a signal, once saved.
        """
        offset = self._resume()
        self.journal = self.work.journal(offset) if self.parallel.rank == 0 else _no_journal()
        try:
            with self.work.progress.bar("training", self.algorithm.num_updates, step=self.work.name) as bar:
                bar.advance(self.update)
                readings = Readings(self.algorithm.coefficients)
                for update, report in self._steps():
                    self._write(report)
                    entries = [*self._left_out(update), *self.algorithm.after(report)]
                    for entry in entries:
                        self.journal.write(entry.event, **entry.values)
                    bar.advance(1, note=readings.note(report, entries))
                    self._save_if_due(next((entry.stops for entry in entries if entry.stops), None))
        finally:
            self.journal.close()
        self.work.facts["data_order"] = self.order

    def _steps(self) -> Iterator[tuple[Update, StepReport]]:
        """The updates one by one; one that does not fit the device comes again, in smaller forwards."""
        while True:
            try:
                for update in self.algorithm.updates():
                    yield update, self._step(update)
                    self.forward = ()
                return
            except torch.OutOfMemoryError:
                pass  # left first, or its traceback would hold what has to go
            self.optimizer.drop_gradients()
            budget = narrow(self.algorithm, self.forward, self.parallel, self.work.name)
            told = {"step": self.work.name, "tokens": sum(self.forward), "budget": budget}
            self.work.progress.say("forward-halved", **told)

    def _step(self, update: Update) -> StepReport:
        totals = self._global_weights(update.batches)
        sums = dict.fromkeys(totals, 0.0)
        for index, batch in enumerate(update.batches):
            wrapped, self.forward = self.shared.wrapped[batch.model], batch.tokens.packing.lengths
            torch.manual_seed(
                key(self.work.seed, self.work.name, "dropout", self.update, self.parallel.rank, index)
            )
            last = all(later.model != batch.model for later in update.batches[index + 1 :])
            with self.shared.accumulating(batch.model, last=last):
                terms = self.algorithm.loss(wrapped(batch.tokens), batch)
                self._backward(terms, totals, batch)
            for name, term in terms.items():
                sums[name] += float(term.detach())
        norms, rates = self.optimizer.step(update.progress, update.trains)
        if not self.optimizer.left_out:
            self._refuse_broken(norms, update)
        self.update += 1
        means = self._means(sums, totals)
        return StepReport(self.update, means, totals, norms, rates, self._count(update.batches))

    def _count(self, batches: list[Batch]) -> int:
        """Tokens over all processes; on the way, what was learned from enters the order."""
        rows = rows_hash([(batch.tokens, any(batch.weights.values())) for batch in batches])
        mine = torch.tensor([sum(batch.tokens.num_tokens for batch in batches), rows])
        num_tokens, rows = self.parallel.sum(mine).tolist()
        self.order = order_after(self.order, rows)
        return int(num_tokens)

    def _left_out(self, update: Update) -> list[Entry]:
        """What is told where the optimizer made no step."""
        if not (spike := self.optimizer.left_out):
            return []
        rank, spikes = self.parallel.rank, self.optimizer.spikes
        return [offending.left_out(self.work, rank, self.update, update.batches, spike, spikes)]

    def _global_weights(self, batches: list[Batch]) -> dict[str, float]:
        names = sorted(batches[0].weights)
        mine = torch.tensor(
            [sum(b.weights[n] for b in batches) for n in names] + [len(batches)], dtype=torch.float64
        )
        total = self.parallel.sum(mine)
        assert int(total[-1]) == len(batches) * self.parallel.world, (
            "every process needs as many micro-batches"
        )
        return dict(zip(names, total[:-1].tolist(), strict=True))

    def _backward(self, terms: Mapping[str, Tensor], totals: Mapping[str, float], batch: Batch) -> None:
        loss = torch.zeros((), device=batch.tokens.ids.device)
        for name, term in terms.items():
            if coefficient := self.algorithm.coefficients.get(name, 0.0):
                share = self.parallel.world * coefficient / totals[name] if totals[name] else 0.0
                loss = loss + share * term
        value = float(loss.detach())
        if not math.isfinite(value):
            if not self.optimizer.spikes.settings:
                raise offending.not_finite(self.work, self.parallel.rank, self.update + 1, batch, value)
            loss = loss * math.nan  # so that its gradient is none either, on every process
        self.shared.backward(batch.model, loss)

    def _means(self, sums: dict[str, float], totals: Mapping[str, float]) -> dict[str, float]:
        names = sorted(sums)
        summed = self.parallel.sum(torch.tensor([sums[name] for name in names], dtype=torch.float64))
        return {
            name: float(value) / totals[name]
            for name, value in zip(names, summed, strict=True)
            if totals[name]
        }

    def _refuse_broken(self, norms: dict[str, float], update: Update) -> None:
        for norm in norms.values():
            if not math.isfinite(norm):
                first = update.batches[0]
                raise offending.not_finite(self.work, self.parallel.rank, self.update + 1, first, norm)

    def _write(self, report: StepReport) -> None:
        self.journal.write(
            "update",
            update=report.update,
            of=self.algorithm.num_updates,
            loss=_finite(report.losses),
            grad_norm=_finite(report.grad_norms),
            lr=report.learning_rates,
            tokens=report.num_tokens,
        )

    def _save_if_due(self, problem: QualityProblem | None) -> None:
        stopping = self._stopping()
        if self.update % self.every == 0 or stopping or problem:
            self._save()
        if stopping or problem:
            self.parallel.sum(torch.zeros(1))  # nobody leaves before the checkpoint is whole
        if problem:
            raise problem
        if stopping:
            self.work.check_stop()
            raise Stopped("stopped", signal.SIGTERM, step=self.work.name)  # another process was signalled

    def _save(self) -> None:
        """All processes give their parts, the first one writes."""
        moments, state = self.optimizer.tensors(), self.algorithm.state()
        if self.parallel.rank > 0:
            return
        values = {
            "algorithm": state.values,
            "journal": self.journal.offset(),
            "order": self.order,
            "shared": _sharing(self.parallel),
            "spikes": self.optimizer.spikes.state(),
        }
        tensors = {**moments, **{f"algorithm/{n}": t for n, t in state.tensors.items()}}
        self.checkpoints.save(Checkpoint(self.update, tensors, values))

    def _stopping(self) -> bool:
        """Whether any process was asked to leave: they stop after the same update, or one waits for ever."""
        return bool(self.parallel.sum(torch.tensor([float(stop_wanted())])))

    def _resume(self) -> int:
        found = self.checkpoints.latest()
        if found is None:
            return 0
        prefix = "algorithm/"
        mine = {n: t for n, t in found.tensors.items() if not n.startswith(prefix)}
        try:
            self.optimizer.restore(mine)
        except KeyError as problem:
            path = self.checkpoints.place(found.update)
            raise EnvironmentProblem("checkpoint-key", path=path, key=problem.args[0]) from problem
        self.optimizer.spikes.restore(found.values["spikes"])
        tensors = {n.removeprefix(prefix): t for n, t in found.tensors.items() if n.startswith(prefix)}
        self.algorithm.restore(State(tensors, found.values["algorithm"]))
        self.update, self.order = found.update, found.values["order"]
        self.work.progress.say("resumed", step=self.work.name, update=found.update)
        if (before := found.values["shared"]) != (now := _sharing(self.parallel)):
            self.work.progress.say("resumed-otherwise", step=self.work.name, before=before, now=now)
        return int(found.values["journal"])


def circumstances(identity: dict[str, Any]) -> dict[str, Any]:
    """What must be the same for a resumed run to equal an uninterrupted one, but for how many processes
    share it: that is told, and changes rounding.
    """
    return {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        **identity,
    }


def _sharing(parallel: Parallel) -> str:
    return f"{parallel.name} × {parallel.world}"


def _refuse_unlike(started_from: dict[str, str], parallel: Parallel, work: Workplace) -> None:
    """Raises EnvironmentProblem where another process starts from something else."""
    for what in started_from:
        found = parallel.gather([started_from[what]])
        if len(set(found)) > 1:
            raise EnvironmentProblem("processes-differ", step=work.name, what=what, found=", ".join(found))


def _no_journal() -> Journal:
    """What the other processes would say is what the first one says."""
    return Journal(Path(os.devnull))


def _frozen(algorithm: Algorithm, trained: Mapping[str, Mapping[str, nn.Parameter]]) -> str:
    """A digest of all that the algorithm's models hold and that does not train."""
    moving = {id(parameter) for owned in trained.values() for parameter in owned.values()}
    return frozen_digest(
        (f"{name}/{parameter_name}", parameter)
        for name, model in algorithm.models.items()
        for parameter_name, parameter in model.named_parameters()
        if id(parameter) not in moving
    )


def _finite(readings: Mapping[str, float]) -> dict[str, float]:
    """JSON has no word for the others; what they belong to is told by an entry of its own."""
    return {name: value for name, value in readings.items() if math.isfinite(value)}
