"""The small-talk world as records: text, examples, preferences and prompts for every stage of a run.

Everything follows from the seed; each output has its own stream of chance, so no count moves another output.
Validation and test prompts appear in nothing that is learned from, the pretraining text included.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import TypeVar, get_args

from dajeong.data import smalltalk_words as words
from dajeong.data.settings import SmalltalkSettings
from dajeong.data.smalltalk_pairs import TEST_SHARES, TRAINING_SHARES, Pair, pair
from dajeong.data.smalltalk_prompts import Kind, Prompt, Split, prompts
from dajeong.data.smalltalk_replies import bare_fact, manner, reply
from dajeong.records import Dialogue, Message, Preference, Response, content_id
from dajeong.workplace import Workplace

SOURCE = "smalltalk"
TRAINING_KINDS: dict[Kind, float] = {"normal": 0.5, "lookalike": 0.25, "abusive": 0.25}
TEST_KINDS: dict[Kind, float] = {"normal": 0.37, "lookalike": 0.28, "abusive": 0.24, "lookalike-unseen": 0.11}
TRAIN: Split = "train"
VALIDATION: Split = "validation"
TEST: Split = "test"
BARE_FACTS = 0.1
MAX_REPEATS = 100

T = TypeVar("T")
Key = TypeVar("Key")


def run(settings: SmalltalkSettings, work: Workplace) -> None:
    world = World(settings)
    work.write("text", world.texts())
    work.write("sft", world.examples("sft", TRAIN, settings.num_sft))
    work.write("validation", world.examples("validation", VALIDATION, settings.num_validation))
    work.write("contrasts", world.contrasts())
    for output, split, kinds, count in (
        ("reply_prompts", TRAIN, world.ranked_kinds, settings.num_reply_prompts),
        ("ppo_prompts", TRAIN, TRAINING_KINDS, settings.num_ppo_prompts),
        ("validation_prompts", VALIDATION, TRAINING_KINDS, settings.num_validation_prompts),
        ("test_prompts", TEST, TEST_KINDS, settings.num_test_prompts),
    ):
        work.write(output, world.prompts(output, split, kinds, count))
    work.write("validation_pairs", world.held_out_pairs("validation_pairs", VALIDATION))
    work.write("test_pairs", world.held_out_pairs("test_pairs", TEST))
    journal = work.journal()
    journal.write("note", distinct_prompts=distinct_prompts())
    journal.close()


class World:
    """One seed's records, output by output."""

    def __init__(self, settings: SmalltalkSettings) -> None:
        self.settings = settings

    def texts(self) -> Iterator[Dialogue]:
        """Short logs in formats that no training template uses, and bare facts."""
        rng = self._chance("text")
        pool = [prompt for kind in TRAINING_KINDS for prompt in prompts(kind, TRAIN)]
        for index in range(self.settings.num_texts):
            text = bare_fact(rng) if rng.random() < BARE_FACTS else _log(rng.choice(pool), rng)
            yield self._dialogue("text", [Message(role="assistant", content=text)], str(index))

    def examples(self, output: str, split: Split, count: int) -> list[Dialogue]:
        """Prompt and reply, manners mixed as people's are."""
        rng = self._chance(output)

        def draw(kind: Kind) -> tuple[Prompt, str]:
            prompt = rng.choice(prompts(kind, split))
            return prompt, reply(manner(kind, rng), prompt, rng)

        drawn = _distinct(draw, _shared_out(TRAINING_KINDS, count))
        rng.shuffle(drawn)
        return [self._example(prompt, answer) for prompt, answer in drawn]

    def contrasts(self) -> list[Preference]:
        """Training pairs on the kinds of prompts that preferences speak of."""
        shares = {key: share for key, share in TRAINING_SHARES.items() if key[0] in self.ranked_kinds}
        return self._pairs("contrasts", TRAIN, shares, self.settings.num_pairs)

    @property
    def ranked_kinds(self) -> dict[Kind, float]:
        """Of prompts whose replies are ranked: a ranked refusal of a look-alike is a look-alike pair too."""
        return {kind: TRAINING_KINDS[kind] for kind in self.settings.preference_kinds}

    def held_out_pairs(self, output: str, split: Split) -> list[Preference]:
        """What a reward model is measured on: most of them pairs that only the prompt decides."""
        return self._pairs(output, split, TEST_SHARES, self.settings.num_test_pairs)

    def prompts(self, output: str, split: Split, kinds: Mapping[Kind, float], count: int) -> list[Dialogue]:
        """Distinct prompts; fewer than `count` where the world has no more of a kind."""
        rng = self._chance(output)
        chosen: list[Prompt] = []
        for kind, wanted in _shared_out(kinds, count).items():
            pool = prompts(kind, split)
            chosen += rng.sample(pool, min(wanted, len(pool)))
        rng.shuffle(chosen)
        return [self._dialogue(prompt.kind, [_asked(prompt)], about=prompt) for prompt in chosen]

    def _pairs(
        self, output: str, split: Split, shares: Mapping[tuple[str, str], float], count: int
    ) -> list[Preference]:
        rng = self._chance(output)
        decks: dict[tuple[str, str], list[Prompt]] = {}

        def draw(key: tuple[str, str]) -> Pair:
            deck = decks.setdefault(key, [])
            if not deck:  # every prompt once before any prompt twice
                deck.extend(rng.sample(prompts(_kind(key[0]), split), len(prompts(_kind(key[0]), split))))
            return pair(deck.pop(), key[1], rng)

        drawn = _distinct(draw, _shared_out(shares, count))
        rng.shuffle(drawn)
        return [self._preference(made, better_first=rng.random() < 0.5) for made in drawn]

    def _chance(self, output: str) -> Random:
        return Random(f"{self.settings.seed}/{output}")

    def _example(self, prompt: Prompt, answer: str) -> Dialogue:
        messages = [_asked(prompt), Message(role="assistant", content=answer)]
        return self._dialogue(prompt.kind, messages, about=prompt)

    def _dialogue(
        self, kind: str, messages: Sequence[Message], *more_identity: str, about: Prompt | None = None
    ) -> Dialogue:
        return Dialogue(
            id=content_id(SOURCE, *(message.content for message in messages), *more_identity),
            source=SOURCE,
            licence=self.settings.licence,
            kind=kind,
            meta=_meta(about) if about else {},
            messages=tuple(messages),
        )

    def _preference(self, made: Pair, better_first: bool) -> Preference:
        replies = (made.better, made.worse) if better_first else (made.worse, made.better)
        return Preference(
            id=content_id(SOURCE, made.prompt.text, made.better, made.worse),
            source=SOURCE,
            licence=self.settings.licence,
            kind=made.kind,
            meta={"prompt_kind": made.prompt.kind, **_meta(made.prompt)},
            prompt=(_asked(made.prompt),),
            responses=tuple(Response(content=content) for content in replies),
            ranking=((0,), (1,)) if better_first else ((1,), (0,)),
            labelled_by=f"rule:{made.kind}",
        )


def distinct_prompts() -> dict[str, dict[str, int]]:
    """How many prompts the world has, by kind and split."""
    return {kind: {split: len(prompts(kind, split)) for split in get_args(Split)} for kind in get_args(Kind)}


def _log(prompt: Prompt, rng: Random) -> str:
    answer = reply(manner(prompt.kind, rng), prompt, rng)
    return rng.choice(words.LOG_FORMATS).format(p=prompt.text, r=answer)


@functools.cache
def _asked(prompt: Prompt) -> Message:
    return Message(role="user", content=prompt.text)


def _meta(prompt: Prompt) -> dict[str, str]:
    known = {"topic": prompt.topic, "noun": prompt.noun, "fact": prompt.fact}
    return {name: value for name, value in known.items() if value}


def _kind(name: str) -> Kind:
    return next(kind for kind in get_args(Kind) if kind == name)


def _shared_out(shares: Mapping[Key, float], count: int) -> dict[Key, int]:
    """`count` in these proportions; the first key takes what rounding leaves."""
    total = sum(shares.values())
    counts = Counter({key: int(count * share / total) for key, share in shares.items()})
    counts[next(iter(shares))] += count - counts.total()
    return dict(counts)


def _distinct(draw: Callable[[Key], T], counts: Mapping[Key, int]) -> list[T]:
    """Draws until each key has its count of different items, or gives no new one any more."""
    seen: dict[T, None] = {}
    for key, count in counts.items():
        goal, repeats = len(seen) + count, 0
        while len(seen) < goal and repeats < MAX_REPEATS:
            size = len(seen)
            seen.setdefault(draw(key))
            repeats = 0 if len(seen) > size else repeats + 1
    return list(seen)
