"""The steps `dpo`, `kto` and `orpo` from records to a model folder: where they start, what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import (
    CPU,
    LORA,
    Trace,
    add_drawn_role,
    assert_close_parameters,
    fresh_base,
    journal_of,
    make_dpo,
    make_kto,
    optimizer,
    preference_base,
    write_models,
)
from test_training_runs import Heard, preferences

from dajeong.errors import DajeongError, DataProblem, UsageProblem
from dajeong.models.adapters import notes_of, save_role
from dajeong.models.load import load_chat
from dajeong.records import Message, Record, Reply
from dajeong.storage import write_records
from dajeong.templates import TEMPLATES
from dajeong.training import dpo, kto, orpo
from dajeong.training.parallel import Single
from dajeong.training.preference_batches import Roles
from dajeong.training.preference_guard import PATIENCE
from dajeong.training.preference_passes import Passes
from dajeong.training.preference_reference import with_references
from dajeong.training.preference_settings import DpoSettings, KtoSettings, OrpoSettings
from dajeong.training.rollouts import POLICY, REFERENCE
from dajeong.workplace import Workplace

SMALL: dict[str, Any] = {
    "updates": 2,
    "tokens_per_update": 300,
    "max_tokens": 100,
    "optimizer": optimizer(),
    "runtime": CPU,
    "template": "koalpaca",
}
LN_2 = pytest.approx(math.log(2), abs=1e-4)


def place(folder: Path, data: Sequence[Record], policy: Path, **inputs: Path) -> Workplace:
    write_records(folder / "data.jsonl", data)
    given: dict[str, tuple[Path | str, ...]] = {"data": (folder / "data.jsonl",), "policy": (policy,)}
    given |= {name: (path,) for name, path in inputs.items()}
    return Workplace(run=folder, name="step", seed=1, inputs=given, progress=Heard())


def dpo_run(work: Workplace, **changed: Any) -> list[dict[str, Any]]:
    dpo.run(DpoSettings(**(SMALL | changed)), work)
    return [line for line in journal_of(work) if line["event"] == "update"]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same models again, at another place."""
    return write_models(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def other(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of the same base that is not `sft`."""
    base = fresh_base(models)
    add_drawn_role(base, "sft", 99, trainable=False)
    folder = tmp_path_factory.mktemp("other") / "sft"
    save_role(base, "sft", folder, TEMPLATES["koalpaca"])
    return folder


# --- where a policy starts


def test_from_an_adapter_the_reference_is_that_adapter(models: Path, tmp_path: Path) -> None:
    work = place(tmp_path, preferences(8), models / "sft")
    journal = dpo_run(work)
    assert journal[0]["loss"]["preference"] == LN_2 and journal[0]["loss"]["margin"] == 0.0
    assert journal[1]["loss"]["margin"] != 0.0 and notes_of(work.model_folder).role == POLICY
    card = (work.model_folder / "README.md").read_text(encoding="utf-8")
    assert "step `dpo`" in card
    chat = load_chat(str(work.model_folder))
    assert chat.name == "step" and chat.role == POLICY and chat.template.name == "koalpaca"


def test_from_a_whole_model_the_reference_is_the_model(models: Path, tmp_path: Path) -> None:
    work = place(tmp_path, preferences(8), models / "base")
    journal = dpo_run(work, lora=LORA)
    assert journal[0]["loss"]["preference"] == LN_2 and journal[0]["loss"]["margin"] == 0.0
    assert (work.model_folder / "adapter_config.json").is_file()


def test_every_weight_of_a_whole_model_can_learn(models: Path, tmp_path: Path) -> None:
    work = place(tmp_path, preferences(8), models / "base")
    with pytest.raises(UsageProblem) as caught:
        dpo_run(work, lora=None)
    assert caught.value.code == "full-needs-cached"
    journal = dpo_run(work, lora=None, reference_logprobs="cached")
    assert journal[0]["loss"]["preference"] == LN_2 and abs(journal[1]["loss"]["margin"]) > 1e-3
    assert (work.model_folder / "model.safetensors").is_file() and load_chat(str(work.model_folder))


@pytest.mark.parametrize("policy", ["base", "sft"])
def test_orpo_starts_from_a_base_or_from_an_adapter(models: Path, tmp_path: Path, policy: str) -> None:
    work = place(tmp_path, preferences(8), models / policy)
    orpo.run(OrpoSettings(**SMALL, lora=LORA), work)
    chat = load_chat(str(work.model_folder))
    assert chat.role == POLICY and sorted(chat.model.lora) == [POLICY]


def test_simpo_has_no_reference(models: Path, tmp_path: Path) -> None:
    journal = dpo_run(place(tmp_path, preferences(8), models / "sft"), loss="simpo", beta=2.0)
    assert "drift" not in journal[0]["loss"]
    assert journal[0]["tokens"] < dpo_run(place(tmp_path, preferences(8), models / "sft"))[0]["tokens"]


def test_kto_reads_replies_and_preferences(models: Path, tmp_path: Path) -> None:
    replies = [
        Reply(
            id=f"r{n}",
            prompt_id=f"p{n}",
            prompt=(Message(role="user", content=f"{n}번?"),),
            content=("네.", "싫어요.")[n % 2],
            author="a",
            desirable=None if n > 8 else n % 2 == 0,
        )
        for n in range(10)
    ]
    work = place(tmp_path / "replies", replies, models / "sft")
    kto.run(KtoSettings(**SMALL), work)
    assert work.progress.said["preference-examples"]["kept"] == 9  # type: ignore[attr-defined]
    assert work.progress.said["preference-examples"]["unordered"] == 1  # type: ignore[attr-defined]
    first = journal_of(work)[0]["loss"]
    assert first["preference"] == 0.5 and first["z"] == 0.0
    work = place(tmp_path / "preferences", preferences(4), models / "sft")
    kto.run(KtoSettings(**SMALL), work)
    assert work.progress.said["preference-examples"]["kept"] == 12  # type: ignore[attr-defined]


# --- what is refused, before anything is learned

Begin = Callable[[Workplace], Any]


def refused(work: Workplace, begin: Begin, code: str) -> DajeongError:
    with pytest.raises(DajeongError) as caught:
        begin(work)
    assert caught.value.code == code, caught.value
    assert not (work.folder / "journal.jsonl").exists() and not work.model_folder.exists()
    return caught.value


def test_a_reference_of_another_base_is_refused(models: Path, elsewhere: Path, tmp_path: Path) -> None:
    work = place(tmp_path, preferences(4), models / "sft", reference=elsewhere / "sft")
    assert str(elsewhere / "base") in str(refused(work, dpo_run, "reference-other-base"))
    work = place(tmp_path, preferences(4), models / "base", reference=elsewhere / "base")
    refused(work, dpo_run, "reference-other-base")


def test_a_reference_that_is_not_the_start_is_refused_unless_asked_for(
    models: Path, other: Path, tmp_path: Path
) -> None:
    """KL would not start at 0. The start itself, named again, changes nothing."""
    work = place(tmp_path / "refused", preferences(8), models / "sft", reference=other)
    refused(work, dpo_run, "reference-differs")
    refused(work, lambda work: kto.run(KtoSettings(**SMALL), work), "reference-differs")
    new = place(tmp_path / "new", preferences(8), models / "base", reference=models / "sft")
    refused(new, dpo_run, "reference-differs")
    assert abs(dpo_run(work, other_reference=True)[0]["loss"]["margin"]) > 1e-3
    named = dpo_run(place(tmp_path / "named", preferences(8), models / "sft", reference=models / "sft"))
    plain = dpo_run(place(tmp_path / "plain", preferences(8), models / "sft"))
    assert named == plain


def test_a_whole_model_cannot_be_trained_below_an_adapter(models: Path, tmp_path: Path) -> None:
    work = place(tmp_path, preferences(4), models / "sft")
    refused(work, lambda work: dpo_run(work, lora=None), "policy-is-adapter")


@pytest.mark.parametrize(
    ("run", "settings", "code"),
    [
        (dpo.run, DpoSettings(**SMALL), "preferences-all-tied"),
        (orpo.run, OrpoSettings(**SMALL), "preferences-all-tied"),
        (kto.run, KtoSettings(**SMALL), "replies-not-rated"),
    ],
)
def test_all_ties_teach_nothing(tmp_path: Path, run: Callable[..., None], settings: Any, code: str) -> None:
    """Said before the model is even looked for."""
    tied = [each.model_copy(update={"ranking": ((0, 1, 2),)}) for each in preferences(5)]
    refused(place(tmp_path, tied, Path("nowhere/at-all")), lambda work: run(settings, work), code)


def test_one_response_is_no_preference(models: Path, tmp_path: Path) -> None:
    work = place(tmp_path, preferences(2), models / "sft")
    (file,) = work.inputs["data"]
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    lone = (
        '{"id":"x","prompt":[{"role":"user","content":"?"}],"responses":[{"content":"네."}],"ranking":[[0]]}'
    )
    Path(file).write_text("\n".join([lines[0], lone]), encoding="utf-8")
    assert f"{file}:2" in str(refused(work, dpo_run, "record-invalid"))


def test_what_was_read_for_measuring_is_not_learned(models: Path, tmp_path: Path) -> None:
    marked = [each.model_copy(update={"meta": {"evaluation": "a-test"}}) for each in preferences(3)]
    refused(place(tmp_path, marked, models / "sft"), dpo_run, "evaluation-learned")


def test_prompts_that_fill_the_limit_are_left_out_and_counted(models: Path, tmp_path: Path) -> None:
    endless = preferences(1)[0].model_copy(
        update={"prompt": (Message(role="user", content="점심은 뭐가 좋을까? " * 30),)}
    )
    work = place(tmp_path, [*preferences(4), endless], models / "sft")
    dpo_run(work)
    said = work.progress.said["preference-examples"]  # type: ignore[attr-defined]
    assert (said["kept"], said["too_long"]) == (4, 1)
    with pytest.raises(DataProblem) as caught:
        dpo_run(place(tmp_path / "none", [endless], models / "sft"))
    assert caught.value.code == "nothing-to-learn"


@pytest.mark.parametrize(
    "changed",
    [
        {"loss": "ipo", "label_smoothing": 0.1},
        {"loss": "ipo", "margin": 1.0},
        {"loss": "simpo", "reference_logprobs": "cached"},
        {"label_smoothing": 0.5},
        {"beta": 0.0},
    ],
)
def test_settings_that_would_do_nothing_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"loss|label_smoothing|beta"):
        DpoSettings(**changed)
    with pytest.raises(ValueError, match="nothing would be learned"):
        KtoSettings(desirable_weight=0, undesirable_weight=0)


def test_sinking_answers_are_said(models: Path, tmp_path: Path) -> None:
    """Where only what is disliked has a weight, everything becomes less likely."""
    work = place(tmp_path, preferences(8), models / "sft")
    settings = {"updates": PATIENCE + 5, "collapse": 0.05, "desirable_weight": 0.0}
    kto.run(KtoSettings(**(SMALL | settings)), work)
    assert work.progress.said["chosen-collapse"]["fall"] > 0.05  # type: ignore[attr-defined]
    notes = [line["collapse"] for line in journal_of(work) if line["event"] == "note"]
    assert notes and notes[0]["drift"] < -0.05


# --- the same, however it is read


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_a_cached_reference_teaches_the_same(models: Path, tmp_path: Path, name: str) -> None:
    make = {"dpo": make_dpo, "kto": make_kto}[name]
    whole = Trace(make(models), tmp_path / "forward")
    algorithm: Passes[Any] = make(models)
    known = with_references(
        algorithm.atoms, preference_base(models), REFERENCE, 300, tmp_path / "cache", Single()
    )
    algorithm.atoms, algorithm.roles = known, Roles(POLICY, REFERENCE, together=False)
    algorithm.read_lengths, algorithm.held_out = algorithm.lengths, ()
    cached = Trace(algorithm, tmp_path / "cached")
    assert_close_parameters(whole, cached.after, 1e-3)
    tokens = [trace.journal[0]["tokens"] for trace in (whole, cached)]
    assert tokens[0] == 2 * tokens[1]


def test_the_validation_set_is_read_in_parts_or_whole(models: Path) -> None:
    for make in (make_dpo, make_kto):
        whole, parts = (make(models, micro=micro) for micro in (8192, 60))
        expected = whole.measured(whole.held_out)
        assert parts.measured(parts.held_out) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_prompt_is_never_split_and_every_answer_read_once_by_each(models: Path) -> None:
    class Two(Single):
        world = 2

    found: list[tuple[int, ...]] = []
    counts = []
    for rank in (0, 1):
        parallel = Two()
        parallel.rank = rank
        batches = next(make_dpo(models, parallel, micro=100).updates()).batches
        counts.append(len(batches))
        found += [batch.tokens.packing.lengths for batch in batches if batch.weights["preference"]]
    assert counts[0] == counts[1]
    algorithm = make_dpo(models)
    sizes = [tuple(len(a.ids) for a in algorithm.atoms[i].answers) for i in algorithm.cursor.group()]
    for lengths in found:
        half = len(lengths) // 2
        assert lengths[:half] == lengths[half:], "policy and reference read the same"
        assert _made_of_whole(lengths[:half], sizes), "some prompt's answers are not together"


def _made_of_whole(lengths: tuple[int, ...], sizes: list[tuple[int, ...]]) -> bool:
    """Whether `lengths` is one after another of `sizes`."""
    return not lengths or any(
        lengths[: len(size)] == size and _made_of_whole(lengths[len(size) :], sizes) for size in sizes
    )


@pytest.mark.parametrize("make", [make_dpo, make_kto])
def test_a_process_without_a_share_has_no_weight_and_only_zero_gradients(
    models: Path, make: Callable[..., Passes[Any]]
) -> None:
    algorithm = make(models)
    model = algorithm.models["main"]
    with_work = algorithm.atoms[:1]
    (_, batch) = algorithm.batches([with_work, []])
    assert set(batch.weights.values()) == {0.0}
    terms = algorithm.loss(model(batch.tokens), batch)
    assert all(float(term.detach()) == 0.0 for term in terms.values())
    (terms["preference"] + terms["nll"]).backward()
    for name, parameter in model.parameters_of(POLICY).items():
        assert parameter.grad is not None and not parameter.grad.any(), name


def test_the_reference_never_learns(models: Path, tmp_path: Path) -> None:
    algorithm = make_dpo(models)
    model = algorithm.models["main"]
    before = {name: value.detach().clone() for name, value in model.parameters_of(REFERENCE).items()}
    Trace(algorithm, tmp_path)
    assert all(torch.equal(before[n], value) for n, value in model.parameters_of(REFERENCE).items())
