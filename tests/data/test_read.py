"""The reading step: what is kept, what is refused and where that is written; then VAIV's published files."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from reading_step import Heard, Outcome

from dajeong.data.settings import ReadSettings
from dajeong.records import Dialogue
from shared_data import SHARED, needs_shared

VAIV = SHARED / "vaiv"


def rows(count: int, start: int = 0) -> list[str]:
    return [
        json.dumps({"instruction": f"질문 {number}", "output": f"대답 {number}"}, ensure_ascii=False)
        for number in range(start, start + count)
    ]


def written(folder: Path, lines: list[str], name: str = "raw.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_become_records_with_source_kind_and_licence(tmp_path: Path) -> None:
    path = written(tmp_path, rows(3))
    outcome = Outcome(tmp_path, "alpaca", [path], kind="talk", licence="CC0").run()
    assert [record.messages[1].content for record in outcome.dialogues] == ["대답 0", "대답 1", "대답 2"]
    assert {(each.source, each.kind, each.licence) for each in outcome.dialogues} == {
        ("alpaca", "talk", "CC0")
    }
    assert (
        outcome.stats["by_kind"] == {"talk": 3}
        and outcome.rejects == []
        and outcome.heard.codes == ["read-done"]
    )


def test_unreadable_rows_are_counted_shown_three_times_and_kept(tmp_path: Path) -> None:
    broken = ['{"instruction": "잘린', '{"instruction": 1, "output": "?"}', "{}", "[]"]
    path = written(tmp_path, [*rows(10), *broken, *rows(10, start=10)])
    outcome = Outcome(tmp_path, "alpaca", [path], max_unreadable=0.2).run()
    assert outcome.stats["records"] == 20 and outcome.stats["unreadable"] == 4
    assert outcome.heard.codes == ["line-unreadable"] * 3 + ["read-done"]
    assert [reject.line for reject in outcome.rejects] == [11, 12, 13, 14]
    assert [reject.code for reject in outcome.rejects] == [
        "unreadable-cut",
        "row-type",
        "row-field",
        "unreadable-object",
    ]
    assert "cut off" in outcome.rejects[0].reason and "instruction" in outcome.rejects[2].reason


def test_too_many_unreadable_rows_stop_the_step(tmp_path: Path) -> None:
    path = written(tmp_path, [*rows(98), "{", "{"])
    problem = Outcome(tmp_path, "alpaca", [path]).stopped()
    assert problem.code == "read-unreadable" and problem.exit_code == 3
    assert problem.parameters["count"] == 2 and "rejects.jsonl" in str(problem)
    assert len(Outcome(tmp_path, "alpaca", [path]).rejects) == 2, "they are kept all the same"
    assert Outcome(tmp_path, "alpaca", [path], max_unreadable=0.02).run().stats["records"] == 98


def test_dropping_most_records_stops_the_step(tmp_path: Path) -> None:
    empty = ['{"instruction": "질문", "output": "\u200b"}'] * 6
    problem = Outcome(tmp_path, "alpaca", [written(tmp_path, [*rows(5), *empty])]).stopped()
    assert problem.code == "read-dropped" and "empty-answer 6" in str(problem)
    outcome = Outcome(tmp_path, "alpaca", [tmp_path / "raw.jsonl"], max_dropped=0.6).run()
    assert outcome.stats["dropped"] == {"empty-answer": 6} and len(outcome.rejects) == 6
    assert outcome.rejects[0].line == 6 and outcome.rejects[0].code == "empty-answer"


def test_a_file_of_nothing_useful_stops_whatever_the_limit(tmp_path: Path) -> None:
    path = written(tmp_path, ['{"instruction": "질문", "output": ""}'])
    assert Outcome(tmp_path, "alpaca", [path], max_dropped=1.0).stopped().code == "read-dropped"


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "file-missing"), (b"", "file-empty"), ("한글".encode("cp949"), "file-encoding")],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "raw.jsonl"
    if content is not None:
        path.write_bytes(content)
    problem = Outcome(tmp_path, "alpaca", [path]).stopped()
    assert problem.code == code and str(path) in str(problem)


def test_the_cap_draws_evenly_and_keeps_the_order(tmp_path: Path) -> None:
    paths = [written(tmp_path, rows(500, start), f"{start}.jsonl") for start in (0, 500)]
    drawn = Outcome(tmp_path, "alpaca", paths, max_records=200).run().dialogues
    numbers = [int(record.messages[0].content.split()[1]) for record in drawn]
    assert len(numbers) == 200 and numbers == sorted(numbers)
    assert 70 <= sum(number < 500 for number in numbers) <= 130
    again = Outcome(tmp_path, "alpaca", paths, max_records=200).run().dialogues
    other = Outcome(tmp_path, "alpaca", paths, max_records=200, seed=1).run().dialogues
    assert drawn == again != other


def test_repeats_follow_the_source_or_the_settings(tmp_path: Path) -> None:
    path = written(tmp_path, [*rows(3), '{"instruction": "질문 0", "output": "다른 대답"}', *rows(1)])
    kept = {
        repeats: Outcome(tmp_path, "alpaca", [path], repeats=repeats).run().stats["records"]
        for repeats in (None, "prompt", "record", "keep")
    }
    assert kept == {None: 3, "prompt": 3, "record": 4, "keep": 5}


def test_ids_are_told_apart(tmp_path: Path) -> None:
    lines = [json.dumps({"id": "x", "instruction": f"질문 {i}", "output": "네."}) for i in range(3)]
    outcome = Outcome(tmp_path, "alpaca", [written(tmp_path, lines)]).run()
    assert [record.id for record in outcome.dialogues] == ["alpaca:x", "alpaca:x#2", "alpaca:x#3"]
    assert outcome.stats["repeated_ids"] == 2


def test_two_kinds_of_record_do_not_mix(tmp_path: Path) -> None:
    dialogue = Dialogue.model_validate({"id": "1", "messages": [{"role": "user", "content": "안녕?"}]})
    prompt, responses = [{"role": "user", "content": "a"}], [{"content": "b"}, {"content": "c"}]
    other = {"id": "2", "prompt": prompt, "responses": responses, "ranking": [[0], [1]]}
    path = written(tmp_path, [dialogue.model_dump_json(), json.dumps(other)])
    assert Outcome(tmp_path, "dajeong", [path], max_unreadable=0.5).run().rejects[0].code == "row-mixed"


def test_a_step_cut_short_leaves_nothing_and_begins_again_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, [*rows(50), "{", *rows(50, start=50)])

    class Pulled(Heard):
        def say(self, code: str, **parameters: object) -> None:
            raise KeyboardInterrupt

    outcome = Outcome(tmp_path / "cut", "alpaca", [path], max_unreadable=0.5)
    heard, outcome.work = outcome.work, dataclasses.replace(outcome.work, progress=Pulled())
    with pytest.raises(KeyboardInterrupt):
        outcome.run()
    assert not outcome.work.folder.exists() or list(outcome.work.folder.iterdir()) == []
    outcome.work = heard
    whole = Outcome(tmp_path / "whole", "alpaca", [path], max_unreadable=0.5).run()
    for name in ("records.jsonl", "rejects.jsonl", "stats.json"):
        again = (outcome.run().work.folder / name).read_bytes()
        assert again == (whole.work.folder / name).read_bytes()


def test_a_star_stands_for_all_that_match(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "c.txt"):
        written(tmp_path, rows(1, start=ord(name[0])), name)
    outcome = Outcome(tmp_path, "alpaca", [tmp_path / "*.jsonl"]).run()
    assert list(outcome.stats["by_file"]) == ["a.jsonl", "b.jsonl"]
    assert Outcome(tmp_path / "other", "alpaca", [tmp_path / "*.csv"]).stopped().code == "file-missing"


def test_settings_name_the_nearest_source() -> None:
    with pytest.raises(ValidationError, match="vaiv-sft"):
        ReadSettings(source="vaiv-sftt", path="a.jsonl")
    assert ReadSettings(source="alpaca", path="a.jsonl") == ReadSettings(source="alpaca", path=("a.jsonl",))


def test_the_journal_holds_the_figures(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, "alpaca", [written(tmp_path, rows(2))]).run()
    entry = json.loads((outcome.work.folder / "journal.jsonl").read_text(encoding="utf-8"))
    assert entry["event"] == "note" and entry["read"]["records"] == 2


@needs_shared
def test_vaiv_instructions(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, "vaiv-sft", [VAIV / "sft/instructions/instructions_all.jsonl"]).run()
    assert outcome.stats["rows"] == 2_461 == 1_495 + 490 + 476
    assert outcome.stats["dropped"] == {"answer-is-prompt": 1, "empty-answer": 3, "repeated-prompt": 2}
    assert outcome.stats["by_kind"] == {"abusive": 490, "general": 476, "talk": 1_489}
    assert all(record.licence.startswith("unstated") for record in outcome.dialogues)


@needs_shared
def test_vaiv_training_pairs(tmp_path: Path) -> None:
    kinds = {"conversation": 1_037, "hatespeech": 487, "translation": 960}
    paths = [VAIV / f"preference/data_final/{kind}_train.json" for kind in kinds]
    outcome = Outcome(tmp_path, "vaiv-preference", paths).run()
    assert list(outcome.stats["by_file"].values()) == list(kinds.values())
    assert outcome.stats["dropped"] == {"empty-answer": 33}
    assert [reject.code for reject in outcome.rejects if reject.code.startswith("un")] == ["unreadable-nul"]
    answers = [response.content for pair in outcome.pairs for response in pair.responses]
    assert len(answers) == 2 * (2_484 - 33 - 1) and not any("endoftext" in answer for answer in answers)


@needs_shared
def test_vaiv_test_pairs(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, "vaiv-preference", [VAIV / "preference/finalSet/*.json"]).run()
    assert outcome.stats["by_kind"] == {"abusive": 33, "general": 33, "talk": 33}
    longer_wins = {
        kind: sum(
            len(pair.responses[0].content) > len(pair.responses[1].content)
            for pair in outcome.pairs
            if pair.kind == kind
        )
        for kind in ("talk", "abusive", "general")
    }
    assert {kind: round(wins / 33, 2) for kind, wins in longer_wins.items()} == {
        "talk": 0.76,
        "abusive": 0.79,
        "general": 0.21,
    }


@needs_shared
def test_vaiv_prompts(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, "vaiv-prompts", [VAIV / "ppo_prompts/PPO/step3_final_filterd.json"]).run()
    assert outcome.stats["by_kind"] == {"general": 1_499, "talk": 781, "translation": 1_328}
    assert all(record.is_prompt for record in outcome.dialogues)


@needs_shared
def test_rows_of_two_schemas_in_one_file(tmp_path: Path) -> None:
    path = VAIV / "sft/evol_inst_set/evol_rand_inst_476.jsonl"
    assert Outcome(tmp_path, "alpaca", [path]).run().stats["records"] == 476
