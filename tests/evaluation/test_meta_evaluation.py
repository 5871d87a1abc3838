"""A judge beside people: agreement as scipy counts it, the ceiling, and biases that were put there."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.records import Message, Reply, Result, Score
from dajeong.storage import write_records
from shared_data import SHARED, needs_shared

Row = Mapping[str, object]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


def write(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def table(scores: Sequence[Sequence[float]], **more: Sequence[object]) -> list[dict[str, object]]:
    """A row for each answer to each prompt; longer ones come later."""
    return [
        {
            "prompt": f"물음 {prompt}",
            "answer": f"답 {number}" + "!" * number,
            "품질": score,
            **{name: values[number] for name, values in more.items()},
        }
        for prompt, some in enumerate(scores)
        for number, score in enumerate(some)
    ]


def judged(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Result]:
    assert main(["judge", *map(str, arguments), "--json"]) == 0
    rows = [Result.model_validate(row) for row in json.loads(capsys.readouterr().out)]
    assert len({row.task for row in rows}) == 1
    return {row.metric: row for row in rows}


SCORES = np.random.default_rng(0).integers(1, 6, (40, 4)).astype(float)
NOISE = np.random.default_rng(1).normal(0, 0.8, SCORES.shape)
JUDGE = np.clip((SCORES + NOISE).round(1), 1, 5)


def test_agreement_is_what_scipy_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, people = write(tmp_path / "a.csv", table(JUDGE)), write(tmp_path / "b.csv", table(SCORES)[::-1])
    rows = judged(capsys, own, "--against", people)
    assert rows["spearman"].value == pytest.approx(spearmanr(JUDGE.ravel(), SCORES.ravel()).statistic)
    assert rows["kendall"].value == pytest.approx(kendalltau(JUDGE.ravel(), SCORES.ravel()).statistic)
    each = [spearmanr(a, b).statistic for a, b in zip(JUDGE, SCORES, strict=True) if np.ptp(b)]
    assert rows["spearman_per_prompt"].value == pytest.approx(np.mean(each))
    assert rows["spearman_per_prompt"].n == len(each)
    assert rows["leniency"].value == pytest.approx((JUDGE - SCORES).mean())
    assert rows["pairwise"].value is not None and rows["pairwise"].value > 0.75
    assert rows["pairwise"].n + rows["pairwise"].missing == 40 * 6
    assert rows["spearman"].n == 160 and "ceiling" not in rows and "position_bias" not in rows


def test_several_raters_give_a_ceiling(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = np.random.default_rng(2)
    own = write(tmp_path / "judge.csv", table(SCORES))
    files, raters = [], []
    for number in range(3):
        noisy = np.clip(SCORES + chance.normal(0, 1.5, SCORES.shape), 1, 5)
        raters.append(noisy.ravel())
        files += ["--against", write(tmp_path / f"rater{number}.csv", table(noisy))]
    rows = judged(capsys, own, *files)
    ceiling = rows["ceiling"]
    others = [np.mean([raters[j] for j in range(3) if j != i], axis=0) for i in range(3)]
    each = [spearmanr(one, other).statistic for one, other in zip(raters, others, strict=True)]
    assert ceiling.value == pytest.approx(np.mean(each))
    assert (
        ceiling.value is not None
        and ceiling.ci_low is not None
        and 0.4 < ceiling.ci_low < ceiling.value < 0.9
    )
    assert rows["spearman"].value is not None and rows["spearman"].value > ceiling.value
    together = [
        {**row, "rater": name} for name in ("가", "나") for row in table(SCORES + (name == "나") * NOISE / 9)
    ]
    assert judged(capsys, own, "--against", write(tmp_path / "all.csv", together))["ceiling"].n > 100


def test_a_taste_for_length_and_for_the_first_place_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [3, 2, 1, 0]  # the longest was shown first
    people = write(tmp_path / "people.csv", table(SCORES))
    biased = np.clip(SCORES * 0.6 + np.arange(4) * 0.6, 1, 5)
    rows = judged(capsys, write(tmp_path / "judge.csv", table(biased, place=places)), "--against", people)
    assert rows["length_bias"].ci_low is not None and rows["length_bias"].ci_low > 0.3
    assert abs(rows["length_correlation_people"].value or 0) < 0.2
    position = rows["position_bias"]
    assert position.ci_low is not None and position.ci_low > 0.5 and position.n == 40
    fair = judged(capsys, write(tmp_path / "fair.csv", table(SCORES, place=places)), "--against", people)
    assert fair["position_bias"].value == 0


def test_scores_of_a_judging_step_meet_by_id_or_by_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = [
        Reply(
            id=f"sft/{number}",
            prompt_id=str(number),
            prompt=(Message(role="user", content=f"물음 {number}"),),
            content=f"답 {number}",
            author="sft",
        )
        for number in range(40)
    ]
    scores = [
        Score(
            id=f"{reply.id}/q",
            meta={"scale": [1, 10]},
            reply_id=reply.id,
            scorer="geval:x",
            criterion="품질",
            value=None if number == 3 else float(number % 10 + 1),
            reason="empty" if number == 3 else None,
        )
        for number, reply in enumerate(replies)
    ]
    write_records(tmp_path / "replies.jsonl", replies)
    write_records(tmp_path / "scores.jsonl", scores)
    people = [
        {"reply_id": reply.id, "prompt": f"물음 {number}", "answer": reply.content, "품질": number % 5 + 1}
        for number, reply in enumerate(replies)
    ]
    by_id = judged(capsys, tmp_path / "scores.jsonl", "--against", write(tmp_path / "people.csv", people))
    texts = [{name: value for name, value in row.items() if name != "reply_id"} for row in people]
    by_text = judged(
        capsys,
        *(tmp_path / "scores.jsonl", "--replies", tmp_path / "replies.jsonl"),
        *("--against", write(tmp_path / "texts.csv", texts)),
    )
    for rows in (by_id, by_text):
        assert rows["spearman"].n == 39 and rows["spearman"].missing == 1
        assert rows["spearman"].value == pytest.approx(by_id["spearman"].value)


def test_a_side_that_ranks_nothing_has_no_correlation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write(tmp_path / "a.csv", table([[3, 3]] * 10))
    rows = judged(capsys, own, "--against", write(tmp_path / "b.csv", table([[1, 5]] * 10)))
    assert rows["spearman"].value is None and "one score to all" in rows["spearman"].notes
    assert rows["leniency"].value == 0 and "the judge ties 10 of 10 pairs" in rows["pairwise"].notes


def test_nothing_in_common_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = write(tmp_path / "a.csv", table([[3, 4]]))
    other = [{**row, "prompt": "딴 물음"} for row in table([[3, 4]])]
    assert main(["judge", str(own), "--against", str(write(tmp_path / "b.csv", other))]) == 3
    two = [{**{k: v for k, v in row.items() if k != "품질"}, "가": 3, "나": 4} for row in table([[3, 4]])]
    assert main(["judge", str(own), "--against", str(write(tmp_path / "c.csv", two))]) == 3
    assert "No criterion in common" in capsys.readouterr().err


@needs_shared
def test_two_published_files_of_one_judge_meet_where_the_answers_are_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same file beside itself agrees fully; its correlation with length is small, as was measured."""
    file = SHARED / "vaiv" / "eval_results" / "conversation" / "final_conversation_eval.csv"
    assert main(["judge", str(file), "--against", str(file), "--json"]) == 0
    rows = [Result.model_validate(row) for row in json.loads(capsys.readouterr().out)]
    assert len({row.task for row in rows}) == 5
    found = {(row.task, row.metric): row for row in rows}
    assert found["agreement/전반적인 품질", "spearman"].value == pytest.approx(1)
    assert abs(found["agreement/전반적인 품질", "length_correlation"].value or 1) < 0.3
