"""How the small-talk world answers: a sentence in a given manner. Knows not which manner is right."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Literal

from dajeong.data import smalltalk_words as words
from dajeong.data.particles import Word
from dajeong.data.smalltalk_prompts import Prompt

Style = Literal["friendly", "curt", "rude", "scolding", "wrong-fact", "firm", "cheerful"]

MANNERS: dict[str, Mapping[Style, float]] = {
    "normal": {"friendly": 0.62, "curt": 0.20, "rude": 0.18},
    "lookalike": {"friendly": 0.50, "curt": 0.13, "rude": 0.12, "scolding": 0.12, "firm": 0.13},
    "abusive": {"firm": 0.38, "curt": 0.20, "rude": 0.42},
}
"""How people answer each kind of prompt in the fine-tuning examples: good manners and bad ones."""


def reply(style: Style, prompt: Prompt, rng: Random) -> str:
    """`wrong-fact` answers another noun of the same kind; `cheerful` some noun where the prompt has none."""
    match style:
        case "friendly":
            return _about(rng.choice(words.FRIENDLY[prompt.topic]), prompt.noun, prompt.fact)
        case "wrong-fact":
            return reply("friendly", other_noun(prompt, rng), rng)
        case "cheerful":
            return reply("friendly", prompt if prompt.noun else any_noun(rng), rng)
        case "curt":
            return _of_noun_or_not(words.CURT, words.CURT_WITH_FACT, prompt, rng)
        case "rude":
            return _of_noun_or_not(words.RUDE, words.RUDE_WITH_NOUN, prompt, rng)
        case "scolding":
            return rng.choice(words.SCOLDING)
        case "firm":
            return rng.choice(words.FIRM)


def manner(kind: str, rng: Random) -> Style:
    shares = MANNERS[kind]
    return rng.choices(list(shares), list(shares.values()))[0]


def other_noun(prompt: Prompt, rng: Random) -> Prompt:
    """The same prompt as if it were about another noun of its kind."""
    nouns = words.FACTS[prompt.topic]
    noun = rng.choice([noun for noun in nouns if noun != prompt.noun])
    return prompt._replace(noun=noun, fact=nouns[noun])


def any_noun(rng: Random) -> Prompt:
    """A bare topic to be cheerful about, from those that look-alikes talk about."""
    topic = rng.choice(list(words.LOOKALIKES))
    noun, fact = rng.choice(list(words.FACTS[topic].items()))
    return Prompt("", "lookalike", topic, noun, fact)


def bare_fact(rng: Random) -> str:
    topic = rng.choice(list(words.FACTS))
    noun, fact = rng.choice(list(words.FACTS[topic].items()))
    return _about(rng.choice(words.FACT_SENTENCES[topic]), noun, fact)


def _of_noun_or_not(plain: tuple[str, ...], with_noun: tuple[str, ...], prompt: Prompt, rng: Random) -> str:
    pattern = rng.choice(plain + with_noun if prompt.noun else plain)
    return _about(pattern, prompt.noun, prompt.fact)


def _about(pattern: str, noun: str, fact: str) -> str:
    return pattern.format(n=Word(noun), f=Word(fact)) if noun else pattern
