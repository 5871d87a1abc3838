"""Keeps answers of wanted registers, and no more of one than its share. Knows no ending."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dajeong.data.clean import answers_of
from dajeong.data.filters.filter import Dropped, asked
from dajeong.data.filters.settings import RegisterSettings
from dajeong.data.filters.speech import Register, register_of
from dajeong.data.filters.spill import Spill
from dajeong.records import Record

_NAMES: tuple[Register, ...] = ("haeyo", "hapsho", "banmal", "plain", "mixed", "none")


class Speech:
    def __init__(self, settings: RegisterSettings, scratch: Path) -> None:
        self._settings, self._scratch = settings, scratch

    def why_not(self, record: Record) -> str | None:
        wanted = self._settings.keep
        register = register_of(_spoken(record))
        if wanted is not None and register not in wanted:
            return f"register: {register}"
        if self._settings.second_opinion:
            from dajeong.data.filters.speech_tagged import tagged_register_of

            other = tagged_register_of(_spoken(record))
            return None if other == register else f"register-doubtful: {register} or {other}"
        return None

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        """The surplus over a register's share goes, drawn by id."""
        spill = Spill(self._scratch / "speech.jsonl")
        registers, draws = array("B"), array("Q")
        for record in spill.filled(records):
            registers.append(_NAMES.index(register_of(_spoken(record))))
            draws.append(self._draw(record.id))
        surplus = self._surplus(registers, draws)
        for index, record in enumerate(spill):
            name = _NAMES[registers[index]]
            yield Dropped(record, f"register-surplus: {name}") if index in surplus else record
        spill.remove()

    def _draw(self, identity: str) -> int:
        content = f"{self._settings.seed}\x1f{identity}".encode()
        return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")

    def _surplus(self, registers: array[int], draws: array[int]) -> frozenset[int]:
        places: dict[str, list[int]] = {}
        for index, number in enumerate(registers):
            places.setdefault(_NAMES[number], []).append(index)
        allowed = allowed_counts({name: len(found) for name, found in places.items()}, self._settings.shares)
        surplus = [
            index
            for name, found in places.items()
            for index in sorted(found, key=lambda each: draws[each])[allowed[name] :]
        ]
        return frozenset(surplus)


def allowed_counts(counts: Mapping[str, int], shares: Mapping[str, float]) -> Counter[str]:
    """The most of each that may stay so that none exceeds its share of what stays."""
    allowed, total = Counter(dict(counts)), -1
    # fewer of one leave room for fewer of another, down to the largest numbers that fit together
    while allowed.total() != total:
        total = allowed.total()
        allowed = _fitting(counts, shares, total)
    return allowed


def _fitting(counts: Mapping[str, int], shares: Mapping[str, float], total: int) -> Counter[str]:
    return Counter(
        {name: min(count, int(shares.get(name, 1.0) * total + 1e-9)) for name, count in counts.items()}
    )


def _spoken(record: Record) -> str:
    """The answers; of a bare prompt, the question."""
    return "\n".join(answers_of(record)) or asked(record)
