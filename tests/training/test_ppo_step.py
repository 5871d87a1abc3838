"""The step `ppo` with all that it can be given: examples, an average, another critic, rules instead of
models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_training import CPU, TEXT, bytes_of, fresh_base, journal_of, optimizer

from dajeong.errors import DataProblem, QualityProblem
from dajeong.models.adapters import load_role
from dajeong.models.load import load_chat
from dajeong.records import Decoding, Dialogue, Message
from dajeong.storage import write_records
from dajeong.training import ppo
from dajeong.training.ppo_settings import PpoSettings
from dajeong.workplace import Workplace

ANSWERED = (Message(role="user", content=TEXT), Message(role="assistant", content="국수가 좋겠어요."))


def talk(name: str, *messages: Message, **fields: str) -> Dialogue:
    return Dialogue(id=name, messages=messages, **fields)


def work(
    models: Path, folder: Path, *, rewards: tuple[str, ...] = ("reward-kind",), **more: Any
) -> Workplace:
    """A run folder in which the step is begun; `more`: records of its other inputs."""
    given = {"prompts": [talk(f"p-{place}", ANSWERED[0]) for place in range(4)], **more}
    inputs: dict[str, tuple[Path | str, ...]] = {"policy": (str(models / "sft"),)}
    for name, records in given.items():
        write_records(folder / "inputs" / f"{name}.jsonl", records)
        inputs[name] = (folder / "inputs" / f"{name}.jsonl",)
    inputs["rewards"] = tuple(str(models / name) for name in rewards)
    return Workplace(run=folder, name="ppo", seed=1, inputs=inputs, model_names={"rewards": rewards})


def settings(**changed: Any) -> PpoSettings:
    values: dict[str, Any] = {
        "rewards": {"reward-kind": 1.0},
        "updates": 2,
        "prompts_per_update": 4,
        "decoding": Decoding(max_new_tokens=6),
        "optimizer": optimizer(),
        "runtime": CPU,
    }
    return PpoSettings(**(values | changed))


def weights(models: Path, folder: Path) -> dict[str, bytes]:
    base = fresh_base(models)
    load_role(base.model, "read", folder)
    return {name: bytes_of(weight) for name, weight in base.model.parameters_of("read").items()}


def test_examples_and_an_average_leave_their_traces(models: Path, tmp_path: Path) -> None:
    """In the journal, in the card, and as an adapter that can be talked to."""
    data = [talk(f"old-{place}", *ANSWERED, source="koalpaca", licence="cc-by-nc-4.0") for place in range(4)]
    ppo.run(settings(ema=0.9), place := work(models, tmp_path, ptx=data))
    folder = place.model_folder
    one, other = weights(models, folder), weights(models, folder / "ema")
    assert one.keys() == other.keys() and one != other and other != weights(models, models / "sft")
    for card in (folder / "README.md", folder / "ema" / "README.md"):
        assert "koalpaca" in card.read_text(encoding="utf-8")
    assert load_chat(str(folder / "ema")).template == load_chat(str(folder)).template
    updates = [line for line in journal_of(place) if line["event"] == "update"]
    assert all(line["loss"]["ptx"] > 0 for line in updates)


@pytest.mark.parametrize("critic", ["role", "head", "model"])
def test_every_critic_leaves_the_same_kind_of_adapter(models: Path, tmp_path: Path, critic: str) -> None:
    """The policy alone, without a head."""
    ppo.run(settings(critic=critic), place := work(models, tmp_path))
    names = weights(models, place.model_folder).keys()
    assert names == weights(models, models / "sft").keys() and not any("score" in name for name in names)


def test_rules_alone_can_be_learned_from(models: Path, tmp_path: Path) -> None:
    """No reward model: the critic starts from the SFT adapter, with a new head."""
    chosen = settings(rewards={}, rules={"proper": 1.0}, length={"weight": 0.5, "longest": 3, "slack": 3})
    ppo.run(chosen, place := work(models, tmp_path, rewards=()))
    rollouts = [line for line in journal_of(place) if line["event"] == "rollout"]
    assert all({"raw/rule-proper", "raw/length"} <= line.keys() for line in rollouts)


def test_examples_kept_for_measuring_are_refused(models: Path, tmp_path: Path) -> None:
    held = talk("test-1", *ANSWERED).model_copy(update={"meta": {"evaluation": "kobest"}})
    with pytest.raises(DataProblem):
        ppo.run(settings(), work(models, tmp_path, ptx=[held]))


def test_a_stop_names_and_leaves_the_last_good_policy(models: Path, tmp_path: Path) -> None:
    """And the same command stops at once until a limit is changed; then it goes on to the end."""
    strict = {"action": "stop", "patience": 1, "kl": 1e-9}
    place = work(models, tmp_path)
    with pytest.raises(QualityProblem) as caught:
        ppo.run(settings(updates=3, guards=strict), place)
    good = place.folder / "last-good"
    assert caught.value.parameters["good"] == good and str(good) in str(caught.value)
    assert weights(models, good) == weights(models, models / "sft")
    assert not place.model_folder.exists()
    with pytest.raises(QualityProblem):
        ppo.run(settings(updates=3, guards=strict), place)
    ppo.run(settings(updates=3, guards={"action": "warn", "kl": None}), place)
    assert weights(models, place.model_folder) != weights(models, good)
