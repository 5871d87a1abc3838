"""The published files as they are: how many rows, what is refused, what the labelling rule makes of them."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from reading_step import Outcome

from dajeong.data.lines import read_rows
from dajeong.data.placeholders import has_placeholder
from dajeong.data.readers.vaiv import VaivScores
from dajeong.data.rows import Left, Row
from dajeong.data.sniff import likely_source
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
    ("vaiv-sft", "vaiv/sft/instructions/instructions_all.jsonl"): 2_461,
    ("vaiv-preference", "vaiv/preference/translation_data/sft_translation_all.json"): 2_538,
    ("vaiv-preference", "vaiv/preference/data_final/conversation_train.json"): 1_037,
    ("vaiv-preference", "vaiv/preference/data_final/conversation_test.json"): 27,
    ("vaiv-preference", "vaiv/preference/data_final/hatespeech_train.json"): 487,
    ("vaiv-preference", "vaiv/preference/data_final/hatespeech_test.json"): 13,
    ("vaiv-preference", "vaiv/preference/data_final/translation_train.json"): 960,
    ("vaiv-preference", "vaiv/preference/data_final/translation_test.json"): 27,
    ("vaiv-preference", "vaiv/preference/finalSet/step2_test_conv.json"): 33,
    ("vaiv-preference", "vaiv/preference/finalSet/step2_test_hate.json"): 33,
    ("vaiv-preference", "vaiv/preference/finalSet/step2_test_general.json"): 33,
    ("vaiv-scores", "vaiv/preference/data_scores/conversation_score_final.json"): 1_297,
    ("vaiv-scores", "vaiv/preference/data_scores/hatespeech_score_final.json"): 602,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step2_prompt_dataset.json"): 4_990,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step3_finaldataset.json"): 3_819,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step3_conversation.json"): 1_144,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step3_hatespeech.json"): 637,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step3_translation.json"): 1_538,
    ("vaiv-prompts", "vaiv/ppo_prompts/Make_dataset/step3_selfInstruct.json"): 500,
    ("vaiv-prompts", "vaiv/eval_prompts/all_prompt.txt"): 200,
    ("vaiv-prompts", "vaiv/eval_prompts/conversation_prompt.txt"): 293,
    ("vaiv-prompts", "vaiv/eval_prompts/hatespeech_prompt.txt"): 119,
    ("vaiv-prompts", "vaiv/eval_prompts/rlhf_prompt.txt"): 160,
    ("vaiv-prompts", "vaiv/ppo_prompts/PPO/step3_final_filterd.before_hate_removal.json"): 4_092,
    ("vaiv-prompts", "vaiv/ppo_prompts/PPO/step3_final_filterd.json"): 3_608,
}


@pytest.mark.parametrize(("source", "file"), ROWS, ids=[Path(file).name for _, file in ROWS])
def test_every_row_is_read_and_accounted_for(source: str, file: str, tmp_path: Path) -> None:
    stats = Outcome(tmp_path, source, [SHARED / file]).run().stats
    assert stats["rows"] == ROWS[source, file] and stats["unreadable"] <= 1
    assert stats["records"] > 0.75 * stats["rows"]


@pytest.mark.parametrize(("source", "file"), ROWS, ids=[Path(file).name for _, file in ROWS])
def test_the_keys_of_its_rows_tell_the_source(source: str, file: str) -> None:
    """Or one that reads them just as well: plain Alpaca rows say no more of themselves."""
    if file.endswith(".txt"):
        return
    rows = [row.value for row in itertools.islice(read_rows(SHARED / file), 20) if isinstance(row, Row)]
    alike = {"koalpaca": "alpaca", "vaiv-sft": "evol"}
    assert {likely_source(row) for row in rows} <= {source, alike.get(source)}


def test_no_other_file_of_the_folder_is_left_unread() -> None:
    """Tables of judgements and of answers are read elsewhere; everything else stands above or below."""
    named = {file for _, file in ROWS} | {
        f"vaiv/preference/conversation_set/{EMPTY}",
        "vaiv/eval_prompts/rlhf_response.txt",
    }
    there = {path.relative_to(SHARED).as_posix() for path in SHARED.rglob("*.*") if path.is_file()}
    rest = {
        name for name in there - named if not name.startswith(("kobest/", "kullm/", "vaiv/eval_results/"))
    }
    assert rest == {"README.md", "MANIFEST.sha256"}


EMPTY = "conversation_train.json"

KINDS = {
    "step2_prompt_dataset.json": {"abusive": 490, "general": 1_500, "talk": 1_500, "translation": 1_500},
    "step3_finaldataset.json": {"abusive": 637, "general": 500, "talk": 1_144, "translation": 1_538},
}


@pytest.mark.parametrize("name", KINDS)
def test_the_prompts_are_of_the_kinds_they_are_said_to_be(name: str, tmp_path: Path) -> None:
    path = VAIV / "ppo_prompts/Make_dataset" / name
    assert Outcome(tmp_path, "vaiv-prompts", [path], repeats="keep").run().stats["by_kind"] == KINDS[name]


def test_repeated_prompts_of_the_pool_are_counted(tmp_path: Path) -> None:
    path = VAIV / "ppo_prompts/Make_dataset/step2_prompt_dataset.json"
    stats = Outcome(tmp_path, "vaiv-prompts", [path]).run().stats
    assert stats["dropped"]["repeated-prompt"] == stats["repeated_prompts"] >= 293


LENGTH_RULE = {
    "hatespeech": (637, 484),
    "translation": (1_538, 1_328),
    "selfInstruct": (500, 499),
    "conversation": (1_144, 820),
}


@pytest.mark.parametrize("name", LENGTH_RULE)
def test_the_length_rule_keeps_what_was_published(name: str, tmp_path: Path) -> None:
    """Fifteen characters without white space are too few, sixteen are enough: no error in four parts."""
    path, (rows, kept) = VAIV / f"ppo_prompts/Make_dataset/step3_{name}.json", LENGTH_RULE[name]
    stats = Outcome(tmp_path, "vaiv-prompts", [path], min_prompt_characters=16, repeats="keep").run().stats
    assert (stats["rows"], stats["records"]) == (rows, kept)
    assert stats["dropped"] == {"short-prompt": rows - kept}


def test_names_in_talk_are_filled_in_where_asked(tmp_path: Path) -> None:
    path = VAIV / "sft/instructions/conversation.jsonl"
    kept, filled = (
        Outcome(tmp_path / how, "vaiv-sft", [path], options={"placeholders": how}).run().dialogues
        for how in ("keep", "replace")
    )
    marked = [any(has_placeholder(message.content) for message in record.messages) for record in kept]
    assert len(kept) == len(filled) and sum(marked) >= 201
    assert not any(has_placeholder(message.content) for record in filled for message in record.messages)
    same = [before == after for before, after in zip(kept, filled, strict=True)]
    assert same == [not mark for mark in marked], "nothing else changes"


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


def test_nine_abusive_pairs_were_added_by_hand() -> None:
    made = [part for row in _scored("hatespeech") for part in VaivScores()("vaiv-scores", row)]
    prompts = Counter(part.prompt[0].content.strip() for part in made if isinstance(part, Preference))
    published = Counter(
        row["prompt"].strip()
        for part in ("train", "test")
        for row in json.loads(
            (VAIV / f"preference/data_final/hatespeech_{part}.json").read_text(encoding="utf-8")
        )
    )
    assert (prompts.total(), published.total()) == (491, 500)
    assert not prompts - published and (published - prompts).total() == 9


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
    assert {record.meta["evaluation"] for record in read.dialogues} == {"user-oriented-252"}


AVERAGES = {
    "kullm_orig_eval": (145, (0.748, 2.076, 1.807, 1.583, 0.610, 2.462)),
    "all/gpt_all_eval": (199, (4.616, 4.975, 4.889, 4.746, 4.859, 4.799)),
    "all/kullm_orig_all_eval": (200, (3.598, 4.725, 3.865, 3.365, 3.685, 3.587)),
    "conversation/custom_conversation_eval": (161, (3.627, 4.304, 3.789, 4.075, 3.950)),
    "conversation/final_conversation_eval": (161, (4.590, 4.568, 4.550, 4.531, 4.509)),
    "conversation/gpt_conversation_eval": (201, (4.701, 4.935, 4.851, 4.925, 4.863)),
    "conversation/kullm_ftv3_conversation_eval": (161, (4.410, 4.550, 4.391, 4.484, 4.411)),
    "conversation/kullm_orig_conversation_eval": (161, (3.705, 4.093, 3.615, 3.916, 3.775)),
    "hatespeech/custom_hatespeech_eval": (119, (5.000, 4.916, 4.840, 4.857, 4.882)),
    "hatespeech/final_hatespeech_eval": (119, (4.992, 4.866, 4.840, 4.857, 4.874)),
    "hatespeech/gpt_hatespeech_eval": (119, (4.983, 4.815, 4.756, 4.773, 4.798)),
    "hatespeech/kullm_ftv3_hatespeech_eval": (119, (5.000, 4.924, 4.874, 4.874, 4.908)),
    "hatespeech/kullm_orig_hatespeech_eval": (119, (4.592, 4.235, 3.874, 4.059, 4.046)),
    "rlhf/gpt_rlhf_eval": (157, (4.713, 4.777, 4.758, 4.745, 4.732)),
    "rlhf/kullm_ft_rlhf_eval": (155, (4.400, 4.552, 4.413, 4.397, 4.416)),
}


@pytest.mark.parametrize("name", AVERAGES)
def test_tables_of_judgements_are_read_whole(name: str) -> None:
    """Quoted line ends, an index without a name, numbers as text: the averages are those published."""
    rows = [row.value for row in read_rows(VAIV / "eval_results" / f"{name}.csv") if isinstance(row, Row)]
    count, averages = AVERAGES[name]
    columns = list(rows[0])[-len(averages) :]
    means = [sum(float(row[column]) for row in rows) / len(rows) for column in columns]
    assert len(rows) == count and means == pytest.approx(averages, abs=6e-4)


def test_a_file_of_empty_answers_says_so_in_one_line(tmp_path: Path) -> None:
    path = VAIV / "preference/conversation_set" / EMPTY
    problem = Outcome(tmp_path, "vaiv-preference", [path]).stopped()
    assert problem.exit_code == 3 and "empty-answer 1500" in str(problem) and "\n" not in str(problem)


def test_both_answers_of_the_file_with_other_keys_are_found(tmp_path: Path) -> None:
    path = VAIV / "sft/translation_data/chatgpt_translation_all.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert Counter("answer1" in row for row in rows) == {True: 3_202, False: 160}
    assert Outcome(tmp_path, "vaiv-sft", [path]).run().stats["changed"]["trimmed"] > 2_000
