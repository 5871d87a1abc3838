"""The twins as data, the step that asks them, and figures in which neither rate ever stands alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.data.reserved import refuse_reserved
from dajeong.errors import DataProblem
from dajeong.evaluation.figures import Answered, by_reply
from dajeong.evaluation.refusal_figures import figures
from dajeong.evaluation.refusals import measure
from dajeong.evaluation.settings import RefusalsSettings, TwinType
from dajeong.evaluation.twins import HARMLESS, chosen, twins
from dajeong.judging.refusal import HARMFUL, RefusalScorer, deserved, rates
from dajeong.records import Decoding, Dialogue, Message, Reply, Result
from dajeong.rollout.authored import reply_to
from dajeong.storage import read_records, write_records
from dajeong.workplace import Workplace

REFUSES, ANSWERS, BOTH = (
    "죄송하지만 그 부탁은 들어드릴 수 없어요.",
    "따뜻한 국수는 어때요?",
    "따뜻한 국수는 어때요? 다만 그런 표현은 삼가 주세요. 국물이 시원한 집을 알려 드릴게요.",
)
SAYS = {"all": lambda kind: REFUSES, "none": lambda kind: ANSWERS}
SAYS["fair"] = lambda kind: REFUSES if deserved(kind) else ANSWERS
SAYS["scold"] = lambda kind: REFUSES if deserved(kind) else BOTH
SAYS["silent"] = lambda kind: " …"


# --- the twins


def test_there_are_twelve_twins_of_each_of_ten_types_or_more() -> None:
    counts = Counter(str(prompt.meta["type"]) for prompt in twins() if prompt.kind == HARMLESS)
    assert len(counts) >= 10 and set(counts.values()) == {12} and set(counts) == set(get_args(TwinType))
    assert Counter(prompt.kind for prompt in twins()) == {
        HARMLESS: sum(counts.values()),
        HARMFUL: sum(counts.values()),
    }
    assert (
        len({prompt.messages[0].content for prompt in twins()})
        == len({p.id for p in twins()})
        == len(twins())
    )


def test_a_pair_is_two_neighbours_of_one_name_and_nobody_learns_from_it() -> None:
    for harmless, harmful in zip(twins()[::2], twins()[1::2], strict=True):
        assert harmless.meta["twin"] == harmful.meta["twin"] and (harmless.kind, harmful.kind) == (
            HARMLESS,
            HARMFUL,
        )
    with pytest.raises(DataProblem):
        refuse_reserved(twins()[:1], "ppo")


def test_some_types_and_some_twins_can_be_chosen() -> None:
    some = chosen(("joke", "history"), 3)
    assert len(some) == 2 * 3 * 2 and {prompt.meta["type"] for prompt in some} == {"joke", "history"}
    assert chosen((), None) == list(twins())


# --- figures


def answered(model: str, says: Callable[[str], str], prompts: Sequence[Dialogue] = ()) -> Answered:
    replies = [reply_to(prompt, says(prompt.kind), model) for prompt in prompts or twins()]
    return Answered(model, "greedy", replies, by_reply(RefusalScorer().score(replies)))


def at(rows: Sequence[Result], **wanted: Any) -> Result:
    wanted = {"task": "refusal", "versus": None, **wanted}
    (row,) = [r for r in rows if all(getattr(r, name) == value for name, value in wanted.items())]
    return row


@pytest.mark.parametrize(
    ("says", "false", "true", "whole", "apart"),
    [("all", 1, 1, 1, 0), ("none", 0, 0, 0, 0), ("fair", 0, 1, 0, 1), ("scold", 1, 1, 0, 0)],
)
def test_who_refuses_all_or_nothing_tells_no_twins_apart(
    says: str, false: float, true: float, whole: float, apart: float
) -> None:
    rows = figures([answered("m", SAYS[says])])
    found = {row.metric: row.value for row in rows if row.task == "refusal"}
    expected = {
        "false_refusal": false,
        "true_refusal": true,
        "false_refusal_whole": whole,
        "true_refusal_whole": true,
    }
    assert found == {**expected, "told_apart": apart, "balanced_accuracy": (1 - false + true) / 2}
    assert all(row.n == 132 for row in rows if row.task == "refusal")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(sorted(SAYS)), min_size=1, max_size=3), st.integers(1, 3))
def test_neither_rate_ever_stands_alone(says: list[str], most: int) -> None:
    """In every scope, the true rate is the row after the false one, even where nothing could be scored."""
    prompts = chosen(("joke", "history"), most)
    rows = figures([answered(str(place), SAYS[name], prompts) for place, name in enumerate(says)])
    plain = [row for row in rows if row.versus is None]
    for place, row in enumerate(plain):
        if row.metric == "false_refusal":
            assert (plain[place + 1].metric, plain[place + 1].task) == ("true_refusal", row.task)
    assert sum(row.metric == "true_refusal" for row in plain) == 3 * len(says)


def test_silence_is_missing_and_neither_an_answer_nor_a_refusal() -> None:
    rows = figures([answered("m", SAYS["silent"])])
    assert {(row.metric, row.value, row.n, row.missing) for row in rows if row.task == "refusal"} == {
        (metric, None, 0, 132)
        for metric in ("false_refusal", "true_refusal", "false_refusal_whole", "true_refusal_whole")
    }


def test_models_are_compared_prompt_by_prompt() -> None:
    rows = figures([answered("sft", SAYS["fair"]), answered("ppo", SAYS["all"])])
    row = at(rows, model="ppo", versus="sft", metric="false_refusal")
    assert row.value == 1 and row.ci_low is not None and row.ci_low > 0.9 and row.n == 132
    assert row.notes == "McNemar p 3.7e-40"  # 2 · ½^132, by hand
    assert at(rows, model="ppo", versus="sft", metric="true_refusal").value == 0
    assert at(rows, model="ppo", versus="sft", metric="told_apart").value == -1


def test_rates_of_a_guard_are_those_of_the_figures() -> None:
    replies = list(answered("m", SAYS["scold"]).replies)
    assert rates(replies) == {"false_refusal": 1.0, "true_refusal": 1.0}
    assert rates(replies[::2]) == {"false_refusal": 1.0} and rates([]) == {}
    assert rates(list(answered("m", SAYS["silent"]).replies)) == {}


# --- the step


class Speaker:
    """A writer for every model: what it says follows from its name and the prompt's kind."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, reference: str, template: object) -> Speaker:
        self.model = reference
        return self

    def replies(self, prompts: Sequence[Dialogue], decoding: Decoding, seed: int, author: str) -> list[Reply]:
        self.asked.append(self.model)
        return [
            reply_to(prompt, SAYS[self.model](prompt.kind), author, decoding=decoding) for prompt in prompts
        ]


def workplace(folder: Path, prompts: Sequence[Dialogue] = ()) -> Workplace:
    names = ("fair", "all")
    inputs: dict[str, tuple[Path | str, ...]] = {"models": names}
    if prompts:
        write_records(folder / "prompts.jsonl", prompts)
        inputs["prompts"] = (folder / "prompts.jsonl",)
    return Workplace(folder, "refusals", inputs=inputs, model_names={"models": names})


def test_the_step_asks_every_model_every_twin(tmp_path: Path) -> None:
    work, speaker = workplace(tmp_path), Speaker()
    measure(RefusalsSettings(num_twins=2), work, RefusalScorer(), speaker)
    replies = list(read_records(work.folder / "replies.jsonl", Reply))
    assert speaker.asked == ["fair", "all"] and len(replies) == 2 * 11 * 2 * 2
    rows = list(read_records(work.folder / "results.jsonl", Result))
    assert at(rows, model="fair", metric="told_apart").value == 1
    assert at(rows, model="all", versus="fair", metric="false_refusal").value == 1
    assert at(rows, model="all", metric="false_refusal", task="refusal/joke").n == 2


def test_prompts_of_one_side_only_are_refused(tmp_path: Path) -> None:
    harmless = [prompt for prompt in twins() if prompt.kind == HARMLESS][:3]
    with pytest.raises(DataProblem, match="132|3 prompts"):
        measure(RefusalsSettings(), workplace(tmp_path, harmless), RefusalScorer(), Speaker())


def test_prompts_of_ones_own_need_no_twins(tmp_path: Path) -> None:
    own = [
        Dialogue(id=f"own:{place}", kind=kind, messages=(Message(role="user", content=f"물음 {place}"),))
        for place, kind in enumerate(("talk", "talk", "abusive"))
    ]
    work = workplace(tmp_path, own)
    measure(RefusalsSettings(), work, RefusalScorer(), Speaker())
    rows = list(read_records(work.folder / "results.jsonl", Result))
    assert (
        at(rows, model="all", metric="false_refusal").n == 2
        and at(rows, model="fair", metric="true_refusal").n == 1
    )
    assert not [row for row in rows if row.metric == "told_apart"]
