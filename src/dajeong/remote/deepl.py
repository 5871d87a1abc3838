"""DeepL's text translation: kept texts first, the others in as few requests as DeepL's limits allow.

https://developers.deepl.com/docs/api-reference/translate: 50 texts and 128 KiB a request, 456 when the
quota is used up, billed by characters of the source. Knows no masks but their tag.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.errors import RemoteProblem
from dajeong.progress import Progress
from dajeong.records import Frozen
from dajeong.remote.account import Account
from dajeong.remote.crew import Crew
from dajeong.remote.line import Outcome, Service
from dajeong.remote.pacing import Clock
from dajeong.remote.prices import PICO, Estimate, Usage, per_unit
from dajeong.remote.request import Failure
from dajeong.remote.settings import DeeplSettings
from dajeong.remote.transport import Transport
from dajeong.storage import digest_json

MOST_TEXTS = 50
MOST_BYTES = 128 * 1024
MASK_TAG = "x"
"""`<x id="3"/>` in a text is left as it is, where masks are asked for."""
FREE_KEY = ":fx"
"""How keys of the free plan end; they have an address of their own."""
NAME = "DeepL"


class Translation(Frozen):
    text: str
    characters: int
    """Billed for it."""
    cached: bool = False
    """Whether it came from the disk; keep it out of records."""


class Job(NamedTuple):
    """A text to be translated, and the name of its translation on the disk."""

    text: str
    key: str


class Deepl(Account):
    """DeepL, its kept translations, its price and its budget. A context manager; one thread calls it."""

    def __init__(
        self,
        settings: DeeplSettings,
        cache: Path | None,
        progress: Progress | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`cache` may be the file that clients of models use, too."""
        self.settings = settings
        if settings.price is None and settings.budget is not None:
            raise RemoteProblem("price-unknown-deepl")
        self.price = None if settings.price is None else per_unit(settings.price)
        variable = settings.key_env or "DEEPL_AUTH_KEY"
        free = os.environ.get(variable, "").strip().endswith(FREE_KEY)
        address = settings.base_url or f"https://api{'-free' if free else ''}.deepl.com"
        service = Service(NAME, f"{address}/v2/translate", variable, "DeepL-Auth-Key")
        is_priced = self.price is not None
        super().__init__(settings, address, service, is_priced, cache, progress, transport, clock)

    def translate(
        self, texts: Sequence[str], context: str = "", masks: bool = False
    ) -> list[Translation | Failure]:
        """In the order of the texts. `context` helps, is not translated and costs nothing.

        With `masks`, texts are XML, and `<x id="3"/>` in them stays as it is. Raises RemoteProblem when the
        quota or the budget is used up; what was translated is kept.
        """
        jobs = [Job(text, self._key(text, context, masks)) for text in texts]
        found: dict[str, Translation | Failure] = dict(self._kept(jobs))
        missing = {job.key: job for job in jobs if job.key not in found}
        chunks = {
            str(number): chunk
            for number, chunk in enumerate(_chunks(list(missing.values()), self._room(context, masks)))
        }
        with (
            self.progress.bar("asking", len(missing), model=NAME) as bar,
            Crew[list[Translation | Failure]](self.settings.concurrency, NAME) as crew,
        ):
            for number, chunk in chunks.items():
                crew.send(number, lambda halt, chunk=chunk: self._asked(chunk, context, masks, halt))  # type: ignore[misc]
            for _ in chunks:
                number, results = crew.next()
                found |= {job.key: result for job, result in zip(chunks[number], results, strict=True)}
                bar.advance(len(results), note=self.note())
        return [found[job.key] for job in jobs]

    def estimate(self, texts: Sequence[str], context: str = "", masks: bool = False) -> Estimate:
        """Exact but for tries after faults: DeepL charges by characters. Needs no key."""
        jobs = {job.key: job for job in (Job(text, self._key(text, context, masks)) for text in texts)}
        kept = self._kept(list(jobs.values()))
        characters = sum(len(job.text) for key, job in jobs.items() if key not in kept)
        cost = None if self.price is None else characters * self.price / PICO
        return Estimate(requests=len(jobs), cached=len(kept), low=cost, expected=cost, high=cost)

    def _kept(self, jobs: Sequence[Job]) -> dict[str, Translation]:
        """What is on the disk; a text without words is its own translation."""
        found = {job.key: Translation(text=job.text, characters=0) for job in jobs if not job.text.strip()}
        for start in range(0, len(jobs), 500):
            kept = self.ledger.answers([job.key for job in jobs[start : start + 500]])
            for key, written in kept.items():
                found[key] = Translation.model_validate_json(written).model_copy(update={"cached": True})
        return found

    def _key(self, text: str, context: str, masks: bool) -> str:
        options = self._options(context, masks)
        return digest_json([NAME, self.settings.base_url, options, text])

    def _options(self, context: str, masks: bool) -> dict[str, Any]:
        """All of a request but its texts."""
        settings = self.settings
        options: dict[str, Any] = {"target_lang": settings.target, "show_billed_characters": True}
        given = {
            "source_lang": settings.source,
            "glossary_id": settings.glossary,
            "context": context,
            "custom_instructions": list(settings.instructions),
            "formality": None if settings.formality == "default" else settings.formality,
        }
        options |= {name: value for name, value in given.items() if value}
        return options | ({"tag_handling": "xml", "ignore_tags": [MASK_TAG]} if masks else {})

    def _room(self, context: str, masks: bool) -> int:
        """Bytes left for texts in one request."""
        return MOST_BYTES - len(_as_bytes({**self._options(context, masks), "text": []}))

    def _asked(
        self, chunk: Sequence[Job], context: str, masks: bool, halt: Any
    ) -> list[Translation | Failure]:
        if len(chunk) == 1 and _size(chunk[0].text) > self._room(context, masks):
            return [Failure(code="too-long-prompt", detail=f"more than {MOST_BYTES} bytes")]
        body = _as_bytes({**self._options(context, masks), "text": [job.text for job in chunk]})
        characters = sum(len(job.text) for job in chunk)
        result = self._line.ask(
            body, characters * (self.price or 0), characters, lambda value: self._read(value, chunk), halt
        )
        return [result] * len(chunk) if isinstance(result, Failure) else result

    def _read(self, value: Any, chunk: Sequence[Job]) -> Outcome[list[Translation | Failure]]:
        characters = sum(len(job.text) for job in chunk)
        try:
            entries = value["translations"]
            billed = [
                int(each.get("billed_characters", len(job.text)))
                for each, job in zip(entries, chunk, strict=True)
            ]
            texts = [str(each["text"]) for each in entries]
        except (KeyError, TypeError, ValueError, AttributeError):
            return Outcome(Failure(code="unreadable", detail="not of the agreed shape"), None)
        results = [
            Translation(text=text, characters=count) if text.strip() else Failure(code="empty")
            for text, count in zip(texts, billed, strict=True)
        ]
        keep = {
            job.key: result.model_dump_json()
            for job, result in zip(chunk, results, strict=True)
            if isinstance(result, Translation)
        }
        cost = None if self.price is None else sum(billed) * self.price
        return Outcome(results, cost, Usage(characters, 0), keep)


def _chunks(jobs: Sequence[Job], room: int) -> Iterator[list[Job]]:
    """As many texts together as fit; one that fits nowhere comes alone."""
    chunk: list[Job] = []
    size = 0
    for job in jobs:
        needed = _size(job.text)
        if chunk and (len(chunk) == MOST_TEXTS or size + needed > room):
            yield chunk
            chunk, size = [], 0
        chunk.append(job)
        size += needed
    if chunk:
        yield chunk


def _size(text: str) -> int:
    """Bytes of the text in a request, with what separates it from the next."""
    return len(_as_bytes(text)) + 2


def _as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
