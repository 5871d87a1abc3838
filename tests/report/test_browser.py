"""The page in a real browser, from file://: nothing asked of a network, no complaints, nothing cut off.

Needs Chromium; where there is none these tests are skipped and say so.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from invented_run import HOSTILE, make_run, replies

from dajeong.report.page import write
from dajeong.storage import write_records

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = make_run(tmp_path_factory.mktemp("browser") / "run")
    hostile = [reply.model_copy(update={"content": HOSTILE * 3}) for reply in replies()[:3]]
    write_records(run / "steps" / "evaluate" / "replies.jsonl", [*hostile, *replies()[3:]])
    return write(run)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield opened
        opened.close()


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
    labels = page.locator("svg.curve").first.evaluate(
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
