"""A reward model as a scorer: the rewards that training measures, and nothing made up where there is none."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
import torch

from dajeong.judging.reward_model import ROLE, RewardScorer
from dajeong.models.adapters import AdapterNotes, load_role, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.scoring import rewards_of
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Message, Preference, Reply, Response
from dajeong.templates import TEMPLATES
from dajeong.training.examples import ranked_of

TINY = TinySettings(layers=2, hidden=16, heads=2, vocabulary=320, positions=256)
TEMPLATE = TEMPLATES["koalpaca"]
MAX_TOKENS = 40
ASKED = [
    (Message(role="user", content="점심 뭐 먹지?"),),
    (Message(role="user", content="이 글을 요약해 줘.", context="비가 오는 날에는 우산을 챙긴다."),),
    (
        Message(role="user", content="안녕?"),
        Message(role="assistant", content="반가워요."),
        Message(role="user", content="잘 자."),
    ),
]
ANSWERS = ["김치찌개 어때요?", " 우산을 챙긴다.", "", "좋은 꿈 꾸세요! " * 12]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward adapter beside its base, as a `reward` step leaves them."""
    root = tmp_path_factory.mktemp("run")
    write_tiny(root / "base", ["점심은 김치찌개가 좋겠어요."] * 4, TINY, seed=0)
    base = load_base(str(root / "base"))
    base.model.add_role(ROLE, LoraSettings(rank=2, dropout=0.3), trainable=True)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in base.model.role_layers().values():
            layer.B[ROLE].normal_(0, 0.5, generator=generator)
    base.model.add_head(ROLE, trainable=True)
    notes = AdapterNotes(role=ROLE, reward_mean=3.0, reward_deviation=2.0, max_tokens=MAX_TOKENS)
    save_role(base, ROLE, root / "judge", TEMPLATE, notes)
    return root / "judge"


@pytest.fixture(scope="module")
def scorer(folder: Path) -> RewardScorer:
    return RewardScorer(str(folder))


def trained(folder: Path) -> Base:
    base = load_base(str(folder.parent / "base"))
    load_role(base.model, ROLE, folder)
    return base


def reply(number: int, prompt: tuple[Message, ...], content: str) -> Reply:
    return Reply(
        id=f"r{number}",
        source="invented",
        licence="CC0-1.0",
        kind="everyday",
        prompt_id=f"p{number}",
        prompt=prompt,
        content=content,
        author="sft",
    )


REPLIES = [
    reply(10 * i + j, prompt, text) for i, prompt in enumerate(ASKED) for j, text in enumerate(ANSWERS)
]


def test_rewards_are_those_of_the_ids_that_training_reads(folder: Path, scorer: RewardScorer) -> None:
    """Bit for bit the same sums in the same forward, over preferences as the reward step prepares them."""
    base = trained(folder)
    responses = tuple(Response(content=text) for text in ANSWERS)
    ranking = tuple((index,) for index in range(len(ANSWERS)))
    preferences = [
        Preference(id=str(index), prompt=prompt, responses=responses, ranking=ranking)
        for index, prompt in enumerate(ASKED)
    ]
    ranked = ranked_of(preferences, TEMPLATE, base.tokenizer, MAX_TOKENS)
    ids = [one for preference in ranked for one in preference.sequences]
    assert max(map(len, ids)) == MAX_TOKENS, "one is long enough to be cut"
    expected = rewards_of(base.model, ROLE, ids, 4096)
    assert scorer.rewards([(one.prompt, one.content) for one in REPLIES]) == expected
    assert len(set(expected)) == 10, "the three long ones end alike"


def test_a_score_says_what_was_measured_and_how(scorer: RewardScorer) -> None:
    scores = scorer.score(REPLIES)
    rewards = scorer.rewards([(one.prompt, one.content) for one in REPLIES])
    assert [score.value for score in scores] == rewards, "raw rewards, not normalised ones"
    assert [score.reply_id for score in scores] == [one.id for one in REPLIES]
    assert len({score.id for score in scores}) == len(scores)
    for score in scores:
        assert (score.scorer, score.criterion, score.method) == ("reward-model:judge", "reward", "exact")
        assert (score.source, score.licence, score.kind) == ("invented", "CC0-1.0", "everyday")
        assert score.reason is None and len(score.settings_hash) == 16


def test_company_and_order_do_not_matter(scorer: RewardScorer) -> None:
    whole = {score.reply_id: score.value for score in scorer.score(REPLIES)}
    back = {score.reply_id: score.value for score in scorer.score(REPLIES[::-1])}
    assert back == pytest.approx(whole, abs=1e-5)
    for one in REPLIES[:3]:
        assert scorer.score([one])[0].value == pytest.approx(whole[one.id], abs=1e-5)
    assert scorer.score([]) == []


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_no_number_is_missing(folder: Path, broken: float) -> None:
    """Never 0, which would be a judgement."""
    scorer = RewardScorer(str(folder))
    with torch.no_grad():
        scorer._model.score(ROLE)[0, 0] = broken
    for score in scorer.score(REPLIES[:2]):
        assert score.value is None and score.reason
        assert (score.criterion, score.method) == ("reward", "exact")


def test_only_the_broken_one_is_missing(scorer: RewardScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer, "rewards", lambda dialogues: [0.5, math.nan, 0.0])
    assert [score.value for score in scorer.score(REPLIES[:3])] == [0.5, None, 0.0]


def test_the_same_model_scores_the_same_from_another_place(
    folder: Path, scorer: RewardScorer, tmp_path: Path
) -> None:
    shutil.copytree(folder.parent, tmp_path / "moved")
    moved = RewardScorer(str(tmp_path / "moved" / "judge"))
    assert moved.name == scorer.name
    assert [(s.id, s.value) for s in moved.score(REPLIES)] == [(s.id, s.value) for s in scorer.score(REPLIES)]
    assert moved.score(REPLIES[:1])[0].settings_hash == scorer.score(REPLIES[:1])[0].settings_hash


def test_what_is_read_otherwise_differs_and_keeps_to_the_longest(scorer: RewardScorer) -> None:
    dialogues = [(prompt, answer) for prompt in ASKED for answer in ANSWERS]
    as_trained, two_ends = scorer.rewards(dialogues), scorer.rewards_read(dialogues, "two-ends")
    bare = scorer.rewards_read(dialogues, "no-template")
    assert len(as_trained) == len(two_ends) == len(bare)
    assert all(one != other for one, other in zip(as_trained, two_ends, strict=True))
    assert sum(one != other for one, other in zip(as_trained, bare, strict=True)) >= len(bare) // 2
