"""The step `reward-report`: a reward model's accuracy on test pairs, beside judges that read no prompt.

Preference sets give their labels away by length, by author and by style. An accuracy counts for nothing until
it is above all of these, and above the model's own accuracy with the prompts exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple, Protocol

from dajeong import artefacts, statistics
from dajeong.artefacts import Comparison, Judge, comparisons, outcome
from dajeong.errors import DataProblem
from dajeong.evaluation.settings import RewardReportSettings
from dajeong.records import Message, Preference, Result, Score
from dajeong.statistics import Estimate
from dajeong.workplace import Workplace

NOT_ABOVE = "not above its baselines (기준선보다 낫지 않음)"
"""The words a reader, and the report, look for."""
OTHER_PROMPT = "other-prompt"
AT_ONCE = 512
"""Responses scored between two readings of the bar."""

Shown = tuple[tuple[Message, ...], str]
"""A prompt and one response to it."""


class Rewards(Protocol):
    def rewards(self, dialogues: Sequence[Shown]) -> list[float]:
        """One number per response, higher is better."""


class Outcomes(NamedTuple):
    """Per comparison: 1 the better response wins, 0 it loses, 0.5 a tie, None not scored."""

    reward: list[float | None]
    baselines: dict[str, list[float | None]]


def run(settings: RewardReportSettings, work: Workplace) -> None:
    """Writes `results` and `scores`."""
    from dajeong.judging.reward_model import RewardScorer

    (name, reference), *_ = work.models("model").items()
    report(settings, work, name, RewardScorer(reference))


def report(settings: RewardReportSettings, work: Workplace, name: str, model: Rewards) -> None:
    preferences = work.records("test", Preference)
    pairs = comparisons(preferences)
    if not pairs:
        raise DataProblem("no-test-pairs", step=work.name)
    training = _sample(comparisons(work.records("train", Preference)), settings.max_training_pairs, work.seed)
    own = [(each.prompt, response.content) for each in preferences for response in each.responses]
    other = [
        (prompt, response.content)
        for each, prompt in zip(preferences, other_prompts(preferences, work.seed), strict=True)
        for response in each.responses
    ]
    rewards = _rewards(model, [*own, *other], work)
    ours, exchanged = rewards[: len(own)], rewards[len(own) :]
    baselines = prompt_free(training, pairs)
    baselines[OTHER_PROMPT] = _outcomes(preferences, exchanged)
    found = Outcomes(_outcomes(preferences, ours), baselines)
    work.write("results", results(name, pairs, found))
    work.write("scores", scores(name, preferences, ours))


def other_prompts(preferences: Sequence[Preference], seed: int) -> list[tuple[Message, ...]]:
    """For each preference the prompt of another of its kind; its own where the kind has only one."""
    chance = Random(f"{seed}/{OTHER_PROMPT}")
    found = [each.prompt for each in preferences]
    for kind in sorted({each.kind for each in preferences}):
        rows = [row for row, each in enumerate(preferences) if each.kind == kind]
        chance.shuffle(rows)
        for place, row in enumerate(rows):
            circle = (preferences[rows[(place + step) % len(rows)]].prompt for step in range(1, len(rows)))
            found[row] = next((prompt for prompt in circle if prompt != found[row]), found[row])
    return found


def prompt_free(training: Sequence[Comparison], test: Sequence[Comparison]) -> dict[str, list[float | None]]:
    """Every baseline that reads no prompt; the learning ones say in their name what they learned from."""
    judges: dict[str, Callable[[Sequence[Comparison]], Judge]] = {
        "n-grams": artefacts.NGrams([*training, *test])
    }
    if artefacts.names_authors(test):
        judges["author"] = artefacts.fit_authors
    found: dict[str, list[float | None]] = {
        "longer-wins": [*artefacts.longer_wins(test)],
        "shorter-wins": [*artefacts.shorter_wins(test)],
    }
    for name, fit in judges.items():
        if training:
            found[f"{name}, trained"] = [*artefacts.trained(fit, training, test)]
        found[f"{name}, cross-validated on the test"] = [*artefacts.cross_validated(fit, test)]
    return found


def results(name: str, pairs: Sequence[Comparison], found: Outcomes) -> list[Result]:
    """All pairs, then each kind: the accuracy beside its baselines, then its distance from the best."""
    kinds = sorted({pair.kind for pair in pairs})
    scopes = [("reward", list(range(len(pairs))))]
    scopes += [
        (f"reward/{kind}", [row for row, pair in enumerate(pairs) if pair.kind == kind]) for kind in kinds
    ]
    return [result for task, rows in scopes for result in _results_of(name, task, rows, found)]


def _results_of(name: str, task: str, rows: Sequence[int], found: Outcomes) -> Iterator[Result]:
    scored = [row for row in rows if found.reward[row] is not None]
    missing = len(rows) - len(scored)
    ours = _known(found.reward, scored)
    if not ours:
        yield Result(model=name, task=task, metric="accuracy", value=None, missing=missing, notes=NOT_ABOVE)
        return
    theirs = {other: _known(outcomes, scored) for other, outcomes in found.baselines.items()}
    theirs = {other: outcomes for other, outcomes in theirs.items() if len(outcomes) == len(ours)}
    shares = {other: sum(outcomes) / len(outcomes) for other, outcomes in theirs.items()}
    best = max(shares, key=lambda other: shares[other])
    accuracy, difference = statistics.wilson(sum(ours), len(ours)), _difference(ours, theirs[best])
    said = _verdict(accuracy, difference, best, shares[best], ours)
    yield _row(name, task, accuracy, missing).model_copy(update={"baselines": shares, "notes": said})
    yield _row(name, task, difference, missing).model_copy(update={"versus": best})


def _row(name: str, task: str, estimate: Estimate, missing: int) -> Result:
    return Result(
        model=name,
        task=task,
        metric="accuracy",
        value=estimate.value,
        ci_low=estimate.low,
        ci_high=estimate.high,
        n=estimate.n,
        missing=missing,
    )


def _verdict(accuracy: Estimate, difference: Estimate, best: str, share: float, ours: Sequence[float]) -> str:
    """Above only if both the accuracy's interval and the paired difference say so."""
    above = accuracy.low > share and difference.low > 0
    words = f"above its baselines, best: {best}" if above else f"{NOT_ABOVE}, best: {best}"
    ties = sum(each == 0.5 for each in ours)
    return words + (f"; {ties} ties count half" if ties else "")


def _difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """A score-type interval where every outcome is won or lost; with ties, the paired bootstrap."""
    if 0.5 in ours or 0.5 in theirs:
        return statistics.paired_mean(ours, theirs)
    return statistics.paired_shares([each == 1 for each in ours], [each == 1 for each in theirs])


def scores(name: str, preferences: Sequence[Preference], rewards: Sequence[float | None]) -> list[Score]:
    """Every reward, in the order of preferences and their responses."""
    places = [(each, index) for each in preferences for index in range(len(each.responses))]
    return [
        Score(
            id=f"{each.id}#{index}/{name}",
            source=each.source,
            licence=each.licence,
            kind=each.kind,
            reply_id=f"{each.id}#{index}",
            scorer=name,
            criterion="reward",
            value=reward,
            reason="the reward is not a finite number" if reward is None else None,
            method="exact",
        )
        for (each, index), reward in zip(places, rewards, strict=True)
    ]


def _rewards(model: Rewards, shown: Sequence[Shown], work: Workplace) -> list[float | None]:
    found: list[float | None] = []
    with work.progress.bar("scoring-test-pairs", len(shown)) as bar:
        for start in range(0, len(shown), AT_ONCE):
            work.check_stop()
            some = shown[start : start + AT_ONCE]
            found += [reward if math.isfinite(reward) else None for reward in model.rewards(some)]
            bar.advance(len(some))
    return found


def _outcomes(preferences: Sequence[Preference], rewards: Sequence[float | None]) -> list[float | None]:
    found: list[float | None] = []
    start = 0
    for each in preferences:
        for better, worse in each.pairs():
            one, other = rewards[start + better], rewards[start + worse]
            found.append(None if one is None or other is None else outcome(one, other))
        start += len(each.responses)
    return found


def _known(outcomes: Sequence[float | None], rows: Sequence[int]) -> list[float]:
    return [found for row in rows if (found := outcomes[row]) is not None]


def _sample(pairs: Sequence[Comparison], most: int, seed: int) -> list[Comparison]:
    return list(pairs) if len(pairs) <= most else Random(f"{seed}/training").sample(pairs, most)
