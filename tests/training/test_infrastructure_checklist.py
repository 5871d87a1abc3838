"""The checklist of what a training stack gets wrong without a word: rows X1 to X10.

Each row is a test named after it. X1 on the whole chain is tests/chain/test_kill_and_resume.py, at random
places tests/faults/test_random_kills.py; what two processes do comes from ddp_child.py.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from loop_parts import (
    hidden_of,
    infinite_loss,
    loop_of,
    nan_gradient,
    nan_loss,
    snapshot,
    spoiled,
    when_done,
)
from packaging.requirements import Requirement
from safetensors.torch import load_file, save_file
from small_training import (
    CPU,
    MAKERS,
    Trace,
    bytes_of,
    fresh_base,
    journal_of,
    make_ppo,
    make_sft,
    optimizer,
    same_bytes,
)
from torch import Tensor, nn

from dajeong.errors import EnvironmentProblem, QualityProblem
from dajeong.models.adapters import load_role, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.checkpointing import Recomputed, blocks_of
from dajeong.storage import read_json
from dajeong.templates import TEMPLATES
from dajeong.training.checkpoint import Checkpoint, Checkpoints
from dajeong.training.parallel import Single, parallel_of
from dajeong.training.parallel_ddp import Ddp

ROOT = Path(__file__).parents[2]

# --- X1


class Killed(BaseException):
    pass


def _kill() -> None:
    raise Killed


@pytest.mark.parametrize("name", MAKERS)
def test_X1_a_run_that_goes_on_is_the_uninterrupted_one(models: Path, tmp_path: Path, name: str) -> None:
    """Weights, moments, rates, draws, cursors, buffers, diary and order of the data, to the bit. Seen to fail
    where a checkpoint held no second moments, no buffer of PPO, and no cursor."""
    straight = Trace(MAKERS[name](models), tmp_path / "straight")
    last = straight.loop.update
    with pytest.raises(Killed):
        loop_of(when_done(MAKERS[name](models), last - 1, _kill), tmp_path / "killed", every=2).run()
    resumed = Trace(MAKERS[name](models), tmp_path / "killed", every=2)
    assert same_bytes(straight.tensors, resumed.tensors) and straight.journal == resumed.journal
    assert straight.work.facts == resumed.work.facts and straight.work.facts["data_order"]


# --- X2


def renamed(file: Path, old: str, new: str | None) -> None:
    """One tensor of a file under another name, or gone."""
    tensors = load_file(file)
    name = next(name for name in tensors if old in name)
    moved = tensors.pop(name)
    if new is not None:
        tensors[name.replace(old, new)] = moved
    save_file(tensors, file, metadata={"format": "pt"})


HEAD = "embed_out"
"""The output head on disk, under the name that older and newer transformers both read."""


@pytest.mark.parametrize("new", ["renamed", None])
def test_X2_a_base_with_another_key_is_refused(models: Path, tmp_path: Path, new: str | None) -> None:
    """transformers only warns, and goes on with a head that nobody trained. Seen to fail where its report was
    not read."""
    shutil.copytree(models / "base", tmp_path / "base")
    weights = tmp_path / "base" / "model.safetensors"
    head = next(name for name in load_file(weights) if HEAD in name or "lm_head" in name)
    renamed(weights, head, new)
    with pytest.raises(EnvironmentProblem) as caught:
        load_base(str(tmp_path / "base"))
    assert caught.value.code == "model-keys-missing"


def test_X2_a_base_with_a_key_too_many_is_refused(models: Path, tmp_path: Path) -> None:
    """Weights that the model would not use: another model than the one that was saved. Seen to fail where
    only missing keys were looked at."""
    shutil.copytree(models / "base", tmp_path / "base")
    weights = tmp_path / "base" / "model.safetensors"
    save_file(
        load_file(weights) | {"gpt_neox.layers.0.extra.weight": torch.ones(2)}, weights, {"format": "pt"}
    )
    with pytest.raises(EnvironmentProblem) as caught:
        load_base(str(tmp_path / "base"))
    assert caught.value.code == "model-keys-unexpected" and "extra" in str(caught.value)


@pytest.mark.parametrize("new", ["renamed", None])
def test_X2_an_adapter_with_another_key_is_refused(models: Path, tmp_path: Path, new: str | None) -> None:
    """Seen to fail with a loader that fills what it finds."""
    shutil.copytree(models / "sft", tmp_path / "sft")
    renamed(tmp_path / "sft" / "adapter_model.safetensors", "lora_B", new)
    with pytest.raises(EnvironmentProblem) as caught:
        load_role(fresh_base(models).model, "sft", tmp_path / "sft")
    assert caught.value.code == "adapter-key"


def lost(tensors: dict[str, Tensor], name: str) -> None:
    del tensors[name]


def called_otherwise(tensors: dict[str, Tensor], name: str) -> None:
    tensors[f"{name}-renamed"] = tensors.pop(name)


def added(tensors: dict[str, Tensor], name: str) -> None:
    tensors[f"{name}-more"] = tensors[name].clone()


def reshaped(tensors: dict[str, Tensor], name: str) -> None:
    tensors[name] = tensors[name][:1].clone()  # copying it would broadcast


@pytest.mark.parametrize("harm", [lost, called_otherwise, added, reshaped])
@pytest.mark.parametrize("part", ["parameter", "exp_avg_sq"])
def test_X2_a_checkpoint_with_another_key_is_refused(
    models: Path, tmp_path: Path, part: str, harm: Callable[[dict[str, Tensor], str], None]
) -> None:
    """Seen to fail before: a name too many was passed over, a row too few was broadcast."""
    work = loop_of(make_sft(models), tmp_path, every=2)
    work.run()
    checkpoints = Checkpoints(work.checkpoints.folder, work.checkpoints.identity, work.work.progress)
    found = checkpoints.latest()
    assert found is not None
    tensors = dict(found.tensors)
    harm(tensors, next(name for name in tensors if name.startswith(f"{part}/")))
    checkpoints.save(Checkpoint(found.update, tensors, found.values))
    with pytest.raises(EnvironmentProblem) as caught:
        loop_of(make_sft(models), tmp_path).run()
    assert caught.value.code == "checkpoint-key" and part in str(caught.value)


# --- X3


def test_X3_the_engine_asked_for_is_the_one_obtained(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that asks for two processes and gets a group of one must not start. Seen to fail where the size of
    the group was not compared; Accelerate silently trains alone here."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv("RANK", raising=False)
    assert isinstance(parallel_of("single"), Single)
    with pytest.raises(EnvironmentProblem) as caught:
        parallel_of("ddp")
    assert caught.value.code == "not-launched"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EnvironmentProblem) as caught:
        parallel_of("single")
    assert caught.value.code == "launched-many"
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 0)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 1)
    with pytest.raises(EnvironmentProblem) as caught:
        parallel_of("ddp")
    assert caught.value.code == "engine-differs"
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    assert isinstance(parallel_of("ddp"), Ddp)


# --- X4


def test_X4_what_two_processes_saved_one_loads(models: Path, together: Path) -> None:
    """The base is replicated, so a rank has every tensor whole. Aimed at an adapter whose matrices
    were halved as a shard would be."""
    folder = together / "saved" / "sft"
    assert all(tensor.numel() > 0 for tensor in load_file(folder / "adapter_model.safetensors").values())
    base = fresh_base(models)
    load_role(base.model, "sft", folder)
    ours = hidden_of(base.model, "sft")
    for rank in (0, 1):
        assert torch.equal(ours, load_file(together / "saved" / f"hidden-{rank}.safetensors")["hidden"])
    assert not torch.equal(ours, hidden_of(base.model, None))


# --- X5


def gradients_of_one_update(models: Path, name: str) -> dict[str, Tensor]:
    """Another forward, of another layout, runs before the way back."""
    algorithm = MAKERS[name](models)
    model = algorithm.models["main"]
    (batch, *_) = next(iter(algorithm.updates())).batches
    torch.manual_seed(0)
    terms = algorithm.loss(model(batch.tokens), batch)
    hidden_of(model, None)
    sum(algorithm.coefficients[term] * value for term, value in terms.items()).backward()  # type: ignore[union-attr]
    return {
        f"{role}/{key}": parameter.grad
        for role in algorithm.groups
        for key, parameter in model.parameters_of(role).items()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("name", ["sft", "reward", "ppo"])
def test_X5_a_layer_that_is_computed_again_gives_the_same_gradients(
    models: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Policy and value learn in one backward, each through adapters of its own. Seen to fail with layers that
    were computed again under the layout of a later forward."""
    plain = gradients_of_one_update(models, name)
    monkeypatch.setattr("small_training.CPU", CPU.model_copy(update={"checkpointing": True}))
    block = next(iter(blocks_of(fresh_base(models).model.trunk)))
    assert isinstance(block.forward, Recomputed)
    again = gradients_of_one_update(models, name)
    assert any(bool(gradient.any()) for gradient in plain.values()) and same_bytes(plain, again)


# --- X6


def test_X6_a_role_that_does_not_train_keeps_its_bytes(models: Path, tmp_path: Path) -> None:
    """Gradients of the policy are there, stale ones too; its rate is 0. Seen to fail with a rate that does
    not ask which roles train."""
    decaying = optimizer(weight_decay=0.1)
    algorithm: Any = make_ppo(models, optimizer=decaying, value_optimizer=decaying)
    updates = algorithm.updates
    algorithm.updates = lambda: (update._replace(trains=frozenset({"value"})) for update in updates())
    trace = Trace(algorithm, tmp_path)
    moved = {n.split("/")[0] for n, t in trace.before.items() if bytes_of(t) != bytes_of(trace.after[n])}
    assert moved == {"value"}
    assert trace.journal[0]["lr"]["policy"] == 0.0 and trace.journal[0]["lr"]["value"] > 0


# --- X7


def test_X7_no_adapter_is_merged_into_its_base(models: Path, tmp_path: Path) -> None:
    """A base in bf16 has no room for a small change: merged, a third of it is lost; added at each forward,
    none. Nothing here merges; what a merge would cost is measured. Seen to fail with a save that merged."""
    algorithm = make_sft(models)
    model = algorithm.models["main"]
    untouched = {name: bytes_of(weight) for name, weight in fresh_base(models).model.base.named_parameters()}
    Trace(algorithm, tmp_path)
    base = Base(model, fresh_base(models).tokenizer, str(models / "base"))
    save_role(base, "sft", tmp_path / "sft", TEMPLATES["koalpaca"])
    stored = load_file(tmp_path / "sft" / "adapter_model.safetensors")
    assert stored and all("lora_" in name for name in stored)
    after = {name.replace(".base.", "."): weight for name, weight in model.base.named_parameters()}
    assert {name: bytes_of(after[name]) for name in untouched} == untouched


@pytest.mark.parametrize(("dtype", "least", "most"), [(torch.float32, 0.0, 1e-3), (torch.bfloat16, 0.2, 0.5)])
def test_X7_what_a_merge_would_lose(dtype: torch.dtype, least: float, most: float) -> None:
    """ΔW of rms 1e-4 on W of rms 2e-2: the share of it that is gone once both are one matrix."""
    draw = torch.Generator().manual_seed(0)
    weight = (2e-2 * torch.randn(512, 512, generator=draw)).to(dtype)
    delta = 1e-4 * torch.randn(512, 512, generator=draw)
    merged = (weight.float() + delta).to(dtype)
    gone = (merged.float() - weight.float() - delta).norm() / delta.norm()
    assert least <= float(gone) <= most


# --- X8


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("spoil", [nan_loss, infinite_loss, nan_gradient])
def test_X8_what_is_not_finite_stops_the_run_and_keeps_the_batch(
    models: Path, tmp_path: Path, name: str, spoil: Callable[[Tensor], Tensor]
) -> None:
    """Seen to fail where the loss was not looked at, where the step was made before its gradient was looked
    at, and where nothing was written down."""
    loop = loop_of(spoiled(MAKERS[name](models), 3, spoil), tmp_path)
    before: dict[str, Tensor] = {}
    when_done(loop.algorithm, 2, lambda: before.update(snapshot(loop)))
    with pytest.raises(QualityProblem) as caught:
        loop.run()
    assert caught.value.exit_code == 6 and caught.value.code == "not-finite"
    assert caught.value.parameters["update"] == 3
    path = tmp_path / "steps/step/broken-batch-0.json"
    assert str(path) in str(caught.value)
    broken = json.loads(path.read_text(encoding="utf-8"))
    assert broken["update"] == 3 and sum(broken["lengths"]) == len(broken["ids"]) > 0
    assert same_bytes(before, loop.optimizer.tensors()), "nothing has moved since"
    assert [e["update"] for e in journal_of(loop.work) if e["event"] == "update"] == [1, 2]


# --- X9


@pytest.mark.parametrize("name", MAKERS)
def test_X9_the_same_seed_reads_the_same_rows_in_the_same_order_over_two_processes(
    models: Path, together: Path, tmp_path: Path, name: str
) -> None:
    """Aimed at shares that left out the last example, and with a shuffle that knew the rank."""
    alone = Trace(MAKERS[name](models), tmp_path)
    assert read_json(together / f"{name}-32" / "facts.json") == alone.work.facts
    assert len(alone.work.facts["data_order"]) == 32


# --- X10


def declared() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["peft"]]
    return {requirement.name: requirement for requirement in map(Requirement, wanted)}


@pytest.mark.parametrize("name", ["torch", "transformers", "tokenizers", "safetensors", "peft"])
def test_X10_what_is_installed_is_what_is_declared(name: str) -> None:
    """The suite runs on one set of versions; another one is refused here before it misleads."""
    assert declared()[name].specifier.contains(metadata.version(name), prereleases=True)


def test_X10_transformers_still_keeps_what_we_lean_on(tiny: Base) -> None:
    """Every name outside our own code that a base is read through. Aimed at each of them renamed."""
    from transformers import AutoModelForCausalLM
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    from dajeong.models.attention import NAME

    network: Any = tiny.model.base
    assert network._supports_attention_backend is True
    assert isinstance(network.get_output_embeddings(), nn.Linear)
    assert network.get_submodule(network.base_model_prefix) is tiny.model.trunk
    assert network.config._attn_implementation == NAME
    assert NAME in ALL_ATTENTION_FUNCTIONS.valid_keys()
    found, report = AutoModelForCausalLM.from_pretrained(  # type: ignore[misc]
        tiny.reference, use_safetensors=True, output_loading_info=True
    )
    assert {"missing_keys", "unexpected_keys"} <= set(report) and not report["missing_keys"]
    ids = torch.tensor([[3, 4, 5]])
    positions = torch.arange(3)[None]
    output = found.base_model(input_ids=ids, position_ids=positions, attention_mask=None, use_cache=False)
    assert output.last_hidden_state.shape == (1, 3, found.config.hidden_size)


def test_X10_a_tokenizer_gives_lists_of_whole_numbers(tiny: Base) -> None:
    """A template that gave a dictionary once made a mask of length 2, the number of its keys. Ours renders by
    itself; what is left is one call."""
    ids = tiny.tokenizer.encode("오늘 점심은")
    assert isinstance(ids, list) and ids and all(type(each) is int for each in ids)
    assert tiny.tokenizer.decode(ids) == "오늘 점심은"


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT asks for it
def test_X10_peft_reads_our_files_and_knows_every_field_of_them(models: Path) -> None:
    """Seen to fail with a field that PEFT does not know; aimed at a prefix of another version, too."""
    from dataclasses import fields

    from peft import LoraConfig, PeftModel
    from transformers import AutoModelForCausalLM

    written = read_json(models / "sft" / "adapter_config.json")
    assert set(written) <= {field.name for field in fields(LoraConfig)}
    stock = AutoModelForCausalLM.from_pretrained(models / "base")
    wrapped = PeftModel.from_pretrained(stock, models / "sft").eval()
    names = {name.replace(".default.", ".") for name, _ in wrapped.named_parameters() if "lora_" in name}
    assert names == set(load_file(models / "sft" / "adapter_model.safetensors"))
