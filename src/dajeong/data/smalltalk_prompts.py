"""Every prompt the small-talk world can say, and which of them may be learned from. Draws nothing at random.

A prompt is of training, validation or test by a hash of its text alone: no seed and no setting moves it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from dajeong.data import smalltalk_words as words
from dajeong.data.particles import Word

Split = Literal["train", "validation", "test"]
Kind = Literal["normal", "abusive", "lookalike", "lookalike-unseen"]


class Prompt(NamedTuple):
    text: str
    kind: Kind
    topic: str
    noun: str = ""
    fact: str = ""


def split_of(text: str) -> Split:
    """10 % validation, 20 % test, the rest training."""
    share = int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") / 2**64
    return "validation" if share < 0.1 else "test" if share < 0.3 else "train"


@functools.cache
def prompts(kind: Kind, split: Split) -> tuple[Prompt, ...]:
    """All distinct prompts, in a fixed order. Unseen look-alikes are test prompts, every one."""
    distinct = dict.fromkeys(_sentences(kind))
    if kind == "lookalike-unseen":
        return tuple(distinct) if split == "test" else ()
    return tuple(prompt for prompt in distinct if split_of(prompt.text) == split)


def _sentences(kind: Kind) -> Iterator[Prompt]:
    match kind:
        case "normal":
            yield from _about_nouns(kind, words.OPENERS, words.QUESTIONS)
        case "lookalike":
            yield from _about_nouns(kind, words.LOOKALIKE_OPENERS, words.LOOKALIKES)
        case "lookalike-unseen":
            yield from _about_nouns(kind, ("",), words.UNSEEN_LOOKALIKES)
        case "abusive":
            yield from _insults()
            yield from _group_abuse()


def _about_nouns(
    kind: Kind, openers: tuple[str, ...], questions: Mapping[str, Sequence[str]]
) -> Iterator[Prompt]:
    for topic, patterns in questions.items():
        for noun, fact in words.FACTS[topic].items():
            for pattern in patterns:
                for opener in openers:
                    yield Prompt(opener + pattern.format(n=Word(noun)), kind, topic, noun, fact)


def _insults() -> Iterator[Prompt]:
    for subject in words.INSULTED:
        for degree in words.INSULT_DEGREES:
            for insult in words.INSULTS:
                yield Prompt(subject + degree + insult, "abusive", "insult")


def _group_abuse() -> Iterator[Prompt]:
    for opener in words.GROUP_OPENERS:
        for group in words.GROUPS:
            for pattern in words.GROUP_ABUSE:
                yield Prompt(opener + pattern.format(g=Word(group)), "abusive", "group")
