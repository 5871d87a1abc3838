"""HTML to Markdown: what people wrote stays, what pages add goes, and no HTML makes the parser fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.markup import has_markup, markdown_of


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>하나</p><p>둘</p>", "하나\n\n둘"),
        ("하나<br>둘<br/>셋", "하나\n둘\n셋"),
        ("<h2>제목</h2><p>글</p>", "## 제목\n\n글"),
        ("<ul><li>가</li><li>나</li></ul>", "- 가\n- 나"),
        ("<ol><li>가</li><li>나</li></ol>", "1. 가\n2. 나"),
        ("<p><strong>굵게</strong> <em>기울여</em></p>", "**굵게** *기울여*"),
        ('<p><a href="https://example.org">여기</a></p>', "[여기](https://example.org)"),
        ("<p>a &lt; b &amp;&amp; c</p>", "a < b && c"),
        ("<pre><code>  한 칸\n    두 칸\n</code></pre>", "```\n  한 칸\n    두 칸\n```"),
        ('<pre><code class="language-c++">int x;</code></pre>', "```c++\nint x;\n```"),
        ("<blockquote><p>인용</p></blockquote>", "> 인용"),
        ("<p>앞</p><blockquote><p>하나</p><p>둘</p></blockquote><p>뒤</p>", "앞\n\n> 하나\n>\n> 둘\n\n뒤"),
        ("<blockquote>닫지 <b>않은", "> 닫지 **않은"),
        ("<div><style>p {}</style><script>alert(1)</script><p>글</p></div>", "글"),
        ("<p>닫지 않은 <strong>글", "닫지 않은 **글"),
        ("</p></ul></pre>글", "글"),
        ("<table><tr><td>가</td><td>나</td></tr></table>", "| 가 | 나"),
    ],
)
def test_tags_become_their_marks(html: str, markdown: str) -> None:
    assert has_markup(html) and markdown_of(html) == markdown


@pytest.mark.parametrize(
    "text", ["a < b > c", "List<String> x", "<|endoftext|>", "x <- 3", "<3", "if a<b: p>q"]
)
def test_what_only_looks_like_a_tag_is_left_alone(text: str) -> None:
    assert not has_markup(text)


def test_code_in_fences_keeps_its_tags() -> None:
    text = "이렇게:\n```html\n<p>글</p>\n```\n끝"
    assert not has_markup(text)
    assert markdown_of(f"<p>앞</p>\n{text}") == "앞\n\n이렇게:\n```html\n<p>글</p>\n```\n끝"


tags = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<pre>",
        "</pre>",
        "<code class='language-x'>",
        "</code>",
        "<ul>",
        "</ul>",
        "<li>",
        "</li>",
    ]
    + [
        "<ol>",
        "</ol>",
        "<script>",
        "</script>",
        "<![CDATA[",
        "<!--",
        "-->",
        "<!",
        "&#xD800;",
        "&#0;",
        "&",
        "<",
    ]
    + ["<a href='", "'>", "</a>", "```\n", "<br", "<h1>", '<div style="', "Copy code", "\n", "가"]
)


@given(pieces=st.lists(tags | st.text(max_size=5), max_size=12))
def test_no_html_is_too_broken(pieces: list[str]) -> None:
    text = markdown_of("".join(pieces))
    text.encode("utf-8")
    assert "\x00" not in text or any("\x00" in piece for piece in pieces)
