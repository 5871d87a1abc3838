"""A canary key: sent to the service, and to be found nowhere else, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import client, questions
from pydantic import ValidationError

from dajeong.errors import RemoteProblem, UsageProblem
from dajeong.remote.request import Answer
from dajeong.remote.secrets import without_keys
from dajeong.remote.settings import ServiceSettings
from dajeong.settings_reader import read_settings
from scripted_server import Answer as Raw
from scripted_server import Fault, Messages, Script, error, scripted

CANARY = "sk-canary-7d1f0c2b9e8a4455"


@pytest.fixture(autouse=True)
def _canary(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    monkeypatch.setenv("CANARY_KEY", CANARY)
    caplog.set_level(logging.DEBUG)
    yield


def holds_canary(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]


ECHOES: list[Fault] = [
    None,
    401,
    error(401, "invalid_api_key", f"Incorrect API key provided: {CANARY}."),
    error(400, "bad", f"header was Authorization: Bearer {CANARY}"),
    error(429, "insufficient_quota", f"key {CANARY} has no credit"),
    error(500, "", CANARY),
    Raw(200, f"<html>{CANARY}</html>".encode()),
    Raw(200, f"{{ {CANARY}".encode()),
    Raw(200, {"choices": [{"message": {"content": None, "refusal": CANARY}}]}),
    Raw(400, CANARY.encode()),
    "reset",
]


@pytest.mark.parametrize("fault", ECHOES, ids=lambda fault: getattr(fault, "status", fault))
def test_the_key_is_sent_and_stays_nowhere(
    fault: Fault, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(messages: Messages) -> str:
        return f"당신의 키는 {CANARY} 입니다"  # a proxy that tells everything

    said = ""
    script = Script(reply, key=CANARY, fault_of=lambda *_: fault)
    with scripted(script) as server:
        more = {"key_env": "CANARY_KEY", "max_retries": 1, "max_failures_in_a_row": 2}
        with client(server, tmp_path / "remote.sqlite", **more) as ours:
            try:
                for found in ours.answers(questions(3)):
                    said += repr(found)
            except RemoteProblem as problem:
                said += "".join(traceback.format_exception(problem)) + str(problem)
            assert CANARY.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir()), (
                "while it is open"
            )
        assert all(call.headers["authorization"] == f"Bearer {CANARY}" for call in server.calls)
    assert said and CANARY not in said
    assert CANARY not in caplog.text and CANARY not in "".join(capsys.readouterr())
    assert holds_canary(tmp_path) == []


def test_a_wrong_key_is_a_stop_that_names_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(Script(key="another")) as server, client(server, key_env="CANARY_KEY") as ours:
        with pytest.raises(RemoteProblem) as refused:
            ours.answers(questions(3))
        assert refused.value.code == "service-key-refused" and CANARY not in str(refused.value)
        assert "***" in str(refused.value) and len(server.calls) == 1


@pytest.mark.parametrize(
    ("value", "code"), [("", "key-missing"), (" \n", "key-missing"), ("한글", "key-unusable")]
)
def test_a_key_that_is_not_there_is_said_before_anything_is_sent(
    value: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", value)
    with scripted() as server, client(server, key_env="CANARY_KEY") as ours:
        ours.estimate(questions(3))
        with pytest.raises(RemoteProblem) as refused:
            ours.answers(questions(3))
        assert refused.value.code == code and "CANARY_KEY" in str(refused.value) and server.calls == []


def test_kept_answers_need_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(Script(key=CANARY)) as server:
        with client(server, tmp_path / "kept", key_env="CANARY_KEY") as ours:
            ours.answers(questions(3))
        monkeypatch.delenv("CANARY_KEY")
        with client(server, tmp_path / "kept", key_env="CANARY_KEY") as ours:
            assert all(isinstance(found, Answer) for found in ours.answers(questions(3)))


def test_a_key_of_openai_is_not_sent_to_anybody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with scripted() as server, client(server) as ours:
        ours.answers(questions(1))
        assert "authorization" not in server.calls[0].headers


def test_a_service_that_sends_elsewhere_is_not_followed() -> None:
    with scripted() as other, scripted(Script(faults=[Raw(307, b"", {"location": other.url})])) as server:
        with client(server, key_env="CANARY_KEY") as ours, pytest.raises(RemoteProblem):
            ours.answers(questions(1))
        assert other.calls == []


def test_a_short_word_for_a_key_does_not_eat_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", "EMPTY")
    script = Script(reply=lambda _: "EMPTY는 비었다는 뜻")
    with scripted(script) as server, client(server, key_env="CANARY_KEY") as ours:
        [found] = ours.answers(questions(1))
    assert isinstance(found, Answer) and found.text.startswith("EMPTY")


@pytest.mark.parametrize(
    "address",
    [
        "https://me:secret@host/v1",
        "https://host/v1?key=sk-abcdefgh",
        "ftp://host",
        "api.openai.com/v1",
        "http://",
    ],
)
def test_an_address_holds_no_key(address: str) -> None:
    with pytest.raises(ValidationError):
        ServiceSettings(model="m", base_url=address)


@pytest.mark.parametrize("name", ["api_key", "Authorization", "stream", "n"])
def test_further_fields_bring_no_key_and_no_other_form(name: str) -> None:
    with pytest.raises(UsageProblem) as refused:
        read_settings(ServiceSettings, {"model": "m", "extra": {name: CANARY}}, lambda path: "r.yaml:3")
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "Incorrect API key provided: sk-proj-abcd************wxyz. You can find",
        "Bearer abcdefgh1234",
        "DeepL-Auth-Key 279a2e9d-83b3-c416-7e2d-f721593e42a0:fx",
        "key 279a2e9d-83b3-c416-7e2d-f721593e42a0:fx is wrong",
        "hf_abcdefghijkl",
    ],
)
def test_what_looks_like_a_key_is_struck_out_even_if_it_is_not_ours(line: str) -> None:
    said = without_keys(line, None)
    assert "***" in said
    assert not any(part in said for part in ("abcd", "279a", "wxyz"))


def test_our_own_key_is_struck_out_whatever_it_looks_like() -> None:
    assert without_keys("the key plain-word is wrong", "plain-word") == "the key *** is wrong"


def test_a_detail_is_one_short_line() -> None:
    assert without_keys("가\n나\t다 " + "라" * 1000, None).startswith("가 나 다 라")
    assert len(without_keys("라" * 1000, None)) == 300


def test_a_key_pasted_into_a_recipe_is_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageProblem) as refused:
        read_settings(ServiceSettings, {"model": "m", "key_env": CANARY}, lambda path: "r.yaml:3")
    assert "key_env" in str(refused.value) and CANARY not in str(refused.value)
