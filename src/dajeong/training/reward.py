"""Reward models: K-wise Bradley–Terry over all pairs of a prompt, one forward per response, read at the last
token.

Starts from the SFT adapter or on a bare base; the score head is float32; nothing is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from dajeong.data.mixture_entries import prompt_group
from dajeong.data.reserved import refuse_reserved
from dajeong.errors import DataProblem, UsageProblem
from dajeong.models.adapters import save_role
from dajeong.models.layout import Sequence_, TokenOutputs, pack
from dajeong.models.roles import RoleModel
from dajeong.models.scoring import rewards_of
from dajeong.models.tokenize import TextTokenizer
from dajeong.records import Preference
from dajeong.templates import Template
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.batches import Cursor, share
from dajeong.training.best import Best
from dajeong.training.cards import card_of
from dajeong.training.examples import Ranked, ranked_of
from dajeong.training.loop import Loop
from dajeong.training.losses import centring, ranking
from dajeong.training.parallel import Parallel, Single, parallel_of, placed, saves
from dajeong.training.reward_labels import check, num_ties
from dajeong.training.reward_measured import measured, pass_gate
from dajeong.training.reward_start import start
from dajeong.training.settings import RewardSettings
from dajeong.training.sft import num_updates
from dajeong.workplace import Workplace

ROLE = "reward"


class Reward:
    """Learns to order the responses of every prompt in role `reward`."""

    def __init__(
        self,
        model: RoleModel,
        preferences: Sequence[Ranked],
        settings: RewardSettings,
        seed: int,
        parallel: Parallel | None = None,
        held_out: Sequence[Ranked] = (),
    ) -> None:
        self.models = {"main": model}
        self.groups = {ROLE: settings.optimizer}
        self.coefficients = {"ranking": 1.0, "centring": settings.centring, "accuracy": 0.0}
        self.preferences, self.settings, self.held_out = preferences, settings, held_out
        self.parallel = parallel or Single()
        self.lengths = [sum(map(len, preference.sequences)) for preference in preferences]
        self.cursor = Cursor(self.lengths, settings.tokens_per_update, seed, "reward")
        self.num_updates = num_updates(settings, self.cursor.per_epoch)
        self.validate_every = max(1, math.floor(settings.validate_every * self.num_updates))
        self.done = 0
        self.best = Best(partial(model.parameters_of, ROLE)) if settings.keep == "best" else None

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates:
            rank, world = self.parallel.rank, self.parallel.world
            micro = share(
                self.cursor.group(), self.lengths, self.settings.tokens_per_micro_batch, rank, world
            )
            batches = [self._batch(indices) for indices in micro]
            yield Update(batches, frozenset({ROLE}), self.done / self.num_updates)

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        return terms_of(outputs.values[ROLE], batch.columns)

    def after(self, report: StepReport) -> list[Entry]:
        self.done += 1
        self.cursor.advance()
        due = self.done % self.validate_every == 0 or self.done == self.num_updates
        if not (due and self.held_out):
            return []
        loss, accuracy = self.reading(self.held_out)
        if self.best:
            self.best.read(self.done, loss)
        return [Entry("validation", {"update": self.done, "loss": loss, "accuracy": accuracy})]

    def reading(self, preferences: Sequence[Ranked]) -> tuple[float, float]:
        """(mean ranking loss, share of ordered pairs that are right) on other preferences."""
        model = self.models["main"]
        sequences = [ids for preference in preferences for ids in preference.sequences]
        rewards = rewards_of(model, ROLE, sequences, self.settings.tokens_per_micro_batch)
        columns = columns_of(preferences, model.device)
        terms = terms_of(torch.tensor(rewards, device=model.device), columns)
        weights = weights_of(preferences, columns)
        return float(terms["ranking"]) / weights["ranking"], float(terms["accuracy"]) / weights["accuracy"]

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

    def _batch(self, indices: Sequence[int]) -> Batch:
        """Whole prompts only: a prompt's K responses are never split."""
        idle = Ranked([self.preferences[0].sequences[0][:2]], [], 0.0)
        picked = [self.preferences[index] for index in indices] or [idle]
        device = self.models["main"].device
        sequences = [
            Sequence_(ids, ROLE, value_at=[len(ids) - 1])
            for preference in picked
            for ids in preference.sequences
        ]
        columns = columns_of(picked, device)
        return Batch(pack(sequences, device), weights_of(picked, columns), columns)


def columns_of(preferences: Sequence[Ranked], device: torch.device) -> dict[str, Tensor]:
    """Every pair's two rows among all responses, its weight, label and margin; each (P,)."""
    places: list[tuple[int, int]] = []
    numbers: list[tuple[float, float, float]] = []
    first = 0
    for preference in preferences:
        count = len(preference.pairs)
        labels = preference.labels or [1.0] * count
        margins = preference.margins or [0.0] * count
        for (plus, minus), label, margin in zip(preference.pairs, labels, margins, strict=True):
            places.append((first + plus, first + minus))
            numbers.append((preference.weight / count, label, margin))
        first += len(preference.sequences)
    better, worse = torch.tensor(places, dtype=torch.long, device=device).reshape(len(places), 2).unbind(1)
    columns = torch.tensor(numbers, device=device).reshape(len(numbers), 3).unbind(1)
    named = dict(zip(("weight", "label", "margin"), columns, strict=True))
    return {"better": better, "worse": worse, **named}


def terms_of(rewards: Tensor, columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """rewards (K₁ + K₂ + …,) of all responses → the sums of the loss. Ties are neither right nor wrong."""
    better, worse = rewards[columns["better"]], rewards[columns["worse"]]
    right = (better > worse).float() + 0.5 * (better == worse).float()
    ordered = (columns["label"] == 1).float()
    return {
        "ranking": ranking(better, worse, columns["weight"], columns["label"], columns["margin"]),
        "centring": centring(better, worse, columns["weight"]),
        "accuracy": (ordered * right).detach().sum(),
    }


def weights_of(preferences: Sequence[Ranked], columns: Mapping[str, Tensor]) -> dict[str, float]:
    total = float(sum(preference.weight for preference in preferences))
    return {"ranking": total, "centring": total, "accuracy": float((columns["label"] == 1).sum())}


def run(settings: RewardSettings, work: Workplace) -> None:
    """The step `reward`: a model and preferences in, a reward adapter with its head out."""
    parallel = parallel_of(settings.parallel)
    data, held_out = _data(settings, work)
    base, template, grown_from = start(work.model("model"), placed(settings, parallel), work.seed, ROLE)
    preferences = ranked_of(data, template, base.tokenizer, settings.max_tokens, settings.labels)
    validation = _ordered(held_out, template, base.tokenizer, settings) if held_out else []
    work.progress.say("preferences", step=work.name, prompts=len(preferences))
    algorithm = Reward(base.model, preferences, settings, work.seed, parallel, validation)
    Loop(algorithm, work, parallel, settings.checkpoint_every, {"role": ROLE}).run()
    if algorithm.best:
        algorithm.best.put_back()
    settings = algorithm.settings  # with the token budget that fitted
    if saves(parallel):
        write = parallel.rank == 0
        pass_gate(base, ROLE, validation or preferences, settings, work, write=write)
        notes = measured(base, ROLE, template, settings, work)
        card = card_of(
            work, "reward", ROLE, settings, template.name, {"data": data}, base.reference, grown_from
        )
        save_role(base, ROLE, work.model_folder, template, notes, card, write=write)


def _ordered(
    held_out: Sequence[Preference], template: Template, tokenizer: TextTokenizer, settings: RewardSettings
) -> list[Ranked]:
    """Without ties: nobody is right about them."""
    labels = settings.labels.model_copy(update={"ties": "drop"})
    return ranked_of(held_out, template, tokenizer, settings.max_tokens, labels)


def _data(settings: RewardSettings, work: Workplace) -> tuple[list[Preference], list[Preference]]:
    """What is learned and what is held out, checked before any model is loaded."""
    data, held_out = work.records("data", Preference), work.records("validation", Preference)
    refuse_reserved([*data, *held_out], work.name)  # who chooses by a test learns from it
    if not data:
        raise DataProblem("nothing-to-learn", rows=0, max_tokens=settings.max_tokens)
    check(data, settings.labels)
    if settings.keep == "best" and not held_out:
        raise UsageProblem("best-of-nothing", step=work.name)
    learned = {prompt_group(preference) for preference in data}
    shared = [preference for preference in held_out if prompt_group(preference) in learned]
    if shared:
        text = shared[0].prompt[-1].content[:60]
        raise DataProblem("validation-leaks", step=work.name, count=len(shared), example=text)
    ties = num_ties(data)
    if ties and settings.labels.ties == "drop":
        work.progress.say("ties-left-out", step=work.name, ties=ties)
    return data, held_out
