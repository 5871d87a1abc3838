"""Text is data: nothing it says becomes markup, nothing it hides stays hidden."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from dajeong.report.markup import Html, joined, safe, tag


class Seen(HTMLParser):
    """What a browser would make of a page: its elements and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_stays_text(text: str) -> None:
    seen = Seen(tag("p", text, title=text))
    assert [name for name, _ in seen.elements] == ["p"]
    assert set(seen.elements[0][1]) == {"title"}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs"])))
def test_harmless_text_is_what_it_was(text: str) -> None:
    assert Seen(tag("p", text)).text == text


def test_a_tag_in_text_is_shown() -> None:
    seen = Seen(tag("p", "<script>alert(1)</script>"))
    assert [name for name, _ in seen.elements] == ["p"]
    assert seen.text == "<script>alert(1)</script>"


def test_characters_that_hide_or_reorder_are_spelled_out() -> None:
    assert safe("a\u202eb\u2066c\x00d\ud800") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+0000⟩d⟨U+D800⟩"


def test_emoji_joined_of_several_stays_whole() -> None:
    assert safe("👩‍💻") == "👩‍💻"


def test_markup_is_escaped_once() -> None:
    assert joined(tag("b", "a & b"), " < ") == "<b>a &amp; b</b> &lt; "
    assert isinstance(tag("b"), Html)


def test_absent_attributes_are_left_out() -> None:
    assert tag("input", checked=True, disabled=False, title=None, class_="x", aria_label="y") == (
        '<input checked class="x" aria-label="y">'
    )
