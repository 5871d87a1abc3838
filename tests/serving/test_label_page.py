"""The labelling page in a real browser: keys, undo, reload, a second person, hostile text, a dead server.

Needs Chromium (tests/browser.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from label_parts import desk_of, items, listening_page, page, preference

from browser import Tab, needs_browser, tab
from dajeong.records import Preference
from dajeong.serving.label_store import read_events
from dajeong.serving.label_words import WORDS
from dajeong.storage import read_records, write_records

pytestmark = needs_browser
TAGS = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "<a href=\"javascript:document.title='owned'\">여기</a>"
)
HOSTILE = f"{TAGS} \u202etxet desrever\u202c </script>{TAGS}"


@contextlib.contextmanager
def command(*arguments: str) -> Iterator[str]:
    """`dajeong label …` as people call it; gives the address that it prints."""
    server = subprocess.Popen(
        [sys.executable, "-m", "dajeong", "label", *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DAJEONG_LANG": "en"},
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.communicate()


def dajeong(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dajeong", *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def begin(opened: Tab, name: str) -> None:
    opened.page.fill("#name", name)
    opened.press("Enter")
    opened.page.locator("#item").wait_for()


def all_saved(opened: Tab) -> None:
    opened.page.locator("#saved[data-unsent='0']").wait_for(state="attached")


def item_of(opened: Tab) -> str:
    found = opened.page.locator("#item").get_attribute("data-item")
    assert found
    return found


def better_side(opened: Tab) -> str:
    """The key for the answer with more exclamation marks."""
    left, right = (opened.page.locator(".answer .text").nth(place).inner_text() for place in (0, 1))
    return "ArrowLeft" if left.count("!") > right.count("!") else "ArrowRight"


def label(opened: Tab, num: int, keys: list[str] | None = None) -> list[str]:
    """The items of so many votes, the better side unless a key is given."""
    seen = []
    for number in range(num):
        before = item_of(opened)
        if opened.page.locator("#veil").is_visible():
            opened.press("b")
        opened.press(keys[number] if keys else better_side(opened))
        opened.wait_for(
            f"document.getElementById('item').dataset.item !== {before!r}"
            " || !document.getElementById('end').hidden"
        )
        seen.append(before)
    return seen


def test_thirty_pairs_by_keyboard_five_undone_a_reload_and_a_second_person(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "pairs.jsonl"
    write_records(file, [preference(number, labelled_by="judge:invented") for number in range(30)])
    with command(str(file), "--overlap", "1", "--repeats", "0") as address:
        with tab(browser, address) as first:
            begin(first, "지우")
            labelled = label(first, 12)
            for back in reversed(labelled[-5:]):
                first.press("z")
                assert item_of(first) == back
                assert WORDS["before"].ko.partition(":")[0] in first.text("#note")
            all_saved(first)
            first.page.reload()
            first.page.locator("#item").wait_for()
            assert first.text("#progress").startswith("7개 함 · 23개 남음")
            first.press("z")
            first.wait_for("document.getElementById('progress').textContent.startsWith('6')")
            label(first, 24)
            first.page.locator("#end").wait_for()
            all_saved(first)
            assert first.said == []
            assert {
                asked.partition("/api")[0].rstrip("/") for asked in first.asked if "data:" not in asked
            } == {address.rstrip("/")}
        with tab(browser, address, language="en-US") as second:
            begin(second, "하늘")
            label(second, 30, ["1"] * 27 + ["ArrowDown", "0", "2"])
            second.page.locator("#end").wait_for()
            all_saved(second)
            second.press("i")
            second.page.locator("#figures-table tbody tr").first.wait_for()
            told = second.text("#figures-table")
            assert "지우 · 하늘" in told and "Cohen's κ" in told and "Krippendorff's α" in told
            assert "지우 · judge:invented" in told and "Left side chosen" in told
    rows = json.loads(dajeong("label", "agreement", str(file), "--json"))
    found = {(row["model"], row["task"], row["metric"]): row for row in rows}
    assert found["지우 · judge:invented", "labels/judge", "agreement"]["value"] == 1.0
    assert found["지우 · 하늘", "labels", "agreement"]["n"] == 30
    assert found["지우", "labels", "longer_wins"]["value"] == 1.0
    assert found["people", "labels", "krippendorff_alpha"]["ci_low"] is not None
    check_that_a_run_reads_them(tmp_path, file)


def check_that_a_run_reads_them(tmp_path: Path, file: Path) -> None:
    """Exported preferences are what a recipe's `pairs` takes."""
    out = tmp_path / "labels.jsonl"
    told = json.loads(dajeong("label", "export", str(file), "--out", str(out), "--json"))
    records = list(read_records(out, Preference))
    assert told["records"] == len(records) > 10
    assert sum(told.values()) - told["records"] == 30
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: labelled\nsteps:\n  pairs: {{use: pairs, contrasts: {out}, balance_lengths: false}}\n",
        encoding="utf-8",
    )
    dajeong("run", str(recipe), "--out", str(tmp_path / "run"))
    read = list(read_records(tmp_path / "run" / "steps" / "pairs" / "pairs.jsonl", Preference))
    assert {each.id for each in read} == {each.id for each in records}
    assert all(each.labelled_by.startswith("human:") for each in read)


def test_l02_a_dead_server_a_closed_window_and_a_double_click_lose_nothing(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plan = {"overlap": 0.0, "repeats": 0.0}
    with page(tmp_path, 20, **plan) as opened:
        port = opened.port
        with tab(browser, f"http://127.0.0.1:{port}/") as window:
            begin(window, "지우")
            window.press("b")
            window.page.dblclick("#verdicts button:first-child")
            all_saved(window)
            assert window.text("#progress").startswith("1개 함"), "a double click is one vote"
            window.press("b")
            opened.kill()
            gone = label(window, 3)
            window.page.locator("#saved.problem").wait_for()
            assert window.page.locator("#saved").get_attribute("data-unsent") == "3"
            window.press("z")
            assert item_of(window) == gone[-1]
            window.press("q")
            with page(tmp_path, 20, port, **plan):
                window.page.reload()
                window.page.locator("#item").wait_for()
                all_saved(window)
                assert window.text("#progress").startswith("3개 함")
                assert item_of(window) == gone[-1]
                assert window.page.locator("[data-reason=friendly]").get_attribute("aria-pressed") == "true"
                other = window.page.context.new_page()
                other.goto(f"http://127.0.0.1:{port}/#as=지우")
                other.locator("#item").wait_for()
                assert other.locator("#item").get_attribute("data-item") == item_of(window)
                window.press("b", "1")
                all_saved(window)
                other.keyboard.press("b")
                other.keyboard.press("2")
                other.locator("#notice.shown").wait_for()
    votes = read_events(tmp_path)
    assert [event.event for event in votes].count("vote") == 5 and len(votes) == 6


def test_l05_text_is_only_text(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = items(1, kind="normal")[0]
    texts = (HOSTILE, "긴 글 " * 25_000)
    found = found.model_copy(
        update={
            "prompt": (found.prompt[0].model_copy(update={"content": HOSTILE}),),
            "responses": tuple(
                each.model_copy(update={"content": text})
                for each, text in zip(found.responses, texts, strict=True)
            ),
        }
    )
    with (
        listening_page(desk_of(tmp_path, [found])) as port,
        tab(browser, f"http://127.0.0.1:{port}/#as=<img src=x onerror=alert(1)>") as opened,
    ):
        opened.page.locator("#item").wait_for()
        opened.press("d")
        assert "owned" not in opened.page.title()
        assert opened.page.locator("#item img, #item script, #item a, nav img").count() == 0
        shown = opened.text("#prompt")
        assert "<script>document.title" in shown and "⟨U+202E⟩" in shown and "\u202e" not in shown
        assert (
            len(max((each.inner_text() for each in opened.page.locator(".answer .text").all()), key=len))
            > 90_000
        )
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1280
        assert opened.said == [], "neither an error nor a report of the policy"
        assert {asked.split("/")[2] for asked in opened.asked if asked.startswith("http")} == {
            f"127.0.0.1:{port}"
        }


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_everything_has_a_name(browser, tmp_path: Path, width: int, scheme: str) -> None:  # type: ignore[no-untyped-def]
    with (
        listening_page(desk_of(tmp_path, items(3))) as port,
        tab(browser, f"http://127.0.0.1:{port}/#as=지우", width, scheme) as opened,
    ):
        opened.page.locator("#item").wait_for()
        nameless = """[...document.querySelectorAll('button, input, dialog, section')]
            .filter(each => each.checkVisibility() && !each.textContent.trim() && !each.labels?.length
                && !each.getAttribute('aria-label') && !each.getAttribute('aria-labelledby')).length"""
        assert opened.page.evaluate(nameless) == 0
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        buttons = [each.bounding_box() for each in opened.page.locator("#verdicts button").all()]
        assert all(box and box["height"] >= 44 and box["y"] + box["height"] <= 844 for box in buttons)
        assert opened.said == []
        for language, words in (("ko", "답변 A"), ("en", "Answer A")):
            assert opened.page.evaluate("document.documentElement.lang") == language
            assert words in opened.text("#answers")
            opened.page.click("#language")


def test_keys_rest_while_one_writes_and_hidden_text_is_not_voted_on(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with (
        listening_page(desk_of(tmp_path, items(4, kind="abusive"))) as port,
        tab(browser, f"http://127.0.0.1:{port}/") as opened,
    ):
        opened.page.fill("#name", "")
        opened.page.keyboard.type("sz10")
        assert (
            opened.page.input_value("#name") == "sz10" and not opened.page.locator("#skip-why").is_visible()
        )
        opened.press("Enter")
        opened.page.locator("#veil").wait_for()
        first = item_of(opened)
        opened.press("1", "ArrowDown", "0")
        assert item_of(opened) == first
        opened.press("s", "4")
        opened.wait_for(f"document.getElementById('item').dataset.item !== {first!r}")
        opened.page.check("#keep-revealed")
        opened.press("b", "w", "+", "+", "2")
        all_saved(opened)
        assert not opened.page.locator("#veil").is_visible(), "once allowed, it stays shown in this window"
        opened.press("?")
        opened.press("1")
        assert opened.page.locator("#help").is_visible()
    skipped, voted = read_events(tmp_path)
    assert skipped.verdict == "skip" and skipped.skip_reason == "upsetting"  # type: ignore[union-attr]
    assert (voted.strength, voted.reasons) == (2, ("harmless",))  # type: ignore[union-attr]


def test_more_than_two_answers_are_ranked(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    desk = desk_of(tmp_path, items(3, 4, kind="normal"))
    with listening_page(desk) as port, tab(browser, f"http://127.0.0.1:{port}/#as=지우") as opened:
        opened.page.locator("#item").wait_for()
        for keys in (["3", "1", "=", "2"], ["4", "Shift+Digit1"], ["2", "Backspace", "1", "2", "3", "4"]):
            opened.press(*keys, "Enter")
        opened.page.locator("#end").wait_for()
        all_saved(opened)
    shown = [
        [[vote.order.index(each) for each in group] for group in vote.ranking]  # type: ignore[union-attr]
        for vote in read_events(tmp_path)
    ]
    ranked = [[sorted(group) for group in ranking] for ranking in shown]
    assert ranked == [[[2], [0, 1], [3]], [[3], [1, 2], [0]], [[0], [1], [2], [3]]]


def test_a_disagreement_is_settled_by_reading_not_by_names(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    desk = desk_of(tmp_path, items(2, kind="normal"), overlap=1)
    with listening_page(desk) as port:
        address = f"http://127.0.0.1:{port}/"
        for name, key in (("지우", "1"), ("하늘", "0")):
            with tab(browser, f"{address}#as={name}") as opened:
                opened.page.locator("#item").wait_for()
                label(opened, 2, [key, key])
                all_saved(opened)
        with tab(browser, f"{address}#as=나래") as opened:
            opened.page.click("#to-final")
            opened.page.locator("#item").wait_for()
            note = opened.text("#note")
            assert "둘 다 나쁘다 1명" in note and "지우" not in note
            label(opened, 2)
            opened.page.locator("#end").wait_for()
            all_saved(opened)
    from dajeong.serving.label_export import preferences

    records, counts = preferences(desk.items, desk.votes)
    assert counts == {"labelled": 2} and {each.labelled_by for each in records} == {"human:final"}
    assert all(each.ranking == ((0,), (1,)) for each in records)
