"""DeepL as a translator of texts with marks: marks become tags that DeepL leaves alone, and marks again.

What a register asks for goes along as an instruction. Knows neither records nor checks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from dajeong.progress import Bar
from dajeong.remote.deepl import MASK_TAG, Deepl, Translation
from dajeong.remote.prices import NOTHING, Estimate
from dajeong.remote.request import Failure
from dajeong.remote.settings import DeeplSettings
from dajeong.synthesis.mask import mark
from dajeong.synthesis.translate_engine import Done, Task
from dajeong.synthesis.translate_prompts import REGISTERS
from dajeong.synthesis.translate_settings import WantedRegister

MOST_INSTRUCTIONS = 10
_MARK = re.compile(r"⟦(\d+)⟧")
_TAG = re.compile(rf'<{MASK_TAG} id="(\d+)"\s*(?:/>|>\s*</{MASK_TAG}>)')


def as_xml(text: str) -> str:
    """A text with marks as XML: what could be markup is escaped, marks are empty tags."""
    return _MARK.sub(rf'<{MASK_TAG} id="\1"/>', html.escape(text, quote=False))


def from_xml(text: str) -> str:
    """The way back. A tag that came back broken is no mark, and is missed."""
    return html.unescape(_TAG.sub(lambda found: mark(int(found[1])), text))


class DeeplTranslator:
    """An `Engine`. One more attempt would bring the same, so there is none."""

    name = "DeepL"
    hears_faults = False

    def __init__(self, settings: DeeplSettings, cache: Path | None) -> None:
        self.cost: float | None = 0.0
        self._settings, self._cache = settings, cache
        self._open = ExitStack()
        self._clients: dict[WantedRegister, Deepl] = {}
        self._client("any")

    def translated(self, tasks: Sequence[Task], bar: Bar) -> list[Done | Failure]:
        """Texts that share register and context go together; each group is cut to DeepL's limits."""
        groups: dict[tuple[WantedRegister, str], list[int]] = {}
        for place, task in enumerate(tasks):
            groups.setdefault((task.register, task.context), []).append(place)
        found: dict[int, Done | Failure] = {}
        for (register, context), places in groups.items():
            texts = [as_xml(tasks[place].text) for place in places]
            results = self._client(register).translate(texts, context, masks=True)
            found |= {place: self._read(result) for place, result in zip(places, results, strict=True)}
            bar.advance(0, note=self.note())
        return [found[place] for place in range(len(tasks))]

    def estimate(self, tasks: Sequence[Task]) -> Estimate:
        found = NOTHING
        for register in dict.fromkeys(task.register for task in tasks):
            texts = [as_xml(task.text) for task in tasks if task.register == register]
            found += self._client(register).estimate(texts, masks=True)
        return found

    def _read(self, result: Translation | Failure) -> Done | Failure:
        if isinstance(result, Failure):
            return result
        price = self._settings.price
        paid = None if price is None else result.characters * price / 1_000_000
        self.cost = None if self.cost is None or paid is None else self.cost + paid
        return Done(from_xml(result.text))

    def _client(self, register: WantedRegister) -> Deepl:
        """One for each register: instructions go with every request."""
        if register not in self._clients:
            asked = (REGISTERS[register],) if REGISTERS[register] else ()
            instructions = (*asked, *self._settings.instructions)[:MOST_INSTRUCTIONS]
            settings = self._settings.model_copy(update={"instructions": instructions})
            self._clients[register] = self._open.enter_context(Deepl(settings, self._cache))
        return self._clients[register]

    def note(self) -> str:
        return "" if self._settings.price is None else f"${self.spent:.4f}"

    @property
    def spent(self) -> float:
        return self._clients["any"].spent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
