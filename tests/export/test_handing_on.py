"""What is handed on answers as the model it came from, says where that came from, and names no place here."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from peft import PeftModel
from small_export import GREEDY, QUESTIONS, handed, make_run, our_answers, stock_answers
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

from dajeong.errors import DataProblem, UsageProblem
from dajeong.export.merged import LARGEST_GAP
from dajeong.export.source import check_licences, source_of
from dajeong.models.adapters import NOTES
from dajeong.models.card import head_of, origins_in
from dajeong.storage import read_json, write_json

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


def stock(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


# --- the same answers


def test_a_merged_model_answers_in_plain_transformers_as_in_our_chat(run: Path, merged: Path) -> None:
    said = stock_answers(stock(merged), AutoTokenizer.from_pretrained(merged))
    assert said == our_answers(run) and len({tuple(each) for each in said}) == len(QUESTIONS)
    assert said != stock_answers(stock(run / "models" / "base"), AutoTokenizer.from_pretrained(merged))


def test_an_adapter_answers_in_plain_peft_as_in_our_chat(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    handed(run, out, "adapter")
    model = PeftModel.from_pretrained(stock(out / "base"), out)
    assert stock_answers(model, AutoTokenizer.from_pretrained(out)) == our_answers(run) == our_answers(out)


def test_a_pipeline_talks_with_a_merged_model(run: Path, merged: Path) -> None:
    talk = pipeline(
        "text-generation", model=str(merged), max_new_tokens=GREEDY.max_new_tokens, do_sample=False
    )
    asked = [{"role": "user", "content": QUESTIONS[0]}]
    said = talk.tokenizer.decode(our_answers(run)[0], skip_special_tokens=True)
    assert said and talk(asked)[0]["generated_text"][-1]["content"] == said


def test_a_merged_model_is_one_of_ours_again(run: Path, merged: Path) -> None:
    assert our_answers(merged) == our_answers(run)


# --- numbers


def test_e04_the_gap_is_rounding_in_float32_and_more_in_bfloat16(run: Path, tmp_path: Path) -> None:
    exact = handed(run, tmp_path / "exact", "merged").gap
    rounded = handed(run, tmp_path / "rounded", "merged", dtype="bfloat16").gap
    assert exact is not None and rounded is not None
    assert exact.logits < 1e-4 < rounded.logits and exact.same == 1.0 and exact.tokens > 30
    assert read_json(tmp_path / "rounded" / "config.json")["dtype"] == "bfloat16"


def test_a_model_that_came_out_wrong_is_not_kept(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dajeong.export.merged._add", lambda layer, role: None)  # nothing is merged
    with pytest.raises(Exception, match=str(LARGEST_GAP)):
        handed(run, tmp_path / "out", "merged")
    assert not (tmp_path / "out").exists()


def test_spare_rows_of_the_vocabulary_stay(tmp_path: Path) -> None:
    from families import network, write_family

    write_family(tmp_path / "neox", "neox")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "neox")
    network("neox", len(tokenizer) + 61, tokenizer.eos_token_id, tokenizer.pad_token_id).save_pretrained(
        tmp_path / "neox"
    )
    handed(make_run(tmp_path / "run", tmp_path / "neox"), tmp_path / "out", "merged")
    rows = stock(tmp_path / "out").get_input_embeddings().weight.shape[0]
    assert rows == len(tokenizer) + 61 == read_json(tmp_path / "out" / "config.json")["vocab_size"]


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_other_families_are_merged_too(tmp_path: Path, family: str) -> None:
    from families import write_family

    write_family(tmp_path / family, family)
    run = make_run(tmp_path / "run", tmp_path / family)
    handed(run, tmp_path / "out", "merged")
    model = stock(tmp_path / "out")
    assert stock_answers(model, AutoTokenizer.from_pretrained(tmp_path / "out")) == our_answers(run)


def test_weights_are_written_in_shards(run: Path, tmp_path: Path) -> None:
    files = handed(run, tmp_path / "out", "merged", shard_size="50KB").files
    assert len([name for name in files if re.fullmatch(r"model-\d+-of-\d+\.safetensors", name)]) > 1
    assert our_answers(tmp_path / "out") == our_answers(run)


# --- what is refused


def test_nothing_leaves_that_a_licence_forbids(run: Path, tmp_path: Path) -> None:
    own = make_run(tmp_path / "run", run / "models" / "base", licence="CC-BY-NC-4.0")
    with pytest.raises(DataProblem, match="CC-BY-NC-4.0"):
        handed(own, tmp_path / "out", "adapter")
    assert not (tmp_path / "out").exists()
    assert handed(own, tmp_path / "out", "adapter", allowed=("CC-BY-NC-4.0",)).files


def test_a_model_without_a_card_states_no_licence(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "models", tmp_path / "models")
    (tmp_path / "models" / "base" / "README.md").unlink()
    with pytest.raises(DataProblem, match='"none"'):
        handed(tmp_path / "models" / "policy", tmp_path / "out", "merged")


def test_e01_what_is_there_is_not_replaced_unasked(run: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageProblem, match="--force"):
        handed(run, tmp_path, "adapter")
    assert (tmp_path / "note.txt").is_file()
    handed(run, tmp_path, "adapter", overwrite=True)
    assert not (tmp_path / "note.txt").exists()


def test_a_reward_model_does_not_talk(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "models", tmp_path / "models")
    notes = tmp_path / "models" / "policy" / NOTES
    write_json(notes, {**read_json(notes), "role": "reward"})
    with pytest.raises(UsageProblem, match="reward"):
        handed(tmp_path / "models" / "policy", tmp_path / "out", "merged")


def test_a_whole_model_is_no_adapter(merged: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="--merged"):
        handed(merged, tmp_path / "out", "adapter", allowed=("none",))


def test_e01_a_full_disk_leaves_nothing_half_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dajeong.export.handing_on.model_card", full)
    with pytest.raises(Exception, match="out"):
        handed(run, tmp_path / "out", "merged")
    assert list(tmp_path.iterdir()) == []


def test_e01_what_a_killed_export_left_behind_is_in_nobodys_way(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out.tmp").mkdir()
    (tmp_path / "out.tmp" / "model.safetensors").write_bytes(b"half")
    assert "model.safetensors" not in handed(run, tmp_path / "out", "adapter").files
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_base_whose_terms_are_known_by_name_needs_no_card(run: Path) -> None:
    source = source_of(str(run))._replace(base="EleutherAI/polyglot-ko-12.8b")
    check_licences(source, frozenset())
    with pytest.raises(DataProblem, match='"none"'):
        check_licences(source._replace(base="somebody/base"), frozenset())


# --- the card


@pytest.mark.parametrize("form", ["merged", "adapter"])
def test_the_card_says_where_it_comes_from_and_how_good_it_is(run: Path, tmp_path: Path, form: str) -> None:
    handed(run, tmp_path / "out", form)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    head = head_of(card)
    assert head["license"] == "apache-2.0" and head["language"] == ["ko"]
    assert [origin.source for origin in origins_in(card)] == ["invented"]
    assert (
        "0.750 [0.650, 0.850] | 40" in card and "0.250 − base [0.150, 0.350]" in card and "0.500" not in card
    )
    for word in ("계보", "Lineage", "한계", "limits", "### 질문:", "updates: 3"):
        assert word in card
    data = ModelCard(card).data
    assert [result.metric_value for result in data.eval_results] == [0.75]
    assert data.library_name == {"merged": "transformers", "adapter": "peft"}[form]


def test_no_place_of_this_machine_is_written(run: Path, merged: Path, tmp_path: Path) -> None:
    handed(run, tmp_path / "out", "adapter")
    for folder in (merged, tmp_path / "out"):
        for file in folder.rglob("*"):
            if file.suffix in (".json", ".md", ".jinja"):
                text = file.read_text(encoding="utf-8")
                assert str(run.parent) not in text and "/home/" not in text, file


def test_an_adapter_may_name_a_base_that_others_find(run: Path, tmp_path: Path) -> None:
    files = handed(run, tmp_path / "out", "adapter", base_name="somebody/base").files
    assert read_json(tmp_path / "out" / "adapter_config.json")["base_model_name_or_path"] == "somebody/base"
    assert not any(name.startswith("base/") for name in files)
    head = yaml.safe_load((tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert (head["base_model"], head["base_model_relation"]) == ("somebody/base", "adapter")
