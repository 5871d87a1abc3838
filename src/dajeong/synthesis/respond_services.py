"""Replies of a model service: requests out, replies or failures in, prompt by prompt. Judges nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dajeong.data.terms import joint_licence
from dajeong.records import Decoding, Dialogue, Reply, StopReason
from dajeong.remote.request import Answer, Request
from dajeong.rollout.authored import reply_to
from dajeong.synthesis.respond_presets import Preset, as_one, asked, preset_for
from dajeong.synthesis.respond_settings import RespondSettings, ServiceAuthor


class Asked(NamedTuple):
    """One request of one author, and what it was made of."""

    prompt: Dialogue
    author: str
    licence: str
    """Of the reply: the prompt's and the author's."""
    preset: Preset
    request: Request


def requests_of(
    name: str, author: ServiceAuthor, prompts: Sequence[Dialogue], settings: RespondSettings, seed: int
) -> Iterator[Asked]:
    """Every request of an author: prompt by prompt, `per_prompt` of each side by side."""
    for prompt in prompts:
        preset = preset_for(author.preset, prompt.kind)
        messages = asked(prompt.messages, preset)
        for sample in range(settings.per_prompt):
            request = Request(
                messages=as_one(messages) if author.service.api == "completions" else messages,
                decoding=decoding_of(author, preset, settings.decoding),
                sample=sample,
                seed=seed_of(seed, prompt.id, sample) if author.send_seed else None,
            )
            yield Asked(prompt, name, joint_licence(prompt.licence, author.licence), preset, request)


def decoding_of(author: ServiceAuthor, preset: Preset, otherwise: Decoding) -> Decoding:
    """The author's own, else the step's at the temperature of the preset, else the step's."""
    if author.decoding is not None:
        return author.decoding
    if preset.temperature is None:
        return otherwise
    return otherwise.model_copy(update={"temperature": preset.temperature})


def seed_of(seed: int, prompt_id: str, sample: int) -> int:
    """One seed for each draw, whatever is drawn beside it; 31 bits, which every service takes."""
    digest = hashlib.sha256(f"{seed}\x1f{prompt_id}\x1f{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def reply_of(asked: Asked, answer: Answer) -> Reply:
    """The reply with how it was drawn; where the service drew without its seed, it has none."""
    return reply_to(
        asked.prompt,
        answer.text.strip(),
        asked.author,
        decoding=asked.request.decoding,
        seed=asked.request.seed,
        stop_reason=_stop_reason(answer),
        num_tokens=answer.completion_tokens or None,
        licence=asked.licence,
        service={"model": answer.model, "preset": asked.preset.version, "sample": asked.request.sample},
    )


def _stop_reason(answer: Answer) -> StopReason:
    """No stop texts are sent, so `stop` is the model's own end."""
    if answer.finish == "length":
        return "length"
    return "eos" if answer.finish == "stop" else "stop"
