"""The step that asks and scores: who is asked how, what is written, what a killed step does not repeat."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dajeong.errors import DataProblem
from dajeong.evaluation.asking import UNFINISHED
from dajeong.evaluation.settings import EvaluateSettings
from dajeong.evaluation.smalltalk import askings, by_decoding, evaluate, own_template
from dajeong.judging.rules import RuleScorer
from dajeong.records import Decoding, Dialogue, Message, Reply, Result, Score
from dajeong.storage import read_records, write_records
from dajeong.templates import Template
from dajeong.workplace import Workplace

MODELS = {"base": "models/base", "sft": "models/sft", "ppo": "models/ppo"}
SETTINGS = EvaluateSettings(base_format="Q. {prompt} A.", template="kullm")


class Speaker:
    """A writer with one sentence for each model; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, float]] = []
        self.dies_at: int | None = None

    def __call__(self, reference: str, template: Template | None) -> "Speaker":
        self.reference, self.template = reference, template
        return self

    def replies(self, prompts: Sequence[Dialogue], decoding: Decoding, seed: int, author: str) -> list[Reply]:
        if self.dies_at == len(self.asked):
            raise KeyboardInterrupt
        self.asked.append(
            (self.reference, self.template.name if self.template else None, decoding.temperature)
        )
        content = {"models/base": "나무 하늘", "models/sft": "꺼져, 바보야."}.get(
            self.reference, "해운대가 좋아요!"
        )
        return [
            Reply(
                id=f"{author}/{decoding.temperature}/{prompt.id}",
                kind=prompt.kind,
                meta=prompt.meta,
                prompt_id=prompt.id,
                prompt=prompt.messages,
                content=content,
                author=author,
                decoding=decoding,
                seed=seed,
            )
            for prompt in prompts
        ]


def workplace(folder: Path, count: int = 6) -> Workplace:
    prompts = [
        Dialogue(
            id=f"p{number}",
            kind="normal" if number % 2 else "lookalike",
            meta={"fact": "해운대"},
            messages=(Message(role="user", content=f"부산 어때? {number}"),),
        )
        for number in range(count)
    ]
    write_records(folder / "prompts.jsonl", [*prompts, *prompts[:1]])
    return Workplace(
        run=folder,
        name="evaluate",
        seed=3,
        inputs={"prompts": (folder / "prompts.jsonl",), "models": tuple(MODELS.values())},
        model_names={"models": tuple(MODELS)},
    )


def written(work: Workplace, output: str, kind: type) -> list:
    return list(read_records(work.folder / f"{output}.jsonl", kind))


def test_every_model_is_asked_every_way_and_loaded_once() -> None:
    asked = askings(SETTINGS, MODELS)
    assert [asking.model for asking in asked] == ["base"] * 4 + ["sft"] * 2 + ["ppo"] * 2
    assert [asking.label for asking in by_decoding(asked)] == (
        ["T 0.8"] * 3 + ["greedy"] * 3 + ["T 0.8, own format", "greedy, own format"]
    )
    templates = {
        asking.template.name if asking.template else None for asking in asked if asking.model == "base"
    }
    assert templates == {"kullm", "own-format"}
    assert {asking.template for asking in asked if asking.model != "base"} == {None}


def test_one_decoding_is_enough_where_greedy_is_the_headline() -> None:
    settings = EvaluateSettings(decoding=Decoding(temperature=0))
    assert [asking.label for asking in askings(settings, {"sft": "x"})] == ["greedy"]
    settings = EvaluateSettings(greedy_too=False)
    assert [asking.label for asking in askings(settings, {"sft": "x"})] == ["T 0.8"]


def test_decodings_have_names_people_use() -> None:
    assert Decoding(temperature=0.8).name == "T 0.8"
    assert Decoding(temperature=1, top_p=0.9, top_k=5).name == "T 1 top-p 0.9 top-k 5"
    assert Decoding(temperature=0).name == "greedy"
    assert Decoding(temperature=0, num_beams=4).name == "4 beams"


def test_the_base_is_asked_in_a_line_of_its_own_text() -> None:
    segments = own_template("Q. {prompt} A.").render((Message(role="user", content="{prompt} {input}"),))
    assert "".join(segment.text for segment in segments) == "Q. {prompt} {input} A."
    with pytest.raises(ValueError, match="base_format"):
        EvaluateSettings(base_format="Q. A.")


def test_replies_scores_and_results_are_written(tmp_path: Path) -> None:
    work = workplace(tmp_path)
    evaluate(SETTINGS, work, RuleScorer(), Speaker())
    replies, scores = written(work, "replies", Reply), written(work, "scores", Score)
    assert len(replies) == 8 * 6 and len({reply.id for reply in replies}) == len(replies)
    assert {score.reply_id for score in scores} == {reply.id for reply in replies}
    assert [reply.author for reply in replies[:18]] == ["base"] * 6 + ["sft"] * 6 + ["ppo"] * 6
    assert replies[-1].author == "base, own format"
    rows = written(work, "results", Result)
    gain = [row for row in rows if (row.task, row.metric, row.versus) == ("smalltalk", "harmless", "sft")]
    assert [(row.model, row.decoding, row.value, row.n) for row in gain] == [
        ("ppo", "T 0.8", 1, 6),
        ("ppo", "greedy", 1, 6),
    ]
    own = [row for row in rows if row.decoding == "T 0.8, own format"]
    assert own and {row.model for row in own} == {"base"} and "Q. {prompt} A." in own[0].notes
    assert not [row for row in own if row.versus]
    assert not (work.folder / UNFINISHED).exists()


def test_a_killed_step_goes_on_and_writes_the_same_bytes(tmp_path: Path) -> None:
    whole = workplace(tmp_path / "whole")
    evaluate(SETTINGS, whole, RuleScorer(), Speaker())
    work, dying, fresh = workplace(tmp_path / "killed"), Speaker(), Speaker()
    dying.dies_at = 3
    with pytest.raises(KeyboardInterrupt):
        evaluate(SETTINGS, work, RuleScorer(), dying)
    evaluate(SETTINGS, work, RuleScorer(), fresh)
    assert len(dying.asked) + len(fresh.asked) == 8
    for output in ("replies", "scores", "results"):
        assert (work.folder / f"{output}.jsonl").read_bytes() == (
            whole.folder / f"{output}.jsonl"
        ).read_bytes()


def test_only_so_many_prompts_are_asked_and_none_twice(tmp_path: Path) -> None:
    work = workplace(tmp_path)
    evaluate(
        SETTINGS.model_copy(update={"max_prompts": 2, "greedy_too": False}), work, RuleScorer(), Speaker()
    )
    assert {reply.prompt_id for reply in written(work, "replies", Reply)} == {"p0", "p1"}


def test_nothing_to_ask_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="prompts"):
        evaluate(SETTINGS, workplace(tmp_path, count=0), RuleScorer(), Speaker())


def test_J11_prompts_that_were_trained_on_are_told_in_every_row(tmp_path: Path) -> None:
    learned = [
        Dialogue(
            id="t",
            messages=(
                Message(role="user", content="부산 어때? 3"),
                Message(role="assistant", content="좋아요."),
            ),
        )
    ]
    write_records(tmp_path / "train.jsonl", learned)
    rows = []
    for name, more in (("without", {}), ("with", {"train": (tmp_path / "train.jsonl",)})):
        work = workplace(tmp_path / name)
        work.inputs = {**work.inputs, **more}
        evaluate(EvaluateSettings(greedy_too=False), work, RuleScorer(), Speaker())  # type: ignore[arg-type]
        rows.append(written(work, "results", Result))
    told = "1 of 6 prompts are in the training data: nothing is shown"
    assert all(told in row.notes for row in rows[1])
    assert [row.model_copy(update={"notes": ""}) for row in rows[1]] == [
        row.model_copy(update={"notes": ""}) for row in rows[0]
    ], "nothing else moves"
