"""What requests cost: before they are sent, as bounds, and afterwards, exactly. Knows no service.

Money is counted in whole millionths of a millionth of a dollar, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dajeong.records import Frozen
from dajeong.remote.request import Request
from dajeong.remote.settings import ServiceSettings

PICO = 10**12
"""Parts of a dollar; a price per million tokens is so exact to six decimals per token."""


class Usage(NamedTuple):
    """What the service counted."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Of the prompt's, those it had kept from before."""


class Prices(NamedTuple):
    """Pico-dollars per token."""

    prompt: int
    cached: int
    completion: int

    @classmethod
    def of(cls, settings: ServiceSettings) -> Prices | None:
        """None where the recipe does not say."""
        if settings.price_in is None or settings.price_out is None:
            return None
        cached = settings.price_in if settings.price_cached_in is None else settings.price_cached_in
        return cls(per_unit(settings.price_in), per_unit(cached), per_unit(settings.price_out))

    def cost(self, usage: Usage) -> int:
        kept = min(usage.cached_tokens, usage.prompt_tokens)
        fresh = usage.prompt_tokens - kept
        return fresh * self.prompt + kept * self.cached + usage.completion_tokens * self.completion

    def most(self, request: Request) -> int:
        """What the request costs at most."""
        usage = Usage(most_prompt_tokens(request), request.decoding.max_new_tokens)
        return usage.prompt_tokens * max(self.prompt, self.cached) + usage.completion_tokens * self.completion


def per_unit(dollars_per_million: float) -> int:
    return round(dollars_per_million * PICO / 1_000_000)


def most_prompt_tokens(request: Request) -> int:
    """An upper bound: no tokenizer makes more tokens than UTF-8 has bytes; the rest is the chat's frame."""
    return sum(len(text.encode("utf-8", "replace")) + 16 for text in _texts(request)) + 64


def likely_prompt_tokens(request: Request, share: float = 1.0) -> int:
    """A guess: three tokens to four Hangul syllables, one to four other characters.

    `share` stretches it: tokenizers differ by a factor of two on Korean.
    """
    wide = sum(sum(character >= "\u1100" for character in text) for text in _texts(request))
    narrow = sum(map(len, _texts(request))) - wide
    return round((wide * 0.75 + narrow * 0.25) * share) + 4 * len(request.messages) + 4


def _texts(request: Request) -> list[str]:
    return [message.content + (message.context or "") for message in request.messages]


class Estimate(Frozen):
    """What asking will cost, in dollars; None where the price is unknown."""

    requests: int
    """Requests in all, equal ones once."""
    cached: int
    """Of these, already answered: they cost nothing."""
    low: float | None
    expected: float | None
    high: float | None
    """Never exceeded: every prompt at its bound, every reply at its longest, without tries after faults."""

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            requests=self.requests + other.requests,
            cached=self.cached + other.cached,
            low=_sum(self.low, other.low),
            expected=_sum(self.expected, other.expected),
            high=_sum(self.high, other.high),
        )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


NOTHING = Estimate(requests=0, cached=0, low=0.0, expected=0.0, high=0.0)


def estimate(
    requests: Iterable[Request], cached: int, prices: Prices | None, usual_reply: float | None
) -> Estimate:
    """Of requests not answered yet. `usual_reply`: the mean length of earlier replies, if there are some."""
    low = expected = high = count = 0
    for request in requests:
        count += 1
        if prices is not None:
            longest = request.decoding.max_new_tokens
            usual = round(min(longest, usual_reply if usual_reply is not None else longest / 2))
            low += prices.cost(Usage(likely_prompt_tokens(request, 0.6), max(1, usual // 4)))
            expected += prices.cost(Usage(likely_prompt_tokens(request), usual))
            high += prices.most(request)
    sums = [value / PICO if prices else None for value in (min(low, high), min(expected, high), high)]
    return Estimate(requests=count + cached, cached=cached, low=sums[0], expected=sums[1], high=sums[2])
