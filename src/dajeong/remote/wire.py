"""Requests as OpenAI's API spells them, and its answers read back. Sends nothing.

https://platform.openai.com/docs/api-reference/chat and /completions; vLLM, llama.cpp and others follow it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from dajeong.errors import UsageProblem
from dajeong.records import Decoding
from dajeong.remote.prices import Usage
from dajeong.remote.request import Answer, Failure, Finish, Request, TokenChoice
from dajeong.remote.settings import ServiceSettings
from dajeong.storage import digest_json

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
FINISH: dict[object, Finish] = {"stop": "stop", "eos": "stop", "end_turn": "stop", "length": "length"}


def fields_of(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    """The body of a request. Raises UsageProblem for what the API has no word for."""
    fields: dict[str, Any] = {**settings.extra, "model": settings.model, **_said(request, settings)}
    fields |= _decoding(request.decoding, settings.length_field)
    if request.seed is not None:
        fields["seed"] = request.seed
    if request.stop:
        fields["stop"] = list(request.stop)
    if request.as_json:
        fields["response_format"] = {"type": "json_object"}
    if request.top_logprobs and settings.api == "chat":
        fields |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    elif request.top_logprobs:
        fields["logprobs"] = request.top_logprobs
    return fields


def _said(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    texts = [
        message.content if not message.context else f"{message.content}\n\n{message.context}"
        for message in request.messages
    ]
    if settings.api == "completions":
        if len(texts) != 1:
            raise UsageProblem("service-one-text", model=settings.model, count=len(texts))
        return {"prompt": texts[0]}
    roles = [message.role for message in request.messages]
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]}


def _decoding(decoding: Decoding, length_field: str) -> dict[str, Any]:
    if decoding.num_beams > 1:
        raise UsageProblem("service-no-beams", num_beams=decoding.num_beams)
    fields: dict[str, Any] = {length_field: decoding.max_new_tokens, "temperature": decoding.temperature}
    unlike = {
        "top_p": (decoding.top_p, 1.0),
        "top_k": (decoding.top_k, 0),
        "repetition_penalty": (decoding.repetition_penalty, 1.0),
    }
    return fields | {name: value for name, (value, usual) in unlike.items() if value != usual}


def as_bytes(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode("utf-8")


def as_key(fields: Mapping[str, Any], settings: ServiceSettings, sample: int) -> str:
    """Names the answer: equal where the service would be asked the same, price and pace left aside."""
    same = {name: value for name, value in fields.items() if name != settings.length_field}
    place = [settings.base_url, settings.api, sample, fields[settings.length_field]]
    return digest_json([place, same])


class Reading(NamedTuple):
    """What an answer holds. `usage` is None where the service did not count."""

    result: Answer | Failure
    usage: Usage | None


def read(value: Any) -> Reading:
    """An answer of the API, price and service left out. Never raises: other shapes are a Failure."""
    try:
        return Reading(_result(value), _usage(value))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return Reading(Failure(code="unreadable", detail="not of the agreed shape"), _usage_or_none(value))


def _result(value: Any) -> Answer | Failure:
    choice = value["choices"][0]
    message = choice.get("message") or {}
    text = message.get("content") if "message" in choice else choice["text"]
    if message.get("refusal"):
        return Failure(code="refused-by-service", detail=str(message["refusal"])[:200])
    if choice.get("finish_reason") == "content_filter":
        return Failure(code="refused-by-service", detail="content_filter")
    if text is None or not str(text).strip():
        return Failure(code="empty", detail=f"finish_reason {choice.get('finish_reason')}")
    if not isinstance(text, str):
        raise TypeError(text)
    usage = _usage(value) or Usage(0, 0)
    return Answer(
        text=text,
        finish=FINISH.get(choice.get("finish_reason"), "other"),
        model=str(value.get("model") or ""),
        fingerprint=value.get("system_fingerprint"),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        logprobs=_logprobs(choice.get("logprobs")),
    )


def _usage_or_none(value: Any) -> Usage | None:
    try:
        return _usage(value)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


def _usage(value: Any) -> Usage | None:
    counted = value.get("usage")
    if not counted:
        return None
    details = counted.get("prompt_tokens_details") or {}
    numbers = (
        counted["prompt_tokens"],
        counted.get("completion_tokens", 0),
        details.get("cached_tokens") or 0,
    )
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ValueError(numbers)
    return Usage(*numbers)


def _logprobs(found: Any) -> tuple[TokenChoice, ...] | None:
    """Chat has a list of tokens; completions three lists side by side."""
    if not found:
        return None
    if found.get("content") is not None:
        return tuple(
            TokenChoice(
                token=each["token"],
                logprob=each["logprob"],
                top=_sorted((other["token"], other["logprob"]) for other in each.get("top_logprobs", ())),
            )
            for each in found["content"]
        )
    beside = found.get("top_logprobs") or [None] * len(found["tokens"])
    return tuple(
        TokenChoice(token=token, logprob=logprob or 0.0, top=_sorted((top or {}).items()))
        for token, logprob, top in zip(found["tokens"], found["token_logprobs"], beside, strict=True)
    )


def _sorted(pairs: Any) -> tuple[tuple[str, float], ...]:
    return tuple(
        sorted(((str(token), float(logprob)) for token, logprob in pairs), key=lambda pair: -pair[1])
    )
