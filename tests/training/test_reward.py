"""The reward model's algorithm: whole prompts, K-wise weights, one forward a response, idle processes."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from small_training import drawn_preferences, make_reward

from dajeong.models.layout import Sequence_, TokenBatch, pack
from dajeong.training.algorithm import Batch
from dajeong.training.examples import Ranked
from dajeong.training.parallel import Single
from dajeong.training.reward import ROLE, Reward


@pytest.fixture(scope="module")
def algorithm(models: Path) -> Reward:
    return make_reward(models)


def values_alone(algorithm: Reward, sequences: list[list[int]]) -> list[float]:
    model = algorithm.models["main"]
    with torch.no_grad():
        return [
            float(model(pack([Sequence_(ids, ROLE, value_at=[len(ids) - 1])])).values[ROLE])
            for ids in sequences
        ]


def terms_of(algorithm: Reward, batch: Batch) -> dict[str, float]:
    with torch.no_grad():
        outputs = algorithm.models["main"](batch.tokens)
        return {name: float(term) for name, term in algorithm.loss(outputs, batch).items()}


def test_a_batch_is_the_weighted_mean_over_the_pairs_of_each_prompt(algorithm: Reward) -> None:
    indices = [0, 3, 5, 8]
    batch = algorithm._batch(indices)
    expected = dict.fromkeys(("ranking", "centring", "accuracy"), 0.0)
    num_pairs, weight = 0, 0.0
    for index in indices:
        preference = algorithm.preferences[index]
        rewards = values_alone(algorithm, preference.sequences)
        for better, worse in preference.pairs:
            gap = rewards[better] - rewards[worse]
            share = preference.weight / len(preference.pairs)
            expected["ranking"] += share * math.log1p(math.exp(-gap))
            expected["centring"] += share * (rewards[better] + rewards[worse]) ** 2
            expected["accuracy"] += gap > 0
        num_pairs, weight = num_pairs + len(preference.pairs), weight + preference.weight
    assert terms_of(algorithm, batch) == pytest.approx(expected, rel=1e-5)
    assert batch.weights == {"ranking": weight, "centring": weight, "accuracy": num_pairs}


def test_every_response_goes_through_the_model_once(algorithm: Reward) -> None:
    preference = next(p for p in algorithm.preferences if len(p.sequences) == 4)
    batch = algorithm._batch([list(algorithm.preferences).index(preference)])
    assert batch.tokens.packing.lengths == tuple(map(len, preference.sequences))
    lasts = list(itertools.accumulate(map(len, preference.sequences)))
    assert batch.tokens.value_at[ROLE].tolist() == [last - 1 for last in lasts], "read at the end of each"


def test_equal_rewards_are_half_right(algorithm: Reward) -> None:
    ids = drawn_preferences()[0].sequences[0]
    same = Reward(algorithm.models["main"], [Ranked([ids, ids], [(0, 1)], 1.0)], algorithm.settings, 0)
    assert terms_of(same, same._batch([0]))["accuracy"] == 0.5


def test_an_idle_batch_has_no_weight_no_loss_and_only_zero_gradients(models: Path) -> None:
    algorithm = make_reward(models)
    model = algorithm.models["main"]
    batch = algorithm._batch([])
    assert set(batch.weights.values()) == {0.0}
    terms = algorithm.loss(model(batch.tokens), batch)
    assert [float(term.detach()) for term in terms.values()] == [0.0, 0.0, 0.0]
    (terms["ranking"] + terms["centring"]).backward()
    for name, parameter in model.parameters_of(ROLE).items():
        assert parameter.grad is not None, f"{name} must take part in the exchange of gradients"
        assert not parameter.grad.any()


def test_a_prompt_is_never_split_between_batches_or_processes(models: Path) -> None:
    class Two(Single):
        world = 2

    found: list[tuple[int, ...]] = []
    for rank in (0, 1):
        parallel = Two()
        parallel.rank = rank
        batches = next(make_reward(models, parallel, micro=60).updates()).batches
        found += [batch.tokens.packing.lengths for batch in batches if batch.weights["ranking"]]
        if rank == 0:
            count = len(batches)
    assert len(batches) == count
    whole = next(make_reward(models).updates()).batches[0]
    assert sum(map(sum, found)) == sum(whole.tokens.packing.lengths)
    algorithm = make_reward(models)
    sizes = [tuple(map(len, algorithm.preferences[index].sequences)) for index in algorithm.cursor.group()]
    for lengths in found:
        assert _made_of_whole(list(lengths), sizes), "some prompt's responses are not together"


def _made_of_whole(lengths: list[int], sizes: list[tuple[int, ...]]) -> bool:
    """Whether `lengths` is one after another of `sizes`."""
    return not lengths or any(
        tuple(lengths[: len(size)]) == size and _made_of_whole(lengths[len(size) :], sizes) for size in sizes
    )


def test_the_head_is_in_float32_and_nothing_drops(algorithm: Reward) -> None:
    model = algorithm.models["main"]
    assert model.score(ROLE).dtype == torch.float32
    assert not any(module.training for module in model.base.modules())
    tokens: TokenBatch = algorithm._batch([0]).tokens
    assert model(tokens).values[ROLE].dtype == torch.float32
