"""Baselines that read no prompt find what is planted, nothing where nothing is, and never learn the test."""

import json
import random
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from dajeong.artefacts import (
    Comparison,
    Judge,
    NGrams,
    comparisons,
    cross_validated,
    first_shown_wins,
    fit_authors,
    knows_positions,
    longer_wins,
    names_authors,
    outcome,
    shorter_wins,
    trained,
)
from dajeong.records import Message, Preference, Response
from shared_data import SHARED, needs_shared


def preference(
    prompt: str, better: str, worse: str, kind: str = "talk", authors: tuple[str, str] = ("", "")
) -> Preference:
    return Preference(
        id=f"{prompt}/{better}/{worse}",
        kind=kind,
        prompt=(Message(role="user", content=prompt),),
        responses=(Response(content=worse, author=authors[1]), Response(content=better, author=authors[0])),
        ranking=((1,), (0,)),
    )


def words(chance: random.Random) -> str:
    return " ".join(
        chance.choices(["봄", "여름", "가을", "겨울", "하늘", "바다", "나무"], k=chance.randint(2, 6))
    )


def planted(count: int, sign: str, seed: int = 0) -> list[Comparison]:
    chance = random.Random(seed)
    return comparisons([preference(f"물음 {i}", words(chance) + sign, words(chance)) for i in range(count)])


def learned(training: Sequence[Comparison], test: Sequence[Comparison]) -> list[float]:
    return trained(NGrams([*training, *test]), training, test)


def among_themselves(pairs: Sequence[Comparison]) -> list[float]:
    return cross_validated(NGrams(pairs), pairs)


def test_a_ranking_gives_every_pair_and_ties_give_none() -> None:
    ranked = preference("물음", "가", "나").model_copy(
        update={"responses": tuple(Response(content=c) for c in "abcd"), "ranking": ((2,), (0, 3), (1,))}
    )
    found = [(c.better.content, c.worse.content) for c in comparisons([ranked])]
    assert found == [("c", "a"), ("c", "d"), ("c", "b"), ("a", "b"), ("d", "b")]


def test_length_counts_characters_and_ties_are_half() -> None:
    pairs = comparisons(
        [preference("가", "긴 답", "답"), preference("나", "답", "긴 답"), preference("다", "답", "말")]
    )
    assert longer_wins(pairs) == [1, 0, 0.5]
    assert shorter_wins(pairs) == [0, 1, 0.5]
    assert outcome(1.0, 1.0) == 0.5


def test_ngrams_find_a_planted_mark() -> None:
    found = learned(planted(60, "!", seed=1), planted(60, "!", seed=2))
    assert np.mean(found) > 0.9
    assert np.mean(among_themselves(planted(90, "!"))) > 0.85


def test_ngrams_find_nothing_where_nothing_is() -> None:
    assert 0.35 < np.mean(learned(planted(150, "", seed=1), planted(150, "", seed=2))) < 0.65
    assert 0.35 < np.mean(among_themselves(planted(150, ""))) < 0.65


def test_ngrams_counted_once_are_scikit_learns_of_each_fit() -> None:
    """Test texts hold n-grams that no training text has: a fit must not know them."""
    pairs = planted(60, "!") + comparisons([preference(f"새 {i}", f"zx{i} q!", f"wk{i}") for i in range(20)])
    training, test = pairs[:60], pairs[50:]
    texts = [text for pair in training for text in (pair.better.content, pair.worse.content)]
    seen = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    stock = LogisticRegression(max_iter=1000).fit(seen.fit_transform(texts), [1, 0] * len(training))
    responses = [response for pair in test for response in (pair.better, pair.worse)]
    expected = stock.decision_function(seen.transform([response.content for response in responses]))
    assert NGrams(pairs)(training)(responses) == pytest.approx(expected, abs=1e-9)


def test_the_same_text_ties_with_itself() -> None:
    same = comparisons([preference("물음", "같은 답", "같은 답")])
    assert learned(planted(20, "!"), same) == [0.5]


def test_authors_are_known_by_their_record() -> None:
    pairs = comparisons([preference(str(i), "답", "말", authors=("person", "model")) for i in range(4)])
    assert names_authors(pairs)
    assert trained(fit_authors, pairs, pairs) == [1.0] * 4
    strangers = comparisons([preference("x", "답", "말", authors=("new", "newer"))])
    assert trained(fit_authors, pairs, strangers) == [0.5]
    assert not names_authors(comparisons([preference("x", "답", "말")]))


def test_folds_never_part_a_prompt_nor_a_kind() -> None:
    chance = random.Random(0)
    pairs = comparisons(
        [
            preference(prompt, words(chance), words(chance), kind, authors=(prompt, prompt))
            for prompt, kind in [(f"물음 {i % 12}", f"kind {i % 2}") for i in range(80)]
        ]
    )
    judged: list[str] = []

    def spy(learned: Sequence[Comparison]) -> Judge:
        prompts = {pair.prompt for pair in learned}
        assert len({pair.kind for pair in learned}) == 1

        def judge(responses: Sequence[Response]) -> np.ndarray:
            shown = {response.author for response in responses}
            judged.extend(shown)
            assert not shown & prompts
            return np.zeros(len(responses))

        return judge

    assert cross_validated(spy, pairs) == [0.5] * 80
    assert len(set(judged)) == 12


def test_empty_responses_teach_nothing() -> None:
    empty = comparisons([preference(f"물음 {i}", "", " ") for i in range(20)])
    assert among_themselves(empty) == learned(empty, empty) == [0.5] * 20


def test_too_few_prompts_teach_nothing() -> None:
    assert among_themselves(planted(4, "!")) == [0.5] * 4
    assert among_themselves([]) == []


@needs_shared
def test_ngrams_alone_reach_nine_in_ten_of_a_published_test_set() -> None:
    """The set whose two sides came from two generators: its reward accuracies of .92 to .96 say little."""
    found = []
    for kind in ("conv", "general", "hate"):
        text = (SHARED / "vaiv" / "preference" / "finalSet" / f"step2_test_{kind}.json").read_text(
            encoding="utf-8"
        )
        rows = json.loads(text)
        pairs = comparisons([preference(r["prompt"], r["chosen"], r["rejected"], kind) for r in rows])
        found += among_themselves(pairs)
    assert np.mean(found) == pytest.approx(0.9, abs=0.04)


def test_the_first_shown_wins_where_the_order_is_known() -> None:
    pairs = [preference(str(i), "답", "말") for i in range(4)]
    known = [
        each.model_copy(update={"meta": meta})
        for each, meta in zip(
            pairs, ({"position": [1, 0]}, {"position": [0, 1]}, {}, {"position": [0]}), strict=True
        )
    ]
    assert first_shown_wins(comparisons(known)) == [1, 0, 0.5, 0.5]  # the better one is the second response
    assert knows_positions(comparisons(known)) and not knows_positions(comparisons(pairs))


@needs_shared
@pytest.mark.parametrize(("kind", "longer"), [("conv", 0.76), ("hate", 0.79), ("general", 0.21)])
def test_length_alone_judges_a_published_test_set_as_measured(kind: str, longer: float) -> None:
    path = SHARED / "vaiv" / "preference" / "finalSet" / f"step2_test_{kind}.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    pairs = comparisons([preference(r["prompt"], r["chosen"], r["rejected"], kind) for r in rows])
    assert round(float(np.mean(longer_wins(pairs))), 2) == longer
    assert np.mean(longer_wins(pairs)) + np.mean(shorter_wins(pairs)) == 1
