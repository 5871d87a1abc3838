"""A role on disk is PEFT's: stock PEFT gives the same numbers from our files, and we from PEFT's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES, add_drawn, bare_model, eager, logits_of, some_ids
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.models.adapters import (
    CONFIG,
    WEIGHTS,
    AdapterNotes,
    adapter_tensors,
    base_of,
    load_role,
    lora_of,
    notes_of,
    save_role,
    template_of,
)
from dajeong.models.base import Base, load_base
from dajeong.models.layout import Layout, Sequence_, pack
from dajeong.models.settings import LoraSettings
from dajeong.storage import read_json, write_json
from dajeong.templates import TEMPLATES

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning:transformers.*"
)  # PEFT uses what is deprecated

IDS = some_ids(17, vocabulary=300)
TEMPLATE = TEMPLATES["koalpaca"]


def saved(base_folder: Path, folder: Path, role: str = "policy", *, head: bool = False, **lora: Any) -> Base:
    """A base with one drawn role, which was saved to `folder`."""
    base = load_base(str(base_folder))
    add_drawn(base.model, role, seed=3, head=head, **lora)
    save_role(base, role, folder, TEMPLATE, AdapterNotes(role=role, reward_mean=0.5, max_tokens=99))
    return base


def stock(base_folder: Path, implementation: str, loader: Any = AutoModelForCausalLM, **options: Any) -> Any:
    return loader.from_pretrained(base_folder, attn_implementation=implementation, **options).eval()


def stock_logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.tensor([IDS])).logits[0]


# --- ours, read by PEFT


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_gives_our_logits_bit_for_bit(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    base = saved(folders[family], tmp_path / "policy")
    theirs = stock_logits(PeftModel.from_pretrained(stock(folders[family], "eager"), tmp_path / "policy"))
    with eager(base.model):
        ours, bare = logits_of(base.model, IDS, "policy"), logits_of(base.model, IDS, None)
    assert float((ours - theirs).abs().max()) == 0.0
    assert float((ours - bare).abs().max()) > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_gives_our_logits_on_the_fast_path(
    folders: dict[str, Path], family: str, tmp_path: Path
) -> None:
    base = saved(folders[family], tmp_path / "policy")
    theirs = stock_logits(PeftModel.from_pretrained(stock(folders[family], "sdpa"), tmp_path / "policy"))
    assert float((logits_of(base.model, IDS, "policy") - theirs).abs().max()) <= 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_gives_our_reward(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    base = saved(folders[family], tmp_path / "reward", "reward", head=True)
    classifier = stock(folders[family], "eager", AutoModelForSequenceClassification, num_labels=1)
    theirs = stock_logits(PeftModel.from_pretrained(classifier, tmp_path / "reward"))
    tokens = torch.tensor([IDS])
    with torch.no_grad(), eager(base.model):
        hidden = base.model.hidden(tokens, torch.arange(len(IDS))[None], Layout.all("reward"))
        ours = base.model.heads["reward"](hidden[0, -1])
    assert theirs.shape == (1,) and abs(float(theirs)) > 0.01
    assert float((ours - theirs).abs().max()) == 0.0


@pytest.mark.parametrize("family", ["neox", "gpt2", "llama"])
def test_peft_gives_our_gradients(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    base = saved(folders[family], tmp_path / "policy")
    theirs = PeftModel.from_pretrained(
        stock(folders[family], "eager"), tmp_path / "policy", is_trainable=True
    )
    theirs.eval()
    theirs(input_ids=torch.tensor([IDS]), labels=torch.tensor([IDS])).loss.backward()
    trained = load_base(str(folders[family])).model
    load_role(trained, "policy", tmp_path / "policy", trainable=True)
    with eager(trained):
        found = trained(pack([Sequence_(IDS, "policy", [True] * len(IDS))]))
    (-found.logprobs.mean()).backward()
    expected = {
        name.replace(".default", ""): weight.grad
        for name, weight in theirs.named_parameters()
        if "lora_" in name
    }
    ours = trained.parameters_of("policy")
    assert len(ours) == len(expected) == len(adapter_tensors(base.model, "policy"))
    for name, weight in ours.items():
        gradient = expected[f"base_model.model.{name}.weight"]
        assert weight.grad is not None and gradient is not None and float(gradient.abs().max()) > 1e-4
        assert float((weight.grad - gradient).abs().max()) <= 1e-5 * float(gradient.abs().max())


def test_some_targets_only(folders: dict[str, Path], tmp_path: Path) -> None:
    base = saved(folders["llama"], tmp_path / "policy", targets=("q_proj", "down_proj"))
    assert {name.rpartition(".")[2] for name in base.model.role_layers()} == {"q_proj", "down_proj"}
    theirs = stock_logits(PeftModel.from_pretrained(stock(folders["llama"], "eager"), tmp_path / "policy"))
    with eager(base.model):
        assert torch.equal(logits_of(base.model, IDS, "policy"), theirs)


def test_the_folder_brings_tokenizer_and_chat_template(folders: dict[str, Path], tmp_path: Path) -> None:
    saved(folders["neox"], tmp_path / "policy")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "policy")
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "점심?"}], tokenize=False)
    assert asked == "### 질문: 점심?\n\n### 답변:"


# --- PEFT's, read by us


def written_by_peft(
    base_folder: Path, folder: Path, change: Callable[[Any], None] | None = None, **options: Any
) -> torch.Tensor:
    """An adapter that PEFT made, drew and saved; its logits."""
    torch.manual_seed(8)
    with_adapter = get_peft_model(
        stock(base_folder, "eager"),
        LoraConfig(r=3, lora_alpha=5, init_lora_weights=False, task_type="CAUSAL_LM", **options),
    )
    with_adapter.save_pretrained(folder)
    return stock_logits(with_adapter.eval())


TARGETS = {
    "neox": ["query_key_value", "dense"],
    "gpt2": ["c_attn", "c_fc"],
    "llama": ["q_proj", "k_proj", "v_proj", "up_proj"],
    "qwen2": ["q_proj", "o_proj", "gate_proj"],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_reads_what_peft_wrote(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    conv = {"fan_in_fan_out": True} if family == "gpt2" else {}
    theirs = written_by_peft(folders[family], tmp_path / "stock", target_modules=TARGETS[family], **conv)
    base = load_base(str(folders[family]))
    load_role(base.model, "policy", tmp_path / "stock")
    with eager(base.model):
        assert torch.equal(logits_of(base.model, IDS, "policy"), theirs)


@pytest.mark.parametrize("family", ["neox", "llama"])
def test_reads_what_peft_wrote_for_every_layer(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    theirs = written_by_peft(folders[family], tmp_path / "stock", target_modules="all-linear")
    base = load_base(str(folders[family]))
    load_role(base.model, "policy", tmp_path / "stock")
    with eager(base.model):
        assert torch.equal(logits_of(base.model, IDS, "policy"), theirs)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha_pattern": {"dense": 40}},
        {"rank_pattern": {"dense": 2}},
        {"use_dora": True},
        {"layers_to_transform": [0]},
        {"bias": "all"},
        {"target_modules": r".*\.dense"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_we_would_compute_otherwise_is_refused(
    folders: dict[str, Path], options: dict[str, Any], tmp_path: Path
) -> None:
    written_by_peft(folders["neox"], tmp_path / "stock", **{"target_modules": TARGETS["neox"], **options})
    with pytest.raises(EnvironmentProblem) as caught:
        load_role(load_base(str(folders["neox"])).model, "policy", tmp_path / "stock")
    assert caught.value.code.startswith("adapter-") and caught.value.exit_code == 4


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_and_we_agree_on_rank_stabilised_scale(
    folders: dict[str, Path], family: str, tmp_path: Path
) -> None:
    """Both ways. Seen to fail with alpha / rank on our side, and without `use_rslora` in what we write."""
    conv = {"fan_in_fan_out": True} if family == "gpt2" else {}
    options = {"target_modules": TARGETS[family], "use_rslora": True, **conv}
    theirs = written_by_peft(folders[family], tmp_path / "stock", **options)
    base = load_base(str(folders[family]))
    load_role(base.model, "policy", tmp_path / "stock")
    assert base.model.lora["policy"].rslora and base.model.lora["policy"].scale == pytest.approx(5 / 3**0.5)
    with eager(base.model):
        assert torch.equal(logits_of(base.model, IDS, "policy"), theirs)
    ours = saved(folders[family], tmp_path / "policy", rslora=True)
    read = stock_logits(PeftModel.from_pretrained(stock(folders[family], "eager"), tmp_path / "policy"))
    with eager(ours.model):
        assert torch.equal(logits_of(ours.model, IDS, "policy"), read)
    assert lora_of(tmp_path / "policy").rslora


def test_an_adapter_that_moves_its_base_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    written_by_peft(folders["neox"], tmp_path / "stock", target_modules=TARGETS["neox"])
    config = read_json(tmp_path / "stock" / "adapter_config.json")
    write_json(tmp_path / "stock" / "adapter_config.json", {**config, "init_lora_weights": "pissa_niter_16"})
    with pytest.raises(EnvironmentProblem, match="pissa_niter_16"):
        load_role(load_base(str(folders["neox"])).model, "policy", tmp_path / "stock")


# --- there and back


@pytest.mark.parametrize("family", FAMILIES)
def test_comes_back_bit_for_bit(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    first = saved(folders[family], tmp_path / "reward", "reward", head=True, rank=2, alpha=9.0)
    again = load_base(str(folders[family]))
    load_role(again.model, "other", tmp_path / "reward", trainable=True)
    before, after = adapter_tensors(first.model, "reward"), adapter_tensors(again.model, "other")
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(logits_of(first.model, IDS, "reward"), logits_of(again.model, IDS, "other"))
    assert all(parameter.requires_grad for parameter in again.model.parameters_of("other").values())
    assert again.model.lora["other"] == lora_of(tmp_path / "reward")
    assert (
        again.model.lora["other"].model_copy(update={"targets": "all-linear"}) == first.model.lora["reward"]
    )


def test_notes_template_and_base_come_back(folders: dict[str, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(folders["neox"], run / "base")
    saved(run / "base", run / "reward", "reward", head=True)
    moved = run.rename(tmp_path / "elsewhere")
    assert base_of(moved / "reward") == (str((moved / "base").resolve()), None)
    assert template_of(moved / "reward") == TEMPLATE
    assert notes_of(moved / "reward") == AdapterNotes(role="reward", reward_mean=0.5, max_tokens=99)


# --- refusals


def test_an_unknown_target_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(UsageProblem) as caught:
        bare_model("gpt2").add_role("policy", LoraSettings(targets=("c_attn", "q_proj")), trainable=True)
    assert (caught.value.code, caught.value.exit_code) == ("lora-target", 2)
    said = {"target": "q_proj", "nearest": "c_proj", "known": "c_attn, c_fc, c_proj"}
    assert caught.value.parameters == said
    assert "q_proj" in str(caught.value) and "c_fc" in str(caught.value)


def test_the_output_head_is_no_target() -> None:
    with pytest.raises(UsageProblem):
        bare_model("llama").add_role("policy", LoraSettings(targets=("lm_head",)), trainable=True)


def test_a_role_that_does_nothing_is_not_saved(folders: dict[str, Path], tmp_path: Path) -> None:
    base = load_base(str(folders["neox"]))
    base.model.add_role("policy", LoraSettings(rank=2), trainable=True)
    with pytest.raises(EnvironmentProblem) as caught:
        save_role(base, "policy", tmp_path / "policy", TEMPLATE)
    assert (caught.value.code, caught.value.exit_code) == ("adapter-empty", 4)
    assert not (tmp_path / "policy").exists()


def test_a_role_whose_effect_is_lost_is_not_accepted(folders: dict[str, Path], tmp_path: Path) -> None:
    base = load_base(str(folders["neox"]))
    add_drawn(base.model, "policy", seed=1)
    with torch.no_grad():
        for layer in base.model.role_layers().values():
            layer.A["policy"].zero_()
    with pytest.raises(EnvironmentProblem) as caught:
        save_role(base, "policy", tmp_path / "policy", TEMPLATE)
    assert caught.value.code == "adapter-empty"


def _without_one(tensors: dict[str, torch.Tensor]) -> str:
    name = sorted(tensors)[0]
    del tensors[name]
    return name


def _with_one_more(tensors: dict[str, torch.Tensor]) -> str:
    name = "base_model.model.gpt_neox.layers.7.attention.dense.lora_A.weight"
    tensors[name] = torch.zeros(3, 32)
    return name


def _of_another_width(tensors: dict[str, torch.Tensor]) -> str:
    name = sorted(tensors)[-1]
    tensors[name] = torch.zeros(5, 5)
    return name


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_without_one, "adapter-key"),
        (_with_one_more, "adapter-key"),
        (_of_another_width, "adapter-shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    folders: dict[str, Path], change: Callable[[dict[str, torch.Tensor]], str], code: str, tmp_path: Path
) -> None:
    saved(folders["neox"], tmp_path / "policy")
    tensors = load_file(tmp_path / "policy" / WEIGHTS)
    name = change(tensors)
    save_file(tensors, tmp_path / "policy" / WEIGHTS)
    with pytest.raises(EnvironmentProblem) as caught:
        load_role(load_base(str(folders["neox"])).model, "policy", tmp_path / "policy")
    assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert caught.value.parameters["key"] == name and name in str(caught.value)


def test_another_rank_than_the_configuration_says_is_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    saved(folders["neox"], tmp_path / "policy")
    config = read_json(tmp_path / "policy" / CONFIG)
    write_json(tmp_path / "policy" / CONFIG, {**config, "r": 4})
    with pytest.raises(EnvironmentProblem) as caught:
        load_role(load_base(str(folders["neox"])).model, "policy", tmp_path / "policy")
    assert caught.value.code == "adapter-shape"


def test_an_adapter_of_another_base_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    saved(folders["llama"], tmp_path / "policy", targets=("q_proj", "v_proj"))
    with pytest.raises((EnvironmentProblem, UsageProblem)):
        load_role(load_base(str(folders["gpt2"])).model, "policy", tmp_path / "policy")


def test_a_pickled_adapter_is_not_read(folders: dict[str, Path], tmp_path: Path) -> None:
    saved(folders["neox"], tmp_path / "policy")
    (tmp_path / "policy" / WEIGHTS).rename(tmp_path / "policy" / "adapter_model.bin")
    with pytest.raises(EnvironmentProblem) as caught:
        load_role(load_base(str(folders["neox"])).model, "policy", tmp_path / "policy")
    assert caught.value.code == "adapter-missing"
