"""The pictures of the READMEs: report, chat page and labelling page of a run, as Chromium shows them.

    python tests/screenshots.py runs/demo docs/images

Asks only what stands below; everything seen is invented small talk. Leaves the run as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from browser import Tab, chromium, tab
from newcomer import Said

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LARGEST = 200_000
"""Bytes of a picture; more would weigh on every clone."""
QUESTIONS = ("요즘 외로워.", "와, 설렁탕 냄새 죽인다")
SEED = "1"
"""Of the answers on the chat page: the same run gives the same picture."""
PATIENCE_S = 120


def pictures(run: Path, folder: Path) -> list[Path]:
    """Every picture that can be made of the run."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, tempfile.TemporaryDirectory() as votes:
        made = [
            _report(browser, run, folder / "report.png"),
            _chat(browser, run, Path(votes), folder / "chat.png"),
            _label(browser, run, Path(votes), folder / "label.png"),
        ]
    for path in made:
        _shrink(path)
    return made


def _report(browser: Browser, run: Path, path: Path) -> Path:
    with tab(browser, (run / "report.html").resolve().as_uri(), width=1100) as page:
        return _taken(page, path)


def _chat(browser: Browser, run: Path, votes: Path, path: Path) -> Path:
    """Two models side by side on the same question."""
    command = ("serve", str(run), "--port", "0", "--votes", str(votes / "votes.jsonl"))
    with _serving(command) as address, tab(browser, address, width=1100) as page:
        page.page.set_viewport_size({"width": 1100, "height": 560})
        page.page.wait_for_selector("#left:enabled")
        page.page.click("#show-settings")
        page.page.fill("#dial-seed", SEED)
        page.page.click("#settings-close")
        page.page.click("#beside")
        for question in QUESTIONS:  # the small world answers one question, so each is a talk of its own
            page.page.click("#new")
            page.page.fill("#text", question)
            page.page.press("#text", "Enter")
            written = "document.querySelector('#stop').hidden"
            page.wait_for(f"document.querySelectorAll('.turn').length == 1 && {written}")
        return _taken(page, path)


def _label(browser: Browser, run: Path, votes: Path, path: Path) -> Path:
    command = ("label", str(run), "--port", "0", "--labels", str(votes / "labels"))
    with _serving(command) as address, tab(browser, address, width=1100) as page:
        page.page.fill("#name", "다정이")
        page.page.press("#name", "Enter")
        page.page.set_viewport_size({"width": 1100, "height": 480})
        page.page.wait_for_selector("#item:not([hidden])")
        _until_answers_differ(page)
        return _taken(page, path)


def _until_answers_differ(page: Tab) -> None:
    """Two equal answers are a tie, and no picture."""
    for _ in range(30):
        told = page.page.locator("#answers > *").all_inner_texts()
        said = {answer.partition("\n")[2].strip() for answer in told}
        if len(said) > 1 and min(map(len, said)) > 8:
            return
        page.press("ArrowDown")
        page.wait_for(f"document.querySelector('#answers').innerText != {json.dumps(chr(10).join(told))}")
        page.page.wait_for_timeout(200)


@contextlib.contextmanager
def _serving(command: Sequence[str]) -> Iterator[str]:
    """The address of a server of ours, stopped as Ctrl-C does."""
    argv = [sys.executable, "-m", "dajeong", *command]
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(argv, **out, text=True, encoding="utf-8", start_new_session=True)
    assert process.stdout
    said = Said(process.stdout)
    try:
        said.address.wait(PATIENCE_S)
        assert said.url, "".join(said.lines)
        yield said.url
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE_S)
        said.thread.join(5)


def _taken(page: Tab, path: Path) -> Path:
    page.page.wait_for_timeout(300)  # fonts and transitions
    page.page.screenshot(path=path)
    return path


def _shrink(path: Path) -> None:
    """256 colours are enough for a page."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256)
    small.save(path, optimize=True)
    assert path.stat().st_size < LARGEST, f"{path}: {path.stat().st_size} bytes"


if __name__ == "__main__":
    for picture in pictures(Path(sys.argv[1]), Path(sys.argv[2])):
        print(f"{picture}  {picture.stat().st_size:,}")
