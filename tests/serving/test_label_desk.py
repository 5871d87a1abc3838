"""Who sees what, and when: blind sides, a queue that shares and repeats, items of every source."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_parts import Client, desk_of, items, listening_page, new_id, preference

from dajeong.errors import DataProblem
from dajeong.records import Decoding, Message, Reply
from dajeong.serving import label_sides
from dajeong.serving.label_desk import Desk
from dajeong.serving.label_folder import folder_of, opened, planned
from dajeong.serving.label_items import Item, gold_of, kept, load, merged, of_preference
from dajeong.serving.label_votes import EVENT, Undo, Vote, Votes
from dajeong.serving.label_words import WORDS
from dajeong.storage import write_records


def vote(desk: Desk, item: Item, annotator: str, stage: str = "first", best: int = 0) -> Vote:
    shown = desk.shown(item, annotator, stage)
    rest = tuple(index for index in range(len(item.responses)) if index != best)
    given_vote = Vote(
        id=new_id(),
        item=item.id,
        annotator=annotator,
        verdict="ranked",
        ranking=((best,), rest),
        order=shown,
        stage=stage,  # type: ignore[arg-type]
    )
    assert desk.vote(given_vote)
    return given_vote


def by_id(desk: Desk) -> dict[str, Item]:
    return {item.id: item for item in desk.items}


# --- sides


def test_sides_are_drawn_by_item_and_annotator_and_stay() -> None:
    found = items(400)
    orders = [label_sides.order(3, item, "지우", "first") for item in found]
    assert orders == [label_sides.order(3, item, "지우", "first") for item in found]
    assert 160 < orders.count((0, 1)) < 240
    other = [label_sides.order(3, item, "하늘", "first") for item in found]
    assert 150 < sum(one == two for one, two in zip(orders, other, strict=True)) < 250
    again = [label_sides.order(3, item, "지우", "again") for item in found]
    assert all(one == two[::-1] for one, two in zip(orders, again, strict=True))


@given(st.permutations(range(4)), st.permutations(range(4)), st.integers(1, 3))
def test_places_and_responses_are_two_names_of_the_same(
    shown: list[int], ranked: list[int], cut: int
) -> None:
    ranking = (tuple(sorted(ranked[:cut])), tuple(sorted(ranked[cut:])))
    assert label_sides.as_kept(label_sides.as_shown(ranking, shown), shown) == ranking


def test_nobody_is_told_who_wrote_what_or_what_a_judge_said(tmp_path: Path) -> None:
    record = preference(0, labelled_by="judge:gpt-4")
    told = [
        response.model_copy(update={"content": f"저는 {name}이고 ChatGPT보다 친절해요. {number}"})
        for number, (response, name) in enumerate(zip(record.responses, ("ppo-7b", "GPT-4o"), strict=True))
    ]
    item = of_preference(record.model_copy(update={"responses": tuple(told)}))
    with listening_page(desk_of(tmp_path, [item], show_judge=True)) as port:
        client = Client(port)
        (seen,) = client.items(1)
        said = json.dumps(seen, ensure_ascii=False)
        assert not re.search("ppo|sft|judge|GPT|ranking|author|invented", said, re.IGNORECASE)
        assert seen["masked"] and said.count(label_sides.MASK) == 4
        answer = client.vote(seen)
        place = label_sides.order(0, item, "지우", "first").index(0)
        assert answer["judged"] == {"judge:gpt-4": [[place], [1 - place]]}
    with listening_page(desk_of(tmp_path / "hidden", [item])) as port:
        client = Client(port)
        assert client.vote(client.items(1)[0])["judged"] == {}


# --- the queue


def test_shared_items_come_first_and_nobody_labels_what_is_full(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, items(100), overlap=0.3, per_item=2)
    labelled: Counter[str] = Counter()
    firsts: dict[str, list[str]] = {}
    for name in ("지우", "하늘", "나래"):
        while turns := desk.turns(name, 1, ()):
            item = by_id(desk)[turns[0]["id"]]
            vote(desk, item, name)
            labelled[item.id] += 1
            firsts.setdefault(name, []).append(item.id)
    twice = {item for item, count in labelled.items() if count == 2}
    assert set(labelled.values()) == {1, 2} and len(labelled) == 100 and 15 < len(twice) < 45
    assert set(firsts["지우"][: len(twice)]) == twice == set(firsts["하늘"][: len(twice)])
    assert "나래" not in firsts and desk.progress("나래")["left"] == 0
    desk.close()


def test_some_items_come_again_after_others_with_sides_swapped(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, items(60), overlap=0, repeats=0.2, repeat_after=10)
    seen: list[tuple[str, str]] = []
    while turns := desk.turns("지우", 1, ()):
        seen.append((turns[0]["stage"], turns[0]["id"]))
        vote(desk, by_id(desk)[turns[0]["id"]], "지우", turns[0]["stage"])
    again = [item for stage, item in seen if stage == "again"]
    assert len(again) == len(set(again)) and 5 <= len(again) <= 20 and len(seen) == 60 + len(again)
    firsts = [item for stage, item in seen if stage == "first"]
    for item in again:
        before = [each for stage, each in seen[: seen.index(("again", item))] if stage == "first"]
        between = len(before) - before.index(item) - 1
        assert between >= min(10, len(firsts) - firsts.index(item) - 1)
    consistent = next(row for row in desk.figures() if row.metric == "self_consistency")
    assert (consistent.value, consistent.n) == (1.0, len(again))
    desk.close()


def test_items_with_a_known_answer_are_for_everyone_and_no_data(tmp_path: Path) -> None:
    from dajeong.serving.label_export import preferences

    gold = tmp_path / "gold.jsonl"
    write_records(gold, [preference(number) for number in (500, 501)])
    desk = desk_of(tmp_path / "labels", merged([*items(8, kind="normal"), *gold_of(gold)]), overlap=0)
    for name, best in (("지우", 0), ("하늘", 1)):
        while turns := desk.turns(name, 1, ()):
            vote(desk, by_id(desk)[turns[0]["id"]], name, best=best)
    found = {row.model: row for row in desk.figures() if row.metric == "gold_accuracy"}
    assert {name: (row.value, row.n) for name, row in found.items()} == {"지우": (1.0, 2), "하늘": (0.0, 2)}
    records, _ = preferences(desk.items, desk.votes)
    assert len(records) == 8
    desk.close()


def test_a_page_that_was_left_goes_on_where_it_was(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, items(10))
    before = [each["id"] for each in desk.turns("지우", 4, ())]
    vote(desk, by_id(desk)[before[0]], "지우")
    desk.close()
    again = desk_of(tmp_path, items(10))
    assert [each["id"] for each in again.turns("지우", 3, ())] == before[1:]
    assert again.progress("지우")["mine"] == 1
    again.close()


# --- votes


@settings(max_examples=40)
@given(st.data())
def test_votes_stand_whatever_order_they_come_in(data: st.DataObject) -> None:
    """Undone ones never stand; of one annotator's votes on an item at most one does."""
    found = items(3)
    events: list[Vote | Undo] = []
    for number in range(data.draw(st.integers(1, 8))):
        item = data.draw(st.sampled_from(found))
        who = data.draw(st.sampled_from(["가", "나"]))
        events.append(
            Vote(
                id=f"vote-{number:04d}",
                item=item.id,
                annotator=who,
                verdict="ranked",
                ranking=((0,), (1,)),
                order=(0, 1),
            )
        )
        if data.draw(st.booleans()):
            events.append(Undo(id=f"undo-{number:04d}", undoes=f"vote-{number:04d}", annotator=who))
    votes = Votes.of(data.draw(st.permutations([*events, *events[:2]])))
    standing = [vote for votes_of in votes.of_item.values() for vote in votes_of.values()]
    assert not votes.undone & {vote.id for vote in standing}
    left = {
        (each.item, each.annotator)
        for each in events
        if isinstance(each, Vote) and each.id not in votes.undone
    }
    assert {(vote.item, vote.annotator) for vote in standing} == left
    assert len(standing) == len({(vote.item, vote.annotator) for vote in standing})


@pytest.mark.parametrize(
    "wrong",
    [
        {"ranking": [[0]]},
        {"ranking": [[0], [0]]},
        {"ranking": [[0], [1], [2]]},
        {"ranking": [[0], [], [1]]},
        {"ranking": [[0], [1]], "verdict": "tie"},
        {"ranking": [[0], [1]], "verdict": "skip"},
        {"ranking": [[-1], [0]]},
        {"ranking": [[1], [99]]},
        {"ranking": [[0], [1]], "strength": 4},
        {"ranking": [[0], [1]], "reasons": ["looks"]},
        {"ranking": [[0], [1]], "id": "short"},
        {"ranking": [[0], [1]], "seconds": -1},
        {"ranking": [[0], [1]], "more": 1},
        {"ranking": [["0"], ["x"]]},
    ],
)
def test_a_vote_that_is_none_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with listening_page(desk_of(tmp_path, items(2))) as port:
        client = Client(port)
        (item,) = client.items(1)
        status, answer = client.ask("POST", "/api/votes", {**client.given(item), **wrong})
        assert status == 400 and answer["error"]["type"] == "invalid_request_error"
        assert client.ask("POST", "/api/votes", b"{" * 5000)[0] == 400
        assert client.ask("POST", "/api/votes", b"x" * (1 << 21))[0] == 413
        assert client.items(1) == [item], "nothing was counted"


def test_nobody_takes_back_anothers_vote(tmp_path: Path) -> None:
    with listening_page(desk_of(tmp_path, items(4))) as port:
        client = Client(port)
        given_id = client.vote(client.items(1)[0])["id"]
        body = {"id": new_id(), "annotator": "하늘", "vote": given_id}
        assert client.ask("POST", "/api/undo", body)[1]["vote"] is None


def test_an_event_is_read_back_as_it_was() -> None:
    undo = Undo(id="undo-0001", undoes="vote-0001", annotator="지우")
    assert EVENT.validate_json(undo.model_dump_json()) == undo


# --- what is labelled


def replies() -> list[Reply]:
    decodings = [Decoding(temperature=0, max_new_tokens=8), Decoding(temperature=1, max_new_tokens=8)]
    return [
        Reply(
            id=f"{author}-{number}-{decoding.name}",
            prompt_id=f"p{number}",
            prompt=(Message(role="user", content=f"{number}번"),),
            content=f"{author} {number if number else '같음'} {decoding.name}" if number else "같은 답",
            author=author,
            decoding=decoding,
        )
        for author in ("base", "sft", "ppo")
        for number in range(3)
        for decoding in decodings
    ]


def test_replies_of_a_run_are_paired_by_prompt_and_decoding(tmp_path: Path) -> None:
    step = tmp_path / "run" / "steps" / "evaluate"
    write_records(step / "replies.jsonl", replies())
    found = load(tmp_path / "run")
    assert len(found) == 4, "equal answers leave nothing to compare"
    assert {tuple(each.author for each in item.responses) for item in found} == {("sft", "ppo")}
    three = load(tmp_path / "run", ["ppo", "base", "sft"])
    assert {len(item.responses) for item in three} == {3}
    assert len(load(step / "replies.jsonl")) == 4
    assert folder_of(tmp_path / "run", None) == tmp_path / "run" / "labels"


def test_pairs_of_other_shapes_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "trl.jsonl"
    file.write_text('{"prompt": "안녕?", "chosen": "반가워요!", "rejected": "왜요."}\n' * 2, encoding="utf-8")
    (item,) = load(file)
    assert [each.content for each in item.responses] == ["반가워요!", "왜요."]
    assert folder_of(file, None) == tmp_path / "trl.labels"


@pytest.mark.parametrize("content", ["", "[]\n", '{"prompt_id": "1"', '{"a": 1}\n'])
def test_what_holds_nothing_to_compare_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "none.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataProblem):
        load(file)


def test_what_was_labelled_once_stays_and_judges_are_joined_by_their_texts(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    first = kept(folder, items(5))
    assert [item.id for item in kept(folder, items(7)[5:])] == [item.id for item in first] + [
        item.id for item in items(7)[5:]
    ]
    file, judge = tmp_path / "pairs.jsonl", tmp_path / "judge.jsonl"
    record = preference(1)
    write_records(file, [record])
    turned = record.model_copy(
        update={"responses": record.responses[::-1], "ranking": ((0,), (1,)), "labelled_by": "judge:x"}
    )
    write_records(judge, [turned, preference(9, labelled_by="judge:x")])
    found = opened(file, tmp_path / "more", judges=[judge])
    assert [item.judged for item in found] == [{"judge:x": ((1,), (0,))}]
    file.unlink()
    assert opened(file, tmp_path / "more") == found


def test_the_seed_stays_what_it_was(tmp_path: Path) -> None:
    assert planned(tmp_path, {"seed": 7, "overlap": 0.5}).seed == 7
    later = planned(tmp_path, {"seed": 8, "goal": 10})
    assert (later.seed, later.overlap, later.goal) == (7, 0.5, 10)


def test_nobody_else_on_the_machine_reads_the_votes(tmp_path: Path) -> None:
    desk = desk_of(tmp_path / "labels", items(2))
    vote(desk, desk.items[0], "지우")
    modes = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "labels").iterdir()}
    assert set(modes.values()) == {0} and (tmp_path / "labels").stat().st_mode & 0o077 == 0
    desk.close()


# --- words


def test_the_page_says_nothing_that_is_not_in_both_languages() -> None:
    assert [key for key, each in WORDS.items() if not each.ko or not each.en] == []
    for each in WORDS.values():
        assert set(re.findall(r"\{(\w+)\}", each.ko)) == set(re.findall(r"\{(\w+)\}", each.en))
    page = "".join(
        files("dajeong.serving").joinpath(f"label_page.{kind}").read_text(encoding="utf-8")
        for kind in ("html", "js")
    )
    named = set(re.findall(r'data-(?:t|label)="([\w-]+)"|\bt\("([\w-]+)"', page))
    named_plainly = {one or other for one, other in named}
    assert named_plainly - set(WORDS) == set()
    starts = ("role-", "reason-", "strength-", "skip-", "export-", "help-")
    figures = {"agreement", "cohen_kappa", "krippendorff_alpha", "self_consistency", "gold_accuracy"}
    figures |= {"left_wins", "longer_wins", "seconds", "people"}
    unsaid = {key for key in WORDS if f'"{key}"' not in page and not key.startswith(starts)}
    assert unsaid - figures == set()
    assert not re.search("[가-힣]", page), "words stand in label_words.py"
