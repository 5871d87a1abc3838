"""Talking to a chat model in the terminal: turns, commands, and what Ctrl-C means. Draws no token itself.

Reads lines from any source and writes to any stream: a keyboard, a pipe or a test.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from dajeong.errors import DajeongError
from dajeong.messages import text
from dajeong.models.load import ChatModel
from dajeong.models.runtime import key
from dajeong.records import Decoding, Dialogue, Message, content_id
from dajeong.rollout.engine import Engine
from dajeong.rollout.native import NativeEngine, context_limit
from dajeong.rollout.reply import Writer

ReadLine = Callable[[str], str]
"""Prompt → the line typed; EOFError at the end of input and KeyboardInterrupt on Ctrl-C, as from `input`."""

CHAT_DECODING = Decoding(temperature=0.8, top_p=0.95, max_new_tokens=256)
"""Lively, yet seldom far from what the model finds likely."""

COMMANDS = ("/help", "/reset", "/system", "/save", "/quit")


def chat(
    chat_model: ChatModel,
    decoding: Decoding = CHAT_DECODING,
    seed: int = 0,
    *,
    read_line: ReadLine | None = None,
    output: TextIO | None = None,
    engine: Engine | None = None,
) -> None:
    """Talk until `/quit`, Ctrl-D, or Ctrl-C twice at the prompt."""
    if read_line is None:
        with contextlib.suppress(ImportError):  # with it, backspace takes a whole Hangul syllable
            import readline  # noqa: F401
    writer = Writer(chat_model, engine or NativeEngine(chat_model.model))
    conversation = Conversation(writer, decoding, seed, output or sys.stdout)
    conversation.say("chat-welcome", model=chat_model.name)
    warned = False
    while True:
        try:
            line = (read_line or input)(text("chat-you"))
            warned = False
            if not conversation.heard(readable(line).strip()):
                return
        except KeyboardInterrupt:
            if warned:
                conversation.say("chat-bye")
                return
            warned = True
            conversation.say("chat-interrupted")
        except EOFError:
            conversation.say("chat-bye")
            return


def readable(line: str) -> str:
    """The line, its bytes that are no UTF-8 replaced: as lone surrogates no tokenizer would take them."""
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Conversation:
    """What was said so far, and the answers to what is said next."""

    def __init__(self, writer: Writer, decoding: Decoding, seed: int, output: TextIO) -> None:
        self.writer = writer
        self.decoding = decoding
        self.seed = seed
        self.output = output
        self.system: str | None = None
        self.turns: list[Message] = []
        """User and assistant in turn; ends with assistant."""
        self._asked = 0

    def say(self, code: str, **parameters: object) -> None:
        self.output.write(text(code, **parameters) + "\n")
        self.output.flush()

    def heard(self, line: str) -> bool:
        """Obey a command or answer; False to leave. Errors of the product are told, not raised."""
        try:
            if not line.startswith("/"):
                if line:
                    self.answer(line)
                return True
            return self._obey(*line.partition(" ")[::2])
        except DajeongError as problem:
            self.output.write(f"{problem}\n")
            self.output.flush()
            return True

    def _obey(self, command: str, rest: str) -> bool:
        if command == "/quit":
            self.say("chat-bye")
            return False
        if command == "/reset":
            self.turns.clear()
            self.say("chat-reset")
        elif command == "/system":
            self.system = rest.strip() or None
            self.say("chat-system" if self.system else "chat-system-none")
        elif command == "/save":
            self.save(rest.strip())
        elif command == "/help":
            self.say("chat-help")
        else:
            self.say("chat-unknown", command=command, known=", ".join(COMMANDS))
        return True

    def answer(self, question: str) -> None:
        """Stream the answer to `question`; Ctrl-C ends it and keeps what was said."""
        asked = Message(role="user", content=question)
        messages = self._fitting(asked)
        if messages is None:
            return
        pieces: list[str] = []
        self._asked += 1
        self.output.write(f"{self.writer.chat.name}> ")
        stream = self.writer.stream(messages, self.decoding, key(self.seed, self._asked))
        try:
            for piece in stream:
                pieces.append(piece)
                self.output.write(piece)
                self.output.flush()
            self.output.write("\n")
        except KeyboardInterrupt:
            self.output.write("\n")
            self.say("chat-stopped")
        except DajeongError:
            self.output.write("\n")
            raise
        finally:
            stream.close()
        if said := "".join(pieces):
            self.turns += [asked, Message(role="assistant", content=said)]
        else:
            self.say("chat-empty")

    def _fitting(self, asked: Message) -> list[Message] | None:
        """The conversation, oldest turns dropped until an answer fits; None if not even the question does."""
        limit = context_limit(self.writer.chat.model.config)
        dropped = 0
        while True:
            messages = [*self._opening(), *self.turns, asked]
            length = self.writer.prompt_length(messages)
            if not self.turns or length + self.decoding.max_new_tokens <= limit:
                break
            del self.turns[:2]
            dropped += 1
        if dropped:
            self.say("chat-dropped", turns=dropped)
        if length < limit:
            return messages
        self.say("chat-too-long", tokens=length, limit=limit)
        return None

    def _opening(self) -> list[Message]:
        return [Message(role="system", content=self.system)] if self.system else []

    def save(self, name: str) -> None:
        """Append the conversation to a file, as one record a line."""
        if not name or not self.turns:
            self.say("chat-save-nothing" if name else "chat-save-usage")
            return
        messages = (*self._opening(), *self.turns)
        spoken = [f"{message.role}: {message.content}" for message in messages]
        model = self.writer.chat.name
        record = Dialogue(
            id=content_id("chat", *spoken), source="chat", messages=messages, meta={"model": model}
        )
        path = Path(name).expanduser()
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(record.model_dump_json() + "\n")
        except OSError as problem:
            self.say("chat-save-failed", path=path, problem=problem.strerror or problem)
        else:
            self.say("chat-saved", path=path, turns=len(self.turns) // 2)
