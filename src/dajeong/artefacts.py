"""What a preference set gives away without its prompts: length, author, place, the response's own characters.

A reward model that is no better than these has learned nothing about answering. Nothing here reads a prompt,
except to keep one prompt's pairs together when a set is judged by its own other rows. A baseline gives each
comparison an outcome: 1 the better response wins, 0 it loses, 0.5 a tie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dajeong.records import Preference, Response, last_user_text
from dajeong.storage import digest_json

FOLDS = 5
POSITION = "position"
"""Key in a preference's `meta`: for each response the place, from 0, at which the judge was shown it."""
Judge = Callable[[Sequence[Response]], npt.NDArray[np.float64]]
"""One number per response, higher is better."""


class Comparison(NamedTuple):
    """One (better, worse) pair that a preference implies."""

    preference: int
    """Its place in the list the comparisons were made from."""
    kind: str
    prompt: str
    better: Response
    worse: Response
    shown_first: bool | None = None
    """Whether who judged saw the better response before the worse one; None where nobody wrote it down."""


def comparisons(preferences: Sequence[Preference]) -> list[Comparison]:
    """Every pair of every ranking, in order; ties give none."""
    return [
        Comparison(
            index,
            each.kind,
            last_user_text(each.prompt),
            each.responses[better],
            each.responses[worse],
            _shown_first(each, better, worse),
        )
        for index, each in enumerate(preferences)
        for better, worse in each.pairs()
    ]


def _shown_first(preference: Preference, better: int, worse: int) -> bool | None:
    places = preference.meta.get(POSITION)
    if not isinstance(places, list | tuple) or len(places) != len(preference.responses):
        return None
    return bool(places[better] < places[worse])


def outcome(better: float, worse: float) -> float:
    """1, 0, or 0.5 for a tie."""
    return 0.5 if better == worse else float(better > worse)


def longer_wins(pairs: Sequence[Comparison]) -> list[float]:
    """The response with more characters wins."""
    return [outcome(len(pair.better.content), len(pair.worse.content)) for pair in pairs]


def shorter_wins(pairs: Sequence[Comparison]) -> list[float]:
    return [1 - longer for longer in longer_wins(pairs)]


def first_shown_wins(pairs: Sequence[Comparison]) -> list[float]:
    """The response that was shown first wins; where the order is not known, a tie."""
    return [0.5 if pair.shown_first is None else float(pair.shown_first) for pair in pairs]


def knows_positions(pairs: Sequence[Comparison]) -> bool:
    """Whether the order in which responses were shown could tell them apart at all."""
    return any(pair.shown_first is not None for pair in pairs)


class NGrams:
    """Fits a logistic regression on TF-IDF of 1 to 3 characters, told of a response only whether it won.

    Characters are counted once, however many folds learn from them; a fit knows only what its own pairs hold.
    """

    def __init__(self, known: Sequence[Comparison]) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        texts = dict.fromkeys(r.content for pair in known for r in (pair.better, pair.worse))
        self._rows = {text: row for row, text in enumerate(texts)}
        counter = CountVectorizer(analyzer="char", ngram_range=(1, 3))
        self._counts = counter.fit_transform(texts) if any(text.strip() for text in texts) else None

    def __call__(self, pairs: Sequence[Comparison]) -> Judge:
        """A judge of any of the known responses, learned from these pairs alone."""
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression

        responses = [response for pair in pairs for response in (pair.better, pair.worse)]
        if not any(response.content.strip() for response in responses):
            return lambda judged: np.zeros(len(judged))
        counts = self._counted(responses)
        seen = np.flatnonzero(counts.getnnz(axis=0))
        weighing = TfidfTransformer(sublinear_tf=True).fit(counts[:, seen])
        model = LogisticRegression(max_iter=1000)
        model.fit(weighing.transform(counts[:, seen]), [1, 0] * len(pairs))

        def judge(judged: Sequence[Response]) -> npt.NDArray[np.float64]:
            found = weighing.transform(self._counted(judged)[:, seen])
            scores: npt.NDArray[np.float64] = model.decision_function(found)
            return scores.round(9)  # the same text must tie with itself

        return judge

    def _counted(self, responses: Sequence[Response]) -> Any:
        assert self._counts is not None
        return self._counts[[self._rows[response.content] for response in responses]]


def fit_authors(pairs: Sequence[Comparison]) -> Judge:
    """How often each author's responses were preferred; an author never seen counts as half."""
    wins: dict[str, list[int]] = defaultdict(list)
    for pair in pairs:
        wins[pair.better.author].append(1)
        wins[pair.worse.author].append(0)
    rates = {author: sum(seen) / len(seen) for author, seen in wins.items()}
    return lambda responses: np.array([rates.get(response.author, 0.5) for response in responses])


def trained(
    fit: Callable[[Sequence[Comparison]], Judge], training: Sequence[Comparison], test: Sequence[Comparison]
) -> list[float]:
    """Learned from the training pairs, judged on the test pairs."""
    return _outcomes(fit(training), test)


def cross_validated(fit: Callable[[Sequence[Comparison]], Judge], test: Sequence[Comparison]) -> list[float]:
    """Learned from the test pairs themselves, each kind in five folds that never part a prompt's pairs.

    Where a kind has fewer prompts than folds nothing can be learned, and its outcomes are ties.
    """
    found = [0.5] * len(test)
    for rows in _by_kind(test).values():
        folds = [_fold(test[row].prompt) for row in rows]
        if len({test[row].prompt for row in rows}) < FOLDS:
            continue
        for fold in range(FOLDS):
            learned = [test[row] for row, its in zip(rows, folds, strict=True) if its != fold]
            judged = [row for row, its in zip(rows, folds, strict=True) if its == fold]
            if learned and judged:
                for row, won in zip(
                    judged, _outcomes(fit(learned), [test[row] for row in judged]), strict=True
                ):
                    found[row] = won
    return found


def names_authors(pairs: Sequence[Comparison]) -> bool:
    """Whether who wrote the responses could tell them apart at all."""
    return any(pair.better.author != pair.worse.author for pair in pairs)


def _outcomes(judge: Judge, pairs: Sequence[Comparison]) -> list[float]:
    better, worse = judge([pair.better for pair in pairs]), judge([pair.worse for pair in pairs])
    return [outcome(one, other) for one, other in zip(better.tolist(), worse.tolist(), strict=True)]


def _by_kind(pairs: Sequence[Comparison]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, pair in enumerate(pairs):
        rows[pair.kind].append(row)
    return rows


def _fold(prompt: str) -> int:
    return int(digest_json(prompt)[:8], 16) % FOLDS
