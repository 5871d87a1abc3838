"""Every kind of step the product has: what it reads, what it writes, the function that does it.

A kind is data. Its function takes its settings and a `workplace.Workplace`, and is imported only when the
step runs. Knows no recipe and no run folder. To add a kind: a function, its settings beside it, one row here.
"""

from __future__ import annotations

from typing import NamedTuple

from dajeong.data.filters.settings import CleanSettings
from dajeong.data.mixture_settings import MixSettings
from dajeong.data.settings import ReadSettings, SmalltalkSettings
from dajeong.evaluation.settings import (
    AgreementSettings,
    EvaluateSettings,
    KobestSettings,
    QualitySettings,
    RefusalsSettings,
    RewardReportSettings,
)
from dajeong.judging.settings import CompareSettings, JudgeSettings
from dajeong.preference.settings import PairsSettings, RankSettings
from dajeong.records import Frozen
from dajeong.rollout.settings import RepliesSettings
from dajeong.synthesis.instruct_settings import EvolSettings, SelfInstructSettings
from dajeong.synthesis.respond_settings import RespondSettings
from dajeong.synthesis.translate_settings import TranslateSettings
from dajeong.training.group_settings import GrpoSettings, RlooSettings
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.preference_settings import DpoSettings, KtoSettings, OrpoSettings
from dajeong.training.settings import BaseSettings, RewardSettings, SftSettings


class Input(NamedTuple):
    record: str
    """Type of its records (`Dialogue`, `Preference`, `Reply`…; several with `|` between them), or `Model`."""
    many: bool = False
    """Several references are read one after another."""
    optional: bool = False
    mapping: bool = False
    """Written as name → number; the names are the references, the whole mapping is also a setting."""


class Kind(NamedTuple):
    settings: type[Frozen]
    inputs: dict[str, Input]
    outputs: dict[str, str]
    """Name of each file of records → type of its records; `Any` where the settings decide."""
    run: str
    """`module:function`."""
    version: int = 1
    """Raised by hand when the meaning of the step's output changes; every run then redoes it."""
    gives_model: bool = False
    named_by: str | None = None
    """The setting that names the step's model where it leaves no folder of its own."""
    algorithm: str | None = None
    """`module:class` of what the training loop runs in this step, where it brings one of its own."""
    estimate: str | None = None
    """`module:function` of a step that pays: its settings and workplace in, `remote.prices.Estimate` out."""


DIALOGUES = Input("Dialogue", many=True)
PREFERENCES = Input("Preference", many=True)
RECORDS = Input("Dialogue|Preference", many=True)
RATED = Input("Reply|Preference", many=True)
MODEL = Input("Model")
MODELS = Input("Model", many=True)
ROLLOUTS = {
    "policy": MODEL,
    "rewards": MODELS._replace(mapping=True, optional=True),
    "prompts": DIALOGUES,
    "guard_prompts": DIALOGUES._replace(optional=True),
}
"""What PPO and its kin read."""

KINDS: dict[str, Kind] = {
    "smalltalk": Kind(
        SmalltalkSettings,
        inputs={},
        outputs={
            "text": "Dialogue",
            "sft": "Dialogue",
            "validation": "Dialogue",
            "reply_prompts": "Dialogue",
            "contrasts": "Preference",
            "ppo_prompts": "Dialogue",
            "validation_prompts": "Dialogue",
            "test_prompts": "Dialogue",
            "validation_pairs": "Preference",
            "test_pairs": "Preference",
        },
        run="dajeong.data.smalltalk:run",
    ),
    "read": Kind(
        ReadSettings,
        inputs={},
        outputs={"records": "Any", "rejects": "Reject"},
        run="dajeong.data.read:run",
        version=2,
    ),
    "clean": Kind(
        CleanSettings,
        inputs={"data": RECORDS, "against": RECORDS._replace(optional=True)},
        outputs={"records": "Any", "rejects": "Reject"},
        run="dajeong.data.filters.step:run",
        version=2,
    ),
    "mix": Kind(
        MixSettings,
        inputs={"parts": RECORDS._replace(mapping=True)},
        outputs={"records": "Any", "held_out": "Any", "test": "Any"},
        run="dajeong.data.mixture:run",
    ),
    "self-instruct": Kind(
        SelfInstructSettings,
        inputs={"seeds": DIALOGUES._replace(optional=True)},
        outputs={"prompts": "Dialogue", "records": "Dialogue", "rejects": "Reject"},
        run="dajeong.synthesis.self_instruct:run",
        estimate="dajeong.synthesis.foresight:estimate",
    ),
    "evol": Kind(
        EvolSettings,
        inputs={"prompts": DIALOGUES},
        outputs={"prompts": "Dialogue", "records": "Dialogue", "rejects": "Reject"},
        run="dajeong.synthesis.evol:run",
        estimate="dajeong.synthesis.evol:estimate",
    ),
    "base": Kind(
        BaseSettings,
        inputs={"text": DIALOGUES._replace(optional=True)},
        outputs={},
        run="dajeong.training.base:run",
        gives_model=True,
        named_by="model",
    ),
    "sft": Kind(
        SftSettings,
        inputs={"model": MODEL, "data": DIALOGUES, "validation": DIALOGUES._replace(optional=True)},
        outputs={},
        run="dajeong.training.sft:run",
        gives_model=True,
        algorithm="dajeong.training.sft:Sft",
    ),
    "replies": Kind(
        RepliesSettings,
        inputs={"models": MODELS, "prompts": DIALOGUES},
        outputs={"replies": "Reply"},
        run="dajeong.rollout.replies:run",
    ),
    "respond": Kind(
        RespondSettings,
        inputs={
            "prompts": DIALOGUES,
            "models": MODELS._replace(optional=True),
            "written": Input("Reply|Dialogue", many=True, optional=True),
        },
        outputs={"replies": "Reply", "rejects": "Reject"},
        run="dajeong.synthesis.respond:run",
        estimate="dajeong.synthesis.respond:estimate",
    ),
    "translate": Kind(
        TranslateSettings,
        inputs={"data": RECORDS},
        outputs={"records": "Any", "flagged": "Any", "rejects": "Reject"},
        run="dajeong.synthesis.translate:run",
        estimate="dajeong.synthesis.translate:estimate",
    ),
    "pairs": Kind(
        PairsSettings,
        inputs={
            "replies": Input("Reply", many=True, optional=True),
            "contrasts": PREFERENCES._replace(optional=True),
        },
        outputs={"pairs": "Preference"},
        run="dajeong.preference.pairs:run",
        version=2,
    ),
    "rank": Kind(
        RankSettings,
        inputs={"replies": Input("Reply", many=True), "scores": Input("Score", many=True, optional=True)},
        outputs={"preferences": "Preference"},
        run="dajeong.preference.rank:run",
    ),
    "reward": Kind(
        RewardSettings,
        inputs={
            "model": MODEL,
            "data": PREFERENCES,
            "normalise": DIALOGUES,
            "validation": PREFERENCES._replace(optional=True),
        },
        outputs={},
        run="dajeong.training.reward:run",
        gives_model=True,
        algorithm="dajeong.training.reward:Reward",
    ),
    "ppo": Kind(
        PpoSettings,
        inputs={**ROLLOUTS, "ptx": DIALOGUES._replace(optional=True)},
        outputs={},
        run="dajeong.training.ppo:run",
        gives_model=True,
        algorithm="dajeong.training.ppo:Ppo",
    ),
    "grpo": Kind(
        GrpoSettings,
        inputs=ROLLOUTS,
        outputs={},
        run="dajeong.training.grpo:run",
        gives_model=True,
        algorithm="dajeong.training.grpo:Grpo",
    ),
    "rloo": Kind(
        RlooSettings,
        inputs=ROLLOUTS,
        outputs={},
        run="dajeong.training.rloo:run",
        gives_model=True,
        algorithm="dajeong.training.rloo:Rloo",
    ),
    "dpo": Kind(
        DpoSettings,
        inputs={
            "policy": MODEL,
            "data": PREFERENCES,
            "validation": PREFERENCES._replace(optional=True),
            "reference": MODEL._replace(optional=True),
        },
        outputs={},
        run="dajeong.training.dpo:run",
        gives_model=True,
        algorithm="dajeong.training.dpo:Dpo",
    ),
    "kto": Kind(
        KtoSettings,
        inputs={
            "policy": MODEL,
            "data": RATED,
            "validation": RATED._replace(optional=True),
            "reference": MODEL._replace(optional=True),
        },
        outputs={},
        run="dajeong.training.kto:run",
        gives_model=True,
        algorithm="dajeong.training.kto:Kto",
    ),
    "orpo": Kind(
        OrpoSettings,
        inputs={
            "policy": MODEL,
            "data": PREFERENCES,
            "validation": PREFERENCES._replace(optional=True),
        },
        outputs={},
        run="dajeong.training.orpo:run",
        gives_model=True,
        algorithm="dajeong.training.orpo:Orpo",
    ),
    "reward-report": Kind(
        RewardReportSettings,
        inputs={
            "model": MODEL._replace(optional=True),
            "train": PREFERENCES._replace(optional=True),
            "test": PREFERENCES,
        },
        outputs={"results": "Result", "scores": "Score"},
        run="dajeong.evaluation.reward_report:run",
        version=2,
    ),
    "evaluate": Kind(
        EvaluateSettings,
        inputs={"models": MODELS, "prompts": DIALOGUES, "train": RECORDS._replace(optional=True)},
        outputs={"results": "Result", "replies": "Reply", "scores": "Score"},
        run="dajeong.evaluation.smalltalk:run",
        version=2,
    ),
    "judge": Kind(
        JudgeSettings,
        inputs={
            "replies": Input("Reply", many=True),
            "judge": MODEL._replace(optional=True),
            "train": RECORDS._replace(optional=True),
        },
        outputs={"scores": "Score", "results": "Result"},
        run="dajeong.judging.judge:run",
        version=2,
        estimate="dajeong.judging.judge:estimate",
    ),
    "compare": Kind(
        CompareSettings,
        inputs={
            "replies": Input("Reply", many=True),
            "judge": MODEL._replace(optional=True),
            "train": RECORDS._replace(optional=True),
        },
        outputs={"scores": "Score", "preferences": "Preference", "results": "Result"},
        run="dajeong.judging.compare:run",
        estimate="dajeong.judging.compare:estimate",
    ),
    "quality": Kind(
        QualitySettings,
        inputs={
            "judged": Input("Score", many=True),
            "replies": Input("Reply", many=True, optional=True),
        },
        outputs={"results": "Result", "replies": "Reply", "scores": "Score"},
        run="dajeong.evaluation.judged_steps:quality",
    ),
    "agreement": Kind(
        AgreementSettings,
        inputs={
            "judge": Input("Score", many=True),
            "humans": Input("Score", many=True),
            "replies": Input("Reply", many=True, optional=True),
        },
        outputs={"results": "Result"},
        run="dajeong.evaluation.judged_steps:agreement",
    ),
    "refusals": Kind(
        RefusalsSettings,
        inputs={"models": MODELS, "prompts": DIALOGUES._replace(optional=True)},
        outputs={"results": "Result", "replies": "Reply", "scores": "Score"},
        run="dajeong.evaluation.refusals:run",
    ),
    "kobest": Kind(
        KobestSettings,
        inputs={"models": MODELS},
        outputs={"results": "Result", "scores": "Score"},
        run="dajeong.evaluation.kobest:run",
    ),
}
