"""docs/cluster.md: every command is one that its program understands, every setting one of its recipe."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from dajeong.cli import FLAGS, Session, _app
from dajeong.recipe import Recipe, load

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SCRIPTS = [body for kind, body in BLOCKS if kind == "bash"]
VARIABLES = {"$SLURM_JOB_NUM_NODES": "2", "$SLURM_JOB_ID": "7", "$HEAD": "node1"}

SBATCH = {
    "job-name",
    "nodes",
    "ntasks",
    "ntasks-per-node",
    "gpus-per-node",
    "gres",
    "cpus-per-task",
    "mem",
    "time",
    "signal",
    "requeue",
    "output",
}
"""Long options of sbatch that the page may use, as its manual spells them."""
SRUN = {"kill-on-bad-exit"}
VLLM = {"served-model-name", "port", "max-model-len", "dtype"}


def lines() -> list[str]:
    """Every command of the page: those of plain blocks, and those of scripts that start something."""
    plain = [line for kind, body in BLOCKS if kind == "" for line in body.splitlines() if line.strip()]
    starting = [line for body in SCRIPTS for line in body.splitlines() if line.startswith("srun ")]
    return plain + starting


def filled(line: str) -> list[str]:
    for variable, value in VARIABLES.items():
        line = line.replace(variable, value)
    return shlex.split(line)


@pytest.mark.parametrize("line", lines())
def test_a_command_is_understood(line: str) -> None:
    understood(filled(line))


def understood(words: list[str]) -> None:
    """Raises where the program that `words` names would refuse them."""
    assert words[0] in PROGRAMS, f"how is {words[0]} checked?"
    PROGRAMS[words[0]](words[1:])


def ours(words: list[str]) -> None:
    rest = [word for word in words if word not in FLAGS]
    command: Any = typer.main.get_command(_app())
    context = command.make_context("dajeong", list(rest), obj=Session())
    name, found, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
    given = found.make_context(name, list(arguments), parent=context).params
    if name in ("run", "plan") and not str(given["recipe"]).endswith(".yaml"):
        recipe = load(given["recipe"], given["set_"] or (), files_required=False)
        assert given.get("until") in {None, *(step.name for step in recipe.steps)}


def by_torchrun(words: list[str]) -> None:
    from torch.distributed.run import parse_args

    given = parse_args(words)
    assert given.module and given.training_script == "dajeong"
    ours(given.training_script_args)
    shared(given.training_script_args)


def by_accelerate(words: list[str]) -> None:
    accelerate = pytest.importorskip("accelerate.commands.launch")
    assert words[0] == "launch"
    given = accelerate.launch_command_parser().parse_args(words[1:])
    assert given.module and given.training_script == "dajeong"
    ours(given.training_script_args)
    shared(given.training_script_args)


def by_deepspeed(words: list[str]) -> None:
    start = words.index("dajeong")
    assert words[start - 1] == "--module"
    ours(words[start + 1 :])
    shared(words[start + 1 :])
    runner = pytest.importorskip("deepspeed.launcher.runner")
    given = runner.parse_args(words)
    assert given.module and given.user_script == "dajeong" and given.num_gpus == 4


def shared(words: list[str]) -> None:
    """Several processes and a step that trains alone: the launch would be refused."""
    given = [word for word in words if word.startswith("parallel=")]
    assert given and given != ["parallel=single"]


def over_ssh(words: list[str]) -> None:
    host, command = words
    assert host.startswith("node")
    *before, last = command.split(" && ")
    assert [each.split()[0] for each in before] in ([], ["cd"])
    understood(shlex.split(last))


def by_srun(words: list[str]) -> None:
    start = words.index("torchrun")
    assert {option.removeprefix("--").partition("=")[0] for option in words[:start]} <= SRUN
    understood(words[start:])


def by_sbatch(words: list[str]) -> None:
    (script,) = words
    assert f"`{script}`" in PAGE, "the page shows it"


def by_vllm(words: list[str]) -> None:
    assert words[0] == "serve" and words[1].startswith("/")
    assert {word.lstrip("-") for word in words if word.startswith("--")} <= VLLM


def by_hf(words: list[str]) -> None:
    from dajeong.planning.known_bases import KNOWN

    assert words[0] == "download" and words[1] in KNOWN


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "dajeong": ours,
    "torchrun": by_torchrun,
    "accelerate": by_accelerate,
    "deepspeed": by_deepspeed,
    "ssh": over_ssh,
    "srun": by_srun,
    "sbatch": by_sbatch,
    "vllm": by_vllm,
    "hf": by_hf,
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.split("job-name=")[1].split()[0])
def test_a_script_is_one_of_bash_and_of_slurm(script: str, tmp_path: Path) -> None:
    path = tmp_path / "job.sbatch"
    path.write_text(script, encoding="utf-8")
    bash = shutil.which("bash")
    assert bash and subprocess.run([bash, "-n", str(path)], check=False, timeout=20).returncode == 0
    header, _, commands = script.partition("\n\n")
    first, *options = header.splitlines()
    assert first == "#!/bin/bash" and "#SBATCH" not in commands, "Slurm stops reading at the first command"
    named = [re.fullmatch(r"#SBATCH --([a-z-]+)(?:=\S+)?", option) for option in options]
    assert all(named) and {each[1] for each in named if each} <= SBATCH


def recipe_of(text: str, folder: Path) -> Recipe:
    path = folder / "pool.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, files_required=False)


def test_recipes_on_the_page_are_recipes(tmp_path: Path) -> None:
    found = [recipe_of(body, tmp_path) for kind, body in BLOCKS if kind == "yaml"]
    assert [step.use for recipe in found for step in recipe.steps] == ["read", "respond"]


@pytest.mark.parametrize(
    "line",
    [
        "dajeong run kullm-v2 --set sft.tokens_per_microbatch=4096",
        "dajeong run kullm-v2 --unitl split",
        "dajeong plan kullm-v3",
        "torchrun --nproc-per-nodes 4 -m dajeong run kullm-v2 --set parallel=ddp",
        "torchrun --nproc-per-node 4 -m dajeong run kullm-v2",
        "torchrun --nproc-per-node 4 -m dajeong run kullm-v2 --set parallel=fsdp3",
        "ssh node1 'rm -r /shared && dajeong doctor'",
        "vllm serve /shared/models/kullm --max-modellen 2048",
    ],
)
def test_a_wrong_command_is_not(line: str) -> None:
    with pytest.raises((Exception, SystemExit)):
        understood(filled(line))


def test_every_way_to_share_is_in_the_table() -> None:
    from typing import get_args

    from dajeong.training.settings import TrainingSettings

    ways = get_args(TrainingSettings.model_fields["parallel"].annotation)
    rows = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
    assert set(ways) == {way for row in rows for way in re.findall(r"`(\w+)`", row)} - {"parallel"}
