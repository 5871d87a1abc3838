"""The step `mix`: amounts, caps, whole prompts in one output, the same bytes for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dajeong.data.mixture import run
from dajeong.data.mixture_entries import prompt_group
from dajeong.data.mixture_settings import MixSettings
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Message, Preference, Response
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace


def example(name: str, asked: str = "", kind: str = "talk", **meta: Any) -> Dialogue:
    messages = (
        Message(role="user", content=asked or f"질문 {name}"),
        Message(role="assistant", content=f"대답 {name}"),
    )
    return Dialogue(id=f"invented:{name}", kind=kind, messages=messages, meta=meta)


def examples(prefix: str, count: int, **more: Any) -> list[Dialogue]:
    return [example(f"{prefix}{number}", **more) for number in range(count)]


class Mixed:
    """One run of the step over invented parts."""

    def __init__(self, folder: Path, parts: dict[str, Iterable[Dialogue]], **chosen: Any) -> None:
        weights = chosen.pop("weights", dict.fromkeys(parts, 1.0))
        files = []
        for name, records in parts.items():
            files.append(folder / f"{name}.jsonl")
            write_records(files[-1], records)
        self.work = Workplace(run=folder, name="mixed", inputs={"parts": tuple(files)})
        run(MixSettings(parts=weights, **chosen), self.work)

    def of(self, output: str) -> list[Dialogue]:
        return list(read_records(self.work.folder / f"{output}.jsonl", Dialogue))

    @property
    def names(self) -> list[str]:
        return [record.id for record in self.of("records")]

    @property
    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = read_json(self.work.folder / "stats.json")
        return stats


def test_everything_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    parts = {"a": examples("a", 30), "b": examples("b", 10)}
    mixed = Mixed(tmp_path, parts)
    everything = [record for part in parts.values() for record in part]
    assert sorted(mixed.names) == sorted(record.id for record in everything)
    assert mixed.names != [record.id for record in everything]
    assert {record.id: record for record in mixed.of("records")} == {each.id: each for each in everything}
    assert mixed.stats["parts"]["b"] == {"read": 10, "chosen": 10, "records": 10}


def test_without_a_shuffle_parts_stay_as_they_are(tmp_path: Path) -> None:
    mixed = Mixed(tmp_path, {"a": examples("a", 3), "b": examples("b", 2)}, shuffle=False)
    assert mixed.names == [f"invented:{name}" for name in ("a0", "a1", "a2", "b0", "b1")]


def test_the_order_of_the_input_changes_nothing_and_the_seed_everything(tmp_path: Path) -> None:
    records = examples("a", 60)
    turned = random.Random(1).sample(records, len(records))
    chosen: dict[str, Any] = {"weights": {"a": 0.5}, "held_out": 7}
    one = Mixed(tmp_path / "1", {"a": records}, **chosen)
    two = Mixed(tmp_path / "2", {"a": turned}, **chosen)
    other = Mixed(tmp_path / "3", {"a": records}, seed=1, **chosen)
    assert one.names == two.names and one.stats["order"] == two.stats["order"]
    assert set(one.names) != set(other.names) and one.stats["order"] != other.stats["order"]
    assert {each.id for each in one.of("held_out")} == {each.id for each in two.of("held_out")}


def test_a_record_that_is_added_moves_no_other(tmp_path: Path) -> None:
    fewer = Mixed(tmp_path / "1", {"a": examples("a", 40)}).names
    more = Mixed(tmp_path / "2", {"a": examples("a", 41)}).names
    assert [name for name in more if name in fewer] == fewer


def test_weights_take_a_part_of_a_part_or_copies_with_names_of_their_own(tmp_path: Path) -> None:
    parts = {"half": examples("h", 20), "twice": examples("t", 10), "more": examples("m", 10)}
    mixed = Mixed(tmp_path, parts, weights={"half": 0.5, "twice": 2.0, "more": 1.5})
    records = {name: each["records"] for name, each in mixed.stats["parts"].items()}
    assert records == {"half": 10, "twice": 20, "more": 15}
    assert len(set(mixed.names)) == 45
    assert {"invented:t3", "invented:t3~2"} <= set(mixed.names)


def test_shares_keep_their_ratio_and_a_total_is_filled_up(tmp_path: Path) -> None:
    parts = {"talk": examples("t", 200), "abusive": examples("a", 49)}
    weights = {"talk": 2.0, "abusive": 1.0}
    largest = Mixed(tmp_path / "1", parts, weights=weights, parts_are="shares")
    assert [each["records"] for each in largest.stats["parts"].values()] == [98, 49]
    filled = Mixed(tmp_path / "2", parts, weights=weights, parts_are="shares", max_records=150)
    assert [each["records"] for each in filled.stats["parts"].values()] == [101, 49]


def test_caps_for_a_part_and_for_each_value(tmp_path: Path) -> None:
    topics = ("여행 > 국내", "여행 > 해외", "음악")
    talk = [example(f"t{n}", topic=topics[n % 3]) for n in range(30)]
    mixed = Mixed(
        tmp_path,
        {"talk": talk, "rest": examples("r", 20)},
        cap_by="topic",
        cap_each=6,
        caps={"rest": 4},
    )
    counted = {name: each["records"] for name, each in mixed.stats["parts"].items()}
    assert counted == {"talk": 12, "rest": 4}


def test_only_some_kinds_and_prompts_alone(tmp_path: Path) -> None:
    records = [*examples("t", 5), *examples("a", 5, kind="abusive")]
    mixed = Mixed(tmp_path, {"all": records}, kinds=("talk",), prompts_only=True)
    assert {each.kind for each in mixed.of("records")} == {"talk"}
    assert all(each.is_prompt and len(each.messages) == 1 for each in mixed.of("records"))


def test_pairs_are_mixed_and_their_prompts_asked_anew(tmp_path: Path) -> None:
    pairs = [
        Preference(
            id=f"p{number}",
            prompt=(Message(role="user", content=f"무엇을 할까? {number}"),),
            responses=(Response(content="산책해요."), Response(content="글쎄요.")),
            ranking=((0,), (1,)),
        )
        for number in range(4)
    ]
    file = tmp_path / "pairs.jsonl"
    write_records(file, pairs)
    for name, prompts_only in (("pairs", False), ("prompts", True)):
        work = Workplace(run=tmp_path, name=name, inputs={"parts": (file,)})
        run(MixSettings(parts={"pairs": 1.0}, prompts_only=prompts_only), work)
    assert sorted(each.id for each in read_records(tmp_path / "steps/pairs/records.jsonl", Preference)) == [
        "p0",
        "p1",
        "p2",
        "p3",
    ]
    prompts = list(read_records(tmp_path / "steps/prompts/records.jsonl", Dialogue))
    assert {each.messages for each in prompts} == {each.prompt for each in pairs}
    with pytest.raises(DataProblem) as caught:
        write_records(tmp_path / "talk.jsonl", examples("t", 2))
        work = Workplace(run=tmp_path, name="both", inputs={"parts": (file, tmp_path / "talk.jsonl")})
        run(MixSettings(parts={"pairs": 1.0, "talk": 1.0}), work)
    assert caught.value.code == "mix-kinds"


ASKED = st.sampled_from(["안녕?", "안녕 ?", "점심은?", "어디 가요?", "!!", "??", "이름이 뭐예요"])


@settings(max_examples=40, deadline=None)
@given(
    asked=st.lists(ASKED, min_size=3, max_size=30),
    held_out=st.one_of(st.integers(0, 5), st.floats(0, 0.4)),
    test=st.integers(0, 4),
    weight=st.sampled_from([0.7, 1.0, 2.5]),
    seed=st.integers(0, 9),
)
def test_no_prompt_is_in_two_outputs(
    asked: list[str], held_out: int | float, test: int, weight: float, seed: int
) -> None:
    records = [example(str(number), text) for number, text in enumerate(asked)]
    parts = {"a": records[::2], "b": records[1::2]}
    weights = {"a": weight, "b": 1.0}
    with TemporaryDirectory() as folder:
        try:
            mixed = Mixed(Path(folder), parts, weights=weights, held_out=held_out, test=test, seed=seed)
        except DataProblem as problem:
            assert problem.code == "mix-nothing-left"
            return
        groups = [{prompt_group(each) for each in mixed.of(name)} for name in ("records", "held_out", "test")]
        stats = mixed.stats
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    chosen = sum(each["chosen"] for each in stats["parts"].values())
    most = held_out if isinstance(held_out, int) else round(held_out * chosen)
    assert stats["held_out"] <= most and stats["test"] <= test
    if weight == 1:
        assert stats["records"] + stats["held_out"] + stats["test"] == len(records) == chosen


def test_an_id_that_comes_again_gets_a_number(tmp_path: Path) -> None:
    mixed = Mixed(tmp_path, {"a": [example("x", "하나"), example("x", "둘")], "b": [example("x", "셋")]})
    assert sorted(mixed.names) == ["invented:x", "invented:x#2", "invented:x#3"]


@pytest.mark.parametrize(
    ("chosen", "code"),
    [({"kinds": ("없음",)}, "mix-part-empty"), ({"held_out": 2, "test": 1}, "mix-nothing-left")],
)
def test_nothing_to_mix_is_refused(tmp_path: Path, chosen: dict[str, Any], code: str) -> None:
    with pytest.raises(DataProblem) as caught:
        Mixed(tmp_path, {"a": examples("a", 3)}, **chosen)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "chosen",
    [
        {"caps": {"b": 1}},
        {"cap_by": "kind"},
        {"cap_each": 3},
        {"max_records": 5},
        {"held_out": 1.5},
        {"held_out": -1},
        {"parts": {"a": 0.0}},
    ],
)
def test_settings_that_make_no_sense_are_refused(chosen: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MixSettings(**{"parts": {"a": 1.0}, **chosen})
