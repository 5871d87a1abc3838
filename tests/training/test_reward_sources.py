"""Rewards from beside the policy's base: each source alone, and PPO that learns from them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from reward_parts import asked
from small_training import CPU, TINY, add_drawn_role, fresh_base, journal_of, ppo_settings

from dajeong.errors import DajeongError, EnvironmentProblem, QualityProblem, UsageProblem
from dajeong.judging.classifier import ClassifierScorer
from dajeong.judging.reward_model import RewardScorer
from dajeong.models.adapters import AdapterNotes, base_of, save_role, template_of
from dajeong.models.base import load_base
from dajeong.models.scoring import scored_ids
from dajeong.models.tiny import write_tiny
from dajeong.recipe import load
from dajeong.records import Decoding, Dialogue
from dajeong.storage import write_records
from dajeong.templates import TEMPLATES
from dajeong.training import ppo
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.reward_source_settings import LengthSettings, ReaderSettings, RewardsSettings
from dajeong.training.reward_sources import LengthSource, Policy, RuleSource, Sources, parts_of, sources_of
from dajeong.training.rewards import Answer, Part, total
from dajeong.workplace import Workplace
from small_classifiers import write_decoder, write_encoder

READERS: dict[str, Any] = {"label": "kind", "output": "log_odds"}


@pytest.fixture(scope="module")
def judges(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`abroad`: a reward adapter on a base with another tokenizer; `near`: on another base, the tokenizer the
    policy's; `encoder` and `decoder`: classifiers.
    """
    folder = tmp_path_factory.mktemp("judges")
    write_tiny(folder / "other", ["다른 말로 쓴 글이에요. 여기는 다른 곳이에요."] * 5, TINY, seed=1)
    near = fresh_base(models)
    with torch.no_grad():
        for weight in near.model.base.parameters():
            weight.mul_(1.1)
    near.model.base.save_pretrained(folder / "twin")  # type: ignore[operator]
    near.tokenizer.save(folder / "twin")
    for name, base, template in (("abroad", "other", "kullm"), ("near", "twin", "koalpaca")):
        loaded = load_base(str(folder / base), CPU)
        add_drawn_role(loaded, "reward", 5, trainable=False)
        loaded.model.add_head("reward", trainable=False, seed=5)
        notes = AdapterNotes(role="reward", reward_mean=0.5, reward_deviation=2.0, max_tokens=60)
        save_role(loaded, "reward", folder / name, TEMPLATES[template], notes)
    write_encoder(folder / "encoder")
    write_decoder(folder / "decoder")
    return folder


@pytest.fixture(scope="module")
def policy(models: Path) -> Policy:
    base = fresh_base(models)
    return Policy(base_of(models / "sft")[0], base.tokenizer, template_of(models / "sft"), CPU)


def answer(policy: Policy, question: str, text: str, *, ended: bool = True, **fields: Any) -> Answer:
    prompt = Dialogue(id=question, messages=asked(question), **fields)
    ids = scored_ids(prompt.messages, text, policy.template, policy.tokenizer, 500)
    num_tokens = len(policy.tokenizer.encode(text)) + ended
    drawn = f" {text}" if text else ""  # KoAlpaca's template begins its answers with a blank
    return Answer(prompt, drawn, ids if ended else ids[:-1], num_tokens, ended)


def sources(policy: Policy, models: dict[str, str], **settings: Any) -> Sources:
    weights = dict.fromkeys(models, 1.0)
    return sources_of(RewardsSettings(rewards=weights, **settings), models, policy)


def test_what_lives_on_the_policys_base_is_left_to_its_forward(
    models: Path, judges: Path, policy: Policy
) -> None:
    given = {"kind": str(models / "reward-kind"), "abroad": str(judges / "abroad")}
    found = sources(policy, given, rules={"harmless": 0.5}, length=LengthSettings(weight=0.1, longest=9))
    assert found.roles == {"kind": models / "reward-kind"}
    assert [each.name for each in found.others] == ["reward-abroad", "rule-harmless", "length"]


def test_a_reward_model_on_another_base_reads_text_with_its_own_tokenizer_and_template(
    judges: Path, policy: Policy
) -> None:
    (source,) = sources(policy, {"abroad": str(judges / "abroad")}).others
    answers = [
        answer(policy, "점심?", "국수요."),
        answer(policy, "비 와?", "우산 챙기세요", ended=False),
        answer(policy, "안녕", ""),
    ]
    scorer = RewardScorer(str(judges / "abroad"), CPU)
    shown = [(each.prompt.messages, each.text.strip()) for each in answers]
    ended, unended = scorer.rewards(shown), scorer.rewards_unended(shown)
    assert source.score(answers) == pytest.approx([ended[0], unended[1], ended[2]], abs=1e-5)
    assert abs(ended[1] - unended[1]) > 1e-3, "a reply that never ended gets no end"
    assert (source.mean, source.deviation) == (0.5, 2.0)
    assert source.score([]) == []
    other = sources(
        policy, {"abroad": str(judges / "abroad")}, readers={"abroad": {"mean": 1, "deviation": 3}}
    )
    assert (other.others[0].mean, other.others[0].deviation) == (1, 3)


def test_the_policys_tokens_are_read_where_they_are_the_reward_models_too(
    judges: Path, policy: Policy
) -> None:
    tokens = sources(policy, {"near": str(judges / "near")}, readers={"near": {"level": "tokens"}}).others[0]
    text = sources(policy, {"near": str(judges / "near")}).others[0]
    answers = [answer(policy, "점심?", "국수요."), answer(policy, "비 와?", "네", ended=False)]
    assert tokens.score(answers) == pytest.approx(text.score(answers), abs=1e-5)


def test_the_policys_tokens_are_refused_where_they_would_say_something_else(
    judges: Path, policy: Policy
) -> None:
    readers = {"abroad": {"level": "tokens"}}
    with pytest.raises(UsageProblem) as caught:
        sources(policy, {"abroad": str(judges / "abroad")}, readers=readers)
    assert caught.value.code == "reward-not-tokens" and caught.value.parameters["what"] == "tokenizer"
    assert "as text" in str(caught.value), "it names the next move"
    other = policy._replace(template=TEMPLATES["alpaca"])
    with pytest.raises(UsageProblem) as caught:
        sources(other, {"near": str(judges / "near")}, readers={"near": {"level": "tokens"}})
    assert caught.value.parameters["what"] == "template"


def test_a_reader_for_what_needs_none_is_refused(models: Path, policy: Policy) -> None:
    with pytest.raises(UsageProblem) as caught:
        sources(policy, {"kind": str(models / "reward-kind")}, readers={"kind": {"mean": 1}})
    assert caught.value.code == "reward-reader-unused"


@pytest.mark.parametrize("where", ["here", "abroad"])
def test_an_adapter_without_a_score_head_is_no_reward_model(
    models: Path, judges: Path, policy: Policy, where: str
) -> None:
    elsewhere = policy if where == "here" else policy._replace(base="elsewhere")
    with pytest.raises(EnvironmentProblem) as caught:
        sources(elsewhere, {"sft": str(models / "sft")})
    assert (caught.value.code, caught.value.exit_code) == ("reward-no-head", 4)


def test_any_classifier_gives_rewards_of_the_class_that_is_wanted(judges: Path, policy: Policy) -> None:
    (source,) = sources(policy, {"encoder": str(judges / "encoder")}, readers={"encoder": READERS}).others
    answers = [answer(policy, "점심?", "국수요."), answer(policy, "뭐야?", "바보야", ended=False)]
    scorer = ClassifierScorer(str(judges / "encoder"), ReaderSettings(**READERS), CPU)
    shown = [(each.prompt.messages, each.text.strip()) for each in answers]
    assert source.score(answers) == scorer.rewards(shown)
    assert (source.name, source.mean, source.deviation) == ("reward-encoder", 0, 1)
    (chat,) = sources(
        policy, {"decoder": str(judges / "decoder")}, readers={"decoder": {"form": "chat"}}
    ).others
    assert len(set(chat.score(answers))) == 2


def test_a_reward_that_is_no_number_stops_the_run(judges: Path, policy: Policy) -> None:
    (source,) = sources(policy, {"abroad": str(judges / "abroad")}).others
    with torch.no_grad():
        source._scorer._model.score("reward").fill_(math.nan)  # type: ignore[attr-defined]
    with pytest.raises(QualityProblem) as caught:
        source.score([answer(policy, "점심?", "국수요.")])
    assert (caught.value.code, caught.value.exit_code) == ("reward-not-finite", 6)


def test_rules_are_1_where_they_hold(policy: Policy) -> None:
    texts = ["김치찌개 어때요?", "꺼져 바보야", ""]
    answers = [answer(policy, "점심?", text, meta={"fact": "김치찌개"}) for text in texts]
    found = {name: RuleSource(name).score(answers) for name in ("harmless", "friendly", "correct")}
    assert found == {"harmless": [1, 0, 0], "friendly": [1, 0, 0], "correct": [1, 0, 0]}
    assert RuleSource("correct").score([answer(policy, "점심?", texts[0])]) == [0], "no fact, nothing gained"


@pytest.mark.parametrize(
    ("limits", "rewards"),
    [
        ({"longest": 4}, [0, 0, -0.5, -1, -1]),
        ({"shortest": 5}, [-1, -0.5, 0, 0, 0]),
        ({"shortest": 4, "longest": 5}, [-1, 0, 0, -0.5, -1]),
    ],
)
def test_a_length_costs_nothing_in_its_range_and_all_of_it_far_away(
    policy: Policy, limits: dict[str, int], rewards: list[float]
) -> None:
    one = answer(policy, "점심?", "국수")
    answers = [one._replace(num_tokens=num) for num in (2, 4, 5, 6, 60)]
    found = LengthSource(LengthSettings(weight=1, slack=2, **limits)).score(answers)
    assert found == [max(-1.0, each) for each in rewards]


# --- how several become one score

ENSEMBLE = {"a": Part(0.5, 1.0, 2.0), "b": Part(0.5, 0.0, 1.0), "rule": Part(0.25, is_model=False)}


def test_an_ensemble_counts_by_its_mean_or_by_its_worst_and_rules_are_added() -> None:
    raw = {"a": 5.0, "b": -1.0, "rule": 1.0}  # normalised 2 and −1
    assert total(raw, ENSEMBLE, 10) == pytest.approx(0.5 * 2 - 0.5 + 0.25)
    assert total(raw, ENSEMBLE, 10, "min") == pytest.approx(-1 + 0.25)
    assert total(raw, ENSEMBLE, 0.5) == pytest.approx(0.5 * 0.5 - 0.5 * 0.5 + 0.25 * 0.5)


def test_parts_follow_the_recipe_and_carry_their_normalisation(judges: Path, policy: Policy) -> None:
    settings = RewardsSettings(
        rewards={"abroad": 0.7, "kind": 0.3}, rules={"harmless": 0.2},
        length=LengthSettings(weight=0.1, longest=9),
    )  # fmt: skip
    others = sources_of(settings, {"abroad": str(judges / "abroad")}, policy).others
    notes = AdapterNotes(role="reward", reward_mean=-1.0, reward_deviation=4.0)
    assert parts_of(settings, {"reward-kind": notes}, others) == {
        "reward-abroad": Part(0.7, 0.5, 2.0),
        "reward-kind": Part(0.3, -1.0, 4.0),
        "rule-harmless": Part(0.2, is_model=False),
        "length": Part(0.1, is_model=False),
    }


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"rewards": {"a": 1.0}, "readers": {"b": {}}},
        {"rules": {"polite": 1.0}},
        {"length": {"weight": 1.0}},
        {"length": {"weight": 1.0, "shortest": 9, "longest": 3}},
    ],
    ids=["no reward", "reader of nothing", "unknown rule", "no length", "no room"],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RewardsSettings(**settings)


# --- PPO


def learned(tmp_path: Path, policy: Path, rewards: dict[str, Path], **changed: Any) -> Workplace:
    prompts = [Dialogue(id=f"p{n}", messages=asked(f"질문 {n}?")) for n in range(5)]
    write_records(tmp_path / "prompts.jsonl", prompts)
    inputs: dict[str, Any] = {
        "policy": (policy,), "rewards": tuple(rewards.values()), "prompts": (tmp_path / "prompts.jsonl",)
    }  # fmt: skip
    names = {"policy": ("sft",), "rewards": tuple(rewards)}
    work = Workplace(run=tmp_path, name="ppo", seed=3, inputs=inputs, model_names=names)
    values: dict[str, Any] = {
        "rewards": dict.fromkeys(rewards, 0.5), "prompts_per_update": 6, "mini_batches": 1, "epochs": 1,
        "decoding": Decoding(max_new_tokens=6), "runtime": CPU,
    }  # fmt: skip
    ppo.run(PpoSettings(**{**ppo_settings().model_dump(), **values, **changed}), work)
    return work


def rollouts_of(work: Workplace) -> list[dict[str, Any]]:
    return [line for line in journal_of(work) if line["event"] == "rollout"]


def test_ppo_learns_from_all_of_them_at_once_and_logs_each(
    models: Path, judges: Path, tmp_path: Path
) -> None:
    rewards = {
        "kind": models / "reward-kind", "abroad": judges / "abroad", "encoder": judges / "encoder",
    }  # fmt: skip
    work = learned(
        tmp_path, models / "sft", rewards, readers={"encoder": READERS}, rules={"harmless": 0.2},
        length={"weight": 0.1, "longest": 4}, missing_eos_penalty=0,
    )  # fmt: skip
    for line in rollouts_of(work):
        raw = {name.removeprefix("raw/"): value for name, value in line.items() if name.startswith("raw/")}
        assert set(raw) == {"reward-kind", "reward-abroad", "reward-encoder", "rule-harmless", "length"}
        assert all(math.isfinite(value) for value in raw.values())
    assert (work.model_folder / "adapter_model.safetensors").is_file()


def test_ppo_without_any_reward_on_its_base_values_with_a_head_of_its_own(
    models: Path, judges: Path, tmp_path: Path
) -> None:
    work = learned(tmp_path, models / "sft", {"abroad": judges / "abroad"})
    (first, *_) = rollouts_of(work)
    assert first["kl"] == 0 and "raw/reward-abroad" in first
    ruled = learned(tmp_path / "rules", models / "sft", {}, rules={"harmless": 1.0})
    assert "raw/rule-harmless" in rollouts_of(ruled)[0]


def test_ppo_refuses_a_reward_model_without_a_head_before_it_draws(models: Path, tmp_path: Path) -> None:
    with pytest.raises(DajeongError) as caught:
        learned(tmp_path, models / "sft", {"sft": models / "sft"})
    assert caught.value.code == "reward-no-head"
    assert not (tmp_path / "steps" / "ppo" / "journal.jsonl").is_file()


# --- recipes

RECIPE = """
name: some
model: tiny
steps:
  talk: {use: smalltalk}
  base: {use: base, text: talk/text}
  sft: {use: sft, model: base, data: talk/sft}
  ppo: {use: ppo, policy: sft, prompts: talk/ppo_prompts, REWARDS}
"""


def loaded(tmp_path: Path, rewards: str) -> PpoSettings:
    path = tmp_path / "some.yaml"
    path.write_text(RECIPE.replace("REWARDS", rewards), encoding="utf-8")
    settings = {step.name: step.settings for step in load(str(path)).steps}["ppo"]
    assert isinstance(settings, PpoSettings)
    return settings


def test_a_recipe_names_models_rules_and_a_length(tmp_path: Path) -> None:
    ruled = loaded(tmp_path, "rules: {harmless: .2}, length: {weight: .1, longest: 60}")
    assert (ruled.rules, ruled.rewards) == ({"harmless": 0.2}, {})
    hub = loaded(tmp_path, "rewards: {org/judge: .5}, readers: {org/judge: {label: kind, form: reply}}")
    assert hub.readers["org/judge"].label == "kind" and hub.rewards == {"org/judge": 0.5}


@pytest.mark.parametrize("rewards", ["rules: {polite: 1}", "updates: 9", "rewards: {sfd: 1.0}"])
def test_a_recipe_without_a_reward_that_exists_is_refused(tmp_path: Path, rewards: str) -> None:
    with pytest.raises(UsageProblem):
        loaded(tmp_path, rewards)
