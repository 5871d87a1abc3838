"""What a recipe may say about a model service: where it is, what it costs, how fast it may be asked.

Never a key: only the name of the environment variable that holds it. Knows no HTTP.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, field_validator, model_validator

from dajeong.records import Frozen

OPENAI = "https://api.openai.com/v1"
ASIDE: dict[str, Any] = {"aside": True}
"""Marks what a result does not depend on: such a setting may change and finished work stays finished."""


NOT_EXTRA = {"stream", "n", "best_of", "api_key", "api-key", "authorization", "key"}
"""Fields that would change the form of an answer, or bring a key into a recipe."""


class RemoteSettings(Frozen):
    """How any service is spoken to."""

    key_env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100, json_schema_extra=ASIDE
    )
    """Environment variable that holds the key, never the key; null: the provider's usual one."""
    budget: float | None = Field(None, ge=0, json_schema_extra=ASIDE)
    """Dollars that this run may have spent in all, every service together; null sets no limit."""
    concurrency: int = Field(8, ge=1, le=256, json_schema_extra=ASIDE)
    """Requests under way at once."""
    requests_per_minute: float | None = Field(None, gt=0, json_schema_extra=ASIDE)
    """The service's limit; null asks as fast as it answers."""
    tokens_per_minute: float | None = Field(None, gt=0, json_schema_extra=ASIDE)
    """The service's limit; a request counts with its prompt and the longest reply it allows."""
    connect_seconds: float = Field(10.0, gt=0, json_schema_extra=ASIDE)
    """Longest wait for a connection."""
    read_seconds: float = Field(120.0, gt=0, json_schema_extra=ASIDE)
    """Longest silence while an answer is awaited or read."""
    answer_seconds: float = Field(600.0, gt=0, json_schema_extra=ASIDE)
    """Longest time for one answer as a whole."""
    max_body_mib: float = Field(8.0, gt=0, le=1024, json_schema_extra=ASIDE)
    """An answer longer than this is left unread."""
    max_retries: int = Field(6, ge=0, le=20, json_schema_extra=ASIDE)
    """Further tries after a fault that may pass: busy, overloaded, cut off, unreadable."""
    max_wait_seconds: float = Field(300.0, gt=0, json_schema_extra=ASIDE)
    """A service that asks for a longer pause than this stops the step instead; what is done is kept."""
    max_failures_in_a_row: int = Field(20, ge=1, json_schema_extra=ASIDE)
    """So many requests failing one after another stop the step: the service is down, or the request wrong."""


class ServiceSettings(RemoteSettings):
    """A service that speaks OpenAI's API: OpenAI, vLLM, llama.cpp, or `dajeong serve`."""

    model: str = Field(min_length=1)
    """The model, as the service calls it. A dated name is safer than an alias, which may change midway."""
    base_url: str = OPENAI
    """Its address up to `/v1`."""
    api: Literal["chat", "completions"] = "chat"
    """`completions` sends the one message of a request as bare text."""
    price_in: float | None = Field(None, ge=0, json_schema_extra=ASIDE)
    """Dollars per million prompt tokens; null is unknown, 0 is free."""
    price_out: float | None = Field(None, ge=0, json_schema_extra=ASIDE)
    """Dollars per million reply tokens; null is unknown, 0 is free."""
    price_cached_in: float | None = Field(None, ge=0, json_schema_extra=ASIDE)
    """Dollars per million prompt tokens that the service had kept from before; null: as any other."""
    length_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How the service calls the longest reply; OpenAI's newer models know only `max_completion_tokens`."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Further fields of every request, as the service knows them (`reasoning_effort`…)."""
    allow_model_change: bool = Field(False, json_schema_extra=ASIDE)
    """Whether answers of another model than the first one's, under the same name, are taken."""

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        return plain_address(value)

    @field_validator("extra")
    @classmethod
    def _one_whole_answer(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if found := NOT_EXTRA & {name.lower() for name in value}:
            raise ValueError(f"extra: {', '.join(sorted(found))} cannot be set; keys come from key_env alone")
        return value

    @model_validator(mode="after")
    def _both_prices(self) -> Self:
        if (self.price_in is None) != (self.price_out is None):
            raise ValueError("price_in and price_out: give both or neither")
        return self


class DeeplSettings(RemoteSettings):
    """DeepL's text translation."""

    base_url: str | None = None
    """Its address; null: the free or the paid one, as the key says."""
    source: str | None = "EN"
    """Language of the texts; null lets DeepL find out."""
    target: str = "KO"
    """Language to translate into."""
    formality: Literal["default", "prefer_more", "prefer_less"] = "default"
    """Taken where the target language has it; Korean has none, so say it in `instructions`."""
    instructions: tuple[str, ...] = Field((), max_length=10)
    """Up to 10 sentences on how to translate, such as "모든 문장을 해요체로"; 300 characters each."""
    glossary: str | None = None
    """Id of a glossary kept at DeepL."""
    price: float | None = Field(None, ge=0, json_schema_extra=ASIDE)
    """Dollars per million characters; null is unknown, 0 is free."""

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str | None) -> str | None:
        return None if value is None else plain_address(value)

    @field_validator("instructions")
    @classmethod
    def _short(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(sentence) > 300 for sentence in value):
            raise ValueError("instructions: at most 300 characters each")
        return value


def plain_address(value: str) -> str:
    """An address without user, password or query: a key has no place in a recipe."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address such as https://api.openai.com/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user, password or query; a key belongs into the environment")
    return value.rstrip("/")


def is_this_machine(address: str) -> bool:
    """Whether the address is a loopback one, which no proxy can reach."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
