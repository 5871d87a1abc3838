"""The shell of every page: one HTML file that loads nothing, two languages, no script. Knows no content."""

from __future__ import annotations

from importlib.resources import files

from dajeong.report.markup import Html, joined, tag

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser may load for this page: nothing but its own style sheet."""

_NONE = Html("")


def document(title: str, *body: Html, rules: Html = _NONE) -> str:
    """The whole file; `both(…)` inside the body shows one language at a time. `rules`: more style."""
    whole = tag("html", tag("head", *_head(title, rules)), tag("body", *_languages(), *body), lang="ko")
    return f"<!doctype html>\n{whole}\n"


def _head(title: str, rules: Html) -> tuple[Html, ...]:
    style = files("dajeong.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Html(style + rules)),
    )


def _languages() -> tuple[Html, ...]:
    """Two radio buttons that the style sheet listens to: no script is needed to change the language."""
    choices = (("ko", "한국어", True), ("en", "English", None))
    return tuple(
        joined(
            tag("input", type="radio", name="language", id=f"language-{code}", checked=checked),
            tag("label", name, for_=f"language-{code}", lang=code),
        )
        for code, name, checked in choices
    )
