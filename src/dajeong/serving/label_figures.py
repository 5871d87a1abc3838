"""How far annotators agree, with themselves, each other and a judge; and what draws them beside the text.

Every pair of answers to an item is one question: the first, the second, a tie, both bad. Pure; knows no page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from dajeong.agreement import cohen_kappa, krippendorff_alpha
from dajeong.records import Result
from dajeong.result_rows import result_row
from dajeong.serving.label_items import Item
from dajeong.serving.label_votes import Groups, Stage, Vote, Votes
from dajeong.statistics import Estimate, mean, wilson

TASK = "labels"
PEOPLE = "people"
NUM_RESAMPLES = 1_000
FIRST, SECOND, TIE, BAD = "first", "second", "tie", "both-bad"

Question = tuple[str, int, int]
"""Item, and two of its responses."""
Answers = dict[Question, str]


class Decided(NamedTuple):
    """A question that a vote decided, and how the two answers stood."""

    by_place: bool
    """Whether the answer shown first won."""
    by_length: bool | None
    """Whether the longer one won; None where both are as long."""


def figures(items: Sequence[Item], votes: Votes) -> list[Result]:
    """One row a figure; `labels/<kind>` where it is about items of one kind."""
    known = {item.id: item for item in items}
    said = {name: _answers_of(votes, name, "first", known) for name in votes.annotators}
    said = {name: answers for name, answers in said.items() if answers}
    rows = [*_among(TASK, said)]
    kinds = sorted({item.kind for item in items})
    for kind in kinds if len(kinds) > 1 else ():
        own = {name: _only(answers, known, kind) for name, answers in said.items()}
        rows += _among(f"{TASK}/{kind}", own)
    rows += _beside_judges(items, said)
    for name in said:
        rows += _alone(name, said[name], votes, known)
    return [*rows, *_all_of_them(votes, known)]


def answers(item: Item, verdict: str, ranking: Groups) -> Answers:
    """What a ranking says of every pair of the item's responses."""
    rank = {index: place for place, group in enumerate(ranking) for index in group}
    pairs = combinations(range(len(item.responses)), 2)
    if verdict == BAD:
        return {(item.id, one, other): BAD for one, other in pairs}
    return {
        (item.id, one, other): FIRST
        if rank[one] < rank[other]
        else SECOND
        if rank[other] < rank[one]
        else TIE
        for one, other in pairs
    }


def _answers_of(votes: Votes, annotator: str, stage: Stage, known: Mapping[str, Item]) -> Answers:
    found: Answers = {}
    for vote in _standing(votes, annotator, stage, known):
        found |= answers(known[vote.item], vote.verdict, vote.ranking)
    return found


def _standing(votes: Votes, annotator: str, stage: Stage, known: Mapping[str, Item]) -> Iterator[Vote]:
    for (when, item), vote in votes.of_annotator.get(annotator, {}).items():
        if when == stage and vote.verdict != "skip" and item in known:
            yield vote


def _only(answered: Answers, known: Mapping[str, Item], kind: str) -> Answers:
    return {question: answer for question, answer in answered.items() if known[question[0]].kind == kind}


def _among(task: str, said: Mapping[str, Answers]) -> Iterator[Result]:
    """Every two annotators, and all of them."""
    for one, other in combinations(said, 2):
        yield from _two(f"{one} · {other}", task, said[one], said[other])
    if len(said) > 1:
        questions = sorted({question for answered in said.values() for question in answered})
        table = [[answered.get(question) for question in questions] for answered in said.values()]
        alpha = _known(lambda: krippendorff_alpha(table, num_resamples=NUM_RESAMPLES))
        yield result_row(PEOPLE, task, "krippendorff_alpha", alpha)


def _two(name: str, task: str, one: Answers, other: Answers) -> Iterator[Result]:
    shared = [(one[question], other[question]) for question in one if question in other]
    if not shared:
        return
    agreed = wilson(sum(first == second for first, second in shared), len(shared))
    yield result_row(name, task, "agreement", agreed)
    first, second = zip(*shared, strict=True)
    kappa = _known(lambda: cohen_kappa(first, second, num_resamples=NUM_RESAMPLES))
    yield result_row(name, task, "cohen_kappa", kappa, n=len(shared))


def _beside_judges(items: Sequence[Item], said: Mapping[str, Answers]) -> Iterator[Result]:
    """Each judge whose labels came with the items, beside each annotator; ties of either side count."""
    for judge in sorted({who for item in items for who in item.judged}):
        theirs: Answers = {}
        for item in items:
            if judge in item.judged:
                theirs |= answers(item, "ranked", item.judged[judge])
        for name, own in said.items():
            ours = {question: TIE if answer == BAD else answer for question, answer in own.items()}
            yield from _two(f"{name} · {judge}", f"{TASK}/judge", ours, theirs)


def _alone(name: str, own: Answers, votes: Votes, known: Mapping[str, Item]) -> Iterator[Result]:
    """One annotator: the same item twice, items whose answer is known, sides, lengths, seconds."""
    again = _answers_of(votes, name, "again", known)
    if again:
        same = sum(own.get(question) == answer for question, answer in again.items())
        yield result_row(name, TASK, "self_consistency", wilson(same, len(again)))
    gold: Answers = {}
    for item in known.values():
        gold |= answers(item, "ranked", item.gold) if item.gold is not None else {}
    tested = [question for question in own if question in gold]
    if tested:
        right = sum(own[question] == gold[question] for question in tested)
        yield result_row(name, TASK, "gold_accuracy", wilson(right, len(tested)))
    yield from _leanings(name, list(_decided(_standing(votes, name, "first", known), known)))
    seconds = [vote.seconds for vote in _standing(votes, name, "first", known) if vote.seconds is not None]
    if seconds:
        yield result_row(name, TASK, "seconds", mean(seconds, num_resamples=NUM_RESAMPLES))


def _all_of_them(votes: Votes, known: Mapping[str, Item]) -> Iterator[Result]:
    every = [vote for name in votes.annotators for vote in _standing(votes, name, "first", known)]
    yield from _leanings(PEOPLE, list(_decided(every, known)))


def _leanings(name: str, decided: Sequence[Decided]) -> Iterator[Result]:
    """0.5 is no leaning. Where answers are as long, length decides nothing and they are not counted."""
    if decided:
        yield result_row(
            name, TASK, "left_wins", wilson(sum(each.by_place for each in decided), len(decided))
        )
    lengths = [each.by_length for each in decided if each.by_length is not None]
    if lengths:
        yield result_row(name, TASK, "longer_wins", wilson(sum(lengths), len(lengths)))


def _decided(votes: Sequence[Vote] | Iterator[Vote], known: Mapping[str, Item]) -> Iterator[Decided]:
    for vote in votes:
        item = known[vote.item]
        for (_, one, other), answer in answers(item, vote.verdict, vote.ranking).items():
            if answer in (FIRST, SECOND):
                better, worse = (one, other) if answer == FIRST else (other, one)
                gap = len(item.responses[better].content) - len(item.responses[worse].content)
                yield Decided(vote.order.index(better) < vote.order.index(worse), gap > 0 if gap else None)


def _known(figure: Callable[[], Estimate]) -> Estimate | None:
    """None where the votes leave it without a value: one answer to everything."""
    try:
        return figure()
    except ValueError:
        return None
