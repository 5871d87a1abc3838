"""Replies as OpenAI spells them: whole objects and chunks of them. Knows no model and no socket."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from dajeong.serving.events import compact, event
from dajeong.serving.mailbox import Piece, Spoken
from dajeong.serving.token_text import TokenTexts
from dajeong.serving.writing import Writing, joined

LEAST = -9999.0
"""Log-probabilities below are told as this: JSON has no infinity."""


class Usage:
    """Tokens of one request."""

    def __init__(self, prompt_tokens: int, writing: Writing | None) -> None:
        self._prompt, self._writing = prompt_tokens, writing

    def told(self) -> dict[str, int]:
        drawn = self._writing.num_tokens if self._writing else 0
        return {
            "prompt_tokens": self._prompt,
            "completion_tokens": drawn,
            "total_tokens": self._prompt + drawn,
        }


class Told:
    """What every answer to one request begins with, and how its choices are written."""

    def __init__(self, kind: str, prefix: str, model: str, usage: Usage, include_usage: bool) -> None:
        self.head = {
            "id": f"{prefix}-{secrets.token_hex(12)}",
            "object": kind,
            "created": int(time.time()),
            "model": model,
        }
        self.usage, self.include_usage = usage, include_usage

    def whole(self, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {**self.head, "choices": list(choices), "usage": self.usage.told()}

    def chunk(self, choice: dict[str, Any]) -> bytes:
        return event({**self.head, "choices": [choice], **({"usage": None} if self.include_usage else {})})

    def plain(self, said: str) -> str:
        """A chunk with nothing but text, to be filled with the index and the text as JSON."""
        head = compact(self.head)[:-1].replace("%", "%%")
        usage = ',"usage":null' if self.include_usage else ""
        choice = f'{{"index":%d,{said},"logprobs":null,"finish_reason":null}}'
        return f'data: {head},"choices":[{choice}]{usage}}}\n\n'

    def last(self) -> bytes:
        """The chunk that tells the usage, where it is asked for."""
        if not self.include_usage:
            return b""
        return event({**self.head, "choices": [], "usage": self.usage.told()})


class ChatForm:
    """`/v1/chat/completions`; an `events.Form`."""

    def __init__(self, told: Told, num_choices: int, tokens: TokenTexts | None) -> None:
        """`tokens` where log-probabilities are asked for."""
        self._told, self._num_choices, self._tokens = told, num_choices, tokens
        self._plain = told.plain('"delta":{"content":%s}')

    def begin(self) -> bytes:
        role = {"role": "assistant", "content": ""}
        return b"".join(self._chunk(index, role, None, None) for index in range(self._num_choices))

    def events(self, pieces: Sequence[Piece]) -> bytes:
        return b"".join(self._event(piece) for piece in by_choice(pieces))

    def _event(self, piece: Piece) -> bytes:
        if self._tokens is None and piece.reason is None:
            return (self._plain % (piece.choice, compact(piece.text))).encode("ascii")
        said = b""
        if piece.text or piece.spoken:
            said = self._chunk(piece.choice, {"content": piece.text}, None, self._logprobs(piece.spoken))
        return said + (self._chunk(piece.choice, {}, piece.reason, None) if piece.reason else b"")

    def _chunk(
        self, index: int, delta: dict[str, str], reason: str | None, logprobs: dict[str, Any] | None
    ) -> bytes:
        return self._told.chunk(
            {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        )

    def end(self) -> bytes:
        return self._told.last()

    def whole(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        return self._told.whole(
            [
                {
                    "index": piece.choice,
                    "message": {"role": "assistant", "content": piece.text, "refusal": None},
                    "logprobs": self._logprobs(piece.spoken),
                    "finish_reason": piece.reason,
                }
                for piece in pieces
            ]
        )

    def _logprobs(self, spoken: Sequence[Spoken]) -> dict[str, Any] | None:
        if self._tokens is None:
            return None
        content = [
            {
                **self._token(each.id, each.logprob),
                "top_logprobs": [self._token(token, logprob) for token, logprob in each.ranked],
            }
            for each in spoken
        ]
        return {"content": content, "refusal": None}

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        assert self._tokens is not None
        text, found = self._tokens.of(token)
        return {
            "token": text,
            "logprob": max(logprob, LEAST),
            "bytes": list(found) if found is not None else None,
        }


class TextForm:
    """`/v1/completions`; an `events.Form`."""

    def __init__(
        self, told: Told, echoed: Sequence[tuple[str, Sequence[Spoken]]], tokens: TokenTexts | None
    ) -> None:
        """`echoed`: for every choice the prompt's text and tokens, empty where nothing is to be repeated."""
        self._told, self._tokens = told, tokens
        self._echoed = echoed
        self._offsets = [0] * len(echoed)
        self._plain = told.plain('"text":%s')

    def begin(self) -> bytes:
        return b"".join(
            self._told.chunk(self._choice(index, text, spoken, None))
            for index, (text, spoken) in enumerate(self._echoed)
            if text
        )

    def events(self, pieces: Sequence[Piece]) -> bytes:
        return b"".join(self._event(piece) for piece in by_choice(pieces))

    def _event(self, piece: Piece) -> bytes:
        if self._tokens is None and piece.reason is None:
            return (self._plain % (piece.choice, compact(piece.text))).encode("ascii")
        return self._told.chunk(self._choice(piece.choice, piece.text, piece.spoken, piece.reason))

    def end(self) -> bytes:
        return self._told.last()

    def whole(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        choices = []
        for piece in pieces:
            text, spoken = self._echoed[piece.choice]
            choices.append(
                self._choice(piece.choice, text + piece.text, (*spoken, *piece.spoken), piece.reason)
            )
        return self._told.whole(choices)

    def _choice(self, index: int, text: str, spoken: Sequence[Spoken], reason: str | None) -> dict[str, Any]:
        logprobs = self._logprobs(index, spoken)
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}

    def _logprobs(self, index: int, spoken: Sequence[Spoken]) -> dict[str, Any] | None:
        if self._tokens is None:
            return None
        texts = [self._tokens.of(each.id)[0] for each in spoken]
        offsets = []
        for text in texts:
            offsets.append(self._offsets[index])
            self._offsets[index] += len(text)
        known = [each.logprob == each.logprob for each in spoken]  # the first token of a prompt has none
        return {
            "tokens": texts,
            "token_logprobs": [
                max(each.logprob, LEAST) if has else None for each, has in zip(spoken, known, strict=True)
            ],
            "top_logprobs": [
                self._ranked(each) if has else None for each, has in zip(spoken, known, strict=True)
            ],
            "text_offset": offsets,
        }

    def _ranked(self, spoken: Spoken) -> dict[str, float]:
        assert self._tokens is not None
        return {self._tokens.of(token)[0]: max(logprob, LEAST) for token, logprob in spoken.ranked}


def by_choice(pieces: Sequence[Piece]) -> list[Piece]:
    """What came together, joined: one piece a choice."""
    if len(pieces) == 1:
        return list(pieces)
    found: dict[int, list[Piece]] = {}
    for piece in pieces:
        found.setdefault(piece.choice, []).append(piece)
    return [joined(each) for each in found.values()]
