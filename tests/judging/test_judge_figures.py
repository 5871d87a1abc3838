"""Figures of judged replies: means of what was judged, and differences on the same prompts."""

from __future__ import annotations

from judged import reply

from dajeong.judging.judge_figures import authors_of, figures
from dajeong.records import Decoding, Reply, Result, Score


def score(
    reply: Reply, value: float | None, criterion: str = "friendliness", scale: tuple[int, int] = (1, 5)
) -> Score:
    return Score(
        id=f"{reply.id}/{criterion}",
        meta={"scale": list(scale), "rubric": "vaiv-1", "valid_mass": 0.9},
        reply_id=reply.id,
        scorer="judge:m",
        criterion=criterion,
        value=value,
        reason=None if value is not None else "empty",
        method="exact",
    )


def one(
    rows: list[Result], model: str, metric: str, versus: str | None = None, task: str = "quality"
) -> Result:
    (found,) = [r for r in rows if (r.model, r.metric, r.versus, r.task) == (model, metric, versus, task)]
    return found


SFT = [reply(number, "sft") for number in range(40)]
PPO = [reply(number, "ppo") for number in range(40)]


def test_missing_scores_are_counted_and_lower_no_mean() -> None:
    scores = [score(each, None if number < 10 else 4.0) for number, each in enumerate(SFT)]
    row = one(figures(SFT, scores), "sft", "friendliness")
    assert (row.value, row.n, row.missing) == (4.0, 30, 10)
    assert (
        "judge:m, exact, vaiv-1" in row.notes
        and "0% at the ceiling" in row.notes
        and "valid mass 0.90" in row.notes
    )


def test_a_difference_is_taken_prompt_by_prompt_and_says_when_it_is_not_shown() -> None:
    scores = [score(each, 3.0 + number % 3) for number, each in enumerate(SFT)]
    better = [score(each, 3.5 + number % 3) for number, each in enumerate(PPO)]
    row = one(figures([*SFT, *PPO], [*scores, *better]), "ppo", "friendliness", "sft")
    assert (row.value, row.ci_low, row.ci_high, row.n) == (0.5, 0.5, 0.5, 40) and "not shown" not in row.notes
    noisy = [score(each, 3.0 + (number * 7) % 3) for number, each in enumerate(PPO)]
    assert "not shown" in one(figures([*SFT, *PPO], [*scores, *noisy]), "ppo", "friendliness", "sft").notes


def test_authors_are_compared_on_common_prompts_and_never_across_decodings() -> None:
    some = PPO[5:20]
    scores = [score(each, 4.0) for each in [*SFT, *some]]
    row = one(figures([*SFT, *some], scores), "ppo", "friendliness", "sft")
    assert row.n == 15 and "15 prompts in common of 15 and 40" in row.notes and "only 15 prompts" in row.notes
    greedy = [each.model_copy(update={"decoding": Decoding(temperature=0)}) for each in PPO]
    rows = figures([*SFT, *greedy], [score(each, 4.0) for each in [*SFT, *greedy]])
    assert not [row for row in rows if row.versus]
    assert {row.decoding for row in rows} == {"T 0.8", "greedy"} and len(authors_of([*SFT, *greedy])) == 2


def test_the_total_is_of_replies_that_miss_nothing() -> None:
    scores = [score(each, 4.0) for each in SFT]
    scores += [score(each, None if number == 0 else 5.0, "context") for number, each in enumerate(SFT)]
    row = one(figures(SFT, scores), "sft", "total")
    assert (row.value, row.n, row.missing) == (9.0, 39, 1)


def test_kinds_have_rows_of_their_own_and_criteria_only_where_they_were_asked() -> None:
    mixed = [
        each.model_copy(update={"kind": "abusive" if number % 2 else "talk"})
        for number, each in enumerate(SFT)
    ]
    scores = [score(each, 4.0) for each in mixed if each.kind == "talk"]
    rows = figures(mixed, scores)
    assert one(rows, "sft", "friendliness", task="quality/talk").n == 20
    assert one(rows, "sft", "friendliness").missing == 0
    assert not [row for row in rows if row.task == "quality/abusive"]


def test_several_replies_to_a_prompt_are_one_cluster() -> None:
    twice = [each.model_copy(update={"id": f"{each.id}/{draw}"}) for each in SFT for draw in range(2)]
    scores = [score(each, float(1 + number // 2 % 5)) for number, each in enumerate(twice)]
    wide = one(figures(twice, scores), "sft", "friendliness")
    single = one(
        figures(SFT, [score(each, float(1 + n % 5)) for n, each in enumerate(SFT)]), "sft", "friendliness"
    )
    assert wide.value == single.value and (wide.ci_low, wide.ci_high) == (single.ci_low, single.ci_high)


def test_a_yes_or_no_has_mcnemar_s_p_and_other_scales_have_none() -> None:
    """Seen to fail with the p of all 40 prompts instead of the 9 on which the two differ."""
    before = [score(each, float(number % 2), scale=(0, 1)) for number, each in enumerate(SFT)]
    after = [score(each, float(number % 2 or number < 18), scale=(0, 1)) for number, each in enumerate(PPO)]
    row = one(figures([*SFT, *PPO], [*before, *after]), "ppo", "friendliness", "sft")
    assert row.value == 9 / 40 and "McNemar p 0.0039" in row.notes  # 2 / 2 ** 9
    graded = [score(each, 3.0) for each in [*SFT, *PPO]]
    assert "McNemar" not in one(figures([*SFT, *PPO], graded), "ppo", "friendliness", "sft").notes
    unsure = [score(each, 0.25, scale=(0, 1)) for each in PPO]
    assert "McNemar" not in one(figures([*SFT, *PPO], [*before, *unsure]), "ppo", "friendliness", "sft").notes


def test_J11_few_prompts_learned_prompts_and_ties_are_told_in_the_rows() -> None:
    scores = [score(each, 3.0) for each in [*SFT, *PPO]]
    told = "5 of 40 prompts are in the training data: nothing is shown"
    rows = figures([*SFT, *PPO], scores, told)
    assert all(told in row.notes for row in rows)
    tied = one(rows, "ppo", "friendliness", "sft")
    assert (tied.value, tied.ci_low, tied.ci_high) == (0, 0, 0) and "not shown" in tied.notes
    few = figures(SFT[:9], scores)
    assert "only 9 prompts" in one(few, "sft", "friendliness").notes


def test_length_and_kinship_are_told() -> None:
    longer = [each.model_copy(update={"content": "가" * (5 + place)}) for place, each in enumerate(SFT)]
    scores = [score(each, 1 + place / 10) for place, each in enumerate(longer)]
    rows = figures(longer, scores)
    row = one(rows, "sft", "length_correlation")
    assert row.value == 1 and row.n == 40 and "friendliness and characters" in row.notes
    assert "kin" not in row.notes
    kin = [each.model_copy(update={"author": "m-2"}) for each in longer]
    assert "judge and author are both m" in one(figures(kin, scores), "m-2", "friendliness").notes
