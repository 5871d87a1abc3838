"""The chat page in a real browser: answers stream and stop, conversations stay, keys and phones work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_tab import LAST, WRITTEN, Chat, chatting
from scripted_engine import Served, served, spoken_shelf
from small_server import serving, wait_for

from browser import needs_browser, tab

pytestmark = needs_browser
SLOW = "천천히 나오는 아주 긴 답이에요. 끝까지 읽어 주세요."


def script(model: str, question: str) -> str:
    return SLOW if question == "천천히" else f"{model}: {question} 좋지요."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("chat") / "votes.jsonl", script) as found:
        yield found


@pytest.fixture
def chat(browser, site: Served) -> Iterator[Chat]:  # type: ignore[no-untyped-def]
    with chatting(browser, site.url) as found:
        yield found
        site.engine.let()


def slowly(chat: Chat, site: Served, tokens: int = 12) -> str:
    """A long answer of which only the beginning is there."""
    site.engine.hold()
    chat.send("천천히")
    wait_for(lambda: bool(site.engine.num_running))
    site.engine.let(tokens)
    chat.wait_for_text(SLOW[0])
    return chat.answers[0]


# --- answering


def test_an_answer_streams(chat: Chat, site: Served) -> None:
    begun = slowly(chat, site)
    assert SLOW.startswith(begun) and begun != SLOW
    assert chat.page.is_visible("#stop") and not chat.page.is_visible("#send")
    assert chat.page.get_attribute(LAST + ".answer", "aria-busy") == "true"
    site.engine.let()
    chat.tab.wait_for(WRITTEN)
    assert chat.answers == [SLOW] and chat.page.is_visible("#send")
    assert chat.page.get_attribute(LAST + ".answer", "aria-busy") == "false"
    _, _, request = site.engine.asked[-1]
    assert (request.decoding.temperature, request.decoding.top_p, request.decoding.max_new_tokens) == (
        0.8,
        0.95,
        256,
    )


@pytest.mark.parametrize("by", ["Escape", "click"])
def test_stopping_keeps_what_was_said_and_frees_the_row(chat: Chat, site: Served, by: str) -> None:
    begun, cancelled = slowly(chat, site), site.engine.num_cancelled
    if by == "click":
        chat.page.click("#stop")
    else:
        chat.tab.press("Escape")
    chat.wait_for_text("멈춘 답변입니다.")
    wait_for(lambda: site.engine.num_cancelled == cancelled + 1)
    assert chat.answers[0].startswith(begun) and not SLOW.endswith(chat.answers[0])
    assert chat.page.evaluate("document.activeElement.id") == "text"
    kept = chat.answers[0]
    site.engine.let()
    chat.say("고마워")
    first, _, second = site.engine.asked[-1][1].rpartition("### 질문:")
    assert first.strip() == f"### 질문: 천천히\n\n### 답변: {kept}" and second.strip().startswith("고마워")


def test_the_last_turn_is_answered_again(chat: Chat, site: Served) -> None:
    chat.say("처음")
    chat.say("둘째")
    prompt = site.engine.asked[-1][1]
    assert chat.page.get_by_role("button", name="다시 답하기").count() == 1
    chat.page.select_option("#left", "sft")
    chat.press("다시 답하기")
    chat.wait_for_text("sft: 둘째")
    chat.tab.wait_for(WRITTEN)
    assert site.engine.asked[-1][:2] == ("sft", prompt)
    assert chat.said == ["처음", "둘째"] and chat.page.locator(".turn").count() == 2


def test_editing_goes_back_to_that_turn(chat: Chat, site: Served) -> None:
    chat.say("하나")
    chat.say("둘")
    chat.page.locator(".turn").first.get_by_role("button", name="내 메시지 고치기").click()
    area = chat.page.locator(".edit textarea")
    area.fill("버릴 글")
    chat.tab.press("Escape")
    assert chat.said == ["하나", "둘"]
    chat.page.locator(".turn").first.get_by_role("button", name="내 메시지 고치기").click()
    area.fill("하나 반")
    chat.tab.press("Enter")
    chat.wait_for_text("하나 반 좋지요")
    chat.tab.wait_for(WRITTEN)
    assert chat.said == ["하나 반"] and chat.titles == ["하나 반"]
    assert "둘" not in site.engine.asked[-1][1] and site.engine.asked[-1][1].count("### 질문:") == 1


def test_settings_reach_the_engine_within_their_bounds(chat: Chat, site: Served) -> None:
    for name, value in {
        "temperature": "9",
        "top_k": "7.4",
        "max_tokens": "12",
        "seed": "5",
        "top_p": "",
    }.items():
        chat.dial(name, value)
    chat.dial("system", "짧게 답하세요.")
    chat.say("아주 긴 답을 해 줘")
    chat.wait_for_text("가장 긴 길이에 닿아 끝났습니다.")
    _, prompt, request = site.engine.asked[-1]
    drawn = request.decoding
    assert (drawn.temperature, drawn.top_k, drawn.max_new_tokens, drawn.top_p) == (2, 7, 12, 0.95)
    assert "짧게 답하세요." in prompt
    seed = request.seed
    chat.page.reload()
    chat.ready().say("아주 긴 답을 해 줘")
    assert site.engine.asked[-1][2].seed == seed and site.engine.asked[-1][2].decoding == drawn
    chat.page.click("#show-settings")
    chat.page.click("#reset")
    assert chat.page.input_value("#dial-temperature") == "0.8" and chat.page.input_value("#dial-system") == ""


def test_enter_that_ends_a_syllable_does_not_send(chat: Chat, site: Served) -> None:
    chat.page.fill("#text", "안녕")
    for how in ("isComposing: true", "keyCode: 229"):
        chat.page.evaluate(
            "document.querySelector('#text').dispatchEvent("
            f"new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true, cancelable: true, {how}}}))"
        )
    chat.page.press("#text", "Shift+Enter")
    chat.page.keyboard.insert_text("하세요")
    assert chat.page.input_value("#text") == "안녕\n하세요" and chat.said == []
    chat.page.press("#text", "Enter")
    chat.tab.wait_for(f"{WRITTEN} && document.querySelectorAll('.turn').length === 1")
    assert chat.said == ["안녕\n하세요"] and chat.page.input_value("#text") == ""


def test_a_syllable_under_way_is_not_sent(chat: Chat) -> None:
    """The composition itself, as the browser's input method makes it."""
    session = chat.page.context.new_cdp_session(chat.page)
    chat.page.focus("#text")
    session.send("Input.imeSetComposition", {"text": "안녀", "selectionStart": 2, "selectionEnd": 2})
    entered = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    session.send("Input.dispatchKeyEvent", {"type": "keyDown", **entered})
    session.send("Input.insertText", {"text": "안녕"})
    assert chat.page.input_value("#text") == "안녕" and chat.said == []
    assert chat.say("안녕").endswith("안녕 좋지요.")


# --- conversations


def test_conversations_survive_a_reload(chat: Chat) -> None:
    chat.say("첫 이야기")
    chat.page.click("#new")
    chat.say("다른 이야기")
    assert chat.titles == ["다른 이야기", "첫 이야기"]
    chat.page.reload()
    chat.ready()
    assert chat.titles == ["다른 이야기", "첫 이야기"] and chat.said == ["다른 이야기"]
    chat.page.locator("#list .open").nth(1).click()
    assert chat.said == ["첫 이야기"] and chat.answers == ["ppo: 첫 이야기 좋지요."]
    assert chat.page.title().startswith("첫 이야기")


def test_a_conversation_goes_and_comes_back(chat: Chat) -> None:
    chat.say("남길 것")
    chat.page.click("#new")
    chat.say("지울 것")
    chat.page.get_by_role("button", name="지우기: 지울 것").click()
    assert chat.titles == ["남길 것"] and chat.said == ["남길 것"]
    chat.page.click("#notice-act")
    assert chat.titles == ["지울 것", "남길 것"] and chat.said == ["지울 것"]
    chat.page.get_by_role("button", name="지우기: 지울 것").click()
    chat.page.reload()
    assert chat.ready().titles == ["남길 것"]


def test_an_answer_goes_on_while_another_conversation_is_open(chat: Chat, site: Served) -> None:
    chat.say("여기")
    chat.page.click("#new")
    slowly(chat, site)
    chat.page.locator("#list .open").nth(1).click()
    assert chat.said == ["여기"] and chat.page.is_visible("#send")
    site.engine.let()
    chat.tab.wait_for(
        "[...Object.keys(localStorage)].some(name => (localStorage[name]).includes('읽어 주세요'))"
    )
    chat.page.locator("#list .open").first.click()
    assert chat.answers == [SLOW]


def test_a_reload_in_the_middle_keeps_what_was_there(chat: Chat, site: Served) -> None:
    begun = slowly(chat, site)
    chat.page.reload()
    site.engine.let()
    chat.ready()
    assert chat.answers[0].startswith(begun)
    chat.wait_for_text("멈춘 답변입니다.")


def test_what_is_kept_is_bounded(chat: Chat) -> None:
    chat.page.evaluate(
        """() => { for (let at = 0; at < 130; at += 1) {
            const answers = [{model: "ppo", text: "y", state: "done"}];
            const turns = [{id: `t${at}`, user: "x".repeat(30000), answers}];
            const kept = {id: `${at}`, title: `${at}`, made: at, changed: at, turns};
            localStorage.setItem(`dajeong-chat:talk:${at}`, JSON.stringify(kept)); } }"""
    )
    chat.page.reload()
    chat.ready().say("새 이야기")
    assert len(chat.titles) == 100 and chat.titles[0] == "새 이야기" and chat.titles[-1] == "31"
    chat.page.evaluate(
        """() => { for (let size = 0, more = 2 ** 21; more >= 512; more /= 2) {
            try { localStorage.setItem("else", "z".repeat(size + more)); } catch { continue; }
            size += more; } }"""
    )
    chat.say("자리가 없어도 되나요? " + "a" * 1500)
    assert chat.titles[0] == "새 이야기" and 20 < len(chat.titles) < 100
    chat.page.reload()
    assert len(chat.ready().said) == 2


def test_a_spoilt_store_is_no_obstacle(chat: Chat, site: Served) -> None:
    spoilt = ["{", "null", "[]", '{"id": 3}', '{"id":"a","turns":[{}]}', '{"id":"a","turns":[null]}', '"x"']
    kept = {f"talk:{at}": text for at, text in enumerate(spoilt)}
    kept["settings"] = '{"pair": 3, "dials": {"temperature": "hot", "top_k": null, "system": 7}, "model": []}'
    chat.page.evaluate(
        """kept => { for (const name in kept) localStorage.setItem(`dajeong-chat:${name}`, kept[name]); }""",
        kept,
    )
    chat.page.reload()
    assert chat.ready().titles == [] and chat.say("그래도") == "ppo: 그래도 좋지요."
    assert site.engine.asked[-1][2].decoding.temperature == 0.8


# --- when something is wrong


def test_a_failure_is_said_and_can_be_tried_again(chat: Chat, site: Served) -> None:
    site.engine.fails = True
    chat.send("안 되나요?")
    chat.wait_for_text("답변하다가 문제가 생겼습니다.")
    site.engine.fails = False
    chat.press("다시 답하기")
    chat.wait_for_text("ppo: 안 되나요? 좋지요.")
    chat.tab.said.clear()  # the browser itself tells of a 503


def test_a_conversation_that_is_too_long_is_told_so(chat: Chat) -> None:
    chat.say("가나다라 " * 2000)
    chat.wait_for_text("모델이 읽을 수 있는 것보다 대화가 깁니다.")
    chat.page.click("#new")
    assert chat.say("짧게") == "ppo: 짧게 좋지요."
    chat.tab.said.clear()


def test_a_server_that_is_gone_is_told_so(chat: Chat) -> None:
    chat.page.context.set_offline(True)
    chat.send("거기 있나요?")
    chat.wait_for_text("서버에 닿지 않습니다.")
    chat.page.context.set_offline(False)
    chat.press("다시 답하기")
    chat.wait_for_text("ppo: 거기 있나요? 좋지요.")
    chat.tab.said.clear()


def test_the_page_waits_for_the_models(browser) -> None:  # type: ignore[no-untyped-def]
    shelf, engine = spoken_shelf(script)
    loaded = threading.Event()

    def load() -> Any:
        loaded.wait(60)
        return shelf

    with serving(load, engine=engine, ready=False) as running, tab(browser, f"{running.url}/") as opened:
        opened.wait_for("document.querySelector('#problem').textContent.includes('불러오는 중')")
        assert opened.page.is_disabled("#send")
        loaded.set()
        assert Chat(opened).ready().say("이제") == "ppo: 이제 좋지요."
        assert opened.text("#problem") == ""


def test_the_key_is_asked_for_and_kept_for_the_tab_alone(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with (
        served(tmp_path / "votes.jsonl", script, key="secret-key-7") as site,
        tab(browser, site.url) as opened,
    ):
        opened.page.wait_for_selector("#key-dialog[open]")
        opened.press("Escape")
        opened.page.get_by_role("button", name="열쇠 넣기").click()
        for given in ("틀린 것", "wrong-key-7", "secret-key-7"):
            opened.page.fill("#key", given)
            opened.page.keyboard.press("Enter")
            if given != "secret-key-7":
                opened.wait_for("document.querySelector('#key-problem').textContent !== ''")
                opened.page.evaluate("document.querySelector('#key-problem').textContent = ''")
        chat = Chat(opened).ready()
        assert chat.say("열렸네") == "ppo: 열렸네 좋지요."
        opened.page.reload()
        chat.ready()
        assert "secret" not in opened.page.evaluate(
            "JSON.stringify(localStorage) + document.cookie + location.href"
        )
        second = opened.page.context.new_page()
        second.goto(site.url)
        second.wait_for_selector("#key-dialog[open]")
        chat.page.click("#forget-key")
        opened.page.wait_for_selector("#key-dialog[open]")
        assert opened.page.evaluate("Object.keys(sessionStorage).join()") == "dajeong-chat:here"


# --- for everybody


def unnamed(chat: Chat) -> list[str]:
    """Roles of what can be used but has no name, as a screen reader sees the page."""
    session = chat.page.context.new_cdp_session(chat.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    used = {
        "button",
        "textbox",
        "combobox",
        "spinbutton",
        "link",
        "dialog",
        "navigation",
        "log",
        "group",
        "article",
    }
    found = [
        node for node in nodes if not node.get("ignored") and node["role"]["value"] in used - {"article"}
    ]
    assert len(found) > 5
    return [node["role"]["value"] for node in found if not node.get("name", {}).get("value", "").strip()]


@pytest.mark.parametrize("language", ["ko-KR", "en-US"])
def test_every_control_has_a_name(browser, site: Served, language: str) -> None:  # type: ignore[no-untyped-def]
    with chatting(browser, site.url, language=language) as chat:
        assert unnamed(chat) == []
        chat.page.click("#beside")
        chat.say("```\ncode\n```")
        assert unnamed(chat) == []
        chat.page.locator(".user .plain").click()
        assert unnamed(chat) == []
        chat.page.click("#show-settings")
        assert unnamed(chat) == []


def test_tab_goes_through_the_page_in_order(chat: Chat) -> None:
    chat.say("순서")
    chat.page.evaluate("document.activeElement.blur()")
    reached: list[str] = []
    for _ in range(16):
        chat.tab.press("Tab")
        reached.append(
            chat.page.evaluate(
                "(element => element.id || element.className || element.tagName)(document.activeElement)"
            )
        )
    wanted = [
        "skip",
        "new",
        "open",
        "remove",
        "language",
        "left",
        "beside",
        "show-settings",
        "talk",
        "plain",
        "text",
    ]
    assert [name for name in dict.fromkeys(reached) if name in wanted] == [
        name for name in wanted if name in reached
    ]
    assert {"skip", "new", "open", "left", "show-settings", "text"} <= set(reached)


def test_the_skip_link_leads_to_the_text(chat: Chat) -> None:
    chat.page.focus(".skip")
    chat.tab.press("Enter")
    assert chat.page.evaluate("document.activeElement.id") == "text"


def test_both_languages(browser, site: Served) -> None:  # type: ignore[no-untyped-def]
    with chatting(browser, site.url, language="en-US") as chat:
        chat.page.click("#show-settings")
        shown = chat.page.evaluate("document.body.innerText").replace("한국어", "")
        assert not [letter for letter in shown if "가" <= letter <= "힣"]
        chat.page.click("#settings-close")
        chat.page.click("#language")
        assert chat.page.get_attribute("html", "lang") == "ko"
        chat.page.reload()
        chat.ready()
        assert chat.page.inner_text("#welcome h2").startswith("안녕하세요")


def test_a_phone_never_scrolls_sideways(browser, site: Served) -> None:  # type: ignore[no-untyped-def]
    with chatting(browser, site.url, width=360) as chat:

        def width() -> int:
            return int(chat.page.evaluate("document.documentElement.scrollWidth"))

        assert width() <= 360
        chat.page.click("#beside")
        chat.page.fill("#text", "나" * 300 + "\n```\n" + "x" * 300 + "\n```\n")
        chat.page.press("#text", "Enter")
        assert chat.said == []  # on a phone Enter is a new line
        chat.page.click("#send")
        chat.page.wait_for_selector(".vote")
        assert width() <= 360 and chat.page.evaluate(
            "[...document.querySelectorAll('button, select, textarea')].filter(each => each.offsetParent)"
            ".every(each => each.closest('#side') || each.getBoundingClientRect().right <= 361)"
        )
        chat.page.click("#show-side")
        assert chat.page.get_attribute("#show-side", "aria-expanded") == "true"
        chat.tab.press("Escape")
        assert chat.page.get_attribute("#show-side", "aria-expanded") == "false"
        assert chat.page.evaluate("document.activeElement.id") == "show-side"


def test_ink_follows_the_scheme(browser, site: Served) -> None:  # type: ignore[no-untyped-def]
    papers = set()
    for scheme in ("light", "dark"):
        with chatting(browser, site.url, scheme=scheme) as chat:
            papers.add(chat.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2
