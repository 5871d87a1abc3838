"""존댓말 and 반말 from the last syllables; a second opinion; shares that nobody exceeds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cleaned import Cleaned, example, prompt
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.filters.settings import RegisterSettings
from dajeong.data.filters.speech import is_polite, register_of
from dajeong.data.filters.speech_filter import Speech, allowed_counts
from dajeong.records import Dialogue
from shared_data import SHARED, needs_shared


@needs_shared
def test_all_60_labelled_sentences() -> None:
    path = SHARED.parent / "reference" / "data_fixtures.json"
    labelled = json.loads(path.read_text(encoding="utf-8"))["register"]
    assert len(labelled) == 60
    assert [(text, register_of(text)) for text, _ in labelled] == [tuple(each) for each in labelled]


@needs_shared
def test_the_tagger_is_right_nearly_as_often() -> None:
    pytest.importorskip("kiwipiepy")
    from dajeong.data.filters.speech_tagged import tagged_register_of

    path = SHARED.parent / "reference" / "data_fixtures.json"
    labelled = json.loads(path.read_text(encoding="utf-8"))["register"]
    assert sum(tagged_register_of(text) == register for text, register in labelled) >= 58


@pytest.mark.parametrize(
    ("text", "register"),
    [
        ("네, 갔어요ㅋㅋㅋ", "haeyo"),
        ("맛있었어 ㅠㅠ", "banmal"),
        ("이건 꼭 필요", "none"),
        ("그렇습니다!! 좋아요~", "mixed"),
        ("갔어요. 그리고 왔어요.", "haeyo"),
        ("“그래요.” 하고 말했다.", "mixed"),
        ("값은 3.5입니다.", "hapsho"),
        ("바다", "plain"),
        ("1. 사과\n2. 배", "none"),
        ("", "none"),
        ("Yes.", "none"),
    ],
)
def test_endings_decide(text: str, register: str) -> None:
    assert register_of(text) == register
    assert is_polite(register_of(text)) == (register in ("haeyo", "hapsho"))


def speech(tmp_path: Path, **settings: Any) -> Speech:
    return Speech(RegisterSettings.model_validate(settings), tmp_path)


def test_only_wanted_registers_stay(tmp_path: Path) -> None:
    filter_ = speech(tmp_path, keep=["haeyo", "hapsho"])
    assert filter_.why_not(example("뭐 해?", "책 읽어요.")) is None
    assert filter_.why_not(example("뭐 해요?", "책 읽어.")) == "register: banmal"
    assert filter_.why_not(prompt("뭐 해?")) == "register: banmal", "of a bare prompt the question counts"
    assert speech(tmp_path).why_not(example("뭐 해요?", "책 읽어.")) is None


def test_a_second_opinion_drops_what_is_doubtful(tmp_path: Path) -> None:
    pytest.importorskip("kiwipiepy")
    filter_ = speech(tmp_path, second_opinion=True)
    assert filter_.why_not(example("뭐 해?", "책을 읽고 있습니다.")) is None
    assert filter_.why_not(example("뭐 해?", "바다")) == "register-doubtful: plain or none"


@given(
    st.dictionaries(st.sampled_from(["haeyo", "hapsho", "banmal", "mixed"]), st.integers(0, 60)),
    st.dictionaries(st.sampled_from(["haeyo", "banmal"]), st.sampled_from([0.0, 0.1, 0.5, 1.0])),
)
def test_no_share_is_exceeded_and_nobody_goes_needlessly(
    counts: dict[str, int], shares: dict[str, float]
) -> None:
    allowed = allowed_counts(counts, shares)
    total = allowed.total()
    for name, count in counts.items():
        share = shares.get(name, 1.0)
        assert allowed[name] <= count and allowed[name] <= share * total + 1e-9
        one_more = allowed[name] < count and allowed[name] + 1 <= share * (total + 1) - 1e-9
        assert not one_more, "one more of it would still fit"


def test_the_surplus_is_drawn_by_id_in_the_old_order(tmp_path: Path) -> None:
    answers = ["그래요."] * 30 + ["그래."] * 10
    records = [example("정말?", answer, str(number)) for number, answer in enumerate(answers)]
    chosen: dict[str, Any] = {
        "speech": {"shares": {"haeyo": 0.5}}, "duplicates": None, "near_duplicates": None,
    }  # fmt: skip
    one = Cleaned(tmp_path / "1", records, **chosen).run()
    two = Cleaned(tmp_path / "2", records[::-1], **chosen).run()
    kept = [int(name) for name in one.names]
    assert kept == sorted(kept) == sorted(int(name) for name in two.names)
    assert one.stats["dropped"] == {"register-surplus": 20}
    registers = Counter(
        register_of(record.messages[-1].content) for record in one.of() if isinstance(record, Dialogue)
    )
    assert registers == {"haeyo": 10, "banmal": 10}
    chosen["speech"]["seed"] = 1
    assert Cleaned(tmp_path / "3", records, **chosen).run().names != one.names
