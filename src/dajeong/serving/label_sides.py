"""Which answer stands where, and what may be seen of an item: no author, no judge, no name of a model.

Sides are drawn by item and annotator, so a reload shows the same, and a repetition the reverse.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from dajeong.serving.label_items import Item
from dajeong.serving.label_votes import Groups, Stage

_ABUSIVE = ("abus", "insult", "hate", "toxic", "profan", "harmful")
_MODELS = re.compile(
    r"(?i)chat ?gpt|gpt[- ]?[2-9]\w*|openai|챗지피티|anthropic|claude|gemini|google bard|llama[- ]?\d*|vicuna"
    r"|alpaca|koalpaca|kullm|polyglot|hyperclova|하이퍼클로바|클로드|제미나이"
)
MASK = "▢▢▢"


def draw(seed: int, *parts: object) -> float:
    """A number from 0 to 1 that belongs to these parts."""
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *parts))).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def order(seed: int, item: Item, annotator: str, stage: Stage) -> tuple[int, ...]:
    """The response at each place."""
    who = f"{annotator}\x1ffinal" if stage == "final" else annotator
    places = sorted(range(len(item.responses)), key=lambda index: draw(seed, item.id, who, index))
    return tuple(reversed(places) if stage == "again" else places)


def as_shown(ranking: Groups, shown: Sequence[int]) -> Groups:
    """Responses → their places."""
    return tuple(tuple(sorted(shown.index(index) for index in group)) for group in ranking)


def as_kept(places: Groups, shown: Sequence[int]) -> Groups:
    """Places → the responses shown there. Raises IndexError for a place that is not there."""
    return tuple(tuple(sorted(shown[place] for place in group)) for group in places)


def view(item: Item, shown: Sequence[int], stage: Stage) -> dict[str, Any]:
    """What the page gets."""
    texts = [item.responses[index].content for index in shown]
    masked = [without_names(text, {response.author for response in item.responses}) for text in texts]
    return {
        "id": item.id,
        "stage": stage,
        "blur": is_abusive(item.kind),
        "masked": masked != texts,
        "prompt": [{"role": each.role, "text": _said(each.content, each.context)} for each in item.prompt],
        "responses": masked,
    }


def _said(content: str, context: str | None) -> str:
    return f"{content}\n\n{context}" if context else content


def without_names(text: str, authors: set[str]) -> str:
    """Without what tells who wrote it: models known by name, authors whose names are no plain words."""
    own = [re.escape(author) for author in authors if len(author) > 3 and re.search(r"[\d_./:-]", author)]
    text = _MODELS.sub(MASK, text)
    return re.sub("|".join(own), MASK, text) if own else text


def is_abusive(kind: str) -> bool:
    return any(word in kind.lower() for word in _ABUSIVE)
