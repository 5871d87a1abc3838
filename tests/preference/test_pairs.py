"""The step that makes preferences: who is ranked above whom, what is left out, and that it is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.errors import DataProblem
from dajeong.preference.pairs import balanced, distinct, drawn, run, shuffled
from dajeong.preference.settings import PairsSettings
from dajeong.records import Message, Preference, Reply, Response
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace

KIND, CURT, RUDE = "저는 산책을 좋아해요!", "몰라.", "꺼져, 바보야."
FIRM = "우리 고운 말로 이야기해요."


def replies(prompt: str, *contents: str, kind: str = "talk", fact: str = "", **more: Any) -> list[Reply]:
    meta = {"fact": fact} if fact else {}
    asked = (Message(role="user", content=prompt),)
    return [
        Reply(
            id=f"{prompt}/{index}",
            prompt_id=prompt,
            prompt=asked,
            content=content,
            author="sft",
            kind=kind,
            meta=meta,
            **more,
        )
        for index, content in enumerate(contents)
    ]


def pair(better: str, worse: str, prompt: str = "안녕?", kind: str = "talk") -> Preference:
    return Preference(
        id=f"{prompt}/{better}/{worse}",
        kind=kind,
        prompt=(Message(role="user", content=prompt),),
        responses=(Response(content=worse), Response(content=better)),
        ranking=((1,), (0,)),
        labelled_by="rule:given",
    )


class Outcome:
    def __init__(
        self,
        folder: Path,
        given: Sequence[Reply] = (),
        contrasts: Sequence[Preference] = (),
        **settings: Any,
    ) -> None:
        write_records(folder / "replies.jsonl", given)
        write_records(folder / "contrasts.jsonl", contrasts)
        inputs = {name: (folder / f"{name}.jsonl",) for name in ("replies", "contrasts")}
        self.work = Workplace(run=folder, name="pairs", inputs=inputs)
        run(PairsSettings(**({"balance_lengths": False} | settings)), self.work)
        self.records = list(read_records(self.work.folder / "pairs.jsonl", Preference))
        self.stats: dict[str, Any] = read_json(self.work.folder / "stats.json")


def order(record: Preference) -> list[set[str]]:
    return [{record.responses[index].content for index in group} for group in record.ranking]


def test_kind_replies_stand_above_curt_ones_and_those_above_rude_ones(tmp_path: Path) -> None:
    (record,) = Outcome(tmp_path, replies("뭐 좋아해?", RUDE, KIND, CURT)).records
    assert order(record) == [{KIND}, {CURT}, {RUDE}]
    assert record.labelled_by == "rule:rules" and record.kind == "talk"


def test_the_known_fact_decides_between_kind_replies(tmp_path: Path) -> None:
    right, wrong = "부산은 해운대가 유명해요!", "부산은 경복궁이 유명해요!"
    (record,) = Outcome(tmp_path, replies("부산 어때?", wrong, right, fact="해운대")).records
    assert order(record) == [{right}, {wrong}]


def test_firmness_is_proper_on_abuse_and_wrong_elsewhere(tmp_path: Path) -> None:
    given = [
        *replies("욕", KIND, FIRM, kind="abusive"),
        *replies("배고파 죽겠다", KIND, FIRM, kind="lookalike"),
    ]
    found = {record.kind: order(record) for record in Outcome(tmp_path, given).records}
    assert found == {"abusive": [{FIRM}, {KIND}], "lookalike": [{KIND}, {FIRM}]}


def test_equal_replies_share_a_rank(tmp_path: Path) -> None:
    other = "저는 노래를 좋아해요!"
    (record,) = Outcome(tmp_path, replies("뭐 좋아해?", KIND, RUDE, other)).records
    assert order(record) == [{KIND, other}, {RUDE}]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    given = [
        *replies("같다", KIND, "저는 노래를 좋아해요!"),
        *replies("혼자", KIND, KIND),
        *replies("잘림", KIND, RUDE, stop_reason="length"),
        *replies("좋다", KIND, RUDE, stop_reason="eos"),
    ]
    outcome = Outcome(tmp_path, given, [pair("네, 좋아요!", "싫어."), pair("네, 좋아요!", "싫어.")])
    assert outcome.stats["tied-prompts"] == outcome.stats["lone-replies"] == 1
    assert outcome.stats["repeated-replies"] == outcome.stats["repeated-records"] == 1
    assert outcome.stats["unfinished-replies"] == 2
    assert outcome.stats["records"] == len(outcome.records) == 2
    kept = Outcome(tmp_path, given, unfinished="keep")
    assert {record.prompt[0].content for record in kept.records} == {"잘림", "좋다"}


def test_contrasts_pass_as_they_are(tmp_path: Path) -> None:
    contrasts = [pair("네, 좋아요!", "싫어.", f"질문 {number}") for number in range(20)]
    found = Outcome(tmp_path, contrasts=contrasts, balance_lengths=True).records
    assert sorted(found, key=lambda record: record.id) == sorted(contrasts, key=lambda record: record.id)
    assert [record.id for record in found] != [record.id for record in contrasts], "but not in their order"


def test_caps_and_order_follow_the_seed(tmp_path: Path) -> None:
    given = [reply for number in range(30) for reply in replies(f"질문 {number}", KIND, RUDE)]
    contrasts = [pair("네, 좋아요!", "싫어.", f"다른 질문 {number}") for number in range(30)]

    def ids(seed: int) -> list[str]:
        outcome = Outcome(tmp_path, given, contrasts, max_ranked=10, max_contrasts=5, seed=seed)
        return [record.id for record in outcome.records]

    assert len(ids(0)) == 15 and ids(0) == ids(0) != ids(1)


def test_nothing_left_is_an_error_with_the_counts(tmp_path: Path) -> None:
    with pytest.raises(DataProblem) as caught:
        Outcome(tmp_path, replies("같다", KIND, "저는 노래를 좋아해요!"))
    assert caught.value.code == "pairs-none" and "tied-prompts 1" in str(caught.value)


lengths = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from(["talk", "abusive"]))


@given(sizes=st.lists(lengths, max_size=30), seed=st.integers(0, 3))
def test_balanced_lengths_tell_nothing(sizes: list[tuple[int, int, str]], seed: int) -> None:
    records = [
        pair("가" * better, "나" * worse, str(number), kind)
        for number, (better, worse, kind) in enumerate(sizes)
    ]
    counts: Counter[str] = Counter()
    kept = balanced(records, seed, counts)
    for kind in ("talk", "abusive"):
        gaps = [
            len(record.responses[0].content) - len(record.responses[1].content)
            for record in kept
            if record.kind == kind
        ]
        assert sum(gap > 0 for gap in gaps) == sum(gap < 0 for gap in gaps)
    equal = sum(better == worse for better, worse, _ in sizes)
    assert counts["surplus-lengths"] == len(records) - len(kept) and len(kept) >= equal


def test_balancing_keeps_as_many_as_it_can() -> None:
    records = [pair("길고 긴 대답", "짧다", str(number)) for number in range(5)]
    records += [pair("짧다", "길고 긴 대답", str(number)) for number in range(5, 8)]
    assert len(balanced(records, 0, Counter())) == 6


def test_the_step_balances_what_it_ranks(tmp_path: Path) -> None:
    given = [reply for number in range(6) for reply in replies(f"질문 {number}", KIND, CURT)]
    given += [reply for number in range(4) for reply in replies(f"물음 {number}", KIND, RUDE * 5)]
    outcome = Outcome(tmp_path, given, balance_lengths=True)
    assert outcome.stats["records"] == 8 and outcome.stats["longer_wins"] == 0.5
    assert outcome.stats["surplus-lengths"] == 2


def test_the_same_answers_the_other_way_round_are_another_record() -> None:
    records = [pair("가", "나"), pair("나", "가"), pair("가", "나")]
    assert distinct(records, Counter()) == records[:2]


@given(count=st.integers(0, 20), limit=st.integers(0, 25))
def test_one_record_more_changes_no_others_place(count: int, limit: int) -> None:
    records = [pair("가", "나", str(number)) for number in range(count)]
    before, after = shuffled(records, 0), shuffled([*records, pair("가", "나", "새")], 0)
    assert [record for record in after if record in before] == before
    assert drawn(records, limit, 0) == before[:limit]
