"""One rollout after another: prompts, replies, and what every role says of them; the same on every process.

PPO, GRPO and RLOO share it. Knows no advantage, no loss and no update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import pstdev
from typing import NamedTuple

import torch

from dajeong.models.adapters import AdapterNotes
from dajeong.models.base import Base
from dajeong.models.layout import Sequence_, pack
from dajeong.models.runtime import key, permutation
from dajeong.records import Decoding, Dialogue, Reply
from dajeong.rollout.authored import reply_to
from dajeong.rollout.engine import Completion, Engine, Request
from dajeong.training.algorithm import Entry, State
from dajeong.training.critic import Critic
from dajeong.training.experience import Experience, joined
from dajeong.training.first_rollout import refuse_equal_rewards, refuse_other_reference
from dajeong.training.guards import Guards
from dajeong.training.lockstep import lockstep
from dajeong.training.mini_batches import forwards
from dajeong.training.parallel import Parallel, Single
from dajeong.training.reward_sources import parts_of
from dajeong.training.rewards import Answer, RewardSource
from dajeong.training.rollout_settings import RolloutSettings
from dajeong.training.shaping import Shaping

POLICY, REFERENCE = "policy", "sft"
SHOWN = 2
"""Replies of each rollout that the journal keeps as text."""


class Prompt(NamedTuple):
    """A prompt's name, its ids, and what it was before it became ids."""

    name: str
    ids: list[int]
    dialogue: Dialogue | None = None
    """Ends with the user; sources of rewards that read text need it."""


class Rollouts:
    """What role `policy` answers to the prompts, and what it earns."""

    def __init__(
        self,
        base: Base,
        prompts: Sequence[Prompt],
        rewards: Mapping[str, AdapterNotes],
        stops: frozenset[int],
        settings: RolloutSettings,
        seed: int,
        engine: Engine,
        parallel: Parallel | None = None,
        guards: Guards | None = None,
        guarded: Sequence[Prompt] = (),
        sources: Sequence[RewardSource] = (),
    ) -> None:
        """`rewards`: the reward roles; `sources`: what else gives rewards.

        `guarded`: the prompts of `guards`, by the ids of their dialogues.
        """
        self.base, self.prompts, self.stops = base, prompts, stops
        self.rewards, self.sources = rewards, sources
        self.settings, self.seed, self.engine = settings, seed, engine
        self.parallel = parallel or Single()
        self.guards, self.guarded = guards, guarded
        self.shaping = Shaping(parts_of(settings, rewards, sources), settings)

    def experience(self, rollout: int, critic: Critic | None = None) -> list[Experience]:
        """Replies to the rollout's prompts, those to one prompt side by side, with raw rewards and score.

        Their columns are `logprobs`, `reference` and `entropy`, with `critic` also `values`. Raises
        UsageProblem or QualityProblem where the first rollout shows that nothing can be learned.
        """
        chosen = [prompt for prompt in self.chosen(rollout) for _ in range(self.settings.replies_per_prompt)]
        mine = list(enumerate(chosen))[self.parallel.rank :: self.parallel.world]
        drawn = self._drawn(rollout, mine)
        num_roles = 1 + len(self.rewards) + (critic.num_roles if critic else 1)
        apart = [critic.apart] if critic and critic.apart else []
        with lockstep(self.parallel, self.base.model, *apart):
            for part in forwards(drawn, num_roles, self.settings.tokens_per_micro_batch):
                self._read(part, critic)
        self._ask(drawn, [prompt for _, prompt in mine])
        order = {index: place for place, (index, _) in enumerate(self.parallel.gather(mine))}
        gathered = self.parallel.gather(drawn)
        buffer = [gathered[order[index]] for index in range(len(chosen))]
        if rollout == 0:
            refuse_other_reference(buffer)
            refuse_equal_rewards(buffer, self.shaping.parts)
        self.shaping.shape(buffer)
        return buffer

    def chosen(self, rollout: int) -> list[Prompt]:
        """The next prompts of an endless keyed shuffle."""
        count, size = len(self.prompts), self.settings.prompts_per_update
        places = range(rollout * size, (rollout + 1) * size)
        shuffles = {
            epoch: permutation(count, self.seed, "prompts", epoch) for epoch in {p // count for p in places}
        }
        return [self.prompts[shuffles[place // count][place % count]] for place in places]

    def _drawn(self, rollout: int, chosen: Sequence[tuple[int, Prompt]]) -> list[Experience]:
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
        completions = self._written(requests)
        return [
            Experience(list(prompt.ids), list(completion.ids), completion.stop_reason == "eos")
            for (_, prompt), completion in zip(chosen, completions, strict=True)
        ]

    def _written(self, requests: Sequence[Request]) -> list[Completion]:
        with lockstep(self.parallel, self.base.model):
            return self.engine.generate(requests)

    @torch.no_grad()
    def _read(self, part: list[Experience], critic: Critic | None) -> None:
        """One forward: log-probabilities under policy and reference, raw rewards, values."""
        policy = critic.on(POLICY, part) if critic else [Sequence_(e.ids, POLICY, e.learn) for e in part]
        sequences = policy + [Sequence_(e.ids, REFERENCE, e.learn) for e in part]
        for role, notes in self.rewards.items():
            read = [e.ids[-notes.max_tokens :] for e in part]  # as the role was trained
            sequences += [Sequence_(ids, role, value_at=[len(ids) - 1]) for ids in read]
        if critic:
            sequences += critic.beside(part)
        temperature = self.settings.decoding.temperature
        outputs = self.base.model(pack(sequences, self.base.model.device, temperature, entropy=True))
        sizes = [len(e.reply) for e in part]
        logprobs = outputs.logprobs.cpu().split(sizes * 2)
        entropy = outputs.entropy.cpu().split(sizes * 2)
        values = critic.read(part, outputs).cpu().split(sizes) if critic else ()
        for index, e in enumerate(part):
            e.columns = {"logprobs": logprobs[index], "reference": logprobs[len(part) + index]}
            e.columns["entropy"] = entropy[index]
            if critic:
                e.columns["values"] = values[index]
            e.rewards = {role: float(outputs.values[role][index]) for role in self.rewards}

    def _ask(self, drawn: Sequence[Experience], prompts: Sequence[Prompt]) -> None:
        """Raw rewards of all that is no role of the forward."""
        if not self.sources:
            return
        answers = [self._answer(e, prompt) for e, prompt in zip(drawn, prompts, strict=True)]
        for source in self.sources:
            for e, reward in zip(drawn, source.score(answers), strict=True):
                e.rewards[source.name] = reward

    def _answer(self, e: Experience, prompt: Prompt) -> Answer:
        assert prompt.dialogue is not None, "a source of rewards reads the prompt's text"
        text = self.base.tokenizer.decode(e.reply)
        return Answer(prompt.dialogue, text, e.ids, len(e.reply), e.ended)

    # --- what to remember

    def state(self) -> State:
        watched = self.guards.state() if self.guards else State({}, {})
        return State(watched.tensors, {"guards": watched.values, "shaping": self.shaping.state()})

    def restore(self, state: State) -> None:
        self.shaping.restore(state.values["shaping"])
        if self.guards:
            self.guards.restore(State(state.tensors, state.values["guards"]))

    # --- what to tell

    def entries(self, rollout: int, buffer: Sequence[Experience]) -> list[Entry]:
        """Journal lines of a rollout: its figures, two of its replies, what the guards read in it."""
        figures = self._figures(rollout, buffer)
        samples = [self._sample(rollout, e) for e in buffer[:SHOWN]]
        return [figures, *samples, *self._guarded(rollout, buffer, figures)]

    def _figures(self, rollout: int, buffer: Sequence[Experience]) -> Entry:
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
        for name in buffer[0].rewards:
            values[f"raw/{name}"] = sum(e.rewards[name] for e in buffer) / count
        return Entry("rollout", values)

    def _sample(self, rollout: int, e: Experience) -> Entry:
        prompt, reply = map(self.base.tokenizer.decode, (e.prompt, e.reply))
        return Entry("sample", {"rollout": rollout + 1, "prompt": prompt, "reply": reply, "score": e.score})

    def _guarded(self, rollout: int, buffer: Sequence[Experience], figures: Entry) -> list[Entry]:
        if not self.guards:
            return []
        read = {"kl": figures.values["kl"], "reward": figures.values["reward"]}
        read["unended"] = 1 - figures.values["eos_share"]
        if len(buffer) > 1:
            read["deviation"] = pstdev(e.score for e in buffer)
        answers = self._answers() if self.guards.asks(rollout) else []
        texts = [self.base.tokenizer.decode(e.reply) for e in buffer]
        return [self.guards.entry(rollout, self.settings.updates, texts, answers, read)]

    def _answers(self) -> list[Reply]:
        """Greedy replies to the guards' prompts; no draw of the training depends on them."""
        assert self.guards
        asked = {prompt.id: prompt for prompt in self.guards.asked}
        decoding = Decoding(temperature=0, max_new_tokens=self.settings.decoding.max_new_tokens)
        mine = self.guarded[self.parallel.rank :: self.parallel.world]
        requests = [Request(tuple(prompt.ids), 0, decoding, POLICY, self.stops) for prompt in mine]
        texts = [self.base.tokenizer.decode(list(each.ids)) for each in self._written(requests)]
        said = [reply_to(asked[p.name], text, POLICY) for p, text in zip(mine, texts, strict=True)]
        return self.parallel.gather(said)
