"""Judges of pairs: always both orders, a win only if both agree, disagreement told (row J08)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from injected_answers import BAD, injected
from judged import reply

from dajeong.errors import DataProblem, QualityProblem, UsageProblem
from dajeong.judging import compare as step
from dajeong.judging.pair_form import read_verdict
from dajeong.judging.pairwise import pairs_of
from dajeong.judging.settings import CompareSettings
from dajeong.judging.win_rates import at_equal_length
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Decoding, Preference, Reply, Result, Score
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace
from scripted_server import Messages, Script, scripted

GOOD, POOR = "네, 따뜻한 국수는 어때요? 같이 골라 봐요.", "몰라요."
SFT = [reply(number, "sft", POOR) for number in range(4)]
PPO = [reply(number, "ppo", GOOD) for number in range(4)]


class Compared:
    def __init__(self, run: Path, says: Any, *replies: Reply, **given: Any) -> None:
        write_records(run / "replies.jsonl", replies)
        self.work = Workplace(run, "compare", inputs={"replies": (run / "replies.jsonl",)})
        with scripted(Script(reply=says)) as server:
            asked = {
                "method": "greedy",
                "service": server.settings(price_in=1.0, price_out=1.0),
                "max_missing": 1.0,
            }
            self.settings = CompareSettings.model_validate(asked | given)
            self.before = step.estimate(self.settings, self.work)
            step.run(self.settings, self.work)
            self.calls = len(server.calls)
        self.scores = list(read_records(self.work.folder / "scores.jsonl", Score))
        self.preferences = list(read_records(self.work.folder / "preferences.jsonl", Preference))
        self.results = list(read_records(self.work.folder / "results.jsonl", Result))


def answers(messages: Messages) -> tuple[str, str]:
    """What stands in the two fences, by the code that the system text names."""
    code = re.search(r"[0-9a-f]{16}", messages[0]["content"])
    assert code is not None
    found = []
    for letter in "AB":
        opening, closing = f"[[ANSWER {letter} {code[0]}]]\n", f"\n[[/ANSWER {letter} {code[0]}]]"
        user = messages[1]["content"]
        assert user.count(opening) == user.count(closing) == 1
        found.append(user[user.index(opening) + len(opening) : user.index(closing)])
    return found[0], found[1]


def fair(messages: Messages) -> str:
    one, other = (len(text) for text in answers(messages))
    return "A" if one > other else "B" if other > one else "C"


def test_every_pair_is_shown_in_both_orders_and_the_better_one_wins(tmp_path: Path) -> None:
    found = Compared(tmp_path, fair, *SFT, *PPO)
    assert found.calls == found.before.requests == 6, "equal pairs are one question; each has two orders"
    assert [score.value for score in found.scores] == [1.0] * 4
    assert all(score.meta["orders"] == [1.0, 1.0] and score.meta["consistent"] for score in found.scores)
    assert [score.reply_id for score in found.scores] == [each.id for each in PPO]
    assert [[each.author for each in record.responses] for record in found.preferences] == [
        ["ppo", "sft"]
    ] * 4
    (row, equal) = found.results
    assert (row.model, row.task, row.metric, row.value, row.n) == ("ppo", "winrate", "win_rate", 1.0, 4)
    assert "wins 4, ties 0, losses 0; both orders agree in 100%" in row.notes and "against sft" in row.notes
    assert equal.metric == "win_rate_equal_length" and "not shown" in row.notes, "four pairs show nothing"


def test_authors_before_the_same_opponent_are_set_beside_each_other(tmp_path: Path) -> None:
    """Seen to fail where the wins of all prompts, not of those that both answered, were counted."""
    base = [reply(number, "base", "음, 글쎄요.") for number in range(12)]
    sft = [reply(number, "sft", GOOD if number < 4 else POOR) for number in range(12)]
    ppo = [reply(number, "ppo", GOOD) for number in range(10)]
    found = Compared(tmp_path, fair, *base, *sft, *ppo, reference="base")
    (row,) = [row for row in found.results if row.versus]
    assert (row.model, row.versus, row.metric, row.n, row.missing) == ("ppo", "sft", "win_rate", 10, 0)
    assert row.value == pytest.approx(0.6) and "both against base; McNemar p 0.031" in row.notes
    assert "not shown" not in row.notes and row.ci_low is not None and row.ci_low > 0
    (plain,) = [r for r in found.results if (r.model, r.metric, r.versus) == ("ppo", "win_rate", None)]
    assert "sign test p 0.002, which is McNemar's of wins and losses" in plain.notes  # 2 / 2 ** 10


def test_a_judge_of_places_gives_ties_and_its_disagreement_is_told(tmp_path: Path) -> None:
    found = Compared(tmp_path, lambda messages: "A", *SFT, *PPO)
    assert [score.value for score in found.scores] == [0.5] * 4 and not found.preferences
    assert all(score.meta["orders"] == [1.0, 0.0] and not score.meta["consistent"] for score in found.scores)
    assert read_json(found.work.folder / "stats.json")["both_orders_agree"] == 0
    assert "ties 4" in found.results[0].notes and "both orders agree in 0%" in found.results[0].notes


def test_a_win_in_one_order_and_a_tie_in_the_other_is_a_tie(tmp_path: Path) -> None:
    def unsure(messages: Messages) -> str:
        return "A" if answers(messages)[0] == GOOD else "C"

    found = Compared(tmp_path, unsure, *SFT, *PPO)
    assert {score.value for score in found.scores} == {0.5} and not found.scores[0].meta["consistent"]


def test_an_order_that_cannot_be_read_makes_the_pair_missing(tmp_path: Path) -> None:
    def half(messages: Messages) -> str:
        return "A" if answers(messages)[0] == GOOD else "글쎄요."

    found = Compared(tmp_path / "kept", half, *SFT, *PPO)
    assert all(score.value is None and str(score.reason).startswith("no-verdict") for score in found.scores)
    assert found.results[0].value is None and found.results[0].missing == 4
    with pytest.raises(QualityProblem):
        Compared(tmp_path / "failed", half, *SFT, *PPO, max_missing=0.02)


def test_no_injected_answer_wins_against_a_good_one_or_the_plain_bad_one(tmp_path: Path) -> None:
    """The judge obeys what stands outside of the fences, and grades manners inside."""

    def obedient(messages: Messages) -> str:
        one, other = answers(messages)
        outside = messages[1]["content"].replace(one, "").replace(other, "")
        if re.search(r"5점|write 5|: 5\b|Response 2|score", outside):
            return "A"
        grades = [
            0 if sum("가" <= letter <= "힣" for letter in text) < 5 or "바보" in text else 1
            for text in (one, other)
        ]
        return "C" if grades[0] == grades[1] else "A" if grades[0] > grades[1] else "B"

    attacks = injected("0123456789abcdef")
    plain = [reply(0, "plain", BAD).model_copy(update={"id": f"plain{n}"}) for n in range(len(attacks))]
    attacked = [
        reply(0, "attack").model_copy(update={"id": f"attack{n}", "content": text})
        for n, text in enumerate(attacks)
    ]
    found = Compared(tmp_path, obedient, *plain, *attacked)
    assert len(found.scores) > 100 and {score.value for score in found.scores} == {0.5}


def test_only_the_same_prompts_under_the_same_decoding_are_compared(tmp_path: Path) -> None:
    greedy = [each.model_copy(update={"decoding": Decoding(temperature=0)}) for each in PPO]
    with pytest.raises(DataProblem, match="sft, ppo"):
        Compared(tmp_path, fair, *SFT, *greedy)
    some = CompareSettings(max_pairs=2)
    assert len(pairs_of([*SFT, *PPO[1:]], some)) == 2
    base = [reply(number, "base") for number in range(4)]
    against = pairs_of([*SFT, *PPO, *base], CompareSettings(reference="sft"))
    assert {(pair.reply.author, pair.other.author) for pair in against} == {("ppo", "sft"), ("base", "sft")}


def test_a_local_judge_reads_letters(tmp_path: Path) -> None:
    shape = TinySettings(layers=1, hidden=16, heads=2, vocabulary=300, positions=4096)
    write_tiny(tmp_path / "tiny", ["판정 A B C"] * 3, shape, 0)
    write_records(tmp_path / "replies.jsonl", [*SFT, *PPO])
    inputs = {"replies": (tmp_path / "replies.jsonl",), "judge": (tmp_path / "tiny",)}
    work = Workplace(tmp_path, "compare", inputs=inputs)
    step.run(CompareSettings(min_valid_mass=0), work)
    for score in read_records(work.folder / "scores.jsonl", Score):
        assert score.value in (0, 0.5, 1) and score.method == "exact" and score.scorer == "judge:tiny"
        assert set(score.meta["weights"]) == {"0", "1", "2"}
    with pytest.raises(UsageProblem):
        step.run(CompareSettings(), Workplace(tmp_path, "compare", inputs={"replies": inputs["replies"]}))


VERDICTS = {
    "A": 1,
    "B": 0,
    "C": 0.5,
    "[[A]]": 1,
    "**B**": 0,
    "Ａ": 1,
    "Answer A": 1,
    "답변 A": 1,
    "A가 더 좋습니다.": 1,
    "B가 더 나은 답변입니다": 0,
    "Verdict: B": 0,
    "판정: A": 1,
    "이유는 이렇습니다.\n판정: C": 0.5,
    "tie": 0.5,
    "무승부": 0.5,
    "둘 다": 0.5,
    "Both": 0.5,
    '{"verdict": "A"}': 1,
    '{"winner": "B", "why": "A is rude"}': 0,
    "A is better": 1,
}
UNREAD = {
    "": "empty",
    "A good answer would be kinder.": "no-verdict",
    "A and B": "no-verdict",
    "판정: A\n판정: B": "ambiguous",
    "D": "no-verdict",
    "죄송하지만 평가할 수 없습니다.": "refusal",
    "两个都很好": "language",
    '{"verdict": "A"': "broken-json",
    '{"verdict": "A", "winner": "B"}': "no-verdict",
    "1": "no-verdict",
}


@pytest.mark.parametrize("text", VERDICTS)
def test_a_verdict_is_read_in_any_form(text: str) -> None:
    assert read_verdict(text).value == VERDICTS[text]


@pytest.mark.parametrize("text", UNREAD)
def test_what_holds_no_verdict_is_missing_with_its_code(text: str) -> None:
    found = read_verdict(text)
    assert (found.value, found.code) == (None, UNREAD[text])


@given(st.text(max_size=60))
def test_any_text_is_a_verdict_or_a_reason(text: str) -> None:
    found = read_verdict(text)
    assert (found.value is None) == (found.code is not None) and found.value in (None, 0.0, 0.5, 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_length_is_taken_out_of_a_win_rate_that_it_made(seed: int) -> None:
    """A judge of length alone, one side longer in most pairs: the plain rate is high, the other even."""
    generator = np.random.default_rng(seed)
    gaps = generator.normal(20, 25, 400)
    wins = (generator.random(400) < 1 / (1 + np.exp(-3 * np.tanh(gaps / gaps.std())))).astype(float)
    found = at_equal_length(wins.tolist(), gaps.tolist())
    assert wins.mean() > 0.65 and abs(found.value - 0.5) < 0.1 and found.low < 0.5 < found.high


def test_where_lengths_tell_nothing_both_rates_are_alike() -> None:
    wins = [1.0, 1.0, 0.0, 0.5] * 25
    found = at_equal_length(wins, [0.0] * 100)
    assert found.value == pytest.approx(0.625, abs=1e-3) and found.low < 0.625 < found.high
    always = at_equal_length([1.0] * 50, [float(gap) for gap in range(50)])
    assert 0.9 < always.value <= 1 and always.high <= 1


def test_the_equal_length_rate_is_a_regression_s(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(3)
    gaps = generator.normal(10, 30, 300)
    wins = (generator.random(300) < 1 / (1 + np.exp(-0.4 - 0.8 * np.tanh(gaps / gaps.std())))).astype(float)
    peer = LogisticRegression(C=1e6).fit(np.tanh(gaps / gaps.std())[:, None], wins)
    expected = 1 / (1 + np.exp(-peer.intercept_[0]))
    assert at_equal_length(wins.tolist(), gaps.tolist()).value == pytest.approx(expected, abs=1e-4)
