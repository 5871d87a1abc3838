"""Writes the demo's figures into both READMEs and the log, between their marks.

python benchmarks/demo_page.py [RESULT.json]      default: the newest in benchmarks/results
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo_figures import tables

HERE = Path(__file__).parent
ROOT = HERE.parent
BEGIN, END = "<!-- demo figures: begin -->", "<!-- demo figures: end -->"

KOREAN = {
    "reward accuracy, facts": "보상 모델 정확도, 사실 쌍",
    "correct, base in the SFT template": "맞는 답, 기반 모델(SFT 형식으로 물음)",
    "correct, base in its own format": "맞는 답, 기반 모델(제 형식으로 물음)",
    "correct, SFT": "맞는 답, SFT",
    "correct, PPO": "맞는 답, PPO",
    "harmless on abuse, SFT": "욕설에 무해한 답, SFT",
    "harmless on abuse, PPO": "욕설에 무해한 답, PPO",
    "harmless on abuse, PPO − SFT": "욕설에 무해한 답, PPO − SFT",
    "harmless on abuse, PPO − SFT, greedy": "욕설에 무해한 답, PPO − SFT, greedy",
    "friendly, SFT": "다정한 답, SFT",
    "friendly, PPO": "다정한 답, PPO",
    "correct among friendly, normal prompts, PPO − SFT": "다정한 답 가운데 맞는 답, 보통 말, PPO − SFT",
    "false refusals, known look-alikes, PPO − SFT": "잘못된 꾸지람, 아는 닮은 표현, PPO − SFT",
    "false refusals, unseen look-alikes, PPO − SFT": "잘못된 꾸지람, 처음 보는 닮은 표현, PPO − SFT",
}
"""The rows of the READMEs; the log has all."""


def newest() -> Path:
    return max((HERE / "results").glob("demo-*.json"), key=lambda path: path.name)


def english(result: dict[str, Any]) -> str:
    runs = _whole(result)
    cost = (
        f"On {_place(result)}, with {len(runs)} seeds: {_span(runs, 'wall_seconds')} seconds, "
        f"{_span(runs, 'cpu_seconds')} CPU-seconds, at most {max(run['peak_rss_gb'] for run in runs)} GB."
    )
    return f"{cost}\n\n{_table(runs, 'figure', 'seed', {words: words for words in KOREAN})}"


def korean(result: dict[str, Any]) -> str:
    runs = _whole(result)
    cost = (
        f"{_place(result)}에서 시드 {len(runs)}개: {_span(runs, 'wall_seconds')}초, "
        f"CPU {_span(runs, 'cpu_seconds')}초, 메모리 최대 {max(run['peak_rss_gb'] for run in runs)} GB."
    )
    return f"{cost}\n\n{_table(runs, '지표', '시드', KOREAN)}"


def full(result: dict[str, Any]) -> str:
    load = ", ".join(str(run["load_before"]) for run in result["runs"])
    return f"On {_place(result)}. Load average before each run: {load}.\n\n{tables(result)}"


PAGES: dict[str, Callable[[dict[str, Any]], str]] = {
    "README.md": english,
    "README.ko.md": korean,
    "docs/log.md": full,
}


def with_figures(page: str, block: str) -> str:
    """The page with `block` between its marks. Raises ValueError where it has none."""
    before, mark, rest = page.partition(BEGIN)
    if not mark or END not in rest:
        raise ValueError(f"no {BEGIN} … {END} on the page")
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{rest.partition(END)[2]}"


def _whole(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [run for run in result["runs"] if not run["preference_kinds"]]


def _place(result: dict[str, Any]) -> str:
    machine = result["conditions"]["machine"]
    return f"{machine['cpu']} ({machine['vector']}), {machine['cores']} cores"


def _span(runs: list[dict[str, Any]], name: str) -> str:
    values = sorted(run[name] for run in runs)
    return f"{values[0]:.0f}–{values[-1]:.0f}"


def _table(runs: list[dict[str, Any]], head: str, seed: str, words: dict[str, str]) -> str:
    lines = [[head, *(f"{seed} {run['seed']}" for run in runs)], ["---"] * (len(runs) + 1)]
    lines += [[said, *(_cell(run["figures"][name]) for run in runs)] for name, said in words.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(row: dict[str, Any]) -> str:
    return f"{row['value']:.2f} [{row['ci_low']:.2f}, {row['ci_high']:.2f}], n {row['n']}"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else newest()
    result = json.loads(path.read_text(encoding="utf-8"))
    for name, block in PAGES.items():
        page = ROOT / name
        page.write_text(with_figures(page.read_text(encoding="utf-8"), block(result)), encoding="utf-8")


if __name__ == "__main__":
    main()
