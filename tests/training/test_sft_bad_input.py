"""What SFT refuses, each before any weight is read: the exit code, the value, the next move."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_training_runs import House, dialogues

from dajeong.chat_templates import JinjaTemplate
from dajeong.errors import DajeongError, EnvironmentProblem, UsageProblem
from dajeong.messages import choose_language
from dajeong.models import base as base_module
from dajeong.models.adapters import load_role
from dajeong.models.base import load_base
from dajeong.models.fitness import Needs
from dajeong.models.settings import LoraSettings, RuntimeSettings, TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.storage import read_json, write_json
from dajeong.training import sft
from dajeong.training.batches import Cursor, refuse_idle
from dajeong.training.parallel import Single
from dajeong.training.settings import SftSettings

CPU = RuntimeSettings(device="cpu", dtype="float32")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


Refused = Callable[..., DajeongError]


@pytest.fixture
def refused(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Runs SFT with changed settings on a copy of the base and returns the refusal; no weight may be read."""
    house = House(tmp_path)
    house.give("talks", dialogues(8, 1, answered=True))
    shutil.copytree(models / "base", tmp_path / "models" / "base")
    monkeypatch.setattr(base_module, "_load_network", lambda *given: pytest.fail("weights were read"))

    def _refused(change: Callable[[Path], None] = lambda folder: None, **changed: Any) -> DajeongError:
        change(tmp_path / "models" / "base")
        settings = SftSettings(**({"max_tokens": 100, "runtime": CPU} | changed))
        with pytest.raises(DajeongError) as caught:
            sft.run(settings, house.work("sft", data="talks", model="base"))
        assert not (tmp_path / "models" / "sft").exists()
        return caught.value

    return _refused


def test_a_cutoff_above_the_positions(refused: Refused) -> None:
    problem = refused(max_tokens=129)
    assert (problem.code, problem.exit_code) == ("max-tokens-above", 2)
    assert "129" in str(problem) and "128" in str(problem)


def test_targets_that_match_nothing(refused: Refused) -> None:
    problem = refused(lora=LoraSettings(targets=("query_key_value", "q_proj")))
    assert (problem.code, problem.exit_code) == ("lora-target", 2)
    assert "Did you mean" in str(problem) and "dense_h_to_4h" in str(problem)


def test_the_nearest_target_is_named(refused: Refused) -> None:
    assert refused(lora=LoraSettings(targets=("query_key",))).parameters["nearest"] == "query_key_value"


def _without_end(folder: Path) -> None:
    config = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", {**config, "eos_token": None})


def test_a_tokenizer_without_an_end(refused: Refused) -> None:
    problem = refused(_without_end)
    assert (problem.code, problem.exit_code) == ("tokenizer-no-eos", 4)


def _of_another_model(folder: Path) -> None:
    write_tiny(folder.parent / "other", ["가나다라 마바사 아자차카"] * 9, TinySettings(vocabulary=400), 1)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder.parent / "other" / name, folder / name)
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "vocab_size": 260})


def test_a_tokenizer_with_more_tokens_than_rows(refused: Refused) -> None:
    problem = refused(_of_another_model)
    assert (problem.code, problem.exit_code) == ("vocabulary-above", 4)


def _an_adapter(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


def test_an_adapter_in_place_of_a_base(refused: Refused) -> None:
    problem = refused(_an_adapter)
    assert (problem.code, problem.exit_code) == ("model-is-adapter", 4)


def test_all_weights_of_a_base_in_four_bits(refused: Refused) -> None:
    problem = refused(lora=None, runtime=CPU.model_copy(update={"quantised": "4bit"}))
    assert (problem.code, problem.exit_code) == ("quantised-full", 2)


def test_a_quantised_base_without_the_extra(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    problem = refused(runtime=CPU.model_copy(update={"quantised": "8bit"}))
    assert (problem.code, problem.exit_code) == ("extra-missing", 4)
    assert "dajeong[quantised]" in str(problem)


def test_a_template_whose_end_the_tokenizer_never_emits(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_module, "_load_network", lambda *given: pytest.fail("weights were read"))
    ends = "{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}"
    template = JinjaTemplate(name="chat", source=ends, eos="<|im_end|>")
    with pytest.raises(EnvironmentProblem) as caught:
        load_base(str(models / "base"), CPU, needs=Needs(template=template))
    assert caught.value.code == "tokenizer-lacks-token" and "<|im_end|>" in str(caught.value)


def test_an_adapter_of_another_base(models: Path, tmp_path: Path) -> None:
    """Whatever the other base differs in, nothing is half loaded: shape, layers, kind."""
    write_tiny(
        tmp_path / "wider", ["가나다"] * 4, TinySettings(layers=2, hidden=48, heads=2, vocabulary=320), 1
    )
    write_tiny(
        tmp_path / "deeper", ["가나다"] * 4, TinySettings(layers=3, hidden=32, heads=2, vocabulary=320), 1
    )
    for other, code in (("wider", "adapter-shape"), ("deeper", "adapter-key")):
        with pytest.raises(EnvironmentProblem) as caught:
            load_role(load_base(str(tmp_path / other), CPU).model, "sft", models / "sft")
        assert (caught.value.code, caught.value.exit_code) == (code, 4)


class Of(Single):
    def __init__(self, world: int) -> None:
        self.world = world


@pytest.mark.parametrize(("world", "fits"), [(1, True), (3, True), (4, False)])
def test_an_update_smaller_than_its_processes(world: int, fits: bool) -> None:
    """Every process needs an example of its own; with 10 tokens each and 30 an update there are three."""
    cursor = Cursor([10] * 30, 30, 0)
    if fits:
        refuse_idle(cursor, world, "sft")
        return
    with pytest.raises(UsageProblem) as caught:
        refuse_idle(cursor, world, "sft")
    assert (caught.value.code, caught.value.exit_code) == ("update-too-small", 2)
    assert "3.0" in str(caught.value) and "4" in str(caught.value)


def test_the_step_asks_that_before_it_trains(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.give("talks", dialogues(8, 1, answered=True))
    shutil.copytree(models / "base", tmp_path / "models" / "base")
    monkeypatch.setattr(sft, "parallel_of", lambda name: Of(2))
    monkeypatch.setattr(sft.Loop, "run", lambda self: pytest.fail("it trained"))
    settings = SftSettings(examples_per_update=1, max_tokens=100, runtime=CPU, template="koalpaca")
    with pytest.raises(UsageProblem) as caught:
        sft.run(settings, house.work("sft", data="talks", model="base"))
    assert caught.value.code == "update-too-small"
