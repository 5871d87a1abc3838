"""From logits to the next token: pure functions over rows, each under its own decoding and its own uniforms.

Order and ties are those of transformers' logits processors: repetition penalty, temperature, top-k, top-p.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dajeong.records import Decoding


def uniforms(seed: int, count: int) -> Tensor:
    """(count,) float64 in [0, 1): the row of randomness that a request owns, the same on every device."""
    key = hashlib.sha256(f"dajeong.sampling:{seed}".encode()).digest()[:16]
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
    return torch.from_numpy(generator.random(count))


class Rules(NamedTuple):
    """The decodings of a batch as columns (rows, 1), and which of them matter to any row."""

    temperature: Tensor
    """1 where the row is greedy."""
    greedy: Tensor
    """(rows,) bool"""
    top_k: Tensor
    """The vocabulary's size where the row keeps every token."""
    tail: Tensor
    """1 − top_p."""
    penalty: Tensor
    largest_top_k: int
    """0 where no row filters by rank."""
    any_temperature: bool
    any_top_p: bool
    any_penalty: bool
    any_greedy: bool
    all_greedy: bool


def rules_of(decodings: Sequence[Decoding], vocabulary: int, device: torch.device | str = "cpu") -> Rules:
    """The rules of rows that follow `decodings`; a greedy row ignores top-k and top-p, as in transformers."""
    greedy = [decoding.temperature == 0 for decoding in decodings]
    drawn = [decoding for decoding in decodings if decoding.temperature > 0]
    temperatures = [decoding.temperature or 1.0 for decoding in decodings]
    ranks = [decoding.top_k if 0 < decoding.top_k < vocabulary else vocabulary for decoding in decodings]
    kept = [rank for rank, chooses in zip(ranks, greedy, strict=True) if not chooses and rank < vocabulary]

    def column(values: Sequence[float], dtype: torch.dtype) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=device)[:, None]

    return Rules(
        temperature=column(temperatures, torch.float32),
        greedy=torch.tensor(greedy, device=device),
        top_k=column(ranks, torch.int64),
        tail=column([1 - decoding.top_p for decoding in decodings], torch.float32),
        penalty=column([decoding.repetition_penalty for decoding in decodings], torch.float32),
        largest_top_k=max(kept, default=0),
        any_temperature=any(temperature != 1 for temperature in temperatures),
        any_top_p=any(decoding.top_p < 1 for decoding in drawn),
        any_penalty=any(decoding.repetition_penalty != 1 for decoding in decodings),
        any_greedy=any(greedy),
        all_greedy=all(greedy),
    )


def next_tokens(
    logits: Tensor, rules: Rules, uniform: Tensor | None, seen: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """logits (rows, V) → the next token of every row and its log-probability, both (rows,).

    `uniform` (rows,) is read unless all rows are greedy; `seen` (rows, V) marks what a penalty falls on.
    """
    heated = logits / rules.temperature if rules.any_temperature else logits
    probabilities = heated.softmax(dim=-1)
    scores = logits
    if rules.any_penalty and seen is not None:
        scores = penalised(scores, seen, rules.penalty)
    if rules.all_greedy or uniform is None:
        tokens = best(scores)
    else:
        tokens = draw(_filtered(scores, rules, probabilities), uniform)
        if rules.any_greedy:
            tokens = torch.where(rules.greedy, best(scores), tokens)
    chosen = heated.gather(1, tokens[:, None])[:, 0]
    # log p = score − log Σ, with log Σ read off the likeliest token, whose probability is never tiny
    return tokens, chosen - heated.amax(dim=-1) + probabilities.amax(dim=-1).log()


def likeliest(logits: Tensor, rules: Rules, count: int) -> list[tuple[tuple[int, float], ...]]:
    """logits (rows, V) → every row's `count` likeliest tokens and their log-probabilities, best first."""
    heated = logits / rules.temperature if rules.any_temperature else logits
    found = heated.log_softmax(dim=-1).topk(min(count, logits.shape[1]), dim=-1)
    return [
        tuple(zip(tokens, logprobs, strict=True))
        for tokens, logprobs in zip(found.indices.tolist(), found.values.tolist(), strict=True)
    ]


def _filtered(scores: Tensor, rules: Rules, probabilities: Tensor) -> Tensor:
    """What the rows draw from: `probabilities` as they are where no row filters or penalises."""
    if not (rules.any_penalty or rules.largest_top_k or rules.any_top_p):
        return probabilities
    if rules.any_temperature:
        scores = scores / rules.temperature
    if rules.largest_top_k:
        scores = top_k(scores, rules.top_k, rules.largest_top_k)
    if rules.any_top_p:
        scores = top_p(scores, rules.tail)
    return scores.softmax(dim=-1)


def best(scores: Tensor) -> Tensor:
    """(rows, V) → the highest score's token, the first among equals."""
    if scores.device.type == "cpu":  # numpy reads a row twenty times as fast as torch's argmax
        return torch.from_numpy(scores.numpy().argmax(axis=-1))
    return scores.argmax(dim=-1)


def penalised(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Divide positive and multiply negative logits of seen tokens (Keskar et al. 2019, CTRL, §4.1)."""
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def top_k(scores: Tensor, ranks: Tensor, largest: int) -> Tensor:
    """Keep what is not below the row's k-th score, ties included; ranks above `largest` keep all."""
    best = scores.topk(largest, dim=-1).values
    lowest = best.gather(1, (ranks - 1).clamp(max=largest - 1))
    return scores.masked_fill((scores < lowest) & (ranks <= largest), -torch.inf)


def top_p(scores: Tensor, tail: Tensor) -> Tensor:
    """Drop the worst tokens that together hold at most `tail` (Holtzman et al. 2020); 0 keeps all."""
    ordered, order = scores.sort(dim=-1, descending=False)
    cut = ordered.softmax(dim=-1).cumsum(dim=-1) <= tail
    cut[:, -1] = False
    return scores.masked_fill(torch.zeros_like(cut).scatter(1, order, cut), -torch.inf)


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Inverse CDF: the first token whose cumulative probability exceeds the row's uniform × the row's total.

    A token of probability 0 is never drawn, whatever rounding does to the sums.
    """
    cumulative = probabilities.cumsum(dim=-1)
    total = cumulative[:, -1:]
    target = (uniform[:, None] * total).to(total.dtype)
    target = torch.minimum(target, torch.nextafter(total, torch.zeros_like(total)))
    tokens = torch.searchsorted(cumulative, target, right=True)
    tokens.clamp_(max=probabilities.shape[1] - 1)  # a row of NaN gives V
    if probabilities.device.type != "cpu":  # a parallel scan may rise by rounding at a token of probability 0
        likeliest = probabilities.argmax(dim=-1, keepdim=True)
        tokens = torch.where(probabilities.gather(1, tokens) > 0, tokens, likeliest)
    return tokens[:, 0]
