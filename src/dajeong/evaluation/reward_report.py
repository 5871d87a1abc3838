"""The step `reward-report`: a reward model's accuracy on test pairs, beside judges that read no prompt.

Preference sets give their labels away by length, by author and by style. An accuracy counts for nothing until
it is above all of these, and above the model's own accuracy with the prompts exchanged. Without a model the
step says what these judges reach by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from dajeong.artefacts import Comparison, comparisons, outcome
from dajeong.data import seen
from dajeong.errors import DataProblem
from dajeong.evaluation import reward_margins, reward_probes
from dajeong.evaluation.reward_figures import Outcomes, alone, prompt_free, results
from dajeong.evaluation.reward_margins import Rewarded
from dajeong.evaluation.reward_probes import Probed, Rereads, Rewards, Scored, Shown, Way
from dajeong.evaluation.reward_warnings import verdict
from dajeong.evaluation.settings import RewardReportSettings
from dajeong.records import Message, Preference, Result, Score
from dajeong.storage import write_json
from dajeong.workplace import Workplace

OTHER_PROMPT = "other-prompt"
AT_ONCE = 512
"""Responses scored between two readings of the bar."""


def run(settings: RewardReportSettings, work: Workplace) -> None:
    """Writes `results`, `scores` and stats.json."""
    if not work.inputs.get("model"):
        report(settings, work, "", None)
        return
    from dajeong.judging.reward_model import RewardScorer

    (name, reference), *_ = work.models("model").items()
    report(settings, work, name, RewardScorer(reference))


def report(settings: RewardReportSettings, work: Workplace, name: str, model: Rewards | None) -> None:
    preferences = work.records("test", Preference)
    pairs = comparisons(preferences)
    if not pairs:
        raise DataProblem("no-test-pairs", step=work.name)
    learned = work.records("train", Preference)
    training = comparisons(learned)
    notes = seen.learned((each.prompt for each in preferences), learned)
    baselines = prompt_free(_sample(training, settings.max_training_pairs, work.seed), pairs)
    if model is None:
        work.write("results", alone(pairs, baselines, notes))
        work.write("scores", [])
        return
    exam = _Exam(settings, work, name, model, preferences)
    baselines[OTHER_PROMPT] = _outcomes(preferences, exam.other)
    found = Outcomes(_outcomes(preferences, exam.own), baselines)
    rewarded = exam.rewarded(pairs)
    rows = [*results(name, pairs, found, notes), *reward_margins.rows(name, rewarded), *exam.probes()]
    work.write("results", verdict(rows))
    work.write("scores", scores(name, preferences, exam.own))
    if rewarded:
        write_json(work.folder / "stats.json", {"rewards": reward_margins.histogram(rewarded)})


class _Exam:
    """One model at its test pairs: what it gives to them, and to what was made of them."""

    def __init__(
        self,
        settings: RewardReportSettings,
        work: Workplace,
        name: str,
        model: Rewards,
        preferences: Sequence[Preference],
    ) -> None:
        self.work, self.name, self.model, self.preferences = work, name, model, preferences
        own = [(each.prompt, response.content) for each in preferences for response in each.responses]
        others = zip(preferences, other_prompts(preferences, work.seed), strict=True)
        other = [(prompt, response.content) for each, prompt in others for response in each.responses]
        rewards = self.score([*own, *other])
        self.own, self.other = rewards[: len(own)], rewards[len(own) :]
        self.known = dict(zip(own, self.own, strict=True))
        rows = Random(f"{work.seed}/probes").sample(
            range(len(preferences)), min(settings.num_probes, len(preferences))
        )
        self.probed = [preferences[row] for row in sorted(rows)]

    def score(self, shown: Sequence[Shown], way: Way | None = None) -> list[float | None]:
        found: list[float | None] = []
        with self.work.progress.bar("scoring-test-pairs", len(shown)) as bar:
            for start in range(0, len(shown), AT_ONCE):
                self.work.check_stop()
                some = shown[start : start + AT_ONCE]
                if way is None:
                    rewards = self.model.rewards(some)
                else:
                    assert isinstance(self.model, Rereads)
                    rewards = self.model.rewards_read(some, way)
                found += [reward if math.isfinite(reward) else None for reward in rewards]
                bar.advance(len(some))
        return found

    def rewarded(self, pairs: Sequence[Comparison]) -> list[Rewarded]:
        """The pairs both of whose responses have a reward."""
        found = []
        for pair in pairs:
            prompt = self.preferences[pair.preference].prompt
            better, worse = (self.known[prompt, each.content] for each in (pair.better, pair.worse))
            if better is not None and worse is not None:
                found.append(Rewarded(pair, better, worse))
        return found

    def probes(self) -> list[Result]:
        """Rows of everything that was altered, of what is read otherwise, and of the sermons."""
        if not self.probed or all(reward is None for reward in self.own):
            return []
        asked = reward_probes.altered(self.probed)
        answers = iter(self.score([shown for each in asked.values() for shown in each]))
        best = reward_probes.best(self.probed)
        found = {name: self._probed(best, [next(answers) for _ in some]) for name, some in asked.items()}
        rows = list(reward_probes.probe_rows(self.name, found))
        if isinstance(self.model, Rereads):
            rows += self._reread(best)
        score: Scored = self.score
        return [*rows, *reward_probes.scold_rows(self.name, score)]

    def _reread(self, best: Sequence[Shown]) -> list[Result]:
        ends = self._probed(best, self.score(best, "two-ends"))
        rows = list(reward_probes.probe_rows(self.name, {"two-ends": ends}))
        shown = [(each.prompt, response.content) for each in self.probed for response in each.responses]
        ours = _outcomes(self.probed, [self.known[each] for each in shown])
        bare = _outcomes(self.probed, self.score(shown, "no-template"))
        both = [(a, b) for a, b in zip(ours, bare, strict=True) if a is not None and b is not None]
        found = reward_probes.template_row(self.name, [a for a, _ in both], [b for _, b in both])
        return [*rows, *([found] if found else [])]

    def _probed(self, answers: Sequence[Shown], after: Sequence[float | None]) -> Probed:
        before = (self.known[shown] for shown in answers)
        both = [(a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
        return Probed([a for a, _ in both], [b for _, b in both])


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


def _outcomes(preferences: Sequence[Preference], rewards: Sequence[float | None]) -> list[float | None]:
    found: list[float | None] = []
    start = 0
    for each in preferences:
        for better, worse in each.pairs():
            one, other = rewards[start + better], rewards[start + worse]
            found.append(None if one is None or other is None else outcome(one, other))
        start += len(each.responses)
    return found


def _sample(pairs: Sequence[Comparison], most: int, seed: int) -> list[Comparison]:
    return list(pairs) if len(pairs) <= most else Random(f"{seed}/training").sample(pairs, most)
