"""A plan against three real runs on the processor: what was foretold, what torch's allocator gave out."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from torch.profiler import ProfilerActivity, profile

from dajeong import pipeline
from dajeong.plan import Target, plan
from dajeong.planning.cards import GIB, Card
from dajeong.progress import Quiet
from dajeong.recipe import load
from dajeong.training.loop import Loop

SMALL = [
    "threads=1",
    "smalltalk.num_texts=200",
    "smalltalk.num_sft=800",
    "smalltalk.num_pairs=400",
    "smalltalk.num_ppo_prompts=64",
    "smalltalk.num_validation=16",
    "smalltalk.num_validation_prompts=16",
    "smalltalk.num_test_prompts=16",
    "smalltalk.num_test_pairs=16",
    "smalltalk.num_reply_prompts=16",
    "base.tiny={layers: 3, hidden: 64, heads: 4, vocabulary: 600, positions: 256}",
    "base.updates=2",
    "sft.updates=2",
    "sft.tokens_per_update=3000",
    "sft.tokens_per_micro_batch=2048",
    "replies.max_prompts=8",
    "replies.per_prompt=1",
    "reward.updates=2",
    "reward.normalise_rows=32",
    "reward.tokens_per_update=3000",
    "reward.tokens_per_micro_batch=2048",
    "reward.runtime.thrifty=false",
    "ppo.updates=2",
    "ppo.epochs=1",
    "ppo.prompts_per_update=40",
    "ppo.tokens_per_micro_batch=4096",
    "ppo.decoding.max_new_tokens=16",
]
CPU = Target(Card("CPU", 0, 0, 0), "cpu")


def allocated(work: Any) -> int:
    """The most bytes that the allocator had given out inside `work`, over what it had before."""
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        work()
    events = profiled.profiler.kineto_results.events()  # type: ignore[union-attr]
    taken = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    alive = most = 0
    for _, size in taken:
        alive += size
        most = max(most, alive)
    return most


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], dict[str, float]]:
    """Step → bytes that its training held, and those the plan foretold."""
    run = tmp_path_factory.mktemp("planned") / "run"
    recipe = load("demo", SMALL)
    measured: dict[str, int] = {}
    train = Loop.run

    def watched(loop: Loop) -> None:
        models = {id(model): model for model in loop.algorithm.models.values()}
        held = [tensor for model in models.values() for tensor in (*model.parameters(), *model.buffers())]
        before = sum({tensor.data_ptr(): tensor.nbytes for tensor in held}.values())
        measured[loop.work.name] = before + allocated(lambda: train(loop))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "run", watched)
        pipeline.execute(recipe, run, pipeline.Wish(until="ppo"), Quiet(), report=None)
    found = plan(recipe, run, CPU)
    return measured, {step.step: (step.peak_gib or 0) * GIB for step in found.steps}


@pytest.mark.parametrize("step", ["sft", "reward", "ppo"])
def test_the_peak_is_foretold_within_a_tenth(
    step: str, peaks: tuple[dict[str, int], dict[str, float]]
) -> None:
    measured, foretold = peaks
    assert foretold[step] == pytest.approx(measured[step], rel=0.1)
