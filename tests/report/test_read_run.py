"""A run is read as far as it goes; what cannot be read is named, and the rest is still there."""

from pathlib import Path

import pytest
from invented_run import INPUTS, evaluation_results, make_run, reward_results

from dajeong.report.read import read_run
from dajeong.storage import write_json, write_text


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def test_a_whole_run(run: Path) -> None:
    read = read_run(run)
    assert read.name == "꾸민 실행" and read.problems == ()
    assert [stage.name for stage in read.stages] == list(INPUTS)
    assert all(stage.done and stage.seconds == 12.34 for stage in read.stages)
    assert read.stages[5].inputs == {name: tuple(given) for name, given in INPUTS["reward"].items()}
    assert read.stages[0].outputs == ("records",)
    assert read.stages[0].versions == {"dajeong": "0.1.0", "torch": "2.13.0", "threads": "1"}


def test_results_are_known_by_the_step_that_gave_them(run: Path) -> None:
    figures = {each.step: list(each.rows) for each in read_run(run).figures}
    assert figures == {"reward-report": reward_results(), "evaluate": evaluation_results()}


def test_results_of_an_older_recipe_do_not_count(run: Path) -> None:
    write_json(run / "results.json", [row.model_dump() for row in reward_results()])
    assert [each.step for each in read_run(run).figures] == ["reward-report"]


def test_results_whose_step_is_gone_still_count(run: Path) -> None:
    (run / "steps" / "evaluate" / "results.jsonl").unlink()
    assert [each.step for each in read_run(run).figures] == ["reward-report", ""]


def test_an_empty_folder_is_a_run_too(tmp_path: Path) -> None:
    read = read_run(tmp_path / "nothing")
    assert read.name == "nothing" and read.stages == () and read.problems == ()


def test_a_run_halfway_shows_what_will_come(run: Path) -> None:
    for name in ("ppo", "evaluate"):
        (run / "steps" / name / "manifest.json").unlink()
    stages = {stage.name: stage for stage in read_run(run).stages}
    assert not stages["ppo"].done and stages["ppo"].journal
    assert stages["evaluate"].inputs == {
        "models": ("base", "sft", "ppo"),
        "prompts": ("smalltalk/test_prompts",),
    }


def test_a_step_that_has_begun_says_what_it_reads(run: Path) -> None:
    (run / "steps" / "ppo" / "manifest.json").rename(run / "steps" / "ppo" / "started.json")
    (stage,) = [stage for stage in read_run(run).stages if stage.name == "ppo"]
    assert not stage.done and stage.fingerprint and stage.inputs["rewards"] == ("reward",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.json", '[{"model": "ppo"}]'),
        ("results.json", "{"),
        ("recipe.yaml", "steps: ["),
        ("recipe.yaml", "[" * 10_000),
        ("recipe.yaml", "- a list"),
        ("steps/ppo/journal.jsonl", "not json\n"),
        ("steps/ppo/manifest.json", "[]"),
        ("steps/evaluate/replies.jsonl", '{"id": 1}\n'),
        ("models/ppo/README.md", "---\na: [\n---\n"),
        ("models/ppo/adapter_config.json", "\ufeff"),
    ],
)
def test_a_broken_file_is_named_and_the_rest_is_read(run: Path, name: str, content: str) -> None:
    write_text(run / name, content)
    read = read_run(run)
    assert len(read.problems) >= 1 and read.problems[0].startswith(name.removesuffix("/README.md")[:10])
    assert len(read.stages) == len(INPUTS)


def test_facts_of_models(run: Path) -> None:
    facts = {model.name: dict(model.facts) for model in read_run(run).models}
    assert facts["sft"] == {"base_model": "../base", "rank": "16"}
    assert facts["ppo"]["license"] == "apache-2.0"


def test_sources_and_licences_are_counted_not_believed_from_text(run: Path) -> None:
    said = r"\"source\":\"evil\",\"licence\":\"none\""
    fake = f'{{"id":"x","source":"invented","licence":"MIT","messages":"{said}"}}'
    write_text(run / "steps" / "smalltalk" / "more.jsonl", fake + "\n")
    origins = [(each.step, each.source, each.licence, each.num_records) for each in read_run(run).origins]
    assert origins == [("smalltalk", "invented", "Apache-2.0", 3), ("smalltalk", "invented", "MIT", 1)]
