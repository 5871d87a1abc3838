"""The commands and the code of docs/serving.md are run as they stand there; only port and run are ours."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from small_server import Running

from dajeong import cli
from dajeong.cli_serve import KEY
from dajeong.serving.settings import ServeSettings

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, block in BLOCKS if not language for line in block.splitlines()]
REQUESTS = [line for line in COMMANDS if line.startswith("curl ")]
SERVERS = [line for line in COMMANDS if not line.startswith("curl ")]
(CODE,) = [block for language, block in BLOCKS if language == "python"]
HERE = "http://127.0.0.1:8000"


@pytest.mark.parametrize("line", REQUESTS)
def test_requests(running: Running, line: str) -> None:
    words = [word for word in shlex.split(line)[1:] if word != "-N"]
    url, options = words[0], dict(zip(words[1::2], words[2::2], strict=True))
    assert url.startswith(HERE) and set(options) <= {"-H", "-d"}
    url = url.replace(HERE, running.url)
    if "-d" in options:
        name, _, value = options["-H"].partition(": ")
        answer = httpx.post(url, content=options["-d"].encode(), headers={name: value}, timeout=60)
    else:
        answer = httpx.get(url, timeout=60)
    assert answer.status_code == 200 and answer.content
    assert '"stream": true' not in line or answer.text.rstrip().endswith("data: [DONE]")


def test_code(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    code = CODE.replace(HERE, running.url).replace("stream=True", "stream=True, max_tokens=40, temperature=0")
    place: dict[str, Any] = {}
    exec(compile(code, "docs/serving.md", "exec"), place)
    place["client"].close()
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("line", SERVERS)
def test_servers(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """All but the serving itself, at a free port of this machine."""
    served: list[ServeSettings] = []

    def listen(host: str, port: int, key: str | None) -> Any:
        assert key or host == "127.0.0.1"
        return None

    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.setattr("dajeong.serving.listening.listen", listen)
    monkeypatch.setattr("dajeong.serving.listening.url_of", lambda listening: HERE)
    monkeypatch.setattr(
        "dajeong.serving.server.serve", lambda settings, *rest, **more: served.append(settings)
    )
    words = shlex.split(line)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setenv(name, value)
    assert words.pop(0) == "dajeong"
    assert cli.main([*words, "--quiet"]) == 0 and len(served) == 1


def test_what_the_page_says_of_limits_is_so() -> None:
    limits = ServeSettings()
    assert limits.default_max_tokens == 512 and "512 in a chat" in PAGE
    assert limits.max_body_bytes == 1 << 20 and "more than 1 MiB" in PAGE
    assert limits.drain_s == 25 and "25 seconds" in PAGE
    assert limits.deadline_s == 600 and "ten minutes" in PAGE
