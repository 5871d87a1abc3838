"""Supervised fine-tuning: −log p of the answers' tokens, in an adapter or in every weight of the base."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from dajeong.data.reserved import refuse_reserved
from dajeong.errors import UsageProblem
from dajeong.models.adapters import save_role
from dajeong.models.base import Base, load_base
from dajeong.models.fitness import Needs
from dajeong.models.full import save_full
from dajeong.models.layout import Sequence_, TokenBatch, TokenOutputs, pack
from dajeong.models.roles import BASE, RoleModel
from dajeong.models.runtime import key
from dajeong.models.scoring import fill
from dajeong.models.tokenize import Tokens
from dajeong.records import Dialogue
from dajeong.templates import find_template
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.batches import Cursor, refuse_idle, share
from dajeong.training.best import Best
from dajeong.training.cards import card_of
from dajeong.training.examples import Examples, examples_of
from dajeong.training.loop import Loop
from dajeong.training.losses import negative_log_likelihood
from dajeong.training.parallel import Parallel, Single, parallel_of, saves
from dajeong.training.settings import OptimizerSettings, SftSettings, TrainingSettings
from dajeong.workplace import Workplace

ROLE = "sft"


class Sft:
    """Learns the marked tokens of `examples` in role `role`."""

    coefficients: Mapping[str, float] = {"nll": 1.0}

    def __init__(
        self,
        model: RoleModel,
        role: str,
        examples: Sequence[Tokens],
        settings: TrainingSettings,
        optimizer: OptimizerSettings,
        seed: int,
        parallel: Parallel | None = None,
        held_out: Sequence[Tokens] = (),
        validate_every: float = 0.25,
        examples_per_update: int | None = None,
        best: Best | None = None,
    ) -> None:
        self.models = {"main": model}
        self.groups = {role: optimizer}
        self.role, self.examples, self.settings, self.held_out = role, examples, settings, held_out
        self.parallel = parallel or Single()
        self.lengths = [len(example.ids) for example in examples]
        self.cursor = Cursor(
            self.lengths, settings.tokens_per_update, seed, "sft", examples=examples_per_update
        )
        self.num_updates = num_updates(settings, self.cursor.per_epoch)
        self.validate_every = max(1, math.floor(validate_every * self.num_updates))
        self.best = best
        self.done = 0

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates and not (self.best and self.best.exhausted):
            rank, world = self.parallel.rank, self.parallel.world
            micro = share(
                self.cursor.group(), self.lengths, self.settings.tokens_per_micro_batch, rank, world
            )
            batches = [self._batch(indices) for indices in micro]
            yield Update(batches, frozenset(self.groups), self.done / self.num_updates)

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        return {"nll": negative_log_likelihood(outputs.logprobs)}

    def after(self, report: StepReport) -> list[Entry]:
        self.done += 1
        self.cursor.advance()
        epoch_ended = self.cursor.place == 0
        due = self.done % self.validate_every == 0 or epoch_ended or self.done == self.num_updates
        return [self._validation()] if due and self.held_out else []

    def _validation(self) -> Entry:
        loss = self.mean_loss(self.held_out)
        if self.best:
            # every process must stop after the same update
            agreed = self.parallel.sum(torch.tensor([loss], dtype=torch.float64)) / self.parallel.world
            self.best.read(self.done, float(agreed))
        return Entry("validation", {"update": self.done, "loss": loss})

    def state(self) -> State:
        values = {"done": self.done, "epoch": self.cursor.epoch, "place": self.cursor.place}
        if self.best is None:
            return State({}, values)
        return State(dict(self.best.kept), {**values, "best": self.best.values()})

    def restore(self, state: State) -> None:
        self.done = state.values["done"]
        self.cursor.move(state.values["epoch"], state.values["place"])
        if self.best:
            self.best.restore(state.tensors, state.values["best"])

    def mean_loss(self, examples: Sequence[Tokens]) -> float:
        """Mean −log p of the marked tokens of other examples; nothing is learned and nothing dropped."""
        lengths = [len(example.ids) for example in examples]
        order = sorted(range(len(examples)), key=lambda index: lengths[index])
        total, count = 0.0, 0
        model = self.models["main"]
        with torch.no_grad(), model.measuring():
            for indices in fill(order, lengths, self.settings.tokens_per_micro_batch):
                batch = self._pack([examples[index] for index in indices])
                total -= float(model(batch).logprobs.sum())
                count += len(batch.targets)
        return total / count

    def _batch(self, indices: Sequence[int]) -> Batch:
        # an empty share still takes part in the collective backward, with no weight
        idle = [Tokens(self.examples[0].ids[:2], [False, False])]
        tokens = self._pack([self.examples[index] for index in indices] or idle)
        return Batch(tokens, {"nll": float(len(tokens.targets))})

    def _pack(self, examples: Sequence[Tokens]) -> TokenBatch:
        role = None if self.role == BASE else self.role
        return pack(
            [Sequence_(example.ids, role, example.learn) for example in examples], self.models["main"].device
        )


def num_updates(settings: TrainingSettings, per_epoch: int) -> int:
    """Optimizer steps of a run; at least 2."""
    return settings.updates or max(2, math.ceil(settings.epochs * per_epoch))


def run(settings: SftSettings, work: Workplace) -> None:
    """The step `sft`: a base and dialogues in, an adapter (or a whole model) out."""
    parallel = parallel_of(settings.parallel)
    data = work.records("data", Dialogue)
    refuse_reserved(data, work.name)
    held_out = work.records("validation", Dialogue)
    refuse_blind_stop(settings, held_out, work.name)
    template = find_template(settings.template)
    needs = Needs(settings.max_tokens, settings.lora, template)
    runtime = parallel.runtime(settings.runtime)
    base = load_base(work.model("model"), runtime, train_base=settings.lora is None, needs=needs)
    training = examples_of(data, template, base.tokenizer, settings.max_tokens, settings.learn_prompts)
    report_examples(training, work)
    validation = (
        examples_of(held_out, template, base.tokenizer, settings.max_tokens).tokens if held_out else []
    )
    role = _add_role(base, settings, work.seed)
    base.model.learning()
    best = Best(partial(base.model.parameters_of, role), settings.patience) if keeps_best(settings) else None
    algorithm = Sft(
        base.model,
        role,
        training.tokens,
        settings,
        settings.optimizer,
        work.seed,
        parallel,
        validation,
        settings.validate_every,
        settings.examples_per_update,
        best,
    )
    refuse_idle(algorithm.cursor, parallel.world, work.name)
    Loop(algorithm, work, parallel, settings.checkpoint_every, {"role": role}).run()
    if best:
        best.put_back()
        work.progress.say("best-kept", step=work.name, update=best.update, loss=f"{best.loss:.4f}")
    if saves(parallel):
        save = save_full if role == BASE else save_role
        card = card_of(work, "sft", role, settings, template.name, {"data": data}, base.reference)
        save(base, role, work.model_folder, template, card=card, write=parallel.rank == 0)


def keeps_best(settings: SftSettings) -> bool:
    """Whether the model is that of the lowest reading."""
    return settings.keep == "best" or (settings.keep is None and settings.patience is not None)


def refuse_blind_stop(settings: SftSettings, held_out: Sequence[Dialogue], step: str) -> None:
    """Raises UsageProblem where a stop or a choice would need readings that nobody takes."""
    if (settings.patience is not None or settings.keep == "best") and not held_out:
        raise UsageProblem("no-validation", step=step)


def _add_role(base: Base, settings: SftSettings, seed: int) -> str:
    if settings.lora is None:
        return BASE
    base.model.add_role(ROLE, settings.lora, trainable=True, seed=key(seed, "lora", ROLE))
    return ROLE


def report_examples(examples: Examples, work: Workplace) -> None:
    """Say what was cut and what was left out, before anything is spent."""
    work.progress.say(
        "examples",
        step=work.name,
        examples=len(examples.tokens),
        truncated=examples.num_truncated,
        refused=examples.num_without_answer,
    )
