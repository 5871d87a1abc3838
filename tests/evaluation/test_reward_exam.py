"""What lies behind an accuracy: splits, calibration, probes, sermons, and the words made of them."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from dajeong.artefacts import comparisons
from dajeong.cli import main
from dajeong.evaluation import reward_margins
from dajeong.evaluation.reward_figures import BELOW_CHANCE, TELLS
from dajeong.evaluation.reward_margins import Rewarded
from dajeong.evaluation.reward_probes import ALTERED, Shown, Way
from dajeong.evaluation.reward_report import report
from dajeong.evaluation.scolds import PER_PROMPT, SAFE, SCOLDS, UNSAFE, beside
from dajeong.evaluation.settings import RewardReportSettings
from dajeong.messages import choose_language
from dajeong.records import Message, Preference, Response, Result
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace
from shared_data import SHARED, needs_shared


@pytest.fixture(autouse=True)
def language_as_before() -> Iterator[None]:
    yield
    choose_language(None)


class Judge:
    """A reward made of the answer; read otherwise, it may be something else."""

    def __init__(self, of: Callable[[str], float], read: Callable[[str, Way], float] | None = None) -> None:
        self.of, self.read = of, read or (lambda answer, way: of(answer))

    def rewards(self, dialogues: Sequence[Shown]) -> list[float]:
        return [self.of(answer) for _, answer in dialogues]

    def rewards_read(self, dialogues: Sequence[Shown], way: Way) -> list[float]:
        return [self.read(answer, way) for _, answer in dialogues]


def pair(number: int, better: str, worse: str, authors: tuple[str, str] = ("", "")) -> Preference:
    return Preference(
        id=f"talk/{number}",
        kind="talk",
        prompt=(Message(role="user", content=f"물음 {number}"),),
        responses=(
            Response(content=worse, author=authors[1]),
            Response(content=better, author=authors[0]),
        ),
        ranking=((1,), (0,)),
    )


def examined(
    folder: Path, test: Sequence[Preference], model: Judge | None, **inputs: object
) -> dict[str, Result]:
    """The rows over all pairs, by metric; differences from a baseline left out."""
    write_records(folder / "test.jsonl", test)
    work = Workplace(folder, "reward-report", inputs={"test": (folder / "test.jsonl",)})
    report(RewardReportSettings(), work, "reward", model)
    rows = list(read_records(work.folder / "results.jsonl", Result))
    return {row.metric: row for row in rows if row.task == "reward" and row.versus is None}


MIXED = [
    pair(number, *(("좋은 답이에요 정말로", "나쁨") if number % 2 else ("좋아요", "나쁜 답입니다 정말로")))
    for number in range(80)
]


def test_accuracy_is_split_by_which_reply_is_longer(tmp_path: Path) -> None:
    rows = examined(tmp_path, MIXED, Judge(lambda answer: float(len(answer))))
    assert (rows["accuracy_better_longer"].value, rows["accuracy_better_shorter"].value) == (1, 0)
    assert rows["accuracy_better_longer"].n == rows["accuracy_better_shorter"].n == 40
    assert rows["length_correlation"].value == pytest.approx(1)
    assert rows["longer_preferred"].value == 1
    assert "wrong where the better reply is the shorter one" in rows["accuracy"].notes
    assert "saying it twice raises the reward" in rows["accuracy"].notes
    assert "a sentence that says nothing raises the reward" in rows["accuracy"].notes


def test_pairs_of_one_author_and_of_two_are_told_apart(tmp_path: Path) -> None:
    authors = [("사람", "모델"), ("모델", "모델")]
    test = [pair(number, "가" * (number % 3 + 2), "나", authors[number % 2]) for number in range(60)]
    rows = examined(tmp_path, test, Judge(lambda answer: float(len(answer))))
    assert rows["accuracy_same_author"].n == rows["accuracy_other_author"].n == 30


def test_exchanged_labels_are_called_below_chance(tmp_path: Path) -> None:
    rows = examined(tmp_path, MIXED, Judge(lambda answer: -float("좋" in answer)))
    assert rows["accuracy"].value == 0 and BELOW_CHANCE in rows["accuracy"].notes


def test_a_judge_that_wants_whole_kind_answers_gets_no_warning(tmp_path: Path) -> None:
    chance = Random(0)
    wrong = set(chance.sample(range(80), 8))
    test = [
        each.model_copy(update={"ranking": ((0,), (1,))}) if number in wrong else each
        for number, each in enumerate(MIXED)
    ]
    whole = {response.content for each in test for response in each.responses}
    whole |= {answer for _, answer in SAFE}

    def reward(answer: str) -> float:
        kind = 2.2 * ("좋" in answer) if answer in whole else -5.0
        return kind + 9 * (answer in SCOLDS) * 0.3 if answer not in {a for _, a in SAFE} else 4.0

    rows = examined(tmp_path, test, Judge(reward))
    assert "no warning from lengths, calibration or probes" in rows["accuracy"].notes
    assert rows["empty_preferred"].value == rows["truncation_preferred"].value == 0
    assert rows["two-ends_change"].value == rows["no_template_difference"].value == 0
    assert rows["scold_preferred"].value == 0


def test_each_probe_is_warned_of(tmp_path: Path) -> None:
    rows = examined(
        tmp_path,
        MIXED,
        Judge(
            lambda answer: 5.0 - len(answer) if answer not in SCOLDS else 9.0,
            lambda answer, way: float(len(answer)) if way == "no-template" else 100.0,
        ),
    )
    said = rows["accuracy"].notes
    for words in (
        "prefers sermons on harmless prompts",
        "an empty reply may get the higher reward",
        "half a reply gets the higher reward",
        "a second end token moves the reward",
    ):
        assert words in said, words
    assert rows["scold_preferred"].value == rows["scold_preferred_unsafe"].value == 1
    assert "harmful" not in said


def test_a_sermon_is_right_where_it_is_called_for(tmp_path: Path) -> None:
    rows = examined(tmp_path, MIXED, Judge(lambda answer: -float(answer in SCOLDS)))
    assert rows["scold_preferred"].value == rows["scold_preferred_unsafe"].value == 0
    assert "prefers going along with harmful prompts" in rows["accuracy"].notes
    assert rows["scold_preferred"].n == len(SAFE)  # prompts, not sermons


def rewarded(margins: Sequence[float]) -> list[Rewarded]:
    pairs = comparisons([pair(number, "가", "나") for number in range(len(margins))])
    return [Rewarded(each, margin, 0.0) for each, margin in zip(pairs, margins, strict=True)]


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_the_temperature_is_that_of_a_logistic_regression_and_undoes_a_factor(factor: float) -> None:
    from sklearn.linear_model import LogisticRegression

    chance = np.random.default_rng(3)
    true = chance.normal(size=4000)
    happened = chance.random(4000) < 1 / (1 + np.exp(-true))
    margins = factor * np.where(happened, true, -true)
    found = reward_margins.temperature(margins)
    assert found is not None and found.low < factor < found.high
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    model.fit(np.concatenate([margins, -margins])[:, None], [1] * 4000 + [0] * 4000)
    assert found.value == pytest.approx(1 / model.coef_[0, 0], rel=1e-4)
    rows = {row.metric: row for row in reward_margins.rows("r", rewarded(margins.tolist()))}
    assert rows["nll_scaled"].value == pytest.approx(rows["nll"].value if factor == 1 else 0.6, abs=0.05)
    assert rows["ece_scaled"].value is not None and rows["ece_scaled"].value < 0.05
    if factor == 4:
        assert rows["ece"].value is not None and rows["ece"].value > 0.15


def test_no_temperature_where_every_pair_is_right() -> None:
    rows = {row.metric: row for row in reward_margins.rows("r", rewarded([1.0, 2.0, 3.0]))}
    assert rows["nll"].value == pytest.approx(float(np.log1p(np.exp([-1.0, -2.0, -3.0])).mean()))
    assert "temperature" not in rows and "nll_scaled" not in rows


def test_rewards_that_state_nothing_have_a_temperature_without_upper_bound() -> None:
    rows = {row.metric: row for row in reward_margins.rows("r", rewarded([1.0] * 32 + [-1.0] * 28))}
    assert "no upper bound" in rows["temperature"].notes and rows["temperature"].ci_high is not None


def test_a_handful_of_probes_warns_of_nothing(tmp_path: Path) -> None:
    rows = examined(tmp_path, MIXED[:6], Judge(lambda answer: float(len(answer))))
    assert rows["repetition_preferred"].value == 1 and "twice" not in rows["accuracy"].notes


def test_the_histogram_is_kept(tmp_path: Path) -> None:
    examined(tmp_path, MIXED, Judge(lambda answer: float(len(answer))))
    kept = read_json(tmp_path / "steps" / "reward-report" / "stats.json")["rewards"]
    assert sum(kept["better"]) == sum(kept["worse"]) == 80 and len(kept["edges"]) == len(kept["better"]) + 1


def test_few_pairs_are_never_praised(tmp_path: Path) -> None:
    rows = examined(tmp_path, MIXED[:20], Judge(lambda answer: float("좋" in answer)))
    assert rows["accuracy"].value == 1
    assert rows["accuracy"].notes.startswith("not above") and "only 20 pairs" in rows["accuracy"].notes


def test_prompts_of_the_training_pairs_are_told(tmp_path: Path) -> None:
    for name, some in (("test", MIXED), ("train", MIXED[:7])):
        write_records(tmp_path / f"{name}.jsonl", some)
    inputs = {name: (tmp_path / f"{name}.jsonl",) for name in ("test", "train")}
    work = Workplace(tmp_path, "reward-report", inputs=inputs)
    report(RewardReportSettings(), work, "reward", Judge(lambda answer: float(len(answer))))
    first = next(iter(read_records(work.folder / "results.jsonl", Result)))
    assert "7 of 80 prompts are in the training data: nothing is shown" in first.notes


def test_sermons_are_many_and_shared_out_evenly() -> None:
    assert len(set(SCOLDS)) == 20 and len(dict(SAFE)) == 20 and not set(dict(SAFE)) & set(dict(UNSAFE))
    given = [sermon for place in range(len(SAFE)) for sermon in beside(place)]
    assert {given.count(sermon) for sermon in SCOLDS} == {PER_PROMPT}
    assert ALTERED["truncation"]("가나다라") == "가나" and ALTERED["truncation"]("") == ""


def test_the_command_measures_baselines_without_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt": f"물음 {n}", "chosen": f"좋아요 {n}번", "rejected": f"싫어 {n}"} for n in range(40)]
    file = tmp_path / "pairs.json"
    file.write_text(str(rows).replace("'", '"'), encoding="utf-8")
    assert main(["--lang", "en", "eval", "reward", "--data", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "n-grams, cross-validated on the test" in printed and TELLS in printed
    assert main(["--lang", "en", "eval", "reward", "--data", str(tmp_path / "none.json")]) == 3


@needs_shared
def test_who_sees_only_the_reply_knows_the_label_of_the_published_pairs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = SHARED / "vaiv" / "preference" / "finalSet"
    assert main(["--lang", "en", "eval", "reward", "--data", str(folder)]) == 0
    printed = capsys.readouterr().out
    found = re.search(
        r"n-grams, cross-validated on the test +- +reward +baseline_accuracy +([0-9.]+)", printed
    )
    assert found and float(found.group(1)) >= 0.85 and TELLS in printed
