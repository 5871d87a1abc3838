"""Evaluation sets: a planted item is dropped and named, ordinary Korean is not, without their files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cleaned import Cleaned, example, numbered, pair, prompt, said
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.numpy import load_file

from dajeong.data.filters.decontamination import Decontamination
from dajeong.data.filters.evaluation_index import EvaluationIndex, marks_of
from dajeong.data.filters.keys import comparable
from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.filters.set_marks import SHIPPED, file_texts, make
from dajeong.data.filters.settings import DecontaminationSettings
from dajeong.records import Record
from shared_data import SHARED, needs_shared

ITEM = "파란 우산을 든 아이가 다리 위에서 기차를 세고 있었다. 모두 몇 대였을까?"
SHORT = "강가에 우산이 떠 있었다"
FOREIGN = "A child with a blue umbrella stood on the bridge and counted the trains that went by below."


def index(*texts: str) -> EvaluationIndex:
    return EvaluationIndex([marks_of("invented", texts)])


def found(known: EvaluationIndex, *texts: str) -> list[bool]:
    return [name is not None for name in known.sets_in(texts)]


def test_a_piece_of_20_letters_is_found_and_19_are_not() -> None:
    known, letters = index(ITEM), comparable(ITEM)
    pieces = [letters[start : start + 20] for start in range(len(letters) - 19)]
    assert all(found(known, *(f"앞에 {piece}, 뒤에" for piece in pieces)))
    assert not any(found(known, *(f"앞에 {piece[:19]}힣" for piece in pieces)))


def test_spaces_and_punctuation_do_not_hide_it() -> None:
    assert found(index(ITEM), ITEM.replace(" ", "\n"), ".".join(ITEM), ITEM.replace(" ", "")) == [True] * 3


def test_a_short_item_is_found_whole_only() -> None:
    known = index(SHORT)
    assert found(known, f"그때 {SHORT}고 한다.", SHORT, SHORT[:-1], "강가에 우산이 떠") == [
        True,
        True,
        False,
        False,
    ]
    assert found(index("강가에 우산"), "강가에 우산") == [False], "fewer than 10 letters mean nothing"


def test_where_little_is_hangul_a_phrase_is_not_enough() -> None:
    known, letters = index(FOREIGN), comparable(FOREIGN)
    assert found(known, f"“{FOREIGN}”라고 썼다.", letters[3:43], letters[3:42]) == [True, True, False]
    assert found(index("a blue umbrella"), "a blue umbrella") == [False]


@given(st.lists(st.text("가나다", min_size=21, max_size=40), min_size=1, max_size=4), st.data())
def test_nothing_is_found_across_two_texts(texts: list[str], data: st.DataObject) -> None:
    known = index(ITEM)
    cut = data.draw(st.integers(1, 19))
    letters = comparable(ITEM)[:20]
    halves = [texts[0] + letters[:cut], letters[cut:] + texts[0]]
    assert found(known, *halves) == [False, False]
    assert found(known, *texts, "".join(halves[:1]) + letters[cut:]) == [False] * len(texts) + [True]


def test_the_name_is_that_of_the_set() -> None:
    known = EvaluationIndex([marks_of("one", [ITEM]), marks_of("two", [SHORT]), marks_of("none", [])])
    assert known.sets_in([SHORT, "가나다라", ITEM, ""]) == ["two", None, "one", None]
    assert EvaluationIndex([]).sets_in([ITEM]) == [None]


def test_a_few_grams_of_each_text_are_enough_for_a_copy() -> None:
    marks = marks_of("invented", [ITEM], per_text=4)
    assert len(marks.grams) == 4
    assert EvaluationIndex([marks]).sets_in([f"문제: {ITEM} 답: 세 대"]) == ["invented"]


def decontaminated(records: list[Record], **settings: Any) -> list[str | None]:
    return said(Decontamination(DecontaminationSettings.model_validate(settings)), records)


def test_every_text_of_a_record_is_searched(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": "1", "question": ITEM}), encoding="utf-8")
    records: list[Record] = [
        prompt(ITEM),
        example("요약해 줘.", context=ITEM),
        example("뭐라고 했어?", f"이렇게요: {ITEM}"),
        pair("네.", ITEM),
        pair("네.", "아니요.", question=ITEM),
        example("그냥 물어봤어."),
    ]
    reasons = decontaminated(records, sets=(), files=(str(tmp_path / "mine.jsonl"),))
    assert reasons == ["evaluation-set: mine.jsonl"] * 5 + [None]
    assert decontaminated(records) == [None] * 6


def test_the_records_of_against_count_too(tmp_path: Path) -> None:
    records = [example("이야기 하나 해 줘.", ITEM, "1"), example("다른 이야기 해 줘.", "없어요.", "2")]
    cleaned = Cleaned(tmp_path, records, against=[example("질문", ITEM)], max_dropped=0.5).run()
    assert cleaned.names == ["2"] and cleaned.stats["dropped"] == {"evaluation-set": 1}
    assert cleaned.rejects[0].reason == "evaluation-set: against"


def test_a_set_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"unknown: kobest; known: kobest-boolq"):
        DecontaminationSettings(sets=("kobest",))


def test_texts_of_a_file_leave_out_names_and_addresses(tmp_path: Path) -> None:
    row = {
        "id": "x",
        "url": "https://a.kr",
        "link": "http://b.kr",
        "n": 3,
        "parts": [{"text": "가"}, "나", "http://c.kr"],
    }
    (tmp_path / "rows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert list(file_texts([tmp_path / "rows.jsonl"])) == ["가", "나"]


ROWS = {name: known.files for name, known in KNOWN_SETS.items()}


def items(name: str) -> Iterator[str]:
    """Every row of a registered set as one text."""
    from dajeong.data.filters.set_marks import file_rows, texts_in

    for pattern in ROWS[name]:
        for row in file_rows(sorted(SHARED.glob(pattern))):
            yield "\n".join(texts_in(row))


@needs_shared
def test_items_of_every_registered_set_are_found_by_default() -> None:
    """All but those whose texts are shorter than 10 letters each: reviews, mostly."""
    num_items, num_found = Counter[str](), Counter[str]()
    for name in KNOWN_SETS:
        texts = list(items(name))
        reasons = decontaminated([example("이것 좀 봐 줘.", f"읽어 볼게요.\n{text}\n끝!") for text in texts])
        num_items[name], num_found[name] = len(texts), sum(why is not None for why in reasons)
        longest = [max(map(len, map(comparable, text.split("\n")))) for text in texts]
        assert all(why for why, length in zip(reasons, longest, strict=True) if length >= 40)
    assert num_found.total() >= 0.95 * num_items.total()
    assert {name for name in KNOWN_SETS if num_found[name] < 0.9 * num_items[name]} <= {"kobest-sentineg"}


@needs_shared
@pytest.mark.parametrize("name", ["kobest-boolq", "kobest-hellaswag"])
def test_half_of_a_longer_text_is_found(name: str) -> None:
    paths = sorted(path for pattern in ROWS[name] for path in SHARED.glob(pattern))
    texts = [text for text in file_texts(paths) if len(text) >= 80]
    halves = [text[len(text) // 4 : len(text) // 4 + len(text) // 2] for text in texts]
    reasons = decontaminated(list(numbered(halves)))
    assert reasons.count(f"evaluation-set: {name}") >= 0.97 * len(texts)


@needs_shared
def test_an_item_among_rows_is_dropped_and_the_rows_are_not(tmp_path: Path) -> None:
    path = SHARED / "vaiv/sft/instructions/conversation.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    records = [example(row["instruction"], row["output"], str(number)) for number, row in enumerate(rows)]
    planted = {name: next(iter(items(name))) for name in KNOWN_SETS if name != "vaiv-evaluation"}
    leaks = [example("이 글 어때?", f"좋아요. {text}", name) for name, text in planted.items()]
    cleaned = Cleaned(tmp_path, [*records[:700], *leaks, *records[700:]]).run()
    dropped = {each.file: each.reason for each in cleaned.rejects if each.code == "evaluation-set"}
    assert dropped == {name: f"evaluation-set: {name}" for name in planted}


@needs_shared
def test_ordinary_korean_is_kept() -> None:
    path = SHARED / "koalpaca/ko_alpaca_data.subset11432.part1.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    texts = ["\n".join(str(value) for value in row.values()) for row in rows]
    wrong = [text for text, why in zip(texts, decontaminated(list(numbered(texts))), strict=True) if why]
    assert len(texts) == 5_716 and len(wrong) <= 1, wrong


@needs_shared
def test_the_hashes_that_come_along_are_those_of_the_files(tmp_path: Path) -> None:
    make(SHARED, tmp_path / "made.safetensors")
    made, shipped = load_file(tmp_path / "made.safetensors"), load_file(SHIPPED)
    assert made.keys() == shipped.keys() and all(np.array_equal(made[name], shipped[name]) for name in made)
