"""Every reader on documents gone wrong: never a traceback, never half a file, and every row accounted for.

A document is a few rows of a source, damaged as values, as text or as bytes. What the step says of it is held
against a count made here, from the bytes alone.
"""

from __future__ import annotations

import copy
import json
import os
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_step import Outcome

from dajeong.data.sources import SOURCES
from dajeong.errors import DataProblem
from source_rows import OPTIONS, ROWS, varied

NUM_DOCUMENTS = 100
"""Of each source; all of them together are more than two thousand."""

MARK = "여기"
"""Stands for one of TEXTS where a value belongs."""

VALUES: list[Any] = [
    None, True, 0, -1, 3.5, 10**40, "", " ", "\u200b", "가", "<noinput>", "<|endoftext|>", "a\u2028b", "<p>",
    "<![x", "Human: 가\n\nAssistant:", "&name1&이", "{", "|", "#@#", "\ufeff", "\u0007", "9" * 400, [], {},
    [None], [[]], [{}], {"value": None}, [{"role": "user", "content": ""}], [{"from": "gpt", "value": "나"}],
]  # fmt: skip
"""What may stand anywhere in place of what belongs there."""

TEXTS = [
    '"\\ud83d"', '"\\u0000"', "NaN", "-Infinity", "1e999", "9" * 5_000, "[" * 300 + "]" * 300,
    '{"a":1,"a":2}', "{", "]", '"', "\\", ",", "[" * 2_000, "\r", "",
]  # fmt: skip
"""What may stand in a document's text that no value can spell."""
BYTES = [
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\n",
    b"\r\n",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\xb0\xa1",
    b'"',
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a row where something else could stand: its container, and the key there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, each in inner:
        found += [(value, key), *places(each)]
    return found


def damage_value(row: dict[str, Any], chance: random.Random) -> None:
    found = places(row)
    if not found:
        return
    container, key = chance.choice(found)
    how = chance.randrange(8)
    if how == 0:
        del container[key]
    elif how == 1 and isinstance(container, dict):
        container[chance.choice(["text", "prompt", "id", "output", "messages", "그 밖"])] = container.pop(key)
    elif how == 2 and isinstance(container[key], list):
        container[key] += copy.deepcopy(container[key])
    else:
        container[key] = MARK if chance.random() < 0.3 else copy.deepcopy(chance.choice(VALUES))


def document(name: str, chance: random.Random) -> tuple[str, bytes]:
    """How its file's name ends, and its bytes: some rows good, some damaged, some of other sources."""
    rows = [varied(ROWS[name], number) for number in range(chance.randint(1, 3))]
    for _ in range(chance.randint(1, 3)):
        row = varied(ROWS[chance.choice([name] * 40 + [*ROWS])], chance.randint(3, 9))
        for _ in range(chance.choice([0, 1, 1, 2, 5])):
            damage_value(row, chance)
        rows.insert(chance.randint(0, len(rows)), row)
    suffix, text = written(rows, chance)
    text = re.sub(f'"?{MARK}"?', lambda _: chance.choice(TEXTS), text)
    if chance.random() < 0.2:
        text = with_inserted(text, chance.choice(TEXTS), chance)
    content = text.encode("utf-8")
    for _ in range(chance.choice([0, 0, 0, 0, 1, 2])):
        content = with_inserted(content, chance.choice(BYTES), chance)
    return suffix, content if chance.random() < 0.9 else content[: chance.randrange(len(content) + 1)]


def written(rows: list[dict[str, Any]], chance: random.Random) -> tuple[str, str]:
    suffix = chance.choice([".jsonl", ".jsonl", ".jsonl", ".json", ".json", ".csv", ".tsv", ".txt"])
    ascii_only = chance.random() < 0.3
    if suffix == ".json":
        return suffix, json.dumps(rows, ensure_ascii=ascii_only, indent=chance.choice([None, 1]))
    if suffix in (".csv", ".tsv"):
        mark = "," if suffix == ".csv" else "\t"
        cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
        return suffix, "\r\n".join(mark.join(line) for line in cells)
    return suffix, "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)


def with_inserted(content: Any, inserted: Any, chance: random.Random) -> Any:
    """Text or bytes with something put in, in place of a few that were there or of none."""
    cut = chance.randrange(len(content) + 1)
    return content[:cut] + inserted + content[cut + chance.choice([0, 1, 5]) :]


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


def num_lines(content: bytes) -> int:
    """Rows of a file that has one a line: lines in which something stands, a mark of byte order aside."""
    found = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return sum(bool(line.decode("utf-8", errors="replace").rstrip("\r\n").strip()) for line in found)


def is_by_line(suffix: str, content: bytes) -> bool:
    begins_a_list = suffix != ".txt" and content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
    return suffix in (".jsonl", ".txt") and not begins_a_list


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=NUM_DOCUMENTS, database=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_the_document_nothing_is_lost(name: str, seed: int) -> None:
    suffix, content = document(name, random.Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{suffix}"
        path.write_bytes(content)
        given = {"options": OPTIONS.get(name, {}), "evaluation": True}
        outcome = Outcome(Path(folder), name, [path], max_unreadable=1.0, max_dropped=1.0, **given)
        try:
            outcome.run()
        except DataProblem as problem:
            assert problem.exit_code == 3 and str(problem)
            assert not (outcome.work.folder / "records.jsonl").exists()
            if problem.code == "read-dropped" and is_by_line(suffix, content):
                lines = {reject.line for reject in outcome.rejects}
                assert len(lines) == num_lines(content), "where no row is left every one has its reason"
            return
        stats = outcome.stats
        assert stats["records"] == len((outcome.work.folder / "records.jsonl").read_bytes().splitlines()) > 0
        assert all(reject.code and reject.reason for reject in outcome.rejects)
        if is_by_line(suffix, content):
            assert stats["rows"] == num_lines(content)


def test_there_are_enough_documents_and_they_differ() -> None:
    assert NUM_DOCUMENTS * len(SOURCES) >= 2_000
    chance = random.Random(0)
    assert len({document("alpaca", chance) for _ in range(200)}) > 190
