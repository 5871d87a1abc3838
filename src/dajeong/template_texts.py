"""The wording of the built-in instruction templates, byte for byte as their systems print it. Only data.

`{instruction}` and `{input}` are filled by `templates.InstructionTemplate`; whole text = header + turn.
Sources: KULLM and alpaca-lora `templates/*.json`; KoAlpaca v1.0, v1.1; a KoAlpaca reproduction (bilingual).
"""

from __future__ import annotations

from typing import NamedTuple


class InstructionText(NamedTuple):
    header: str
    turn: str
    header_with_context: str
    turn_with_context: str
    before_answer: str = ""


_TASK = "Below is an instruction that describes a task"
_PAIRED = _TASK + ", paired with an input that provides further context"
_WRITE = "Write a response that appropriately completes the request."
_KO_TASK = "아래는 작업을 설명하는 명령어입니다."
_KO_PAIRED = "아래는 작업을 설명하는 명령어와 추가적 맥락을 제공하는 입력이 짝을 이루는 예제입니다."
_KO_PAIRED_KULLM = "아래는 작업을 설명하는 명령어와 추가 컨텍스트를 제공하는 입력이 짝을 이루는 예제입니다."
_KO_WRITE = "요청을 적절히 완료하는 응답을 작성하세요."
_KO_WRITE_AS_TOLD = "명령어에 따른 요청을 적절히 완료하는 응답을 작성하세요."

_ALPACA_TURN = "### Instruction:\n{instruction}\n\n### Response:\n"
_ALPACA_TURN_WITH_INPUT = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
_BOTH_INSTRUCTION = "### Instruction(명령어):\n{instruction}\n\n"
_BOTH_INPUT = "### Input(입력):\n{input}\n\n"
_BOTH_RESPONSE = "### Response(응답):"
_INDENT = "\n    "

INSTRUCTION_TEXTS: dict[str, InstructionText] = {
    "kullm": InstructionText(
        f"{_KO_TASK} {_KO_WRITE}\n\n",
        "### 명령어:\n{instruction}\n\n### 응답:\n",
        f"{_KO_PAIRED_KULLM} {_KO_WRITE}\n\n",
        "### 명령어:\n{instruction}\n\n### 입력:\n{input}\n\n### 응답:\n",
    ),
    "alpaca": InstructionText(
        f"{_TASK}. {_WRITE}\n\n",
        _ALPACA_TURN,
        f"{_PAIRED}. {_WRITE}\n\n",
        _ALPACA_TURN_WITH_INPUT,
    ),
    "alpaca_short": InstructionText("", _ALPACA_TURN, "", _ALPACA_TURN_WITH_INPUT),
    "koalpaca": InstructionText(
        "",
        "### 질문: {instruction}\n\n### 답변:",
        "",
        "### 질문: {instruction}\n\n### 맥락: {input}\n\n### 답변:",
        # KoAlpaca trains on "### 답변: …". The blank is the answer's, so that a prompt ends at the colon.
        before_answer=" ",
    ),
    "koalpaca-v1.0": InstructionText(
        f"{_TASK}.\n{_KO_TASK}\n\n{_WRITE}\n{_KO_WRITE_AS_TOLD}\n\n",
        _BOTH_INSTRUCTION + _BOTH_RESPONSE,
        f"{_PAIRED}.\n{_KO_PAIRED}\n\n{_WRITE}\n{_KO_WRITE}\n\n",
        _BOTH_INSTRUCTION + _BOTH_INPUT + _BOTH_RESPONSE,
    ),
    "koalpaca-bilingual": InstructionText(
        f"{_TASK}. {_WRITE}\n\n{_KO_TASK} {_KO_WRITE_AS_TOLD}\n\n",
        _BOTH_INSTRUCTION + _BOTH_RESPONSE + "\n",
        f"{_PAIRED}. {_WRITE}\n\n{_KO_PAIRED} {_KO_WRITE}\n\n",
        _BOTH_INSTRUCTION + _BOTH_INPUT + _BOTH_RESPONSE + "\n",
    ),
    # The reproduction's triple-quoted strings: every block but the last is followed by the source's own line
    # break and indentation.
    "koalpaca-seed004": InstructionText(
        f"{_TASK}. {_WRITE}\n{_INDENT}{_KO_TASK} {_KO_WRITE_AS_TOLD}\n\n{_INDENT}",
        _BOTH_INSTRUCTION + _INDENT + _BOTH_RESPONSE + "\n",
        f"{_PAIRED}. {_WRITE}\n{_INDENT}{_KO_PAIRED} {_KO_WRITE}\n\n{_INDENT}",
        _BOTH_INSTRUCTION + _INDENT + _BOTH_INPUT + _INDENT + _BOTH_RESPONSE + "\n",
    ),
}
