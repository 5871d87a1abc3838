"""A page of ours as one answer: markup, style, script and words, and the policy that allows only them.

The browser loads nothing else and runs nothing else: style and script are allowed by their hashes, so that
markup somebody smuggled in stays without effect. Knows no page.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

from starlette.responses import Response


class OnePage(NamedTuple):
    html: str
    policy: str

    def response(self) -> Response:
        headers = {"content-security-policy": self.policy, "cache-control": "no-cache"}
        return Response(self.html, headers=headers, media_type="text/html")


def one_page(name: str, data: Mapping[str, Any]) -> OnePage:
    """`name.html` with `name.css` and `name.js` in it, and `data` as the element `#data`."""
    folder = files("dajeong.serving")
    html, style, script = (
        folder.joinpath(f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    parts = {
        "<!-- style -->": f"<style>{style}</style>",
        "<!-- data -->": f'<script type="application/json" id="data">{island(data)}</script>',
        "<!-- script -->": f"<script>{script}</script>",
    }
    for place, part in parts.items():
        html = html.replace(place, part)
    allowed = {
        "default-src": "'none'",
        "style-src": _hashed(style),
        "script-src": _hashed(script),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return OnePage(html, "; ".join(f"{what} {whence}" for what, whence in allowed.items()))


def island(data: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hashed(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
