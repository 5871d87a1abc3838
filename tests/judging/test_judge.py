"""The step `judge`: every method by its own name, failures missing and counted, nothing paid twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from judged import reply, rubric, rule_judge

from dajeong.errors import QualityProblem, RemoteProblem, UsageProblem
from dajeong.judging import chunks
from dajeong.judging import judge as step
from dajeong.judging.geval_service import requests_of
from dajeong.judging.judgement import questions
from dajeong.judging.settings import JudgeSettings
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Reply, Result, Score
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace
from scripted_server import Answer, Messages, Script, Server, Written, scripted

REPLIES = [reply(number, author) for author in ("sft", "ppo") for number in range(3)]
PRICES = {"price_in": 1.0, "price_out": 2.0}


def settings(server: Server, method: str = "greedy", **more: Any) -> JudgeSettings:
    given = {
        "rubric": rubric((1, 5)),
        "method": method,
        "service": server.settings(**PRICES),
        "max_missing": 1.0,
    }
    return JudgeSettings.model_validate(given | more)


def workplace(run: Path, replies: Sequence[Reply] = REPLIES, **more: Path) -> Workplace:
    write_records(run / "replies.jsonl", replies)
    return Workplace(
        run, "judge", inputs={"replies": (run / "replies.jsonl",), **{k: (v,) for k, v in more.items()}}
    )


def scores_in(work: Workplace) -> list[Score]:
    return list(read_records(work.folder / "scores.jsonl", Score))


def judged(server: Server, run: Path, method: str = "greedy", **more: Any) -> list[Score]:
    work = workplace(run)
    step.run(settings(server, method, **more), work)
    return scores_in(work)


def by_length(messages: Messages) -> str:
    return str(1 + len(messages[1]["content"]) % 5)


def test_a_greedy_score_is_what_the_judge_says_and_names_who_and_how(tmp_path: Path) -> None:
    with scripted(
        Script(reply=rule_judge(lambda prompt, answer, orders: f"{len(answer) % 5 + 1}점"))
    ) as server:
        scores = judged(server, tmp_path)
        bodies = [call.body for call in server.calls]
    assert [score.reply_id for score in scores] == [each.id for each in REPLIES]
    assert [score.value for score in scores] == [len(each.content) % 5 + 1 for each in REPLIES]
    for score in scores:
        assert (score.scorer, score.method, score.criterion) == ("judge:scripted", "greedy", "criterion-0")
        assert score.meta["model"] == "scripted" and score.meta["fingerprint"] == "fp_scripted"
        assert score.meta["rubric"] == "invented-1" and score.meta["scale"] == [1, 5] and score.settings_hash
    assert {body["temperature"] for body in bodies} == {0.0}
    assert len(bodies) == 3, "the same answer to the same prompt is one question, whoever wrote it"


def test_samples_are_drawn_at_temperature_1_and_averaged(tmp_path: Path) -> None:
    said: list[str] = []

    def draws(messages: Messages) -> str:
        said.append(str(len(said) % 5 + 1))
        return said[-1]

    with scripted(Script(reply=draws)) as server:
        scores = judged(server, tmp_path, "sample", num_samples=5, service=server.settings(concurrency=1))
        assert {call.body["temperature"] for call in server.calls} == {1.0} and len(server.calls) == 15
    assert {score.value for score in scores} == {3.0} and {score.method for score in scores} == {"sample-5"}
    assert all(score.meta["num_read"] == 5 for score in scores)


def test_fewer_than_half_of_the_draws_read_is_no_score(tmp_path: Path) -> None:
    said: list[str] = []

    def draws(messages: Messages) -> str:
        said.append("좋아요" if len(said) % 5 < 3 else "5")
        return said[-1]

    with scripted(Script(reply=draws)) as server:
        scores = judged(server, tmp_path, "sample", num_samples=5, service=server.settings(concurrency=1))
    assert {score.value for score in scores} == {None} and all(
        score.meta["num_read"] == 2 for score in scores
    )
    assert all(str(score.reason).startswith("few-draws: 2 of 5") for score in scores)


def likely(token: str, *top: tuple[str, float]) -> dict[str, Any]:
    listed = [{"token": text, "logprob": math.log(share), "bytes": None} for text, share in top]
    return {"token": token, "logprob": math.log(dict(top)[token]), "bytes": None, "top_logprobs": listed}


def test_top_logprobs_weights_every_spelling_of_every_score(tmp_path: Path) -> None:
    tokens = [
        likely(" ", (" ", 0.9), ("5", 0.1)),
        likely("4", ("4", 0.5), (" 4", 0.1), ("５", 0.2), ("9", 0.1), ("네", 0.05)),
    ]
    with scripted(Script(reply=lambda messages: Written(" 4", logprobs={"content": tokens}))) as server:
        (score, *_) = judged(server, tmp_path, "top_logprobs")
        assert all(call.body["logprobs"] is True for call in server.calls)
    assert score.value == pytest.approx((4 * 0.6 + 5 * 0.2) / 0.8) and score.method == "top_logprobs"
    assert score.meta["valid_mass"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("text", "logprobs", "reason"),
    [
        ("4", None, "no-logprobs"),
        ("4.5", {"content": [likely("4", ("4", 1.0)), likely(".5", (".5", 1.0))]}, "no-score-token"),
        ("3 또는 4", {"content": [likely("3", ("3", 1.0))]}, "ambiguous"),
        ("4", {"content": [likely("4", ("4", 0.01), ("가", 0.9))]}, "low-mass"),
    ],
)
def test_top_logprobs_never_falls_back_on_the_bare_answer(
    text: str, logprobs: Any, reason: str, tmp_path: Path
) -> None:
    with scripted(Script(reply=lambda messages: Written(text, logprobs=logprobs))) as server:
        (score, *_) = judged(server, tmp_path, "top_logprobs")
    assert score.value is None and str(score.reason).startswith(reason)


FAULTS: dict[str, str | Written] = {
    "no-number": "좋은 답변이에요.",
    "out-of-range": "11",
    "not-a-number": "NaN",
    "other-scale": "4/10",
    "ambiguous": "3 또는 4",
    "broken-json": '{"score": 4',
    "refusal": "죄송하지만 이 답변은 평가할 수 없습니다.",
    "language": "这个回答非常好",
    "cut-off": Written("이 답변은 아주", "length"),
    "empty": Written(" \n"),
    "refused-by-service": Written(None, refusal="no"),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_failed_judgement_is_missing_under_its_own_code(code: str, tmp_path: Path) -> None:
    with scripted(Script(reply=lambda messages: FAULTS[code])) as server:
        work = workplace(tmp_path)
        step.run(settings(server, repair=False), work)
    scores = scores_in(work)
    assert all(score.value is None and str(score.reason).partition(":")[0] == code for score in scores)
    assert read_json(work.folder / "stats.json")["missing"] == {code: len(scores)}
    rows = list(read_records(work.folder / "results.jsonl", Result))
    assert rows and all(row.value is None and row.n == 0 and row.missing == 3 for row in rows)


def test_an_error_in_a_body_of_status_200_is_no_score(tmp_path: Path) -> None:
    broken = Answer(200, {"error": {"message": "overloaded", "type": "server_error"}})
    with scripted(Script(fault_of=lambda number, body: broken)) as server:
        service = server.settings(max_retries=0)
        scores = judged(server, tmp_path, service=service)
    assert scores and all(score.value is None and score.reason for score in scores)


def test_an_unreadable_answer_is_asked_for_once_more_and_no_more(tmp_path: Path) -> None:
    def shy(messages: Messages) -> str:
        return "4" if len(messages) > 2 and "국수" in messages[1]["content"] else "글쎄요."

    with scripted(Script(reply=shy)) as server:
        scores = judged(server, tmp_path)
        assert len(server.calls) == 6
        again = [call.body["messages"] for call in server.calls if len(call.body["messages"]) > 2]
    assert [score.value for score in scores] == [4, None, None] * 2
    assert [bool(score.meta.get("repaired")) for score in scores] == [True, False, False] * 2
    assert all(said[2] == {"role": "assistant", "content": "글쎄요."} for said in again)


def test_more_missing_than_the_limit_fails_the_step_and_keeps_what_there_is(tmp_path: Path) -> None:
    def one_bad(messages: Messages) -> str:
        return "글쎄요" if "국수" in messages[1]["content"] else "4"

    work = workplace(tmp_path)
    with scripted(Script(reply=one_bad)) as server:
        with pytest.raises(QualityProblem, match="no-number 2") as problem:
            step.run(settings(server, max_missing=0.02), work)
        assert problem.value.exit_code == 6 and len(scores_in(work)) == 6
        step.run(settings(server, max_missing=0.4), work)


def left(run: Path) -> dict[str, bytes]:
    folder = run / "steps" / "judge"
    return {name: (folder / name).read_bytes() for name in ("scores.jsonl", "results.jsonl", "stats.json")}


def test_what_was_resumed_is_what_runs_afresh_byte_for_byte_and_pays_once(tmp_path: Path) -> None:
    with scripted(Script(reply=by_length)) as server:
        judged(server, tmp_path / "fresh", "sample", num_samples=4)
        whole = len(server.calls)

        def after_five(number: int, body: dict[str, Any]) -> int | None:
            return 402 if number >= whole + 5 else None

        server.script.fault_of = after_five
        with pytest.raises(RemoteProblem):
            judged(
                server, tmp_path / "resumed", "sample", num_samples=4, service=server.settings(concurrency=1)
            )
        server.script.fault_of = None
        charged = len(server.charged)
        judged(server, tmp_path / "resumed", "sample", num_samples=4)
        assert 0 < len(server.charged) - charged < whole
        assert len(server.charged) == 2 * whole
        judged(server, tmp_path / "resumed", "sample", num_samples=4)
        assert len(server.charged) == 2 * whole
    assert left(tmp_path / "fresh") == left(tmp_path / "resumed")


def test_the_estimate_bounds_the_price_and_the_budget_is_kept(tmp_path: Path) -> None:
    with scripted(Script(reply=by_length)) as server:
        wanted = settings(server, "sample", num_samples=4)
        work = workplace(tmp_path)
        before = step.estimate(wanted, work)
        assert not server.calls and not (tmp_path / "remote.sqlite").exists()
        step.run(wanted, work)
        paid = server.dollars(1.0, 2.0)
        assert before.requests == len(server.calls) == 12
        assert before.high is not None and 0 < paid <= before.high
        after = step.estimate(wanted, work)
        assert (after.cached, after.high) == (12, 0)
        poor = settings(server, service=server.settings(**PRICES, budget=paid))
        with pytest.raises(RemoteProblem):
            step.run(poor, work)
        assert server.dollars(1.0, 2.0) <= paid


def test_a_local_judge_needs_no_service_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(
        tmp_path / "tiny",
        ["점수 1 2 3 4 5"] * 3,
        TinySettings(layers=1, hidden=16, heads=2, vocabulary=300, positions=4096),
        0,
    )
    exact = JudgeSettings(rubric=rubric((1, 5), (0, 1)), min_valid_mass=0)
    monkeypatch.setattr(chunks.chunks, "__defaults__", (2,))
    fresh = workplace(tmp_path / "fresh", judge=tmp_path / "tiny")
    step.run(exact, fresh)
    resumed = workplace(tmp_path / "resumed", judge=tmp_path / "tiny")
    with monkeypatch.context() as patch:
        patch.setattr(chunks, "write_records", _until(2))
        with pytest.raises(KeyboardInterrupt):
            step.run(exact, resumed)
    step.run(exact, resumed)
    assert left(tmp_path / "fresh") == left(tmp_path / "resumed")
    assert all(score.value is not None and score.method == "exact" for score in scores_in(fresh))
    assert not (fresh.folder / "unfinished").exists()


def _until(count: int) -> Any:
    left_over = iter(range(count))

    def write(path: Path, records: Any) -> int:
        if next(left_over, None) is None:
            raise KeyboardInterrupt
        return write_records(path, records)

    return write


def test_a_judge_that_is_nobody_or_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="exact"):
        step.run(JudgeSettings(), workplace(tmp_path))
    with scripted() as server, pytest.raises(UsageProblem, match="scripted"):
        step.run(settings(server), workplace(tmp_path, judge=tmp_path / "tiny"))


@pytest.mark.parametrize(
    "given",
    [
        {"rubric": "geval"},
        {"criteria": ["kindness"]},
        {"service": {"model": "m"}},
        {"legacy": "vaiv-2023", "service": {"model": "m"}, "language": "ko"},
        {"rubric": rubric((1, 10)), "method": "top_logprobs", "service": {"model": "m"}},
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rubric|criteria|exact|legacy|top_logprobs"):
        JudgeSettings.model_validate(given)


def test_a_continuing_service_gets_one_text_that_ends_where_the_score_begins() -> None:
    given = {"rubric": rubric((1, 5)), "method": "greedy", "service": {"model": "m", "api": "completions"}}
    (request,) = requests_of(next(questions(REPLIES, rubric((1, 5)))), JudgeSettings.model_validate(given))
    assert len(request.messages) == 1 and request.messages[0].content.endswith("- Criterion 0:")


def test_kinds_have_sheets_of_their_own(tmp_path: Path) -> None:
    replies = [reply(0, kind="talk"), reply(1, kind="abusive"), reply(2, kind="anything")]
    work = workplace(tmp_path, replies)
    with scripted(Script(reply=by_length)) as server:
        step.run(settings(server, rubric="vaiv"), work)
        about = {call.body["messages"][0]["content"] for call in server.calls}
    found = [[score.criterion for score in scores_in(work) if score.reply_id == each.id] for each in replies]
    assert found[0] == found[1] and len(found[0]) == 6 and found[2][0] == "instruction" and len(found[2]) == 5
    assert sum("violent, toxic" in text for text in about) == 6
