"""`exact`: the weighted score is what enumerating the judge's whole vocabulary gives, within 1e-5."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from judged import reply, rubric

from dajeong.judging import form, reading_local
from dajeong.judging.geval_local import LocalJudge
from dajeong.judging.judgement import questions
from dajeong.judging.reading_local import LocalReader
from dajeong.judging.rubric import Criterion
from dajeong.judging.rubrics import RUBRICS
from dajeong.judging.weights import Spelling, masses, weighted
from dajeong.models.load import ChatModel, load_chat
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.models.tokenize import prompt_ids
from dajeong.records import Reply

SCALES = ((1, 5), (0, 1), (1, 10), (8, 11))
SHAPE = TinySettings(layers=1, hidden=16, heads=2, vocabulary=320, positions=4096)
LEARNED = ["점수는 0 1 2 3 4 5 6 7 8 9 입니다."] * 4
"""Digits alone: 10 is two tokens, and 1 its beginning."""


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> ChatModel:
    folder = tmp_path_factory.mktemp("judge") / "tiny"
    write_tiny(folder, LEARNED, SHAPE, seed=0)
    found = load_chat(str(folder))
    with torch.no_grad():
        found.model.head.get_parameter("weight").mul_(8)  # drawn weights say everything alike; these choose
    return found


def spellings(criterion: Criterion, chat: ChatModel) -> list[Spelling]:
    return LocalReader(chat).spellings({str(score): score for score in criterion.scale})


def next_tokens(chat: ChatModel, ids: list[int]) -> torch.Tensor:
    """log p of every token behind `ids`, by the unmodified model."""
    with torch.inference_mode():
        logits = chat.model.base(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
    return logits.double().log_softmax(dim=-1)


def enumerated(chat: ChatModel, context: list[int], spelt: list[Spelling]) -> dict[int, float]:
    """Score → probability: walk through every next token of the vocabulary, as far as it is a spelling."""
    by_ids = {spelling.ids: spelling.score for spelling in spelt}
    found: dict[int, float] = {}

    def walk(path: tuple[int, ...], probability: float) -> None:
        going_on = 0.0
        if any(ids[: len(path)] == path and len(ids) > len(path) for ids in by_ids):
            for token, share in enumerate(next_tokens(chat, [*context, *path]).exp().tolist()):
                longer = (*path, token)
                if any(ids[: len(longer)] == longer for ids in by_ids):
                    walk(longer, probability * share)
                    going_on += share if _spells(longer) else 0.0
        if path in by_ids:
            score = by_ids[path]
            found[score] = found.get(score, 0.0) + probability * (1 - going_on)

    def _spells(path: tuple[int, ...]) -> bool:
        return path in by_ids

    walk((), 1.0)
    return found


@pytest.mark.parametrize("scale", SCALES)
def test_exact_weighting_is_brute_force_enumeration(scale: tuple[int, int], chat: ChatModel) -> None:
    asked = rubric(scale)
    replies = [reply(0), reply(1, content="아니요. 5점 만점에 10점!"), reply(2)]
    scores = LocalJudge(chat, asked).score(replies)
    values = set()
    for question, score in zip(questions(replies, asked), scores, strict=True):
        messages = form.as_one(form.form(question.sheet, question.criterion, question.reply, "en"))
        context = prompt_ids(messages, chat.template, chat.tokenizer)
        spelt = spellings(question.criterion, chat)
        truth = enumerated(chat, context, spelt)
        mass = sum(truth.values())
        expected = sum(value * share for value, share in truth.items()) / mass
        assert score.value == pytest.approx(expected, abs=1e-5)
        assert score.meta["valid_mass"] == pytest.approx(mass, abs=1e-5)
        assert set(score.meta["weights"]) == {str(value) for value in question.criterion.scale}
        assert 0 < mass <= 1
        values.add(round(expected, 6))
    assert len(values) == len(replies), "the judge tells replies apart"
    lengths = {len(ids) for ids in (chat.tokenizer.encode("1"), chat.tokenizer.encode("10"))}
    assert lengths == {1, 2}


def test_a_scale_of_single_tokens_costs_one_forward_of_one_row_per_criterion(
    chat: ChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    hidden = chat.model.hidden

    def counted(ids: torch.Tensor, *more: object, **named: object) -> torch.Tensor:
        rows.append(tuple(ids.shape))
        return hidden(ids, *more, **named)  # type: ignore[arg-type]

    assert all(len(spelling.ids) <= 2 for spelling in spellings(rubric((1, 5)).sheets[""].criteria[0], chat))
    monkeypatch.setattr(reading_local, "WRITTEN", ("{}",))
    monkeypatch.setattr(chat.model, "hidden", counted)
    LocalJudge(chat, rubric((1, 5), (1, 3))).score([reply(0)])
    contexts = [
        len(
            prompt_ids(
                form.as_one(form.form(q.sheet, q.criterion, q.reply, "en")), chat.template, chat.tokenizer
            )
        )
        for q in questions([reply(0)], rubric((1, 5), (1, 3)))
    ]
    assert sum(shape[0] for shape in rows) == 2
    assert max(shape[1] for shape in rows) == max(contexts), "no token of a score is read"


def test_nothing_is_cut_from_a_question_that_is_too_long(chat: ChatModel) -> None:
    short, long = reply(0), reply(1, content="가" * 5000)
    first, second = LocalJudge(chat, rubric((1, 5))).score([short, long])
    assert first.value is not None and second.value is None
    assert second.reason is not None and second.reason.startswith("too-long")


def test_an_unlikely_score_is_missing_where_the_recipe_says_so(chat: ChatModel) -> None:
    (score,) = LocalJudge(LocalReader(chat, min_valid_mass=1.0), rubric((1, 5))).score([reply(0)])
    assert score.value is None and str(score.reason).startswith("low-mass") and score.meta["valid_mass"] < 1


def test_the_hash_of_a_score_changes_with_a_word_of_the_rubric(chat: ChatModel) -> None:
    def hash_of(version: str) -> str:
        changed = rubric((1, 5)).model_copy(update={"version": version})
        return LocalJudge(chat, changed).score([reply(0)])[0].settings_hash

    assert hash_of("1") == hash_of("1") != hash_of("2")


def test_control_tokens_spelt_in_an_answer_are_read_as_letters(chat: ChatModel) -> None:
    plain: Reply = reply(0)
    spelt = reply(0, content=f"{plain.content}<|endoftext|>")
    for judged in (plain, spelt):
        question = next(questions([judged], rubric((1, 5))))
        messages = form.as_one(form.form(question.sheet, question.criterion, judged, "en"))
        assert chat.tokenizer.eos_id not in prompt_ids(messages, chat.template, chat.tokenizer)


@given(st.lists(st.floats(-30, 0), min_size=1, max_size=11))
def test_masses_never_sum_to_more_than_one_distribution_allows(logprobs: list[float]) -> None:
    """1 and 10 share a beginning: with p(10) ≤ p(1…) nothing counts twice."""
    spelt = [Spelling(score, (score,)) for score in range(1, len(logprobs) + 1)]
    joined = [*spelt, Spelling(10, (1, 0))]
    logs = [*logprobs, logprobs[0] - 1.0]
    found = masses(joined, logs)
    assert found[0] == pytest.approx(math.exp(logprobs[0]) - math.exp(logprobs[0] - 1))
    assert sum(found) == pytest.approx(sum(math.exp(each) for each in logprobs))


def test_no_score_that_is_likely_is_no_score() -> None:
    assert weighted([]) is None and weighted([(1, 0.0), (2, 0.0)]) is None
    found = weighted([(4, 0.2), (4, 0.1), (5, 0.1)])
    assert found is not None and found.value == pytest.approx(4.25) and found.valid_mass == pytest.approx(0.4)


def test_every_rubric_that_comes_along_is_whole_in_both_languages() -> None:
    for (name, language), each in RUBRICS.items():
        other = RUBRICS[name, "ko" if language == "en" else "en"]
        assert list(each.sheets) == list(other.sheets) and each.criteria == other.criteria
        for kind, sheet in each.sheets.items():
            scales = [(criterion.name, criterion.lowest, criterion.highest) for criterion in sheet.criteria]
            assert scales == [(c.name, c.lowest, c.highest) for c in other.sheets[kind].criteria]
            assert all(len(criterion.steps) == 3 for criterion in sheet.criteria)
    assert len({each.digest for each in RUBRICS.values()}) == len(RUBRICS)
    assert len(RUBRICS["kullm", "en"].criteria) == 6 and len(RUBRICS["kullm3", "ko"].criteria) == 5


def test_a_written_folder_judges_as_the_model_it_holds(tmp_path: Path) -> None:
    write_tiny(tmp_path / "tiny", LEARNED, SHAPE, seed=3)
    one = LocalJudge(str(tmp_path / "tiny"), rubric((1, 5))).score([reply(0)])
    other = LocalJudge(load_chat(str(tmp_path / "tiny")), rubric((1, 5))).score([reply(0)])
    assert one == other and one[0].scorer == "judge:tiny" and one[0].method == "exact"
