"""The steps themselves, from records to a model folder: stopped by a signal they go on to the same bytes."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import CPU, TINY, journal_of, optimizer

from dajeong.errors import DataProblem, EnvironmentProblem, Stopped
from dajeong.models.adapters import notes_of
from dajeong.models.settings import LoraSettings
from dajeong.progress import Quiet
from dajeong.records import Decoding, Dialogue, Frozen, Message, Preference, Record, Response
from dajeong.storage import digest_folder, write_records
from dajeong.training import base, dpo, grpo, kto, orpo, ppo, reward, rloo, sft
from dajeong.training.algorithm import StepReport
from dajeong.training.group_settings import GrpoSettings, RlooSettings
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single, parallel_of
from dajeong.training.parallel_ddp import Ddp
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.preference_settings import DpoSettings, KtoSettings, OrpoSettings
from dajeong.training.settings import BaseSettings, RewardSettings, SftSettings
from dajeong.workplace import Workplace, signals_noted

WORDS = [
    "점심",
    "국수",
    "산책",
    "노래",
    "바다",
    "하늘",
    "고양이",
    "따뜻한",
    "좋아요",
    "싫어요",
    "네",
    "아니요",
    "오늘",
    "내일",
]
Run = Callable[[Any, Workplace], None]


class Heard(Quiet):
    def __init__(self) -> None:
        self.said: dict[str, dict[str, object]] = {}

    def say(self, code: str, **parameters: object) -> None:
        self.said[code] = parameters


def sentence(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(1, 6)))


def dialogues(count: int, seed: int, *, answered: bool) -> list[Dialogue]:
    draw = random.Random(seed)
    return [
        Dialogue(
            id=f"talk-{index}",
            messages=(
                Message(role="user", content=sentence(draw)),
                *((Message(role="assistant", content=sentence(draw)),) if answered else ()),
            ),
        )
        for index in range(count)
    ]


def preferences(count: int) -> list[Preference]:
    draw = random.Random(9)
    return [
        Preference(
            id=f"pair-{index}",
            prompt=(Message(role="user", content=sentence(draw)),),
            responses=tuple(Response(content=sentence(draw) + end) for end in ("!", ".", "?")),
            ranking=((0,), (1, 2)),
        )
        for index in range(count)
    ]


class House:
    """A run folder with inputs, in which steps are begun by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs: dict[str, tuple[Path | str, ...]] = {}

    def give(self, name: str, records: list[Any]) -> None:
        path = self.folder / "inputs" / f"{name}.jsonl"
        write_records(path, records)
        self.inputs[name] = (path,)

    def work(self, name: str, **fields: str) -> Workplace:
        """Field → what was given under that name, or the model of the step of that name."""
        inputs: dict[str, tuple[Path | str, ...]] = {
            field: self.inputs.get(source, (str(self.folder / "models" / source),))
            for field, source in fields.items()
        }
        names = {field: (source,) for field, source in fields.items()}
        return Workplace(
            run=self.folder, name=name, seed=1, inputs=inputs, model_names=names, progress=Heard()
        )


SMALL: dict[str, Any] = {"tokens_per_update": 300, "max_tokens": 100, "runtime": CPU}
BASE = BaseSettings(updates=3, tiny=TINY, optimizer=optimizer(), **SMALL)
SFT = SftSettings(
    updates=4, lora=LoraSettings(rank=4, dropout=0.3), optimizer=optimizer(), template="koalpaca", **SMALL
)
WHOLE = SFT.model_copy(update={"lora": None})
REWARD = RewardSettings(updates=4, optimizer=optimizer(), normalise_rows=6, **SMALL)
PPO = PpoSettings(
    rewards={"reward": 1.0},
    updates=2,
    prompts_per_update=4,
    epochs=2,
    decoding=Decoding(max_new_tokens=6),
    optimizer=optimizer(),
    runtime=CPU,
)
GROUPS: dict[str, Any] = {
    "rewards": {"reward": 1.0},
    "updates": 2,
    "prompts_per_update": 2,
    "replies_per_prompt": 2,
    "epochs": 2,
    "mini_batches": 2,
    "decoding": Decoding(max_new_tokens=6),
    "optimizer": optimizer(),
    "runtime": CPU,
}
GRPO, RLOO = GrpoSettings(**GROUPS), RlooSettings(**GROUPS)
DPO = DpoSettings(updates=4, optimizer=optimizer(), reference_logprobs="cached", **SMALL)
KTO = KtoSettings(updates=4, optimizer=optimizer(), **SMALL)
ORPO = OrpoSettings(updates=4, lora=LoraSettings(rank=4), optimizer=optimizer(), **SMALL)


def house_at(folder: Path) -> House:
    house = House(folder)
    house.give("text", dialogues(20, 0, answered=True))
    house.give("talks", dialogues(16, 1, answered=True))
    house.give("pairs", preferences(10))
    house.give("held-out", dialogues(4, 2, answered=True))
    house.give("normalise", dialogues(9, 3, answered=True))
    house.give("prompts", dialogues(6, 4, answered=False))
    return house


def begin(house: House, step: str) -> tuple[Run, Frozen, Workplace]:
    """A step's function, its settings and a new view of its run."""
    return {
        "base": (base.run, BASE, house.work("base", text="text")),
        "sft": (sft.run, SFT, house.work("sft", data="talks", validation="held-out", model="base")),
        "whole": (sft.run, WHOLE, house.work("whole", data="talks", model="base")),
        "reward": (
            reward.run,
            REWARD,
            house.work("reward", data="pairs", normalise="normalise", model="sft"),
        ),
        "ppo": (ppo.run, PPO, house.work("ppo", prompts="prompts", policy="sft", rewards="reward")),
        "grpo": (grpo.run, GRPO, house.work("grpo", prompts="prompts", policy="sft", rewards="reward")),
        "rloo": (rloo.run, RLOO, house.work("rloo", prompts="prompts", policy="sft", rewards="reward")),
        "dpo": (dpo.run, DPO, house.work("dpo", data="pairs", validation="pairs", policy="sft")),
        "kto": (kto.run, KTO, house.work("kto", data="pairs", validation="pairs", policy="sft")),
        "orpo": (orpo.run, ORPO, house.work("orpo", data="pairs", policy="base")),
    }[step]  # type: ignore[return-value]


STEPS = ("base", "sft", "whole", "reward", "ppo", "grpo", "rloo", "dpo", "kto", "orpo")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Every step, never stopped."""
    house = house_at(tmp_path_factory.mktemp("done"))
    for step in STEPS:
        run, settings, work = begin(house, step)
        run(settings, work)
    return house


@pytest.mark.parametrize("step", STEPS)
def test_a_step_stopped_by_a_signal_goes_on_to_the_same_model(
    done: House, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same folder and under the same name, since both are part of what the step makes."""
    run, settings, work = begin(done, step)
    diary, model = work.folder / "journal.jsonl", work.model_folder
    before = journal_of(work), digest_folder(model)
    (done.folder / "kept").mkdir(exist_ok=True)
    model.rename(done.folder / "kept" / step)
    diary.unlink()
    write, updates = Loop._write, list[int]()

    def signalled(loop: Loop, report: StepReport) -> None:
        write(loop, report)
        updates.append(report.update)
        if updates == [1, 2]:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Loop, "_write", signalled)
    with signals_noted(), pytest.raises(Stopped) as caught:
        run(settings, work)
    assert caught.value.exit_code == 143 and not model.exists() and updates == [1, 2]
    run(settings, work)
    assert updates == list(range(1, updates[-1] + 1)), "no update was made twice"
    assert "resumed" in work.progress.said  # type: ignore[attr-defined]
    assert (journal_of(work), digest_folder(model)) == before


def test_the_policy_starts_as_its_reference(done: House) -> None:
    journal = journal_of(begin(done, "ppo")[2])
    rollouts = [line["kl"] for line in journal if line["event"] == "rollout"]
    assert rollouts[0] == 0.0 and rollouts[1] != 0.0


def test_an_adapter_is_measured_for_the_next_step(done: House) -> None:
    notes = notes_of(done.folder / "models" / "reward")
    assert notes.max_tokens == 100 and notes.reward_deviation > 0 and notes.reward_mean != 0


@pytest.mark.parametrize("rows", [0, 1])
def test_without_a_spread_rewards_keep_their_scale(done: House, tmp_path: Path, rows: int) -> None:
    run, settings, work = begin(done, "reward")
    work.name = f"few-{rows}"
    path = tmp_path / "few.jsonl"
    write_records(path, dialogues(rows, 5, answered=True))
    work.inputs = {**work.inputs, "normalise": (path,)}
    run(settings, work)
    notes = notes_of(work.model_folder)
    assert notes.reward_deviation == 1.0 and (notes.reward_mean != 0) == bool(rows)


def test_prompts_that_leave_no_room_are_left_out_and_counted(done: House, tmp_path: Path) -> None:
    run, settings, work = begin(done, "ppo")
    work.name = "long"
    path = tmp_path / "prompts.jsonl"
    endless = Dialogue(id="endless", messages=(Message(role="user", content="점심은 뭐가 좋을까? " * 60),))
    write_records(path, [endless, *dialogues(3, 4, answered=False)])
    work.inputs = {**work.inputs, "prompts": (path,)}
    run(settings, work)
    assert work.progress.said["prompts-too-long"] == {"step": "long", "left_out": 1, "limit": 128}  # type: ignore[attr-defined]


@pytest.mark.parametrize("asked", [[], ["점심은 뭐가 좋을까? " * 60]])
def test_without_a_prompt_nothing_is_spent(done: House, tmp_path: Path, asked: list[str]) -> None:
    run, settings, work = begin(done, "ppo")
    work.name = "none"
    path = tmp_path / "prompts.jsonl"
    write_records(path, [Dialogue(id=t, messages=(Message(role="user", content=t),)) for t in asked])
    work.inputs = {**work.inputs, "prompts": (path,)}
    with pytest.raises(DataProblem) as caught:
        run(settings, work)
    assert caught.value.code == "no-prompts"


def test_the_tiny_base_needs_text(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.give("text", list[Record]())
    with pytest.raises(DataProblem) as caught:
        base.run(BASE, house.work("base", text="text"))
    assert caught.value.code == "tiny-needs-text"


def test_another_base_is_only_named(tmp_path: Path) -> None:
    work = Workplace(run=tmp_path, name="base")
    base.run(BASE.model_copy(update={"model": "somewhere/else"}), work)
    assert not list(tmp_path.iterdir())


# --- processes


def test_the_engine_asked_for_is_the_one_obtained(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(parallel_of("single"), Single)
    with pytest.raises(EnvironmentProblem) as caught:
        parallel_of("ddp")
    assert caught.value.code == "not-launched"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EnvironmentProblem) as caught:
        parallel_of("single")
    assert caught.value.code == "launched-many"


def test_one_process_is_the_sum_and_the_whole() -> None:
    alone = Single()
    numbers = torch.arange(3.0)
    assert torch.equal(alone.sum(numbers), numbers) and alone.gather([1, 2]) == [1, 2]
    assert (alone.rank, alone.world) == (0, 1) and not isinstance(alone, Ddp)
