"""The sources of rewards that a recipe may name beside adapters on the policy's base: text or tokens in, raw
rewards out. Knows no algorithm; weights are another's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import safe_open

from dajeong.errors import EnvironmentProblem, QualityProblem, UsageProblem
from dajeong.judging.classifier import ClassifierScorer
from dajeong.judging.reward_model import RewardScorer
from dajeong.judging.rules import Criterion, RuleScorer
from dajeong.models.adapters import CONFIG, HEAD, WEIGHTS, AdapterNotes, base_of
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import TextTokenizer
from dajeong.records import Message
from dajeong.rollout.authored import reply_to
from dajeong.rollout.opening import Opening
from dajeong.templates import Template
from dajeong.training.reward_source_settings import LengthSettings, ReaderSettings, RewardsSettings
from dajeong.training.rewards import Answer, Part, RewardSource

Texts = Sequence[tuple[Sequence[Message], str]]
LENGTH = "length"


class AdapterSource:
    """A reward adapter on a base of its own: reads text, or the policy's tokens if they are its own too."""

    def __init__(self, name: str, scorer: RewardScorer, reader: ReaderSettings, opening: Opening) -> None:
        self.name, self._scorer, self._level, self._opening = name, scorer, reader.level, opening
        notes = scorer.notes
        self.mean = notes.reward_mean if reader.mean is None else reader.mean
        self.deviation = notes.reward_deviation if reader.deviation is None else reader.deviation

    def score(self, answers: Sequence[Answer]) -> list[float]:
        if self._level == "tokens":
            return _finite(self.name, self._scorer.rewards_of_ids([answer.ids for answer in answers]))
        rewards = [0.0] * len(answers)
        for ended, read in ((True, self._scorer.rewards), (False, self._scorer.rewards_unended)):
            places = [place for place, answer in enumerate(answers) if answer.ended == ended]
            chosen = [answers[place] for place in places]
            found = read(_texts(chosen, self._opening)) if places else []
            for place, reward in zip(places, found, strict=True):
                rewards[place] = reward
        return _finite(self.name, rewards)


class ClassifierSource:
    """A sequence-classification model; it reads text."""

    def __init__(self, name: str, scorer: ClassifierScorer, reader: ReaderSettings, opening: Opening) -> None:
        self.name, self._scorer, self._opening = name, scorer, opening
        self.mean, self.deviation = reader.mean or 0.0, reader.deviation or 1.0

    def score(self, answers: Sequence[Answer]) -> list[float]:
        return _finite(self.name, self._scorer.rewards(_texts(answers, self._opening)))


class RuleSource:
    """1 where a rule holds, 0 where it does not; where it says nothing (no known fact), 0 as well."""

    mean, deviation = 0.0, 1.0

    def __init__(self, criterion: Criterion) -> None:
        self.name = f"rule-{criterion}"
        self._criterion, self._scorer = criterion, RuleScorer()

    def score(self, answers: Sequence[Answer]) -> list[float]:
        replies = [reply_to(answer.prompt, answer.text, "policy") for answer in answers]
        found = [each for each in self._scorer.score(replies) if each.criterion == self._criterion]
        return [each.value or self.mean for each in found]


class LengthSource:
    """−min(1, distance from the wanted range / slack), in tokens (DAPO, Yu et al. 2025, eq. 13)."""

    name, mean, deviation = LENGTH, 0.0, 1.0

    def __init__(self, settings: LengthSettings) -> None:
        self._settings = settings

    def score(self, answers: Sequence[Answer]) -> list[float]:
        return [self._of(answer.num_tokens) for answer in answers]

    def _of(self, num_tokens: int) -> float:
        longest = num_tokens if self._settings.longest is None else self._settings.longest
        distance = max(self._settings.shortest - num_tokens, num_tokens - longest, 0)
        return -min(1.0, distance / self._settings.slack)


class Policy(NamedTuple):
    """What a source may need to know of the policy."""

    base: str
    """Its base's name."""
    tokenizer: TextTokenizer
    template: Template
    runtime: RuntimeSettings


class Sources(NamedTuple):
    roles: dict[str, Path]
    """Name in `rewards` → adapter on the policy's own base, for the scoring forward."""
    others: list[RewardSource]


def sources_of(settings: RewardsSettings, models: Mapping[str, str], policy: Policy) -> Sources:
    """`models`: name in `rewards` → folder or Hub id, as `Workplace.models` gives it.

    Raises UsageProblem and EnvironmentProblem where one cannot be read as the recipe says.
    """
    roles, others = dict[str, Path](), list[RewardSource]()
    for name, reference in models.items():
        folder, reader = Path(reference), settings.readers.get(name)
        if (folder / CONFIG).is_file() and base_of(folder)[0] == policy.base:
            if reader is not None:
                raise UsageProblem("reward-reader-unused", reward=name)
            _refuse_headless(folder)
            roles[name] = folder
        elif (folder / CONFIG).is_file():
            others.append(_on_another_base(name, reference, reader or ReaderSettings(), policy))
        else:
            how = reader or ReaderSettings()
            scorer = ClassifierScorer(reference, how, policy.runtime)
            others.append(ClassifierSource(role_of(name), scorer, how, Opening(policy.template)))
    others += [RuleSource(criterion) for criterion in settings.rules]
    others += [LengthSource(settings.length)] if settings.length else []
    return Sources(roles, others)


def parts_of(
    settings: RewardsSettings, roles: Mapping[str, AdapterNotes], others: Sequence[RewardSource]
) -> dict[str, Part]:
    """Name of a role or source → what it contributes, models first, in the recipe's order."""
    by_name = {source.name: source for source in others}
    parts: dict[str, Part] = {}
    for name, weight in settings.rewards.items():
        role = role_of(Path(name).name)  # what is named by its place is called by its folder
        notes, source = roles.get(role), by_name.get(role)
        if notes is not None:
            parts[role] = Part(weight, notes.reward_mean, notes.reward_deviation)
        elif source is not None:
            parts[role] = Part(weight, source.mean, source.deviation)
    for criterion, weight in settings.rules.items():
        parts[RuleSource(criterion).name] = Part(weight, is_model=False)
    if settings.length:
        parts[LENGTH] = Part(settings.length.weight, is_model=False)
    return parts


def role_of(name: str) -> str:
    """How the journal and the forward call the reward model that the recipe calls `name`."""
    return f"reward-{name}"


def _refuse_headless(folder: Path) -> None:
    """Raises EnvironmentProblem where an adapter scores nothing, such as that of SFT."""
    if not (folder / WEIGHTS).is_file():
        raise EnvironmentProblem("adapter-missing", path=folder / WEIGHTS)
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        if HEAD not in set(file.keys()):
            raise EnvironmentProblem("reward-no-head", path=folder)


def _on_another_base(name: str, reference: str, reader: ReaderSettings, policy: Policy) -> AdapterSource:
    scorer = RewardScorer(reference, policy.runtime)
    if reader.level == "tokens" and (what := _differs(scorer, policy)):
        raise UsageProblem("reward-not-tokens", reward=name, what=what)
    return AdapterSource(role_of(name), scorer, reader, Opening(policy.template))


def _differs(scorer: RewardScorer, policy: Policy) -> str | None:
    """What makes the policy's tokens mean something else to the reward model, if anything does."""
    if _spelling(scorer.tokenizer) != _spelling(policy.tokenizer):
        return "tokenizer"
    return None if scorer.template == policy.template else "template"


def _spelling(tokenizer: TextTokenizer) -> tuple[Any, ...]:
    """All that decides the ids of a text."""
    state = json.loads(tokenizer.huggingface.backend_tokenizer.to_str())
    names = ("model", "normalizer", "pre_tokenizer", "added_tokens")
    return (tokenizer.eos_id, tokenizer.bos_id, *(state[name] for name in names))


def _texts(answers: Sequence[Answer], opening: Opening) -> Texts:
    """Without what the policy's template writes before every answer: another template has its own."""
    return [(answer.prompt.messages, "".join(opening.removed([answer.text]))) for answer in answers]


def _finite(name: str, rewards: list[float]) -> list[float]:
    broken = [reward for reward in rewards if not math.isfinite(reward)]
    if broken:
        raise QualityProblem("reward-not-finite", reward=name, count=len(broken), value=broken[0])
    return rewards
