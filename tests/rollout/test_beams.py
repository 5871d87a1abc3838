"""Beam search against transformers'."""

from __future__ import annotations

import pytest
from stock_twins import END, Pair
from test_native import prompts, request, theirs

from dajeong.records import Decoding
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine

BEAMS = Decoding(temperature=0, num_beams=4, max_new_tokens=18)


def asked(decoding: Decoding = BEAMS, stops: frozenset[int] = frozenset({END})) -> list[Request]:
    return [request(ids, decoding, stop_ids=stops) for ids in prompts()]


@pytest.mark.parametrize("max_slots", [4, 12, 64])
def test_four_beams_equal_generate(pair: Pair, max_slots: int) -> None:
    found = NativeEngine(pair.model, max_slots, prefill_tokens=50).generate(asked())
    options = {"num_beams": 4, "early_stopping": False, "length_penalty": 1.0}
    assert [one.ids for one in found] == [theirs(pair.stock, ids, BEAMS, **options) for ids in prompts()]


def test_several_ends(pair: Pair) -> None:
    """With many ends hypotheses finish early, at different steps, and some prompts leave before others."""
    ends = [END, *range(40, 60)]
    found = NativeEngine(pair.model).generate(asked(stops=frozenset(ends)))
    options = {"num_beams": 4, "early_stopping": False, "length_penalty": 1.0, "eos_token_id": ends}
    for ids, one in zip(prompts(), found, strict=True):
        their = pair.stock.generate(
            *_inputs(ids), max_new_tokens=BEAMS.max_new_tokens, do_sample=False, **options
        )[0, len(ids) :].tolist()
        cut = next((at + 1 for at, token in enumerate(their) if token in ends), len(their))
        assert one.ids == tuple(their[:cut])
        assert (one.stop_reason == "eos") == (one.ids[-1] in ends)
    assert len({len(one.ids) for one in found}) > 2


def _inputs(ids: tuple[int, ...]) -> tuple[object]:
    import torch

    return (torch.tensor([ids]),)


def test_penalty_in_beams(pair: Pair) -> None:
    decoding = BEAMS.model_copy(update={"repetition_penalty": 1.4})
    found = NativeEngine(pair.model).generate(asked(decoding))
    options = {"num_beams": 4, "early_stopping": False, "length_penalty": 1.0}
    assert [one.ids for one in found] == [theirs(pair.stock, ids, decoding, **options) for ids in prompts()]


def test_recorded_logprobs_sum_to_more_than_greedy_at_equal_length(pair: Pair) -> None:
    """Beams search for probable replies, and record the log-probability of what they return."""
    beams = NativeEngine(pair.model).generate(asked(stops=frozenset()))
    greedy = NativeEngine(pair.model).generate(
        asked(Decoding(temperature=0, max_new_tokens=BEAMS.max_new_tokens), frozenset())
    )
    again = NativeEngine(pair.model).generate(asked(stops=frozenset()))
    assert beams == again
    assert sum(sum(one.logprobs) for one in beams) > sum(sum(one.logprobs) for one in greedy)


def test_beams_beside_plain_requests(pair: Pair) -> None:
    plain = request(prompts()[0])
    found = NativeEngine(pair.model).generate([asked()[1], plain, asked()[2]])
    alone = [NativeEngine(pair.model).generate([one])[0] for one in (asked()[1], plain, asked()[2])]
    assert [one.ids for one in found] == [one.ids for one in alone]


def test_prompts_searched_side_by_side_keep_their_own_ends_and_limits(pair: Pair) -> None:
    """As some leave early, what stops the others must move up with them."""
    requests = [
        one._replace(
            stop_ids=frozenset(range(number * 11, number * 11 + 12)),
            decoding=BEAMS.model_copy(
                update={"max_new_tokens": 6 + 2 * number, "repetition_penalty": 1 + number / 10}
            ),
        )
        for number, one in enumerate(asked())
    ]
    together = NativeEngine(pair.model).generate(requests)
    alone = [NativeEngine(pair.model).generate([one])[0] for one in requests]
    assert [one.ids for one in together] == [one.ids for one in alone]
    assert len({len(one.ids) for one in together}) > 2


def test_a_listener_hears_beams_when_they_are_final(pair: Pair) -> None:
    heard: list[int] = []

    def listen(index: int, token: int) -> bool:
        heard.append(token)
        return len(heard) < 3

    found = NativeEngine(pair.model).generate(asked()[:1], listen)[0]
    assert found.ids == tuple(heard)
    assert found.stop_reason in ("cancelled", "eos")
