"""The reward rows of the correctness checklist, one test each, named after its row.

Every docstring says on which broken version the test was seen to fail.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from reward_parts import asked, preference, preferences, reward_settings, talks, words, workplace
from small_training import LORA, WORDS, add_drawn_role, fresh_base, make_reward, ppo_base, ppo_settings

from dajeong.data import mixture
from dajeong.data.mixture_entries import prompt_group
from dajeong.data.mixture_settings import MixSettings
from dajeong.errors import DataProblem
from dajeong.evaluation.reward_report import report
from dajeong.evaluation.settings import RewardReportSettings
from dajeong.judging.reward_model import RewardScorer
from dajeong.models.adapters import load_role, notes_of, template_of
from dajeong.models.base import Base, load_base
from dajeong.models.layout import Sequence_, pack
from dajeong.models.scoring import rewards_of, scored_ids
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import prompt_ids
from dajeong.records import Message, Preference, Response, Result
from dajeong.rollout.engine import Completion, OnToken, Request
from dajeong.storage import read_records, write_records
from dajeong.training.examples import Ranked, ranked_of
from dajeong.training.losses import ranking
from dajeong.training.reward import ROLE, columns_of, run, terms_of, weights_of
from dajeong.training.reward_settings import LabelSettings
from dajeong.training.rollouts import Prompt, Rollouts
from dajeong.training.settings import RewardSettings
from dajeong.workplace import Workplace


def drawn_sequences(count: int, end: int, seed: int = 0) -> list[list[int]]:
    """Sequences of 2 to 20 tokens that end; some hold the end token in their middle as well."""
    draw = random.Random(f"sequences {seed}")
    found = [[*draw.choices(WORDS, k=draw.randint(1, 19)), end] for _ in range(count)]
    for ids in found[::3]:
        ids[len(ids) // 2] = end
    return found


def with_reward(models: Path) -> Base:
    base = fresh_base(models)
    load_role(base.model, ROLE, models / "reward-kind")
    return base


def test_R1_a_score_is_read_at_the_end_token_by_index_whatever_stands_beside_it(models: Path) -> None:
    """Failed when the place was the last token that is not the end token (`!= pad` where pad is eos)."""
    base = with_reward(models)
    sequences = drawn_sequences(24, base.tokenizer.eos_id)
    alone = [rewards_of(base.model, ROLE, [ids], 4096)[0] for ids in sequences]
    for budget in (16, 70, 4096):
        for order in (1, -1):
            found = rewards_of(base.model, ROLE, sequences[::order], budget)[::order]
            assert found == pytest.approx(alone, abs=1e-5)
    states = pack([Sequence_(ids, ROLE, value_at=range(len(ids))) for ids in sequences])
    with torch.no_grad():
        everywhere = base.model(states).values[ROLE].split([len(ids) for ids in sequences])
    assert [float(values[-1]) for values in everywhere] == pytest.approx(alone, abs=1e-5)
    before = [float(values[-2]) for values in everywhere]
    assert all(abs(one - other) > 1e-3 for one, other in zip(before, alone, strict=True))


class Says:
    """An engine that answers every prompt as written, cut off where no end was written."""

    def __init__(self, answers: Mapping[tuple[int, ...], Completion]) -> None:
        self.answers = answers

    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        return [self.answers[request.ids] for request in requests]


ANSWERS = {"점심 뭐 먹지?": "국수 어때요?", "비가 와.": "우산을 챙기세요!", "안녕?": "반가워요", "응.": ""}


def test_R2_the_reward_model_reads_in_ppo_the_ids_of_its_training(models: Path) -> None:
    """Failed when `scored_ids` put a blank before the answer, and when it added a second end token."""
    base, notes = ppo_base(models)
    template, tokenizer = template_of(models / "reward-kind"), base.tokenizer
    said, prompts, trained = dict[tuple[int, ...], Completion](), list[Prompt](), list[list[int]]()
    for number, (question, answer) in enumerate(ANSWERS.items()):
        prompt = Prompt(str(number), prompt_ids(asked(question), template, tokenizer))
        ended = number != 2
        opening = " " if answer else ""  # as KoAlpaca's template teaches it
        reply = [*tokenizer.encode(opening + answer), *([tokenizer.eos_id] if ended else [])]
        said[tuple(prompt.ids)] = Completion(tuple(reply), (0.0,) * len(reply), "eos" if ended else "length")
        (ranked,) = ranked_of(
            [Preference(id="p", prompt=asked(question), ranking=((0,), (1,)),
                        responses=(Response(content=answer), Response(content="아니")))],
            template, tokenizer, 100,
        )  # fmt: skip
        prompts.append(prompt)
        trained.append(ranked.sequences[0] if ended else ranked.sequences[0][:-1])
    settings = ppo_settings(prompts_per_update=len(prompts))
    rollouts = Rollouts(base, prompts, notes, frozenset({tokenizer.eos_id}), settings, 3, Says(said))
    experience = {tuple(e.prompt): e for e in rollouts.experience(0)}
    found = [experience[tuple(prompt.ids)] for prompt in prompts]
    assert [e.ids for e in found] == trained
    for name in ("reward-kind", "reward-firm"):
        scorer = RewardScorer(str(models / name), RuntimeSettings(device="cpu"))
        pairs = [(asked(question), answer) for question, answer in ANSWERS.items()]
        expected = [
            *scorer.rewards(pairs[:2]),
            *scorer.rewards_unended(pairs[2:3]),
            *scorer.rewards(pairs[3:]),
        ]
        assert [e.rewards[name] for e in found] == pytest.approx(expected, abs=1e-5)


def test_R3_head_and_score_are_float32_and_hardly_ever_tie(models: Path) -> None:
    """Failed when the head had the base's type, and when it was drawn with deviation .02."""
    base = load_base(str(models / "base"), RuntimeSettings(device="cpu", dtype="bfloat16"))
    add_drawn_role(base, ROLE, 21, trainable=True, lora=LORA)
    width = int(base.model.config.hidden_size)
    drawn = []
    for seed in range(40):
        base.model.add_head(ROLE, trainable=True, seed=seed)
        drawn.append(base.model.score(ROLE).detach().flatten())
    weights = torch.cat(drawn)
    assert weights.dtype == torch.float32 and base.model.heads[ROLE].bias is None
    assert float(weights.mean()) == pytest.approx(0, abs=0.02)
    assert float(weights.std()) == pytest.approx((width + 1) ** -0.5, rel=0.05)
    scores = rewards_of(base.model, ROLE, drawn_sequences(300, base.tokenizer.eos_id), 4096)
    outputs = base.model(pack([Sequence_([5, 6, 0], ROLE, value_at=[2])])).values[ROLE]
    assert outputs.dtype == torch.float32 and next(base.model.base.parameters()).dtype == torch.bfloat16
    assert tied(scores) <= 0.001 < tied(torch.tensor(scores).bfloat16().tolist())


def tied(scores: Sequence[float]) -> float:
    pairs = list(itertools.combinations(scores, 2))
    return sum(one == other for one, other in pairs) / len(pairs)


def test_R4_k_wise_is_the_mean_of_the_pairs_and_reads_each_response_once(models: Path) -> None:
    """Failed with the weight 1 / K for a pair, and when every response went through the model twice."""
    draw = random.Random("four")
    responses = [[*draw.choices(WORDS, k=6), 0] for _ in range(4)]
    pairs = list(itertools.combinations(range(4), 2))
    algorithm = make_reward(models)
    algorithm.preferences = [Ranked(responses, pairs, 1.0)]
    algorithm.preferences += [Ranked([responses[b], responses[w]], [(0, 1)], 1.0) for b, w in pairs]
    whole, apart = algorithm._batch([0]), algorithm._batch(range(1, 7))
    assert len(whole.tokens.packing.lengths) == 4 and whole.tokens.num_tokens == 28
    assert whole.weights["ranking"] == 1 and apart.weights["ranking"] == 6
    with torch.no_grad():
        k_wise, pair_wise = (
            float(algorithm.loss(algorithm.models["main"](batch.tokens), batch)["ranking"])
            for batch in (whole, apart)
        )
    assert k_wise == pytest.approx(pair_wise / 6, rel=1e-5)


def test_R5_the_margin_is_inside_the_sigmoid_and_a_tie_is_half_a_label(models: Path) -> None:
    """Failed with the margin outside the sigmoid, and when a tie counted as a pair in its written order."""
    base = fresh_base(models)
    scored = (Response(content="가", scores={"친근함": 5.0, "무해함": 4.0}),
              Response(content="나", scores={"친근함": 4.0, "무해함": 4.0}),
              Response(content="다", scores={"친근함": 3.0}))  # fmt: skip
    record = preference("p", ranking=((0,), (1, 2)), responses=scored)
    template = template_of(models / "sft")
    labels = LabelSettings(ties="soft", margin=0.5)
    (ranked,) = ranked_of([record], template, base.tokenizer, 99, labels)
    assert (ranked.pairs, ranked.labels) == ([(0, 1), (0, 2), (1, 2)], [1.0, 1.0, 0.5])
    rewards, columns = torch.tensor([1.0, 0.25, -0.5]), columns_of([ranked], torch.device("cpu"))
    # −log σ(.75 − .5) = .5759394, −log σ(1.5 − .5) = .3132617, the tie ½ (.3868709 + 1.1368709) = .7618709
    found = terms_of(rewards, columns)
    assert float(found["ranking"]) == pytest.approx((0.5759394 + 0.3132617 + 0.7618709) / 3, abs=1e-6)
    assert float(found["accuracy"]) == 2 and weights_of([ranked], columns)["accuracy"] == 2, "no tie is right"
    graded = LabelSettings(margin=0.5, score_margin=0.25)
    (ranked,) = ranked_of([record], template, base.tokenizer, 99, graded)
    assert (ranked.pairs, ranked.margins) == ([(0, 1), (0, 2)], [0.75, 1.0])


def test_R6_a_prompt_is_learned_from_or_measured_on(models: Path, tmp_path: Path) -> None:
    """Failed when `mix` drew records instead of prompts, and when the step compared ids and not prompts."""
    records = [
        preference(f"{number}", f"{number}", "나", prompt=asked(f"질문 {number % 15}"))
        for number in range(45)
    ]
    write_records(tmp_path / "pairs.jsonl", records)
    mixed = Workplace(run=tmp_path, name="mixed", inputs={"parts": (tmp_path / "pairs.jsonl",)})
    mixture.run(MixSettings(parts={"pairs": 1.0}, held_out=0.3), mixed)
    learned, held_out = (
        list(read_records(mixed.folder / f"{name}.jsonl", Preference)) for name in ("records", "held_out")
    )
    assert len(held_out) > 3
    assert not {prompt_group(each) for each in learned} & {prompt_group(each) for each in held_out}
    run(reward_settings(updates=2), workplace(tmp_path / "clean", models / "sft", learned, held_out))
    leaked = [*held_out, preference("new", "가", "나", prompt=learned[0].prompt)]
    with pytest.raises(DataProblem) as caught:
        run(reward_settings(updates=2), workplace(tmp_path / "leaked", models / "sft", learned, leaked))
    assert (caught.value.code, caught.value.parameters["count"]) == ("validation-leaks", 1)


class Ruler:
    """A reward model that reads nothing but length, however it is asked."""

    def rewards(self, dialogues: Sequence[tuple[Sequence[Message], str]]) -> list[float]:
        return [float(len(text)) for _, text in dialogues]

    def rewards_read(self, dialogues: Sequence[tuple[Sequence[Message], str]], way: str) -> list[float]:
        return self.rewards(dialogues)


def test_R7_nothing_drops_one_epoch_and_length_is_reported(models: Path, tmp_path: Path) -> None:
    """Failed when `Reward` called `model.learning()`, with `epochs` 2, and without the rows of length."""
    assert RewardSettings().epochs == 1
    algorithm = make_reward(models, updates=None)
    assert algorithm.num_updates == algorithm.cursor.per_epoch
    base = fresh_base(models)
    add_drawn_role(base, ROLE, 21, trainable=True, lora=LORA.model_copy(update={"dropout": 0.5}))
    base.model.add_head(ROLE, trainable=True)
    dropping = type(algorithm)(base.model, algorithm.preferences, algorithm.settings, 3)
    batch = next(dropping.updates()).batches[0]
    first, second = (dropping.loss(base.model(batch.tokens), batch)["ranking"] for _ in range(2))
    assert torch.equal(first, second), "a dropout is at work"
    write_records(tmp_path / "test.jsonl", preferences(40))
    work = Workplace(run=tmp_path, name="report", inputs={"test": (tmp_path / "test.jsonl",)})
    report(RewardReportSettings(num_probes=0), work, "reward", Ruler())
    rows = {row.metric: row for row in read_records(work.folder / "results.jsonl", Result) if not row.versus}
    assert rows["length_correlation"].value == pytest.approx(1)
    assert rows["longer_preferred"].value == 1
    assert rows["accuracy"].value == pytest.approx(rows["accuracy"].baselines["longer-wins"])


def test_R8_rewards_are_normalised_on_sft_answers_and_the_scale_stays_with_the_head(
    models: Path, tmp_path: Path
) -> None:
    """Failed when the scale was measured on the bare prompts, and when PPO logged the normalised as raw."""
    work = workplace(tmp_path, models / "sft", preferences(), normalise=talks(6))
    run(reward_settings(normalise_rows=99), work)
    notes, scorer = notes_of(work.model_folder), RewardScorer(str(work.model_folder))
    raw = torch.tensor(scorer.rewards([(d.messages[:-1], d.messages[-1].content) for d in talks(6)]))
    assert float(raw.mean()) == pytest.approx(notes.reward_mean, abs=1e-5)
    assert float(raw.std()) == pytest.approx(notes.reward_deviation, rel=1e-4)
    assert notes.reward_deviation not in (0.0, 1.0)
    base, roles = ppo_base(models)
    settings = ppo_settings(missing_eos_penalty=0)
    prompts = [Prompt(str(n), [5 + n, 6, 7]) for n in range(3)]
    engine = Says({tuple(p.ids): Completion((9, 8 + n, 0), (0.0,) * 3, "eos") for n, p in enumerate(prompts)})
    rollouts = Rollouts(base, prompts, roles, frozenset({0}), settings, 3, engine)
    buffer = rollouts.experience(0)
    told = rollouts.entries(0, buffer)[0].values
    parts = zip(roles.items(), settings.rewards.values(), strict=True)
    wanted = sum(
        weight * (told[f"raw/{role}"] - notes.reward_mean) / notes.reward_deviation
        for (role, notes), weight in parts
    )
    assert told["reward"] == pytest.approx(wanted, abs=1e-4) and wanted != 0


@pytest.mark.parametrize("gap", [-200.0, -1e4, 1e4])
def test_R9_the_loss_stays_finite_however_wrong_a_pair_is(gap: float) -> None:
    """Failed with log(1 + exp(−Δ)), which is inf at −200."""
    rewards = torch.tensor([gap], requires_grad=True)
    loss = ranking(rewards, torch.zeros(1), torch.ones(1), torch.ones(1), torch.zeros(1))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(max(0.0, -gap)) and rewards.grad is not None
    assert float(rewards.grad) == (-1 if gap < 0 else 0)


def test_an_answer_is_its_prompt_its_words_and_one_end(models: Path) -> None:
    base, template = fresh_base(models), template_of(models / "sft")
    ids = scored_ids(asked("점심?"), words(random.Random(0)), template, base.tokenizer, 99)
    assert ids.count(base.tokenizer.eos_id) == 1 and ids[-1] == base.tokenizer.eos_id
