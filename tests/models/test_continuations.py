"""A continuation is as likely as a plain forward of its text says, however much it shares with others."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import pytest
import torch
from families import FAMILIES, POSITIONS, add_drawn, bare_model, logits_of
from hypothesis import given, settings
from hypothesis import strategies as st
from spelling import spelling

from dajeong.models import continuations
from dajeong.models.continuations import Asked, ids_of, log_likelihoods, trees_of
from dajeong.models.roles import RoleModel

few = st.integers(2, 5)  # few different tokens, so that beginnings are often equal
asked = st.lists(
    st.builds(
        Asked, st.lists(few, min_size=1, max_size=4), st.lists(few, max_size=6)
    ),
    min_size=1,
    max_size=9,
)  # fmt: skip


@functools.cache
def model_of(family: str) -> RoleModel:
    model = bare_model(family)
    add_drawn(model, "policy", seed=1)
    return model


def plainly(model: RoleModel, role: str | None, one: Asked, longest: int = POSITIONS) -> float:
    if not one.continuation:
        return 0.0
    whole = [*one.context, *one.continuation][-longest - 1 :]
    logprobs = logits_of(model, whole[:-1], role).log_softmax(dim=-1)
    first = len(whole) - len(one.continuation)
    return sum(float(logprobs[place - 1, whole[place]]) for place in range(first, len(whole)))


def compare(model: RoleModel, role: str | None, some: Sequence[Asked], budget: int) -> None:
    found = log_likelihoods(model, role, some, budget)
    assert found == pytest.approx([plainly(model, role, one) for one in some], abs=2e-5)


@settings(max_examples=30)
@given(some=asked, budget=st.sampled_from([4, 30, 10_000]), role=st.sampled_from([None, "policy"]))
def test_a_continuation_is_as_likely_as_in_a_plain_forward(
    some: list[Asked], budget: int, role: str | None
) -> None:
    compare(model_of("neox"), role, some, budget)


@pytest.mark.parametrize("family", FAMILIES)
def test_branches_do_not_see_each_other_in_any_architecture(family: str) -> None:
    context = [7, 8, 9, 10, 11]
    branches = [[12, 13], [12, 14, 15], [12], [16, 17, 18, 19], [16, 17, 20, 21]]
    others = [Asked([30, 31], [32, 33]), Asked([30, 31], [34])]
    compare(model_of(family), None, [*(Asked(context, branch) for branch in branches), *others], 10_000)


def test_a_shared_context_and_shared_beginnings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, read = bare_model(), []
    plain = model.hidden

    def hidden(ids: torch.Tensor, *others: object, **named: object) -> torch.Tensor:
        read.append(tuple(ids.shape))
        return plain(ids, *others, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "hidden", hidden)
    context = list(range(2, 42))
    log_likelihoods(model, None, [Asked(context, [50, 51, 52]), Asked(context, [50, 53, 54])])
    assert read == [(1, 40 + 1 + 1 + 1)]
    read.clear()
    log_likelihoods(model, None, [Asked(context, [token]) for token in range(5, 15)])
    assert read == [(1, 40)], "ten single tokens behind one context cost one reading of it"


def test_what_only_goes_on_is_a_line_and_needs_no_mask() -> None:
    goes_on = [Asked([2, 3], [4]), Asked([2, 3], [4, 5, 6])]
    line, fork = trees_of([*goes_on, Asked([9], [4, 4]), Asked([9], [5, 4])], 99)
    assert line.is_line and not fork.is_line
    assert fork.ids == [9, 4, 5] and fork.depths == [0, 1, 1]
    assert fork.visible(4).tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [True, False, True, False],
        [False, False, False, True],
    ]


def test_what_is_too_long_loses_the_front_of_its_context() -> None:
    model = model_of("neox")
    long = [2 + place % 50 for place in range(POSITIONS + 40)]
    some = [Asked(long, [5, 6, 7]), Asked(long, [8]), Asked(long[:POSITIONS], [9, 10])]
    compare(model, None, some, 10_000)
    whole = Asked(long[:1], [3] * POSITIONS)
    compare(model, None, [whole], 10_000)
    (found,) = log_likelihoods(model, None, [Asked(long[:1], [3] * (POSITIONS + 1))])
    assert math.isnan(found)


def test_logits_in_chunks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [Asked([place, 3], [4, place, 6]) for place in range(2, 12)]
    once = log_likelihoods(model_of("neox"), None, some)
    monkeypatch.setattr(continuations, "MAX_LOGITS", 61 * 4)
    assert log_likelihoods(model_of("neox"), None, some) == pytest.approx(once, abs=1e-6)


def test_blanks_before_the_answer_belong_to_the_answer_unless_cut_apart() -> None:
    tokenizer = spelling(False)
    (joint,) = ids_of([("답변: ", " 예")], tokenizer)
    assert list(joint.context) == tokenizer.encode("답변:")
    assert [*joint.context, *joint.continuation] == tokenizer.encode("답변:  예")
    (apart,) = ids_of([("답변: ", " 예")], tokenizer, apart=True)
    assert (apart.context, apart.continuation) == (tokenizer.encode("답변: "), tokenizer.encode(" 예"))


@pytest.mark.parametrize("adds_bos", [False, True])
def test_a_context_begins_as_the_tokenizer_begins_a_text(adds_bos: bool) -> None:
    tokenizer = spelling(adds_bos)
    empty, given_one = ids_of([("", " 예"), ("답변:", " 예")], tokenizer)
    start = [tokenizer.bos_id] if adds_bos else []
    assert list(empty.context) == (start or [tokenizer.eos_id])
    assert list(given_one.context) == [*start, *tokenizer.encode("답변:")]
    assert list(empty.continuation) == list(given_one.continuation) == tokenizer.encode(" 예")
