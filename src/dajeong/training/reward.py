"""Reward models: K-wise Bradley–Terry over all pairs of a prompt, one forward per response, read at the last
token.

Starts from the SFT adapter; the score head is float32; nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from dajeong.data.reserved import refuse_reserved
from dajeong.models.adapters import AdapterNotes, base_of, load_role, save_role, template_of
from dajeong.models.base import load_base
from dajeong.models.layout import Sequence_, TokenOutputs, pack
from dajeong.models.roles import RoleModel
from dajeong.models.runtime import key, permutation
from dajeong.models.scoring import rewards_of, scored_ids
from dajeong.models.tokenize import TextTokenizer
from dajeong.records import Dialogue, Preference
from dajeong.templates import Template
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.batches import Cursor, share
from dajeong.training.cards import card_of
from dajeong.training.examples import Ranked, ranked_of
from dajeong.training.loop import Loop
from dajeong.training.losses import centring, ranking
from dajeong.training.parallel import Parallel, Single, parallel_of
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
    ) -> None:
        self.models = {"main": model}
        self.groups = {ROLE: settings.optimizer}
        self.coefficients = {"ranking": 1.0, "centring": settings.centring, "accuracy": 0.0}
        self.preferences, self.settings = preferences, settings
        self.parallel = parallel or Single()
        self.lengths = [sum(map(len, preference.sequences)) for preference in preferences]
        self.cursor = Cursor(self.lengths, settings.tokens_per_update, seed, "reward")
        self.num_updates = num_updates(settings, self.cursor.per_epoch)
        self.done = 0

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates:
            rank, world = self.parallel.rank, self.parallel.world
            micro = share(
                self.cursor.group(), self.lengths, self.settings.tokens_per_micro_batch, rank, world
            )
            batches = [self._batch(indices) for indices in micro]
            yield Update(batches, frozenset({ROLE}), self.done / self.num_updates)

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        rewards, columns = outputs.values[ROLE], batch.columns
        better, worse = rewards[columns["better"]], rewards[columns["worse"]]
        right = (better > worse).float() + 0.5 * (better == worse).float()
        return {
            "ranking": ranking(better, worse, columns["weight"]),
            "centring": centring(better, worse, columns["weight"]),
            "accuracy": right.detach().sum(),
        }

    def after(self, report: StepReport) -> list[Entry]:
        self.done += 1
        self.cursor.advance()
        return []

    def state(self) -> State:
        return State({}, {"done": self.done, "epoch": self.cursor.epoch, "place": self.cursor.place})

    def restore(self, state: State) -> None:
        self.done = state.values["done"]
        self.cursor.move(state.values["epoch"], state.values["place"])

    def _batch(self, indices: Sequence[int]) -> Batch:
        """Whole prompts only: a prompt's K responses are never split."""
        idle = Ranked([self.preferences[0].sequences[0][:2]], [], 0.0)
        picked = [self.preferences[index] for index in indices] or [idle]
        sequences: list[Sequence_] = []
        better, worse, weights = list[int](), list[int](), list[float]()
        for preference in picked:
            first = len(sequences)
            sequences += [Sequence_(ids, ROLE, value_at=[len(ids) - 1]) for ids in preference.sequences]
            for plus, minus in preference.pairs:
                better.append(first + plus)
                worse.append(first + minus)
                weights.append(preference.weight / len(preference.pairs))
        device = self.models["main"].device
        columns = {
            "better": torch.tensor(better, dtype=torch.long, device=device),
            "worse": torch.tensor(worse, dtype=torch.long, device=device),
            "weight": torch.tensor(weights, dtype=torch.float32, device=device),
        }
        total = float(sum(preference.weight for preference in picked))
        return Batch(
            pack(sequences, device),
            {"ranking": total, "centring": total, "accuracy": float(len(better))},
            columns,
        )


def run(settings: RewardSettings, work: Workplace) -> None:
    """The step `reward`: an SFT adapter and preferences in, a reward adapter with its head out."""
    parallel = parallel_of(settings.parallel)
    data = work.records("data", Preference)
    refuse_reserved(data, work.name)
    source = Path(work.model("model"))
    reference, revision = base_of(source)
    base = load_base(reference, settings.runtime, revision=revision)
    template = template_of(source)
    if settings.lora is None:
        load_role(base.model, ROLE, source, trainable=True)
    else:
        base.model.add_role(ROLE, settings.lora, trainable=True, seed=key(work.seed, "lora", ROLE))
    base.model.add_head(ROLE, trainable=True, seed=key(work.seed, "head", ROLE))
    preferences = ranked_of(data, template, base.tokenizer, settings.max_tokens)
    work.progress.say("preferences", step=work.name, prompts=len(preferences))
    algorithm = Reward(base.model, preferences, settings, work.seed, parallel)
    Loop(algorithm, work, parallel, settings.checkpoint_every, {"role": ROLE}).run()
    if parallel.rank == 0:
        notes = _measured(base.model, base.tokenizer, template, settings, work)
        card = card_of(work, "reward", ROLE, settings, template.name, {"data": data}, reference, [source])
        save_role(base, ROLE, work.model_folder, template, notes, card)


def _measured(
    model: RoleModel, tokenizer: TextTokenizer, template: Template, settings: RewardSettings, work: Workplace
) -> AdapterNotes:
    """Mean and deviation of the reward on SFT examples, so that PPO sees mean 0 and deviation 1."""
    answered = [d for d in work.records("normalise", Dialogue) if not d.is_prompt]
    if not answered:
        return AdapterNotes(role=ROLE, max_tokens=settings.max_tokens)
    picked = [
        answered[index]
        for index in permutation(len(answered), work.seed, "normalise")[: settings.normalise_rows]
    ]
    ids = [
        scored_ids(d.messages[:-1], d.messages[-1].content, template, tokenizer, settings.max_tokens)
        for d in picked
    ]
    rewards = torch.tensor(rewards_of(model, ROLE, ids, settings.tokens_per_micro_batch), dtype=torch.float64)
    return AdapterNotes(
        role=ROLE,
        reward_mean=float(rewards.mean()),
        reward_deviation=(float(rewards.std()) or 1.0) if len(rewards) > 1 else 1.0,
        max_tokens=settings.max_tokens,
    )
