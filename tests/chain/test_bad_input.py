"""Bad input through the real command: the designed exit code, one message with its place, no half work."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dajeong.cli import main
from dajeong.lock import locked
from dajeong.messages import choose_language
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny

ROW = {"instruction": "점심 뭐 먹을까?", "output": "김치찌개가 좋겠어요."}
LINE = json.dumps(ROW, ensure_ascii=False)
READ = "steps:\n  r: {use: read, source: alpaca, path: rows.jsonl}\n"
LEARN = READ + "  s: {use: sft, model: ./model, data: r, template: koalpaca, updates: 2, max_tokens: 128}\n"
NO_MODEL = LEARN.replace("./model", "owner/name")


def rows(count: int, **replaced: str) -> str:
    """Distinct good rows; `line_3="…"` puts that text into line 3."""
    lines = [
        json.dumps({**ROW, "instruction": f"{number}번 점심 뭐 먹을까?"}, ensure_ascii=False)
        for number in range(1, count + 1)
    ]
    for name, text in replaced.items():
        lines[int(name.removeprefix("line_")) - 1] = text
    return "\n".join(lines) + "\n"


class Bad(NamedTuple):
    """A recipe and what lies beside it, and what must be said."""

    recipe: str
    code: int
    says: tuple[str, ...]
    data: str | bytes | None = LINE + "\n"
    begins: bool = True
    """Whether the run begins at all; what is seen in the recipe alone leaves no folder."""


ROBOT = {"messages": [{"role": "user", "content": "안녕?"}, {"role": "robot", "content": "삐빅"}]}

DATA = {
    "missing file": Bad(READ, 3, ("recipe.yaml:2", "rows.jsonl"), None, begins=False),
    "missing records": Bad(
        "steps:\n  p: {use: pairs, contrasts: none.jsonl}\n", 3, ("recipe.yaml:2", "none.jsonl"), begins=False
    ),
    "empty file": Bad(READ, 3, ("rows.jsonl", "holds no records"), b""),
    "truncated line": Bad(READ, 3, ("rows.jsonl:3", "1 of 3"), rows(3, line_3=LINE[:25])),
    "more than one in a hundred unreadable": Bad(
        READ, 3, ("2 of 120", "rows.jsonl:7", "max_unreadable"), rows(120, line_7="{]", line_99="[1")
    ),
    "cp949": Bad(READ, 3, ("rows.jsonl", "CP949", "iconv"), rows(3).encode("cp949")),
    "unknown role": Bad(
        READ.replace("alpaca", "messages"), 3, ("rows.jsonl:1", "robot", "assistant"), json.dumps(ROBOT)
    ),
    "most rows dropped": Bad(
        READ, 3, ("max_dropped", "empty-answer"), (json.dumps({**ROW, "output": " "}) + "\n") * 2 + LINE
    ),
    "unknown template": Bad(
        NO_MODEL.replace("koalpaca", "koalpacca"),
        2,
        ("recipe.yaml:3", "koalpacca", "koalpaca?"),
        begins=False,
    ),
    "unknown source": Bad(READ.replace("alpaca", "alpacca"), 2, ("recipe.yaml:2", "alpaca"), begins=False),
    "typo": Bad(
        NO_MODEL.replace("updates", "updats"), 2, ("recipe.yaml:3", "updats", "updates"), begins=False
    ),
    "value": Bad(NO_MODEL.replace("updates: 2", "updates: two"), 2, ("recipe.yaml:3", "two"), begins=False),
    "tab": Bad("steps:\n\tr: {use: read}\n", 2, ("recipe.yaml:2",), begins=False),
}

MODELS = {
    "no model": ("./model",),
    "no tokenizer": ("model", "tokenizer.json"),
    "pickle": ("pytorch_model.bin", "pickle"),
    "attention that cannot be replaced": ("BloomForCausalLM", "attention"),
    "weights missing from the file": ("model", "lm_head"),
}


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


Refused = Callable[[Bad], str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a bad recipe in tmp_path and returns the message."""
    monkeypatch.chdir(tmp_path)

    def _refused(bad: Bad) -> str:
        Path("recipe.yaml").write_text(bad.recipe, encoding="utf-8")
        if bad.data is not None:
            Path("rows.jsonl").write_bytes(bad.data if isinstance(bad.data, bytes) else bad.data.encode())
        code = main(["run", "recipe.yaml", "--out", "run", "--set", "threads=1", "--quiet"])
        out, err = capsys.readouterr()
        assert code == bad.code, err
        assert out == "" and "Traceback" not in err and err.startswith("dajeong: ")
        assert len(err.splitlines()) <= 8
        assert [word for word in bad.says if word not in err] == [], err
        return err

    return _refused


def assert_nothing_half_written(run: Path, failed: str) -> None:
    """The failed step left its diary and its rejects at most, and nothing that a later run takes for done."""
    assert not list(run.rglob(".*")) and not list(run.rglob("*.tmp"))
    assert not (run / "models" / failed).exists() and not (run / "results.json").exists()
    left = {file.name for file in (run / "steps" / failed).iterdir()}
    assert left <= {"started.json", "journal.jsonl", "rejects.jsonl"}
    assert (run / "error.txt").is_file() and not (run / "lock.json").exists()


@pytest.mark.parametrize("name", DATA)
def test_bad_data_and_recipes(name: str, refused: Refused) -> None:
    refused(DATA[name])
    if DATA[name].begins:
        assert_nothing_half_written(Path("run"), "r")
    else:
        assert not Path("run").exists()


def test_what_is_refused_is_kept_with_its_reason(refused: Refused) -> None:
    refused(DATA["more than one in a hundred unreadable"])
    lines = Path("run/steps/r/rejects.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [json.loads(line) for line in lines]
    assert [(row["file"], row["line"]) for row in kept] == [("rows.jsonl", 7), ("rows.jsonl", 99)]
    assert all(row["reason"] and row["excerpt"] for row in kept)


def test_a_little_that_is_unreadable_is_borne_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(READ, encoding="utf-8")
    Path("rows.jsonl").write_text(rows(120, line_7="{]"), encoding="utf-8")
    assert main(["run", "recipe.yaml", "--out", "run", "--set", "threads=1"]) == 0
    assert "rows.jsonl:7" in capsys.readouterr().err
    assert len(Path("run/steps/r/records.jsonl").read_text(encoding="utf-8").splitlines()) == 119
    assert len(Path("run/steps/r/rejects.jsonl").read_text(encoding="utf-8").splitlines()) == 1


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    shape = TinySettings(layers=1, hidden=16, heads=2, vocabulary=320, positions=128)
    write_tiny(folder, [ROW["instruction"], ROW["output"]] * 4, shape, seed=0)
    return folder


def spoiled(how: str, tiny: Path, folder: Path) -> None:
    """`tiny` copied into `folder`, and one thing wrong with it."""
    if how == "no model":
        return
    shutil.copytree(tiny, folder)
    if how == "no tokenizer":
        for file in folder.glob("tokenizer*"):
            file.unlink()
    elif how == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif how == "attention that cannot be replaced":
        from transformers import BloomConfig, BloomForCausalLM

        size = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
        BloomForCausalLM(BloomConfig(vocab_size=size, hidden_size=16, n_layer=1, n_head=2)).save_pretrained(
            folder
        )
    elif how == "weights missing from the file":
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        del weights[next(name for name in weights if "out" in name or "lm_head" in name)]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("how", MODELS)
def test_bad_models(how: str, tiny: Path, tmp_path: Path, refused: Refused) -> None:
    spoiled(how, tiny, tmp_path / "model")
    begins = how != "no model"
    refused(Bad(LEARN, 4, MODELS[how], begins=begins))
    if begins:
        assert_nothing_half_written(Path("run"), "s")
        assert Path("run/steps/r/manifest.json").is_file(), "what was done before stays done"
    else:
        assert not Path("run").exists()


def test_the_good_model_is_taken(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe of the refusals is refused for what was spoiled and for nothing else."""
    spoiled("", tiny, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(LEARN, encoding="utf-8")
    Path("rows.jsonl").write_text(LINE, encoding="utf-8")
    assert main(["run", "recipe.yaml", "--out", "run", "--set", "threads=1", "--quiet"]) == 0


def test_a_second_run_in_the_folder(refused: Refused, tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        said = refused(Bad(READ, 7, (str(Path("run")),)))
        assert "pid" in said
    assert not (tmp_path / "run" / "steps").exists()
