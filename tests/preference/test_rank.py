"""The step `rank`: sums, floors, margins, authors, weights; VAIV's rule gives VAIV's published pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.errors import DataProblem
from dajeong.preference.rank import run
from dajeong.preference.ranking import grouped
from dajeong.preference.settings import RankSettings
from dajeong.records import Message, Preference, Reply, Score
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace
from shared_data import SHARED, needs_shared

CRITERIA = ("friendliness", "harmlessness")


def reply(prompt: str, author: str, kind: str = "talk", text: str = "", **more: Any) -> Reply:
    asked = (Message(role="user", content=prompt),)
    return Reply(
        id=f"{prompt}/{author}",
        prompt_id=prompt,
        prompt=asked,
        content=text or f"{author}의 답",
        author=author,
        kind=kind,
        **more,
    )


def scores(judged: Reply, *values: float | None, judge: str = "judge:m") -> list[Score]:
    return [
        Score(
            id=f"{judged.id}/{criterion}",
            reply_id=judged.id,
            scorer=judge,
            criterion=criterion,
            value=value,
            reason="empty" if value is None else None,
            method="exact",
            settings_hash="1",
        )
        for criterion, value in zip(CRITERIA, values, strict=True)
    ]


class Outcome:
    def __init__(
        self, folder: Path, replies: Sequence[Reply], judged: Sequence[Score] = (), **given: Any
    ) -> None:
        write_records(folder / "replies.jsonl", replies)
        write_records(folder / "scores.jsonl", judged)
        inputs = {name: (folder / f"{name}.jsonl",) for name in ("replies", "scores")}
        self.work = Workplace(run=folder, name="rank", inputs=inputs)
        run(RankSettings(**given), self.work)
        self.records = list(read_records(self.work.folder / "preferences.jsonl", Preference))
        self.stats: dict[str, Any] = read_json(self.work.folder / "stats.json")


def order(record: Preference) -> list[set[str]]:
    return [{record.responses[index].author for index in group} for group in record.ranking]


THREE = [reply("안녕?", author) for author in ("a", "b", "c")]
JUDGED = [*scores(THREE[0], 3, 4), *scores(THREE[1], 5, 5), *scores(THREE[2], 4, 3.5)]


def test_replies_stand_in_the_order_of_their_sums_with_their_scores(tmp_path: Path) -> None:
    (record,) = Outcome(tmp_path, THREE, JUDGED).records
    assert order(record) == [{"b"}, {"c"}, {"a"}] and record.labelled_by == "judge:m"
    assert record.responses[1].scores == {"friendliness": 5, "harmlessness": 5} and record.weight == 1


def test_replies_within_the_margin_tie_and_a_prompt_of_ties_is_left_out(tmp_path: Path) -> None:
    (record,) = Outcome(tmp_path / "half", THREE, JUDGED, margin=0.5).records
    assert order(record) == [{"b"}, {"a", "c"}]
    with pytest.raises(DataProblem, match="tied-prompts 1"):
        Outcome(tmp_path / "three", THREE, JUDGED, margin=3)


def test_a_prompt_whose_replies_are_all_poor_is_left_out(tmp_path: Path) -> None:
    assert len(Outcome(tmp_path / "one", THREE, JUDGED, floor=10).records) == 1
    with pytest.raises(DataProblem, match="poor-prompts 1"):
        Outcome(tmp_path / "none", THREE, JUDGED, floor=10.5)


def test_a_reply_with_a_missing_score_is_no_poor_reply(tmp_path: Path) -> None:
    judged = [*scores(THREE[0], None, 5), *JUDGED[2:]]
    found = Outcome(tmp_path / "all", THREE, judged)
    assert order(found.records[0]) == [{"b"}, {"c"}] and found.stats["unjudged-replies"] == 1
    chosen = Outcome(tmp_path / "one", THREE, judged, criteria=("harmlessness",))
    assert order(chosen.records[0]) == [{"a", "b"}, {"c"}]
    with pytest.raises(DataProblem, match="lone-prompts 1"):
        Outcome(tmp_path / "unasked", THREE, judged, criteria=(*CRITERIA, "context"))


def test_scores_of_two_judges_never_mix(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="judge:m") as problem:
        Outcome(tmp_path, THREE, [*JUDGED, *scores(THREE[0], 5, 5, judge="judge:other")])
    assert problem.value.exit_code == 3


def test_authors_rank_by_kind_unread(tmp_path: Path) -> None:
    replies = [
        reply(prompt, author, kind) for prompt, kind in (("가", "talk"), ("나", "abusive")) for author in "ab"
    ]
    replies += [reply("다", "a"), reply("라", "c"), reply("라", "a")]
    found = Outcome(tmp_path, replies, authors={"": ("a", "b"), "abusive": ("b", "a")})
    assert [order(record) for record in found.records] == [[{"a"}, {"b"}], [{"b"}, {"a"}]]
    assert [record.labelled_by for record in found.records] == ["rule:a>b", "rule:b>a"]
    assert (found.stats["lone-prompts"], found.stats["other-authors"]) == (2, 1)


def test_weights_go_by_the_gap_and_are_1_on_average(tmp_path: Path) -> None:
    replies = [reply(prompt, author) for prompt in ("가", "나") for author in "ab"]
    values = [(5, 5), (1, 3), (4, 4), (3, 3)]
    judged = [score for each, value in zip(replies, values, strict=True) for score in scores(each, *value)]
    assert [record.weight for record in Outcome(tmp_path, replies, judged, weights="gap").records] == [
        1.5,
        0.5,
    ]


def test_rankings_of_three_are_taken_apart_where_asked(tmp_path: Path) -> None:
    found = Outcome(tmp_path, THREE, JUDGED, pairs=True)
    assert [[each.author for each in record.responses] for record in found.records] == [
        ["b", "c"],
        ["b", "a"],
        ["c", "a"],
    ]
    assert found.stats["pairs"] == len(found.records) == 3


def test_cut_off_replies_and_repeated_words_are_left_out(tmp_path: Path) -> None:
    replies = [*THREE, reply("안녕?", "d", text=THREE[0].content), reply("안녕?", "e", stop_reason="length")]
    judged = [*JUDGED, *scores(replies[3], 5, 5), *scores(replies[4], 5, 5)]
    found = Outcome(tmp_path, replies, judged)
    assert len(found.records[0].responses) == 3
    assert (found.stats["repeated-replies"], found.stats["unfinished-replies"]) == (1, 1)


@pytest.mark.parametrize("given", [{"": ("a",)}, {"talk": ("a", "a")}])
def test_an_order_of_authors_needs_two_of_them(given: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="two names"):
        RankSettings(authors=given)
    with pytest.raises(ValueError, match="without scores"):
        RankSettings(authors={"": ("a", "b")}, floor=20)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 5))
@settings(max_examples=60)
def test_groups_are_ordered_and_no_wider_than_the_margin(values: list[int], margin: int) -> None:
    groups = grouped(values, margin)
    assert sorted(index for group in groups for index in group) == list(range(len(values)))
    spans = [(max(values[i] for i in group), min(values[i] for i in group)) for group in groups]
    assert all(best - worst <= margin for best, worst in spans)
    assert all(spans[place][0] - spans[place + 1][0] > margin for place in range(len(spans) - 1))


# --- VAIV's own files


def vaiv(kind: str) -> tuple[list[Reply], list[Score]]:
    """The rows as judged replies; what VAIV stored as 0 stays 0 here, as its sums were made of it."""
    path = SHARED / f"vaiv/preference/data_scores/{kind}_score_final.json"
    replies, judged = [], []
    for row in json.loads(path.read_text(encoding="utf-8")):
        for side in ("1", "2"):
            each = reply(row["prompt"], side, kind, row[f"response{side}"]).model_copy(
                update={"id": f"{row['id']}/{side}", "prompt_id": row["id"]}
            )
            replies.append(each)
            judged += [
                Score(
                    id=f"{each.id}/{place}",
                    reply_id=each.id,
                    scorer="judge:gpt-4",
                    criterion=str(place),
                    value=value,
                )
                for place, value in enumerate(row[f"scores{side}"])
            ]
    return replies, judged


@needs_shared
@pytest.mark.parametrize(
    ("kind", "kept", "ties", "poor"), [("conversation", 1_064, 207, 26), ("hatespeech", 491, 92, 19)]
)
def test_vaivs_rule_gives_the_published_files(
    kind: str, kept: int, ties: int, poor: int, tmp_path: Path
) -> None:
    found = Outcome(tmp_path, *vaiv(kind), floor=20)
    assert (len(found.records), found.stats["tied-prompts"], found.stats["poor-prompts"]) == (
        kept,
        ties,
        poor,
    )
    published = {
        _key(row["prompt"], row["chosen"], row["rejected"])
        for part in ("train", "test")
        for row in json.loads(
            (SHARED / f"vaiv/preference/data_final/{kind}_{part}.json").read_text(encoding="utf-8")
        )
    }
    ours = {
        _key(record.prompt[0].content, record.responses[better].content, record.responses[worse].content)
        for record in found.records
        for better, worse in record.pairs()
    }
    assert ours <= published and len(published - ours) == (0 if kind == "conversation" else 9)


def _key(*texts: str) -> tuple[str, ...]:
    return tuple(text.replace("<|endoftext|>", "").strip() for text in texts)


def test_sums_that_nearly_tie_weigh_less(tmp_path: Path) -> None:
    """Seen to fail with the gap itself as weight: sums 8 apart must not weigh 4 times as much."""
    replies = [reply(prompt, author) for prompt in "가나다" for author in ("one", "two")]
    sums = [(4, 4), (4, 3), (5, 5), (1, 1), (3, 3), (2, 2)]
    judged = [row for each, values in zip(replies, sums, strict=True) for row in scores(each, *values)]
    found = Outcome(tmp_path, replies, judged, soft_ties=2.0)
    assert [record.weight for record in found.records] == [0.5, 1.0, 1.0]
    assert [record.weight for record in Outcome(tmp_path, replies, judged).records] == [1.0, 1.0, 1.0]
    for wrong in ({"weights": "gap"}, {"authors": {"": ("one", "two")}}):
        with pytest.raises(ValueError):
            RankSettings.model_validate({"soft_ties": 2.0, **wrong})
