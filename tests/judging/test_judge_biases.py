"""Length and kinship: told where they are there, and nothing where they are not."""

from __future__ import annotations

import pytest
from judged import reply
from scipy.stats import spearmanr

from dajeong.judging.judge_biases import by_length, kin


def test_the_correlation_with_length_is_scipy_s() -> None:
    replies = [reply(number, content="가" * (number * 7 % 11 + 1)) for number in range(11)]
    scores = [float(number * 3 % 5) for number in range(11)]
    found = by_length(list(zip(replies, scores, strict=True)))
    expected = spearmanr(scores, [len(each.content) for each in replies]).statistic
    assert found is not None and found.value == pytest.approx(expected, abs=1e-12)


def test_what_never_changes_has_no_correlation() -> None:
    same = [reply(number, content="가나다") for number in range(9)]
    assert by_length([(each, float(number)) for number, each in enumerate(same)]) is None
    longer = [reply(number, content="가" * (number + 1)) for number in range(9)]
    assert by_length([(each, 3.0) for each in longer]) is None and by_length([]) is None


@pytest.mark.parametrize(
    ("judge", "author", "family"),
    [
        ("judge:gpt-4o-2024-08-06", "openai/gpt-3.5", "gpt"),
        ("judge:Qwen2.5-7B", "qwen3", "qwen"),
        ("judge:ppo", "ppo", "ppo"),
        ("judge:gpt-4o", "sft", None),
        ("judge:judge", "sft", None),
        ("judge:7b", "7b", None),
    ],
)
def test_a_judge_of_the_author_s_family_is_told(judge: str, author: str, family: str | None) -> None:
    expected = f"judge and author are both {family}: judges prefer their kin" if family else ""
    assert kin([judge], author) == expected
