"""What people and models say stays text on the chat page; its words are there in both languages."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from chat_tab import Chat, chatting
from scripted_engine import Served, served

from browser import needs_browser
from dajeong.serving.chat_page import chat_page
from dajeong.serving.chat_words import WORDS

SOURCE = Path(__file__).parents[2] / "src" / "dajeong" / "serving"
SCRIPT = (SOURCE / "chat_page.js").read_text(encoding="utf-8")
MARKUP = (SOURCE / "chat_page.html").read_text(encoding="utf-8")
HOSTILE = [
    "<img src=x onerror='window.hit=1'>",
    "<script>window.hit=1</script></script><svg onload=window.hit=1>",
    "[눌러](javascript:window.hit=1) [이것](data:text/html,<script>window.hit=1</script>)",
    "[x](//evil.example/a) [y](ftp://evil.example/b) [z](https:evil.example)",
    "![그림](https://evil.example/a.png) <https://evil.example> https://evil.example/plain",
    '[a](https://evil.example/"onmouseover="window.hit=1) [b](https://me:you@evil.example/)',
    "</textarea></main><iframe src=https://evil.example></iframe><style>*{display:none}</style>",
    "`<b>` **<i>굵게</i>** \u202e거꾸로\u202c \u0000\ufeff",
    "```<script>\nwindow.hit=1</script>\n```",
    "{{7*7}} ${window.hit=1} javascript:window.hit=1",
]
ELEMENTS = {
    "P",
    "H3",
    "H4",
    "H5",
    "H6",
    "UL",
    "OL",
    "LI",
    "BLOCKQUOTE",
    "HR",
    "PRE",
    "CODE",
    "STRONG",
    "EM",
    "A",
    "BR",
}
ATTRIBUTES = {"href", "title", "target", "rel", "tabindex", "aria-label", "role", "start", "style"}


def script(model: str, question: str) -> str:
    return question


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("text") / "votes.jsonl", script) as found:
        yield found


@pytest.fixture
def chat(browser, site: Served) -> Iterator[Chat]:  # type: ignore[no-untyped-def]
    with chatting(browser, site.url) as found:
        yield found


def rendered(chat: Chat, *texts: str) -> list[str]:
    found: list[str] = chat.page.evaluate(
        """texts => texts.map(text => { const box = document.createElement("div");
        box.append(markdown(text)); return box.innerHTML; })""",
        list(texts),
    )
    return found


# --- Markdown

MARKDOWN = {
    "안녕\n하세요\n\n둘째 문단": "<p>안녕<br>하세요</p><p>둘째 문단</p>",
    "**굵게** *기울여*": "<p><strong>굵게</strong> <em>기울여</em></p>",
    "__굵게__ _기울여_": "<p><strong>굵게</strong> <em>기울여</em></p>",
    "**굵은 *기운* 글**입니다": "<p><strong>굵은 <em>기운</em> 글</strong>입니다</p>",
    "snake_case_name 2*3*4 * 별 **": "<p>snake_case_name 2*3*4 * 별 **</p>",
    "`a < b` ``c ` d`` `열림": "<p><code>a &lt; b</code> <code>c ` d</code> `열림</p>",
    "- 하나\n- 둘\n\n끝": "<ul><li><p>하나</p></li><li><p>둘</p></li></ul><p>끝</p>",
    "- 하나\n  - 그 안": "<ul><li><p>하나</p><ul><li><p>그 안</p></li></ul></li></ul>",
    "3. 셋\n4. 넷": '<ol start="3"><li><p>셋</p></li><li><p>넷</p></li></ol>',
    "1. 하나\n\n   이어서\n\n2. 둘": '<ol start="1"><li><p>하나</p><p>이어서</p></li><li><p>둘</p></li></ol>',
    "# 제목 #\n글": "<h3>제목</h3><p>글</p>",
    "> 인용\n> - 목록\n글": "<blockquote><p>인용</p><ul><li><p>목록</p></li></ul></blockquote><p>글</p>",
    "앞\n\n---\n뒤": "<p>앞</p><hr><p>뒤</p>",
    r"\*별\* 1\. \<b\>": r"<p>*별* 1. \&lt;b&gt;</p>",
    "#해시태그 -빼기 1.5": "<p>#해시태그 -빼기 1.5</p>",
    "": "",
}


@needs_browser
def test_markdown(chat: Chat) -> None:
    assert dict(zip(MARKDOWN, rendered(chat, *MARKDOWN), strict=True)) == MARKDOWN
    code, link = rendered(
        chat, "```python\nif a < b:\n    pass\n```\n끝", "[여기](https://a.example/b?c=1&d=2)를"
    )
    assert code.startswith('<pre tabindex="0"') and ">if a &lt; b:\n    pass</code></pre><p>끝</p>" in code
    assert re.fullmatch(
        r'<p><a href="(\S+)" title="\1" target="_blank" rel="noopener noreferrer">여기</a>를</p>', link
    )
    assert rendered(chat, "```\n닫지 않은\n# 코드")[0].count("<code>닫지 않은\n# 코드</code>") == 1


@needs_browser
def test_no_text_becomes_anything_else(chat: Chat) -> None:
    """Drawn at random out of what Markdown and HTML are made of."""
    pieces = [
        "**",
        "*",
        "_",
        "`",
        "```",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "# ",
        "[",
        "](",
        ")",
        "https://a.b/c",
        "가",
    ]
    pieces += [
        "javascript:",
        "<b onclick=x>",
        "&lt;",
        '"',
        "\\",
        " ",
        "    ",
        "말",
        "~~~",
        "---",
        "\t",
        "\r\n",
        "😀",
    ]
    draw = random.Random(3)
    texts = ["".join(draw.choices(pieces, k=draw.randint(1, 40))) for _ in range(600)]
    made = chat.page.evaluate(
        """texts => { const elements = new Set(), attributes = new Set(), links = new Set(), lost = [];
        for (const text of texts) {
            const box = document.createElement("div");
            box.append(markdown(text));
            for (const each of box.querySelectorAll("*")) {
                elements.add(each.tagName);
                for (const { name } of each.attributes) attributes.add(name);
                if (each.tagName === "A") links.add(each.protocol + each.rel);
            }
            const letters = (words) => words.replace(/[^가말😀]/gu, "");
            if (letters(box.textContent) !== letters(text)) lost.push(text);
        }
        return [[...elements], [...attributes], [...links], lost]; }""",
        texts,
    )
    elements, attributes, links, lost = made
    assert set(elements) <= ELEMENTS and set(attributes) <= ATTRIBUTES
    assert links == ["https:noopener noreferrer"]
    assert [
        text for text in lost if "```" not in text and "~~~" not in text
    ] == []  # a fence names a language


@needs_browser
def test_no_text_takes_long(chat: Chat) -> None:
    for piece in (
        "*",
        "_a",
        "`",
        "``` ",
        "[",
        "[a](",
        "> ",
        "- ",
        "**a",
        "\\",
        "- a\n",
        "`a``",
        "1. 1. ",
        " * ",
    ):
        text = (piece * 30000)[:30000]
        began = time.monotonic()
        assert rendered(chat, text)[0]
        assert time.monotonic() - began < 5, piece


# --- what is hostile


@needs_browser
def test_hostile_text_is_only_text(chat: Chat) -> None:
    chat.page.click("#beside")
    for text in HOSTILE:
        chat.say(text)
    chat.page.reload()
    chat.ready()
    assert chat.page.evaluate("window.hit") is None
    found = set(
        chat.page.evaluate("[...document.querySelectorAll('#turns .text *')].map(each => each.tagName)")
    )
    assert found <= ELEMENTS
    assert (
        chat.page.locator("#turns img, #turns script, #turns iframe, #turns style, #turns svg").count() == 0
    )
    links = chat.page.evaluate("[...document.querySelectorAll('#turns a')].map(each => each.href)")
    assert [link for link in links if not link.startswith("https://evil.example/")] == []
    assert chat.said[0] == HOSTILE[0] == chat.titles[0]
    assert len(chat.said) == len(HOSTILE)


@needs_browser
def test_markup_that_got_in_would_do_nothing(browser, site: Served) -> None:  # type: ignore[no-untyped-def]
    with chatting(browser, site.url) as chat:
        chat.page.evaluate(
            """() => { const script = document.createElement("script");
            script.textContent = "window.hit = 1";
            document.body.append(script);
            const markup = "<img src=/x.png onerror='window.hit=2'><b onclick='hit=3'>";
            document.querySelector("#turns").innerHTML = markup;
            document.querySelector("#turns b").click(); }"""
        )
        blocked = chat.page.evaluate(
            "fetch('http://127.0.0.1:1/').then(() => 'sent', () => 'blocked')",
        )
        assert blocked == "blocked" and chat.page.evaluate("window.hit") is None
        assert len([line for line in chat.tab.said if "Content Security Policy" in line]) >= 3
        chat.tab.said.clear()


def test_the_page_is_one_file_and_its_policy_allows_that_alone() -> None:
    html, policy = chat_page()
    assert len(html.encode("utf-8")) < 80_000
    assert not re.search(r"https?://(?!www\.w3\.org)", MARKUP) and 'style="' not in MARKUP
    assert "unsafe" not in policy and policy.startswith("default-src 'none'")
    for name, element in (("style", "style"), ("script", "script")):
        inner = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
        assert len(inner) == 1
        digest = base64.b64encode(hashlib.sha256(inner[0].encode("utf-8")).digest()).decode("ascii")
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_the_script_makes_no_markup() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|DOMParser|srcdoc"
    assert re.findall(forbidden, SCRIPT) == []
    assert re.findall(r"setTimeout\(\s*[\"'`]", SCRIPT) == []


# --- words


def test_every_word_is_there_and_none_is_idle() -> None:
    keys = set(re.findall(r'data-(?:t|label|title|placeholder)="([\w-]+)"', MARKUP))
    keys |= set(re.findall(r'\bt\("([\w-]+)"', SCRIPT)) | set(re.findall(r'"(starter-\d)"', SCRIPT))
    for chosen in re.findall(r"\bt\([^()\"]*\? ([^()]*)\)", SCRIPT):
        keys |= set(re.findall(r'"([\w-]+)"', chosen))
    keys |= {key for key in WORDS if key.startswith(("dial-", "problem-"))}
    keys |= {f"vote-{choice}" for choice in ("first", "second", "tie", "both-bad")}
    keys |= {"state-stopped", "state-length", "written", "failed"}
    assert sorted(keys - set(WORDS)) == [] and sorted(set(WORDS) - keys) == []


def test_both_languages_say_the_same() -> None:
    for key, (korean, english) in WORDS.items():
        assert korean.strip() and english.strip(), key
        placeholders = [{name for _, name, _, _ in Formatter().parse(each) if name} for each in WORDS[key]]
        assert placeholders[0] == placeholders[1], key


def test_the_dials_have_their_words() -> None:
    html, _ = chat_page()
    (data,) = re.findall(r'id="data">(.*?)</script>', html, re.DOTALL)
    dials = set(json.loads(data)["decoding"]) | {"system", "seed"}
    assert {f"dial-{name}" for name in dials} <= set(WORDS) and dials == set(
        re.findall(r"^  (\w+): \{ (?:text|least)", SCRIPT, re.MULTILINE)
    )
