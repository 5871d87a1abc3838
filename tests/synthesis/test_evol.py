"""Evol-Instruct end to end: operations, eliminations, rounds and descent, against a scripted author."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making_step import Made, asked, workplace
from scripted_author import Author

from dajeong.data.rejects import Reject
from dajeong.data.terms import joint_licence
from dajeong.errors import DataProblem, QualityProblem
from dajeong.records import Dialogue, Message, last_user_text
from dajeong.storage import read_records
from dajeong.synthesis.evol import estimate, run
from dajeong.synthesis.instruct_settings import OPERATIONS, EvolSettings
from dajeong.synthesis.seeds import own_seeds
from scripted_server import Script, Server, Written, scripted

SEEDS = [seed for seed in own_seeds() if seed.kind in ("advice", "question")]
SYLLABLES = {"unit": "syllables", "least": 0.95}
Spoil = Callable[[str, random.Random], "str | Written | None"]


def settings_for(server: Server, concurrency: int = 8, **more: Any) -> EvolSettings:
    given = {"similarity": SYLLABLES, "rounds": 2} | more
    return EvolSettings(
        service=server.settings(concurrency=concurrency, max_retries=0, price_in=1.0, price_out=2.0), **given
    )


def made(server: Server, folder: Path, prompts: list[Dialogue] | None = None, **more: Any) -> Made:
    return Made(run, settings_for(server, **more), folder, {"prompts": SEEDS if prompts is None else prompts})


@pytest.fixture(scope="module")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Made:
    with scripted(Script(Author())) as server:
        return made(server, tmp_path_factory.mktemp("evolved"), rounds=3)


def test_every_row_names_parent_operation_and_round(evolved: Made) -> None:
    prompts = {each.id: each for each in evolved.read("prompts", Dialogue)}
    seeds = {each.id: each for each in SEEDS}
    assert len(prompts) == evolved.stats["prompts"] > 2 * len(SEEDS) * 0.5
    for child in prompts.values():
        parent = prompts.get(child.meta["parent"]) or seeds[child.meta["parent"]]
        assert child.kind == parent.kind == seeds[child.meta["root"]].kind
        assert child.meta["round"] > parent.meta.get("round", 0)
        assert child.meta["root"] == parent.meta.get("root", parent.id)
        assert child.messages[-1].role == "user" and child.source == "evol"
    assert {child.meta["op"] for child in prompts.values()} == set(OPERATIONS)
    assert {child.meta["round"] for child in prompts.values()} == {1, 2, 3}
    assert evolved.stats["by_operation"].keys() == set(OPERATIONS)


def test_every_line_of_descent_is_a_line(evolved: Made) -> None:
    """A child's parent is the latest that was kept before it, at most one a round."""
    latest: dict[str, tuple[str, int]] = {}
    for child in evolved.read("prompts", Dialogue):
        root = child.meta["root"]
        parent, round_ = latest.get(root, (root, 0))
        assert child.meta["parent"] == parent and child.meta["round"] > round_
        latest[root] = (child.id, child.meta["round"])
    assert len(latest) > 0.8 * len(SEEDS)


def test_a_parent_that_is_tried_again_is_asked_anew(tmp_path: Path) -> None:
    def spoil(prompt: str, draw: random.Random) -> str | None:
        return json.dumps({"instruction": SEEDS[0].messages[0].content})

    with scripted(Script(Author(spoil=spoil))) as server, pytest.raises(QualityProblem):
        made(server, tmp_path, SEEDS[:1], rounds=3, operations={"deepen": 1.0})
    assert len(server.charged) == 3


def test_answers_stand_with_their_questions(evolved: Made) -> None:
    asked_for = [last_user_text(each.messages) for each in evolved.read("prompts", Dialogue)]
    records = evolved.read("records", Dialogue)
    assert [last_user_text(each.messages) for each in records] == asked_for
    assert all([message.role for message in each.messages] == ["user", "assistant"] for each in records)
    assert len({each.id for each in records}) == len(records)


def test_depth_grows_and_nothing_repeats(evolved: Made) -> None:
    texts = {each.id: last_user_text(each.messages) for each in [*SEEDS, *evolved.read("prompts", Dialogue)]}
    assert len(set(texts.values())) == len(texts)
    for child in evolved.read("prompts", Dialogue):
        before, after = texts[child.meta["parent"]], texts[child.id]
        if child.meta["op"] != "breadth":
            assert len(after) >= 1.05 * len(before)
        assert len(after) <= max(200, 3 * len(before))


def test_every_reject_has_its_reason(evolved: Made) -> None:
    rejected = evolved.stats["rejected"]
    assert {"unchanged", "copied-words", "no-gain"} <= set(rejected)
    assert len(evolved.rejects) == sum(rejected.values())
    assert all(reject.reason.startswith(reject.code) and "round" in reject.file for reject in evolved.rejects)


def test_a_run_that_forgoes_the_extras_asks_once_each(tmp_path: Path) -> None:
    with scripted(Script(Author())) as server:
        found = made(server, tmp_path, compare=False, answers=False, rounds=1)
        assert len(server.charged) == len(SEEDS)
    assert found.read("records", Dialogue) == [] and found.read("prompts", Dialogue)


def one(
    server: Server, folder: Path, spoil: Spoil, text: str = "주말에 뭐 하면 좋을까요?", **more: Any
) -> list[str]:
    """The codes of what is rejected of one instruction whose rewriting is spoilt."""
    server.script.reply = Author(spoil=spoil)
    with pytest.raises(QualityProblem) as problem:
        made(server, folder, [asked(text, 0)], rounds=1, **more)
    assert problem.value.code == "synthesis-nothing"
    return [reject.code for reject in read_records(folder / "steps/made/rejects.jsonl", Reject)]


GOOD = "주말에 혼자 사는 직장인이 비 오는 날 집에서 돈 들이지 않고 뭐 하면 좋을까요?"
FAULTS = {
    "unchanged": "주말에, 뭐 하면 좋을까요",
    "no-words": "… 그리고 그 …",
    "broken": "주말에 혼자 \udc00 집에서 뭐 하면 좋을까요?",
    "copied-words": f"새로운 프롬프트: {GOOD}",
    "product-name": f"{GOOD} GPT처럼 답해 주세요.",
    "model-speaks": f"AI 언어 모델로서 {GOOD}",
    "hangul": "What could a single office worker do at home on a rainy weekend without spending money?",
    "lines": "주말에 뭐 하면 좋을까요?" + "\n- 산책을 한다" * 12,
    "length": "주말에 뭐 할까요?",
    "similar": "주말에 뭘 하면 좋을까요?",
}


@pytest.mark.parametrize("code", FAULTS)
def test_every_elimination_has_its_name(code: str, tmp_path: Path) -> None:
    def spoil(prompt: str, draw: random.Random) -> str | None:
        return json.dumps({"instruction": FAULTS[code]}) if '"instruction"' in prompt else None

    more = {"min_ratio": 1.0, "similarity": {"unit": "syllables", "least": 0.8}} if code == "similar" else {}
    with scripted() as server:
        assert one(server, tmp_path, spoil, operations={"deepen": 1.0}, **more) == [code]


def test_in_breadth_what_is_too_near_to_its_origin_goes(tmp_path: Path) -> None:
    def spoil(prompt: str, draw: random.Random) -> str | None:
        return '{"instruction": "평일에 뭐 하면 좋을까요?"}' if '"instruction"' in prompt else None

    with scripted() as server:
        assert one(server, tmp_path, spoil, operations={"breadth": 1.0}) == ["similar"]


REPLIES: dict[str, tuple[str, str | Written]] = {
    "unreadable": ('"instruction"', "고쳐 보았어요: " + GOOD),
    "cut": ('"instruction"', Written('{"instruction": "주말에 혼자', finish="length")),
    "refused-by-service": ('"instruction"', Written(None, refusal="no")),
    "no-gain": ('"equal"', '{"equal": true}'),
    "no-verdict": ('"equal"', "아마 다를 거예요."),
    "answer-sorry": ("", "죄송하지만 그 부탁은 어렵네요."),
    "answer-no-words": ("", "네… 음, 그 …"),
    "answer-copied-words": ("", "새로운 지시문에 따라 말씀드리면 산책이 좋아요."),
    "answer-refusal": ("", "AI 언어 모델로서 주말이 없지만 산책이 좋다고 들었어요."),
    "answer-language": ("", "You could take a long walk, read a book, or cook something new at home."),
    "answer-cut": ("", Written("산책을 하시면 좋아요. 그리고", finish="length")),
    "answer-empty": ("", Written("")),
}


WELL = {'"instruction"': json.dumps({"instruction": GOOD}), '"equal"': '{"equal": false}'}


@pytest.mark.parametrize("code", REPLIES)
def test_a_spoilt_reply_is_named_and_takes_its_instruction_along(code: str, tmp_path: Path) -> None:
    place, reply = REPLIES[code]

    def spoil(prompt: str, draw: random.Random) -> str | Written | None:
        stage = next((mark for mark in ('"instruction"', '"equal"') if mark in prompt), "")
        return reply if stage == place else WELL.get(stage)

    with scripted() as server:
        assert one(server, tmp_path, spoil, operations={"concretize": 1.0}) == [code]


def test_what_cannot_be_rewritten_is_left_and_evaluation_sets_are_refused(tmp_path: Path) -> None:
    talk = Dialogue(
        id="several",
        messages=tuple(
            Message(role=role, content="안녕하세요, 반가워요") for role in ("user", "assistant", "user")
        ),
    )
    abusive = asked("이 바보야, 그것도 몰라?", 1, kind="abusive")
    with scripted(Script(Author())) as server:
        found = made(server, tmp_path / "a", [talk, abusive, *SEEDS[:8]], rounds=1)
        assert found.stats["rejected"]["several-turns"] == 1 and found.stats["given"] == 8
        reserved = asked("시험 문제입니다", 2).model_copy(update={"meta": {"evaluation": "kobest"}})
        with pytest.raises(DataProblem):
            made(server, tmp_path / "b", [reserved])


@pytest.mark.parametrize(
    ("one_of", "other", "both"),
    [
        ("Apache-2.0", "Apache-2.0", "Apache-2.0"),
        ("CC-BY-SA-3.0", "MIT", "CC-BY-SA-3.0 AND MIT"),
        ("CC-BY-SA-3.0 AND MIT", "MIT", "CC-BY-SA-3.0 AND MIT"),
        ("", "MIT", ""),
        ("MIT", "", ""),
    ],
)
def test_both_licences_hold_and_an_unstated_one_leaves_it_unstated(
    one_of: str, other: str, both: str
) -> None:
    assert joint_licence(one_of, other) == both


def test_the_estimate_asks_nothing_and_is_a_bound(tmp_path: Path) -> None:
    with scripted(Script(Author())) as server:
        settings = settings_for(server, rounds=1)
        before = estimate(settings, workplace(tmp_path, {"prompts": SEEDS}))
        assert not server.calls and before.requests == 3 * len(SEEDS)
        made(server, tmp_path, rounds=1)
        assert before.high is not None and server.dollars(1.0, 2.0) < before.high
