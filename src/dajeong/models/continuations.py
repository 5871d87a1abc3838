"""How likely given continuations are behind their contexts; a context that several share is read once.

Equal beginnings behind one context make a tree. A forward reads one tree a row, each token seeing the path to
it, and logits exist only where something is asked. Knows no task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dajeong.models.layout import Layout
from dajeong.models.logprobs import MAX_LOGITS
from dajeong.models.roles import RoleModel
from dajeong.models.tokenize import TextTokenizer

TOKENS = 8192
"""Token budget of one forward."""
Places = npt.NDArray[np.int64]


class Asked(NamedTuple):
    context: Sequence[int]
    """At least one token."""
    continuation: Sequence[int]


class Likelihoods:
    """A model, or one of its roles, that says how likely texts are behind other texts."""

    def __init__(
        self, model: RoleModel, role: str | None, tokenizer: TextTokenizer, budget: int = TOKENS
    ) -> None:
        self._model, self._role, self._tokenizer, self._budget = model, role, tokenizer, budget

    def log_likelihoods(self, pairs: Sequence[tuple[str, str]], apart: bool = False) -> list[float]:
        """One sum of log-probabilities per (context, continuation), see `ids_of` and `log_likelihoods`."""
        return log_likelihoods(self._model, self._role, ids_of(pairs, self._tokenizer, apart), self._budget)


def ids_of(pairs: Sequence[tuple[str, str]], tokenizer: TextTokenizer, apart: bool = False) -> list[Asked]:
    """(context, continuation) as ids. Blanks at the end of a context count as the continuation's.

    Both are tokenised as one text and cut behind the context's own tokens, as lm-eval does since 0.3; `apart`
    tokenises each by itself and moves no blank, as it did before. An empty context becomes BOS, or else EOS.
    """
    moved = list(pairs) if apart else [_blanks_moved(context, text) for context, text in pairs]
    texts = [context for context, _ in moved]
    texts += [text if apart else context + text for context, text in moved]
    known = dict.fromkeys(texts)
    encoded = dict(zip(known, tokenizer.encode_many(list(known)), strict=True))
    start = [tokenizer.bos_id] if tokenizer.bos_id is not None and not apart else []
    first = start or [tokenizer.eos_id if tokenizer.bos_id is None else tokenizer.bos_id]
    return [
        Asked(
            [*start, *encoded[context]] or first,
            encoded[text] if apart else encoded[context + text][len(encoded[context]) :],
        )
        for context, text in moved
    ]


def _blanks_moved(context: str, continuation: str) -> tuple[str, str]:
    kept = context.rstrip()
    return kept, context[len(kept) :] + continuation


def log_likelihoods(
    model: RoleModel, role: str | None, asked: Sequence[Asked], budget: int = TOKENS
) -> list[float]:
    """Σ log p of each continuation, in the order given.

    What is longer than the model reads loses the front of its context; a continuation that would not fit by
    itself gives NaN.
    """
    longest = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    found = np.zeros(len(asked))
    found[[owner for owner, one in enumerate(asked) if len(one.continuation) > longest]] = np.nan
    with torch.inference_mode(), model.measuring():
        for trees in _batches(trees_of(asked, longest), budget):
            logprobs = _read(model, role, trees)
            np.add.at(found, np.concatenate([tree.owners for tree in trees]), logprobs)
    return [float(each) for each in found]


@dataclass
class Tree:
    """Continuations behind one context, their equal beginnings joined. A node is a token that is read."""

    ids: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    branches: list[tuple[int, Places]] = field(default_factory=list)
    """(first node of a branch, the nodes above it), in the order of nodes."""
    nodes: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    """Where a next token is asked, once for each token asked."""
    targets: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    owners: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    """Whose continuation each of them belongs to."""

    @property
    def is_line(self) -> bool:
        """Whether nothing branches: every node sees all before it."""
        return all(len(above) == first for first, above in self.branches)

    def visible(self, width: int) -> npt.NDArray[np.bool_]:
        """(width, width): which nodes each node sees. Padding sees itself."""
        seen = np.eye(width, dtype=bool)
        ends = [first for first, _ in self.branches[1:]] + [len(self.ids)]
        for (first, above), end in zip(self.branches, ends, strict=True):
            seen[first:end, above] = True
            seen[first:end, first:end] = np.tri(end - first, dtype=bool)
        return seen


def trees_of(asked: Sequence[Asked], longest: int) -> list[Tree]:
    """One tree for each different context, in the order in which they first come; empty ones left out."""
    same: dict[tuple[int, ...], list[int]] = {}
    for owner, one in enumerate(asked):
        if 0 < len(one.continuation) <= longest:
            same.setdefault(tuple(one.context), []).append(owner)
    return [_tree(owners, asked, longest) for owners in same.values()]


def _tree(owners: Sequence[int], asked: Sequence[Asked], longest: int) -> Tree:
    """In alphabetical order each sequence shares the most with the one right before it."""
    read = {owner: [*asked[owner].context, *asked[owner].continuation][-longest - 1 :] for owner in owners}
    tree = Tree()
    before, path = np.zeros(0, np.int64), np.zeros(0, np.int64)
    nodes, targets, whose = [], [], []
    for owner in sorted(owners, key=lambda each: read[each]):
        tokens, count = np.asarray(read[owner], np.int64), len(asked[owner].continuation)
        shared = _common(before, tokens[:-1])
        first = len(tree.ids)
        if shared < len(tokens) - 1:
            tree.branches.append((first, path[:shared]))
            tree.ids.extend(read[owner][shared:-1])
            tree.depths.extend(range(shared, len(tokens) - 1))
        before, path = tokens[:-1], np.concatenate([path[:shared], np.arange(first, len(tree.ids))])
        nodes.append(path[-count:])
        targets.append(tokens[-count:])
        whose.append(np.full(count, owner))
    tree.nodes, tree.targets, tree.owners = map(np.concatenate, (nodes, targets, whose))
    return tree


def _common(one: Places, other: Places) -> int:
    """How many tokens both begin with."""
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    return int(differs.argmax()) if differs.any() else length


def _batches(trees: Sequence[Tree], budget: int) -> Iterator[list[Tree]]:
    """Trees of like size whose padded rectangle fits the budget; lines apart, as they need no mask."""
    batch: list[Tree] = []
    for tree in sorted(trees, key=lambda each: (each.is_line, len(each.ids))):
        full = len(tree.ids) * (len(batch) + 1) > budget
        if batch and (full or tree.is_line != batch[-1].is_line):
            yield batch
            batch = []
        batch.append(tree)
    if batch:
        yield batch


def _read(model: RoleModel, role: str | None, trees: Sequence[Tree]) -> npt.NDArray[np.float64]:
    """log p of every token asked, the trees' one after another."""
    width = max(len(tree.ids) for tree in trees)
    ids, positions = np.zeros((2, len(trees), width), np.int64)
    for row, tree in enumerate(trees):
        ids[row, : len(tree.ids)], positions[row, : len(tree.ids)] = tree.ids, tree.depths
    mask = None
    if not trees[0].is_line:
        mask = _on(np.stack([tree.visible(width) for tree in trees])[:, None], model)
    hidden = model.hidden(_on(ids, model), _on(positions, model), Layout.all(role), mask=mask)
    places = np.concatenate([row * width + tree.nodes for row, tree in enumerate(trees)])
    asked, lines = np.unique(places, return_inverse=True)
    scored = hidden.flatten(0, 1).index_select(0, _on(asked, model))
    return _picked(model, scored, lines, np.concatenate([tree.targets for tree in trees]))


def _picked(model: RoleModel, hidden: Tensor, lines: Places, targets: Places) -> npt.NDArray[np.float64]:
    """hidden (N, H); log p(target) at each of `lines`, (M,), in float32 and chunks of bounded logits."""
    size = max(1, MAX_LOGITS // model.head.get_parameter("weight").shape[0])
    found = np.zeros(len(lines))
    for start in range(0, len(hidden), size):
        logits = model.logits(hidden[start : start + size])
        inside = np.flatnonzero((lines >= start) & (lines < start + size))
        line, target = _on(lines[inside] - start, model), _on(targets[inside], model)
        found[inside] = (logits[line, target] - logits.logsumexp(dim=-1)[line]).cpu().numpy()
    return found


def _on(array: npt.NDArray[np.int64] | npt.NDArray[np.bool_], model: RoleModel) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(model.device)
