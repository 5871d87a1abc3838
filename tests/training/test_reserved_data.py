"""Nobody learns from what was read for measuring: every step that trains says so before it loads a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Message, Preference, Response
from dajeong.storage import write_records
from dajeong.training import base, grpo, ppo, reward, rloo, sft
from dajeong.training.group_settings import GrpoSettings, RlooSettings
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.settings import BaseSettings, RewardSettings, SftSettings
from dajeong.workplace import Workplace

ASKED = (Message(role="user", content="강가에 뭐가 있어요?"),)
META = {"evaluation": "kobest"}
DIALOGUE = Dialogue(
    id="kobest:1", messages=(*ASKED, Message(role="assistant", content="우산이요.")), meta=META
)
PAIR = Preference(
    id="kobest:1", prompt=ASKED, responses=(Response(content="우산이요."), Response(content="몰라.")),
    ranking=((0,), (1,)), meta=META,
)  # fmt: skip


@pytest.mark.parametrize(
    ("run", "settings", "name", "record"),
    [
        (base.run, BaseSettings(model="tiny"), "text", DIALOGUE),
        (sft.run, SftSettings(), "data", DIALOGUE),
        (reward.run, RewardSettings(), "data", PAIR),
        (ppo.run, PpoSettings(rewards={"reward": 1.0}), "prompts", DIALOGUE),
        (grpo.run, GrpoSettings(rewards={"reward": 1.0}), "prompts", DIALOGUE),
        (rloo.run, RlooSettings(rewards={"reward": 1.0}), "prompts", DIALOGUE),
    ],
)
def test_an_evaluation_record_stops_the_step(
    run: Callable[[Any, Workplace], None], settings: Any, name: str, record: Any, tmp_path: Path
) -> None:
    path = tmp_path / "data.jsonl"
    write_records(path, [record])
    models = {each: (tmp_path / "absent",) for each in ("model", "policy")}
    with pytest.raises(DataProblem) as caught:
        run(settings, Workplace(run=tmp_path, name="learn", inputs={name: (path,), **models}))
    assert caught.value.exit_code == 3 and "kobest" in str(caught.value)
