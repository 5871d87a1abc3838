"""Recorded trajectories of every algorithm: a change of what is learned, meant or not, shows here.

Losses and gradient norms of each update, in tests/golden/trajectories, to be met within 1e-4. After a change
that is meant, rewrite them with `python tests/training/test_golden.py` and say in the commit why they moved.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_training import MAKERS, Trace, optimizer, write_models

from dajeong.catalog import ALGORITHMS

GOLDEN = Path(__file__).parents[1] / "golden" / "trajectories"
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Other CPUs round otherwise; the mean of whitened advantages is 0 but for rounding."""

SCHEDULE: dict[str, Any] = {"warmup_ratio": 0.2, "schedule": "cosine", "final_ratio": 0.1}
SETTINGS: dict[str, dict[str, Any]] = {
    "sft": {"optimizer": optimizer(**SCHEDULE)},
    "reward": {"optimizer": optimizer(**SCHEDULE)},
    "ppo": {
        "optimizer": optimizer(**SCHEDULE),
        "value_optimizer": optimizer(learning_rate=1e-2, **SCHEDULE),
        "updates": 3,
        "mini_batches": 1,
    },
    "grpo": {"optimizer": optimizer(**SCHEDULE), "updates": 3, "mini_batches": 1},
    "rloo": {"optimizer": optimizer(**SCHEDULE), "updates": 3, "mini_batches": 1},
    "dpo": {"optimizer": optimizer(**SCHEDULE), "sft_coefficient": 0.1},
    "kto": {"optimizer": optimizer(**SCHEDULE)},
    "orpo": {"optimizer": optimizer(**SCHEDULE)},
}
CHANGES: dict[str, dict[str, Any]] = {
    "sft": {"tokens_per_update": 150},
    "reward": {"centring": 0.051},
    "ppo": {
        "kl": 0.06,
        "value": 0.101,
        "clip": 0.15,
        "value_clip": 0.21,
        "gamma": 0.99,
        "lam": 0.94,
        "reward_clip": 1.0,
        "missing_eos_penalty": 1.1,
        "rewards": {"kind": 1.0, "firm": 0.51},
    },
    "grpo": {
        "kl": 0.05,
        "kl_in": "reward",
        "scale": "batch",
        "aggregation": "token",
        "clip": 0.1,
        "clip_high": 0.1,
    },
    "rloo": {"kl": 0.06, "scale": "group", "aggregation": "sequence", "constant": 7},
    "dpo": {
        "loss": "ipo",
        "beta": 0.11,
        "label_smoothing": 0.01,
        "mean_logprobs": True,
        "margin": 0.1,
        "sft_coefficient": 0.11,
    },
    "kto": {
        "beta": 0.11,
        "desirable_weight": 1.01,
        "undesirable_weight": 0.99,
        "sft_coefficient": 0.01,
    },
    "orpo": {"odds_ratio": 0.2},
}
"""Settings of which every one must show."""
OPTIMIZER_CHANGES: dict[str, Any] = {
    "learning_rate": 5.05e-3,
    "weight_decay": 0.1,
    "warmup_ratio": 0.3,
    "schedule": "linear",
    "final_ratio": 0.11,
    "max_grad_norm": 0.1,
    "betas": (0.8, 0.999),
    "epsilon": 1e-3,
}


def trajectory(name: str, models: Path, folder: Path, **changed: Any) -> list[dict[str, Any]]:
    """What the diary holds of every update and rollout."""
    trace = Trace(MAKERS[name](models, **(SETTINGS[name] | changed)), folder)
    return [line for line in trace.journal if line["event"] != "sample"]


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a JSON value, by its path."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from numbers(inner, f"{path}/{key}")
    elif not isinstance(value, str):
        yield path, float(value)


def recorded(name: str) -> dict[str, float]:
    return dict(numbers(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))))


def equal(name: str, found: list[dict[str, Any]]) -> bool:
    return bool(dict(numbers(found)) == pytest.approx(recorded(name), rel=RELATIVE, abs=ABSOLUTE))


def test_every_algorithm_has_a_recorded_trajectory() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(ALGORITHMS) == set(MAKERS)


@pytest.mark.parametrize("name", MAKERS)
def test_the_trajectory_is_the_recorded_one(models: Path, tmp_path: Path, name: str) -> None:
    found = dict(numbers(trajectory(name, models, tmp_path)))
    assert found == pytest.approx(recorded(name), rel=RELATIVE, abs=ABSOLUTE)


@pytest.mark.parametrize(
    ("name", "changed"), [(name, {key: value}) for name in CHANGES for key, value in CHANGES[name].items()]
)
def test_a_changed_setting_shows(models: Path, tmp_path: Path, name: str, changed: dict[str, Any]) -> None:
    assert not equal(name, trajectory(name, models, tmp_path, **changed))


@pytest.mark.parametrize(("key", "value"), OPTIMIZER_CHANGES.items())
def test_a_changed_optimizer_shows(models: Path, tmp_path: Path, key: str, value: Any) -> None:
    other = optimizer(**(SCHEDULE | {key: value}))
    found = trajectory("reward", models, tmp_path, optimizer=other)
    # rates are recorded too; it is what was learned that must differ
    learned = {path: number for path, number in numbers(found) if "/lr/" not in path}
    wanted = {path: number for path, number in recorded("reward").items() if "/lr/" not in path}
    assert learned != pytest.approx(wanted, rel=RELATIVE, abs=ABSOLUTE)


def rewrite() -> None:
    with tempfile.TemporaryDirectory() as place:
        models = write_models(Path(place) / "models")
        GOLDEN.mkdir(parents=True, exist_ok=True)
        for name in MAKERS:
            lines = trajectory(name, models, Path(place) / name)
            rounded = json.loads(json.dumps(lines), parse_float=lambda digits: float(f"{float(digits):.7g}"))
            text = ",\n".join(json.dumps(line, ensure_ascii=False) for line in rounded)
            (GOLDEN / f"{name}.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    rewrite()
