"""Reading a reward role: a prompt and an answer become ids, ids become one raw reward each.

The same ids are read in training, in evaluation and in PPO, so that a reward means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel
from dajeong.models.tokenize import TextTokenizer, tokens_of
from dajeong.records import Message
from dajeong.templates import Template


def scored_ids(
    prompt: Sequence[Message], content: str, template: Template, tokenizer: TextTokenizer, max_tokens: int
) -> list[int]:
    """Prompt, answer, end of turn, exactly as SFT sees them; too long, it loses the front of the prompt.

    What a template writes behind the end of a turn is left out: no rollout ever draws it.
    """
    answered = [*prompt, Message(role="assistant", content=content)]
    tokens = tokens_of(answered, template, tokenizer)
    behind = tokens.learn[::-1].index(True)
    return tokens.ids[: len(tokens.ids) - behind][-max_tokens:]


def fill(order: Sequence[int], lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Consecutive groups of at most `budget` tokens; a single longer sequence stands alone."""
    group: list[int] = []
    total = 0
    for index in order:
        if group and total + lengths[index] > budget:
            yield group
            group, total = [], 0
        group.append(index)
        total += lengths[index]
    if group:
        yield group


def rewards_of(model: RoleModel, role: str, sequences: Sequence[Sequence[int]], budget: int) -> list[float]:
    """Raw reward of every sequence, read at its last token, in the order given."""
    lengths = [len(ids) for ids in sequences]
    order = sorted(range(len(sequences)), key=lambda index: lengths[index])
    rewards = [0.0] * len(sequences)
    with torch.no_grad(), model.measuring():
        for indices in fill(order, lengths, budget):
            read = [Sequence_(sequences[i], role, value_at=[lengths[i] - 1]) for i in indices]
            values = model(pack(read, model.device)).values[role]
            for index, value in zip(indices, values.tolist(), strict=True):
                rewards[index] = value
    return rewards
