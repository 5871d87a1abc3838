"""What a run of the whole chain leaves for machines and for people: figures, a page, clean streams.

Names and fields are those of the contract; whether the figures are good is not asked of so small a run.
"""

from __future__ import annotations

import html
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from small_run import STEPS, Done

from dajeong.records import Dialogue, Preference, Reply, Result, Score
from dajeong.storage import read_records

KINDS = ("normal", "lookalike", "lookalike-unseen", "abusive")
PAIR_KINDS = ("fact", "misplaced", "rude", "curt", "scold")
SHARES = {
    "harmless",
    "friendly",
    "correct",
    "proper",
    "false_refusal",
    "true_refusal",
    "correct_among_friendly",
}


@pytest.fixture(scope="module")
def results(whole: Path) -> list[Result]:
    rows = json.loads((whole / "results.json").read_text(encoding="utf-8"))
    return [Result.model_validate(row) for row in rows]


def test_models_tasks_and_metrics_have_the_names_of_the_contract(results: list[Result]) -> None:
    talk = {"smalltalk", *(f"smalltalk/{kind}" for kind in KINDS)}
    pairs = {"reward", *(f"reward/{kind}" for kind in PAIR_KINDS)}
    assert {row.model for row in results if row.task in talk} == {"base", "sft", "ppo"}
    assert {row.model for row in results if row.task in pairs} == {"reward"}
    assert {row.task for row in results if row.task in talk} == talk
    assert {row.task for row in results} - talk - pairs == set()
    assert {row.metric for row in results if row.task in talk} - SHARES <= {"length", "distinct"}
    assert "accuracy" in {row.metric for row in results if row.task == "reward"}


def test_the_headline_rows_of_every_model_are_there(results: list[Result]) -> None:
    for model in ("base", "sft", "ppo"):
        rows = [
            row for row in results if row.model == model and row.versus is None and row.decoding == "T 0.8"
        ]
        assert {"harmless", "friendly", "correct", "false_refusal"} <= {
            row.metric for row in rows if row.task == "smalltalk"
        }
        found = [(row.task, row.metric) for row in rows]
        assert len(found) == len(set(found)), "one decoding per headline row"
    differences = {(row.model, row.versus) for row in results if row.versus and row.task == "smalltalk"}
    assert differences == {("sft", "base"), ("ppo", "sft")}


def test_every_interval_holds_its_value_and_every_row_its_n(results: list[Result]) -> None:
    for row in results:
        assert row.n >= 0 and row.missing >= 0
        if row.value is None:
            assert row.n == 0 and row.ci_low is None and row.ci_high is None
            continue
        assert row.n > 0 and math.isfinite(row.value)
        if row.ci_low is None or row.ci_high is None:
            assert row.ci_low is row.ci_high and "no interval" in row.notes
        else:
            assert row.ci_low <= row.value <= row.ci_high, row
        if row.metric in SHARES and row.versus is None:
            assert 0 <= row.value <= 1


def test_n_and_missing_add_up_to_the_prompts(results: list[Result], whole: Path) -> None:
    prompts = list(read_records(whole / "steps/smalltalk/test_prompts.jsonl", Dialogue))
    for row in results:
        scope = row.task.partition("/")[2]
        asked = [prompt for prompt in prompts if scope in ("", prompt.kind)]
        if row.task.startswith("smalltalk") and row.versus is None:
            if row.metric in ("harmless", "friendly", "proper"):
                assert row.n + row.missing == len(asked)
            elif row.metric in SHARES:
                assert row.n + row.missing <= len(asked)
    for metric, kinds in (("true_refusal", {"abusive"}), ("false_refusal", set(KINDS) - {"abusive"})):
        expected = sum(prompt.kind in kinds for prompt in prompts)
        rows = [r for r in results if (r.task, r.metric, r.versus) == ("smalltalk", metric, None)]
        assert rows and {row.n + row.missing for row in rows} == {expected}


def test_every_reward_accuracy_stands_beside_its_baselines(results: list[Result], whole: Path) -> None:
    pairs = list(read_records(whole / "steps/smalltalk/test_pairs.jsonl", Preference))
    rows = [row for row in results if row.task.startswith("reward") and row.metric == "accuracy"]
    whole_test = next(row for row in rows if row.task == "reward")
    assert whole_test.n + whole_test.missing == len(pairs)
    by_kind = [row for row in rows if row.task != "reward" and row.versus is None]
    assert sum(row.n + row.missing for row in by_kind) == len(pairs)
    for row in (whole_test, *by_kind):
        assert {"longer-wins", "shorter-wins", "n-grams, trained", "other-prompt"} <= set(row.baselines), (
            row.baselines
        )


def test_results_are_the_concatenation_of_the_steps(results: list[Result], whole: Path) -> None:
    of_steps = [
        row
        for step in STEPS
        if (whole / f"steps/{step}/results.jsonl").is_file()
        for row in read_records(whole / f"steps/{step}/results.jsonl", Result)
    ]
    assert results == of_steps


def test_every_reply_has_its_scores_and_a_missing_one_says_why(whole: Path) -> None:
    replies = {reply.id for reply in read_records(whole / "steps/evaluate/replies.jsonl", Reply)}
    scores = list(read_records(whole / "steps/evaluate/scores.jsonl", Score))
    assert {score.reply_id for score in scores} == replies
    assert all(score.value is not None or score.reason for score in scores)
    assert any(score.value is None for score in scores), "abuse has no known fact"


class Page(HTMLParser):
    """What a page would fetch, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.fetched += [
            value or ""
            for name, value in attributes
            if name in ("src", "srcset", "action", "data", "poster")
            or (name == "href" and tag in ("link", "use", "image"))
            or (name == "xlink:href")
        ]


def test_the_page_shows_the_run_and_fetches_nothing(whole: Path) -> None:
    text = (whole / "report.html").read_text(encoding="utf-8")
    fetched = [place for place in Page(text).fetched if not place.startswith(("data:", "#"))]
    assert fetched == []
    assert not re.search(r"@import|url\((?!['\"]?(?:data:|#))", text)
    assert [step for step in STEPS if step not in html.unescape(text)] == []


def test_json_is_all_there_is_on_stdout(whole_said: Done, results: list[Result]) -> None:
    assert [Result.model_validate(row) for row in json.loads(whole_said.out)] == results
    assert "[9/9] evaluate" in whole_said.err and "Traceback" not in whole_said.err
    assert not [line for line in whole_said.err.splitlines() if "Warning" in line]


def test_memory_stays_small(whole: Path, shared_folder: Path) -> None:
    kibibytes = int((shared_folder / "peak").read_text(encoding="utf-8"))
    assert kibibytes < 2 * 1024**2
