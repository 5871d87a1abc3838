"""Markup that the text inside it cannot forge: whatever is not `Html` already is escaped on its way in.

Knows nothing of runs and figures. Text of people and models is data: tags are shown, not obeyed, and
characters that would reorder or hide what follows are spelled out.
"""

from __future__ import annotations

import html
import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_VOID = frozenset({"meta", "link", "input", "br"})


class Html(str):
    """Markup, finished: it is not escaped again."""

    __slots__ = ()


def safe(value: object) -> Html:
    """The value as text: escaped, with control and bidirectional characters written as ⟨U+202E⟩."""
    if isinstance(value, Html):
        return value
    shown = _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", str(value))
    return Html(html.escape(shown))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """One element; `class_` and `aria_label` become `class` and `aria-label`; None and False drop one."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: object) -> Html:
    return Html("".join(safe(child) for child in children))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{safe(value)}"'
