"""What clients may ask, as OpenAI spells it: fields typed and bounded, unknown ones refused. No logic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LONGEST_TEXT = 1 << 20
MOST_TOKENS = 1 << 17
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
StopString = Annotated[str, Field(min_length=1, max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
TokenId = Annotated[int, Field(ge=0, lt=1 << 31)]
TokenIds = Annotated[list[TokenId], Field(min_length=1, max_length=MOST_TOKENS)]


class Asked(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class TextPart(Asked):
    type: Literal["text"]
    text: Text


class ChatMessage(Asked):
    role: Literal["system", "developer", "user", "assistant"]
    """`developer` is read as `system`."""
    content: Text | Annotated[list[TextPart], Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(max_length=256)] | None = None
    """Taken, as clients send it; templates have no place for it, so it must be null or empty."""


Messages = Annotated[list[ChatMessage], Field(min_length=1, max_length=1024)]


class StreamOptions(Asked):
    include_usage: bool = False


class ResponseFormat(Asked):
    type: Literal["text"]


class Sampling(Asked):
    """What `/v1/chat/completions` and `/v1/completions` have in common."""

    model: Name
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """1 by default; 0 always takes the likeliest token."""
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1 << 20)] | None = None
    """0 keeps every token. Not OpenAI's; as vLLM has it."""
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    """Not OpenAI's; as vLLM has it."""
    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    """The same seed and the same request give the same reply; without one, each is new."""
    n: Annotated[int, Field(ge=1, le=16)] | None = None
    stop: StopString | Annotated[list[StopString], Field(max_length=4)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Only 0 is supported."""
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Only 0 is supported."""
    logit_bias: Annotated[dict[str, Any], Field(max_length=1024)] | None = None
    """Only {} is supported."""
    user: Annotated[str, Field(max_length=256)] | None = None
    """Who asks, in the client's own words. Kept nowhere."""


class ChatAsked(Sampling):
    messages: Messages
    max_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None


class CompletionAsked(Sampling):
    prompt: (
        Text
        | Annotated[list[Text], Field(min_length=1, max_length=16)]
        | TokenIds
        | Annotated[list[TokenIds], Field(min_length=1, max_length=16)]
    )
    max_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] | None = None
    """16 by default; 0 only with `echo`."""
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None


class ScoreAsked(Asked):
    """A prompt and answers to it."""

    model: Name
    messages: Messages
    """Ends with the user."""
    responses: Annotated[list[Text], Field(min_length=1, max_length=64)]


class TokenizeAsked(Asked):
    """Either `prompt` or `messages`."""

    model: Name
    prompt: Text | None = None
    messages: Messages | None = None


class Answered(Asked):
    content: Text
    model: Name


class VoteAsked(Asked):
    """Which of two answers somebody liked better."""

    messages: Messages
    """Ends with the user."""
    responses: Annotated[list[Answered], Field(min_length=2, max_length=2)]
    """From left to right, as they were shown."""
    choice: Literal["first", "second", "tie", "both-bad"]
    annotator: Annotated[str, Field(pattern=r"^[\w.@-]{1,64}$")] = "chat"
    """Written down as `human:…`."""
    blind: bool = False
    """Whether the names of the models were hidden until the choice."""
    vote_id: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")] | None = None
    """The same id is taken once: a vote may be sent again."""
