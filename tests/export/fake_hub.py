"""A Hub on loopback: takes what the real client sends, keeps the files, and can refuse or go away."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    created: list[dict[str, Any]] = field(default_factory=list)
    refuses: int | None = None
    """The status that every request gets."""
    hangs_up: bool = False
    """Whether commits end without an answer."""


@contextlib.contextmanager
def fake_hub() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            self._answer({"id": "a/b", "sha": "0" * 40, "siblings": []})

        def do_POST(self) -> None:
            body = self._body()
            if self.path.endswith("/repos/create"):
                hub.created.append(json.loads(body))
                self._answer({"url": f"{hub.address}/a/b", "name": "a/b"})
            elif "/preupload/" in self.path:
                wanted = json.loads(body)["files"]
                modes = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in wanted]
                self._answer({"files": modes})
            elif "/commit/" in self.path:
                self._commit(body)
            else:
                self._answer({"errors": [], "warnings": []})

        def _commit(self, body: bytes) -> None:
            if hub.hangs_up:
                self.close_connection = True
                return
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    hub.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            self._answer({"commitUrl": f"{hub.address}/a/b/commit/1", "commitOid": "1" * 40, "success": True})

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self, found: Any) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            hub.keys.add(self.headers.get("Authorization", ""))
            content = json.dumps({**found, **({"error": "refused"} if hub.refuses else {})}).encode()
            self.send_response(hub.refuses or 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
