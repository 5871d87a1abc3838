"""Log-probabilities and entropies against the plain formula; in chunks as in one piece."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dajeong.models import logprobs
from dajeong.models.logprobs import token_logprobs

WIDTH, VOCABULARY = 6, 11


def setting(count: int, seed: int = 0) -> tuple[Tensor, nn.Linear, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, WIDTH, generator=generator, requires_grad=True)
    head = nn.Linear(WIDTH, VOCABULARY, bias=False)
    with torch.no_grad():
        head.weight.normal_(0, 1, generator=generator)
    return hidden, head, torch.randint(0, VOCABULARY, (count,), generator=generator)


@settings(max_examples=50)
@given(
    count=st.integers(1, 9),
    seed=st.integers(0, 99),
    temperature=st.sampled_from([0.3, 1.0, 2.5]),
    ask=st.booleans(),
)
def test_equals_the_formula(count: int, seed: int, temperature: float, ask: bool) -> None:
    hidden, head, targets = setting(count, seed)
    with torch.no_grad():
        found, entropy = token_logprobs(hidden, head, targets, temperature, ask)
    logits = (hidden @ head.weight.T).detach().double() / temperature
    for place in range(count):
        chances = [math.exp(logit - max(logits[place].tolist())) for logit in logits[place].tolist()]
        logs = [math.log(chance / sum(chances)) for chance in chances]
        assert float(found[place]) == pytest.approx(logs[int(targets[place])], abs=1e-5)
        if entropy is not None:
            expected = -sum(math.exp(log) * log for log in logs)
            assert float(entropy[place]) == pytest.approx(expected, abs=1e-5)
    assert (entropy is not None) == ask and found.dtype == torch.float32


def test_gradients_are_those_of_the_formula() -> None:
    hidden, head, targets = setting(7)
    found, entropy = token_logprobs(hidden, head, targets, 0.7, True)
    assert entropy is not None
    ours = torch.autograd.grad((found * 3 + entropy).sum(), [hidden, head.weight])
    logs = ((hidden @ head.weight.T) / 0.7).log_softmax(-1)
    expected = 3 * logs[torch.arange(7), targets] - (logs.exp() * logs).sum(-1)
    theirs = torch.autograd.grad(expected.sum(), [hidden, head.weight])
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 4, 9, 10])
@pytest.mark.parametrize("ask", [True, False])
@pytest.mark.parametrize("limit", [1, 3 * VOCABULARY])  # even less than one row of logits is one row
def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, count: int, ask: bool, limit: int) -> None:
    hidden, head, targets = setting(count)

    def all_of() -> list[Tensor]:
        found, entropy = token_logprobs(hidden, head, targets, 1.7, ask)
        weights = torch.arange(1, count + 1)
        total = (found * weights).sum() + (0 if entropy is None else (entropy * weights.flip(0)).sum())
        parts = [found, *([] if entropy is None else [entropy])]
        return [part.detach() for part in parts] + list(torch.autograd.grad(total, [hidden, head.weight]))

    whole = all_of()
    sizes: list[int] = []
    one_chunk = logprobs._chunk

    def counted(rows: Tensor, *others: object) -> tuple[Tensor, Tensor | None]:
        sizes.append(len(rows))
        return one_chunk(rows, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(logprobs, "MAX_LOGITS", limit)
    monkeypatch.setattr(logprobs, "_chunk", counted)
    for ours, theirs in zip(all_of(), whole, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    assert max(sizes) <= max(1, limit // VOCABULARY)


def test_nothing_asked_keeps_the_graph() -> None:
    hidden, head, _ = setting(0)
    found, entropy = token_logprobs(hidden, head, torch.zeros(0, dtype=torch.long), 1.0, True)
    assert entropy is not None and (len(found), len(entropy)) == (0, 0)
    found.sum().backward()
    assert hidden.grad is not None and hidden.grad.shape == (0, WIDTH)


def test_large_logits_stay_finite() -> None:
    hidden, head, targets = setting(5)
    found, entropy = token_logprobs(hidden * 1e4, head, targets, 1.0, True)
    assert entropy is not None and torch.isfinite(found).all() and torch.isfinite(entropy).all()


def test_half_precision_is_scored_in_single() -> None:
    hidden, head, targets = setting(5)
    found, entropy = token_logprobs(hidden.bfloat16(), head.bfloat16(), targets, 1.0, True)
    assert entropy is not None and found.dtype == entropy.dtype == torch.float32
