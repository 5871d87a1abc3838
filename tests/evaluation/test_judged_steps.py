"""The steps `quality` and `agreement`: a recipe has the tables and the figures that the commands print."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from dajeong import pipeline
from dajeong.cli import main
from dajeong.errors import UsageProblem
from dajeong.recipe import load
from dajeong.records import Message, Reply, Result, Score
from dajeong.storage import read_json, write_records


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
