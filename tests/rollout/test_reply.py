"""From prompts to replies: order, seeds, what a Reply carries, streaming, and stopping in between."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from test_characters import TOKENIZERS
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from dajeong.errors import DataProblem
from dajeong.models.load import ChatModel
from dajeong.models.roles import RoleModel
from dajeong.models.tokenize import tokens_of
from dajeong.records import Decoding, Dialogue, Message
from dajeong.rollout.characters import BROKEN
from dajeong.rollout.engine import Completion, OnToken, Request
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.opening import Opening
from dajeong.rollout.reply import Writer
from dajeong.templates import TEMPLATES, InstructionTemplate, Template

TOKENIZER = TOKENIZERS["byte fallback"]


def chat_model(template: Template | None = None) -> ChatModel:
    """Weights that spell almost at random: bytes, broken and whole, Hangul and ends."""
    torch.manual_seed(2)
    config = GPTNeoXConfig(
        vocab_size=TOKENIZER.vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
    )
    return ChatModel(
        RoleModel(GPTNeoXForCausalLM(config)), None, TOKENIZER, template or TEMPLATES["koalpaca"], "아기"
    )


@pytest.fixture(scope="module")
def writer() -> Writer:
    chat = chat_model()
    return Writer(chat, NativeEngine(chat.model, max_slots=5))


def prompt(text: str, number: int, **more: Any) -> Dialogue:
    return Dialogue(id=f"made:{number}", messages=(Message(role="user", content=text),), **more)


PROMPTS = [
    prompt("점심 뭐 먹을까요?", 0, kind="talk", source="made", licence="CC0-1.0", meta={"noun": "김치찌개"}),
    prompt("산책 좋아하세요, 오늘 같은 날씨에?", 1, kind="abusive"),
    prompt("뷁", 2),
]
LIVELY = Decoding(max_new_tokens=24)


def test_a_reply_says_where_it_comes_from(writer: Writer) -> None:
    first = writer.replies(PROMPTS, LIVELY, seed=4, author="sft")[0]
    assert (first.kind, first.source, first.licence) == ("talk", "made", "CC0-1.0")
    assert first.meta == {"noun": "김치찌개"}
    assert (first.prompt_id, first.prompt) == ("made:0", PROMPTS[0].messages)
    assert (first.author, first.decoding) == ("sft", LIVELY)
    assert first.stop_reason in ("eos", "length")
    assert first.num_tokens is not None and 0 < first.num_tokens <= 24


def test_neighbours_order_and_number_never_matter(writer: Writer) -> None:
    several = writer.replies(PROMPTS, LIVELY, seed=4, author="sft", per_prompt=4)
    assert [reply.prompt_id for reply in several] == [p.id for p in PROMPTS for _ in range(4)]
    backwards = writer.replies(PROMPTS[::-1], LIVELY, seed=4, author="sft", per_prompt=2)
    by_id = {reply.id: reply for reply in several}
    assert len(by_id) == 12
    assert all(by_id[reply.id] == reply for reply in backwards)
    other = writer.replies(PROMPTS, LIVELY, seed=5, author="sft")
    assert all(reply.id not in by_id for reply in other)


def test_the_same_words_under_another_decoding_are_another_reply(writer: Writer) -> None:
    calm = Decoding(temperature=0, max_new_tokens=4)
    ids = {
        writer.replies(PROMPTS[:1], one, 0, "a")[0].id for one in (calm, calm.model_copy(update={"top_k": 3}))
    }
    assert len(ids) == 2


def test_a_prompt_with_its_answer_is_refused(writer: Writer) -> None:
    answered = PROMPTS[0].messages + (Message(role="assistant", content="네"),)
    with pytest.raises(DataProblem):
        writer.replies([Dialogue(id="x", messages=answered)], LIVELY, 0, "sft")


def streamed(
    writer: Writer, messages: Sequence[Message], decoding: Decoding, seed: int
) -> tuple[list[str], Any]:
    pieces = []
    stream = writer.stream(messages, decoding, seed)
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


@pytest.mark.parametrize("template", ["koalpaca", "kullm", "plain", "alpaca_short"])
def test_the_stream_is_the_reply(template: str) -> None:
    chat = chat_model(TEMPLATES[template])
    writer = Writer(chat, NativeEngine(chat.model))
    broken = 0
    for seed in range(8):
        pieces, reply = streamed(writer, PROMPTS[seed % 3].messages, LIVELY, seed)
        assert "".join(pieces) == reply.content
        assert all(pieces)
        assert not reply.content.endswith(BROKEN)
        asked = Dialogue(id=reply.prompt_id, messages=reply.prompt)
        assert writer.replies([asked], LIVELY, seed, chat.name) == [reply]
        broken += BROKEN in reply.content
    assert broken  # or this test would not have met what makes streaming hard


class Scripted:
    """An engine that says what it was told to, once or without end, or fails."""

    def __init__(self, ids: Sequence[int], failure: Exception | None = None, endless: bool = False) -> None:
        self.ids = tuple(ids)
        self.failure = failure
        self.endless = endless
        self.cancelled = threading.Event()

    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        if self.failure is not None:
            raise self.failure
        said: list[int] = []
        for token in itertools.cycle(self.ids) if self.endless else self.ids:
            said.append(token)
            if on_token is not None and on_token(0, token) is False:
                self.cancelled.set()
                return [Completion(tuple(said), (0.0,) * len(said), "cancelled")]
        reason: Any = "eos" if said[-1] in requests[0].stop_ids else "length"
        return [Completion(self.ids, (0.0,) * len(self.ids), reason) for _ in requests]


def test_a_reply_ends_before_its_end_token_and_whole() -> None:
    ids = TOKENIZER.encode("점심은 뷁")
    chat = chat_model()
    cut, ended = (
        Writer(chat, Scripted(said)).replies(PROMPTS[:1], LIVELY, 0, "a")[0]
        for said in (ids[:-1], [*ids, TOKENIZER.eos_id])
    )
    assert (cut.content, cut.stop_reason) == ("점심은 ", "length")
    assert (ended.content, ended.stop_reason, ended.num_tokens) == ("점심은 뷁", "eos", len(ids) + 1)


def test_closing_a_stream_stops_the_engine() -> None:
    engine = Scripted(TOKENIZER.encode("점심은 김치찌개가 좋겠어요."), endless=True)
    stream = Writer(chat_model(), engine).stream(PROMPTS[0].messages, LIVELY, 0)
    assert next(stream)
    stream.close()
    assert engine.cancelled.is_set()


def test_an_engine_that_fails_fails_in_the_reader() -> None:
    engine = Scripted([], DataProblem("file-missing", path="x"))
    with pytest.raises(DataProblem):
        next(Writer(chat_model(), engine).stream(PROMPTS[0].messages, LIVELY, 0))


@pytest.mark.parametrize("name", list(TEMPLATES))
@pytest.mark.parametrize("answer", ["네, 좋아요.", " 네", "\n네", "  \n네", "네\n"])
def test_rendering_a_reply_gives_what_was_drawn(name: str, answer: str) -> None:
    """Whatever a model draws after a prompt: content and template together spell it again."""
    template = TEMPLATES[name]
    opening = Opening(template)
    drawn = opening.text + answer
    content = "".join(opening.removed([drawn]))
    asked = Message(role="user", content="점심?")
    whole = tokens_of([asked, Message(role="assistant", content=content)], template, TOKENIZER)
    learned = [token for token, learn in zip(whole.ids, whole.learn, strict=True) if learn]
    if name != "plain":  # a plain document is learned from its beginning
        assert learned == [*TOKENIZER.encode(drawn), TOKENIZER.eos_id]
    assert "".join(opening.removed(drawn)) == content


def test_an_opening_is_taken_off() -> None:
    spaced = [t for t in TEMPLATES.values() if isinstance(t, InstructionTemplate) and t.before_answer]
    assert spaced
    for template in spaced:
        opening = Opening(template)
        assert opening.text == template.before_answer
        assert list(opening.removed([f"{opening.text}네", "!"])) == ["네", "!"]
        assert list(opening.removed([opening.text])) == [opening.text]


def test_a_bar_moves_once_a_reply(writer: Writer) -> None:
    class Counting:
        count = 0

        @contextmanager
        def bar(self, code: str, total: int, **parameters: object) -> Iterator[Counting]:
            assert total == 6
            yield self

        def advance(self, steps: int = 1, note: str = "") -> None:
            self.count += steps

        def say(self, code: str, **parameters: object) -> None: ...

    progress = Counting()
    writer.replies(PROMPTS, LIVELY, 1, "a", per_prompt=2, progress=progress)
    assert progress.count == 6
