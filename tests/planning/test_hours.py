"""Operations of a token, bytes of a decoding step, hours: against tables worked out for Polyglot-Ko."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from dajeong.models.settings import LoraSettings
from dajeong.planning import rehearsal
from dajeong.planning.cards import CARDS, Card
from dajeong.planning.hours import Effort, Learning, step_bytes, token_flops
from dajeong.planning.rehearsal import Body, Forward, Reader, RoleShape
from dajeong.planning.shapes import Shape, config_of, shape_of

SIZES = ("1.3b", "3.8b", "5.8b", "12.8b")
NARROW = LoraSettings(rank=8, targets=("query_key_value",))
FLOOR = Card("H100", 80, 798, 3000)
"""At the rates that were measured with large products and copies."""


@pytest.fixture(scope="module")
def shapes() -> dict[str, Shape]:
    return {size: shape_of(config_of(f"EleutherAI/polyglot-ko-{size}")) for size in SIZES}


STEP = {  # 10⁹ operations of a token of 512, half of them learned; tokens a second at most
    "1.3b": (5.1, 155_000, 105_000),
    "3.8b": (15.0, 53_100, 35_700),
    "5.8b": (23.2, 34_400, 23_100),
    "12.8b": (51.4, 15_500, 10_400),
}


@pytest.mark.parametrize("size", SIZES)
def test_operations_of_a_training_token(size: str, shapes: dict[str, Shape]) -> None:
    giga, at_most, recomputing = STEP[size]
    plain = token_flops(shapes[size], 512, 0.5, Learning(True, lora=NARROW))
    assert plain / 1e9 == pytest.approx(giga, rel=0.01)
    assert 798e12 / plain == pytest.approx(at_most, rel=0.01)
    everywhere = Learning(True, checkpointing=True, lora=LoraSettings())
    assert 798e12 / token_flops(shapes[size], 512, 0.5, everywhere) == pytest.approx(recomputing, rel=0.01)


FORWARD = {"1.3b": (2.42, 0.021), "3.8b": (7.25, 0.014), "5.8b": (11.27, 0.010), "12.8b": (25.17, 0.008)}


@pytest.mark.parametrize("size", SIZES)
def test_operations_of_a_forward(size: str, shapes: dict[str, Shape]) -> None:
    giga, attention = FORWARD[size]
    bare = token_flops(shapes[size], 0, 0, Learning(False))
    assert bare / 1e9 == pytest.approx(giga, rel=2e-3)
    assert token_flops(shapes[size], 512, 0, Learning(False)) / bare - 1 == pytest.approx(attention, abs=6e-4)


def test_an_adapter_on_the_last_matrix_is_recomputed_whole(shapes: dict[str, Shape]) -> None:
    """In squares of the hidden width, a layer: 48 without, 64 where the last product is left out, 72."""
    shape = shapes["12.8b"]
    unit = shape.layers * shape.hidden**2
    for checkpointing, lora, expected in (
        (False, NARROW, 48),
        (True, NARROW, 64),
        (True, LoraSettings(rank=8), 72),
    ):
        learning = Learning(True, checkpointing, lora=lora)
        assert token_flops(shape, 0, 0, learning) / unit == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_our_own_forward_does_as_many(checkpointing: bool, shapes: dict[str, Shape]) -> None:
    """Counted by torch, what one more layer adds; the adapter itself (r 8 of 2048) is below a hundredth."""
    shape, tokens = shapes["1.3b"], 256
    body = Body(shape.config, (RoleShape("sft", NARROW, trainable=True),), checkpointing=checkpointing)
    forward = Forward((Reader("sft", (tokens,), 1.0),))
    counted = [_flops(body, forward, layers) for layers in (2, 3)]
    expected = token_flops(shape, 0, 0, Learning(True, checkpointing, lora=NARROW)) / shape.layers
    assert (counted[1] - counted[0]) / tokens == pytest.approx(expected, rel=0.015)


def _flops(body: Body, forward: Forward, layers: int) -> int:
    batch = rehearsal._batch(forward)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = rehearsal._model(body, layers)
        with FlopCounterMode(display=False) as counter:
            rehearsal._run(model, batch, gradient=True)
    return int(sum(counter.get_flop_counts()["Global"].get(operation, 0) for operation in PRODUCTS))


PRODUCTS = (torch.ops.aten.mm, torch.ops.aten.addmm)

DECODE_MS = {  # rows → milliseconds of a step, mean context 384
    "1.3b": {1: 0.87, 16: 1.25, 128: 4.07},
    "3.8b": {1: 2.53, 16: 3.28, 128: 8.93},
    "5.8b": {1: 3.90, 16: 4.78, 128: 11.4},
    "12.8b": {1: 8.60, 16: 10.2, 128: 21.9},
}


@pytest.mark.parametrize("size", SIZES)
def test_a_decoding_step_reads_weights_and_what_is_kept(size: str, shapes: dict[str, Shape]) -> None:
    for rows, milliseconds in DECODE_MS[size].items():
        assert step_bytes(shapes[size], rows, 384) / 3.0e12 * 1e3 == pytest.approx(milliseconds, rel=0.01)


def test_hours_are_a_span_and_fall_with_cards(shapes: dict[str, Shape]) -> None:
    shape = shapes["12.8b"]
    effort = Effort(flops=1e18)
    low, high = effort.hours(shape, FLOOR) or (0, 0)
    assert 0 < low < high and low == pytest.approx(1e18 / (798e12 * 0.6) / 3600)
    assert effort.hours(shape, FLOOR, 4) == pytest.approx((low / 4, high / 4))
    assert effort.hours(shape, Card("CPU", 0, 0, 0)) is None
    few = Effort(decoding_steps=1000, bytes_per_step=1e6).hours(shape, FLOOR) or (0, 0)
    assert few[0] == few[1] == pytest.approx(1000 * 40 * 0.0008 / 3600), "kernels must be started, too"


def test_vaivs_reward_model_took_four_minutes(shapes: dict[str, Shape]) -> None:
    """2,484 pairs of about 540 tokens on one A100 of 40 GB, all weights: within the span."""
    flops = (
        2484 * 540 * token_flops(shapes["1.3b"], 270, 0, Learning(True, checkpointing=True, train_base=True))
    )
    low, high = Effort(flops).hours(shapes["1.3b"], CARDS["a100-40"]) or (0, 0)
    assert low < 4 / 60 and high < 4 / 60 * 2
