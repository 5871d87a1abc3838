"""The published files as they are: how many rows, what is refused, what the labelling rule makes of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from reading_step import Outcome

from dajeong.data.readers.vaiv import VaivScores
from dajeong.data.rows import Left
from dajeong.records import Preference
from shared_data import SHARED, needs_shared

pytestmark = needs_shared
VAIV = SHARED / "vaiv"

ROWS = {
    ("self-instruct", "self_instruct/seed_tasks.jsonl"): 175,
    ("evol-seeds", "evolve_instruct/base_instuction.jsonl"): 218,
    ("evol-seeds", "evolve_instruct/article_base_instruction.jsonl"): 3,
    ("evol", "evolve_instruct/gen_data/article_base_instruction.c9b2.json"): 30,
    ("koalpaca", "koalpaca/ko_alpaca_data.subset11432.part1.json"): 5_716,
    ("koalpaca", "koalpaca/ko_alpaca_data.subset11432.part2.json"): 5_716,
    ("vaiv-sft", "vaiv/sft/evol_inst_set/evol_rand_inst_1057.jsonl"): 1_057,
    ("vaiv-sft", "vaiv/sft/evol_inst_set/evol_rand_inst_476.jsonl"): 476,
    ("vaiv-sft", "vaiv/sft/hatespeech_set/selected.json"): 490,
    ("vaiv-sft", "vaiv/sft/instructions/conversation.jsonl"): 1_495,
    ("vaiv-sft", "vaiv/sft/instructions/hatespeech.jsonl"): 490,
    ("vaiv-sft", "vaiv/sft/instructions/evol.jsonl"): 476,
    ("vaiv-sft", "vaiv/sft/translation_data/chatgpt_translation_all.json"): 3_362,
    ("vaiv-preference", "vaiv/preference/translation_data/sft_translation_all.json"): 2_538,
    ("vaiv-scores", "vaiv/preference/data_scores/conversation_score_final.json"): 1_297,
    ("vaiv-scores", "vaiv/preference/data_scores/hatespeech_score_final.json"): 602,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step2_prompt_dataset.json"): 4_990,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step3_finaldataset.json"): 3_819,
    ("vaiv-prompts", "vaiv/ppo_prompts/PPO/step3_final_filterd.before_hate_removal.json"): 4_092,
    ("vaiv-prompts", "vaiv/ppo_prompts/PPO/step3_final_filterd.json"): 3_608,
}


@pytest.mark.parametrize(("source", "file"), ROWS, ids=[Path(file).name for _, file in ROWS])
def test_every_row_is_read_and_accounted_for(source: str, file: str, tmp_path: Path) -> None:
    stats = Outcome(tmp_path, source, [SHARED / file]).run().stats
    assert stats["rows"] == ROWS[source, file] and stats["unreadable"] <= 1
    assert stats["records"] > 0.75 * stats["rows"]


KINDS = {
    "step2_prompt_dataset.json": {"abusive": 490, "general": 1_500, "talk": 1_500, "translation": 1_500},
    "step3_finaldataset.json": {"abusive": 637, "general": 500, "talk": 1_144, "translation": 1_538},
}


@pytest.mark.parametrize("name", KINDS)
def test_the_prompts_are_of_the_kinds_they_are_said_to_be(name: str, tmp_path: Path) -> None:
    path = VAIV / "ppo_prompts/Make_dataset" / name
    assert Outcome(tmp_path, "vaiv-prompts", [path], repeats="keep").run().stats["by_kind"] == KINDS[name]


def _scored(kind: str) -> list[dict[str, Any]]:
    path = VAIV / f"preference/data_scores/{kind}_score_final.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


@pytest.mark.parametrize(
    ("kind", "kept", "ties", "both_low"), [("conversation", 1_064, 207, 26), ("hatespeech", 491, 92, 19)]
)
def test_the_ranking_rule_is_vaivs_own(kind: str, kept: int, ties: int, both_low: int) -> None:
    made = [part for row in _scored(kind) for part in VaivScores()("vaiv-scores", row)]
    left = Counter(part.rule for part in made if isinstance(part, Left))
    assert (len(made) - left.total(), left) == (kept, {"tie": ties, "both-low": both_low})


def _key(prompt: str, answers: list[str]) -> tuple[str, ...]:
    return tuple(text.replace("<|endoftext|>", "").strip() for text in (prompt, *answers))


def test_what_the_rule_keeps_is_what_was_published() -> None:
    made = [part for row in _scored("conversation") for part in VaivScores()("vaiv-scores", row)]
    ours = {
        part.id.removeprefix("vaiv-scores:"): _key(
            part.prompt[0].content, [response.content for response in part.responses]
        )
        for part in made
        if isinstance(part, Preference)
    }
    theirs = [
        row
        for part in ("train", "test")
        for row in json.loads(
            (VAIV / f"preference/data_final/conversation_{part}.json").read_text(encoding="utf-8")
        )
    ]
    published = {
        row["id"].replace("conversaion", "conversation"): _key(
            row["prompt"], [row["chosen"], row["rejected"]]
        )
        for row in theirs
    }
    assert len(published) == 1_064 and ours == published


def test_a_row_with_a_nul_is_refused_with_its_place(tmp_path: Path) -> None:
    path = VAIV / "preference/data_scores/conversation_score_final.json"
    outcome = Outcome(tmp_path, "vaiv-scores", [path]).run()
    assert outcome.stats["dropped"] == {"both-low": 26, "empty-answer": 16, "tie": 207}
    assert [reject.code for reject in outcome.rejects if reject.code.startswith("un")] == ["unreadable-nul"]
    assert outcome.stats["records"] == 1_064 - 16 - 1


KOBEST = {
    "BoolQ": (936, 50, 300),
    "COPA": (667, 50, 300),
    "HellaSwag": (333, 50, 300),
    "SentiNeg": (265, 50, 300),
    "WiC": (840, 50, 300),
}


@pytest.mark.parametrize("task", KOBEST)
def test_kobest_is_read_whole_and_only_for_measuring(task: str, tmp_path: Path) -> None:
    counts = []
    for part in ("test", "dev_first50", "train_first300"):
        path = SHARED / "kobest" / task / f"{part}.tsv"
        outcome = Outcome(tmp_path / part, "kobest", [path], evaluation=True).run()
        counts.append(outcome.stats["records"])
        assert {record.meta["task"] for record in outcome.dialogues} == {task}
        assert {record.meta["evaluation"] for record in outcome.dialogues} == {"kobest"}
        labels = Counter(record.meta["label"] for record in outcome.dialogues)
        assert set(labels) == set(range(len(outcome.dialogues[0].meta["choices"])))
    assert tuple(counts) == KOBEST[task]
    assert (
        Outcome(tmp_path / "learn", "kobest", [SHARED / "kobest" / task]).stopped().code
        == "source-evaluation"
    )


@pytest.mark.parametrize("name", ["kullm-v1.jsonl", "user_oriented_instructions_eval.jsonl"])
@pytest.mark.parametrize("disguise", [False, True], ids=["as published", "ids and punctuation changed"])
def test_the_evaluation_set_called_v1_is_not_learned_from(name: str, disguise: bool, tmp_path: Path) -> None:
    path = SHARED / "kullm" / name
    if disguise:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        changed = [
            {**row, "id": number, "instruction": f" {row['instruction']} !"}
            for number, row in enumerate(rows)
        ]
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(changed, ensure_ascii=False), encoding="utf-8")
    problem = Outcome(tmp_path / "learn", "kullm", [path]).stopped()
    assert problem.code == "read-evaluation" and problem.exit_code == 3 and "168 of 168" in str(problem)
    read = Outcome(tmp_path / "measure", "kullm", [path], evaluation=True).run()
    assert read.stats["records"] == 168
    assert {record.meta["evaluation"] for record in read.dialogues} == {"kullm-user-oriented"}


def test_a_file_of_empty_answers_says_so_in_one_line(tmp_path: Path) -> None:
    path = VAIV / "preference/conversation_set/conversation_train.json"
    problem = Outcome(tmp_path, "vaiv-preference", [path]).stopped()
    assert problem.exit_code == 3 and "empty-answer 1500" in str(problem) and "\n" not in str(problem)


def test_both_answers_of_the_file_with_other_keys_are_found(tmp_path: Path) -> None:
    path = VAIV / "sft/translation_data/chatgpt_translation_all.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert Counter("answer1" in row for row in rows) == {True: 3_202, False: 160}
    assert Outcome(tmp_path, "vaiv-sft", [path]).run().stats["changed"]["trimmed"] > 2_000
