"""Side by side on the chat page: two models answer at once, a choice is a preference on the disk, once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_tab import LAST, WRITTEN, Chat, chatting
from playwright.sync_api import Route
from scripted_engine import Served, served
from small_server import serving, wait_for

from browser import needs_browser
from dajeong.artefacts import POSITION, comparisons
from dajeong.pipeline import execute
from dajeong.recipe import load
from dajeong.records import Preference
from dajeong.serving.shelf import Shelf
from dajeong.storage import read_records

pytestmark = needs_browser
PAGE = Path(__file__).parents[2] / "docs" / "serving.md"


def script(model: str, question: str) -> str:
    return f"{model}가 하는 {question} 이야기예요."


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "votes.jsonl", script, models=("ppo", "base", "sft")) as found:
        yield found


@pytest.fixture
def chat(browser, site: Served) -> Iterator[Chat]:  # type: ignore[no-untyped-def]
    with chatting(browser, site.url) as found:
        found.page.click("#beside")
        yield found
        site.engine.let()


def votes(site: Served) -> list[Preference]:
    return list(read_records(site.votes, Preference)) if site.votes.is_file() else []


def choose(chat: Chat, choice: str) -> None:
    chat.page.click(f"{LAST}.vote .{choice}")
    chat.page.wait_for_selector(f"{LAST}.kept")


def test_both_write_at_once_and_the_choice_is_kept(chat: Chat, site: Served) -> None:
    site.engine.hold()
    chat.send("주말")
    wait_for(lambda: site.engine.num_running == 2)
    site.engine.let(9)
    chat.tab.wait_for("[...document.querySelectorAll('.text')].every(each => each.innerText.length > 1)")
    assert chat.answers[0].startswith("sf") and chat.answers[1].startswith("pp")
    assert chat.page.locator(".vote").count() == 0
    site.engine.let()
    chat.page.wait_for_selector(".vote")
    assert {model for model, _, _ in site.engine.asked} == {"sft", "ppo"}  # whichever came first
    assert len({prompt for _, prompt, _ in site.engine.asked}) == 1
    choose(chat, "second")
    (kept,) = votes(site)
    assert [(each.author, each.content) for each in kept.responses] == [
        (model, script(model, "주말")) for model in ("sft", "ppo")
    ]
    assert kept.ranking == ((1,), (0,)) and kept.labelled_by == "human:chat" and kept.source == "chat"
    assert kept.prompt[-1].content == "주말" and kept.meta[POSITION] == [0, 1] and kept.meta["blind"] is False
    assert site.votes.stat().st_mode & 0o777 == 0o600


def test_the_talk_goes_on_with_the_chosen_answer(chat: Chat, site: Served) -> None:
    for choice, goes_on in (("second", "ppo"), ("first", "sft"), ("tie", "sft"), ("both-bad", "sft")):
        chat.say(f"{choice} 물음")
        choose(chat, choice)
        chat.say("그다음")
        prompts = {prompt for _, prompt, _ in site.engine.asked[-2:]}
        assert len(prompts) == 1 and script(goes_on, f"{choice} 물음") in prompts.pop()
        chat.page.click("#new")
    found = votes(site)
    assert [each.ranking for each in found] == [((1,), (0,)), ((0,), (1,)), ((0, 1),), ((0, 1),)]
    assert [list(each.meta["verdicts"]) for each in found] == [["second"], ["first"], ["tie"], ["both-bad"]]


def test_an_earlier_turn_is_voted_on_as_it_was_asked(chat: Chat, site: Served) -> None:
    chat.say("하나")
    chat.say("둘")
    prompt = site.engine.asked[-1][1]
    chat.page.locator(".turn").first.locator(".vote .second").click()
    chat.page.locator(".turn").first.locator(".kept").wait_for()
    choose(chat, "first")
    chat.press("다시 답하기")
    chat.tab.wait_for(f"{WRITTEN} && document.querySelectorAll('.vote').length === 2")
    assert site.engine.asked[-1][1] == prompt
    assert [message.content for message in votes(site)[1].prompt] == ["하나", script("sft", "하나"), "둘"]


def test_keys_vote_outside_of_the_text_only(chat: Chat, site: Served) -> None:
    chat.say("숫자")
    chat.page.type("#text", "1203")
    assert chat.page.input_value("#text") == "1203" and votes(site) == []
    chat.page.focus("#new")
    chat.tab.press("Control+3", "7", "3")
    chat.page.wait_for_selector(".kept")
    assert [each.ranking for each in votes(site)] == [((0, 1),)]
    chat.page.focus("#new")
    chat.tab.press("1")
    assert len(votes(site)) == 1 and chat.page.locator(".vote button:disabled").count() == 4


def test_hidden_names_show_after_the_vote(chat: Chat, site: Served) -> None:
    chat.page.click("#blind")
    lefts = set()
    for at in range(40):
        chat.say(f"{at}번")
        assert chat.page.locator(f"{LAST}.who").all_inner_texts() == ["답변 A", "답변 B"]
        assert "ppo" not in chat.page.inner_text(f"{LAST}.vote")
        choose(chat, "first")
        shown = [name.split()[0] for name in chat.page.locator(f"{LAST}.who").all_inner_texts()]
        kept = votes(site)[-1]
        assert [each.author for each in kept.responses] == shown and kept.meta["blind"] is True
        assert all(each.content.startswith(each.author) for each in kept.responses)
        lefts.add(shown[0])
        chat.page.click("#new")
        if len(lefts) == 2:
            break
    assert lefts == {"sft", "ppo"}


def test_what_was_stopped_cannot_be_voted_on(chat: Chat, site: Served) -> None:
    site.engine.hold()
    chat.send("멈춰")
    wait_for(lambda: site.engine.num_running == 2)
    site.engine.let(6)
    chat.tab.press("Escape")
    chat.wait_for_text("멈춘 답변입니다.")
    wait_for(lambda: site.engine.num_running == 0)
    assert chat.page.locator(".vote").count() == 0


def test_a_vote_that_was_lost_is_sent_again_and_kept_once(chat: Chat, site: Served) -> None:
    def lose_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    chat.say("길에서")
    ways = [lambda route: route.abort(), lose_answer]
    for way in ways:
        chat.page.route("**/v1/votes", way)
        if way is ways[0]:
            chat.page.click(f"{LAST}.vote .second")
        else:
            chat.press("다시 저장")
        chat.page.locator(".vote", has_text="서버에 닿지 않습니다.").wait_for()
        chat.page.unroute("**/v1/votes")
    assert chat.page.locator(".vote button:disabled").count() == 4
    chat.page.reload()
    chat.ready().press("다시 저장")
    chat.page.wait_for_selector(".kept")
    assert [each.ranking for each in votes(site)] == [((1,), (0,))]
    chat.tab.said.clear()


def test_a_server_that_keeps_no_votes_says_so(browser) -> None:  # type: ignore[no-untyped-def]
    with served(None, script) as site, chatting(browser, site.url) as chat:
        chat.page.click("#beside")
        chat.say("어디에?")
        chat.page.click(".vote .first")
        chat.page.locator(".vote", has_text="--votes FILE").wait_for()
        chat.tab.said.clear()


def test_one_model_alone_has_no_other_beside_it(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with (
        served(tmp_path / "votes.jsonl", script, models=("base",)) as site,
        chatting(browser, site.url) as chat,
    ):
        assert not chat.page.is_visible("#beside") and chat.say("혼자") == script("base", "혼자")


def test_real_models_answer_and_their_votes_are_pairs_of_a_recipe(  # type: ignore[no-untyped-def]
    browser, shelf: Shelf, tmp_path: Path
) -> None:
    file = tmp_path / "votes.jsonl"
    with serving(lambda: shelf, votes=file) as running, chatting(browser, f"{running.url}/") as chat:
        assert chat.page.locator("#left option").all_inner_texts() == ["ppo", "base", "sft"]
        chat.dial("temperature", "0")
        chat.dial("max_tokens", "12")
        chat.page.click("#beside")
        for question in ("김치찌개 어때요?", "오늘 날씨가 참 좋네요."):
            chat.say(question)
            choose(chat, "second")
        with running.client() as client:
            for kept in read_records(file, Preference):
                for response in kept.responses:
                    messages = [{"role": each.role, "content": each.content} for each in kept.prompt]
                    asked = {"model": response.author, "temperature": 0, "max_tokens": 12}
                    answer = client.chat.completions.create(messages=messages, **asked)  # type: ignore[call-overload]
                    assert answer.choices[0].message.content == response.content
    recipe = tmp_path / "recipe.yaml"
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    recipe.write_text(shown.replace("runs/demo/votes.jsonl", "votes.jsonl"), encoding="utf-8")
    execute(load(recipe), tmp_path / "run", report=None)
    taken = list(read_records(tmp_path / "run" / "steps" / "mine" / "pairs.jsonl", Preference))
    assert {each.id for each in taken} == {each.id for each in read_records(file, Preference)}
    assert [pair.better.author for pair in comparisons(taken)] == ["ppo", "ppo"]
