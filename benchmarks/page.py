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
    "sft_vs_hf_trainer_grouped": ("SFT, Trainer grouped by length", "tokens"),
    "sft_plain_vs_hf_trainer_grouped": ("… without sharing beginnings", "tokens"),
    "sft_vs_trl_default": ("SFT, TRL as it comes", "tokens"),
    "sft_vs_trl_packing": ("SFT, TRL's packing", "tokens"),
    "reward_vs_trl": ("reward model, TRL", "pairs"),
    "reward_plain_vs_trl": ("… without sharing beginnings", "pairs"),
    "ppo_vs_trl_1_12": ("PPO, TRL 1.12", "replies"),
    "ppo_plain_vs_trl_1_12": ("… without sharing beginnings", "replies"),
    "generate_vs_hf_b1": ("generation, batch 1, `generate`", "tokens"),
    "generate_vs_hf_b16": ("generation, batch 16, `generate`", "tokens"),
    "generate_vs_hf_b64": ("generation, batch 64, `generate`", "tokens"),
    "generate_useful_tokens": ("useful tokens on VAIV's answer lengths, `generate`", "tokens"),
    "seconds_to_loss": ("seconds to the Trainer's validation loss", "runs"),
    "seconds_to_loss_plain": ("… without sharing beginnings", "runs"),
}
"""Ratio → (against what, what is counted)."""
PEERS = ("transformers", "peft", "accelerate", "trl")


def newest() -> Path:
    return max((HERE / "results").glob("cpu-*.json"), key=lambda path: path.name)


def table(result: dict[str, Any], name: str) -> str:
    """The block between the marks."""
    lines = [
        f"Result `{name}`. A ratio is the median over rounds of the peer's CPU-seconds over ours; in the "
        "lines about seconds it is ours over the peer's, and less is better.",
        "",
        "| | ours, per CPU-second | peer | ratio | target | by round |",
        "|---|---|---|---|---|---|",
    ]
    for ratio in result["ratios"]:
        lines.append(line(result, ratio))
    lines += ["", "| part | model | rounds | load average | peers |", "|---|---|---|---|---|"]
    for part, measured in result["parts"].items():
        lines.append(conditions(part, measured))
    return "\n".join(lines)


def line(result: dict[str, Any], ratio: str) -> str:
    base = ratio.removesuffix("_mid")
    words, unit = NAMES[base]
    rates = result["median_per_cpu_second"][ratio]
    rounds = ", ".join(str(value) for value in result["ratios_by_round"][ratio])
    target = result["targets"].get(ratio, "")
    missed = " (missed)" if ratio in result["missed"] else ""
    shape = " (mid)" if ratio != base else ""
    return (
        f"| {words}{shape} | {rates['ours']} {unit} | {rates['peer']} | {result['ratios'][ratio]} "
        f"| {target}{missed} | {rounds} |"
    )


def conditions(name: str, part: dict[str, Any]) -> str:
    given, model = part["conditions"], part["settings"]["model"]
    machine, loads = given["machine"], [row["load_before"] for row in part["rounds"]]
    found: dict[str, str] = {}
    for side, versions in given["versions"].items():
        if not side.startswith("ours"):
            found |= {package: versions[package] for package in PEERS if package in versions}
    peers = ", ".join(f"{package} {version}" for package, version in found.items())
    shape = f"{model['layers']} × {model['hidden']}, vocabulary {model['vocabulary']}"
    rounds = max(row["round"] for row in part["rounds"])
    where = f"{machine['cpu']} ({machine['vector']}), {machine['cores']} cores, {given['threads']} thread"
    return (
        f"| {name} | {shape}; {where}, {given['dtype']} | {rounds} | {min(loads)} to {max(loads)} | {peers} |"
    )


def with_figures(page: str, block: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{block}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else newest()
    block = table(json.loads(path.read_text(encoding="utf-8")), path.name)
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), block), encoding="utf-8")


if __name__ == "__main__":
    main()
