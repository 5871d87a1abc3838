"""`make newcomer` runs what a README says: every line of it, servers and prompts too, and it can fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from newcomer import Step, hour, run, steps_of

ROOT = Path(__file__).parents[1]
SERVER = """\
import http.server, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"<html>")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Page)
print(f"at http://127.0.0.1:{server.server_port}; 에서 기다립니다", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_every_command_of_the_readme_is_run() -> None:
    page = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    steps = list(steps_of(page, "torch==9.9+cpu"))
    shown = [step.shown for step in steps]
    assert shown[:2] == ["make demo TORCH=torch==9.9+cpu", "make check TORCH=torch==9.9+cpu"]
    assert ".venv/bin/pip install torch==9.9+cpu" in shown and not any("PATH/TO" in line for line in shown)
    assert [step.shown for step in steps if step.stays] == [
        ".venv/bin/dajeong serve runs/demo",
        ".venv/bin/dajeong label runs/demo",
    ]
    assert sum(step.argv[0] == ".venv/bin/python" for step in steps) == 1


def test_commands_that_fail_are_told_with_what_they_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\necho fine\nls nowhere-at-all\nsleep 60\n```\n", encoding="utf-8")
    outcomes = hour(page, tmp_path, "torch", "echo", 1 / 60)
    assert [outcome.problem is None for outcome in outcomes] == [False, False]
    said = capsys.readouterr().out
    assert "left out" in said and "nowhere-at-all" in said and "still running after 1 s" in said


def test_a_server_is_visited_and_left(tmp_path: Path) -> None:
    assert run(Step("serve", (sys.executable, "-c", SERVER), True), tmp_path, 30).problem is None
    silent = Step("serve", (sys.executable, "-c", "print('no page')"), True)
    assert "no address" in (run(silent, tmp_path, 30).problem or "")


def test_a_prompt_gets_a_line_and_a_goodbye(tmp_path: Path) -> None:
    asked = Step("chat", (sys.executable, "-c", "assert input() == '안녕?' and input() == '/quit'"), False)
    assert run(asked, tmp_path, 30).problem is None
