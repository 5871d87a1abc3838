"""The step `clean`: counts add up, rejects say why, limits stop it, the same bytes come twice, it streams."""

from __future__ import annotations

import unicodedata
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cleaned import Cleaned, example, pair, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.data.filters import step, table
from dajeong.data.filters.settings import CleanSettings
from dajeong.errors import Stopped
from dajeong.journal import read_journal
from dajeong.records import Dialogue, Preference, Record
from dajeong.storage import digest_file
from dajeong.workplace import Workplace

LETTERS = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"


def talk(count: int, first: int = 0) -> list[Dialogue]:
    """Records of which none is like another."""
    found = []
    for number in range(first, first + count):
        words = [LETTERS[(number * 7 + step * step * (number + 3)) % len(LETTERS)] * 2 for step in range(20)]
        found.append(example(f"{number}번 이야기", f"{number}: " + "".join(words), str(number)))
    return found


def test_what_is_dropped_is_kept_with_its_reason(tmp_path: Path) -> None:
    records = [
        *talk(5),
        example("안녕?", "\u200b", "empty"),
        *talk(1),
        example("무슨 일이야?", "네\ufffd", "lost"),
    ]
    cleaned = Cleaned(tmp_path, records).run()
    assert cleaned.names == ["0", "1", "2", "3", "4"]
    assert {each.file: each.reason for each in cleaned.rejects} == {
        "empty": "empty-answer", "0": "duplicate", "lost": "replacement-characters: 1 > 0",
    }  # fmt: skip
    assert {each.file: each.excerpt for each in cleaned.rejects}["lost"] == "'무슨 일이야?'"
    assert cleaned.stats["dropped"] == {"duplicate": 1, "empty-answer": 1, "replacement-characters": 1}
    assert cleaned.stats["dropped_by_filter"] == {"duplicates": 1, "text": 2}
    assert cleaned.stats["by_kind"] == {"talk": 5}
    assert cleaned.heard.lines[-1][0] == "clean-done"
    assert [event["clean"] for event in read_journal(cleaned.work.folder / "journal.jsonl")] == [
        cleaned.stats
    ]


def test_three_samples_of_each_reason_are_shown(tmp_path: Path) -> None:
    empty = [example(f"질문 {number}", "", f"e{number}") for number in range(7)]
    samples = Cleaned(tmp_path, [*talk(9), *empty]).run().stats["samples"]
    assert [each["id"] for each in samples["empty-answer"]] == ["e0", "e1", "e2"]
    assert samples["empty-answer"][0] == {"id": "e0", "why": "empty-answer", "text": "'질문 0'"}


def test_repairs_are_counted_and_written(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "가을 하늘이 높아요")
    cleaned = Cleaned(tmp_path, [example("뭐가 보여?", apart), *talk(3)]).run()
    first = cleaned.of()[0]
    assert isinstance(first, Dialogue) and first.messages[-1].content == "가을 하늘이 높아요"
    assert cleaned.stats["changed"] == {"nfc": 1} and cleaned.stats["rejected"] == 0


def test_a_filter_that_drops_too_much_stops_the_step(tmp_path: Path) -> None:
    records = [*talk(4), *(example("뭐 해?", "", f"e{number}") for number in range(6))]
    problem = Cleaned(tmp_path / "1", records).stopped()
    assert problem.code == "clean-dropped" and problem.exit_code == 3
    assert "text" in str(problem) and "6 of 10" in str(problem) and "empty-answer 6" in str(problem)
    assert Cleaned(tmp_path / "2", records, max_dropped=0.6).run().stats["records"] == 4
    assert Cleaned(tmp_path / "3", records, max_dropped=0.59).stopped().exit_code == 3


def test_each_filter_is_measured_by_what_it_was_given(tmp_path: Path) -> None:
    """Of 8 half go as empty, which is allowed; 3 of the other 4 as too short, which is not."""
    empty = [example("뭐 해?", "", f"e{number}") for number in range(4)]
    short = [example("이름이 뭐예요?", f"{number}", f"s{number}") for number in range(3)]
    cleaned = Cleaned(tmp_path, [*empty, *short, *talk(1)], lengths={"min_answer": 3})
    assert "lengths" in str(cleaned.stopped())


def test_nothing_left_is_refused_whatever_the_limit(tmp_path: Path) -> None:
    empty = [example("뭐 해?", "", str(number)) for number in range(3)]
    assert Cleaned(tmp_path / "1", empty, max_dropped=1).stopped().code == "clean-dropped"
    assert Cleaned(tmp_path / "2", []).stopped().code == "clean-empty"


def test_dialogues_and_preferences_are_not_cleaned_together(tmp_path: Path) -> None:
    assert Cleaned(tmp_path / "1", talk(2), [pair("네.", "글쎄요.")]).stopped().code == "clean-mixed"
    pairs = [pair("네, 좋아요.", "글쎄요.", name="a"), pair("네, 좋아요!", "글쎄요", name="b")]
    cleaned = Cleaned(tmp_path / "2", pairs).run()
    assert cleaned.of(Preference) == pairs[:1]


def test_several_files_are_one_and_an_empty_one_is_none(tmp_path: Path) -> None:
    cleaned = Cleaned(tmp_path, talk(2), [], talk(3, first=1)).run()
    assert cleaned.names == ["0", "1", "2", "3"] and cleaned.stats["dropped"] == {"duplicate": 1}


def test_a_filter_that_is_null_does_not_run(tmp_path: Path) -> None:
    nothing = {name: None for name in table.FILTERS}
    records = [*talk(2), example("뭐 해?", ""), *talk(2)]
    cleaned = Cleaned(tmp_path, records, **nothing).run()
    assert cleaned.of() == records


def test_the_table_and_the_settings_name_the_same_filters_in_the_same_order() -> None:
    assert (
        [*table.FILTERS, "max_dropped"]
        == [
            *sorted(
                set(CleanSettings.model_fields) & {*table.FILTERS}, key=list(CleanSettings.model_fields).index
            ),
            "max_dropped",
        ]
        == list(CleanSettings.model_fields)
    )


EVERYTHING: dict[str, Any] = {
    "lengths": {"min_answer": 2}, "refusals": {}, "paraphrases": {"unit": "syllables"},
    "cosine": {"vectoriser": "word", "least": 0.9}, "speech": {"shares": {"none": 0.9}},
    "personal": {"mode": "pseudonym"}, "max_dropped": 1.0,
}  # fmt: skip
TEXT = st.sampled_from(
    ["안녕?", "안녕하세요", "", "AI 언어 모델로서 몰라요", "전화는 010-1234-5678이에요", "ë°˜ê°€ì›Œ",
     "오늘은 참 좋은 날이라서 강가를 걸었어요", "오늘은 참 좋은 날이라서 강가를 걸었어요!", "ㅁㅈㅂㄱㅅㄹㅍ",
     "가\ufffd"]
)  # fmt: skip


@settings(max_examples=12)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=12))
def test_every_record_is_kept_or_rejected_and_twice_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
) -> None:
    records = [example("시작할까요?", "네, 시작해요.", "first")]
    records += [example(asked, answer, str(number)) for number, (asked, answer) in enumerate(texts)]
    runs = [Cleaned(tmp_path_factory.mktemp("clean"), records, **EVERYTHING).run() for _ in range(2)]
    digests = [
        [digest_file(each.work.folder / name) for name in ("records.jsonl", "rejects.jsonl", "stats.json")]
        for each in runs
    ]
    assert digests[0] == digests[1]
    names = [*runs[0].names, *(each.file for each in runs[0].rejects)]
    assert sorted(names) == sorted(record.id for record in records)
    order = [record.id for record in records]
    assert runs[0].names == sorted(runs[0].names, key=order.index), "those that stay keep their order"


def test_cleaning_twice_is_cleaning_once(tmp_path: Path) -> None:
    records = [*talk(6), example("안녕?", ""), example("전화는?", "010-1234-5678이에요", "p"), *talk(2)]
    once = Cleaned(tmp_path / "1", records, personal={"mode": "mask"}).run()
    again = Cleaned(tmp_path / "2", once.of(), personal={"mode": "mask"}).run()
    assert again.of() == once.of() and again.stats["rejected"] == 0


def test_few_records_are_in_memory_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: the filters that compare put records aside on the disk."""
    alive, most = 0, 0
    plain = step.read_records

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def watched(path: Path, kind: type[Record]) -> Iterator[Record]:
        nonlocal alive, most
        for record in plain(path, kind):
            weakref.finalize(record, gone)
            alive += 1
            most = max(most, alive)
            yield record

    monkeypatch.setattr(step, "read_records", watched)
    cleaned = Cleaned(tmp_path, talk(900), speech={}, cosine={"vectoriser": "word"}, max_dropped=1.0).run()
    assert cleaned.stats["rows"] == 900 and 0 < most <= 400


def test_a_stop_leaves_no_records_and_no_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(self: Workplace) -> None:
        raise Stopped("stopped", 15, step=self.name)

    monkeypatch.setattr(Workplace, "check_stop", stopped)
    monkeypatch.setattr(step, "_BETWEEN_STOPS", 4)
    cleaned = Cleaned(tmp_path, talk(9))
    with pytest.raises(Stopped):
        cleaned.run()
    assert sorted(path.name for path in cleaned.work.folder.iterdir()) == ["rejects.jsonl"]


def test_prompts_alone_are_cleaned(tmp_path: Path) -> None:
    records = [
        prompt("오늘 점심은 뭐가 좋을까요?", "1"),
        prompt("\u200b", "2"),
        prompt("오늘 점심은 뭐가 좋을까요", "3"),
    ]
    cleaned = Cleaned(tmp_path, records, max_dropped=0.6).run()
    assert cleaned.names == ["1"]
    assert cleaned.stats["dropped"] == {"duplicate": 1, "empty-prompt": 1}
