"""PPO with guards under two gloo processes, and the evaluating steps behind it, which are one process' work.

Guards are read alike on both, so both stop after the same rollout; one that waited for the other would end
this test by its time limit.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from small_run import Done, arguments, begun_again_at, journals

from dajeong.recipe_source import BUILT_IN
from dajeong.records import Reply, Result
from dajeong.storage import read_json, read_records

REFUSALS = (
    "  refusals: {use: refusals, models: [sft, ppo], num_twins: 1, types: [joke, history], "
    "decoding: {temperature: 0, max_new_tokens: 8}}\n"
)
OFF = ("repetition", "distinct", "false_refusal", "kl", "reward", "unended", "empty", "deviation")
ALL_OFF = ", ".join(f"{name}: null" for name in OFF)
GUARDS = f"ppo.guards={{action: %s, length: 1.0001, patience: 1, every: 1, {ALL_OFF}}}"


def launched(run: Path, recipe: Path, guards: str) -> list[Done]:
    """The same command in two processes that know of each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    ours = ("ppo.parallel=ddp", "ppo.guard_prompts=smalltalk/validation_prompts", GUARDS % guards)
    command = [sys.executable, "-m", "dajeong", *arguments(run, *ours)]
    command[command.index("demo")] = str(recipe)
    processes = [
        subprocess.Popen(
            command,
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=280) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    return [Done(each.returncode, *both) for each, both in zip(processes, said, strict=True)]


def test_guards_stop_both_processes_and_evaluation_is_done_once(whole: Path, tmp_path: Path) -> None:
    run, recipe = tmp_path / "run", tmp_path / "guarded.yaml"
    shutil.copytree(whole, run)
    begun_again_at(run, "ppo")
    recipe.write_text((BUILT_IN / "demo.yaml").read_text(encoding="utf-8") + REFUSALS, encoding="utf-8")

    stopped = launched(run, recipe, "stop")
    assert [each.code for each in stopped] == [6, 6], "\n".join(each.err for each in stopped)
    guards = [line for line in journals(run)["ppo"] if line["event"] == "guard"]
    assert guards[-1]["beyond"] == ["characters"] and {"false_refusal", "distinct_2"} <= guards[0].keys()
    assert not (run / "steps" / "ppo" / "manifest.json").is_file()

    ended = launched(run, recipe, "warn")
    assert [each.code for each in ended] == [0, 0], "\n".join(each.err for each in ended)
    after = [line for line in journals(run)["ppo"] if line["event"] == "guard"]
    assert [line["rollout"] for line in after] == [1, 2, 3] and after[: len(guards)] == guards
    assert not ended[1].out, "only rank 0 speaks"
    results = [Result.model_validate(row) for row in read_json(run / "results.json")]
    assert {"smalltalk", "reward", "refusal"} <= {row.task for row in results}
    alone = [Result.model_validate(row) for row in read_json(whole / "results.json")]
    assert {named(row) for row in alone} <= {named(row) for row in results}
    asked = [(reply.author, reply.prompt_id) for reply in read_records(replies_in(run), Reply)]
    assert len(asked) == len(set(asked)) == 8, "two models, two types, a pair of twins each"


def named(row: Result) -> tuple[str, str, str, str | None, str]:
    return row.model, row.task, row.metric, row.versus, row.decoding


def replies_in(run: Path) -> Path:
    return run / "steps" / "refusals" / "replies.jsonl"
