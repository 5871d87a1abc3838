"""Near duplicates: exactly what comparing every pair would drop; MinHash proposes and decides nothing."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from cleaned import example, numbered, said
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.data.filters import candidates, near_duplicates
from dajeong.data.filters.candidates import (
    MISSED,
    NUM_HASHES,
    Bands,
    Candidates,
    Groups,
    distinct,
    groups_of,
    rows_of_a_band,
)
from dajeong.data.filters.digests import digest_of
from dajeong.data.filters.keys import batch_of, comparable, fives_by_text
from dajeong.data.filters.near_duplicates import NearDuplicates
from dajeong.data.filters.settings import NearDuplicateSettings
from dajeong.data.filters.shingles import Shingles
from dajeong.data.filters.sketches import Sketches


@cache
def shingles_of(text: str) -> frozenset[str]:
    letters = comparable(text)
    return frozenset(letters[start : start + 5] for start in range(len(letters) - 4))


def jaccard(one: str, other: str) -> float:
    first, second = shingles_of(one), shingles_of(other)
    return len(first & second) / len(first | second) if first and second else 0.0


def by_every_pair(texts: list[str], least: float) -> list[str | None]:
    """The first kept text that is alike, by comparing with all of them."""
    kept: list[int] = []
    reasons: list[str | None] = []
    for index, text in enumerate(texts):
        found = next((other for other in kept if jaccard(text, texts[other]) >= least), None)
        if found is None:
            kept.append(index)
        reasons.append(
            None if found is None else f"near-duplicate: {jaccard(text, texts[found]):.2f} of {found}"
        )
    return reasons


def filtered(texts: list[str], **chosen: Any) -> list[str | None]:
    with TemporaryDirectory() as folder:
        filter_ = NearDuplicates(NearDuplicateSettings(of="prompt", **chosen), Path(folder))
        reasons = said(filter_, numbered(texts))
        assert not list(Path(folder).iterdir()), "nothing is left on the disk"
    return reasons


def varied(count: int, length: int, seed: int, alphabet: str = "가나다라마바사아자차카타파하") -> list[str]:
    """Texts and changed copies of them: any Jaccard index occurs."""
    chance = random.Random(seed)
    texts: list[str] = []
    for _ in range(count):
        if texts and chance.random() < 0.6:
            letters = list(chance.choice(texts))
            for _ in range(chance.randrange(1 + length // 12)):
                letters[chance.randrange(len(letters))] = chance.choice(alphabet)
        else:
            letters = chance.choices(alphabet, k=chance.randrange(length // 2, length))
        texts.append("".join(letters))
    return texts


@settings(max_examples=40)
@given(
    st.lists(st.text("가나 ", max_size=14), min_size=1, max_size=12),
    st.sampled_from([0.1, 0.34, 0.5, 0.8, 1.0]),
)
def test_exactly_what_every_pair_says(texts: list[str], least: float) -> None:
    assert filtered(texts, least=least) == by_every_pair(texts, least)


@pytest.mark.parametrize("least", [0.5, 0.8])
def test_exactly_what_every_pair_says_of_longer_texts(least: float) -> None:
    texts = varied(300, 120, seed=1)
    expected = by_every_pair(texts, least)
    assert 30 < sum(why is not None for why in expected) < 250
    assert filtered(texts, least=least) == expected


def test_without_rensa_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = varied(120, 60, seed=2)
    with_it = filtered(texts, exact_up_to=1_000)
    monkeypatch.setattr(near_duplicates.importlib.util, "find_spec", lambda name: None)
    assert filtered(texts, exact_up_to=0) == with_it == by_every_pair(texts, 0.8)


def test_minhash_finds_nearly_all_and_decides_nothing() -> None:
    """Every drop is exact; of 400 texts with copies as near as the threshold at most one is missed."""
    pytest.importorskip("rensa")
    texts = varied(400, 150, seed=3)
    expected, found = by_every_pair(texts, 0.8), filtered(texts, exact_up_to=0)
    missed = [
        index for index, (one, other) in enumerate(zip(expected, found, strict=True)) if one and not other
    ]
    assert sum(why is not None for why in expected) > 40 and len(missed) <= 1
    for index, why in enumerate(found):
        if why is not None:
            other = int(why.rsplit(" ", 1)[1])
            assert jaccard(texts[index], texts[other]) >= 0.8 and found[other] is None and other < index


def test_minhash_proposes_pairs_at_the_threshold() -> None:
    """Recall over pairs whose index is 0.80 to 0.85."""
    pytest.importorskip("rensa")
    chance = random.Random(4)
    pairs = []
    while len(pairs) < 300:
        text = "".join(chance.choices("가나다라마바사아자차카타파하", k=100))
        letters = list(text)
        for place in (20, 60):
            letters[place] = "힣"
        other = "".join(letters)
        if 0.80 <= jaccard(text, other) <= 0.85:
            pairs.append((text, other))
    texts = [text for pair in pairs for text in pair]
    found = filtered(texts, exact_up_to=0)
    assert sum(why is not None for why in found[1::2]) >= 299 and not any(found[::2])


@pytest.mark.parametrize("least", [0.1, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_bands_are_as_wide_as_the_promise_allows(least: float) -> None:
    rows = rows_of_a_band(least)
    assert (1 - least**rows) ** (NUM_HASHES // rows) <= MISSED or rows == 1
    wider = rows + 1
    assert wider > 32 or (1 - least**wider) ** (NUM_HASHES // wider) > MISSED


def test_texts_without_a_shingle_share_no_band(tmp_path: Path) -> None:
    pytest.importorskip("rensa")
    with Bands(tmp_path / "bands.bin", 0.8) as bands:
        bands.add(*fives_by_text(batch_of(["가", "", "가나다", "가"])))
        assert all(len(groups.members) == 0 for groups in bands.groups())


@pytest.mark.parametrize(
    ("most", "bound", "exactly"), [(1_000, 100, True), (1_000, 9, False), (100, 100, False)]
)
def test_few_and_short_texts_are_compared_exactly(
    most: int, bound: int, exactly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rensa")
    called: list[int] = []
    plain = near_duplicates.prefix_keys

    def watched(shingles: Shingles, least: float) -> Any:
        called.append(len(shingles))
        return plain(shingles, least)

    monkeypatch.setattr(near_duplicates, "prefix_keys", watched)
    monkeypatch.setattr(near_duplicates, "MOST_LETTERS", most)
    filtered(["가나다라마바사아자차"] * 10 + ["하파타카차자아사바마"] * 10, exact_up_to=bound)
    assert called == ([20] if exactly else [])


def test_short_texts_are_near_nothing() -> None:
    assert filtered(["네", "네", "아니요", "아니요"]) == [None] * 4


def test_answers_count_unless_only_the_prompt_is_asked_for(tmp_path: Path) -> None:
    question = "주말 오후에 혼자서 천천히 걷기 좋은 길을 하나 알려 주세요"
    records = [
        example(question, "강가를 따라 난 오솔길이 조용하고 좋아요.", "1"),
        example(question, "네.", "2"),
    ]
    for of, expected in (("record", None), ("prompt", "near-duplicate: 1.00 of 1")):
        chosen = NearDuplicateSettings.model_validate({"of": of})
        assert said(NearDuplicates(chosen, tmp_path), records) == [None, expected]


def test_one_is_kept_of_many_copies_and_only_it_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand copies cost a thousand comparisons, not half a million."""
    text = "오늘은 날씨가 참 좋아서 모두 함께 강가로 소풍을 나가기로 했다"
    asked: list[tuple[int, int]] = []
    plain = Shingles.jaccard

    def counted(self: Shingles, one: int, other: int) -> float:
        asked.append((one, other))
        return plain(self, one, other)

    monkeypatch.setattr(Shingles, "jaccard", counted)
    for bound in (0, 10_000):
        asked.clear()
        reasons = filtered([f"{text} {number}" for number in range(500)], exact_up_to=bound)
        assert reasons.count(None) == 1 and len(asked) == 499 and {other for _, other in asked} == {0}


@pytest.mark.parametrize("few", [0, 1_000])
def test_those_that_did_not_stay_are_not_proposed(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_FEW", few)
    groups = Groups(np.array([0, 1, 2, 3, 1, 3], np.uint32), np.array([0, 0, 0, 0, 4, 4], np.uint32))
    seen: dict[int, list[int]] = {}

    def stays(text: int, earlier: Any) -> bool:
        seen[text] = earlier.tolist()
        return text != 1

    Candidates([groups]).decide(stays)
    assert seen == {0: [], 1: [0], 2: [0], 3: [0, 2]}


@given(st.lists(st.lists(st.integers(0, 6), min_size=7, max_size=7), min_size=1, max_size=6))
def test_a_group_that_came_before_is_left_out_and_no_other(bands: list[list[int]]) -> None:
    """Each band gives every one of 7 texts a key."""
    texts = np.arange(7, dtype=np.uint32)
    made = [groups_of(np.array(keys, np.uint64), texts) for keys in bands]
    plain = [
        frozenset(text for text, key in enumerate(keys) if key == each)
        for keys in bands
        for each in set(keys)
    ]
    expected = {group for group in plain if len(group) > 1}
    found = [
        frozenset(each.members[each.starts == start].tolist())
        for each in distinct(made)
        for start in sorted(set(each.starts.tolist()))
    ]
    assert len(found) == len(expected) and set(found) == expected


HASHES = st.sets(st.integers(0, 40), max_size=25)


@given(st.lists(HASHES, min_size=2, max_size=6), st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_no_pair_that_is_alike_is_thought_impossible(sets: list[set[int]], least: float) -> None:
    sketches = Sketches(len(sets), least)
    for place, each in enumerate(sets):
        sketches.add(place, np.array(sorted(each), np.uint64) * np.uint64(7_919))
    others = np.arange(len(sets) - 1)
    plausible = set(sketches.plausible(len(sets) - 1, others).tolist())
    alike = {place for place in others.tolist() if sets[-1] & sets[place]
             and len(sets[-1] & sets[place]) >= least * len(sets[-1] | sets[place])}  # fmt: skip
    assert alike <= plausible


def test_sets_that_are_far_apart_are_not_compared() -> None:
    sketches = Sketches(3, 0.8)
    for place, first in enumerate((0, 10, 60)):
        sketches.add(place, digests(range(first, first + 100)))
    assert sketches.plausible(2, np.array([0, 1])).tolist() == []
    assert sketches.plausible(1, np.array([0])).tolist() == [0]


def digests(numbers: range) -> Any:
    return np.array([digest_of(str(number).encode()) for number in numbers], np.uint64)
