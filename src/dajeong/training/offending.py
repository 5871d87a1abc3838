"""Updates that could not be learned from: their rows kept for people, and what is said. Knows no loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from dajeong.errors import QualityProblem
from dajeong.storage import write_json
from dajeong.training.algorithm import Batch, Entry
from dajeong.training.spikes import Spike, Spikes
from dajeong.workplace import Workplace


def kept_batches(path: Path, update: int, batches: Sequence[Batch]) -> Path:
    """Token ids, lengths of the sequences, and ids of the records where the algorithm names them."""
    ids = [token for batch in batches for token in batch.tokens.ids[0].tolist()]
    lengths = [length for batch in batches for length in batch.tokens.packing.lengths]
    rows = [row for batch in batches for row in batch.rows]
    write_json(path, {"update": update, "rows": rows, "ids": ids, "lengths": lengths})
    return path


def not_finite(work: Workplace, rank: int, update: int, batch: Batch, value: float) -> QualityProblem:
    """The batch whose loss or gradient is no number, kept."""
    path = kept_batches(work.folder / f"broken-batch-{rank}.json", update, [batch])
    return QualityProblem("not-finite", step=work.name, update=update, value=value, path=path)


def left_out(
    work: Workplace, rank: int, update: int, batches: Sequence[Batch], spike: Spike, spikes: Spikes
) -> Entry:
    """An update that was not made: its rows kept, said to people, a line for the journal. One too many stops
    the run.
    """
    path = kept_batches(work.folder / f"left-out-{update:08d}-{rank}.json", update, batches)
    count, norm, limit = spikes.num_left_out, f"{spike.norm:.3g}", f"{spike.limit:.3g}"
    said = {"step": work.name, "update": update, "count": count}
    work.progress.say("steps-left-out", **said, norm=norm, limit=limit, path=path)
    problem = None
    if count > spikes.most:
        last = work.folder / "checkpoints"
        problem = QualityProblem("too-many-left-out", **said, most=spikes.most, folder=work.folder, path=last)
    entry: dict[str, float | int | str | None] = {
        "update": update,
        "left_out": spike.role,
        "grad_norm": _number(spike.norm),
        "limit": _number(spike.limit),
        "count": count,
    }
    return Entry("alarm", entry, problem)


def _number(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None
