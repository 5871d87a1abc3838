"""Rows L01–L09 of the fault table, each as a test named after it. Votes are never lost and never doubled."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from label_parts import Client, Page, desk_of, items, listening_page, new_id, page

from dajeong.errors import EnvironmentProblem
from dajeong.serving.label_export import as_csv, raw
from dajeong.serving.label_folder import read
from dajeong.serving.label_items import kept
from dajeong.serving.label_store import COPY, DATABASE, Store, read_events
from dajeong.serving.label_votes import Vote

ALONE = {"overlap": 0.0, "repeats": 0.0}


def a_vote(number: int, annotator: str = "지우", **fields: Any) -> Vote:
    item = items(number + 1)[number]
    return Vote(
        id=new_id(),
        item=item.id,
        annotator=annotator,
        verdict="ranked",
        ranking=((0,), (1,)),
        order=(0, 1),
        **fields,
    )


# --- L01


def label_all(port: int, annotator: str, num: int, sent: dict[str, list[str]]) -> None:
    client = Client(port, annotator)
    waiting = client.items()
    while len(sent[annotator]) < num:
        item = waiting.pop(0)
        answer = client.vote(item, want=4 - len(waiting), beside=[each["id"] for each in waiting])
        waiting += answer["items"]
        sent[annotator].append(answer["id"])


def slow_vote(port: int, body: bytes, begun: threading.Event, go_on: threading.Event) -> bytes:
    """A vote whose bytes take as long as all the others together."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = (
            "POST /api/votes HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:20])
        begun.set()
        assert go_on.wait(120)
        connection.sendall(body[20:])
        with connection.makefile("rb") as answer:
            return answer.read()


def test_l01_eight_browsers_and_a_slow_one_lose_nothing(tmp_path: Path) -> None:
    names = [f"사람 {number}" for number in range(8)]
    sent: dict[str, list[str]] = {name: [] for name in names}
    with page(tmp_path, 240, **ALONE) as opened:
        slow = Client(opened.port, "느린 사람")
        body = slow.given(slow.items(1)[0])
        begun, go_on, answers = threading.Event(), threading.Event(), []
        waiting = threading.Thread(
            target=lambda: answers.append(slow_vote(opened.port, json.dumps(body).encode(), begun, go_on))
        )
        waiting.start()
        assert begun.wait(20)
        people = [threading.Thread(target=label_all, args=(opened.port, name, 25, sent)) for name in names]
        for each in people:
            each.start()
        for each in people:
            each.join()
        go_on.set()
        waiting.join()
    assert answers[0].startswith(b"HTTP/1.1 200")
    stored = [event for event in read_events(tmp_path) if isinstance(event, Vote)]
    assert sorted(vote.id for vote in stored) == sorted(
        [body["id"], *(one for some in sent.values() for one in some)]
    )
    assert len({vote.item for vote in stored}) == len(stored) == 201, (
        "one annotator an item: nobody got another's"
    )


# --- L02 (what happens in the browser itself is in test_label_page.py)


def test_l02_the_same_vote_twice_and_two_windows_are_one_vote(tmp_path: Path) -> None:
    with listening_page(desk_of(tmp_path, items(6))) as port:
        one, other = Client(port), Client(port)
        first, second = one.items(2)
        assert [each["id"] for each in other.items(2)] == [first["id"], second["id"]], "the same before both"
        body = one.given(first)
        answers = [client.ask("POST", "/api/votes", body)[1]["stands"] for client in (one, one, other)]
        assert answers == [True, True, True]
        assert other.vote(first, better=1)["stands"] is False, "the first one stands"
        status, answer = one.ask(
            "POST", "/api/undo", {"id": new_id(), "annotator": "지우", "vote": body["id"]}
        )
        assert status == 200 and answer["vote"] == body["id"]
        assert one.ask("POST", "/api/votes", body)[1]["stands"] is False, "sent once more, it stays undone"
        assert other.vote(first, better=1)["stands"] is True
    assert len(read_events(tmp_path)) == 3


def test_l02_an_undo_sent_twice_takes_back_one_vote(tmp_path: Path) -> None:
    with listening_page(desk_of(tmp_path, items(6))) as port:
        client = Client(port)
        voted = [client.vote(item)["id"] for item in client.items(3)]
        body = {"id": new_id(), "annotator": "지우"}
        assert [client.ask("POST", "/api/undo", body)[1]["vote"] for _ in range(3)] == [voted[2]] * 3
        deeper = [client.ask("POST", "/api/undo", {**body, "id": new_id()})[1] for _ in range(3)]
        assert [answer["vote"] for answer in deeper] == [voted[1], voted[0], None]
        assert deeper[-1]["progress"]["mine"] == 0


# --- L03


def test_l03_every_acknowledged_vote_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL after each of 50 votes; now and then after one whose answer nobody waited for."""
    acknowledged: list[str] = []
    opened = Page(tmp_path, 80, **ALONE)
    for number in range(50):
        client = Client(opened.port)
        unheard, heard = client.items(2)
        if number % 5 == 4:
            client.send(client.given(unheard))
        answer = Client(opened.port).vote(heard)
        assert answer["stands"]
        acknowledged.append(answer["id"])
        opened.kill()
        opened = Page(tmp_path, 80, **ALONE)
        assert opened.num_events >= len(acknowledged)
    opened.kill()
    for events in (read_events(tmp_path), Store(tmp_path).events):
        assert {event.id for event in events} >= set(acknowledged)
    copied = (tmp_path / COPY).read_text(encoding="utf-8")
    assert [each for each in acknowledged if each not in copied] == []


# --- L04


@pytest.fixture
def voted(tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder with votes, left as a kill leaves it: all of them still in the write-ahead log."""
    store = Store(tmp_path / "live")
    votes = [a_vote(number) for number in range(40)]
    for vote in votes:
        store.append(vote)
    shutil.copytree(tmp_path / "live", tmp_path / "killed")
    store.close()
    return tmp_path / "killed", [vote.id for vote in votes]


def reopened(folder: Path) -> tuple[list[str], Any]:
    store = Store(folder)
    try:
        return [event.id for event in store.events], store.healed
    finally:
        store.close()


def test_l04_a_corrupt_database_is_rebuilt_from_the_copy(voted: tuple[Path, list[str]]) -> None:
    folder, ids = voted
    reopened(folder)  # closing it writes the log into the database
    database = folder / DATABASE
    damaged = bytearray(database.read_bytes())
    for start in range(4096, len(damaged), 512):
        damaged[start : start + 64] = os.urandom(64)
    database.write_bytes(damaged)
    found, healed = reopened(folder)
    assert sorted(found) == sorted(ids) and healed.damaged.is_file() and healed.into_database == 40
    assert reopened(folder) == (found, (None, 0, 0))


@pytest.mark.parametrize("lost", ["wal", "database", "no database at all", "half a database"])
def test_l04_what_is_deleted_comes_back(voted: tuple[Path, list[str]], lost: str) -> None:
    folder, ids = voted
    log = folder / f"{DATABASE}-wal"
    assert log.is_file()
    if lost != "database":
        log.unlink()
    if lost == "half a database":
        (folder / DATABASE).write_bytes((folder / DATABASE).read_bytes()[:1000] or b"SQLite format 3\0half")
    elif lost != "wal":
        (folder / DATABASE).unlink()
    assert sorted(reopened(folder)[0]) == sorted(ids)


def test_l04_a_torn_or_missing_copy_is_filled_from_the_database(voted: tuple[Path, list[str]]) -> None:
    folder, ids = voted
    copy = folder / COPY
    copy.write_bytes(copy.read_bytes()[:-700] + b'{"event": "vote", "id"')
    assert reopened(folder)[0] == ids
    copy.unlink()
    found, healed = reopened(folder)
    assert found == ids and healed.into_copy == 40 and len(copy.read_bytes().splitlines()) == 40


def test_l04_a_locked_database_is_a_503_and_the_vote_can_be_sent_again(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, items(4))
    desk._store._database.execute("PRAGMA busy_timeout = 50")
    with listening_page(desk) as port:
        client = Client(port)
        body = client.given(client.items(1)[0])
        with sqlite3.connect(tmp_path / DATABASE) as other:
            other.execute("BEGIN IMMEDIATE")
            status, answer = client.ask("POST", "/api/votes", body)
            assert (status, answer["error"]["code"]) == (503, "not_stored")
            assert int(client.answer_headers["retry-after"]) > 0
            assert (tmp_path / COPY).read_bytes() == b"", "in neither of the two"
            other.execute("ROLLBACK")
        assert client.ask("POST", "/api/votes", body)[1]["stands"] is True
    assert len(read_events(tmp_path)) == 1


def test_l04_a_full_disk_is_an_error_and_nothing_is_half_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.append(a_vote(0))
    before = (tmp_path / COPY).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("dajeong.serving.label_copy.os.fsync", full)
        with pytest.raises(EnvironmentProblem, match="No space"):
            store.append(a_vote(1))
    assert (tmp_path / COPY).read_bytes() == before and len(read_events(tmp_path)) == 1
    store.append(a_vote(1))
    assert len(read_events(tmp_path)) == 2
    store.close()


# --- L06


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/C:%5CWindows%5Cwin.ini",
        "/votes.sqlite",
        "/api/../votes.jsonl",
        "/%00",
        "/api/export/../../votes.jsonl",
    ],
)
def test_l06_no_path_leads_to_a_file(tmp_path: Path, path: str) -> None:
    with listening_page(desk_of(tmp_path, items(2))) as port:
        status, answer = Client(port).ask("GET", path)
        assert status == 404 and answer["error"]["code"] == "not_found"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "%2e%2e", "con"])
def test_l06_names_are_only_names(tmp_path: Path, name: str) -> None:
    with listening_page(desk_of(tmp_path, items(2))) as port:
        client = Client(port, name)
        client.vote(client.items(1)[0])
        for item in (name, "item:none", "\x00"):
            body = {**client.given({"id": item, "stage": "first"})}
            assert client.ask("POST", "/api/votes", body)[0] == 400
    assert sorted(path.name for path in tmp_path.iterdir()) == [COPY, DATABASE]


@pytest.mark.parametrize("name", ["", "가\x00나", "x" * 41, "\u202egnp", "줄\n바꿈"])
def test_l06_a_name_that_cannot_be_shown_is_refused(tmp_path: Path, name: str) -> None:
    with listening_page(desk_of(tmp_path, items(2))) as port:
        assert Client(port).ask("POST", "/api/items", {"annotator": name})[0] == 400


# --- L07


GETS = ("/", "/health", "/api/figures", "/api/export", "/api/export?form=votes", "/api/export?form=csv")


def test_l07_key_host_and_origin(tmp_path: Path) -> None:
    with listening_page(desk_of(tmp_path, items(4)), "0.0.0.0", "열쇠-key".encode().hex()) as port:
        stranger = Client(port)
        assert [stranger.ask("GET", path)[0] for path in GETS] == [200, 200, 401, 401, 401, 401]
        asked = {"annotator": "지우"}
        assert stranger.ask("POST", "/api/items", asked)[0] == 401
        assert stranger.ask("POST", "/api/items", asked, authorization="Bearer wrong")[0] == 401
        known = Client(port, headers={"authorization": f"Bearer {'열쇠-key'.encode().hex()}"})
        assert known.ask("POST", "/api/items", asked)[0] == 200
        assert known.ask("POST", "/api/items", asked, origin="http://evil.example")[0] == 403
        assert b"invented" not in stranger.ask("GET", "/")[1], "the page itself holds no data"
    with listening_page(desk_of(tmp_path / "alone", items(4))) as port:
        mine = Client(port)
        assert mine.ask("GET", "/api/figures", host="evil.example:80")[0] == 403
        assert mine.ask("POST", "/api/items", asked, origin=f"http://127.0.0.1:{port}")[0] == 200
        for foreign in ("null", "https://evil.example", f"http://localhost:{port}"):
            assert mine.ask("POST", "/api/items", asked, origin=foreign)[0] == 403
            assert not [name for name in mine.answer_headers if name.lower().startswith("access-control")]


def test_l07_no_get_changes_anything(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, items(4))
    with listening_page(desk) as port:
        client = Client(port)
        client.vote(client.items(1)[0])
        before = ((tmp_path / COPY).read_bytes(), desk.progress("지우"), dict(desk._queue._held))
        for path in GETS:
            assert client.ask("GET", path)[0] == 200
        for path in ("/api/items", "/api/votes", "/api/undo"):
            assert client.ask("GET", f"{path}?annotator=x&id=12345678")[0] == 405
        assert ((tmp_path / COPY).read_bytes(), desk.progress("지우"), dict(desk._queue._held)) == before


# --- L08


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_l08_an_item_left_lying_goes_to_somebody_else(tmp_path: Path) -> None:
    from dajeong.serving.label_desk import Desk
    from dajeong.serving.label_queue import Plan

    clock = Clock()
    desk = Desk(items(3), Plan(**ALONE, keep_minutes=10), Store(tmp_path), clock)
    held = [each["id"] for each in desk.turns("지우", 2, ())]
    assert [each["id"] for each in desk.turns("하늘", 3, ())] not in held and len(
        desk.turns("하늘", 3, ())
    ) == 1
    assert [each["id"] for each in desk.turns("지우", 2, ())] == held, "she comes back within the time"
    clock.now += 599
    assert len(desk.turns("나래", 3, ())) == 0
    clock.now += 2
    assert {each["id"] for each in desk.turns("나래", 3, ())} == {item.id for item in desk.items}


def test_l08_the_calendar_may_jump_and_agreement_stays_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times of votes are only told: order and expiry hang on none. Who leaves counts as far as she came."""
    times = iter(["2031-01-01T00:00:00Z", "1999-01-01T00:00:00Z"] * 100)
    monkeypatch.setattr("dajeong.serving.label_desk._now", lambda: next(times))
    desk = desk_of(tmp_path, items(20), overlap=1)
    by_id = {item.id: item for item in desk.items}
    for name, num in (("지우", 20), ("하늘", 7)):
        for _ in range(num):
            (turn,) = desk.turns(name, 1, ())
            item = by_id[turn["id"]]
            order = desk.shown(item, name, "first")
            assert desk.vote(
                Vote(
                    id=new_id(),
                    item=item.id,
                    annotator=name,
                    verdict="ranked",
                    ranking=((0,), (1,)),
                    order=order,
                )
            )
    agreed = next(row for row in desk.figures() if row.metric == "agreement" and row.task == "labels")
    assert (agreed.model, agreed.value, agreed.n) == ("지우 · 하늘", 1.0, 7)
    assert desk.undo(new_id(), "하늘", None) is not None
    agreed = next(row for row in desk.figures() if row.metric == "agreement" and row.task == "labels")
    assert agreed.n == 6
    desk.close()


# --- L09


def test_l09_an_export_while_labelling_is_one_moment(tmp_path: Path) -> None:
    found = items(50)
    kept(tmp_path, found)
    sizes: list[int] = []
    with listening_page(desk_of(tmp_path, found, overlap=0)) as port:
        sent: dict[str, list[str]] = {"지우": []}
        labelling = threading.Thread(target=label_all, args=(port, "지우", 40, sent))
        labelling.start()
        while labelling.is_alive():
            _, votes = read(tmp_path)
            voted = [vote.id for vote in votes.events.values()]
            assert voted == sent["지우"][: len(voted)] or voted[:-1] == sent["지우"][: len(voted) - 1]
            sizes.append(len(voted))
        labelling.join()
    assert sizes == sorted(sizes)
    assert len(read(tmp_path)[1].events) == 40


def test_l09_no_cell_is_a_formula(tmp_path: Path) -> None:
    hostile = items(1)[0]
    formula = '=HYPERLINK("http://evil.example")'
    hostile = hostile.model_copy(
        update={
            "prompt": (hostile.prompt[0].model_copy(update={"content": formula}),),
            "responses": tuple(
                each.model_copy(update={"content": text})
                for each, text in zip(hostile.responses, ("@SUM(A1)", " +1+2"), strict=True)
            ),
        }
    )
    desk = desk_of(tmp_path, [hostile])
    desk.vote(a_vote(0, annotator="-2+3|cmd").model_copy(update={"item": hostile.id}))
    text = as_csv(raw([hostile], desk.votes))
    assert text.startswith("\ufeffid,")
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["prompt"] == f"'{formula}" and row["annotator"] == "'-2+3|cmd" and row["responses"][0] == "'"
    assert not [cell for cell in row.values() if cell.lstrip(" ").startswith(("=", "+", "-", "@"))]
    desk.close()
