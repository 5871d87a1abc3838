"""Python use in a few lines: the text that a model is asked in, and its answer out of what it wrote.

`Prompter` needs no model and works beside `transformers.pipeline`; `Chat` answers by itself.
"""

from __future__ import annotations

from pathlib import Path

from dajeong.errors import DataProblem
from dajeong.records import Decoding, Dialogue, Message, content_id
from dajeong.templates import Template, find_template, load_template


class Prompter:
    """A template by its name (`kullm`, `koalpaca`…), or the one in a model's folder."""

    def __init__(self, template: str | Path = "kullm") -> None:
        saved = Path(template) / "template.json"
        self.template: Template = (
            load_template(saved.read_text(encoding="utf-8"))
            if saved.is_file()
            else find_template(str(template))
        )

    def prompt(self, instruction: str, context: str | None = None) -> str:
        """The text that an answer is written behind."""
        message = Message(role="user", content=instruction, context=context)
        return "".join(segment.text for segment in self.template.render([message]))

    def reply(self, generated: str, prompt: str | None = None) -> str:
        """The answer in a model's text, which begins with the prompt; up to the end of its turn.

        Without `prompt`, what stands behind the first header of an answer. Raises DataProblem without one.
        """
        header = prompt or self._header()
        _, found, answer = generated.partition(header)
        if not found:
            raise DataProblem("prompter-no-reply", header=header[-60:])
        for end in self.template.end_texts() | self._spelt_ends():
            answer = answer.partition(end)[0] if end else answer
        return answer.strip()

    def _header(self) -> str:
        """What always stands right before an answer: `### 응답:` of kullm."""
        one, other = self.prompt("가"), self.prompt("나다")
        behind = 0
        while behind < len(one) and one[-1 - behind] == other[-1 - behind]:
            behind += 1
        return one[len(one) - behind :].strip()

    def _spelt_ends(self) -> frozenset[str]:
        return frozenset({getattr(self.template, "eos", None) or "<|endoftext|>"})


class Chat:
    """A model that answers: a run's folder, a model's folder, or a Hub id."""

    def __init__(self, model: str | Path) -> None:
        from dajeong.models.load import load_chat  # here: a prompter needs no torch
        from dajeong.rollout.native import NativeEngine
        from dajeong.rollout.reply import Writer

        chat = load_chat(str(model))
        self._writer = Writer(chat, NativeEngine(chat.model))

    def reply(
        self,
        instruction: str,
        context: str | None = None,
        *,
        history: tuple[tuple[str, str], ...] = (),
        temperature: float = 0.0,
        max_new_tokens: int = 256,
        seed: int = 0,
    ) -> str:
        """The answer to `instruction`; `history` holds (question, answer) pairs before it."""
        messages: list[Message] = []
        for question, answer in history:
            messages += [Message(role="user", content=question), Message(role="assistant", content=answer)]
        messages.append(Message(role="user", content=instruction, context=context))
        key = content_id("chat", *(message.content for message in messages))
        prompt = Dialogue(id=key, messages=tuple(messages))
        decoding = Decoding(temperature=temperature, max_new_tokens=max_new_tokens)
        (reply,) = self._writer.replies([prompt], decoding, seed, "model")
        return reply.content
