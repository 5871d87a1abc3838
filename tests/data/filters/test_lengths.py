"""Length limits by kind, VAIV's own rule among them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from cleaned import Cleaned, example, pair, prompt, said

from dajeong.data.filters.lengths import Lengths
from dajeong.data.filters.settings import LengthSettings
from dajeong.data.read import run as read
from dajeong.data.settings import ReadSettings
from dajeong.records import Dialogue, Record
from dajeong.storage import read_records
from dajeong.workplace import Workplace
from shared_data import SHARED, needs_shared


@pytest.mark.parametrize(
    ("settings", "record", "why"),
    [
        ({"min_prompt": 4}, prompt("뭐 해 ?"), "short-prompt: 3 < 4"),
        ({"min_prompt": 4}, prompt("뭐 하니?"), None),
        ({"min_prompt": 4, "prompt": {"talk": 2}}, prompt("뭐 해?"), None),
        ({"min_prompt": 4, "prompt": {"talk": 2}}, prompt("뭐 해?", kind="abusive"), "short-prompt: 3 < 4"),
        ({"min_answer": 3}, example("안녕?", "네."), "short-answer: 2 < 3"),
        ({"min_answer": 3}, prompt("안녕?"), None),
        ({"min_answer": 3}, pair("그래요.", "네."), "short-answer: 2 < 3"),
        ({"answer": {"abusive": 9}}, example("안녕?", "네."), None),
        ({"max_characters": 8}, example("안녕하세요?", "네, 안녕!"), "long: 11 > 8"),
        ({"min_prompt": 10}, example("요약해 줘", context="아주 긴 글이 있었어요."), None),
    ],
)
def test_limits_count_without_white_space_and_by_kind(
    settings: dict[str, object], record: Record, why: str | None
) -> None:
    assert said(Lengths(LengthSettings.model_validate(settings)), [record]) == [why]


@needs_shared
def test_vaivs_rule_keeps_what_vaiv_kept(tmp_path: Path) -> None:
    """15 characters and fewer go; of each kind as many stay as VAIV says."""
    path = SHARED / "vaiv/ppo_prompts/Make_dataset/step3_finaldataset.json"
    work = Workplace(run=tmp_path, name="read")
    read(ReadSettings(source="vaiv-prompts", path=(str(path),), repeats="keep"), work)
    prompts = list(read_records(work.folder / "records.jsonl", Dialogue))
    cleaned = Cleaned(
        tmp_path, prompts, text=None, personal=None, decontamination=None, duplicates=None,
        near_duplicates=None, lengths={"min_prompt": 16},
    ).run()  # fmt: skip
    assert Counter(record.kind for record in cleaned.of()) == {
        "abusive": 484, "translation": 1_328, "general": 499, "talk": 820,
    }  # fmt: skip
