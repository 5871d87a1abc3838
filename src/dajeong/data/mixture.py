"""The step `mix`: parts in given amounts become one file, and whole prompts are held out. Knows no quality.

A prompt is in one output only, however many records ask it and whichever part they are in. What stays, what
is held out and in which order depends on ids and the seed, not on the order in which records come. Records
stay on the disk: in memory there are their places and hashes.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from dajeong.data.draws import allotted, divided, drawing, first_of_each
from dajeong.data.mixture_entries import Entry, read_entries, records_of
from dajeong.data.mixture_settings import MixSettings
from dajeong.errors import DataProblem
from dajeong.storage import write_json
from dajeong.workplace import Workplace

OUTPUTS = ("held_out", "test")


def run(settings: MixSettings, work: Workplace) -> None:
    """Writes `records`, `held_out`, `test` and stats.json. Raises DataProblem where a part is empty."""
    files = [Path(file) for file in work.inputs["parts"]]
    parts = list(read_entries(settings, files, work))
    chosen = _chosen(settings, parts)
    outputs = _divided(settings, [entry for part in chosen for entry in part])
    outputs["records"] = _copied(settings, outputs["records"])
    order: dict[str, str] = {}
    written: dict[str, int] = {}
    for name, entries in outputs.items():
        digest = hashlib.sha256()
        records = records_of(_ordered(settings, entries), settings.prompts_only, digest.update)
        written[name] = work.write(name, records)
        order[name] = digest.hexdigest()
    counts = _counts(settings, parts, chosen, outputs["records"])
    stats = {**written, "parts": counts, "order": order}
    write_json(work.folder / "stats.json", stats)
    journal = work.journal()
    journal.write("note", mix=stats)
    journal.close()
    listed = ", ".join(f"{name} {each['records']}" for name, each in counts.items())
    work.progress.say("mix-done", step=work.name, parts=listed, **written)


def _chosen(settings: MixSettings, parts: Sequence[list[Entry]]) -> list[list[Entry]]:
    """The records of each part that are in, each once, as they were ordered."""
    draw = drawing(settings.seed, "choose")
    drawn = [sorted(part, key=lambda entry: draw(entry.key)) for part in parts]
    if settings.cap_each is not None:
        most = settings.cap_each
        drawn = [first_of_each(part, lambda entry: entry.label, most) for part in drawn]
    counts = _amounts(settings, [len(part) for part in drawn])
    return [sorted(part[:count], key=_place) for part, count in zip(drawn, counts, strict=True)]


def _place(entry: Entry) -> tuple[int, int]:
    return entry.part, entry.offset


def _amounts(settings: MixSettings, available: Sequence[int]) -> list[int]:
    """How many different records of each part."""
    caps = [settings.caps.get(name, have) for name, have in zip(settings.parts, available, strict=True)]
    available = [min(pair) for pair in zip(caps, available, strict=True)]
    weights = list(settings.parts.values())
    if settings.parts_are == "shares":
        return allotted(weights, available, settings.max_records)
    return [math.floor(min(weight, 1) * have + 0.5) for weight, have in zip(weights, available, strict=True)]


def _divided(settings: MixSettings, entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Output → its entries, every prompt in one of them. Raises DataProblem where `records` is left empty."""
    draw = drawing(settings.seed, "hold out")
    rooms = [_room(wanted, len(entries)) for wanted in (settings.held_out, settings.test)]
    sizes = Counter(entry.prompt for entry in entries)
    places: Mapping[bytes, int] = divided(sizes, rooms, sorted(sizes, key=draw)) if any(rooms) else {}
    outputs: dict[str, list[Entry]] = {"records": [], **{name: [] for name in OUTPUTS}}
    for entry in entries:
        place = places.get(entry.prompt)
        outputs["records" if place is None else OUTPUTS[place]].append(entry)
    if not outputs["records"]:
        raise DataProblem("mix-nothing-left", records=len(entries), held_out=rooms[0], test=rooms[1])
    return outputs


def _room(wanted: int | float, num_records: int) -> int:
    return wanted if isinstance(wanted, int) else round(wanted * num_records)


def _copied(settings: MixSettings, entries: Sequence[Entry]) -> list[Entry]:
    """Each entry as often as its part weighs; the rest of a broken number is drawn by key."""
    draw, found = drawing(settings.seed, "copy"), []
    weights = [1.0] * len(settings.parts) if settings.parts_are == "shares" else list(settings.parts.values())
    by_part: dict[int, list[Entry]] = {}
    for entry in entries:
        by_part.setdefault(entry.part, []).append(entry)
    for part, members in by_part.items():
        times, rest = divmod(max(1.0, weights[part]), 1)
        extra = {e.key for e in sorted(members, key=lambda e: draw(e.key))[: round(rest * len(members))]}
        for entry in members:
            count = int(times) + (entry.key in extra)
            found += [entry, *(_copy(entry, number) for number in range(1, count))]
    return found


def _copy(entry: Entry, number: int) -> Entry:
    """Its place in the order is its own; copies seldom come one after another."""
    key = hashlib.blake2b(entry.key, digest_size=16, salt=number.to_bytes(8, "big")).digest()
    return entry._replace(key=key, copy=number)


def _ordered(settings: MixSettings, entries: list[Entry]) -> list[Entry]:
    if not settings.shuffle:
        return entries
    draw = drawing(settings.seed, "shuffle")
    return sorted(entries, key=lambda entry: draw(entry.key))


def _counts(
    settings: MixSettings,
    parts: Sequence[list[Entry]],
    chosen: Sequence[list[Entry]],
    records: Sequence[Entry],
) -> dict[str, dict[str, int]]:
    in_mixture = Counter(entry.part for entry in records)
    return {
        name: {"read": len(parts[index]), "chosen": len(chosen[index]), "records": in_mixture[index]}
        for index, name in enumerate(settings.parts)
    }
