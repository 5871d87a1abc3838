"""Preferences and rated replies become token examples: prompt and answer joined, cut, counted. No tensors.

An atom is what is never split between forwards or processes: a prompt with its K answers, or one reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dajeong.errors import DataProblem
from dajeong.models.runtime import key
from dajeong.models.tokenize import TextTokenizer, Tokens, prompt_ids, tokens_of
from dajeong.records import Message, Preference, Reply
from dajeong.templates import Template


@dataclass(frozen=True)
class Atom:
    answers: tuple[Tokens, ...]
    """Prompt and answer; learned are the answer's tokens alone, its end included."""
    weight: float = 1.0
    reference: tuple[float, ...] = ()
    """log π_ref of every answer, where they were read before the run."""


@dataclass(frozen=True)
class Choice(Atom):
    """A prompt, its K answers and their order."""

    pairs: tuple[tuple[int, int], ...] = ()
    """(better, worse), by index."""
    best: tuple[int, ...] = ()
    """Answers that no other is better than."""


@dataclass(frozen=True)
class Rated(Atom):
    """One reply, and behind it the same prompt with an answer to another prompt, which only z reads."""

    desirable: bool = True


class Counts(NamedTuple):
    """What became of the records, said before anything is spent."""

    kept: int = 0
    cut: int = 0
    """Kept, with an answer that lost its end to `max_tokens`."""
    too_long: int = 0
    """Left out: the prompt alone fills `max_tokens`."""
    unordered: int = 0
    """Left out: all answers of one rank, or a reply that nobody rated."""


def answer_of(
    prompt: Sequence[Message], content: str, template: Template, tokenizer: TextTokenizer, max_tokens: int
) -> Tokens:
    """Prompt, answer, end of turn; all of a prompt's answers begin with the same ids.

    What a template writes behind the end is left out: no rollout ever draws it. One that is too long is cut
    at its end and gets no faked EOS.
    """
    start = len(prompt_ids(prompt, template, tokenizer))
    whole = tokens_of([*prompt, Message(role="assistant", content=content)], template, tokenizer)
    end = len(whole.ids) - whole.learn[::-1].index(True)
    kept = min(end, max_tokens)
    return Tokens(whole.ids[:kept], [place >= start for place in range(kept)], end > max_tokens)


def is_learnable(answer: Tokens) -> bool:
    return any(answer.learn[1:])


def ordered_of(preferences: Sequence[Preference]) -> list[Preference]:
    """Those that rank one answer above another. Raises DataProblem where none does."""
    ordered = [preference for preference in preferences if preference.pairs()]
    if not ordered:
        raise DataProblem("preferences-all-tied", rows=len(preferences))
    return ordered


def choices_of(
    preferences: Sequence[Preference], template: Template, tokenizer: TextTokenizer, max_tokens: int
) -> tuple[list[Choice], Counts]:
    """Preferences that order at least one pair of answers. Raises DataProblem if none does, or none fits."""
    ordered = ordered_of(preferences)
    made = [_choice(preference, template, tokenizer, max_tokens) for preference in ordered]
    kept = [choice for choice in made if all(map(is_learnable, choice.answers))]
    if not kept:
        raise DataProblem("nothing-to-learn", rows=len(ordered), max_tokens=max_tokens)
    cut = sum(any(answer.truncated for answer in choice.answers) for choice in kept)
    return kept, Counts(len(kept), cut, len(made) - len(kept), len(preferences) - len(ordered))


def _choice(preference: Preference, template: Template, tokenizer: TextTokenizer, max_tokens: int) -> Choice:
    prompt = preference.prompt
    return Choice(
        tuple(answer_of(prompt, r.content, template, tokenizer, max_tokens) for r in preference.responses),
        preference.weight,
        pairs=tuple(preference.pairs()),
        best=preference.ranking[0],
    )


class Rating(NamedTuple):
    """What somebody thinks of one answer."""

    prompt: tuple[Message, ...]
    content: str
    desirable: bool | None
    weight: float = 1.0


def ratings_of(records: Iterable[Reply | Preference]) -> Iterator[Rating]:
    """A reply as it is rated; of a preference the best answers as desirable, the last as undesirable."""
    for record in records:
        if isinstance(record, Reply):
            yield Rating(record.prompt, record.content, record.desirable)
        elif len(record.ranking) > 1:
            for ranks, desirable in ((record.ranking[0], True), (record.ranking[-1], False)):
                for index in ranks:
                    content = record.responses[index].content
                    yield Rating(record.prompt, content, desirable, record.weight)


def rated_only(ratings: Sequence[Rating]) -> list[Rating]:
    """Raises DataProblem where nobody rated anything."""
    known = [rating for rating in ratings if rating.desirable is not None]
    if not known:
        raise DataProblem("replies-not-rated", rows=len(ratings))
    return known


def rated_of(
    ratings: Sequence[Rating], template: Template, tokenizer: TextTokenizer, max_tokens: int, seed: int
) -> tuple[list[Rated], Counts]:
    """Answers that somebody rated. Raises DataProblem if there is none, or none fits."""
    known = rated_only(ratings)
    made = [answer_of(each.prompt, each.content, template, tokenizer, max_tokens) for each in known]
    kept = [place for place, answer in enumerate(made) if is_learnable(answer)]
    if not kept:
        raise DataProblem("nothing-to-learn", rows=len(known), max_tokens=max_tokens)
    answers = [made[place] for place in kept]
    rated = [
        Rated(
            (answer, mismatched(index, answers, max_tokens, seed)),
            known[place].weight,
            desirable=bool(known[place].desirable),
        )
        for index, (place, answer) in enumerate(zip(kept, answers, strict=True))
    ]
    cut = sum(answer.truncated for answer in answers)
    return rated, Counts(len(kept), cut, len(made) - len(kept), len(ratings) - len(known))


def mismatched(index: int, answers: Sequence[Tokens], max_tokens: int, seed: int) -> Tokens:
    """The prompt of answer `index` with the answer to another prompt, drawn by key.

    Where all have one prompt it is an answer to that.
    """
    prompt, _ = _parted(answers[index])
    first = key(seed, "mismatch", index) % len(answers)
    for step in range(len(answers)):
        asked, said = _parted(answers[(first + step) % len(answers)])
        if asked != prompt:
            break
    ids = [*prompt, *said][:max_tokens]
    return Tokens(ids, [place >= len(prompt) for place in range(len(ids))])


def _parted(answer: Tokens) -> tuple[list[int], list[int]]:
    """(prompt, answer)."""
    start = answer.learn.index(True)
    return answer.ids[:start], answer.ids[start:]
