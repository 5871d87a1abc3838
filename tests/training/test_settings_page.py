"""docs/settings.md: every old flag through its new name and what that changes; other old names are refused.

The tables are read from the page, so that a row without an effect cannot stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from small_training import bytes_of, journal_of
from test_training_runs import Heard, dialogues, preferences

from dajeong import catalog
from dajeong.data import mixture
from dajeong.data.mixture_settings import MixSettings
from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.models.checkpointing import Recomputed
from dajeong.recipe import load, one_step
from dajeong.rollout.slots import Slots
from dajeong.steps import KINDS
from dajeong.storage import write_records
from dajeong.training.loop import Loop
from dajeong.training.sft import Sft
from dajeong.workplace import Workplace

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


class Row(NamedTuple):
    flag: str
    here: str


def rows() -> list[Row]:
    found = re.findall(
        r"^\| `([\w-]+)` \|[^|]*\| ([^|]*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [Row(flag, here.strip("`")) for flag, here in found]


ROWS = rows()
NAMED = sorted({row.here for row in ROWS if row.here not in ("not needed", "refused")})

SMALL = {
    "sft": ["template=koalpaca", "updates=4", "tokens_per_update=300", "max_tokens=100"],
    "reward": ["updates=3", "tokens_per_update=300", "max_tokens=100", "normalise_rows=6"],
    "ppo": ["updates=2", "prompts_per_update=4", "decoding.max_new_tokens=6", "guards.action=off"],
}
QUICK = ["optimizer.learning_rate=5e-3", "optimizer.warmup_ratio=0", "runtime.device=cpu"]


class Seen(NamedTuple):
    """What a run left: its adapter, and its diary without times."""

    weights: dict[str, bytes]
    journal: list[dict[str, Any]]
    num_forwards: list[int]
    num_checkpoints: int


class Stage:
    """Runs one stage on the session's tiny models; what it is given to read never changes."""

    def __init__(self, models: Path, folder: Path) -> None:
        self.models, self.folder, self.count = models, folder, 0
        self.known: dict[tuple[str, ...], Seen] = {}
        write_records(folder / "talks.jsonl", dialogues(12, 1, answered=True))
        write_records(folder / "held-out.jsonl", dialogues(4, 2, answered=True))
        write_records(folder / "pairs.jsonl", preferences(8))
        write_records(folder / "prompts.jsonl", dialogues(6, 4, answered=False))

    def inputs(self, use: str) -> dict[str, Any]:
        base, sft, reward = (str(self.models / name) for name in ("base", "sft", "reward-kind"))
        talks, pairs = str(self.folder / "talks.jsonl"), str(self.folder / "pairs.jsonl")
        return {
            "sft": {"model": base, "data": talks, "validation": str(self.folder / "held-out.jsonl")},
            "reward": {"model": sft, "data": pairs, "normalise": talks},
            "ppo": {
                "policy": sft,
                "rewards": {reward: 1.0},
                "prompts": str(self.folder / "prompts.jsonl"),
            },
        }[use]

    def settings(self, use: str, *changed: str, **inputs: Any) -> Any:
        step = one_step(use, self.inputs(use) | inputs, [*SMALL[use], *QUICK, *changed], {}).steps[0]
        return step.settings

    def run(self, use: str, *changed: str, seed: int = 1, **inputs: Any) -> Seen:
        given = (use, *changed, str(seed), repr(inputs))
        if given not in self.known:
            self.known[given] = self._run(use, changed, seed, inputs)
        return self.known[given]

    def _run(self, use: str, changed: tuple[str, ...], seed: int, given: dict[str, Any]) -> Seen:
        self.count += 1
        inputs = self.inputs(use) | given
        settings = self.settings(use, *changed, **given)
        fields = {
            field: tuple(value) if isinstance(value, dict) else (value,) for field, value in inputs.items()
        }
        names = {"rewards": tuple(Path(name).name for name in fields.get("rewards", ()))}
        work = Workplace(self.folder / str(self.count), use, seed, fields, names, Heard())
        with pytest.MonkeyPatch.context() as patch:
            forwards: list[int] = []
            weigh = Loop._global_weights

            def counted(loop: Loop, batches: Any) -> Any:
                forwards.append(len(batches))
                return weigh(loop, batches)

            patch.setattr(Loop, "_global_weights", counted)
            catalog.load(KINDS[use].run)(settings, work)
        tensors = load_file(work.model_folder / "adapter_model.safetensors")
        kept = list((work.folder / "checkpoints").glob("update-*"))
        return Seen(
            {name: bytes_of(tensor) for name, tensor in tensors.items()},
            journal_of(work),
            forwards,
            len(kept),
        )


@pytest.fixture(scope="module")
def stage(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    threads = torch.get_num_threads()
    yield Stage(models, tmp_path_factory.mktemp("stages"))
    torch.set_num_threads(threads)


def learns_otherwise(*changed: str, **inputs: Any) -> Callable[[Stage, str], None]:
    """The setting changes what is learned."""

    def check(stage: Stage, use: str) -> None:
        assert stage.run(use, *changed, **inputs).weights != stage.run(use).weights

    return check


def cuts_otherwise(*changed: str) -> Callable[[Stage, str], None]:
    """The setting changes the number of forwards and, but for rounding, nothing else."""

    def check(stage: Stage, use: str) -> None:
        one, many = stage.run(use), stage.run(use, *changed)
        assert sum(many.num_forwards) > sum(one.num_forwards)
        losses = [
            [line["loss"] for line in seen.journal if line["event"] == "update"] for seen in (one, many)
        ]
        assert losses[1][0] == pytest.approx(losses[0][0], rel=1e-3, abs=1e-4)

    return check


def reads_its_input(field: str, error: str) -> Callable[[Stage, str], None]:
    """The input is what is read: named wrongly, it is looked for under that name."""

    def check(stage: Stage, use: str) -> None:
        missing = {"./missing": 1.0} if KINDS[use].inputs[field].mapping else "./missing.jsonl"
        with pytest.raises(Exception, match="missing") as caught:
            stage.settings(use, **{field: missing})
        assert getattr(caught.value, "code", "") == error

    return check


def is_refused(*changed: str, code: str) -> Callable[[Stage, str], None]:
    """Its effect here is a refusal: there is no such device, target, launch."""

    def check(stage: Stage, use: str) -> None:
        with pytest.raises((EnvironmentProblem, UsageProblem)) as caught:
            stage.run(use, *changed)
        assert caught.value.code == code

    return check


def checkpoints_otherwise(stage: Stage, use: str) -> None:
    assert (stage.run(use).num_checkpoints, stage.run(use, "checkpoint_every=1").num_checkpoints) == (0, 2)


def draws_side_by_side(stage: Stage, use: str) -> None:
    """How many replies are drawn at once decides nothing but the speed: each has its own seed."""
    sizes: set[int] = set()
    begin = Slots.__init__

    def noted(slots: Slots, num_slots: int, device: Any) -> None:
        sizes.add(num_slots)
        begin(slots, num_slots, device)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Slots, "__init__", noted)
        stage.run(use, "max_slots=3")
    assert sizes == {3}


def recomputes(stage: Stage, use: str) -> None:
    """As many calls of the blocks as ever, and the same weights."""
    calls: list[int] = []
    run = Recomputed.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Recomputed, "__call__", lambda *given, **named: (calls.append(1), run(*given, **named))[1]
        )
        seen = stage.run(use, "runtime.checkpointing=true")
    assert calls and seen.weights == stage.run(use).weights


def reads_validation_more_often(stage: Stage, use: str) -> None:
    often = [line for line in stage.run(use, "validate_every=0.25").journal if line["event"] == "validation"]
    rare = [line for line in stage.run(use, "validate_every=1").journal if line["event"] == "validation"]
    assert len(often) == 4 > len(rare) >= 1


def keeps_another(stage: Stage, use: str) -> None:
    """Where the loss only rises, the first reading is the best."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sft, "mean_loss", lambda algorithm, examples: float(algorithm.done))
        best, last = (stage.run(use, f"keep={each}") for each in ("best", "last"))
    assert best.journal == last.journal and best.weights != last.weights


def quantises(stage: Stage, use: str) -> None:
    assert stage.run(use, "runtime.quantised=4bit").weights != stage.run(use).weights
    assert stage.run(use, "runtime.quantised=8bit").weights != stage.run(use).weights


def wider(name: str, rank: int) -> Callable[[Stage, str], None]:
    def check(stage: Stage, use: str) -> None:
        found = stage.run(use, name).weights
        sizes = {len(found[key]) for key in found if "dense.lora_A" in key}
        assert sizes == {4 * 32 * rank}

    return check


def fewer_targets(stage: Stage, use: str) -> None:
    found = stage.run(use, "lora.targets=[query_key_value]").weights
    assert {key.split(".")[-3] for key in found if "lora" in key} == {"query_key_value"}
    is_refused("lora.targets=[query_key_value, xxx]", code="lora-target")(stage, use)


def another_template(stage: Stage, use: str) -> None:
    assert stage.settings(use, "template=alpaca").template == "alpaca"
    with pytest.raises(UsageProblem) as caught:
        stage.settings(use, "template=alpaca_ko")  # KULLM's own default, which never existed
    assert caught.value.code == "recipe-unknown-template"


def holds_out(stage: Stage, use: str) -> None:
    work = Workplace(
        stage.folder / "mixed", "mix", 1, {"parts": (stage.folder / "talks.jsonl",)}, {}, Heard()
    )
    mixture.run(MixSettings(parts={"talks": 1}, held_out=3), work)
    assert len((work.folder / "held_out.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def tracks(stage: Stage, use: str) -> None:
    assert load("demo", ["tracking=[wandb]"]).shared.tracking == ("wandb",)
    with pytest.raises(UsageProblem):
        load("demo", ["tracking=[wandbb]"])


def is_named(stage: Stage, use: str) -> None:
    assert load("demo", ["name=my-run"]).shared.name == "my-run"


def draws_otherwise(stage: Stage, use: str) -> None:
    assert stage.run("sft", seed=2).weights != stage.run("sft").weights
    assert load("demo", ["seed=2"]).shared.seed == 2


def has_an_option(stage: Stage, use: str) -> None:
    from dajeong.cli_train import command

    for name, kind in KINDS.items():
        if kind.algorithm:
            assert "out" in command(name, kind).__annotations__


RATE, MORE = "optimizer.learning_rate=1e-3", "tokens_per_update=100"
EFFECTS: dict[str, Callable[[Stage, str], None]] = {
    "--out": has_an_option,
    "recipe.seed": draws_otherwise,
    "recipe.name": is_named,
    "recipe.tracking": tracks,
    "mix.held_out": holds_out,
    "sft.model": reads_its_input("model", "model-missing"),
    "sft.data": reads_its_input("data", "file-missing-for"),
    "sft.examples_per_update": learns_otherwise("examples_per_update=2"),
    "sft.tokens_per_micro_batch": cuts_otherwise("tokens_per_micro_batch=60"),
    "sft.epochs": learns_otherwise("updates=null", "epochs=0.5"),
    "sft.optimizer.learning_rate": learns_otherwise(RATE),
    "sft.optimizer.weight_decay": learns_otherwise("optimizer.weight_decay=0.5"),
    "sft.optimizer.warmup_ratio": learns_otherwise("optimizer.warmup_ratio=0.5"),
    "sft.optimizer.schedule": learns_otherwise("optimizer.schedule=constant"),
    "sft.max_tokens": learns_otherwise("max_tokens=40"),
    "sft.lora.rank": wider("lora.rank=3", 3),
    "sft.lora.alpha": learns_otherwise("lora.alpha=8"),
    "sft.lora.dropout": learns_otherwise("lora.dropout=0.3"),
    "sft.lora.targets": fewer_targets,
    "sft.learn_prompts": learns_otherwise("learn_prompts=true"),
    "sft.template": another_template,
    "sft.runtime.quantised": quantises,
    "sft.runtime.dtype": learns_otherwise("runtime.dtype=bfloat16"),
    "sft.runtime.device": is_refused("runtime.device=cuda:7", code="no-device"),
    "sft.validate_every": reads_validation_more_often,
    "sft.checkpoint_every": checkpoints_otherwise,
    "sft.keep": keeps_another,
    "sft.parallel": is_refused("parallel=ddp", code="not-launched"),
    "reward.model": reads_its_input("model", "model-missing"),
    "reward.data": reads_its_input("data", "file-missing-for"),
    "reward.max_tokens": learns_otherwise("max_tokens=20"),
    "reward.epochs": learns_otherwise("updates=null", "epochs=0.5"),
    "reward.tokens_per_micro_batch": cuts_otherwise("tokens_per_micro_batch=100"),
    "reward.tokens_per_update": learns_otherwise(MORE),
    "reward.optimizer.learning_rate": learns_otherwise(RATE),
    "reward.optimizer.weight_decay": learns_otherwise("optimizer.weight_decay=0.5"),
    "reward.optimizer.schedule": learns_otherwise("optimizer.schedule=constant"),
    "reward.lora.rank": wider("lora.rank=3", 3),
    "reward.lora.targets": is_refused("lora.targets=[decoder.layers.]", code="lora-target"),
    "reward.runtime.checkpointing": recomputes,
    "reward.parallel": is_refused("parallel=ddp", code="not-launched"),
    "ppo.policy": reads_its_input("policy", "model-missing"),
    "ppo.rewards": reads_its_input("rewards", "model-missing"),
    "ppo.prompts": reads_its_input("prompts", "file-missing-for"),
    "ppo.decoding.max_new_tokens": learns_otherwise("decoding.max_new_tokens=4"),
    "ppo.max_slots": draws_side_by_side,
    "ppo.mini_batches": learns_otherwise("mini_batches=2"),
    "ppo.prompts_per_update": learns_otherwise("prompts_per_update=3"),
    "ppo.epochs": learns_otherwise("epochs=1"),
    "ppo.updates": learns_otherwise("updates=3"),
    "ppo.tokens_per_micro_batch": cuts_otherwise("tokens_per_micro_batch=60"),
    "ppo.optimizer.learning_rate": learns_otherwise(RATE),
    "ppo.value_optimizer.learning_rate": learns_otherwise("value_optimizer.learning_rate=5e-2"),
    "ppo.optimizer.schedule": learns_otherwise("optimizer.schedule=constant"),
    "ppo.parallel": is_refused("parallel=ddp", code="not-launched"),
    "ppo.runtime.checkpointing": recomputes,
    "ppo.kl": learns_otherwise("kl=0.5"),
    "ppo.reward_clip": learns_otherwise("reward_clip=0.01"),
    "ppo.clip": learns_otherwise("clip=0.001", "epochs=4"),
    "ppo.value_clip": learns_otherwise("value_clip=0.001", "epochs=4"),
    "ppo.gamma": learns_otherwise("gamma=0.5"),
    "ppo.lam": learns_otherwise("lam=0.5"),
}


def test_the_page_and_its_effects_name_the_same() -> None:
    assert len(ROWS) > 80 and sorted(EFFECTS) == NAMED


@pytest.mark.parametrize("name", NAMED)
def test_the_new_name_has_its_effect(stage: Stage, name: str) -> None:
    EFFECTS[name](stage, name.partition(".")[0])


OLD = sorted({row.flag for row in ROWS if row.here in ("not needed", "refused")})


@pytest.mark.parametrize("flag", OLD)
def test_an_old_name_without_a_new_one_is_refused(stage: Stage, flag: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        stage.settings("sft", f"{flag}=1")
    assert caught.value.code.startswith("recipe-unknown-key") and flag in str(caught.value)


@pytest.mark.parametrize("step", ["sft", "reward", "ppo"])
def test_a_fixed_number_of_warm_up_steps_is_refused_with_the_ratio(stage: Stage, step: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        stage.settings(step, "optimizer.warmup_steps=100")
    assert caught.value.parameters["nearest"] == "warmup_ratio"
