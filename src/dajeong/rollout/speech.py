"""One reply as text while its tokens come: whole characters, no opening, no stop string. Knows no engine.

What a streamed reply said in pieces is what it says at once, to the character: both come from here.
"""

from __future__ import annotations

from collections.abc import Sequence

from dajeong.rollout.characters import BROKEN, Characters, Decode
from dajeong.rollout.opening import Opening, Removal
from dajeong.rollout.stops import Stops


class Speech:
    """Takes tokens, gives text that is certain."""

    def __init__(
        self,
        decode: Decode,
        silent: frozenset[int],
        stops: Sequence[str] = (),
        opening: Opening | None = None,
    ) -> None:
        """`silent`: tokens that end a reply and are no part of it."""
        self._characters = Characters(decode)
        self._silent = silent
        self._removal = Removal(opening) if opening else None
        self._stops = Stops(stops)

    @property
    def stopped(self) -> bool:
        """Whether a stop string was said: nothing more is wanted."""
        return self._stops.found

    def ends_with(self, token: int) -> bool:
        """Whether `token` is the end, and no text."""
        return token in self._silent

    def add(self, token: int) -> str:
        """The text that `token` makes certain. Bytes that are no character are left out."""
        if self.ends_with(token):
            return ""
        piece = self._characters.add(token).replace(BROKEN, "")
        return self._stops.add(self._removal.add(piece) if self._removal else piece)

    def end(self) -> str:
        """The rest, when no more tokens come."""
        rest = self._stops.add(self._removal.end()) if self._removal else ""
        return rest + self._stops.end()
