"""Texts through an engine that does what it likes: every mask comes out in order, or the reason does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from hypothesis import given, settings
from hypothesis import strategies as st
from invented_translator import WAYS, korean, lot

from dajeong.progress import Bar, Quiet
from dajeong.remote.prices import NOTHING, Estimate
from dajeong.remote.request import Failure
from dajeong.remote.settings import ServiceSettings
from dajeong.synthesis import mask
from dajeong.synthesis.translate_engine import Done, Task
from dajeong.synthesis.translate_settings import TranslateSettings
from dajeong.synthesis.translate_texts import Rendered, Text, Unfit, rendered

TOLD = TranslateSettings(service=ServiceSettings(model="m"), drop=())
PIECES = (
    "Say hello to them.", "`a b`", "$x^2$", "\n", "\n\n", " ", "https://example.org/a?b=1", "{name}", "<br/>",
    "\\alpha", "Take 3 of them", "```\nx = 1\n```", "⟦0⟧", "안녕하세요", "print(x)", "5 + 7", ". ", "\t",
)  # fmt: skip


class Moody:
    """An engine with a mood for each text."""

    name, cost, spent = "moody", 0.0, 0.0
    hears_faults = True

    def __init__(self, mood: int) -> None:
        self.mood = mood
        self.tasks: list[Task] = []

    def translated(self, tasks: Sequence[Task], bar: Bar) -> list[Done | Failure]:
        self.tasks += tasks
        return [self._one(task) for task in tasks]

    def _one(self, task: Task) -> Done | Failure:
        place = lot(f"{self.mood} {task.text} {task.attempt}", 10)
        if place == 9:
            return Failure(code="busy")
        if place == 8:
            return Done(korean(task.text), is_cut=True)
        return Done(f" {WAYS[place % len(WAYS)](task.text)}\n")

    def estimate(self, tasks: Sequence[Task]) -> Estimate:
        return NOTHING

    def note(self) -> str:
        return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@given(
    st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), min_size=1, max_size=5),
    st.integers(0, 99),
)
@settings(max_examples=200, deadline=None)
def test_what_comes_out_holds_every_mask_in_order_or_says_why_not(texts: list[list[str]], mood: int) -> None:
    sources = [Text("".join(pieces)) for pieces in texts]
    engine = Moody(mood)
    found = rendered(sources, engine, TOLD, Quiet())
    assert set(found) == set(sources)
    for source, result in found.items():
        if isinstance(result, Unfit):
            assert result.rule in ("mask", "cut", "busy")
            continue
        spans = mask.masked(source.source.strip()).spans
        assert mask.holds_in_order(result.text, spans)
        kept = re.findall(r"⟦\d+⟧", source.source)
        assert re.findall(r"⟦\d+⟧", result.text) == kept, "only marks that the source itself holds"
        lead, trail = re.match(r"\s*", source.source), re.search(r"\s*\Z", source.source)
        assert lead and trail and (result.text.isspace() or result.text.startswith(lead[0]))
        assert result.text.endswith(trail[0])
    assert not any("http" in task.text for task in engine.tasks), "masks are not sent"


def test_a_text_that_was_good_is_not_asked_for_again() -> None:
    engine = Moody(0)
    engine._one = lambda task: Done(korean(task.text))  # type: ignore[method-assign]
    texts = [Text("Say hello."), Text("Say goodbye."), Text("Say hello.")]
    found = rendered(texts, engine, TOLD, Quiet())
    assert len(engine.tasks) == 2 and all(isinstance(result, Rendered) for result in found.values())
