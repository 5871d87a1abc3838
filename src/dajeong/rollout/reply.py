"""Prompts in, replies out: templates, tokens, an engine and whole characters put together. Judges nothing.

The answer to a prompt depends on the seed, its id and which of its replies it is; not on its neighbours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence

from dajeong.models.load import ChatModel
from dajeong.models.runtime import key
from dajeong.models.tokenize import prompt_ids, stop_ids
from dajeong.progress import Progress
from dajeong.records import Decoding, Dialogue, Message, Reply, content_id
from dajeong.rollout.authored import reply_to
from dajeong.rollout.characters import Characters, text_of
from dajeong.rollout.engine import Completion, Engine, OnToken, Request
from dajeong.rollout.listening import Listening
from dajeong.rollout.opening import Opening


class Writer:
    """A chat model that answers, through any engine."""

    def __init__(self, chat: ChatModel, engine: Engine) -> None:
        self.chat = chat
        self.engine = engine
        self._stop_ids = stop_ids(chat.template, chat.tokenizer)
        self._opening = Opening(chat.template)

    def replies(
        self,
        prompts: Sequence[Dialogue],
        decoding: Decoding,
        seed: int,
        author: str,
        *,
        per_prompt: int = 1,
        progress: Progress | None = None,
    ) -> list[Reply]:
        """`per_prompt` replies to each prompt, side by side, in the order of the prompts.

        Raises DataProblem where a prompt already ends with an answer.
        """
        asked = [
            (prompt, self._request(ids, decoding, key(seed, prompt.id, sample)))
            for prompt, ids in zip(prompts, map(self._ids, prompts), strict=True)
            for sample in range(per_prompt)
        ]
        found = self._completions([request for _, request in asked], author, progress)
        return [
            self._reply(prompt, request, completion, author)
            for (prompt, request), completion in zip(asked, found, strict=True)
        ]

    def stream(
        self, messages: Sequence[Message], decoding: Decoding, seed: int
    ) -> Generator[str, None, Reply]:
        """The answer to `messages`, a few whole characters at a time; the generator returns the Reply.

        Closing it, or an interrupt inside it, stops the engine at its next token.
        """
        spoken = [f"{message.role}: {message.content}" for message in messages]
        prompt = Dialogue(id=content_id("chat", *spoken), messages=tuple(messages))
        request = self._request(self._ids(prompt), decoding, key(seed, prompt.id, 0))
        with contextlib.closing(Listening(self.engine, request)) as tokens:
            characters = Characters(self.chat.tokenizer.decode)
            pieces = (characters.add(token) for token in tokens if token not in self._stop_ids)
            yield from self._opening.removed(pieces)
        assert tokens.completion is not None, "the tokens ended without a completion"
        return self._reply(prompt, request, tokens.completion, self.chat.name)

    def prompt_length(self, messages: Sequence[Message]) -> int:
        """Tokens of what a reply to `messages` starts from."""
        return len(prompt_ids(messages, self.chat.template, self.chat.tokenizer))

    def _ids(self, prompt: Dialogue) -> tuple[int, ...]:
        return tuple(prompt_ids(prompt.messages, self.chat.template, self.chat.tokenizer))

    def _request(self, ids: tuple[int, ...], decoding: Decoding, seed: int) -> Request:
        return Request(ids, seed, decoding, self.chat.role, self._stop_ids)

    def _completions(
        self, requests: Sequence[Request], author: str, progress: Progress | None
    ) -> list[Completion]:
        """Longest prompts first: like lengths stand together, and memory runs short at once or never."""
        order = sorted(range(len(requests)), key=lambda place: -len(requests[place].ids))
        ordered = [requests[place] for place in order]
        if progress is None:
            found = self.engine.generate(ordered)
        else:
            with progress.bar("writing-replies", len(requests), author=author) as bar:
                found = self.engine.generate(ordered, counting(ordered, bar.advance))
        completions = dict(zip(order, found, strict=True))
        return [completions[place] for place in range(len(requests))]

    def _reply(self, prompt: Dialogue, request: Request, completion: Completion, author: str) -> Reply:
        ids = completion.ids[:-1] if completion.stop_reason == "eos" else completion.ids
        content = "".join(self._opening.removed([text_of(ids, self.chat.tokenizer.decode)]))
        return reply_to(
            prompt,
            content,
            author,
            decoding=request.decoding,
            seed=request.seed,
            stop_reason=completion.stop_reason,
            num_tokens=len(completion.ids),
        )


def counting(requests: Sequence[Request], advance: Callable[[int], None]) -> OnToken:
    """A listener that moves a bar on by every reply that ends by its own end or its own limit."""
    drawn = [0] * len(requests)

    def hear(index: int, token: int) -> None:
        drawn[index] += 1
        request = requests[index]
        if token in request.stop_ids or drawn[index] == request.decoding.max_new_tokens:
            advance(1)

    return hear
