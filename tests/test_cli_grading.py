"""`dajeong judge` and `dajeong eval quality | winrate` from the outside: figures, prices, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Message, Reply, Result
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


def rows_in(out: str) -> list[Result]:
    return [Result.model_validate(row) for row in json.loads(out)]


def test_replies_are_graded_and_set_beside_people_at_once(replies: Path, say: Say, tmp_path: Path) -> None:
    table = tmp_path / "human.csv"
    lines = [f"sft{n},{n + 1}" for n in range(3)] + [f"ppo{n},{n + 2}" for n in range(3)]
    table.write_text("reply_id,finished\n" + "\n".join(lines) + "\n", encoding="utf-8")
    says = Script(reply=lambda messages: messages[1]["content"].split("국수 ")[1][0].replace("0", "3"))
    with scripted(says) as server:
        more = ["--rubric", "korean", "--set", "criteria=[finished]", "--against", str(table)]
        code, out = say("--json", "judge", str(replies), *asking(server, *more))
        assert code == 0 and len(server.calls) == 6
        rows = rows_in(out)
        assert {row.task for row in rows} == {"quality", "agreement/finished"}
        (rank,) = [row for row in rows if row.metric == "spearman"]
        assert rank.model == "scripted" and rank.n == 6
        pairs = ["judge", str(replies), "--pairs", "--against", str(table)]
        assert say(*pairs, *asking(server))[0] == 2


def test_replies_become_tables_with_a_reference(replies: Path, say: Say) -> None:
    with scripted(Script(reply=lambda messages: "4")) as server:
        given = asking(server, "--rubric", "korean", "--reference", "sft")
        code, out = say("--json", "eval", "quality", str(replies), *given)
        rows = rows_in(out)
        assert code == 0 and {row.model for row in rows} == {"sft", "ppo"}
        assert any(row.metric == "relative finished" and row.value == 100 for row in rows)
        calls = len(server.calls)
        assert say("eval", "quality", str(replies), *asking(server, "--reference", "base"))[0] == 2
        assert len(server.calls) == calls, "an unknown reference is found before anything is paid"


def test_models_answer_prompts_and_are_judged(replies: Path, say: Say, tmp_path: Path) -> None:
    shape = TinySettings(layers=1, hidden=16, heads=2, vocabulary=300, positions=256)
    for seed, name in enumerate(("one", "two")):
        write_tiny(tmp_path / name, ["점심에 뭐 먹을까요?"] * 3, shape, seed)
    asked = [{"instruction": f"점심 {n}번에 뭐 먹을까요?", "output": "국수요."} for n in range(3)]
    prompts = tmp_path / "prompts.json"
    prompts.write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
    models = [str(tmp_path / "one"), str(tmp_path / "two"), "--prompts", str(prompts)]
    short = ["--set", "replies.decoding.max_new_tokens=8", "--set", "max_missing=1"]
    with scripted(Script(reply=lambda messages: "A")) as server:
        code, out = say("--json", "eval", "winrate", *models, *asking(server, *short))
        assert code == 0 and len(server.calls) == 6
        rows = rows_in(out)
        assert {(row.task, row.model, row.n) for row in rows} == {("winrate", "two", 3)}
    with scripted(Script(reply=lambda messages: "4")) as server:
        given = asking(server, "--rubric", "korean", *short)
        code, out = say("--json", "eval", "quality", *models, *given)
        assert code == 0 and {(row.model, row.decoding) for row in rows_in(out)} == {
            ("one", "T 0.8"),
            ("two", "T 0.8"),
        }
    empty = tmp_path / "pairs.json"
    empty.write_text('[{"prompt": "?", "chosen": "네", "rejected": "꺼져"}]', encoding="utf-8")
    with scripted() as server:
        assert say("eval", "winrate", *models[:2], "--prompts", str(empty), *asking(server))[0] == 3
