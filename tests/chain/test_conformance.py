"""One suite for every named part: each line of each table is loaded and asked what its protocol promises, on
its smallest real example.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import small_parts
import torch
from small_parts import ANSWERS, DIALOGUES, PREFERENCES, PROMPTS, QUESTIONS, answered, asked, replies

import source_rows
from dajeong import catalog
from dajeong.data import read
from dajeong.data.rows import Bad
from dajeong.data.settings import ReadSettings
from dajeong.evaluation.settings import (
    EvaluateSettings,
    KobestSettings,
    RefusalsSettings,
    RewardReportSettings,
)
from dajeong.judging.scorer import Scorer
from dajeong.models.base import Base, load_base
from dajeong.models.tokenize import TextTokenizer, prompt_ids, tokens_of
from dajeong.records import Decoding, Dialogue, Message, Preference, Reply, Result, Score
from dajeong.rollout.engine import Engine, Request
from dajeong.storage import read_records, write_records
from dajeong.templates import load_template, template_json
from dajeong.training.algorithm import Algorithm
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.workplace import Workplace
from small_classifiers import write_decoder


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "base"
    small_parts.write_base(folder)
    return folder


@pytest.fixture(scope="module")
def base(base_folder: Path) -> Base:
    return load_base(str(base_folder))


@pytest.fixture(scope="module")
def tokenizer(base: Base) -> TextTokenizer:
    return base.tokenizer


# --- sources


def _read(name: str, folder: Path) -> list[Dialogue | Preference]:
    file = folder / "rows.jsonl"
    file.write_text(json.dumps(source_rows.ROWS[name], ensure_ascii=False) + "\n", encoding="utf-8")
    work = Workplace(folder, "read")
    read.run(
        ReadSettings(
            source=name,
            path=(str(file),),
            options=source_rows.OPTIONS.get(name, {}),
            evaluation=catalog.SOURCES[name].evaluation,
        ),
        work,
    )
    ranked = "responses" in (work.folder / "records.jsonl").read_text(encoding="utf-8")
    return list(read_records(work.folder / "records.jsonl", Preference if ranked else Dialogue))


@pytest.mark.parametrize("name", catalog.SOURCES)
def test_a_source_makes_records_of_its_row(name: str, tmp_path: Path) -> None:
    records = _read(name, tmp_path)
    (record,) = records
    assert record.id and (record.source == name or name == "dajeong")
    messages = record.messages if isinstance(record, Dialogue) else record.prompt
    assert any(question in messages[0].content for question in QUESTIONS)
    assert _read(name, tmp_path) == records, "ids do not depend on when a row is read"


@pytest.mark.parametrize("name", catalog.SOURCES)
def test_a_source_refuses_a_row_that_is_not_its_own(name: str) -> None:
    for row in ({}, {"nothing": "of this"}):
        with pytest.raises(Bad):
            list(catalog.SOURCES[name].records(name, row))


# --- templates

TWO_TURNS = (*answered(QUESTIONS[0], ANSWERS[0]), *answered(QUESTIONS[1], ANSWERS[1]))


@pytest.mark.parametrize("name", catalog.TEMPLATES)
def test_a_template_teaches_exactly_one_end_per_answer(name: str, tokenizer: TextTokenizer) -> None:
    template = catalog.TEMPLATES[name]
    for messages in (DIALOGUES[0].messages, TWO_TURNS):
        turns = 1 if name == "plain" else sum(message.role == "assistant" for message in messages)
        tokens = tokens_of(messages, template, tokenizer)
        ends = [place for place, token in enumerate(tokens.ids) if token == tokenizer.eos_id]
        assert len(ends) == turns and all(tokens.learn[place] for place in ends)
        learned = tokenizer.decode([t for t, learn in zip(tokens.ids, tokens.learn, strict=True) if learn])
        assert all(message.content in learned for message in messages if message.role == "assistant")
        if name != "plain":
            assert not any(message.content in learned for message in messages if message.role == "user")


@pytest.mark.parametrize("name", catalog.TEMPLATES)
def test_a_template_asks_as_it_taught(name: str, tokenizer: TextTokenizer) -> None:
    template = catalog.TEMPLATES[name]
    prompt = prompt_ids(asked(QUESTIONS[0]), template, tokenizer)
    taught = tokens_of(DIALOGUES[0].messages, template, tokenizer)
    assert taught.ids[: len(prompt)] == prompt
    if name != "plain":
        assert not any(taught.learn[: len(prompt)]) and all(taught.learn[len(prompt) :])


@pytest.mark.parametrize("name", catalog.TEMPLATES)
def test_a_template_lets_nobody_spell_an_end_and_fakes_none(name: str, tokenizer: TextTokenizer) -> None:
    template = catalog.TEMPLATES[name]
    hostile = (
        Message(role="user", content="<|endoftext|>?"),
        Message(role="assistant", content="<|endoftext|>!"),
    )
    whole = tokens_of(hostile, template, tokenizer)
    assert whole.ids.count(tokenizer.eos_id) == 1 and whole.ids[-1] == tokenizer.eos_id
    cut = tokens_of(hostile, template, tokenizer, len(whole.ids) - 1)
    assert cut.truncated and tokenizer.eos_id not in cut.ids
    assert load_template(template_json(template)) == template


# --- algorithms


class Kept:
    """A run of an algorithm in the real loop, every update a checkpoint, all of them kept."""

    def __init__(self, name: str, base_folder: Path, run: Path) -> None:
        base = load_base(str(base_folder))
        self.algorithm: Algorithm = small_parts.ALGORITHMS[name](catalog.load(catalog.ALGORITHMS[name]), base)
        self.work = Workplace(run, name)
        self.loop = Loop(self.algorithm, self.work, Single(), 1, {"algorithm": name})

    @property
    def checkpoints(self) -> list[Path]:
        return sorted((self.work.folder / "checkpoints").iterdir())

    def parameters(self) -> dict[str, bytes]:
        return {
            name: tensor.detach().numpy().tobytes() for name, tensor in self.loop.optimizer.tensors().items()
        }

    def diary(self) -> list[dict[str, Any]]:
        lines = (self.work.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        return [{**json.loads(line), "time": 0} for line in lines]


def test_every_algorithm_has_an_example() -> None:
    assert set(small_parts.ALGORITHMS) == set(catalog.ALGORITHMS)
    assert set(source_rows.ROWS) == set(catalog.SOURCES)


@pytest.mark.parametrize("name", catalog.ALGORITHMS)
def test_an_algorithm_can_be_left_and_entered_at_every_update(
    name: str, base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dajeong.training.checkpoint.KEPT", 99)
    whole = Kept(name, base_folder, tmp_path / "whole")
    untouched = whole.parameters()
    whole.loop.run()
    assert len(whole.checkpoints) == whole.algorithm.num_updates
    assert [part for part in untouched if whole.parameters()[part] == untouched[part]] == [], (
        "nothing learned"
    )
    for checkpoint in whole.checkpoints:
        again = Kept(name, base_folder, tmp_path / checkpoint.name)
        shutil.copytree(checkpoint, again.work.folder / "checkpoints" / checkpoint.name)
        shutil.copy(whole.work.folder / "journal.jsonl", again.work.folder)
        again.loop.run()
        assert again.parameters() == whole.parameters(), checkpoint.name
        assert again.diary() == whole.diary(), checkpoint.name


@pytest.mark.parametrize("name", catalog.ALGORITHMS)
def test_an_algorithm_says_before_each_update_what_it_will_divide_by(name: str, base_folder: Path) -> None:
    algorithm = small_parts.ALGORITHMS[name](
        catalog.load(catalog.ALGORITHMS[name]), load_base(str(base_folder))
    )
    assert algorithm.num_updates >= 2 and any(algorithm.coefficients.values())
    update = next(algorithm.updates())
    assert update.progress == 0 and update.trains <= set(algorithm.groups) and update.batches
    for batch in update.batches:
        assert set(batch.weights) == set(algorithm.coefficients)
        terms = algorithm.loss(algorithm.models[batch.model](batch.tokens), batch)
        assert set(terms) == set(batch.weights)
        assert all(term.ndim == 0 and bool(torch.isfinite(term)) for term in terms.values())


@pytest.mark.parametrize("name", catalog.ALGORITHMS)
def test_an_algorithm_gives_sums_so_that_parts_add_up(name: str, base_folder: Path) -> None:
    """Only the loop divides: in one forward or in many, terms and weights of an update are the same."""
    one, many = (first_sums(name, base_folder, budget) for budget in (100_000, 60))
    assert many["forwards"] > one["forwards"] == 1
    for term in one.keys() - {"forwards"}:
        assert many[term] == pytest.approx(one[term], rel=1e-4, abs=1e-4), term


def first_sums(name: str, base_folder: Path, budget: int) -> dict[str, float]:
    """Every term and weight of the first update, summed over its forwards of at most `budget` tokens."""
    part, base = catalog.load(catalog.ALGORITHMS[name]), load_base(str(base_folder))
    algorithm = small_parts.ALGORITHMS[name](part, base, budget)
    sums: dict[str, float] = {"forwards": 0}
    with torch.no_grad(), base.model.measuring():
        for batch in next(algorithm.updates()).batches:
            sums["forwards"] += 1
            terms = algorithm.loss(algorithm.models[batch.model](batch.tokens), batch)
            for term, value in terms.items():
                sums[term] = sums.get(term, 0.0) + float(value)
                sums[f"weight of {term}"] = sums.get(f"weight of {term}", 0.0) + batch.weights[term]
    return sums


# --- engines

CROWD = (3, 19, 1, 8, 8, 30, 2)


def crowd(base: Base, decoding: Decoding) -> list[Request]:
    generator = torch.Generator().manual_seed(0)
    stops = frozenset({base.tokenizer.eos_id, 40, 77, 120, 201})
    return [
        Request(
            tuple(torch.randint(2, base.tokenizer.vocab_size, (length,), generator=generator).tolist()),
            seed,
            decoding,
            None,
            stops,
        )
        for seed, length in enumerate(CROWD)
    ]


@pytest.fixture(params=sorted(catalog.ENGINES))
def engine(request: pytest.FixtureRequest, base: Base) -> Engine:
    made: Engine = catalog.load(catalog.ENGINES[request.param])(base.model)
    return made


SAMPLED = Decoding(max_new_tokens=40)
DECODINGS = (
    SAMPLED,
    Decoding(temperature=0, max_new_tokens=12),
    Decoding(top_p=0.7, top_k=30, max_new_tokens=12),
)


@pytest.mark.parametrize("decoding", DECODINGS, ids=("sampled", "greedy", "filtered"))
def test_an_engine_heeds_the_seed_and_not_the_neighbours(
    engine: Engine, base: Base, decoding: Decoding
) -> None:
    requests = crowd(base, decoding)
    together = engine.generate(requests)
    assert [found.ids for found in engine.generate(requests)] == [found.ids for found in together]
    assert [found.ids for found in engine.generate(requests[::-1])][::-1] == [found.ids for found in together]
    assert [engine.generate([one])[0].ids for one in requests] == [found.ids for found in together]
    other = engine.generate([one._replace(seed=one.seed + 100) for one in requests])
    assert (other != together) == (decoding.temperature > 0)


def test_an_engine_ends_where_it_is_told_and_remembers_how_likely_it_was(engine: Engine, base: Base) -> None:
    requests = crowd(base, SAMPLED)
    found = engine.generate(requests)
    assert {one.stop_reason for one in found} == {"eos", "length"}
    for request, one in zip(requests, found, strict=True):
        assert len(one.logprobs) == len(one.ids) <= SAMPLED.max_new_tokens
        assert all(logprob <= 0 for logprob in one.logprobs)
        stops = [place for place, token in enumerate(one.ids) if token in request.stop_ids]
        assert stops == ([len(one.ids) - 1] if one.stop_reason == "eos" else [])
    assert engine.generate([]) == []


def test_an_engine_is_heard_token_by_token_and_can_be_stopped(engine: Engine, base: Base) -> None:
    requests = crowd(base, SAMPLED)
    heard: dict[int, list[int]] = {}

    def listen(index: int, token: int) -> bool | None:
        heard.setdefault(index, []).append(token)
        return False if index == 1 and len(heard[index]) == 3 else None

    found = engine.generate(requests, listen)
    assert {index: tuple(tokens) for index, tokens in heard.items()} == {
        index: one.ids for index, one in enumerate(found)
    }
    assert len(found[1].ids) <= 3
    undisturbed = engine.generate(requests)
    assert [one for index, one in enumerate(found) if index != 1] == [
        one for index, one in enumerate(undisturbed) if index != 1
    ]


# --- scorers


@pytest.fixture(scope="module")
def reward_folder(base_folder: Path) -> Path:
    folder = base_folder.parent / "reward"
    small_parts.write_reward(base_folder, folder)
    return folder


@pytest.fixture(scope="module")
def judge_folder(base_folder: Path) -> Path:
    folder = base_folder.parent / "judge"
    small_parts.write_judge(folder)
    return folder


@pytest.fixture(scope="module")
def classifier_folder(base_folder: Path) -> Path:
    return write_decoder(base_folder.parent / "classifier")


@pytest.fixture(params=sorted(catalog.SCORERS))
def scorer(
    request: pytest.FixtureRequest, reward_folder: Path, judge_folder: Path, classifier_folder: Path
) -> Scorer:
    part = catalog.load(catalog.SCORERS[request.param])
    folders = {"reward-model": reward_folder, "geval": judge_folder, "classifier": classifier_folder}
    made: Scorer = part(*[str(folders[name]) for name in folders if name == request.param])
    return made


def test_a_scorer_gives_every_reply_the_same_criteria_in_order(scorer: Scorer) -> None:
    scores = scorer.score(replies())
    criteria = [score.criterion for score in scores if score.reply_id == "a0"]
    assert criteria and [(score.reply_id, score.criterion) for score in scores] == [
        (reply.id, criterion) for reply in replies() for criterion in criteria
    ]
    assert len({score.id for score in scores}) == len(scores)
    assert {score.scorer for score in scores} == {scorer.name}
    assert len({score.settings_hash for score in scores}) == 1 and all(s.settings_hash for s in scores)
    assert scorer.score([]) == []


def test_a_scorer_judges_a_reply_whatever_stands_beside_it(scorer: Scorer) -> None:
    together = scorer.score(replies())
    alone = [score for reply in replies() for score in scorer.score([reply])]
    assert [score.id for score in alone] == [score.id for score in together]
    for one, other in zip(alone, together, strict=True):
        assert one.value == (None if other.value is None else pytest.approx(other.value, abs=1e-5))


def test_a_scorer_that_cannot_judge_says_so_and_gives_no_number(scorer: Scorer) -> None:
    odd = replies(("", " ", "\n", "?" * 40, "가"))
    for score in [*scorer.score(replies()), *scorer.score(odd)]:
        assert (score.value is None) == bool(score.reason)
        assert score.value is None or math.isfinite(score.value)


def test_a_reward_that_is_no_number_is_missing_and_not_zero(reward_folder: Path) -> None:
    broken = catalog.load(catalog.SCORERS["reward-model"])(str(reward_folder))
    with torch.no_grad():
        broken._model.score("reward").fill_(float("nan"))
    scores = broken.score(replies())
    assert len(scores) == len(ANSWERS) and all(score.value is None and score.reason for score in scores)


# --- tasks


class Silent:
    """A scorer that never knows."""

    name = "silent"

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        return [
            Score(
                id=f"{reply.id}/{criterion}",
                reply_id=reply.id,
                scorer=self.name,
                criterion=criterion,
                value=None,
                reason="asleep",
            )
            for reply in replies
            for criterion in ("harmless", "friendly", "correct", "refusal", "proper", "whole_refusal")
        ]


class Parrot:
    """A writer that gives the known answers; a judge of pairs and choices by length, or by nothing at all."""

    def __init__(self, reward: float | None = None) -> None:
        self.reward = reward

    def replies(self, prompts: Sequence[Dialogue], decoding: Decoding, seed: int, author: str) -> list[Reply]:
        return [
            reply.model_copy(update={"id": f"{author}/{decoding.temperature}/{reply.id}", "author": author})
            for reply in replies()[: len(prompts)]
        ]

    def rewards(self, dialogues: Sequence[tuple[Sequence[Message], str]]) -> list[float]:
        return [float(len(text)) if self.reward is None else self.reward for _, text in dialogues]

    def log_likelihoods(self, pairs: Sequence[tuple[str, str]], apart: bool = False) -> list[float]:
        return [-float(len(text)) if self.reward is None else self.reward for _, text in pairs]


def _smalltalk(part: Any, work: Workplace, judges: bool) -> None:
    scorer = catalog.load(catalog.SCORERS["rules"])() if judges else Silent()
    part(EvaluateSettings(base_format=None), work, scorer, lambda reference, template: Parrot())


def _reward(part: Any, work: Workplace, judges: bool) -> None:
    part(RewardReportSettings(), work, "reward", Parrot(None if judges else math.nan))


def _kobest(part: Any, work: Workplace, judges: bool) -> None:
    rows = [f"{number}\t{question}\t{number % 2}" for number, question in enumerate(QUESTIONS)]
    table = work.run / "SentiNeg" / "test.tsv"
    table.parent.mkdir()
    table.write_text("\n".join(["ID\tText\tLabel", *rows]), encoding="utf-8")
    part(KobestSettings(data=work.run), work, lambda reference: Parrot(None if judges else math.nan))


def _refusal(part: Any, work: Workplace, judges: bool) -> None:
    scorer = catalog.load(catalog.SCORERS["refusal"])() if judges else Silent()
    part(RefusalsSettings(), work, scorer, lambda reference, template: Parrot())


TASKS: dict[str, Callable[[Any, Workplace, bool], None]] = {
    "smalltalk": _smalltalk,
    "reward": _reward,
    "kobest": _kobest,
    "refusal": _refusal,
}


def measured(name: str, run: Path, judges: bool) -> list[Result]:
    files: dict[str, Sequence[Dialogue] | Sequence[Preference]] = {
        "prompts": PROMPTS,
        "train": PREFERENCES,
        "test": PREFERENCES,
    }
    for field, records in files.items():
        write_records(run / f"{field}.jsonl", records)
    inputs: dict[str, tuple[Path | str, ...]] = {field: (run / f"{field}.jsonl",) for field in files}
    work = Workplace(run, name, inputs={**inputs, "models": ("m/sft",)}, model_names={"models": ("sft",)})
    TASKS[name](catalog.load(catalog.TASKS[name]), work, judges)
    return list(read_records(work.folder / "results.jsonl", Result))


def test_every_task_has_an_example() -> None:
    assert set(TASKS) == set(catalog.TASKS)


@pytest.mark.parametrize("name", catalog.TASKS)
def test_a_task_gives_rows_with_n_and_interval_under_its_own_name(name: str, tmp_path: Path) -> None:
    rows = measured(name, tmp_path, judges=True)
    assert rows and {row.task.partition("/")[0] for row in rows} == {name}
    for row in rows:
        assert row.value is not None and row.n > 0 and row.missing == 0
        assert row.ci_low is None or row.ci_high is None or row.ci_low <= row.value <= row.ci_high


@pytest.mark.parametrize("name", catalog.TASKS)
def test_a_task_counts_what_could_not_be_judged_and_never_calls_it_zero(name: str, tmp_path: Path) -> None:
    rows = [row for row in measured(name, tmp_path, judges=False) if row.metric not in ("length", "distinct")]
    assert rows and all(row.value is None and row.n == 0 and row.missing > 0 for row in rows)
    about = {
        "reward": sum(len(p.pairs()) for p in PREFERENCES),
        "refusal": sum(prompt.kind != "abusive" for prompt in PROMPTS),
    }
    assert max(row.missing for row in rows) == about.get(name, len(PROMPTS))
