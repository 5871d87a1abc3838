"""What a server does for its routes: models by name, prompts as tokens, replies on their way. Knows no HTTP.

Text becomes tokens in one thread, the model's forwards run in another, and the event loop waits for both.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dajeong.messages import text
from dajeong.models.runtime import key
from dajeong.models.scoring import rewards_of, scored_ids
from dajeong.models.tokenize import prompt_ids
from dajeong.records import Decoding, Message
from dajeong.rollout.continuous import NativeContinuous
from dajeong.rollout.engine import ContinuousEngine, Request
from dajeong.rollout.speech import Speech
from dajeong.serving.asked import Messages, Sampling
from dajeong.serving.mailbox import Post
from dajeong.serving.metrics import Metrics
from dajeong.serving.problems import ApiProblem, bad, unsupported
from dajeong.serving.settings import ServeSettings
from dajeong.serving.shelf import Offered, Shelf
from dajeong.serving.station import Station
from dajeong.serving.token_text import TokenTexts
from dajeong.serving.votes import Votes
from dajeong.serving.writing import Writing
from dajeong.templates import TEMPLATES

T = TypeVar("T")
SCORED_TOKENS = 4096
"""Token budget of one forward that scores."""


class Service:
    """Lives as long as the server; its models come once they are loaded."""

    def __init__(
        self, settings: ServeSettings | None = None, log: Callable[[str], None] = lambda line: None
    ) -> None:
        self.settings = settings or ServeSettings()
        self.log = log
        self.metrics = Metrics()
        self.started = int(time.time())
        self.draining = False
        self._post = Post()
        self._shelf: Shelf | None = None
        self._station: Station | None = None
        self._reader = ThreadPoolExecutor(1, "dajeong-reader")
        self._votes: Votes | None = None

    def offer(self, shelf: Shelf, engine: ContinuousEngine | None = None) -> None:
        """From here on the models of `shelf` answer, through `engine`, its own or the native one."""
        engine = engine or shelf.engine
        if engine is None:
            assert shelf.model is not None, "a shelf has weights or an engine that has them"
            engine = NativeContinuous(shelf.model, self.settings.max_rows)
        self.token_texts = TokenTexts(shelf.tokenizer)
        self.longest_token = max(map(len, shelf.tokenizer.huggingface.get_vocab()), default=1)
        station = Station(engine, self.settings.max_rows + self.settings.max_waiting)
        station.after_step = self._post.flush
        votes = self.settings.votes or (shelf.run / "votes.jsonl" if shelf.run else None)
        self._votes = Votes(votes) if votes else None
        self._shelf, self._station = shelf, station

    @property
    def is_ready(self) -> bool:
        return self._shelf is not None and not self.draining and self.station.given_up is None

    @property
    def shelf(self) -> Shelf:
        if self._shelf is None:
            raise ApiProblem(503, "model_loading", text("api-loading"))
        return self._shelf

    @property
    def station(self) -> Station:
        if self._station is None:
            raise ApiProblem(503, "model_loading", text("api-loading"))
        return self._station

    @property
    def votes(self) -> Votes:
        if self._votes is None:
            raise ApiProblem(404, "no_votes", text("api-no-votes"))
        return self._votes

    def drain(self) -> None:
        """Take nothing new; what runs may go on for the time that is set."""
        self.draining = True
        if self._station is not None:
            self._station.drain(self.settings.drain_s)

    def close(self) -> None:
        if self._station is not None:
            self._station.close()
        self._reader.shutdown()

    # --- models

    def writer(self, model: str) -> Offered:
        """The model of that name, which must write. Raises ApiProblem."""
        found = self.named(model)
        if found.rewards is not None:
            raise bad("model_does_not_write", text("api-reward-writes", model=model), "model")
        return found

    def named(self, model: str) -> Offered:
        if self.draining:
            raise ApiProblem(503, "shutting_down", text("api-draining"))
        found = self.shelf.offered.get(model)
        if found is None:
            known = ", ".join(self.shelf.offered)
            raise ApiProblem(404, "model_not_found", text("api-model", model=model, known=known), "model")
        return found

    # --- tokens

    async def read(self, work: Callable[[], T]) -> T:
        """Have text made into tokens, in the one thread that does this."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    async def chat_ids(self, offered: Offered, messages: Sequence[Message]) -> tuple[int, ...]:
        """What a reply to `messages` starts from. Raises ApiProblem where it cannot fit."""
        self._refuse_endless(sum(len(message.content) for message in messages))
        tokenizer = self.shelf.tokenizer
        return tuple(await self.read(lambda: prompt_ids(messages, offered.template, tokenizer)))

    async def text_ids(self, prompt: str) -> tuple[int, ...]:
        """Bare text: no template around it."""
        self._refuse_endless(len(prompt))
        tokenizer, asked = self.shelf.tokenizer, [Message(role="user", content=prompt)]
        found = await self.read(lambda: prompt_ids(asked, TEMPLATES["plain"], tokenizer))
        return tuple(found) or (tokenizer.eos_id,)

    def _refuse_endless(self, letters: int) -> None:
        """A text that cannot fit whatever its tokens are is not made into tokens first."""
        at_least = letters // self.longest_token
        if at_least > 4 * self.station.engine.context:
            raise self.too_long(at_least)

    def too_long(self, tokens: int) -> ApiProblem:
        limit = self.station.engine.context
        return bad("context_length_exceeded", text("api-context", limit=limit, tokens=tokens), "messages")

    # --- replies

    def decoding(self, asked: Sampling, most: int | None) -> Decoding:
        """How replies to this request are drawn. Raises ApiProblem for what is not supported."""
        for name in ("presence_penalty", "frequency_penalty", "logit_bias"):
            if getattr(asked, name):
                raise unsupported(name)
        context = self.station.engine.context
        if most is not None and most > context:
            raise bad("invalid_value", text("api-max-tokens", asked=most, limit=context), "max_tokens")
        temperature = 1.0 if asked.temperature is None else asked.temperature
        return Decoding(
            temperature=temperature,
            top_p=1.0 if asked.top_p is None else max(asked.top_p, 1e-8),
            top_k=asked.top_k or 0,
            repetition_penalty=asked.repetition_penalty or 1.0,
            max_new_tokens=most or self.settings.default_max_tokens,
        )

    def begin(
        self,
        offered: Offered,
        prompts: Sequence[tuple[int, ...]],
        asked: Sampling,
        decoding: Decoding,
        *,
        num_ranked: int | None = None,
        in_a_chat: bool = True,
    ) -> Writing:
        """Have `n` replies to every prompt written; `num_ranked` asks for log-probabilities."""
        for ids in prompts:
            if len(ids) >= self.station.engine.context:
                raise self.too_long(len(ids))
        seed = asked.seed if asked.seed is not None else secrets.randbits(63)
        repeated = [ids for ids in prompts for _ in range(asked.n or 1)]
        requests = [
            Request(ids, key("serve", seed, at), decoding, offered.role, offered.stop_ids, num_ranked or 0)
            for at, ids in enumerate(repeated)
        ]
        stops = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
        opening = offered.opening if in_a_chat else None
        decode = self.shelf.tokenizer.decode
        speeches = [Speech(decode, offered.stop_ids, stops, opening) for _ in requests]
        writing = Writing(
            self.station,
            self._post,
            self.metrics,
            speeches,
            with_tokens=num_ranked is not None,
            deadline_s=self.settings.deadline_s,
            on_end=lambda told: self.log(self._line(offered, prompts, told)),
        )
        writing.begin(requests)
        self.metrics.add("prompt_tokens_total", sum(map(len, prompts)))
        return writing

    def _line(self, offered: Offered, prompts: Sequence[tuple[int, ...]], told: Writing) -> str:
        """What the log says of a request: lengths; what was said only where that is wanted."""
        line = f"{offered.id} prompt={sum(map(len, prompts))} {told.summary()}"
        if not self.settings.log_content:
            return line
        asked = [self.shelf.tokenizer.decode(ids) for ids in prompts]
        return f"{line} asked={asked!r} said={list(told.said.values())!r}"

    # --- scores

    async def rewards(
        self, offered: Offered, prompt: Sequence[Message], responses: Sequence[str]
    ) -> tuple[list[float], int]:
        """A raw reward for every response, and how many tokens were read."""
        notes, shelf, model = offered.rewards, self.shelf, self.shelf.model
        if notes is None or offered.role is None or model is None:
            raise bad("model_does_not_score", text("api-writes-no-scores", model=offered.id), "model")
        self._refuse_endless(sum(map(len, responses)) // len(responses))
        longest, template, tokenizer, role = notes.max_tokens, offered.template, shelf.tokenizer, offered.role
        ids = await self.read(
            lambda: [scored_ids(prompt, each, template, tokenizer, longest) for each in responses]
        )
        job = self.station.run(lambda: rewards_of(model, role, ids, SCORED_TOKENS))
        return await asyncio.wrap_future(job), sum(map(len, ids))


def dialogue(messages: Messages) -> list[Message]:
    """Messages as the templates know them. Raises ApiProblem."""
    found = []
    for at, message in enumerate(messages):
        if message.name:
            raise unsupported(f"messages.{at}.name")
        role = "system" if message.role == "developer" else message.role
        content = message.content
        said = content if isinstance(content, str) else "".join(part.text for part in content)
        found.append(Message(role=role, content=said))
    return found


class Loading:
    """Brings the models in while the server already answers that it is not ready."""

    def __init__(
        self,
        service: Service,
        load: Callable[[], Shelf],
        on_ready: Callable[[Shelf], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._service, self._load = service, load
        self._on_ready, self._on_failure = on_ready, on_failure
        self._thread = threading.Thread(target=self._work, name="dajeong-loading", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _work(self) -> None:
        try:
            shelf = self._load()
            self._service.offer(shelf)
            self._service.station.on_given_up = self._on_failure
            self._on_ready(shelf)
        except Exception as problem:  # raised where the server ends
            self._on_failure(problem)
