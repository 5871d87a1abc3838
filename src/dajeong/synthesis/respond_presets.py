"""What a model service is told before it answers: named requests, data with a version. Asks nobody.

The wording of VAIV's presets is what VAIV-2023 sent to gpt-3.5-turbo; runs of blanks that its line breaks
left inside are one blank here. A change of wording changes its version, and the kind's in `steps.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dajeong.records import Frozen, Message

PROMPT = "{prompt}"


class Preset(Frozen):
    version: str
    """Written into every reply."""
    system: str = ""
    """What the service is told first; empty tells it nothing."""
    user: str = PROMPT
    """How the last question is put; `{prompt}` stands for it."""
    temperature: float | None = None
    """How it is drawn where the recipe's author says nothing."""


_VAIV_GENERAL = (
    "두 사람 간의 대화가 주어집니다. 다음의 지시문(Instruction)을 받게 될 것입니다. "
    "당신의 작업은 지시문과 입력에 해당하는 답변(response)을 생성하는 것입니다. "
    "너무 길지 않고 간결하게 답변을 생성해주세요."
)
_VAIV_NO_HATE = "단, 혐오적인 표현이 포함되어 있다면 그렇게 하지 않도록 유도해 주세요."
_VAIV_ABUSIVE = "혐오, 비난적 포함된 발언을 하면 그렇게 하지 않도록 적절히 유도해주세요."
_VAIV_USER = "Instruction: {prompt} Response: "

PRESETS: dict[str, Preset] = {
    "plain": Preset(version="plain-1"),
    "vaiv-general": Preset(version="vaiv-general-1", system=_VAIV_GENERAL, user=_VAIV_USER, temperature=0.5),
    "vaiv-general-no-hate": Preset(
        version="vaiv-general-no-hate-1",
        system=f"{_VAIV_GENERAL} {_VAIV_NO_HATE}",
        user=_VAIV_USER,
        temperature=0.5,
    ),
    "vaiv-abusive": Preset(version="vaiv-abusive-1", system=_VAIV_ABUSIVE, temperature=1.0),
    "friendly": Preset(
        version="friendly-1",
        system="당신은 다정한 한국어 대화 상대입니다. 묻는 말에 바르게, 해요체로 짧고 따뜻하게 답하세요. "
        "거친 말을 들으면 나무라지 말고 고운 말로 이야기하자고 부드럽게 권하세요.",
    ),
}
"""Name in a recipe → the request."""

SETS: dict[str, dict[str, str]] = {
    "vaiv": {"abusive": "vaiv-abusive", "hate": "vaiv-abusive", "": "vaiv-general"},
}
"""Name in a recipe → kind of prompt → preset; the empty kind stands for all others."""


def preset_for(name: str, kind: str) -> Preset:
    """The preset of that name, or the one that a set has for the kind of prompt."""
    if name in SETS:
        return PRESETS[SETS[name].get(kind, SETS[name][""])]
    return PRESETS[name]


def asked(prompt: Sequence[Message], preset: Preset) -> tuple[Message, ...]:
    """What is sent: the preset's instruction, then the conversation, contexts below what they belong to."""
    *before, last = [Message(role=message.role, content=_whole(message)) for message in prompt]
    put = last.model_copy(update={"content": preset.user.replace(PROMPT, last.content)})
    told = [Message(role="system", content=preset.system)] if preset.system else []
    return (*told, *before, put)


def as_one(messages: Sequence[Message]) -> tuple[Message, ...]:
    """All of it as one text, for services that continue text."""
    return (Message(role="user", content="\n\n".join(message.content for message in messages)),)


def _whole(message: Message) -> str:
    return f"{message.content}\n\n{message.context}" if message.context else message.content
