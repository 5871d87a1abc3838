"""A plan as lines for people: two tables, what does not fit, what is not known. Works nothing out."""

from __future__ import annotations

from collections.abc import Iterator

from dajeong.messages import text
from dajeong.plan import Plan, StepPlan
from dajeong.planning.hours import REACHED
from dajeong.printing import columns, estimate_lines

SHOWN = 6
"""Files that are not there and are named; of more, their number."""
PARTS = ("weights", "adapters", "optimizer", "activations", "logits", "cache")
SIGNS = {True: "✓", False: "✕", None: "–"}


def lines(found: Plan) -> Iterator[str]:
    cards = (
        text("plan-one") if found.gpus == 1 else text("plan-many", gpus=found.gpus, parallel=found.parallel)
    )
    room = {"room": _gib(found.room_gib), "gib": f"{found.gib:g}"}
    on_card = [step for step in found.steps if step.peak_gib is not None]
    yield text(
        "plan-head" if found.gib else "plan-head-cpu",
        recipe=found.recipe,
        cards=cards,
        card=found.card,
        **room,
    )
    if on_card:
        yield ""
        yield columns([_memory_head(), *map(_memory, on_card)])
        yield ""
        yield columns([_work_head(), *map(_work, on_card)])
    remarks = list(_remarks(found, on_card))
    if remarks:
        yield ""
        yield from remarks
    yield from estimate_lines({step.step: step.cost for step in found.steps if step.asks})


def _memory_head() -> list[str]:
    names = ("step", "model", *PARTS, "peak", "fits")
    return [text(f"plan-column-{name}") for name in names]


def _memory(step: StepPlan) -> list[str]:
    parts = [_gib(getattr(step, f"{part}_gib")) for part in PARTS]
    phase = text(f"plan-phase-{step.phase}")
    return [step.step, step.model or "–", *parts, f"{_gib(step.peak_gib or 0)} ({phase})", SIGNS[step.fits]]


def _work_head() -> list[str]:
    return [text(f"plan-column-{name}") for name in ("step", "micro", "updates", "tokens", "hours", "disk")]


def _work(step: StepPlan) -> list[str]:
    counts = [f"{value:,}" if value else "–" for value in (step.micro_batch, step.updates, step.tokens)]
    hours = _hours(step.hours) if step.hours else "–"
    if step.hours_per_million:
        hours = text("plan-per-million", hours=_hours(step.hours_per_million))
    return [step.step, *counts, hours, _gib(step.disk_gib)]


def _remarks(found: Plan, on_card: list[StepPlan]) -> Iterator[str]:
    for step in found.steps:
        if step.unknown:
            yield text("plan-unknown", step=step.step, why=step.unknown)
        if step.fits is False:
            yield _fix(step)
    if found.missing:
        names = ", ".join(found.missing[:SHOWN])
        more = f", +{len(found.missing) - SHOWN}" if len(found.missing) > SHOWN else ""
        yield text("plan-missing", files=names + more)
    guessed = [step.step for step in on_card if step.from_settings]
    if guessed:
        yield text("plan-from-settings", steps=", ".join(guessed))
    if found.download_gib:
        yield text("plan-download", gib=_gib(found.download_gib))
    if any(step.hours or step.hours_per_million for step in on_card):
        low, high = (f"{share:.0%}" for share in REACHED)
        yield text(
            "plan-hours-measured" if found.measured_rate else "plan-hours",
            low=low,
            high=high,
            card=found.card,
        )


def _fix(step: StepPlan) -> str:
    if step.fix is None:
        return text("plan-no-fix", step=step.step)
    given = " ".join(f"--set {each}" for each in step.fix.settings)
    return text(
        "plan-fix",
        step=step.step,
        settings=given,
        peak=_gib(step.fix.peak_gib),
        slower=f"{step.fix.slower:.2f}",
    )


def _gib(value: float) -> str:
    return "–" if not value else "<0.1" if value < 0.05 else f"{value:.1f}"


def _hours(hours: tuple[float, float]) -> str:
    low, high = (f"{value:.1f}" if value >= 1 else f"{value:.2g}" for value in hours)
    return f"{low}–{high}" if low != high else low
