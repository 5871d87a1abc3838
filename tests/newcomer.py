"""A newcomer's first hour: every command of a README, in a fresh clone with an environment of its own.

`make newcomer` runs it on README.ko.md and prints each command with its time. It does what people do at a
prompt and in a browser, too: it types a line, looks at a page, and leaves.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
VAIV = ROOT.parent / "shared" / "data" / "vaiv"
TYPED = "안녕?\n/quit\n"
"""What is typed at any prompt."""
STAYS = re.compile(r"dajeong (serve|label) ")
"""What runs until it is told to stop."""
ADDRESS = re.compile(r"https?://(?:127\.0\.0\.1|localhost):\d+(?:/[^\s'\"]*)?")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    shown: str
    argv: tuple[str, ...]
    stays: bool


class Outcome(NamedTuple):
    step: Step
    seconds: float
    problem: str | None


def steps_of(page: str, torch: str) -> Iterator[Step]:
    """Every line of every block without a language, and every Python block as a whole."""
    for language, body in FENCE.findall(page):
        if language == "python":
            yield Step(body.splitlines()[-1], (".venv/bin/python", "-c", body), False)
        elif not language:
            for line in body.splitlines():
                told = _filled(line, torch)
                yield Step(told, ("bash", "-c", f"exec {told}"), bool(STAYS.search(told)))


def _filled(line: str, torch: str) -> str:
    """What a person fills in: which build of torch, and where the corpora lie."""
    line = re.sub(r"torch==[\w.+]+", torch, line).replace("PATH/TO/vaiv", str(VAIV))
    return f"{line} TORCH={torch}" if line.startswith("make ") else line


def run(step: Step, folder: Path, timeout_s: float) -> Outcome:
    begun = time.monotonic()
    process = subprocess.Popen(
        step.argv, cwd=folder, env=_environment(), text=True, encoding="utf-8", errors="replace",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdin and process.stdout
    said = Said(process.stdout)
    _type(process.stdin, "" if step.stays else TYPED)
    try:
        problem = _visited(process, said, timeout_s) if step.stays else _ended(process, timeout_s)
    finally:
        if process.poll() is None:
            _kill(process)
    said.thread.join(5)
    last = "".join(said.lines[-15:])
    return Outcome(step, time.monotonic() - begun, f"{problem}\n{last}" if problem else None)


def _type(keyboard: IO[str], text: str) -> None:
    """Many commands read nothing, and some have ended by then."""
    with contextlib.suppress(BrokenPipeError), keyboard:
        keyboard.write(text)


class Said:
    """What a process says, read as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self.lines: list[str] = []
        self.address = threading.Event()
        self.url = ""
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.lines.append(line)
                if not self.url and (found := ADDRESS.search(line)):
                    self.url = found[0].rstrip(".,;)")
                    self.address.set()
        self.address.set()


def _ended(process: subprocess.Popen[str], timeout_s: float) -> str | None:
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"still running after {timeout_s:.0f} s"
    return f"exit code {code}" if code else None


def _visited(process: subprocess.Popen[str], said: Said, timeout_s: float) -> str | None:
    """Looks at the page that a server names, and leaves as Ctrl-C does."""
    said.address.wait(min(timeout_s, 300))
    seen = _page(said.url) if said.url else "no address"
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        _kill(process)
        return "does not stop"
    return seen or (f"exit code {code}" if code not in (0, 130, -signal.SIGINT) else None)


def _page(url: str, tries: int = 120) -> str | None:
    """None where the address answers; a model may take a while to load."""
    for _ in range(tries):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return None if b"<" in answer.read(1000) else f"{url}: no page"
        except (OSError, ValueError) as problem:
            told = f"{url}: {problem}"
            time.sleep(0.5)
    return told


def _kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment() -> dict[str, str]:
    """That of the shell, without what belongs to another environment or another make."""
    foreign = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {name: value for name, value in kept.items() if not name.startswith("DAJEONG_")}


def hour(page: Path, folder: Path, torch: str, skip: str | None, minutes: float) -> list[Outcome]:
    """Every step in turn, until all are done or the time is up."""
    outcomes: list[Outcome] = []
    until = time.monotonic() + 60 * minutes
    for step in steps_of(page.read_text(encoding="utf-8"), torch):
        if (skip and re.search(skip, step.shown)) or str(VAIV) in step.shown and not VAIV.is_dir():
            print(f"      –  {step.shown}  (left out)", flush=True)
            continue
        outcomes.append(run(step, folder, max(1.0, until - time.monotonic())))
        print(f"{outcomes[-1].seconds:7.1f}  {step.shown}", flush=True)
        if problem := outcomes[-1].problem:
            print(f"         FAILED: {problem}", flush=True)
    return outcomes


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", default="README.ko.md")
    parser.add_argument("--torch", default="torch==2.13.0")
    parser.add_argument("--skip", help="commands to leave out, as a regular expression")
    parser.add_argument("--minutes", type=float, default=120)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="newcomer-") as empty:
        clone = Path(empty) / "dajeong"
        git = shutil.which("git") or "git"
        subprocess.run([git, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        outcomes = hour(clone / given.page, clone, given.torch, given.skip, given.minutes)
    failed = sum(outcome.problem is not None for outcome in outcomes)
    print(f"{len(outcomes)} commands, {failed} failed, {sum(o.seconds for o in outcomes):.0f} s")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
