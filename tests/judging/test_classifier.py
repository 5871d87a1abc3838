"""Sequence-classification models as scorers: transformers' own numbers, of the class wanted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from dajeong.errors import DajeongError, EnvironmentProblem, UsageProblem
from dajeong.judging.classifier import ClassifierScorer, reward_of
from dajeong.judging.classifier_settings import ClassifierSettings
from dajeong.models.classifier import load_classifier
from dajeong.models.settings import RuntimeSettings
from dajeong.records import Message, Reply
from small_classifiers import LABELS, write_decoder, write_encoder

CPU = RuntimeSettings(device="cpu", dtype="float32")
ASKED = [
    (Message(role="user", content="점심 뭐 먹지?"),),
    (
        Message(role="user", content="안녕?"),
        Message(role="assistant", content="반가워요."),
        Message(role="user", content="잘 자."),
    ),
]
ANSWERS = ["국수 어때요?", "네.", "", "바보야 " * 30]
PAIRS = [(prompt, answer) for prompt in ASKED for answer in ANSWERS]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decoder(tmp_path_factory.mktemp("decoder"))


def scorer(folder: Path, **settings: Any) -> ClassifierScorer:
    return ClassifierScorer(str(folder), ClassifierSettings(**settings), CPU)


def stock_logits(folder: Path, *texts: str) -> torch.Tensor:
    """One text alone, by transformers' own calls."""
    network = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    longest = network.config.max_position_embeddings
    inputs = tokenizer(*texts, truncation="longest_first", max_length=longest, return_tensors="pt")
    with torch.no_grad():
        return network(**inputs).logits[0]


@pytest.mark.parametrize("form", ["pair", "reply"])
def test_an_encoder_gives_the_logits_of_transformers(encoder: Path, form: str) -> None:
    found = scorer(encoder, form=form, label="kind").rewards(PAIRS)
    for (prompt, answer), reward in zip(PAIRS, found, strict=True):
        texts = (prompt[-1].content, answer) if form == "pair" else (answer,)
        assert reward == pytest.approx(float(stock_logits(encoder, *texts)[1]), abs=1e-5)
    assert len({round(reward, 4) for reward in found}) > 3


def test_a_decoder_reads_the_whole_chat_in_its_own_template(decoder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(decoder)
    network = AutoModelForSequenceClassification.from_pretrained(decoder).eval()
    pairs = [(prompt, answer) for prompt, answer in PAIRS if len(answer) < 20]
    found = scorer(decoder, form="chat").rewards(pairs)
    for (prompt, answer), reward in zip(pairs, found, strict=True):
        messages = [{"role": each.role, "content": each.content} for each in prompt]
        text = tokenizer.apply_chat_template(
            [*messages, {"role": "assistant", "content": answer}], tokenize=False
        )
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.no_grad():
            assert reward == pytest.approx(float(network(input_ids=ids).logits[0, 0]), abs=1e-5)


def test_the_wanted_class_may_be_its_name_or_its_index(encoder: Path) -> None:
    named = scorer(encoder, label="odd").rewards(PAIRS)
    assert named == scorer(encoder, label=2).rewards(PAIRS) != scorer(encoder, label=0).rewards(PAIRS)


@pytest.mark.parametrize("label", [None, "friendly", 3, -1])
def test_a_class_that_is_not_there_is_refused_and_those_that_are_are_named(
    encoder: Path, label: int | str | None
) -> None:
    with pytest.raises(UsageProblem) as caught:
        scorer(encoder, label=label)
    assert caught.value.exit_code == 2
    assert all(name in str(caught.value) for name in LABELS.values())


def test_probability_and_log_odds_of_one_class_against_the_others() -> None:
    logits = [1.0, -2.0, 0.5]
    total = sum(math.exp(logit) for logit in logits)
    for wanted, logit in enumerate(logits):
        share = math.exp(logit) / total
        assert reward_of(logits, wanted, True, "logit") == logit
        assert reward_of(logits, wanted, True, "probability") == pytest.approx(share)
        assert reward_of(logits, wanted, True, "log_odds") == pytest.approx(math.log(share / (1 - share)))
        own = 1 / (1 + math.exp(-logit))
        assert reward_of(logits, wanted, False, "probability") == pytest.approx(own)
        assert reward_of(logits, wanted, False, "log_odds") == pytest.approx(logit)
    assert reward_of([2.0], 0, False, "log_odds") == 2
    assert math.isnan(reward_of([math.nan], 0, False, "probability")), "no number is not 0"


def test_classes_that_exclude_each_other_and_classes_of_their_own(encoder: Path, tmp_path: Path) -> None:
    own = write_encoder(tmp_path / "own", problem_type="multi_label_classification")
    assert load_classifier(str(encoder), CPU).exclusive and not load_classifier(str(own), CPU).exclusive
    settings = {"label": "kind", "output": "probability"}
    exclusive, alone = (scorer(folder, **settings).rewards(PAIRS) for folder in (encoder, own))
    assert exclusive != pytest.approx(alone, abs=1e-3), "softmax is not sigmoid"


@pytest.mark.parametrize("pad", [True, False], ids=["pad is the end", "no pad"])
def test_company_and_order_do_not_matter_whatever_the_padding(tmp_path: Path, pad: bool) -> None:
    judge = scorer(write_decoder(tmp_path / "judge", pad=pad), form="chat")
    together = judge.rewards(PAIRS)
    assert judge.rewards(PAIRS[::-1])[::-1] == pytest.approx(together, abs=1e-5)
    assert [judge.rewards([pair])[0] for pair in PAIRS] == pytest.approx(together, abs=1e-5)
    assert judge.rewards([]) == []


def test_scores_are_missing_where_there_is_no_number(encoder: Path) -> None:
    judge = scorer(encoder, label="kind")
    reply = Reply(id="r", prompt_id="p", prompt=ASKED[0], content="네.", author="someone")
    (score,) = judge.score([reply])
    assert (score.criterion, score.scorer) == ("reward", f"classifier:{encoder.name}")
    with torch.no_grad():
        judge._model.network.classifier.weight.fill_(float("nan"))
    (missing,) = judge.score([reply])
    assert missing.value is None and missing.reason


def _no_head(folder: Path) -> None:
    write_decoder(folder)
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder)


def _pickled(folder: Path) -> None:
    write_encoder(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _no_weights(folder: Path) -> None:
    write_encoder(folder)
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("write", "code"),
    [
        (_no_head, "classifier-no-head"),
        (_pickled, "model-pickle"),
        (_no_weights, "model-no-weights"),
    ],
)
def test_what_would_answer_at_random_or_run_code_is_refused(tmp_path: Path, write: Any, code: str) -> None:
    write(tmp_path / "judge")
    with pytest.raises(EnvironmentProblem) as caught:
        load_classifier(str(tmp_path / "judge"), CPU)
    assert (caught.value.code, caught.value.exit_code) == (code, 4)


def test_a_chat_form_needs_a_chat_template(encoder: Path) -> None:
    with pytest.raises(DajeongError) as caught:
        scorer(encoder, form="chat", label="kind")
    assert caught.value.code == "classifier-no-chat"
