"""Writes the figures of a result into docs/performance.md, between its two marks.

python benchmarks/page.py [RESULT.json]      default: the newest in benchmarks/results
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
NAMES = {
    "sft_vs_hf_trainer_grouped": "SFT, against Trainer grouped by length",
    "generate_vs_hf_b1": "generation, batch 1",
    "generate_vs_hf_b16": "generation, batch 16",
    "generate_vs_hf_b64": "generation, batch 64",
}


def newest() -> Path:
    return max((HERE / "results").glob("cpu-*.json"), key=lambda path: path.name)


def table(result: dict[str, Any], name: str) -> str:
    """The block between the marks."""
    conditions, machine = result["conditions"], result["conditions"]["machine"]
    peer = conditions["versions"]["peer"]
    lines = [
        f"Result `{name}`: {machine['cpu']} ({machine['vector']}), {machine['cores']} cores, "
        f"{conditions['threads']} thread, {conditions['dtype']}; peers torch {peer['torch']}, "
        f"transformers {peer['transformers']}, peft {peer['peft']}, accelerate {peer['accelerate']}. "
        f"Load average at the start {machine['load_average'][0]}, "
        f"at the end {conditions['load_average_at_end'][0]} (the measured process is 1 of it).",
        "",
        "| | ours, tokens per CPU-second | peer | ratio | target | by round |",
        "|---|---|---|---|---|---|",
    ]
    for key, words in NAMES.items():
        rates = result["median_tokens_per_cpu_second"][key]
        rounds = ", ".join(str(ratio) for ratio in result["ratios_by_round"][key])
        target = f"{result['targets'][key]}{' (missed)' if key in result['missed'] else ''}"
        lines.append(
            f"| {words} | {rates['ours']} | {rates['peer']} | {result['ratios'][key]} | {target} | {rounds} |"
        )
    return "\n".join(lines)


def with_figures(page: str, block: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{block}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else newest()
    block = table(json.loads(path.read_text(encoding="utf-8")), path.name)
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), block), encoding="utf-8")


if __name__ == "__main__":
    main()
