"""Nothing private leaves: planted secrets are found, and the Hub gets every file or none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import gguf
import pytest
import torch
from fake_hub import Hub, fake_hub
from safetensors.torch import save_file
from small_export import handed

from dajeong.errors import DataProblem, RemoteProblem
from dajeong.export.push import check_clean, push
from dajeong.export.scan import scan

KEY = "hf_" + "Invented" * 4
PLANTED = {
    "a key of the Hub": ("README.md", f"token {KEY}", "secret"),
    "a key of OpenAI's kind": ("dajeong.json", '{"key": "sk-' + "a1B2" * 6 + '"}', "secret"),
    "a key in an address": ("README.md", "https://somebody:wordword@localhost/x", "secret"),
    "a password": ("notes.txt", "password = correcthorse", "secret"),
    "a private key": ("notes.txt", "-----BEGIN RSA PRIVATE KEY-----", "secret"),
    "a bearer": ("chat_template.jinja", "Authorization: Bearer abcdefghijklmnop1234", "secret"),
    "a key behind escapes": ("x.json", '{"k": "\\u0068f_' + "Invented" * 4 + '"}', "secret"),
    "a telephone": ("README.md", "문의: 010-1234-5678이에요", "mobile"),
    "a resident number": ("train.jsonl", '{"text": "900101-1234567"}', "resident"),
    "an e-mail address": ("README.md", "somebody@example.com", "email"),
    "a home": ("config.json", '{"_name_or_path": "/home/somebody/models/base"}', "path"),
    "a home on Windows": ("config.json", '{"path": "C:\\\\Users\\\\somebody\\\\base"}', "path"),
    "a home on a Mac": ("adapter_config.json", '{"base_model_name_or_path": "/Users/somebody/base"}', "path"),
    "a file's address": ("README.md", "file:///srv/models/base", "path"),
    "a pickle": ("optimizer.pt", "", "file"),
    "a hidden file": (".env", "A=1", "file"),
    "a script": ("run.py", "print(1)", "file"),
}


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(
        "---\nlicense: apache-2.0\n---\n\n다정한 모델입니다.\n", encoding="utf-8"
    )
    (tmp_path / "config.json").write_text('{"bos_token": "<|endoftext|>", "v": "2.13.0"}', encoding="utf-8")
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path


@pytest.mark.parametrize("what", PLANTED)
def test_e03_what_is_planted_is_found(clean: Path, what: str) -> None:
    name, content, kind = PLANTED[what]
    assert scan(clean) == []
    (clean / name).write_text(content + "\n", encoding="utf-8")
    found = scan(clean)
    assert {(each.file, each.kind) for each in found} == {(name, kind)}
    with pytest.raises(DataProblem) as refused:
        check_clean(clean)
    assert name in str(refused.value) and (not content or content.strip() not in str(refused.value))


def test_weights_are_asked_what_they_say_of_themselves(clean: Path) -> None:
    save_file({"a": torch.zeros(2)}, clean / "model.safetensors", metadata={"from": "/home/somebody/run"})
    assert [(each.file, each.kind) for each in scan(clean)] == [("model.safetensors", "path")]
    writer = gguf.GGUFWriter(clean / "model.gguf", "gptneox")
    writer.add_description(f"made by {KEY}")
    writer.add_token_list(["가", "/root/somebody/x"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    (clean / "model.safetensors").unlink()
    assert [each.kind for each in scan(clean)] == ["secret", "path"]


def test_a_key_that_this_process_holds_is_found_whatever_it_looks_like(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTED_API_KEY", "말없는다정한열쇠입니다요")
    (clean / "README.md").write_text("말없는다정한열쇠입니다요", encoding="utf-8")
    assert [each.kind for each in scan(clean)] == ["secret"]


def test_a_link_is_not_followed(clean: Path) -> None:
    (clean / "more.json").symlink_to("/etc/hostname")
    assert [(each.file, each.kind) for each in scan(clean)] == [("more.json", "file")]


@pytest.mark.parametrize("form", ["adapter", "merged", "ollama"])
def test_nothing_is_found_in_our_own_exports(run: Path, tmp_path: Path, form: str) -> None:
    handed(run, tmp_path / "out", form)
    assert scan(tmp_path / "out") == []


# --- the Hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", KEY)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    with fake_hub() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        yield found


def test_every_file_arrives_as_it_is(merged: Path, hub: Hub) -> None:
    assert push(merged, "a/b", private=True) == f"{hub.address}/a/b"
    assert hub.files == {path.name: path.read_bytes() for path in merged.iterdir()}
    assert "private" in {hub.created[0].get("visibility"), *hub.created[0]} and hub.keys == {f"Bearer {KEY}"}


def test_nothing_is_asked_while_something_private_is_there(merged: Path, tmp_path: Path, hub: Hub) -> None:
    shutil.copytree(merged, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text(f"{KEY}\n010-1234-5678\n", encoding="utf-8")
    with pytest.raises(DataProblem, match=r"notes.txt:1 secret.*notes.txt:2 mobile") as refused:
        push(tmp_path / "out", "a/b", private=False)
    assert hub.asked == [] and KEY not in str(refused.value)


@pytest.mark.parametrize("status", [401, 403, 409, 500])
def test_e03_a_hub_that_refuses_is_named_and_the_key_is_not(merged: Path, hub: Hub, status: int) -> None:
    hub.refuses = status
    with pytest.raises(RemoteProblem, match="a/b") as refused:
        push(merged, "a/b", private=False)
    assert KEY not in str(refused.value) and hub.files == {}


def test_e03_a_hub_that_goes_away_leaves_the_folder_and_takes_it_the_next_time(
    merged: Path, hub: Hub
) -> None:
    hub.hangs_up = True
    before = {path.name: path.read_bytes() for path in merged.iterdir()}
    with pytest.raises(RemoteProblem):
        push(merged, "a/b", private=False)
    hub.hangs_up = False
    push(merged, "a/b", private=False)
    assert hub.files == before == {path.name: path.read_bytes() for path in merged.iterdir()}


def test_offline_and_without_a_key_nothing_is_sent(
    merged: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RemoteProblem, match="HF_HUB_OFFLINE"):
        push(merged, "a/b", private=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere")
    with pytest.raises(RemoteProblem, match="HF_TOKEN"):
        push(merged, "a/b", private=False)
    assert hub.asked == [] and json.dumps(hub.created) == "[]"
