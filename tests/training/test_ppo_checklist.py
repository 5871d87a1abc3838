"""Rows P1 to P17 of the checklist for PPO; each docstring says on which broken version its test failed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from loop_parts import loop_of
from ppo_parts import asked, moved_away, ready, two_ranks
from small_training import (
    END,
    ONE_EACH,
    Scripted,
    Trace,
    assert_close_gradients,
    bytes_of,
    journal_of,
    make_ppo,
    optimizer,
    watch_ratios,
)
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM

from dajeong.errors import QualityProblem, UsageProblem
from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel
from dajeong.models.scoring import rewards_of
from dajeong.records import Decoding
from dajeong.rollout.engine import Completion, Request
from dajeong.rollout.native import NativeEngine
from dajeong.training import rollouts as rollouts_module
from dajeong.training.critic import VALUE
from dajeong.training.experience import Experience, joined
from dajeong.training.guards import Guards
from dajeong.training.rewards import Answer, Part
from dajeong.training.rollout_settings import GuardSettings
from dajeong.training.rollouts import POLICY, REFERENCE
from dajeong.training.settings import OptimizerSettings
from dajeong.workplace import Workplace


def fixed(*replies: tuple[Sequence[int], bool]) -> Any:
    """An engine that gives these replies in turn, each with whether it ended."""

    class Fixed:
        def generate(self, requests: Sequence[Request], on_token: Any = None) -> list[Completion]:
            given = [replies[place % len(replies)] for place in range(len(requests))]
            return [
                Completion(tuple(ids), (-9.0,) * len(ids), "eos" if ended else "length")
                for ids, ended in given
            ]

    return Fixed()


EARLY, FULL, ABSENT = ([7, END], True), ([7, 8, 9, 10, 11, END], True), ([7, 8, 9, 10, 11, 12], False)
"""An end before the limit, at the limit, and none."""


# --- P1


@pytest.mark.parametrize("critic", ["role", "head", "model"])
def test_P1_policy_and_reference_are_equal_to_the_bit(models: Path, tmp_path: Path, critic: str) -> None:
    """Fails where the reference is the bare base (LLaMA-Factory had that)."""
    algorithm = ready(models, native=True, critic=critic)
    for e in algorithm.experience(0):
        assert bytes_of(e.columns["logprobs"]) == bytes_of(e.columns["reference"])
    (line,) = [note for note in algorithm.notes if note.event == "rollout"]
    assert line.values["kl"] == 0.0
    if critic != "model":  # whose forwards read no log-probabilities
        ratios = watch_ratios(again := ready(models, native=True, critic=critic))
        Trace(again, tmp_path)
        assert float((ratios[0] - 1).abs().max()) <= 1e-5


def test_P1_a_reference_that_is_not_the_start_is_refused(models: Path) -> None:
    """Before any update; later a divergence is what PPO is about. Fails without `refuse_other_reference`."""
    algorithm = ready(models)
    with moved_away(algorithm.base):
        with pytest.raises(UsageProblem) as caught:
            algorithm.experience(0)
        algorithm.experience(1)
    assert caught.value.code == "reference-not-the-start" and caught.value.exit_code == 2


# --- P2


def test_P2_log_probabilities_are_of_the_distribution_that_draws(models: Path) -> None:
    """All tokens that could follow a prompt, one reply each: probabilities under softmax(logits / .8) sum to
    1, and the mean of log π − log π_ref under them is KL(π, π_ref) ≥ 0 exactly. Fails where the temperature
    is left out of the scoring forward.
    """
    algorithm = ready(models)
    model, prompt = algorithm.base.model, [5, 6, 7]
    vocabulary = range(model.config.vocab_size)
    replies = [Experience(prompt, [token], False) for token in vocabulary]
    with moved_away(algorithm.base):
        algorithm.rollouts._read(replies, None)
        heated = {}
        for role in (POLICY, REFERENCE):
            batch = pack([Sequence_(prompt, role)])
            hidden = model.hidden(batch.ids, batch.positions, batch.layout)[0, -1]
            heated[role] = (model.logits(hidden).double() / 0.8).log_softmax(-1).detach()
    logs, reference = (joined(replies, name).double() for name in ("logprobs", "reference"))
    exact = float((heated[POLICY].exp() * (heated[POLICY] - heated[REFERENCE])).sum())
    assert float(logs.exp().sum()) == pytest.approx(1, abs=1e-5)
    found = float((heated[POLICY].exp() * (logs - reference)).sum())
    assert exact > 1e-3 and found == pytest.approx(exact, rel=1e-3) and found >= 0


def test_P2_what_the_engine_draws_has_the_same_probability(models: Path) -> None:
    """Fails where the log-probabilities are of temperature 1 and the draws of .8."""
    algorithm = ready(models, native=True)
    engine = algorithm.rollouts.engine
    seen: list[Completion] = []

    class Kept:
        def generate(self, requests: Sequence[Request], on_token: Any = None) -> list[Completion]:
            seen.extend(engine.generate(requests, on_token))
            return seen

    algorithm.rollouts.engine = Kept()
    for e, completion in zip(algorithm.experience(0), seen, strict=True):
        assert e.columns["logprobs"].tolist() == pytest.approx(list(completion.logprobs), abs=1e-4)


# --- P3


def test_P3_old_log_probabilities_come_from_the_training_forward(models: Path, tmp_path: Path) -> None:
    """The scripted engine says −9 of every token; the first ratio is 1 all the same. Fails where what the
    engine says is taken over.
    """
    ratios = watch_ratios(algorithm := ready(models, engine=fixed(EARLY, FULL, ABSENT), kl=0.0))
    Trace(algorithm, tmp_path)
    assert len(ratios[0]) > 10 and float((ratios[0] - 1).abs().max()) <= 1e-5


# --- P4


def test_P4_the_end_is_learned_and_nothing_after_it(models: Path) -> None:
    """EOS early, at the limit, absent: its log-probability has a gradient wherever it was drawn, and the
    weights count it. Fails where the last token of a reply is left out, as where pad = eos masks it.
    """
    algorithm = ready(models, engine=fixed(EARLY, FULL, ABSENT), prompts_per_update=3, mini_batches=1)
    algorithm.buffer = algorithm.experience(0)
    assert [len(e.columns["logprobs"]) for e in algorithm.buffer] == [2, 6, 6]
    assert [e.reply.count(END) for e in algorithm.buffer] == [1, 1, 0]
    for e in algorithm.buffer:
        (batch,) = algorithm.forwards.of([e], [5, 6])
        assert batch.weights["policy"] == len(e.reply)
        assert batch.tokens.targets.tolist() == e.reply, "every token of the reply is learned, no other"
        logs = algorithm.base.model(batch.tokens).logprobs
        batch.columns["advantages"].fill_(1.0)
        (slopes,) = torch.autograd.grad(
            algorithm.loss(algorithm.base.model(batch.tokens)._replace(logprobs=logs), batch)["policy"], logs
        )
        assert bool((slopes < 0).all())


# --- P5


def test_P5_the_score_is_earned_by_the_last_token(models: Path) -> None:
    """With γ .5, λ 1 and no KL, the return of a token is .5^(tokens still to come) · score. Fails where the
    score lands one token earlier.
    """
    algorithm = ready(models, engine=fixed(EARLY, FULL, ABSENT), kl=0.0, gamma=0.5, lam=1.0)
    for e in algorithm.experience(0):
        expected = [0.5 ** (len(e.reply) - 1 - place) * e.score for place in range(len(e.reply))]
        assert e.columns["returns"].tolist() == pytest.approx(expected, abs=1e-5)


# --- P6


def test_P6_whitening_is_over_all_tokens_of_all_processes(models: Path) -> None:
    """Two processes have the advantages of one: mean 0, deviation 1 over the rollout, not over each share.
    Fails where a process whitens what it drew itself.
    """
    alone = ready(models).experience(0)
    numbers = joined(alone, "advantages").double()
    assert float(numbers.mean()) == pytest.approx(0, abs=1e-6)
    assert float(numbers.std(unbiased=False)) == pytest.approx(1, abs=1e-5)
    raw = (joined(alone, "returns") - joined(alone, "values")).double()
    assert torch.allclose(numbers, (raw - raw.mean()) / raw.std(unbiased=False), atol=1e-4)
    for one in two_ranks(lambda parallel: ready(models, parallel=parallel)):
        buffer = one.buffer
        assert [e.reply for e in buffer] == [e.reply for e in alone]
        assert torch.allclose(joined(buffer, "advantages"), joined(alone, "advantages"), atol=1e-4)


def test_P6_rewards_keep_their_mean(models: Path) -> None:
    """Only advantages lose it: a score is not whitened over the rollout. Fails where `_credit` whitens
    scores.
    """
    scores = [e.score for e in ready(models).experience(0)]
    mean = sum(scores) / len(scores)
    returns = [float(e.columns["returns"][-1]) for e in ready(models, kl=0.0, lam=1.0).experience(0)]
    assert abs(mean) > 0.05 and sum(returns) / len(returns) == pytest.approx(mean, abs=1e-5)


# --- P7


def test_P7_every_token_counts_the_same_however_it_is_cut(models: Path, tmp_path: Path, wide: None) -> None:
    """Fails with means of micro-batches instead of sums and weights."""
    short: dict[str, Any] = {"double": True, "epochs": 1, "mini_batches": 1}
    whole = Trace(make_ppo(models, **short), tmp_path / "whole")
    parts = Trace(make_ppo(models, micro=ONE_EACH, **short), tmp_path / "parts")
    assert len(set(whole.num_micro_batches)) == 1 and parts.num_micro_batches[0] >= 8
    assert_close_gradients(whole.gradients, parts.gradients, 1e-10)


# --- P8


def test_P8_nothing_drops_in_ppo_not_even_what_dropped_in_sft(models: Path, tmp_path: Path) -> None:
    """From an adapter that was trained with a dropout of .5. Fails with `model.learning()` in the step."""
    for folder in models.iterdir():
        (tmp_path / folder.name).symlink_to(folder)
    (tmp_path / "sft").unlink()
    (tmp_path / "sft").mkdir()
    for file in (models / "sft").iterdir():
        text = file.read_bytes()
        if file.name == "adapter_config.json":
            text = text.replace(b'"lora_dropout": 0.0', b'"lora_dropout": 0.5')
            assert b"0.5" in text
        (tmp_path / "sft" / file.name).write_bytes(text)
    algorithm = ready(tmp_path)
    assert algorithm.base.model.lora[POLICY].dropout == 0.5
    ratios = watch_ratios(algorithm)
    Trace(algorithm, tmp_path / "run")
    assert float((ratios[0] - 1).abs().max()) <= 1e-5
    assert not any(module.training for module in algorithm.base.model.base.modules())


# --- P9


@pytest.mark.parametrize("most", [1e-3, 1e9])
def test_P9_gradients_are_clipped_role_by_role_and_the_journal_tells_what_was(
    models: Path, tmp_path: Path, most: float
) -> None:
    """One loop clips for every engine; seen to fail where `clip_grad_norm_` was left out, and where one norm
    was taken over both roles.
    """
    chosen = {"optimizer": optimizer(max_grad_norm=most), "value_optimizer": optimizer(max_grad_norm=most)}
    loop = loop_of(ready(models, **chosen), tmp_path)
    norms: list[dict[str, float]] = []
    adamw, step = loop.optimizer._adamw, loop.optimizer._adamw.step

    def watched(*arguments: Any, **options: Any) -> Any:
        norms.append(
            {
                role: float(nn.utils.get_total_norm([w.grad for w in owned.values() if w.grad is not None]))
                for role, owned in loop.optimizer.parameters.items()
            }
        )
        return step(*arguments, **options)

    adamw.step = watched  # type: ignore[method-assign]
    loop.run()
    told = [line["grad_norm"] for line in journal_of(loop.work) if line["event"] == "update"]
    for after, before in zip(norms, told, strict=True):
        for role in (POLICY, VALUE):
            assert before[role] > 1e-3
            assert after[role] == pytest.approx(min(before[role], most), rel=1e-2)


# --- P10


def test_P10_values_stand_before_the_action_and_the_end_is_the_end(models: Path) -> None:
    """λ = 1 gives Monte-Carlo returns, of replies that ended and of those that were cut: no bootstrap, since
    a cut reply has paid its penalty. Fails where `value_at` begins one later, and with a bootstrap of cut
    replies.
    """
    algorithm = ready(models, engine=fixed(EARLY, FULL, ABSENT), kl=0.2, lam=1.0)
    with moved_away(algorithm.base):
        buffer = algorithm.experience(1)
        for e in buffer[:3]:
            batch = pack([Sequence_(e.ids, VALUE, value_at=range(len(e.ids)))])
            read = algorithm.critic.values(algorithm.base.model(batch)).detach()
            assert torch.allclose(e.columns["values"], read[len(e.prompt) - 1 : -1], atol=1e-4)
    for e in buffer:
        rewards = (-0.2 * (e.columns["logprobs"] - e.columns["reference"])).tolist()
        rewards[-1] += e.score
        direct = [math.fsum(rewards[place:]) for place in range(len(rewards))]
        assert e.columns["returns"].tolist() == pytest.approx(direct, abs=1e-4)


# --- P11


def test_P11_a_cut_reply_earns_less_than_the_same_reply_with_its_end(models: Path) -> None:
    """By the penalty, once, whatever its raw rewards. Fails with the penalty left out, and with it taken in
    the token rewards as well.
    """
    whole, cut = (ready(models, engine=fixed(([7, 8, 9], ended)), kl=0.0, lam=1.0) for ended in (True, False))
    for one, other in zip(whole.experience(1), cut.experience(1), strict=True):
        assert one.rewards == other.rewards
        assert one.score - other.score == pytest.approx(1.0, abs=1e-6)
        gap = one.columns["returns"] - other.columns["returns"]
        assert gap.tolist() == pytest.approx([1.0] * 3, abs=1e-5)


# --- P12


def test_P12_rewards_read_the_ids_that_were_drawn_and_no_special_token(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reward roles read prompt and reply, the end included, nothing padded; a source of text sees
    neither end nor pad. Fails where replies are padded to one length, and where control tokens are decoded.
    """
    packed: list[Sequence_] = []

    def watched(sequences: Sequence[Sequence_], *rest: Any, **options: Any) -> Any:
        packed.extend(sequences)
        return pack(sequences, *rest, **options)

    monkeypatch.setattr(rollouts_module, "pack", watched)
    heard: list[Answer] = []

    class Listening:
        name, mean, deviation = "listening", 0.0, 1.0

        def score(self, answers: Sequence[Answer]) -> list[float]:
            heard.extend(answers)
            return [0.0] * len(answers)

    algorithm = ready(models, engine=fixed(EARLY, FULL, ABSENT))
    algorithm.rollouts.sources = [Listening()]
    algorithm.rollouts.shaping.parts["listening"] = Part(1.0, is_model=False)
    tokenizer = algorithm.base.tokenizer
    buffer = algorithm.experience(0)
    read = [list(each.ids) for each in packed if each.role == "reward-kind"]
    assert sorted(read) == sorted(e.ids for e in buffer)
    assert all(tokenizer.pad_id not in ids and END not in ids[:-1] for ids in read)
    assert [answer.text for answer in heard] == [
        tokenizer.decode([i for i in e.reply if i != END]) for e in buffer
    ]
    assert not any("<|" in answer.text for answer in heard) and len(heard) == len(buffer)


# --- P13


def test_P13_the_weight_of_divergence_follows_whole_replies_and_is_kept(models: Path, tmp_path: Path) -> None:
    """Of replies of 6 tokens: six times the divergence of a token. A run that goes on has the weight of one
    that never stopped. Fails with the mean over tokens, and where `state` has no weight.
    """
    chosen: dict[str, Any] = {"adaptive_kl": {"target": 1.0, "gain": 1.0, "bound": 100.0}, "kl": 0.1}
    algorithm = ready(models, engine=fixed(FULL, ABSENT), **chosen)
    with moved_away(algorithm.base):
        buffer = algorithm.experience(1)
    whole = sum(float((e.columns["logprobs"] - e.columns["reference"]).sum()) for e in buffer) / len(buffer)
    assert abs(whole) > 1e-3 and algorithm.kl.weight == pytest.approx(0.1 * whole, rel=1e-4)
    algorithm.buffer = buffer
    again = ready(models, engine=fixed(FULL, ABSENT), **chosen)
    again.restore(algorithm.state())
    assert again.kl.weight == algorithm.kl.weight != 0.1


# --- P14


class Loud:
    """A reward with a hole in it: the more exclamation marks, the better."""

    name, mean, deviation = "reward-loud", 0.0, 1.0

    def score(self, answers: Sequence[Answer]) -> list[float]:
        return [float(answer.text.count("!")) for answer in answers]


class Learner(Scripted):
    """Finds the hole: with every rollout more of its letters are the mark."""

    def __init__(self, letters: Sequence[int], mark: int) -> None:
        self.letters, self.mark, self.rollouts = letters, mark, 0

    def generate(self, requests: Sequence[Request], on_token: Any = None) -> list[Completion]:
        self.rollouts += 1
        return [self._hacked(request) for request in requests]

    def _hacked(self, request: Request) -> Completion:
        draw, share = random.Random(request.seed), self.rollouts / 6
        words = [self.mark if draw.random() < share else draw.choice(self.letters) for _ in range(12)]
        return Completion((*words, END), (0.0,) * 13, "eos")


def test_P14_a_known_hole_in_the_reward_trips_the_alarm(models: Path, tmp_path: Path) -> None:
    """The reward rises all along; what is said again and again does, too. First a warning, then exit code 6
    with the last good policy named. Fails where the guards read neither repetition nor distinct
    pairs.
    """
    work = Workplace(run=tmp_path, name="ppo", seed=3)
    guards = Guards(GuardSettings(action="stop"), work)
    algorithm = ready(models, guards=guards, updates=8)
    encode = algorithm.base.tokenizer.encode
    algorithm.rollouts.engine = Learner(encode("a b c d e f g h"), *encode("!"))
    algorithm.rollouts.sources = [Loud()]
    algorithm.rollouts.shaping.parts["reward-loud"] = Part(1.0)
    loop = loop_of(algorithm, tmp_path / "run")
    with pytest.raises(QualityProblem) as caught:
        loop.run()
    assert caught.value.exit_code == 6 and str(caught.value.parameters["good"]).endswith("last-good")
    lines = journal_of(loop.work)
    loud = [line["raw/reward-loud"] for line in lines if line["event"] == "rollout"]
    assert loud == sorted(loud) and loud[-1] > 2 * loud[0] and len(loud) < 8
    stopped = [line["beyond"] for line in lines if line["event"] == "guard"][-1]
    assert "repetition" in stopped or "distinct_2" in stopped


# --- P15


def test_P15_the_critic_knows_something_before_the_policy_moves(models: Path, tmp_path: Path) -> None:
    """ε is 1e-5 and rates rise by default; with a warm-up of the critic, the first rollout that the policy
    learns from has an explained variance above 0. Fails where the critic does not move in the warm-up.
    """
    defaults = OptimizerSettings(learning_rate=1e-4)
    assert defaults.epsilon == 1e-5 and defaults.warmup_ratio > 0
    chosen: dict[str, Any] = {"updates": 12, "value_warmup": 0.8, "mini_batches": 1, "kl": 0.0}
    trace = Trace(
        ready(models, value_optimizer=optimizer(learning_rate=3e-3), value_clip=10.0, **chosen), tmp_path
    )
    known = [line["explained_variance"] for line in trace.journal if line["event"] == "credit"]
    warm = ready(models, **chosen).settings.warmup_rollouts
    assert warm == 10 and known[0] < 0 < known[warm]


# --- P16


@pytest.mark.parametrize("family", ["neox", "gpt2"])
def test_P16_a_prompt_drawn_beside_longer_ones_has_the_probabilities_it_has_alone(family: str) -> None:
    """No prompt is padded on the left; learned positions would show it. Fails where the engine counts
    positions from the end of the longest prompt.
    """
    torch.manual_seed(3)
    common: dict[str, Any] = {
        "vocab_size": 97,
        "bos_token_id": None,
        "eos_token_id": END,
        "pad_token_id": END,
    }
    network: Any
    if family == "neox":
        network = GPTNeoXForCausalLM(
            GPTNeoXConfig(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                max_position_embeddings=64,
                **common,
            )
        )
    else:
        network = GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=64, **common))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    model = RoleModel(network.eval())
    decoding = Decoding(max_new_tokens=8)
    requests = [
        Request(tuple(range(1, 1 + size)), seed, decoding, None, frozenset({END}))
        for seed, size in enumerate((2, 30, 9, 17))
    ]
    together = NativeEngine(model).generate(requests)
    for request, beside in zip(requests, together, strict=True):
        (alone,) = NativeEngine(model).generate([request])
        assert alone.ids == beside.ids
        ids = [*request.ids, *beside.ids]
        learn = [False] * len(request.ids) + [True] * len(beside.ids)
        with torch.no_grad():
            read = model(pack([Sequence_(ids, None, learn)])).logprobs
        assert read.tolist() == pytest.approx(list(beside.logprobs), abs=1e-4)


# --- P17


def test_P17_reward_models_say_the_same_before_and_after(models: Path, tmp_path: Path) -> None:
    """Of fixed texts, to the bit, after updates that moved policy and value. Fails where the value role
    shares the first reward's head instead of copying it.
    """
    algorithm = ready(models, updates=3)
    model = algorithm.base.model
    fixed_ids = [[*prompt.ids, 9, 9, END] for prompt in asked(4)]
    names = ("reward-kind", "reward-firm", VALUE)
    before = {name: rewards_of(model, name, fixed_ids, 1000) for name in names}
    Trace(algorithm, tmp_path)
    after = {name: rewards_of(model, name, fixed_ids, 1000) for name in names}
    assert before["reward-kind"] == after["reward-kind"] and before["reward-firm"] == after["reward-firm"]
    assert before[VALUE] != after[VALUE]
    for name in ("reward-kind", "reward-firm"):
        assert not any(weight.requires_grad for weight in model.parameters_of(name).values())
