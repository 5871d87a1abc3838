"""What PPO's update reads in which forward: replies, examples beside them, the critic where it lives apart.

Knows no loss.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from dajeong.models.layout import Sequence_, pack
from dajeong.models.tokenize import Tokens
from dajeong.training.algorithm import Batch
from dajeong.training.critic import VALUE, Critic
from dajeong.training.experience import Experience, joined
from dajeong.training.mini_batches import mini_batch, shared
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.ptx import Ptx, num_learned, sequences
from dajeong.training.rollouts import POLICY, Rollouts

COLUMNS = ("logprobs", "reference", "advantages", "values", "returns")
"""What a forward of the update is held against, token by token."""
APART = "apart"
"""The model of a critic that does not live on the policy's base."""

Item = Experience | Tokens
"""A reply, or an example that is learned beside the replies."""


class Forwards:
    """Cuts mini-batches of a rollout into forwards."""

    def __init__(
        self,
        rollouts: Rollouts,
        settings: PpoSettings,
        critic: Critic,
        ptx: Ptx | None,
        terms: Collection[str],
    ) -> None:
        """`terms`: names of the loss."""
        self.rollouts, self.settings, self.critic = rollouts, settings, critic
        self.ptx, self.terms = ptx, terms

    def batches(self, buffer: Sequence[Experience], rollout: int, place: int, budget: int) -> list[Batch]:
        """Forwards, of `budget` tokens each, of the rollout's optimizer step `place` on this process."""
        idle = buffer[0].ids[:2]
        parts = self.micro_batches(buffer, rollout, place, budget)
        return [batch for part in parts for batch in self.of(part, idle)]

    def micro_batches(
        self, buffer: Sequence[Experience], rollout: int, place: int, budget: int
    ) -> list[list[Item]]:
        """The mini-batch of step `place`: a keyed share of the buffer, split over processes and budgets."""
        part = mini_batch(len(buffer), self.settings.mini_batches, self.rollouts.seed, rollout, place)
        picked: list[Item] = [buffer[index] for index in part]
        picked += self.ptx.now() if self.ptx else []
        return shared(picked, self.critic.num_roles, budget, self.rollouts.parallel)

    def of(self, part: Sequence[Item], idle: Sequence[int]) -> list[Batch]:
        """A forward of the policy's base, and one of the critic's where it has its own.

        `idle` is read, with no weight, where another process has more to do.
        """
        replies = [item for item in part if isinstance(item, Experience)]
        examples = [item for item in part if isinstance(item, Tokens)]
        batches = [self._main(replies, examples, idle)]
        if self.critic.apart is not None:
            batches.append(self._apart(replies, idle))
        return batches

    def _main(self, replies: list[Experience], examples: list[Tokens], idle: Sequence[int]) -> Batch:
        device = self.rollouts.base.model.device
        read = self.critic.on(POLICY, replies) + sequences(examples, POLICY) + self.critic.beside(replies)
        num_tokens, num_examples = sum(len(e.reply) for e in replies), num_learned(examples)
        weights = dict.fromkeys(self.terms, float(num_tokens))
        if self.ptx:
            weights["ptx"] = float(num_examples)
        if self.critic.apart is not None:
            weights["value"] = 0.0
        heat, entropy = self._temperature(num_tokens, num_examples, device), self.settings.entropy > 0
        tokens = pack(read or self._idle(idle), device, heat, entropy)
        return Batch(tokens, weights, _columns(replies, COLUMNS, device))

    def _apart(self, replies: list[Experience], idle: Sequence[int]) -> Batch:
        assert self.critic.apart is not None
        device = self.critic.apart.device
        weights = dict.fromkeys(self.terms, 0.0)
        weights["value"] = float(sum(len(e.reply) for e in replies))
        tokens = pack(self.critic.alone(replies) or [Sequence_(idle, VALUE)], device)
        return Batch(tokens, weights, _columns(replies, ("values", "returns"), device), APART)

    def _idle(self, ids: Sequence[int]) -> list[Sequence_]:
        beside = [Sequence_(ids, VALUE)] if self.critic.place == "role" else []
        return [Sequence_(ids, POLICY, [False, False]), *beside]

    def _temperature(self, num_tokens: int, num_examples: int, device: torch.device) -> float | Tensor:
        """Replies are read as they were drawn, examples as they are."""
        heat = self.settings.decoding.temperature
        if heat == 1 or not num_examples:
            return heat
        each = [heat] * num_tokens + [1.0] * num_examples
        return torch.tensor(each, dtype=torch.float64, device=device)


def _columns(part: Sequence[Experience], names: Sequence[str], device: torch.device) -> dict[str, Tensor]:
    if not part:
        return {name: torch.zeros(0, device=device) for name in names}
    return {name: joined(part, name).to(device) for name in names}
