"""What is asked of a model service, and what comes of it. Knows no HTTP, no price and no file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dajeong.records import Decoding, Frozen, Message

Finish = Literal["stop", "length", "other"]


class Request(Frozen):
    """One prompt for one reply. Equal requests have one answer, which is paid for once."""

    messages: tuple[Message, ...] = Field(min_length=1)
    decoding: Decoding = Decoding()
    """`top_k` and `repetition_penalty` are sent where they do something; not every service knows them."""
    sample: int = 0
    """Tells apart several draws of one prompt. Not sent."""
    seed: int | None = None
    """Sent where given; services promise little for it."""
    as_json: bool = False
    """Asks for one JSON object. OpenAI wants the word JSON in the messages, too."""
    stop: tuple[str, ...] = Field((), max_length=4)
    """Texts that end the reply."""
    top_logprobs: int = Field(0, ge=0, le=20)
    """So many alternatives to every token of the reply, with their log-probabilities."""


class TokenChoice(Frozen):
    """A token of a reply, and what else might have stood there."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    """(token, log-probability), likeliest first."""


class Answer(Frozen):
    """A reply with words in it. One cut at its longest length is an answer too: `finish` says so."""

    text: str
    finish: Finish
    model: str
    """What the service says it is."""
    fingerprint: str | None = None
    """The service's name for its own state (`system_fingerprint`)."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """Dollars, when it was paid; None where the price is unknown, or the service named no tokens."""
    cached: bool = False
    """Whether it came from the disk. Differs between a run and its repetition: keep it out of records."""
    logprobs: tuple[TokenChoice, ...] | None = None


class Failure(Frozen):
    """One request that has no answer. Never kept: the next run asks again.

    refused-by-service  it declined, or its filter did        empty       no words in the reply
    too-long-prompt     more tokens than the model can read   too-long-body  more bytes than are read
    bad-request         it does not understand the request    busy        still too many requests
    server-error        500, 502, 503, 529…                   unreadable  no JSON, or not of the agreed shape
    html                a web page instead of an answer       no-body     nothing at all
    unreachable         no connection                         cut-off     the connection broke, or fell silent
    """

    code: str
    detail: str = ""
    """What the service said, shortened, any key in it struck out."""
