"""What comes twice: ids, records, prompts, and pairs whose sides are exchanged. Knows no file.

Keeps digests of 16 bytes, never a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from dajeong.data.clean import answers_of, prompt_of
from dajeong.data.filters.keys import comparable
from dajeong.records import Preference, Record


class Repeats:
    """Sees every record once, in order; says which codes it gives rise to."""

    def __init__(self) -> None:
        self._records: set[bytes] = set()
        self._prompts: set[bytes] = set()
        self._ids: dict[bytes, bytes] = {}
        self._wins: set[bytes] = set()

    def codes(self, record: Record) -> Iterator[str]:
        asked = [
            f"{message.role}\x1f{message.content}\x1f{message.context or ''}" for message in prompt_of(record)
        ]
        prompt, whole = (
            _digest(map(comparable, asked)),
            _digest(map(comparable, [*asked, "", *answers_of(record)])),
        )
        ordered = _digest([repr(getattr(record, "ranking", "")), *asked, "", *answers_of(record)])
        identity = _digest([record.id])
        if self._ids.setdefault(identity, ordered) != ordered:
            yield "repeated-id"
        if whole in self._records:
            yield "repeated-record"
        elif prompt in self._prompts:
            yield "repeated-prompt"
        self._records.add(whole)
        self._prompts.add(prompt)
        if isinstance(record, Preference) and self._swapped(prompt, record):
            yield "swapped-pair"

    def _swapped(self, prompt: bytes, record: Preference) -> bool:
        """Whether somewhere the better and the worse of a pair changed their places."""
        texts = [response.content for response in record.responses]
        pairs = [(texts[better], texts[worse]) for better, worse in record.pairs()]
        found = any(_win(prompt, worse, better) in self._wins for better, worse in pairs if better != worse)
        self._wins.update(_win(prompt, better, worse) for better, worse in pairs)
        return found


def _win(prompt: bytes, better: str, worse: str) -> bytes:
    return _digest([prompt.hex(), better, worse])


def _digest(parts: Iterable[str]) -> bytes:
    joined = "\x1e".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).digest()
