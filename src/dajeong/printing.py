"""Lines for people: columns that stand straight with Hangul in them. Knows results and decisions of steps."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from dajeong.costs import total
from dajeong.ledger import Decision
from dajeong.messages import text
from dajeong.records import Result
from dajeong.remote.prices import Estimate


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text, each column as wide as its widest cell; Hangul takes two places."""
    widths = [max(_width(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = (
        "  ".join(cell + " " * (w - _width(cell)) for cell, w in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _width(cell: str) -> int:
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in cell
    )


def headline(results: Sequence[Result]) -> list[Result]:
    """Rows over all kinds of a task; every row where there is none."""
    return [result for result in results if "/" not in result.task] or list(results)


def results_table(results: Sequence[Result]) -> str:
    """A figure never stands without its n and its interval."""
    names = ("model", "decoding", "task", "metric", "value", "interval", "n", "missing")
    header = [text(f"column-{name}") for name in names]
    return columns([header, *map(_result_row, results)])


def _result_row(result: Result) -> list[str]:
    model = f"{result.model} − {result.versus}" if result.versus else result.model
    interval = f"[{_number(result.ci_low)}, {_number(result.ci_high)}]" if result.ci_low is not None else "-"
    missing = str(result.missing) if result.missing else "-"
    how = [model, result.decoding or "-", result.task, result.metric]
    return [*how, _number(result.value), interval, str(result.n), missing]


def quality_tables(results: Sequence[Result]) -> str:
    """For each kind the averages of every model, and as percent of the reference's; then what two columns or
    two models have to do with each other."""
    plain = [row for row in results if row.versus is None and ":" not in row.metric]
    parts = []
    for task in dict.fromkeys(row.task for row in results):
        own = [row for row in plain if row.task == task]
        for relative in (False, True):
            some = [row for row in own if row.metric.startswith("relative ") is relative]
            parts += [_pivot(task, some)] if some else []
    correlations = [row for row in results if ":" in row.metric]
    differences = [row for row in results if row.versus is not None]
    return "\n\n".join([*parts, *(results_table(some) for some in (correlations, differences) if some)])


def quality_notes(results: Sequence[Result]) -> str:
    """What the rows remark, a line for each model or pair of models; the same remark once."""
    said: dict[str, dict[str, list[str]]] = {}
    for row in results:
        model = f"{row.model} − {row.versus}" if row.versus else row.model
        who = ", ".join(filter(None, [model, row.decoding, row.task]))
        for note in row.notes.split("; ") if row.notes else []:
            if not row.metric.startswith("relative "):
                said.setdefault(who, {}).setdefault(note, []).append(row.metric)
    return "\n".join(
        f"{who}: " + " · ".join(f"{', '.join(metrics)}: {note}" for note, metrics in notes.items())
        for who, notes in said.items()
    )


def _pivot(task: str, rows: Sequence[Result]) -> str:
    """A line a model and a column a metric: value, interval, n and how many are missing."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    lines = [[text("column-model"), *metrics]]
    for model, decoding in dict.fromkeys((row.model, row.decoding) for row in rows):
        own = {row.metric: row for row in rows if (row.model, row.decoding) == (model, decoding)}
        cells = [_cell(own[metric]) if metric in own else "-" for metric in metrics]
        lines.append([f"{model}, {decoding}" if decoding else model, *cells])
    return f"{task}\n{columns(lines)}"


def _cell(row: Result) -> str:
    digits = 1 if row.metric.endswith("scaled") or row.metric.startswith("relative") else 3
    value = "-" if row.value is None else f"{row.value:.{digits}f}"
    interval = f" [{row.ci_low:.{digits}f}, {row.ci_high:.{digits}f}]" if row.ci_low is not None else ""
    return f"{value}{interval} n {row.n}" + (f" −{row.missing}" if row.missing else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def steps_table(decisions: Sequence[Decision], every_reason: bool) -> str:
    """What each step reads and writes, whether it would run, and why."""
    header = [text(f"column-{name}") for name in ("step", "kind", "state", "inputs", "outputs")]
    return columns([header, *(_step_row(decision, every_reason) for decision in decisions)])


def _step_row(decision: Decision, every_reason: bool) -> list[str]:
    step = decision.step
    inputs = ", ".join(ref.written for refs in step.inputs.values() for ref in refs)
    outputs = ", ".join([*step.kind.outputs, *(["model"] if step.kind.gives_model else [])])
    reasons = decision.reasons if every_reason else decision.reasons[:1]
    said = "; ".join(text(reason.code, **reason.parameters) for reason in reasons)
    state = text(f"state-{decision.action}")
    shown = state if decision.action == "done" and not every_reason else f"{state}: {said}"
    return [step.name, step.use, shown, inputs or "-", outputs or "-"]


def estimate_lines(estimates: Mapping[str, Estimate | None]) -> list[str]:
    """What asking services will cost, step by step and in all; nothing where no step asks."""
    lines = [_estimate_line(name, estimate) for name, estimate in estimates.items()]
    if len(lines) > 1:
        lines.append(_estimate_line(text("estimate-total"), total(estimates)))
    return lines


def _estimate_line(name: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return text("estimate-later", step=name)
    counts = {"step": name, "requests": estimate.requests, "cached": estimate.cached}
    if estimate.low is None or estimate.expected is None or estimate.high is None:
        return text("estimate-unpriced", **counts)
    low, expected, high = (_dollars(value) for value in (estimate.low, estimate.expected, estimate.high))
    return text("estimate-priced", **counts, low=low, expected=expected, high=high)


def _dollars(value: float) -> str:
    """Small amounts keep two digits that mean something."""
    return f"${value:.2f}" if value >= 0.1 or value == 0 else f"${value:.2g}"


def steps_as_json(
    decisions: Sequence[Decision], estimates: Mapping[str, Estimate | None]
) -> list[dict[str, Any]]:
    """The same for machines, every reason included; `estimate` stands at steps that pay."""
    return [
        {
            "step": decision.step.name,
            "use": decision.step.use,
            "inputs": {field: [ref.written for ref in refs] for field, refs in decision.step.inputs.items()},
            "outputs": [*decision.step.kind.outputs, *(["model"] if decision.step.kind.gives_model else [])],
            "action": decision.action,
            "reasons": [{"code": reason.code, **reason.parameters} for reason in decision.reasons],
            **_estimate_as_json(decision.step.name, estimates),
        }
        for decision in decisions
    ]


def _estimate_as_json(step: str, estimates: Mapping[str, Estimate | None]) -> dict[str, Any]:
    if step not in estimates:
        return {}
    estimate = estimates[step]
    return {"estimate": estimate.model_dump() if estimate else None}
