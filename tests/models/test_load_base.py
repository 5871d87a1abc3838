"""What `load_base` takes and what it refuses, each refusal before anything silent can happen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES, TINY, drawn, logits_of, some_ids
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
)

from dajeong.errors import EnvironmentProblem
from dajeong.models.base import load_base
from dajeong.models.full import save_full
from dajeong.models.roles import RoleModel, probe
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import TextTokenizer
from dajeong.templates import TEMPLATES


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(folders["neox"], tmp_path / "model"))


def refused(reference: Path | str, code: str) -> EnvironmentProblem:
    with pytest.raises(EnvironmentProblem) as caught:
        load_base(str(reference))
    assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert str(reference) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("family", FAMILIES)
def test_the_bare_base_is_the_stock_model(folders: dict[str, Path], family: str) -> None:
    base, ids = load_base(str(folders[family])), some_ids(23, vocabulary=300)
    theirs = AutoModelForCausalLM.from_pretrained(folders[family], attn_implementation="sdpa").eval()
    with torch.no_grad():
        expected = theirs(input_ids=torch.tensor([ids])).logits[0]
    assert float((logits_of(base.model, ids, None) - expected).abs().max()) <= 1e-5
    assert not any(parameter.requires_grad for parameter in base.model.parameters())
    assert (base.reference, base.revision) == (str(folders[family]), None)


def test_the_type_asked_for_is_the_type_loaded(folders: dict[str, Path]) -> None:
    runtime = RuntimeSettings(device="cpu", dtype="bfloat16")
    assert next(load_base(str(folders["neox"]), runtime).model.parameters()).dtype == torch.bfloat16
    trained = load_base(str(folders["neox"]), runtime, train_base=True).model
    assert all(weight.dtype == torch.float32 and weight.requires_grad for weight in trained.parameters())


def test_a_whole_model_comes_back_bit_for_bit(folders: dict[str, Path], tmp_path: Path) -> None:
    base = load_base(str(folders["llama"]), train_base=True)
    drawn(base.model.base, seed=77)
    save_full(base, "policy", tmp_path / "full", TEMPLATES["kullm"])
    again, ids = load_base(str(tmp_path / "full")), some_ids(9, vocabulary=300)
    assert torch.equal(logits_of(again.model, ids, None), logits_of(base.model, ids, None))
    assert again.tokenizer.encode("점심은?") == base.tokenizer.encode("점심은?")


# --- files


def test_a_folder_without_configuration_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    refused(folder, "model-no-config")


def test_a_folder_without_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    refused(folder, "model-no-tokenizer")


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    refused(folder, "model-no-weights")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "last.ckpt", "model.pkl", "a.pth"])
def test_pickles_are_refused_and_never_opened(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    problem = refused(folder, "model-pickle")
    assert problem.parameters["path"] == folder / name


def test_a_name_that_leads_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused("nowhere-at-all/no-such-model", "model-unreachable")


def test_missing_weights_are_refused_and_counted(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    lost = [name for name in weights if "layers.1.attention.dense" in name]
    save_file(
        {name: weight for name, weight in weights.items() if name not in lost},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    problem = refused(folder, "model-keys-missing")
    assert problem.parameters["count"] == len(lost) and problem.parameters["first"] == min(lost)


def test_code_beside_the_weights_is_not_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["model_type"] = "someones-own"
    config["auto_map"] = {"AutoModelForCausalLM": "own.Own", "AutoConfig": "own.OwnConfig"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "own.py").write_text("raise SystemExit('ran')\n", encoding="utf-8")
    refused(folder, "model-unreachable")


def test_a_tokenizer_without_end_is_refused(folders: dict[str, Path]) -> None:
    tokenizer = load_base(str(folders["neox"])).tokenizer.huggingface
    tokenizer.eos_token = None
    with pytest.raises(EnvironmentProblem) as caught:
        TextTokenizer(tokenizer, "mine")
    assert caught.value.code == "tokenizer-no-eos" and "mine" in str(caught.value)


# --- architectures


def with_weights_of(model: Any, folder: Path) -> Path:
    """The same tokenizer, another architecture."""
    (folder / "model.safetensors").unlink()
    drawn(model).save_pretrained(folder)
    return folder


def test_attention_that_cannot_be_replaced_is_refused(folder: Path) -> None:
    bloom = BloomForCausalLM(
        BloomConfig(vocab_size=TINY.vocabulary, hidden_size=16, n_layer=1, n_head=2, eos_token_id=0)
    )
    problem = refused(with_weights_of(bloom, folder), "attention-fixed")
    assert problem.parameters["family"] == "BloomForCausalLM"


def gemma2(**options: Any) -> Gemma2ForCausalLM:
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    ends = {"bos_token_id": None, "eos_token_id": 0, "pad_token_id": 1}
    return Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=TINY.vocabulary, num_key_value_heads=1, head_dim=8, **shape, **ends, **options
        )
    )


def test_a_head_that_bends_its_logits_is_refused(folder: Path) -> None:
    bent = gemma2(final_logit_softcapping=0.5, attn_logit_softcapping=None)
    problem = refused(with_weights_of(bent, folder), "head-differs")
    assert float(str(problem.parameters["gap"])) > 1e-2


def test_the_probe_measures_how_far_the_head_is_off(folders: dict[str, Path]) -> None:
    model = load_base(str(folders["llama"])).model
    assert probe(model, range(8)) <= 1e-6
    expected = logits_of(model, range(8), None)
    other = RoleModel(model.base)
    head = other.head
    stock_forward = other.base.forward
    other.base.forward = lambda **inputs: _scaled(stock_forward(**inputs))  # type: ignore[method-assign]
    assert other.head is head
    assert probe(other, range(8)) == pytest.approx(float(expected.abs().max()), rel=1e-5)


def _scaled(output: Any) -> Any:
    output.logits = 2 * output.logits
    return output


# --- attention that takes more than queries, keys and values


def test_soft_capped_attention_is_refused(folder: Path) -> None:
    capped = gemma2(final_logit_softcapping=None, attn_logit_softcapping=0.5)
    problem = refused(with_weights_of(capped, folder), "attention-fixed")
    assert problem.parameters["family"] == "Gemma2Attention"


def test_attention_with_sinks_is_refused(folder: Path) -> None:
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    sinking = GptOssForCausalLM(
        GptOssConfig(
            vocab_size=TINY.vocabulary,
            num_key_value_heads=1,
            head_dim=8,
            num_local_experts=2,
            num_experts_per_tok=1,
            pad_token_id=1,
            eos_token_id=0,
            **shape,
        )
    )
    refused(with_weights_of(sinking, folder), "attention-fixed")
