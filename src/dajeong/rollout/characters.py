"""Tokens into text as they come, whole characters only: a Hangul syllable may be spread over three tokens.

Knows decoding, not models. What was said is never taken back, so all pieces together are the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

BROKEN = "\ufffd"
"""What a decoder writes for bytes that are no character, or not one yet."""

Decode = Callable[[Sequence[int]], str]


class Characters:
    """Decodes a few tokens at a time, beside those last said: some decoders drop a blank at the beginning."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._said: list[int] = []
        self._said_text = ""
        self._pending: list[int] = []
        self._shown = ""
        """What was already said of the pending tokens' text."""

    def add(self, token: int) -> str:
        """The text that `token` completes; an unfinished character waits for its other bytes."""
        self._pending.append(token)
        text = self._pending_text()
        whole = text.rstrip(BROKEN)
        piece = whole[len(self._shown) :] if whole.startswith(self._shown) else ""
        self._shown += piece
        if text and whole == text:
            self._said, self._pending, self._shown = self._pending, [], ""
            self._said_text = self._decode(self._said)
        return piece

    def _pending_text(self) -> str:
        together = self._decode([*self._said, *self._pending])
        if together.startswith(self._said_text):
            return together[len(self._said_text) :]
        return self._decode(self._pending)  # one bad byte spoils a whole run of byte tokens in `together`


def text_of(ids: Sequence[int], decode: Decode) -> str:
    """The text of a reply, as streaming would have said it; a character cut off at its end is left out."""
    text = decode(ids)
    if BROKEN not in text:
        return text
    characters = Characters(decode)
    return "".join(characters.add(token) for token in ids)
