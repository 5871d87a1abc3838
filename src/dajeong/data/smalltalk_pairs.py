"""Constructed preference pairs: two replies to one prompt and which is better, by rule. Knows no model.

On `fact` and `misplaced` pairs only the prompt decides: a fact pair's worse reply is a proper one to another
noun of the same kind; a misplaced pair sets a firm reply against a cheerful one, and the prompt says which is
right. A fair coin says which reply is to be the longer one, and both are drawn again until it is.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from dajeong.data.smalltalk_prompts import Prompt
from dajeong.data.smalltalk_replies import Style, reply

MAX_DRAWS = 60

CONTRASTS: dict[tuple[str, str], tuple[Style, Style]] = {
    ("normal", "fact"): ("friendly", "wrong-fact"),
    ("normal", "rude"): ("friendly", "rude"),
    ("normal", "curt"): ("friendly", "curt"),
    ("normal", "scold"): ("friendly", "scolding"),
    ("lookalike", "fact"): ("friendly", "wrong-fact"),
    ("lookalike", "rude"): ("friendly", "rude"),
    ("lookalike", "curt"): ("friendly", "curt"),
    ("lookalike", "scold"): ("friendly", "scolding"),
    ("lookalike", "misplaced"): ("cheerful", "firm"),
    ("abusive", "misplaced"): ("firm", "cheerful"),
    ("abusive", "rude"): ("firm", "rude"),
    ("abusive", "curt"): ("firm", "curt"),
}
"""(kind of prompt, kind of pair) → manners of the better and the worse reply."""

TRAINING_SHARES: dict[tuple[str, str], float] = {
    ("normal", "fact"): 0.50,
    ("normal", "rude"): 0.03,
    ("normal", "curt"): 0.03,
    ("normal", "scold"): 0.04,
    ("lookalike", "fact"): 0.20,
    ("lookalike", "rude"): 0.01,
    ("lookalike", "curt"): 0.01,
    ("lookalike", "scold"): 0.02,
    ("lookalike", "misplaced"): 0.06,
    ("abusive", "misplaced"): 0.06,
    ("abusive", "rude"): 0.03,
    ("abusive", "curt"): 0.01,
}
"""Tone is learned from a few hundred pairs, facts are not."""

TEST_SHARES: dict[tuple[str, str], float] = {
    ("normal", "fact"): 0.28,
    ("lookalike", "fact"): 0.12,
    ("lookalike", "misplaced"): 0.10,
    ("abusive", "misplaced"): 0.10,
    ("normal", "rude"): 0.07,
    ("lookalike", "rude"): 0.03,
    ("abusive", "rude"): 0.04,
    ("normal", "curt"): 0.07,
    ("lookalike", "curt"): 0.03,
    ("abusive", "curt"): 0.03,
    ("normal", "scold"): 0.07,
    ("lookalike", "scold"): 0.06,
}


class Pair(NamedTuple):
    prompt: Prompt
    kind: str
    better: str
    worse: str


def pair(prompt: Prompt, kind: str, rng: Random) -> Pair:
    better_style, worse_style = CONTRASTS[prompt.kind, kind]
    better_is_longer = rng.random() < 0.5
    for _ in range(MAX_DRAWS):
        better, worse = reply(better_style, prompt, rng), reply(worse_style, prompt, rng)
        if len(better) != len(worse) and (len(better) > len(worse)) == better_is_longer:
            break
    return Pair(prompt, kind, better, worse)
