"""DeepL: chunks within its limits, texts paid once, the quota a clean stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asking import Instant
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.errors import RemoteProblem
from dajeong.remote.deepl import MOST_BYTES, Deepl, Translation
from dajeong.remote.request import Failure
from dajeong.remote.settings import DeeplSettings
from scripted_server import Script, Server, scripted

KEY = "279a2e9d-83b3-c416-7e2d-f721593e42a0"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPL_AUTH_KEY", KEY)


def deepl(server: Server, cache: Path | None = None, **more: Any) -> Deepl:
    return Deepl(server.deepl_settings(**{"concurrency": 1} | more), cache, clock=Instant())


def sizes(server: Server) -> list[int]:
    return [len(call.body["text"]) for call in server.calls]


@settings(max_examples=10)
@given(
    st.lists(st.sampled_from([1, 7, 900, 40_000]).flatmap(lambda n: st.just("한" * n)), max_size=120),
    st.integers(1, 4),
)
def test_every_text_comes_back_in_order_within_the_limits(texts: list[str], concurrency: int) -> None:
    texts = [f"{number % 70}{text}" for number, text in enumerate(texts)]
    with scripted() as server, deepl(server, concurrency=concurrency) as ours:
        found = ours.translate(texts)
        assert [each.text for each in found if isinstance(each, Translation)] == [
            f"번역: {text}" for text in texts
        ]
        assert all(len(call.body["text"]) <= 50 for call in server.calls)
        assert all(int(call.headers["content-length"]) <= MOST_BYTES for call in server.calls)
        assert server.characters == sum(map(len, set(texts)))


def test_a_text_is_paid_once_and_a_blank_one_never(tmp_path: Path) -> None:
    with scripted() as server:
        with deepl(server, tmp_path / "kept", price=20.0) as ours:
            assert ours.estimate(["one", "two", " "]).expected == pytest.approx(6 * 20 / 1e6)
            found = ours.translate(["one", "two", "one", " \n"])
            assert found[0] == found[2] and found[3] == Translation(text=" \n", characters=0)
            assert ours.spent == pytest.approx(6 * 20 / 1e6) == pytest.approx(server.characters * 20 / 1e6)
        with deepl(server, tmp_path / "kept", price=20.0) as ours:
            again = ours.translate(["two", "three"])
            assert [isinstance(each, Translation) and each.cached for each in again] == [True, False]
            assert ours.spent == pytest.approx(11 * 20 / 1e6)
    assert sizes(server) == [2, 1]


def test_a_used_up_quota_stops_and_keeps_what_was_translated(tmp_path: Path) -> None:
    texts = [f"sentence {number:03d}" for number in range(200)]
    with scripted(Script(characters_left=120 * 12)) as server:
        with deepl(server, tmp_path / "kept") as ours, pytest.raises(RemoteProblem) as stopped:
            ours.translate(texts)
        assert stopped.value.code == "service-quota" and sizes(server) == [50, 50, 50]
        server.script.characters_left = None
        with deepl(server, tmp_path / "kept") as ours:
            found = ours.translate(texts)
        assert len(found) == 200 and sizes(server) == [50, 50, 50, 50, 50]


def test_a_budget_is_kept_to_the_character(tmp_path: Path) -> None:
    texts = [f"{number:010d}" for number in range(200)]
    with scripted() as server, deepl(server, tmp_path / "kept", price=10.0, budget=0.012) as ours:
        with pytest.raises(RemoteProblem, match="budget"):
            ours.translate(texts)
        assert server.characters == 1000, "two chunks of 500 would be 0.01; a third too much"


@pytest.mark.parametrize("fault", [429, 529, "reset", "half", "empty", "html"])
def test_faults_that_pass_are_tried_again(fault: int | str) -> None:
    with scripted(Script(faults=[fault])) as server, deepl(server) as ours:
        assert ours.translate(["one"]) == [Translation(text="번역: one", characters=3)]


def test_an_empty_translation_is_a_failure_and_not_kept() -> None:
    script = Script(translate=lambda text: "" if text == "two" else text)
    with scripted(script) as server, deepl(server) as ours:
        assert ours.translate(["one", "two"])[1] == Failure(code="empty")
        ours.translate(["one", "two"])
        assert [call.body["text"] for call in server.calls] == [["one", "two"], ["two"]]


def test_a_text_too_long_for_any_request_is_said_and_not_sent() -> None:
    with scripted() as server, deepl(server) as ours:
        found = ours.translate(["one", "x" * MOST_BYTES, "two"])
        assert [isinstance(each, Failure) for each in found] == [False, True, False]
        assert [call.body["text"] for call in server.calls] == [["one"], ["two"]]


def test_a_request_says_register_masks_and_context() -> None:
    with scripted() as server:
        more = {"instructions": ("모든 문장을 해요체로",), "formality": "prefer_more", "glossary": "g"}
        with deepl(server, **more) as ours:
            ours.translate(['Run <x id="0"/> now'], context="A manual.", masks=True)
        [call] = server.calls
        assert call.path == "/v2/translate" and call.headers["authorization"] == f"DeepL-Auth-Key {KEY}"
        assert call.body == {
            "text": ['Run <x id="0"/> now'],
            "source_lang": "EN",
            "target_lang": "KO",
            "show_billed_characters": True,
            "custom_instructions": ["모든 문장을 해요체로"],
            "formality": "prefer_more",
            "glossary_id": "g",
            "context": "A manual.",
            "tag_handling": "xml",
            "ignore_tags": ["x"],
        }


def test_the_key_says_which_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def address() -> str:
        with Deepl(DeeplSettings(), None) as ours:
            return ours.service.url

    assert address() == "https://api.deepl.com/v2/translate"
    monkeypatch.setenv("DEEPL_AUTH_KEY", f"{KEY}:fx")
    assert address() == "https://api-free.deepl.com/v2/translate"


def test_a_budget_needs_a_price() -> None:
    with pytest.raises(RemoteProblem, match="DeepL"):
        Deepl(DeeplSettings(budget=1.0), None)


def test_the_key_stays_nowhere(tmp_path: Path) -> None:
    with scripted(Script(key="another")) as server:
        with deepl(server, tmp_path / "kept") as ours, pytest.raises(RemoteProblem) as refused:
            ours.translate(["one"])
        assert KEY not in str(refused.value)
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    assert json.loads(Translation(text="가", characters=1).model_dump_json())["cached"] is False
