"""What goes to stdout: lines and JSON. A reader that has gone away, as `head` does, has what it wanted."""

from __future__ import annotations

import json
import os
import sys


def print_json(value: object) -> None:
    print_line(json.dumps(value, ensure_ascii=False, indent=2))


def print_line(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:
        flush()


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Python would complain once more when it ends and flushes for the last time
            with open(os.devnull, "w", encoding="utf-8") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
