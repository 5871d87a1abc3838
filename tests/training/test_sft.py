"""Supervised fine-tuning: sums over learned tokens, of a batch, of held-out examples, of an idle process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_training import drawn_examples, make_sft

from dajeong.models.layout import Sequence_, pack
from dajeong.models.tokenize import Tokens
from dajeong.training.sft import Sft


@pytest.fixture(scope="module")
def algorithm(models: Path) -> Sft:
    return make_sft(models)


def losses_alone(algorithm: Sft, example: Tokens) -> list[float]:
    """−log p of every learned token, from all logits of the example on its own."""
    model = algorithm.models["main"]
    batch = pack([Sequence_(example.ids, "sft")])
    with torch.no_grad():
        hidden = model.hidden(batch.ids, batch.positions, batch.layout)
        logs = model.logits(hidden)[0].log_softmax(-1)
    return [
        -float(logs[place - 1, token])
        for place, (token, learned) in enumerate(zip(example.ids, example.learn, strict=True))
        if learned and place
    ]


def test_a_batch_is_the_sum_over_its_learned_tokens_and_weighs_as_many(algorithm: Sft) -> None:
    indices = [0, 4, 9]
    batch = algorithm._batch(indices)
    expected = [loss for index in indices for loss in losses_alone(algorithm, algorithm.examples[index])]
    with torch.no_grad():
        terms = algorithm.loss(algorithm.models["main"](batch.tokens), batch)
    assert float(terms["nll"]) == pytest.approx(sum(expected), rel=1e-5)
    assert batch.weights == {"nll": len(expected)}


def test_the_first_token_of_an_example_is_never_a_target(algorithm: Sft) -> None:
    batch = algorithm._pack([Tokens([5, 6, 7], [True, True, True])] * 2)
    assert batch.targets.tolist() == [6, 7, 6, 7]


@pytest.mark.parametrize("budget", [16, 40, 4096])
def test_the_held_out_loss_is_the_mean_over_learned_tokens(models: Path, budget: int) -> None:
    algorithm = make_sft(models, micro=budget, dropout=0.5)
    held_out = drawn_examples(6, seed=2)
    quiet = make_sft(models)
    expected = [loss for example in held_out for loss in losses_alone(quiet, example)]
    assert algorithm.mean_loss(held_out) == pytest.approx(sum(expected) / len(expected), rel=1e-5)
    layers = algorithm.models["main"].role_layers().values()
    assert all(layer.training for layer in layers), "learning goes on with dropout"


def test_an_idle_batch_has_no_weight_no_loss_and_only_zero_gradients(models: Path) -> None:
    algorithm = make_sft(models)
    model = algorithm.models["main"]
    batch = algorithm._batch([])
    term = algorithm.loss(model(batch.tokens), batch)["nll"]
    assert batch.weights == {"nll": 0.0} and float(term.detach()) == 0.0
    term.backward()
    for parameter in model.parameters_of("sft").values():
        assert parameter.grad is not None and not parameter.grad.any()


@pytest.mark.parametrize(("share", "readings"), [(0.25, [1, 2, 3, 4, 5]), (0.5, [2, 4, 5]), (1.0, [4, 5])])
def test_the_held_out_loss_is_read_at_shares_of_the_run_at_its_end_and_after_every_epoch(
    models: Path, share: float, readings: list[int]
) -> None:
    """An epoch is four updates long."""
    algorithm = make_sft(models, validate_every=share)
    entries = [entry for update in range(5) for entry in algorithm.after(None)]  # type: ignore[arg-type]
    assert [entry.values["update"] for entry in entries] == readings
