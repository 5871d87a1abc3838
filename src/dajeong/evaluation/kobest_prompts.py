"""KoBEST's rows → what a model is asked, under a named profile. Pure; knows no file and no model.

`lm-eval-0.4` is EleutherAI's harness since 0.4, checked against 0.4.13. `polyglot-2022` is its branch
`polyglot`, which the Polyglot-Ko model cards and VAIV used. They differ in COPA's blank, in how text is cut
into tokens, in the order of rows and in the draws of examples: figures of one say nothing about the other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple, get_args

from dajeong.data.kobest_tasks import TASKS, Name
from dajeong.evaluation.kobest_items import Row

Profile = Literal["lm-eval-0.4", "polyglot-2022"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
BETWEEN = "\n\n"
"""Stands behind each example."""


class Item(NamedTuple):
    id: str
    context: str
    """Examples and question, up to the answer."""
    choices: tuple[str, ...]
    """Without the blank before them."""
    label: int

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(context, continuation) of every choice."""
        return [(self.context, f" {choice}") for choice in self.choices]


def tokens_apart(profile: Profile) -> bool:
    """Whether context and continuation are cut into tokens each by itself."""
    return profile == "polyglot-2022"


def is_length_normalised(name: Name) -> bool:
    """Whether the profiles also look at log-likelihoods per character."""
    return name == "hellaswag"


def items_of(
    name: Name,
    rows: Sequence[Row],
    train: Sequence[Row],
    shots: int,
    profile: Profile,
    most: int | None = None,
) -> list[Item]:
    """What is asked, in the profile's own order; with `most`, only the first so many.

    Examples are drawn for each row anew, from one generator that runs through the rows.
    """
    asked, pool = [[question(name, row, profile) for row in some] for some in (rows, train)]
    chance = Random(1234)
    if profile == "polyglot-2022":
        chance = Random(42)
        chance.shuffle(asked)
    return [item._replace(context=_shown(pool, shots, chance) + item.context) for item in asked[:most]]


def _shown(pool: Sequence[Item], shots: int, chance: Random) -> str:
    drawn = chance.sample(pool, shots) if shots else []
    return "".join(f"{item.context} {item.choices[item.label]}{BETWEEN}" for item in drawn)


def question(name: Name, row: Row, profile: Profile) -> Item:
    """One row by itself, without examples."""
    task, recent = TASKS[name], profile == "lm-eval-0.4"
    text, choices, label = task.asked(row.cells), task.choices_in(row.cells), row.label
    if name == "boolq":
        text += " "
    if name == "copa" and recent:
        premise, _, join = text.rpartition(" ")
        text = f"{premise}  {join}"
        label = choices.index(choices[label])  # where both are one sentence, lm-eval takes the first
    return Item(row.id, text, choices, label)
