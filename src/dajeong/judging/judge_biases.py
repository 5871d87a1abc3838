"""What else might move a judge: the length of replies, and who wrote them. Pure; knows no rubric.

Judges prefer what their own kind wrote, and some what is longer (Zheng et al. 2023, arXiv 2306.05685, §3.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dajeong import agreement
from dajeong.records import Reply
from dajeong.statistics import Estimate

_FAMILY = re.compile(r"[A-Za-z]+|[가-힣]+")


def by_length(values: Sequence[tuple[Reply, float]]) -> Estimate | None:
    """Spearman's ρ of score and number of characters; None where one of them never changes."""
    scores = [value for _, value in values]
    lengths = [float(len(reply.content)) for reply, _ in values]
    if len(values) < 4 or len(set(scores)) < 2 or len(set(lengths)) < 2:
        return None
    return agreement.spearman(scores, lengths)


def kin(judges: Iterable[str], author: str) -> str:
    """Words where a judge and the author are of one family, told by how their names begin; else nothing."""
    families = {_family(judge.partition(":")[2] or judge) for judge in judges}
    mine = _family(author)
    return f"judge and author are both {mine}: judges prefer their kin" if mine and mine in families else ""


def _family(name: str) -> str:
    """`gpt` of `gpt-4o-2024-08-06` and of `openai/gpt-4o`."""
    found = _FAMILY.match(name.rstrip("/").rpartition("/")[2])
    return found[0].lower() if found else ""
