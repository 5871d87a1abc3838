"""The recipes of the three systems on invented downloads: published counts, what is refused, training."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import invented_downloads as downloads
import pytest
import yaml

from dajeong.cli import main
from dajeong.data.clean import num_characters
from dajeong.messages import choose_language
from dajeong.recipe import load
from dajeong.recipe_source import BUILT_IN, built_in_names
from dajeong.records import Dialogue, Message
from dajeong.storage import read_json, read_records, write_records
from shared_data import SHARED, needs_shared

STAGES = sorted({*built_in_names()} - {"demo", "friendly-rlhf", "friendly-rm-v1"})
TRAINING = ("friendly-sft", "kullm-v1", "kullm-v2", "koalpaca-12.8b")
TINY = "{layers: 1, hidden: 32, heads: 2, vocabulary: 600, positions: 2048}"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    choose_language(None)


@pytest.fixture(scope="module")
def vaiv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of downloads with VAIV's amounts and more; the runs of its stages come beside them."""
    folder = tmp_path_factory.mktemp("vaiv")
    downloads.write_vaiv(folder)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some rows of everything that a training recipe reads."""
    folder = tmp_path_factory.mktemp("small")
    downloads.write_vaiv(folder, num_talks=2)
    downloads.write_kullm(folder, 40)
    downloads.write_koalpaca(folder, 40)
    return folder


def run(name: str, *more: str) -> int:
    return main(["run", name, "--quiet", *more])


def records(recipe: str, step: str, output: str = "records") -> list[Dialogue]:
    return list(read_records(Path("runs") / recipe / "steps" / step / f"{output}.jsonl", Dialogue))


def kinds(found: Sequence[Dialogue]) -> dict[str, int]:
    return dict(Counter(record.kind for record in found))


def questions(found: Sequence[Dialogue]) -> set[str]:
    return {record.messages[0].content for record in found}


def test_the_stages_of_vaiv_give_the_published_counts(vaiv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(vaiv)
    assert run("friendly-sft", "--until", "instructions") == 0
    learned = records("friendly-sft", "instructions")
    assert kinds(learned) == {"talk": 23 * 65, "abusive": 490, "general": 476} and len(learned) == 2_461
    topics = Counter(record.meta["topic"].split(" > ")[0] for record in learned if record.kind == "talk")
    assert topics == dict.fromkeys(downloads.TOPICS, 65)
    assert all(len(record.messages) == 2 for record in learned)
    assert not any("음~" in record.messages[1].content for record in learned)

    assert run("friendly-rm-v1-prompts") == 0
    first = records("friendly-rm-v1-prompts", "prompts")
    assert kinds(first) == {"talk": 1_010, "abusive": 490, "translation": 1_000}
    assert all(record.is_prompt for record in first)
    assert questions([each for each in first if each.kind != "translation"]) <= questions(learned)

    assert run("friendly-rm-v2-prompts") == 0
    second = records("friendly-rm-v2-prompts", "prompts")
    assert kinds(second) == {"talk": 1_500, "abusive": 490, "translation": 1_500, "general": 1_500}
    assert all(record.is_prompt for record in second) and len(questions(second)) == 4_990
    evolved = questions([record for record in second if record.kind == "general"])
    assert not evolved & questions(learned)


def test_the_prompts_for_ppo_give_the_published_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = downloads.write_ppo(tmp_path)
    rewarded = Path("runs/friendly-rm-v1-prompts/steps/prompts/records.jsonl")
    rewarded.parent.mkdir(parents=True)
    write_records(rewarded, (_prompt(number, text) for number, text in enumerate(known)))
    assert run("friendly-ppo-prompts") == 0
    pool = records("friendly-ppo-prompts", "pool")
    assert kinds(pool) == {"talk": 1_144, "abusive": 637, "translation": 1_538, "general": 500}
    filtered = records("friendly-ppo-prompts", "filtered")
    assert kinds(filtered) == {"talk": 781, "abusive": 484, "translation": 1_328, "general": 499 + 1_000}
    prompts = records("friendly-ppo-prompts", "prompts")
    assert (len(pool), len(filtered), len(prompts)) == (3_819, 4_092, 3_608)
    assert "abusive" not in kinds(prompts) and not questions(prompts) & set(known)
    assert all(record.is_prompt and num_characters(record.messages[0].content) > 15 for record in prompts)


def _prompt(number: int, text: str) -> Dialogue:
    return Dialogue(
        id=f"invented:{number}", kind="translation", messages=(Message(role="user", content=text),)
    )


@needs_shared
def test_vaivs_own_pool_loses_what_was_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pool in place of its sources; the length rule has no error, only the vectors are not known."""
    monkeypatch.chdir(tmp_path)
    downloads.write_ppo(tmp_path)
    rewarded = Path("runs/friendly-rm-v1-prompts/steps/prompts/records.jsonl")
    rewarded.parent.mkdir(parents=True)
    write_records(rewarded, [_prompt(0, "이것은 묻지 않은 것입니다")])
    made = SHARED / "vaiv" / "ppo_prompts" / "Make_dataset"
    names = {
        "talk": "conversation",
        "abusive": "hatespeech",
        "fresh": "translation",
        "self-instruct": "selfInstruct",
    }
    recipe = yaml.safe_load((BUILT_IN / "friendly-ppo-prompts.yaml").read_text(encoding="utf-8"))
    for step, name in names.items():
        recipe["steps"][step] = {
            "use": "read",
            "source": "vaiv-prompts",
            "path": str(made / f"step3_{name}.json"),
            "repeats": "keep",
        }
    mine = tmp_path / "friendly-ppo-prompts.yaml"
    mine.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    assert run(str(mine)) == 0
    assert len(records("friendly-ppo-prompts", "pool")) == 3_819
    steps = Path("runs/friendly-ppo-prompts/steps")
    lost = Counter(
        json.loads(line)["file"].split(":")[1].split("_")[0]
        for step in ("talk-kept", "rest-kept")
        for line in (steps / step / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
        if json.loads(line)["code"] == "short-prompt"
    )
    assert lost == {
        "conversation": 1_144 - 820,
        "hatespeech": 637 - 484,
        "translation": 1_538 - 1_328,
        "selfInstruct": 500 - 499,
    }
    assert 0 < read_json(steps / "talk-kept" / "stats.json")["dropped"]["cosine-word"] < 39


@pytest.mark.parametrize("name", TRAINING)
def test_a_system_trains_as_its_recipe_says(
    name: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small)
    quick = ["model=tiny", "threads=1", "scale=0.002", "split.held_out=6", f"base.tiny={TINY}"]
    if name == "friendly-sft":
        quick += ["abusive.max_records=4000", "evol.max_records=4000"]  # scaled to 8 each
    assert run(name, "--out", str(tmp_path / "run"), *(f"--set={setting}" for setting in quick)) == 0
    model = tmp_path / "run" / "models" / "sft"
    config = read_json(model / "adapter_config.json")
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (8, 16, 0.05)
    assert config["target_modules"] == ["query_key_value"]
    template = read_json(model / "template.json")
    assert template["name"] == ("koalpaca-bilingual" if name.startswith("koalpaca") else "kullm")
    journal = (tmp_path / "run" / "steps" / "sft" / "journal.jsonl").read_text(encoding="utf-8")
    assert '"validation"' in journal and "NaN" not in journal
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "licence" in card or "license" in card


def evaluation_rows(count: int) -> list[dict[str, object]]:
    """The shape of the published kullm-v1.jsonl; ids as there, the words invented."""
    texts = downloads.Texts(5)
    return [
        {
            "id": f"user_oriented_task_{n}",
            "motivation_app": "a",
            "instruction": texts.text(),
            "input": "",
            "output": "b",
        }
        for n in range(count)
    ]


@pytest.mark.parametrize("source", ["gpt4all", "kullm", "alpaca"])
def test_the_published_file_called_v1_is_refused_with_the_reason(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under whichever source it is read: it is the evaluation set."""
    monkeypatch.chdir(tmp_path)
    downloads.write_lines(tmp_path / "kullm-v1.jsonl", evaluation_rows(60))
    overrides = ("--set", "gpt4all.path=kullm-v1.jsonl", "--set", f"gpt4all.source={source}")
    assert run("kullm-v1", *overrides) == 3
    said = capsys.readouterr().err
    assert "60 of 60 records belong to the evaluation set" in said and "kullm-v1.jsonl" in said
    assert "Traceback" not in said and not Path("runs/kullm-v1/steps/sft").exists()


@needs_shared
def test_the_real_file_called_v1_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("kullm-v1.jsonl", "user_oriented_instructions_eval.jsonl"):
        assert run("kullm-v1", "--set", f"gpt4all.path={SHARED / 'kullm' / file}") == 3
        assert "168 of 168 records belong to the evaluation set" in capsys.readouterr().err


def test_a_few_evaluation_items_in_a_file_that_is_something_else_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    downloads.write_kullm(tmp_path, 60)
    path = tmp_path / "gpt4all-ko.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    downloads.write_lines(path, [*rows, *evaluation_rows(3)])
    assert run("kullm-v1", "--until", "gpt4all") == 0
    stats = read_json(Path("runs/kullm-v1/steps/gpt4all/stats.json"))
    assert (stats["records"], stats["dropped"], stats["unreadable"]) == (60, {"evaluation-item": 3}, 0)


def commands(name: str) -> list[list[str]]:
    """The calls that the comment above a recipe shows."""
    text = (BUILT_IN / f"{name}.yaml").read_text(encoding="utf-8")
    lines = re.findall(r"^#   (dajeong run .*)$", text, re.MULTILINE)
    return [shlex.split(re.split(r"\s{3,}", line)[0]) for line in lines]


@pytest.mark.parametrize("name", STAGES)
def test_the_calls_in_a_recipes_comment_are_right(
    name: str, tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in small.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "147.x").mkdir()
    downloads.write_json(tmp_path / "self-instruct-ko.json", [])
    downloads.write_lines(tmp_path / "rm-replies.jsonl", [])
    downloads.write_json(tmp_path / "human-pairs.json", [])
    for earlier in ("friendly-sft/steps/instructions", "friendly-rm-v1-prompts/steps/prompts"):
        downloads.write_lines(tmp_path / "runs" / earlier / "records.jsonl", [])
    for output in ("records", "held_out", "test"):
        downloads.write_lines(tmp_path / f"runs/friendly-rm-v2/steps/split/{output}.jsonl", [])
    monkeypatch.chdir(tmp_path)
    found = commands(name)
    assert found
    for command in found:
        assert command[:3] == ["dajeong", "run", name]
        overrides = [value for option, value in zip(command, command[1:], strict=False) if option == "--set"]
        until = [value for option, value in zip(command, command[1:], strict=False) if option == "--until"]
        recipe = load(name, overrides)
        assert recipe.shared.name == name and {*until} <= {step.name for step in recipe.steps}


def test_every_recipe_is_in_the_page_of_recipes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in built_in_names() if f"`{name}`" not in page] == []
