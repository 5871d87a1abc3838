"""Proximal policy optimisation of a chat policy (Ouyang et al. 2022, §3.5), four roles on one frozen base.

Reads top to bottom: roll out with `policy`; score with policy, reference, rewards and value in one forward;
turn scores into advantages; learn policy and value in one forward. The reference is the frozen `sft` role, so
KL starts at 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from dajeong.data.reserved import refuse_reserved
from dajeong.errors import DataProblem, UsageProblem
from dajeong.models.adapters import (
    AdapterNotes,
    base_of,
    load_role,
    lora_of,
    notes_of,
    save_role,
    template_of,
)
from dajeong.models.base import Base, load_base
from dajeong.models.layout import Sequence_, TokenOutputs, pack
from dajeong.models.runtime import key, permutation
from dajeong.models.scoring import fill
from dajeong.models.tokenize import prompt_ids, stop_ids
from dajeong.records import Decoding, Dialogue, Reply
from dajeong.rollout.authored import reply_to
from dajeong.rollout.engine import Engine, Request
from dajeong.rollout.native import NativeEngine, context_limit
from dajeong.templates import Template
from dajeong.training.advantages import generalised_advantages, token_rewards, whiten
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.cards import card_of
from dajeong.training.experience import Experience, from_state, joined, to_state
from dajeong.training.guards import Guards
from dajeong.training.loop import Loop
from dajeong.training.losses import clip_fraction, clipped_policy, clipped_value, k3
from dajeong.training.parallel import Parallel, Single, parallel_of
from dajeong.training.settings import PpoSettings
from dajeong.workplace import Workplace

POLICY, REFERENCE, VALUE = "policy", "sft", "value"


class Prompt:
    """A prompt's name and its ids."""

    def __init__(self, name: str, ids: list[int]) -> None:
        self.name, self.ids = name, ids


class Ppo:
    """Learns roles `policy` and `value` from what the reward roles say of the policy's own replies."""

    def __init__(
        self,
        base: Base,
        prompts: Sequence[Prompt],
        rewards: Mapping[str, AdapterNotes],
        stops: frozenset[int],
        settings: PpoSettings,
        seed: int,
        engine: Engine,
        parallel: Parallel | None = None,
        guards: Guards | None = None,
        guarded: Sequence[Prompt] = (),
    ) -> None:
        """`guarded`: the prompts of `guards`, by the ids of their dialogues."""
        self.base, self.prompts, self.rewards, self.stops = base, prompts, rewards, stops
        self.settings, self.seed, self.engine = settings, seed, engine
        self.parallel = parallel or Single()
        self.guards, self.guarded = guards, guarded
        self.models = {"main": base.model}
        self.groups = {POLICY: settings.optimizer, VALUE: settings.value_optimizer or settings.optimizer}
        self.coefficients = {"policy": 1.0, "value": settings.value, "kl": 0.0, "clip_fraction": 0.0}
        self.steps_per_rollout = settings.epochs * settings.mini_batches
        self.num_updates = settings.updates * self.steps_per_rollout
        self.scale = next(iter(rewards.values()))
        """Values start as the first reward role's answers, so they share its normalisation."""
        self.done = 0
        self.buffer: list[Experience] = []
        self.notes: list[Entry] = []

    # --- what to learn from

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates:
            if not self.buffer:
                self.buffer = self.experience(self.done // self.steps_per_rollout)
            place = self.done % self.steps_per_rollout
            batches = [self._batch(part) for part in self._micro_batches(place)]
            yield Update(batches, frozenset(self.groups), self.done / self.num_updates)

    def experience(self, rollout: int) -> list[Experience]:
        """Replies to the rollout's prompts, scored and credited; the same on every process."""
        chosen = self._chosen(rollout)
        mine = list(enumerate(chosen))[self.parallel.rank :: self.parallel.world]
        drawn = self._draw(rollout, mine)
        for part in self._forwards(drawn, 2 + len(self.rewards) + 1):
            self._score(part)
        order = {index: place for place, (index, _) in enumerate(self.parallel.gather(mine))}
        gathered = self.parallel.gather(drawn)
        buffer = [gathered[order[index]] for index in range(len(chosen))]
        self._credit(buffer)
        self.notes.append(self._rollout_entry(rollout, buffer))
        self.notes.extend(self._samples(rollout, buffer[:2]))
        if self.guards:
            answers = self._answers() if self.guards.asks(rollout) else []
            texts = [self.base.tokenizer.decode(e.reply) for e in buffer]
            self.notes.append(self.guards.entry(rollout, self.settings.updates, texts, answers))
        return buffer

    def _chosen(self, rollout: int) -> list[Prompt]:
        """The next prompts of an endless keyed shuffle."""
        count, size = len(self.prompts), self.settings.prompts_per_update
        places = range(rollout * size, (rollout + 1) * size)
        shuffles = {
            epoch: permutation(count, self.seed, "prompts", epoch) for epoch in {p // count for p in places}
        }
        return [self.prompts[shuffles[place // count][place % count]] for place in places]

    def _draw(self, rollout: int, chosen: Sequence[tuple[int, Prompt]]) -> list[Experience]:
        requests = [
            Request(
                tuple(p.ids),
                key(self.seed, "rollout", rollout, i),
                self.settings.decoding,
                POLICY,
                self.stops,
            )
            for i, p in chosen
        ]
        completions = self.engine.generate(requests)
        return [
            Experience(list(prompt.ids), list(completion.ids), completion.stop_reason == "eos")
            for (_, prompt), completion in zip(chosen, completions, strict=True)
        ]

    def _answers(self) -> list[Reply]:
        """Greedy replies to the guards' prompts; no draw of the training depends on them."""
        assert self.guards
        asked = {prompt.id: prompt for prompt in self.guards.asked}
        decoding = Decoding(temperature=0, max_new_tokens=self.settings.decoding.max_new_tokens)
        mine = self.guarded[self.parallel.rank :: self.parallel.world]
        requests = [Request(tuple(prompt.ids), 0, decoding, POLICY, self.stops) for prompt in mine]
        texts = [self.base.tokenizer.decode(list(each.ids)) for each in self.engine.generate(requests)]
        said = [reply_to(asked[p.name], text, POLICY) for p, text in zip(mine, texts, strict=True)]
        return self.parallel.gather(said)

    @torch.no_grad()
    def _score(self, part: list[Experience]) -> None:
        """One forward: log-probabilities under policy and reference, raw rewards, values."""
        sequences = [Sequence_(e.ids, role, e.learn) for role in (POLICY, REFERENCE) for e in part]
        for role, notes in self.rewards.items():
            read = [e.ids[-notes.max_tokens :] for e in part]  # as the role was trained
            sequences += [Sequence_(ids, role, value_at=[len(ids) - 1]) for ids in read]
        sequences += [Sequence_(e.ids, VALUE, value_at=e.value_at) for e in part]
        temperature = self.settings.decoding.temperature
        outputs = self.base.model(pack(sequences, self.base.model.device, temperature, entropy=True))
        sizes = [len(e.reply) for e in part]
        logprobs = outputs.logprobs.cpu().split(sizes * 2)
        entropy = outputs.entropy.cpu().split(sizes * 2)
        values = self._normal(outputs.values[VALUE]).cpu().split(sizes)
        for index, e in enumerate(part):
            e.columns = {
                "logprobs": logprobs[index],
                "reference": logprobs[len(part) + index],
                "values": values[index],
            }
            e.columns["entropy"] = entropy[index]
            e.rewards = {role: float(outputs.values[role][index]) for role in self.rewards}

    def _credit(self, buffer: list[Experience]) -> None:
        """Score → token rewards → advantages; whitened over all reply tokens of all processes."""
        settings = self.settings
        for e in buffer:
            e.score = self._total(e)
            columns = e.columns
            rewards = token_rewards(e.score, columns["logprobs"], columns["reference"], settings.kl)
            columns["advantages"], columns["returns"] = generalised_advantages(
                rewards, columns["values"], settings.gamma, settings.lam
            )
        whitened = whiten(joined(buffer, "advantages")).split([len(e.reply) for e in buffer])
        for e, advantages in zip(buffer, whitened, strict=True):
            e.columns["advantages"] = advantages

    def _normal(self, values: Tensor) -> Tensor:
        return (values - self.scale.reward_mean) / self.scale.reward_deviation

    def _total(self, e: Experience) -> float:
        """Σ weight · clip((raw − mean) / deviation), less the penalty of a reply that never ended."""
        bound = self.settings.reward_clip
        total = 0.0
        for (role, notes), weight in zip(self.rewards.items(), self.settings.rewards.values(), strict=True):
            normal = (e.rewards[role] - notes.reward_mean) / notes.reward_deviation
            total += weight * max(-bound, min(bound, normal))
        return total if e.ended else total - self.settings.missing_eos_penalty

    # --- how wrong the model is

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        columns, clip = batch.columns, self.settings.clip
        logprobs, old = outputs.logprobs, columns["logprobs"]
        return {
            "policy": clipped_policy(logprobs, old, columns["advantages"], clip),
            "value": clipped_value(
                self._normal(outputs.values[VALUE]),
                columns["values"],
                columns["returns"],
                self.settings.value_clip,
            ),
            "kl": k3(logprobs.detach(), columns["reference"]),
            "clip_fraction": clip_fraction(logprobs.detach(), old, clip),
        }

    def _micro_batches(self, place: int) -> list[list[Experience]]:
        """The mini-batch of step `place`: a keyed share of the buffer, split over processes and budgets."""
        rollout, epoch = self.done // self.steps_per_rollout, place // self.settings.mini_batches
        order = permutation(len(self.buffer), self.seed, "mini-batches", rollout, epoch)
        part = order[place % self.settings.mini_batches :: self.settings.mini_batches]
        picked = [self.buffer[index] for index in part]
        shares = [picked[rank :: self.parallel.world] for rank in range(self.parallel.world)]
        cut = [list(self._forwards(mine, 2)) for mine in shares]
        most = max(map(len, cut))
        return [*cut[self.parallel.rank], *([[]] * (most - len(cut[self.parallel.rank])))]

    def _forwards(self, part: Sequence[Experience], num_roles: int) -> Iterator[list[Experience]]:
        lengths = [len(e.ids) * num_roles for e in part]
        order = sorted(range(len(part)), key=lambda index: lengths[index])
        for indices in fill(order, lengths, self.settings.tokens_per_micro_batch):
            yield [part[index] for index in indices]

    def _batch(self, part: list[Experience]) -> Batch:
        device = self.base.model.device
        if not part:  # another process has more to do; ours takes part with no weight
            ids = self.buffer[0].ids[:2]
            idle = pack([Sequence_(ids, POLICY, [False, False]), Sequence_(ids, VALUE)], device)
            empty = {
                name: torch.zeros(0, device=device)
                for name in ("logprobs", "reference", "advantages", "values", "returns")
            }
            return Batch(idle, dict.fromkeys(self.coefficients, 0.0), empty)
        sequences = [Sequence_(e.ids, POLICY, e.learn) for e in part]
        sequences += [Sequence_(e.ids, VALUE, value_at=e.value_at) for e in part]
        names = ("logprobs", "reference", "advantages", "values", "returns")
        columns = {name: joined(part, name).to(device) for name in names}
        num_tokens = float(sum(len(e.reply) for e in part))
        tokens = pack(sequences, device, self.settings.decoding.temperature)
        return Batch(tokens, dict.fromkeys(self.coefficients, num_tokens), columns)

    # --- what to remember and to tell

    def after(self, report: StepReport) -> list[Entry]:
        self.done += 1
        if self.done % self.steps_per_rollout == 0:
            self.buffer = []
        told, self.notes = self.notes, []
        return told

    def state(self) -> State:
        tensors, values = to_state(self.buffer)
        watched = {"guards": self.guards.history} if self.guards else {}
        return State(tensors, {"done": self.done, "buffer": values, **watched})

    def restore(self, state: State) -> None:
        self.done = state.values["done"]
        self.buffer = from_state(state.tensors, state.values["buffer"])
        if self.guards:
            self.guards.restore(state.values.get("guards", []))

    def _rollout_entry(self, rollout: int, buffer: list[Experience]) -> Entry:
        count = len(buffer)
        gap = joined(buffer, "logprobs") - joined(buffer, "reference")
        values: dict[str, float | int] = {
            "rollout": rollout + 1,
            "of": self.settings.updates,
            "reward": sum(e.score for e in buffer) / count,
            "kl": float(gap.sum()) / count,
            "length": sum(len(e.reply) for e in buffer) / count,
            "eos_share": sum(e.ended for e in buffer) / count,
            "entropy": float(joined(buffer, "entropy").mean()),
        }
        for role in self.rewards:
            values[f"raw/{role}"] = sum(e.rewards[role] for e in buffer) / count
        return Entry("rollout", values)

    def _samples(self, rollout: int, buffer: Sequence[Experience]) -> list[Entry]:
        decode = self.base.tokenizer.decode
        return [
            Entry(
                "sample",
                {
                    "rollout": rollout + 1,
                    "prompt": decode(e.prompt),
                    "reply": decode(e.reply),
                    "score": e.score,
                },
            )
            for e in buffer
        ]


def run(settings: PpoSettings, work: Workplace) -> None:
    """The step `ppo`: an SFT adapter, reward adapters and prompts in, a policy adapter out."""
    parallel = parallel_of(settings.parallel)
    asked = work.records("prompts", Dialogue)
    refuse_reserved(asked, work.name)
    source = Path(work.model("policy"))
    reference, revision = base_of(source)
    base = load_base(reference, settings.runtime, revision=revision)
    template = template_of(source)
    load_role(base.model, REFERENCE, source)
    base.model.add_role(POLICY, lora_of(source), trainable=True, copy_of=REFERENCE)
    judges = {name: Path(path) for name, path in work.models("rewards").items()}
    rewards = add_rewards(base, judges, reference)
    prompts = prompts_of(asked, base, template, work)
    engine = NativeEngine(base.model, settings.max_slots)
    stops = stop_ids(template, base.tokenizer)
    watched = work.records("guard_prompts", Dialogue)
    refuse_reserved(watched, work.name)  # who stops by a test chooses by it
    guards = None if settings.guards.action == "off" else Guards(settings.guards, work, watched)
    guarded = prompts_of(watched, base, template, work) if guards and watched else ()
    algorithm = Ppo(base, prompts, rewards, stops, settings, work.seed, engine, parallel, guards, guarded)
    every = settings.checkpoint_every * algorithm.steps_per_rollout
    Loop(algorithm, work, parallel, every, {"roles": sorted(rewards)}).run()
    if parallel.rank == 0:
        grown_from = [source, *judges.values()]
        read = {"prompts": asked}
        card = card_of(work, "ppo", POLICY, settings, template.name, read, reference, grown_from)
        save_role(base, POLICY, work.model_folder, template, card=card)


def prompts_of(asked: Sequence[Dialogue], base: Base, template: Template, work: Workplace) -> list[Prompt]:
    """Prompts that leave room for a reply; the others are counted. Raises DataProblem where none is left."""
    limit = context_limit(base.model.config)
    questions = [(d.id, d.messages if d.is_prompt else d.messages[:-1]) for d in asked]
    prompts = [Prompt(name, prompt_ids(said, template, base.tokenizer)) for name, said in questions]
    fitting = [prompt for prompt in prompts if len(prompt.ids) < limit]
    if len(fitting) < len(prompts):
        left_out = len(prompts) - len(fitting)
        work.progress.say("prompts-too-long", step=work.name, left_out=left_out, limit=limit)
    if not fitting:
        raise DataProblem("no-prompts", step=work.name)
    return fitting


def add_rewards(base: Base, folders: Mapping[str, Path], reference: str) -> dict[str, AdapterNotes]:
    """Load reward roles; value starts as a copy of the first. Raises UsageProblem on another base."""
    found = {}
    for name, folder in folders.items():
        if base_of(folder)[0] != reference:
            raise UsageProblem("reward-other-base", reward=name, base=base_of(folder)[0], expected=reference)
        role = f"reward-{name}"
        load_role(base.model, role, folder)
        found[role] = notes_of(folder)
    first, folder = next(iter(found)), next(iter(folders.values()))
    base.model.add_role(VALUE, lora_of(folder), trainable=True, copy_of=first)
    base.model.add_head(VALUE, trainable=True)
    with torch.no_grad():
        base.model.score(VALUE).copy_(base.model.score(first))
    return found
