"""Korean particles that follow a word's last sound. Knows one rule and no vocabulary."""

from __future__ import annotations


def ends_in_consonant(word: str) -> bool:
    """Whether the last Hangul syllable is closed; false for anything that is not Hangul."""
    offset = ord(word[-1]) - ord("가")
    return 0 <= offset < 11172 and offset % 28 != 0


class Word(str):
    """A word that takes its particle when formatted: `f"{Word('부산'):은/는}"` is 부산은.

    The two forms are written closed syllable first: 은/는, 이/가, 과/와, 이에요/예요.
    """

    def __format__(self, forms: str) -> str:
        if "/" not in forms:
            return format(str(self), forms)
        closed, open_form = forms.split("/")
        return str(self) + (closed if ends_in_consonant(self) else open_form)
