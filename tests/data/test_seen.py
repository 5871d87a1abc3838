"""Prompts that were learned from: counted once each, told; above one in a hundred nothing is shown (J11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from dajeong.data.either import either_in, kind_in
from dajeong.data.seen import is_spoiled, learned
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Message, Preference, Response
from dajeong.storage import write_records


def asked(number: int) -> tuple[Message, ...]:
    return (Message(role="user", content=f"물음 {number}"),)


def example(number: int) -> Dialogue:
    return Dialogue(id=f"d{number}", messages=(*asked(number), Message(role="assistant", content="답")))


def pair(number: int) -> Preference:
    responses = (Response(content="네."), Response(content="꺼져."))
    return Preference(id=f"p{number}", prompt=asked(number), responses=responses, ranking=((0,), (1,)))


def test_J11_prompts_of_the_training_data_are_counted_and_spoil_the_figure() -> None:
    """Seen to fail where the answers were compared too: examples hold one and prompts none."""
    prompts = [asked(number) for number in range(200)] * 2
    assert learned(prompts, [example(300), pair(301)]) == ""
    few, many = (learned(prompts, [example(0), pair(1), *more]) for more in ([], [example(2)]))
    assert few == "2 of 200 prompts are in the training data" and not is_spoiled(few)
    assert many == "3 of 200 prompts are in the training data: nothing is shown" and is_spoiled(many)


def test_files_of_either_kind_are_read(tmp_path: Path) -> None:
    for name, records in (("d", [example(0)]), ("p", [pair(1)]), ("none", [])):
        write_records(tmp_path / f"{name}.jsonl", records)
    found = list(either_in(tmp_path / f"{name}.jsonl" for name in ("d", "p", "none")))
    assert found == [example(0), pair(1)] and kind_in(tmp_path / "none.jsonl") is None
    with pytest.raises(DataProblem):
        list(either_in([tmp_path / "absent.jsonl"]))
