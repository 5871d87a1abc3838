"""A single token as clients are shown it beside its log-probability: text, and the bytes it stands for."""

from __future__ import annotations

import re
from functools import lru_cache

from dajeong.models.tokenize import TextTokenizer
from dajeong.rollout.characters import BROKEN


def _byte_letters() -> dict[str, int]:
    """The letters that byte-level vocabularies write bytes with (Radford et al. 2019, GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + at): byte for at, byte in enumerate(others)}


BYTE_LETTERS = _byte_letters()


class TokenTexts:
    """Of one tokenizer."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._backend = tokenizer.huggingface.backend_tokenizer
        self._byte_level = "ByteLevel" in str(self._backend.decoder)
        self.of = lru_cache(4096)(self._of)

    def _of(self, token: int) -> tuple[str, tuple[int, ...] | None]:
        """(text, bytes); a part of a character reads `bytes:\\xec\\x95`, as OpenAI has it."""
        text = self._tokenizer.decode([token])
        found = self._bytes(token)
        if found is None and BROKEN not in text:
            found = tuple(text.encode("utf-8"))
        if BROKEN not in text:
            return text, found
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in found or ()), found

    def _bytes(self, token: int) -> tuple[int, ...] | None:
        written = self._backend.id_to_token(token) or ""
        if one := re.fullmatch(r"<0x([0-9A-F]{2})>", written):
            return (int(one[1], 16),)
        if self._byte_level and all(letter in BYTE_LETTERS for letter in written):
            return tuple(BYTE_LETTERS[letter] for letter in written)
        return None
