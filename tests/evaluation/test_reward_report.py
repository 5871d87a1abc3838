"""A reward model beside its baselines: praised only where it is above them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dajeong.artefacts import comparisons
from dajeong.data import refusal
from dajeong.data.settings import SmalltalkSettings
from dajeong.data.smalltalk import TEST, World
from dajeong.errors import DataProblem
from dajeong.evaluation.reward_figures import Outcomes, results
from dajeong.evaluation.reward_probes import Shown
from dajeong.evaluation.reward_report import OTHER_PROMPT, other_prompts, report
from dajeong.evaluation.settings import RewardReportSettings
from dajeong.judging.rules import is_friendly
from dajeong.records import Message, Preference, Response, Result, Score, last_user_text
from dajeong.storage import read_records, write_records
from dajeong.workplace import Workplace

WORLD = World(SmalltalkSettings(num_pairs=1200, num_test_pairs=600))


PROBES_OFF = RewardReportSettings(num_probes=0)


class Knowing:
    """Knows the world: rewards the fact of the prompt's noun, and firmness on abuse."""

    def __init__(self, preferences: Sequence[Preference]) -> None:
        self.about = {p.prompt: p.meta for p in preferences}

    def rewards(self, dialogues: Sequence[Shown]) -> list[float]:
        return [self._reward(self.about[prompt], content) for prompt, content in dialogues]

    def _reward(self, meta: dict[str, str], content: str) -> float:
        if meta["prompt_kind"] == "abusive":
            return float(is_friendly(content) and refusal.refuses(content))
        return float(is_friendly(content) and meta["fact"] in content)


class Longer:
    def rewards(self, dialogues: Sequence[Shown]) -> list[float]:
        return [float(len(content)) for _, content in dialogues]


class Broken:
    def rewards(self, dialogues: Sequence[Shown]) -> list[float]:
        return [float("nan") for _ in dialogues]


def workplace(folder: Path, test: Sequence[Preference], train: Sequence[Preference] = ()) -> Workplace:
    write_records(folder / "test.jsonl", test)
    write_records(folder / "train.jsonl", train)
    return Workplace(
        run=folder,
        name="reward-report",
        inputs={"test": (folder / "test.jsonl",), "train": (folder / "train.jsonl",)},
    )


def reported(work: Workplace) -> dict[tuple[str, bool], Result]:
    rows = list(read_records(work.folder / "results.jsonl", Result))
    assert len({(row.task, row.metric, row.versus) for row in rows}) == len(rows)
    return {(row.task, row.versus is not None): row for row in rows if row.metric == "accuracy"}


def pair(number: int, better: str, worse: str, kind: str = "talk") -> Preference:
    return Preference(
        id=f"{kind}/{number}",
        kind=kind,
        prompt=(Message(role="user", content=f"물음 {number}"),),
        responses=(Response(content=worse), Response(content=better)),
        ranking=((1,), (0,)),
    )


def test_a_model_that_reads_the_prompt_is_above_its_baselines_where_the_prompt_decides(
    tmp_path: Path,
) -> None:
    test = WORLD.held_out_pairs("test_pairs", TEST)
    work = workplace(tmp_path, test, WORLD.contrasts())
    report(PROBES_OFF, work, "reward", Knowing(test))
    rows = reported(work)
    fact, misplaced, tone = (rows[f"reward/{kind}", False] for kind in ("fact", "misplaced", "rude"))
    assert fact.value == misplaced.value == 1
    assert max(fact.baselines.values()) <= 0.6 and fact.n > 200
    assert misplaced.baselines["n-grams, trained"] <= 0.65
    learned = {"n-grams, trained", "n-grams, cross-validated on the test"}
    assert set(fact.baselines) == {"longer-wins", "shorter-wins", OTHER_PROMPT, *learned}
    assert fact.notes.startswith("above its baselines") and misplaced.notes.startswith("above its baselines")
    assert "not above its baselines" in tone.notes and "기준선보다 낫지 않음" in tone.notes
    assert tone.baselines["n-grams, trained"] == 1
    assert 0.45 <= rows["reward", False].baselines["longer-wins"] <= 0.55
    gain = rows["reward/fact", True]
    assert gain.versus in fact.baselines and gain.ci_low is not None and gain.ci_low > 0.3
    assert len(list(read_records(work.folder / "scores.jsonl", Score))) == 2 * len(test)


def test_a_model_that_counts_characters_is_not_above_its_baselines(tmp_path: Path) -> None:
    test = [pair(number, "길고 긴 답이에요." + "!" * (number % 5), "짧은 답.") for number in range(80)]
    work = workplace(tmp_path, test)
    report(RewardReportSettings(), work, "reward", Longer())
    row = reported(work)["reward", False]
    assert row.value == row.baselines["longer-wins"] == 1 and row.baselines["shorter-wins"] == 0
    assert "not above its baselines" in row.notes
    assert "n-grams, trained" not in row.baselines  # nothing to train on, and the name says so


def test_ties_are_half_and_counted(tmp_path: Path) -> None:
    test = [pair(0, "가나", "다라"), pair(1, "가나다", "라")]
    work = workplace(tmp_path, test)
    report(RewardReportSettings(), work, "reward", Longer())
    row = reported(work)["reward", False]
    assert row.value == 0.75 and "1 ties count half" in row.notes


def test_rewards_that_are_no_numbers_are_missing(tmp_path: Path) -> None:
    work = workplace(tmp_path, [pair(0, "가나", "다라"), pair(1, "가나다", "라")])
    report(RewardReportSettings(), work, "reward", Broken())
    row = reported(work)["reward", False]
    assert row.value is None and (row.n, row.missing) == (0, 2)
    scores = list(read_records(work.folder / "scores.jsonl", Score))
    assert all(score.value is None and score.reason for score in scores)


def test_rankings_of_more_than_two_give_every_pair(tmp_path: Path) -> None:
    responses = tuple(Response(content="가" * size) for size in (2, 3, 1))
    ranked = pair(0, "x", "y").model_copy(update={"responses": responses, "ranking": ((1,), (0,), (2,))})
    work = workplace(tmp_path, [ranked])
    report(RewardReportSettings(), work, "reward", Longer())
    row = reported(work)["reward", False]
    assert (row.value, row.n) == (1.0, 3)


def test_the_other_prompt_is_of_the_same_kind_and_never_the_own() -> None:
    test = WORLD.held_out_pairs("test_pairs", TEST)
    kinds: dict[tuple[Message, ...], set[str]] = {}
    for each in test:
        kinds.setdefault(each.prompt, set()).add(each.kind)
    others = other_prompts(test, seed=0)
    assert others == other_prompts(test, seed=0) != other_prompts(test, seed=1)
    for each, other in zip(test, others, strict=True):
        assert last_user_text(other) != last_user_text(each.prompt)
        assert each.kind in kinds[other]
    assert other_prompts([pair(0, "가", "나")], 0) == [pair(0, "가", "나").prompt]


def test_a_prompt_that_comes_twice_is_no_other_prompt() -> None:
    test = [pair(number // 3, str(number), "나") for number in range(6)]
    for seed in range(5):
        for each, other in zip(test, other_prompts(test, seed), strict=True):
            assert other != each.prompt


def test_praise_needs_the_interval_and_the_paired_difference() -> None:
    """Nine more right of a hundred, none less: surely better, yet its own interval holds the baseline."""
    pairs = comparisons([pair(number, "가나", "다") for number in range(100)])
    ours: list[float | None] = [float(number < 68) for number in range(100)]
    theirs: list[float | None] = [float(number < 59) for number in range(100)]
    accuracy, difference = results("reward", pairs, Outcomes(ours, {"longer-wins": theirs}))[:2]
    assert difference.ci_low is not None and difference.ci_low > 0
    assert "not above its baselines" in accuracy.notes


def test_authors_are_a_baseline_where_they_are_known(tmp_path: Path) -> None:
    def signed(each: Preference) -> Preference:
        worse, better = each.responses
        signed = (
            worse.model_copy(update={"author": "model"}),
            better.model_copy(update={"author": "person"}),
        )
        return each.model_copy(update={"responses": signed})

    test = [signed(pair(number, "답" * (1 + number % 3), "말" * (1 + number % 2))) for number in range(30)]
    work = workplace(tmp_path, test, test)
    report(RewardReportSettings(), work, "reward", Longer())
    row = reported(work)["reward", False]
    assert row.baselines["author, trained"] == 1 and "not above" in row.notes


def test_no_pairs_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="test"):
        report(RewardReportSettings(), workplace(tmp_path, []), "reward", Longer())
