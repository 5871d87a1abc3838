"""`dajeong judge` and `dajeong eval quality | winrate` from the outside: figures, prices, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.records import Message, Reply
from dajeong.storage import write_records
from scripted_server import Script, Server, scripted


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


@pytest.fixture
def replies(tmp_path: Path) -> Path:
    asked = (Message(role="user", content="점심에 뭐 먹을까요?"),)
    path = tmp_path / "replies.jsonl"
    made = [
        Reply(
            id=f"{author}{number}",
            prompt_id=str(number),
            prompt=asked,
            content=f"국수 {number}그릇, {author}",
            author=author,
        )
        for author in ("sft", "ppo")
        for number in range(3)
    ]
    write_records(path, made)
    return path


Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def said(*arguments: str) -> tuple[int, str]:
        code = main(list(arguments))
        return code, capsys.readouterr().out

    return said


def asking(server: Server, *more: str) -> list[str]:
    prices = ["--set", "service.price_in=1", "--set", "service.price_out=2"]
    return ["--model", "scripted", "--base-url", f"{server.url}/v1", "--method", "greedy", *prices, *more]


def test_figures_come_as_json_and_the_files_stay_where_they_are_wanted(
    replies: Path, say: Say, tmp_path: Path
) -> None:
    with scripted(Script(reply=lambda messages: "4")) as server:
        code, out = say(
            "--json",
            "judge",
            str(replies),
            *asking(server, "--rubric", "korean", "--out", str(tmp_path / "out")),
        )
        assert code == 0 and len(server.calls) == 24
        again, _ = say(
            "--json",
            "judge",
            str(replies),
            *asking(server, "--rubric", "korean", "--out", str(tmp_path / "out")),
        )
        assert again == 0 and len(server.calls) == 24, "what was answered is kept"
    rows = json.loads(out)
    assert {row["metric"] for row in rows} == {
        "register",
        "native-wording",
        "finished",
        "no-repetition",
        "total",
    }
    assert (tmp_path / "out" / "steps" / "judge" / "scores.jsonl").is_file()


def test_a_dry_run_says_the_price_and_sends_nothing(replies: Path, say: Say) -> None:
    with scripted() as server:
        code, out = say("judge", str(replies), *asking(server, "--rubric", "korean", "--dry-run"))
        assert code == 0 and not server.calls and "24 requests" in out


def test_pairs_are_compared_in_both_orders(replies: Path, say: Say) -> None:
    with scripted(Script(reply=lambda messages: "A")) as server:
        code, out = say("judge", str(replies), "--pairs", *asking(server))
        assert code == 0 and len(server.calls) == 6 and "win_rate" in out and "both orders agree in 0%" in out


def test_a_judge_is_needed_and_a_wrong_method_is_a_usage_error(replies: Path, say: Say) -> None:
    assert say("judge", str(replies))[0] == 2
    with scripted() as server:
        wrong = ["--model", "m", "--base-url", f"{server.url}/v1", "--method", "exact"]
        assert say("judge", str(replies), *wrong)[0] == 2
