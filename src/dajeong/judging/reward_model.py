"""A trained reward model as a scorer: raw rewards of replies to their own prompts. Knows no other scorer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from dajeong.errors import EnvironmentProblem
from dajeong.models.adapters import CONFIG, base_of, load_role, notes_of, template_of
from dajeong.models.base import load_base
from dajeong.models.roles import RoleModel
from dajeong.models.scoring import rewards_of, scored_ids
from dajeong.models.settings import RuntimeSettings
from dajeong.records import Message, Reply, Score
from dajeong.storage import digest_json, read_json
from dajeong.templates import TEMPLATES, Template

ROLE = "reward"
TOKENS = 4096
"""Token budget of one forward."""


class RewardScorer:
    """The model in the folder `reference`, which a `reward` step wrote."""

    def __init__(self, reference: str, runtime: RuntimeSettings | None = None) -> None:
        folder = Path(reference)
        name, revision = base_of(folder)
        base = load_base(name, runtime, revision=revision)
        load_role(base.model, ROLE, folder)
        refuse_headless(base.model, ROLE, folder)
        self.name = f"reward-model:{folder.name}"
        self._model, self.tokenizer = base.model, base.tokenizer
        self.template, self.notes = template_of(folder), notes_of(folder)
        self._settings_hash = digest_json([self.notes.model_dump(), read_json(folder / CONFIG)])[:16]

    def rewards(self, dialogues: Sequence[tuple[Sequence[Message], str]]) -> list[float]:
        """One raw reward per (prompt, response)."""
        return self._read(dialogues, self.template, 0)

    def rewards_unended(self, dialogues: Sequence[tuple[Sequence[Message], str]]) -> list[float]:
        """The same of responses that were cut off: the end of their turn is not there."""
        return self._read(dialogues, self.template, -1)

    def rewards_of_ids(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """One raw reward per prompt and response in this model's own tokens, read at the last of them."""
        return rewards_of(self._model, ROLE, [ids[-self.notes.max_tokens :] for ids in sequences], TOKENS)

    def rewards_read(self, dialogues: Sequence[tuple[Sequence[Message], str]], way: str) -> list[float]:
        """The same of the bare texts (`no-template`), or with the end of the answer twice (`two-ends`)."""
        if way == "no-template":
            return self._read(dialogues, TEMPLATES["plain"], 0)
        return self._read(dialogues, self.template, 1)

    def _read(
        self, dialogues: Sequence[tuple[Sequence[Message], str]], template: Template, more_ends: int
    ) -> list[float]:
        longest = self.notes.max_tokens - more_ends
        ids = [
            scored_ids(prompt, content, template, self.tokenizer, longest) for prompt, content in dialogues
        ]
        if more_ends < 0:
            return rewards_of(self._model, ROLE, [each[:more_ends] for each in ids], TOKENS)
        return rewards_of(self._model, ROLE, [[*each, *each[-1:] * more_ends] for each in ids], TOKENS)

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        """Criterion `reward`; a reward that is not finite is missing."""
        rewards = self.rewards([(reply.prompt, reply.content) for reply in replies])
        return [
            reward_score(reply, reward, self.name, self._settings_hash)
            for reply, reward in zip(replies, rewards, strict=True)
        ]


def refuse_headless(model: RoleModel, role: str, folder: Path) -> None:
    """Raises EnvironmentProblem where an adapter was loaded that scores nothing, such as an SFT adapter."""
    if role not in model.heads:
        raise EnvironmentProblem("reward-no-head", path=folder)


def reward_score(reply: Reply, reward: float, scorer: str, settings_hash: str) -> Score:
    """The score of criterion `reward`; without a value where the reward is not finite."""
    finite = math.isfinite(reward)
    return Score(
        id=f"{reply.id}/{scorer}",
        source=reply.source,
        licence=reply.licence,
        kind=reply.kind,
        reply_id=reply.id,
        scorer=scorer,
        criterion="reward",
        value=reward if finite else None,
        reason=None if finite else "the reward is not a finite number",
        method="exact",
        settings_hash=settings_hash,
    )
