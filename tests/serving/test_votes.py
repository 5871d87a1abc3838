"""Votes: what is acknowledged is on the disk, once, as a record that a recipe can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from small_server import QUESTION, Running, serving

from dajeong.records import Preference
from dajeong.serving.asked import VoteAsked
from dajeong.serving.service import dialogue
from dajeong.serving.shelf import Shelf
from dajeong.serving.votes import Votes, vote_record
from dajeong.storage import read_records

ANSWERS = [{"content": "좋아요!", "model": "sft"}, {"content": "같이 먹어요.", "model": "ppo"}]


def asked(**fields: Any) -> dict[str, Any]:
    return {"messages": QUESTION, "responses": ANSWERS, "choice": "second", **fields}


def record(**fields: Any) -> Preference:
    found = VoteAsked.model_validate(asked(**fields))
    return vote_record(found, tuple(dialogue(found.messages)))


@pytest.fixture
def kept(shelf: Shelf, tmp_path: Path) -> Any:
    with serving(lambda: shelf, votes=tmp_path / "new" / "votes.jsonl") as running:
        yield running


def vote(running: Running, **fields: Any) -> httpx.Response:
    return httpx.post(f"{running.url}/v1/votes", json=asked(**fields), timeout=30)


def test_a_vote_is_a_preference(kept: Running, tmp_path: Path) -> None:
    assert vote(kept, annotator="수진", vote_id="v1").json()["new"] is True
    (found,) = read_records(tmp_path / "new" / "votes.jsonl", Preference)
    assert found.labelled_by == "human:수진" and found.pairs() == [(1, 0)]
    assert [(each.content, each.author) for each in found.responses] == [
        ("좋아요!", "sft"),
        ("같이 먹어요.", "ppo"),
    ]
    assert found.prompt[-1].content == QUESTION[0]["content"]


def test_the_same_vote_counts_once(kept: Running, tmp_path: Path) -> None:
    told = [vote(kept, vote_id=each).json() for each in ("v1", "v1", "v2")]
    assert [each["new"] for each in told] == [True, False, True] and told[0]["id"] == told[1]["id"]
    assert len((tmp_path / "new" / "votes.jsonl").read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"choice": "left"},
        {"responses": ANSWERS[:1]},
        {"annotator": "../x y"},
        {"messages": [*QUESTION, {"role": "assistant", "content": "네"}]},
    ],
    ids=str,
)
def test_what_is_no_vote_is_refused(kept: Running, tmp_path: Path, fields: dict[str, Any]) -> None:
    assert vote(kept, **fields).status_code == 400
    assert not (tmp_path / "new" / "votes.jsonl").exists()


def test_a_disk_that_is_full_keeps_no_half_of_a_vote(
    kept: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vote(kept, vote_id="v1").status_code == 200
    before = (tmp_path / "new" / "votes.jsonl").read_bytes()
    import os

    write = os.write
    with monkeypatch.context() as broken:
        broken.setattr("dajeong.serving.votes.os.write", lambda file, line: write(file, line[:20]))
        answer = vote(kept, vote_id="v2")
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "vote_not_kept"
    assert (tmp_path / "new" / "votes.jsonl").read_bytes() == before
    assert vote(kept, vote_id="v2").json()["new"] is True


def test_a_torn_line_of_a_killed_server_goes(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    Votes(path).add(record(vote_id="v1"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:30])
    assert not Votes(path).add(record(vote_id="v1")) and path.read_bytes() == whole
    assert Votes(path).add(record(vote_id="v2"))
    assert len(list(read_records(path, Preference))) == 2


def test_without_a_run_there_is_nowhere_to_keep_them(shelf: Shelf) -> None:
    with serving(lambda: Shelf(shelf.model, shelf.tokenizer, "sft", None, None, shelf.offered)) as running:
        answer = vote(running)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "no_votes"
