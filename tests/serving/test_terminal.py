"""A conversation in the terminal: turns, commands, Ctrl-C, and what happens when it grows too long."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dajeong.messages import choose_language, text
from dajeong.models.load import ChatModel
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer
from dajeong.records import Decoding, Dialogue, Message
from dajeong.rollout.engine import Completion, OnToken, Request
from dajeong.serving.terminal import chat, readable
from dajeong.storage import read_records
from dajeong.templates import TEMPLATES

TOKENIZER = TextTokenizer(tiny_tokenizer(["김치찌개 어때요? 좋아요!"] * 4, TinySettings(vocabulary=310)))
DECODING = Decoding(temperature=0, max_new_tokens=20)


class Limits(NamedTuple):
    """All that the conversation asks of a model."""

    max_position_embeddings: int = 400

    def get_text_config(self) -> Limits:
        return self


class Stub(NamedTuple):
    config: Limits


class Echo:
    """An engine that answers with its script, one answer a request, and remembers what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.seeds: list[int] = []

    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        (request,) = requests
        self.asked.append(TOKENIZER.decode(request.ids))
        self.seeds.append(request.seed)
        said = []
        for token in [*TOKENIZER.encode(self.answers.pop(0)), TOKENIZER.eos_id]:
            said.append(token)
            if on_token is not None and on_token(0, token) is False:
                return [Completion(tuple(said), (0.0,) * len(said), "cancelled")]
        return [Completion(tuple(said), (0.0,) * len(said), "eos")]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    choose_language("en")
    yield
    choose_language(None)


def typed(lines: Sequence[str | type[BaseException]]) -> Callable[[str], str]:
    """A keyboard: lines, or Ctrl-C and Ctrl-D as what they raise; Ctrl-D at the end."""
    waiting = iter([*lines, EOFError])

    def read(prompt: str) -> str:
        line = next(waiting)
        if isinstance(line, str):
            return line
        raise line

    return read


def talked(
    engine: Echo,
    *lines: str | type[BaseException],
    positions: int = 400,
    output: io.StringIO | None = None,
) -> str:
    model: Any = Stub(Limits(positions))
    shown = output or io.StringIO()
    chat_model = ChatModel(model, None, TOKENIZER, TEMPLATES["koalpaca"], "sft")
    chat(chat_model, DECODING, read_line=typed(lines), output=shown, engine=engine)
    return shown.getvalue()


def test_several_turns_are_one_conversation() -> None:
    engine = Echo("김치찌개 어때요?", "좋아요!")
    shown = talked(engine, "점심 뭐 먹죠?", "", "  뷁  ")
    assert "sft> 김치찌개 어때요?\n" in shown
    assert "sft> 좋아요!\n" in shown
    assert "김치찌개 어때요?" in engine.asked[1] and "점심 뭐 먹죠?" in engine.asked[1]
    assert engine.asked[1].count("뷁") == 1
    assert shown.endswith(text("chat-bye") + "\n")


def test_reset_forgets_and_the_same_question_is_answered_afresh() -> None:
    engine = Echo("좋아요!", "좋아요!")
    talked(engine, "점심?", "/reset", "점심?")
    assert engine.asked[0] == engine.asked[1]
    assert engine.seeds[0] != engine.seeds[1]


def test_system_holds_until_taken_back() -> None:
    engine = Echo("좋아요!", "좋아요!", "좋아요!")
    talked(engine, "/system 짧게 말해요", "하나", "/reset", "둘", "/system", "/reset", "셋")
    assert ["짧게 말해요" in asked for asked in engine.asked] == [True, True, False]


def test_save_appends_records(tmp_path: Path) -> None:
    file = tmp_path / "대화.jsonl"
    shown = talked(
        Echo("좋아요!", "네"), "/save", f"/save {file}", "점심?", f"/save {file}", "정말?", f"/save {file}"
    )
    first, second = read_records(file, Dialogue)
    assert [message.content for message in second.messages] == ["점심?", "좋아요!", "정말?", "네"]
    assert first.messages == second.messages[:2]
    assert not second.is_prompt and second.source == "chat" and second.meta == {"model": "sft"}
    assert text("chat-save-usage") in shown
    assert text("chat-save-nothing") in shown


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    shown = talked(Echo("네", "네"), "점심?", f"/save {tmp_path}/없는/곳.jsonl", "정말?")
    assert "the conversation is still here" in shown
    assert shown.count("sft> ") == 2


def test_unknown_commands_and_help() -> None:
    shown = talked(Echo(), "/rest", "/help", "/quit", "never read")
    assert text("chat-help") in shown
    assert "/rest: no such command" in shown and "/reset" in shown


class InterruptedOutput(io.StringIO):
    """Ctrl-C arrives while a certain piece is being shown."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def write(self, piece: str) -> int:
        count = super().write(piece)
        if piece == self.at:
            self.at = ""
            raise KeyboardInterrupt
        return count


def test_ctrl_c_stops_the_reply_only() -> None:
    engine = Echo("김치찌개 뷁 어때요?", "좋아요!")
    shown = talked(engine, "점심?", "정말?", output=InterruptedOutput("뷁"))
    assert text("chat-stopped") in shown
    assert "좋아요!" in shown
    assert "김치찌개 뷁" in engine.asked[1] and "어때요" not in engine.asked[1].split("뷁")[1].split("###")[0]


def test_ctrl_c_twice_at_the_prompt_leaves_once_does_not() -> None:
    engine = Echo("좋아요!")
    shown = talked(engine, KeyboardInterrupt, "점심?", KeyboardInterrupt, KeyboardInterrupt, "never read")
    assert shown.count(text("chat-interrupted")) == 2
    assert len(engine.asked) == 1
    assert shown.endswith(text("chat-bye") + "\n")


def test_oldest_turns_are_dropped_and_said() -> None:
    engine = Echo("좋아요!", "좋아요!", "좋아요!", "좋아요!")
    questions = ["첫째 질문이에요", "둘째 질문이에요", "셋째 질문이에요"]
    length = len(TOKENIZER.encode("### 질문: 첫째 질문이에요\n\n### 답변:"))
    shown = talked(engine, *questions, positions=2 * length + 60)
    assert "oldest turns are forgotten" in shown
    assert "첫째" in engine.asked[0] and "첫째" not in engine.asked[-1]
    assert questions[-1] in engine.asked[-1]


def test_a_question_longer_than_the_context_is_not_asked() -> None:
    engine = Echo("좋아요!")
    shown = talked(engine, "뷁" * 200, "점심?")
    assert "too long" in shown
    assert len(engine.asked) == 1 and "뷁" not in engine.asked[0]


def test_silence_is_told_and_not_remembered() -> None:
    engine = Echo("", "좋아요!")
    shown = talked(engine, "하나", "둘")
    assert text("chat-empty") in shown
    assert "하나" not in engine.asked[1]


def test_bytes_that_are_no_text_do_not_end_the_conversation() -> None:
    engine = Echo("좋아요!")
    talked(engine, "점심\udceb?")
    assert len(engine.asked) == 1
    assert readable("점심\udceb?") == "점심\ufffd?"


def test_errors_of_the_product_are_told() -> None:
    """A template that cannot hold the conversation, for one, must not end it."""
    from dajeong.errors import DataProblem

    class Failing(Echo):
        def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
            if self.answers[0] == "fail":
                self.answers.pop(0)
                raise DataProblem("file-missing", path="there")
            return super().generate(requests, on_token)

    shown = talked(Failing("fail", "좋아요!"), "하나", "둘")
    assert "there: no such file" in shown and "좋아요!" in shown


def test_both_languages() -> None:
    choose_language("ko")
    assert "안녕히 가세요." in talked(Echo())


def test_a_message_is_a_message() -> None:
    """History is messages, so that any template can render it."""
    engine = Echo("좋아요!", "네")
    talked(engine, "하나", "둘")
    expected = [
        Message(role="user", content="하나"),
        Message(role="assistant", content="좋아요!"),
        Message(role="user", content="둘"),
    ]
    rendered = "".join(segment.text for segment in TEMPLATES["koalpaca"].render(expected))
    assert engine.asked[1] == rendered
