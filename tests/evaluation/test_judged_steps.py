"""The steps `quality` and `agreement`: a recipe has the tables and the figures that the commands print."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from dajeong import pipeline
from dajeong.cli import main
from dajeong.errors import UsageProblem
from dajeong.recipe import load
from dajeong.records import Message, Reply, Result, Score
from dajeong.storage import read_json, read_records, write_records


def write(path: Path, scores: Sequence[int], answer: str = "답") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [(f"물음 {number}", f"{answer} {number}", score) for number, score in enumerate(scores)]
        csv.writer(file).writerows([("prompt", "answer", "친근함"), *rows])
    return path


def run(folder: Path, steps: str) -> list[Result]:
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"name: judged\nsteps:\n{steps}", encoding="utf-8")
    pipeline.execute(load(recipe), folder / "run", report=None)
    return [Result.model_validate(row) for row in read_json(folder / "run" / "results.json")]


def test_a_recipe_has_the_tables_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sft = write(tmp_path / "sft.csv", [number % 5 + 1 for number in range(40)])
    ppo = write(tmp_path / "ppo.csv", [5 - number % 3 for number in range(40)])
    step = "{use: quality, judged: [sft.csv, ppo.csv], names: [sft/talk, ppo/talk], reference: sft}"
    found = run(tmp_path, f"  tables: {step}\n")
    assert {row.task for row in found} == {"quality/talk"}
    assert main(["eval", "quality", f"sft/talk={sft}", f"ppo/talk={ppo}", "--json"]) == 0
    assert [row.model_dump(mode="json") for row in found] == json.loads(capsys.readouterr().out)
    with pytest.raises(UsageProblem, match="1 `names` for 2 files|`names`는 1개"):
        run(tmp_path, "  tables: {use: quality, judged: [sft.csv, ppo.csv], names: [sft]}\n")


def test_a_recipe_sets_a_judge_beside_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replies = [
        Reply(
            id=f"r{number}",
            prompt_id=f"p{number}",
            prompt=(Message(role="user", content=f"물음 {number}"),),
            content=f"답 {number}",
            author="sft",
        )
        for number in range(40)
    ]
    scores = [
        Score(
            id=f"s{number}",
            meta={"scale": [1, 5]},
            reply_id=f"r{number}",
            scorer="judge:m",
            criterion="친근함",
            value=float(number % 5 + 1),
            method="exact",
        )
        for number in range(40)
    ]
    write_records(tmp_path / "replies.jsonl", replies)
    write_records(tmp_path / "scores.jsonl", scores)
    humans = write(tmp_path / "human.csv", [(number * 3) % 5 + 1 for number in range(40)])
    step = "{use: agreement, judge: scores.jsonl, replies: replies.jsonl, humans: human.csv}"
    found = run(tmp_path, f"  agreement: {step}\n")
    assert {row.task for row in found} == {"agreement/친근함"} and found[0].model == "judge:m"
    given = ["judge", f"judge:m={tmp_path / 'scores.jsonl'}", "--replies", str(tmp_path / "replies.jsonl")]
    assert main([*given, "--against", str(humans), "--json"]) == 0
    assert [row.model_dump(mode="json") for row in found] == json.loads(capsys.readouterr().out)


def test_outside_answers_have_a_page_with_tables_and_answers_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sft = write(tmp_path / "sft.csv", [number % 5 + 1 for number in range(40)])
    ppo = write(tmp_path / "ppo.csv", [5] * 40, answer="다정한 <b>답</b>")
    given = ["eval", "quality", f"sft/talk={sft}", f"ppo/talk={ppo}", "--json"]
    assert main([*given, "--out", str(tmp_path / "out")]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert read_json(tmp_path / "out" / "results.json") == rows
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "다정한 &lt;b&gt;답&lt;/b&gt; 0" in page and "<b>답</b>" not in page
    assert page.count('class="sample judged') == 8, "eight of the prompts on which the two differ"
    beside = page.partition('id="judged-0"')[2].partition("</section>")[0]
    asked = {int(number) for number in re.findall(r"물음 (\d+)<", beside)}
    assert asked == set(range(0, 40, 5)), "those that are furthest apart"


def test_the_step_keeps_answers_for_the_report_unless_the_run_has_them(tmp_path: Path) -> None:
    write(tmp_path / "sft.csv", [1, 2, 6])
    run(tmp_path, "  tables: {use: quality, judged: sft.csv}\n")
    scores = list(read_records(tmp_path / "run/steps/tables/scores.jsonl", Score))
    found = [(score.value, score.criterion) for score in scores]
    assert found == [(1, "친근함"), (2, "친근함"), (None, "친근함")]
    assert scores[2].reason and scores[0].meta["scale"] == [1, 5]
