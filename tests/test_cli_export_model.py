"""`dajeong export` through the real command: what it prints, what it refuses, and that help loads nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent / room) for room in ("models", "export")]

from fake_hub import fake_hub
from families import write_family
from small_export import make_run

from dajeong.cli import main
from dajeong.messages import choose_language


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli")
    write_family(root / "neox", "neox")
    return make_run(root / "run", root / "neox")


def test_each_form_is_a_folder_of_its_own(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = {
        "adapter": "adapter_model.safetensors",
        "merged": "model.safetensors",
        "gguf": "model.gguf",
        "ollama": "Modelfile",
    }
    for form, file in wanted.items():
        assert main(["export", str(run), str(tmp_path / form), f"--{form}", "--json", "--quiet"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["form"] == form and file in told["files"] and "README.md" in told["files"]
        assert (told["gap"] is not None) == (form == "merged")
        assert (told["tokenizer_lines"] is not None) == (form in ("gguf", "ollama"))


def test_people_read_the_gap_and_the_files(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run), str(tmp_path / "out"), "--merged"]) == 0
    said = capsys.readouterr().out
    assert "largest logit difference" in said and "100%" in said and "model.safetensors" in said


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "--adapter, --merged, --gguf, --ollama"),
        (["--merged", "--gguf"], 2, "Choose one form"),
        (["--merged", "--dtype", "q8_0"], 2, "float32, bfloat16, float16"),
        (["--merged", "--dtype", "int3"], 2, "int3"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    assert main(["export", str(run), str(tmp_path / "out"), *options]) == code
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_push_ends_at_the_repository(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "Invented" * 4)
    with fake_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        arguments = ["export", str(run), str(tmp_path / "out"), "--adapter", "--push", "a/b", "--quiet"]
        assert main(arguments) == 0
        assert f"uploaded: {hub.address}/a/b" in capsys.readouterr().out
        written = {path for path in (tmp_path / "out").rglob("*") if path.is_file()}
        assert set(hub.files) == {path.relative_to(tmp_path / "out").as_posix() for path in written}
