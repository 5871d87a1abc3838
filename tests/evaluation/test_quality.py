"""Tables of judged answers: the published averages to their digits, what is missing, what is not compared."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dajeong.cli import main
from dajeong.evaluation.judged_files import Source, read, source_of
from dajeong.evaluation.quality import quality
from dajeong.messages import choose_language
from dajeong.records import Result
from shared_data import SHARED, needs_shared

VAIV = SHARED / "vaiv" / "eval_results"
CRITERIA = ("친근함", "자연스러움")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def answers(path: Path, scores: Sequence[Sequence[object]], first: int = 0) -> Path:
    rows = [(f"물음 {number}", f"답 {number}", *each) for number, each in enumerate(scores, start=first)]
    return write(path, ("instruction", "output", *CRITERIA), rows)


def rows_of(*sources: str, scale: tuple[float, float] = (1, 5)) -> dict[tuple[str, str, bool], Result]:
    judged = [each for source in sources for each in read(source_of(source), scale)]
    return {(row.model, row.metric, row.versus is not None): row for row in quality(judged)}


def test_means_intervals_ceiling_and_relative_scores(tmp_path: Path) -> None:
    one = answers(tmp_path / "one.csv", [(5, 3)] * 20 + [(3, 3)] * 20)
    two = answers(tmp_path / "two.csv", [(5, 5)] * 40)
    rows = rows_of(f"one={one}", f"two={two}")
    mean = rows["one", "친근함", False]
    assert (mean.value, mean.n, mean.missing) == (4, 40, 0) and "50% at the ceiling" in mean.notes
    assert mean.ci_low is not None and mean.ci_high is not None and 3.4 < mean.ci_low < 4 < mean.ci_high < 4.6
    assert rows["one", "total", False].value == 7
    assert rows["one", "scaled", False].value == pytest.approx((75 + 50) / 2)
    assert (rows["one", "full_marks", False].value, rows["two", "full_marks", False].value) == (0, 1)
    relative = rows["two", "relative 자연스러움", False]
    assert relative.value == pytest.approx(500 / 3) and "% of one" in relative.notes
    difference = rows["two", "친근함", True]
    assert (difference.value, difference.versus) == (1, "one") and "not shown" not in difference.notes


def test_a_scale_of_two_has_mcnemar_s_p(tmp_path: Path) -> None:
    header = ("prompt", "answer", "이해 가능성 (0 - 1)", "친근함")
    one, two = (
        write(tmp_path / f"{name}.csv", header, [(f"물음 {n}", "답", int(n < most), 3) for n in range(40)])
        for name, most in (("one", 30), ("two", 38))
    )
    rows = rows_of(f"one={one}", f"two={two}")
    assert "McNemar p 0.0078" in rows["two", "이해 가능성", True].notes  # 2 / 2 ** 8
    assert "McNemar" not in rows["two", "친근함", True].notes + rows["two", "total", True].notes


def test_what_is_missing_is_counted_and_never_zero(tmp_path: Path) -> None:
    file = answers(tmp_path / "one.csv", [(5, 5), (0, 5), ("", 5), ("네 점", 5), (9, 5), (5, "nan")])
    rows = rows_of(f"one={file}")
    assert (rows["one", "친근함", False].value, rows["one", "친근함", False].missing) == (5, 4)
    assert (rows["one", "total", False].n, rows["one", "total", False].missing) == (1, 5)
    (as_given,) = read(Source(file, "one", ""), (1, 5), as_given=True)
    assert sorted(as_given.values("친근함").values()) == [0, 5, 5, 9]


def test_only_prompts_in_common_are_compared_and_it_says_so(tmp_path: Path) -> None:
    one = answers(tmp_path / "one.csv", [(number % 5 + 1, 3) for number in range(40)])
    two = answers(tmp_path / "two.csv", [(number % 5 + 1, 3) for number in range(10, 50)], first=10)
    rows = rows_of(f"one={one}", f"two={two}")
    assert rows["two", "친근함", True].n == 30 and rows["two", "친근함", True].value == 0
    notes = rows["two", "친근함", True].notes
    assert "only the 30 prompts in common of 40 and 40" in notes and "not shown" in notes
    third = answers(tmp_path / "three.csv", [(1, 3)] * 5, first=100)
    nothing = rows_of(f"one={one}", f"three={third}")["three", "scaled", True]
    assert nothing.value is None and "no prompt in common" in nothing.notes


def test_other_decodings_are_not_compared(tmp_path: Path) -> None:
    header = ("prompt", "answer", "decoding", "친근함")
    one = write(tmp_path / "one.csv", header, [(f"물음 {n}", "답", "greedy", n % 5 + 1) for n in range(40)])
    two = write(tmp_path / "two.csv", header, [(f"물음 {n}", "답", "T 0.8", 5) for n in range(40)])
    rows = rows_of(f"one={one}", f"two={two}")
    assert rows["two", "친근함", False].value == 5 and rows["two", "친근함", False].decoding == "T 0.8"
    refused = rows["two", "scaled", True]
    assert refused.value is None and "decodings differ, T 0.8 and greedy" in refused.notes
    assert not any(metric.startswith("relative") for _, metric, _ in rows)


def test_one_file_may_hold_several_models_and_kinds(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"물음 {n}", "response": "답", "model": model, "kind": kind, "score": 3}
        for n in range(3)
        for model in ("가", "나")
        for kind in ("talk", "abusive")
    ]
    file = tmp_path / "all.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    found = quality(read(source_of(str(file)), (1, 5)))
    assert {(row.model, row.task) for row in found} == {
        (model, f"quality/{kind}") for model in ("가", "나") for kind in ("talk", "abusive")
    }
    assert all("only 3 prompts" in row.notes for row in found if row.metric == "score")


def test_criteria_that_say_the_same_are_seen(tmp_path: Path) -> None:
    file = answers(tmp_path / "one.csv", [(n % 5 + 1, n % 5 + 1) for n in range(40)])
    found = rows_of(f"one={file}")["one", "correlation: 친근함 × 자연스러움", False]
    assert found.value == pytest.approx(1)


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (("instruction", "output"), ("물음", "답"), "no column holds scores"),
        (("output", "친근함"), ("답", 5), "no column is called instruction"),
        (("instruction", "친근함"), ("물음", 5), "no column is called output"),
        (("instruction", "output", "친근함", ""), ("물음", "답", 5, 4.5), "has no name and is no index"),
        (("친근함",), (5,), "no column is called"),
    ],
)
def test_columns_that_are_missing_or_unnamed_are_refused_by_name(
    header: Sequence[str],
    row: Sequence[object],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write(tmp_path / "one.csv", header, [row, row])
    assert main(["eval", "quality", str(file)]) == 3
    assert said in capsys.readouterr().err


def test_an_index_without_a_name_is_no_criterion(tmp_path: Path) -> None:
    rows = [(n * 3, f"물음 {n}", "답", 4) for n in range(5)]
    file = write(tmp_path / "one.csv", ("", "instruction", "output", "친근함"), rows)
    (judged,) = read(Source(file, "one", ""), (1, 5))
    assert set(judged.scales) == {"친근함"}


@pytest.mark.parametrize(
    "arguments", [["=x.csv"], ["a=b.csv", "--scale", "5-1"], ["FILE", "--reference", "b"]]
)
def test_a_wrong_call_is_refused(arguments: list[str], tmp_path: Path) -> None:
    file = answers(tmp_path / "one.csv", [(5, 5)])
    assert main(["eval", "quality", *(str(file) if each == "FILE" else each for each in arguments)]) == 2


KULLM = """model,이해 가능성 (0 - 1),자연스러움 (1 - 3),맥락 유지 (1 - 3),흥미롭기 (1 - 3),\
Instruction 사용 (0 - 1),전반적인 품질 (1 - 5)
GPT-4,0.984,2.897,2.944,2.143,0.968,4.083
GPT-3.5,0.980,2.806,2.849,2.056,0.917,3.905
KULLM v2,0.742,2.083,2.107,1.794,0.548,3.036
KoAlpaca v1.1,0.651,1.909,1.901,1.583,0.385,2.575
koVicuna,0.460,1.583,1.726,1.528,0.409,2.440
"""


def test_the_scaled_means_of_the_kullm_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kullm.csv"
    file.write_text(KULLM, encoding="utf-8")
    assert main(["eval", "quality", str(file), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    found = {row["model"]: round(row["value"], 1) for row in rows if row["metric"] == "scaled"}
    expected = {"GPT-4": 86.9, "GPT-3.5": 83.0, "KULLM v2": 54.9, "KoAlpaca v1.1": 43.8, "koVicuna": 35.8}
    assert found == expected
    relative = {row["model"]: row["value"] for row in rows if row["metric"] == "relative scaled"}
    assert relative == {
        model: pytest.approx(100 * value / 86.9, abs=0.1)
        for model, value in expected.items()
        if model != "GPT-4"
    }
    assert all("no interval" in row["notes"] for row in rows)


def published() -> list[tuple[str, int, list[float], float]]:
    """The averages table of the real data's own page: file, n, means in column order, sum."""
    lines = (SHARED / "README.md").read_text(encoding="utf-8").split("### G-Eval averages", 1)[1].splitlines()
    found = []
    for line in lines:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and cells[1].endswith(".csv`"):
            means = [float(mean.rsplit(" ", 1)[1]) for mean in cells[3].split(", ")]
            found.append((cells[1].strip("`"), int(cells[2]), means, float(cells[4])))
    return found


@needs_shared
def test_the_published_averages_to_the_printed_digits() -> None:
    table = published()
    assert len(table) == 15
    for name, n, means, total in table:
        (judged,) = read(Source(VAIV / name, name, ""), (1, 5), as_given=True)
        rows = {row.metric: row for row in quality([judged])}
        own = [rows[metric] for metric in list(rows)[: len(means)]]
        assert [f"{row.value:.3f}" for row in own] == [f"{mean:.3f}" for mean in means], name
        assert {row.n for row in own} == {n} and f"{rows['total'].value:.2f}" == f"{total:.2f}"


@needs_shared
def test_what_rlhf_gained_over_sft_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    names = {
        f"{model}/{kind}": VAIV / folder / f"{file}_{folder}_eval.csv"
        for kind, folder in (("talk", "conversation"), ("abusive", "hatespeech"))
        for model, file in (("sft+", "kullm_ftv3"), ("rlhf", "final"))
    }
    assert main(["eval", "quality", *(f"{name}={path}" for name, path in names.items())]) == 0
    printed = capsys.readouterr().out
    for kind in ("talk", "abusive"):
        difference = [line.split() for line in printed.splitlines() if line.startswith("rlhf − sft+  ")]
        assert any(f"quality/{kind}" in cells and "total" in cells for cells in difference)
        (said,) = [line for line in printed.splitlines() if line.startswith(f"rlhf − sft+, quality/{kind}: ")]
        assert "total, scaled: not shown: the interval holds 0" in said and "전반적인 품질" in said
