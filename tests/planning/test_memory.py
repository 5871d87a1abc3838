"""What a step holds: parts that add up, ways to share them, the tables worked out for Polyglot-Ko."""

from __future__ import annotations

import pytest
import torch

from dajeong.errors import UsageProblem
from dajeong.models.settings import LoraSettings
from dajeong.planning.cards import CARDS, GIB, card_of
from dajeong.planning.memory import Cache, Phase, Workload, columns_of, held, memory_of
from dajeong.planning.rehearsal import Body, Forward, Reader, RoleShape
from dajeong.planning.shapes import config_of, shape_of

SHAPE = shape_of(config_of("EleutherAI/polyglot-ko-12.8b"))
NARROW = LoraSettings(rank=8, targets=("query_key_value",))
ADAPTER = 4 * 6_553_600
READ = Phase("reading", Forward((Reader(None, (8,)),), gradient=False))


def workload(*roles: RoleShape, phase: Phase = READ, **changed: object) -> Workload:
    body = Body(SHAPE.config, roles or (RoleShape("sft", NARROW, trainable=True),))
    return Workload(SHAPE, body, (phase,))._replace(**changed)  # type: ignore[arg-type]


def test_adapters_their_gradients_and_moments_are_float32() -> None:
    weights, adapters, optimizer = held(workload())
    assert (weights, adapters, optimizer) == (2 * SHAPE.parameters, ADAPTER, 3 * ADAPTER)
    frozen = held(workload(RoleShape("sft", NARROW), RoleShape("value", NARROW, trainable=True, head=True)))
    assert frozen == (weights, 2 * ADAPTER + 4 * 5120, 3 * (ADAPTER + 4 * 5120))
    assert held(workload(copies=1))[1] == 2 * ADAPTER


def test_all_weights_take_sixteen_bytes() -> None:
    full = Workload(SHAPE, Body(SHAPE.config, (), torch.float32, train_base=True), (READ,))
    assert sum(held(full)) == 16 * SHAPE.parameters


def test_what_several_processes_share() -> None:
    single = held(workload())
    ddp, fsdp2, zero2, zero3 = (
        held(workload(parallel=way, world=4)) for way in ("ddp", "fsdp2", "zero2", "zero3")
    )
    assert ddp == (single[0], single[1], single[2] + ADAPTER), "the buckets that travel"
    assert zero2 == (single[0], single[1], single[2] // 4)
    assert fsdp2 == zero3 and single[0] / 4 < fsdp2[0] < single[0] / 4 * 1.3
    assert held(workload(offload=True))[0] < 0.1 * single[0]
    assert held(workload(quantised="4bit"))[0] / 1e9 == pytest.approx(7.70, abs=0.01)


def test_the_largest_phase_counts_and_the_cache_is_its_own() -> None:
    cache = Cache(64, 512)
    rollout = Phase("rollout", READ.forward, cache)
    both = memory_of(workload(phase=READ)._replace(phases=(READ, rollout)))
    assert both.phase == "rollout" and both.peak == both.held + both.activations + both.logits + both.cache
    assert both.cache / 1e9 == pytest.approx(64 * 512 * 819_200 / 1e9, rel=0.01)


def test_the_cache_grows_by_half_past_what_is_likely() -> None:
    assert columns_of(100, 100) == 200 and columns_of(256, 256) == 576


TOKENS_ON_80_GB = 13_300
"""Of the largest forward without recomputing, by a table that allows 3.5 GB beside what torch holds."""


def test_the_largest_forward_on_80_gb_is_the_one_of_the_table() -> None:
    peaks = []
    for tokens in (4096, 8192):
        readers = (Reader("sft", (512,) * (tokens // 512), 0.5),)
        peaks.append(memory_of(workload(phase=Phase("update", Forward(readers)))).peak)
    each = (peaks[1] - peaks[0]) / 4096
    assert each == pytest.approx(4.11e6, rel=0.05), "bytes a token"
    most = 8192 + (CARDS["a100-80"].room - peaks[1]) / each
    assert most == pytest.approx(TOKENS_ON_80_GB, rel=0.05)


def test_checkpointing_takes_a_tenth_of_that() -> None:
    body = Body(SHAPE.config, (RoleShape("sft", NARROW, trainable=True),), checkpointing=True)
    phases = [Phase("update", Forward((Reader("sft", (512,) * number, 0.1),))) for number in (2, 4)]
    peaks = [memory_of(Workload(SHAPE, body, (phase,))).peak for phase in phases]
    assert 0.41e6 <= (peaks[1] - peaks[0]) / 1024 < 0.41e6 + 40 * 5120, "beside it, what one layer works with"


def test_a_card_is_found_by_size_and_by_name() -> None:
    assert card_of("40").name == card_of("a100-40").name == "A100 40GB"
    assert card_of("H100").measured and not card_of("80").measured
    assert card_of("80").room / 1e9 == pytest.approx(84 - 3.5 + 0.5, abs=0.6)
    assert all(0.75 * card.gib * GIB < card.room < card.gib * GIB for card in CARDS.values())
    with pytest.raises(UsageProblem) as caught:
        card_of("a100")
    assert "a100-" in str(caught.value)
