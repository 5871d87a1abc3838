"""The page in a real browser, from file://: nothing asked of a network, no complaints, nothing cut off.

Needs Chromium; where there is none these tests are skipped and say so.
"""

from pathlib import Path

import pytest
from invented_run import HOSTILE, guards, journal, make_run, replies, scores

from browser import needs_browser
from dajeong.journal import read_journal
from dajeong.report.page import write
from dajeong.storage import write_records

pytestmark = needs_browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = make_run(tmp_path_factory.mktemp("browser") / "run")
    hostile = [reply.model_copy(update={"content": HOSTILE * 3}) for reply in replies()[:3]]
    write_records(run / "steps" / "evaluate" / "replies.jsonl", [*hostile, *replies()[3:]])
    write_records(run / "steps" / "evaluate" / "scores.jsonl", scores())
    seen = run / "steps" / "ppo" / "journal.jsonl"
    journal(seen, [*read_journal(seen), *guards(30)])
    return write(run)


def opened(browser, page_file: Path, width: int = 1280, scheme: str = "light"):  # type: ignore[no-untyped-def]
    """The page, with what it said and what it asked for."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    return page, said, asked


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_alone_and_fits(browser, page_file: Path, width: int, scheme: str) -> None:  # type: ignore[no-untyped-def]
    page, said, asked = opened(browser, page_file, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    assert asked == [page_file.as_uri()]
    page.close()


def test_one_language_at_a_time(browser, page_file: Path) -> None:  # type: ignore[no-untyped-def]
    page, _, _ = opened(browser, page_file)
    assert page.locator("h2").first.inner_text() == "결론"
    page.check("#language-en")
    assert page.locator("h2").first.inner_text() == "Verdict"
    labels = page.locator("#curves svg.curve").first.evaluate(
        "svg => [...svg.querySelectorAll('text')].at(-1).innerHTML"
    )
    assert "loss" in labels
    page.close()


def test_ink_follows_the_scheme(browser, page_file: Path) -> None:  # type: ignore[no-untyped-def]
    colours = set()
    for scheme in ("light", "dark"):
        page, _, _ = opened(browser, page_file, scheme=scheme)
        colours.add(page.locator("svg.curve text").first.evaluate("text => getComputedStyle(text).fill"))
        page.close()
    assert len(colours) == 2


def test_hostile_text_is_only_text(browser, page_file: Path) -> None:  # type: ignore[no-untyped-def]
    page, said, asked = opened(browser, page_file)
    assert page.locator("main img, main script, main style").count() == 0
    assert "<script>" in page.locator("#samples").inner_text()
    assert said == [] and len(asked) == 1
    page.close()


def seen_cards(page) -> list[dict]:  # type: ignore[no-untyped-def,type-arg]
    """The cards that can be seen, from top to bottom."""
    return page.evaluate("""[...document.querySelectorAll('#judged-0 .judged')]
        .filter(card => card.offsetParent !== null)
        .map(card => ({
            top: card.getBoundingClientRect().top,
            classes: card.className,
            answers: [...card.querySelectorAll('.answer')].filter(one => one.offsetParent !== null).length,
            scores: [...card.querySelectorAll('.answer')].filter(one => one.offsetParent !== null)
                .map(one => Number(one.querySelector('.scores .figure').textContent)),
        }))
        .sort((one, other) => one.top - other.top)""")


def widths(page) -> list[float]:  # type: ignore[no-untyped-def]
    """How far the first scores of each card lie apart, from top to bottom."""
    return [max(card["scores"]) - min(card["scores"]) for card in seen_cards(page)]


def pressed(page, group: str, name: str) -> None:  # type: ignore[no-untyped-def]
    """As a reader does it: by the words beside the button."""
    page.check("#language-en")
    labels = page.locator(f"#judged-0 fieldset:has(legend:has-text('{group}')) label").all()
    next(label for label in labels if label.inner_text().strip() == name).click()


@pytest.mark.parametrize("width", [390, 1280])
def test_judged_answers_are_sorted_and_filtered_without_a_script(
    browser, page_file: Path, width: int
) -> None:  # type: ignore[no-untyped-def]
    page, said, asked = opened(browser, page_file, width)
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    everything = seen_cards(page)
    assert len(everything) == 18 and {card["answers"] for card in everything} == {3}
    pressed(page, "Criterion", "friendliness")
    assert widths(page) == sorted(widths(page), reverse=True) and widths(page)[0] == 4
    pressed(page, "Kind", "normal")
    assert 0 < len(seen_cards(page)) < len(everything) / 2
    pressed(page, "Between", "sft ↔ ppo")
    assert {card["answers"] for card in seen_cards(page)} == {2}
    assert widths(page) == [2, 2, 1, 1, 1]
    pressed(page, "Criterion", "harmless")
    assert seen_cards(page) == [] and page.locator("#judged-0 .none").is_visible()
    pressed(page, "Between", "base ↔ sft ↔ ppo")
    assert len(seen_cards(page)) == 3 and not page.locator("#judged-0 .none").is_visible()
    assert said == [] and len(asked) == 1
    page.close()


def test_abusive_answers_stay_folded_until_asked_for(browser, page_file: Path) -> None:  # type: ignore[no-untyped-def]
    page, _, _ = opened(browser, page_file)
    folded = page.locator("#judged-0 details.warning")
    assert folded.count() and not any(each.locator(".answer").first.is_visible() for each in folded.all())
    page.close()


def test_every_signal_has_its_chart(browser, page_file: Path) -> None:  # type: ignore[no-untyped-def]
    page, _, _ = opened(browser, page_file, 390)
    charts = page.locator("#hacking svg.curve")
    assert charts.count() == 6
    assert all(0 < chart.bounding_box()["width"] <= 390 for chart in charts.all())
    page.close()
