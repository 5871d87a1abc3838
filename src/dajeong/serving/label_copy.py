"""A second copy of events: lines that are only ever added, each on the disk before it is answered for.

Knows no vote. A torn last line, as a kill leaves it, is cut off when the file is opened.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class LineCopy:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.lines = self._whole_lines()
        """What was there when it was opened."""

    def _whole_lines(self) -> list[bytes]:
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            content = file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            os.ftruncate(self._descriptor, end)
        return [line for line in content[:end].split(b"\n") if line]

    @contextlib.contextmanager
    def adding(self, *lines: bytes) -> Iterator[None]:
        """The lines are on the disk inside the block; they are taken off again if it fails."""
        before = os.fstat(self._descriptor).st_size
        try:
            _written(self._descriptor, b"".join(line + b"\n" for line in lines))
            os.fsync(self._descriptor)
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise

    def close(self) -> None:
        os.close(self._descriptor)


def _written(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
