"""The page: whole, alone, safe with hostile text, and the same each time."""

import json
import re
from pathlib import Path

import pytest
from invented_run import (
    HOSTILE,
    RECIPE,
    guards,
    journal,
    make_run,
    replies,
    rollouts,
    score,
    scores,
)
from test_markup import Seen

from dajeong.records import Message
from dajeong.report.document import POLICY
from dajeong.report.page import write
from dajeong.storage import read_json, write_json, write_records, write_text

VOID = {"meta", "link", "input", "br"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a finished run; drawing it takes a second."""
    return page_of(make_run(tmp_path_factory.mktemp("whole") / "run"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", with_curves=False)


def page_of(run: Path) -> str:
    return write(run).read_text(encoding="utf-8")


def assert_alone(page: str) -> None:
    """No script, no link out, nothing fetched: whatever a text in it says."""
    seen = Seen(page)
    names = {name for name, _ in seen.elements}
    assert not names & {"script", "iframe", "object", "embed", "img", "form", "base", "foreignobject"}
    for name, attributes in seen.elements:
        assert not any(key.startswith("on") for key in attributes), (name, attributes)
        for key in ("href", "src", "xlink:href", "action", "data"):
            assert (attributes.get(key) or "#").startswith(("#", "data:,")), (name, attributes)
    assert "@import" not in page and not re.search(r"url\((?!#)", page)


def test_the_page_stands_alone(whole: str) -> None:
    assert_alone(whole)
    policy = [a["content"] for n, a in Seen(whole).elements if n == "meta" and "http-equiv" in a]
    assert policy == [POLICY] and "default-src 'none'" in POLICY and "script-src" not in POLICY


def test_every_part_is_there(whole: str) -> None:
    ids = [attributes["id"] for _, attributes in Seen(whole).elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"verdict", "results", "samples", "curves", "lineage", "recipe"} <= set(ids)
    for heading in ("결론", "Verdict", "답변 견주기", "Lineage of the run", "Improved", "나빠진 것"):
        assert heading in whole
    assert "라면에는 뭐가 좋아?" in whole and "기본값까지 모두 적은 레시피" in whole


def test_drawings_and_tables_are_named(whole: str) -> None:
    seen = Seen(whole)
    ids = {attributes["id"] for _, attributes in seen.elements if "id" in attributes}
    drawings = [attributes for name, attributes in seen.elements if name == "svg"]
    assert sum("aria-hidden" in drawing for drawing in drawings) == 4  # beside numbers that say the same
    assert all(drawing.get("aria-labelledby") in ids for drawing in drawings if "aria-hidden" not in drawing)
    names = [name for name, _ in seen.elements]
    assert names.count("table") == names.count("caption")


def test_the_same_folder_gives_the_same_bytes(whole: str, tmp_path: Path) -> None:
    assert page_of(make_run(tmp_path / "run")) == whole


def test_both_languages_say_the_same(whole: str) -> None:
    assert whole.count('class="ko"') == whole.count('class="en"') > 100


def test_judged_answers_and_signs_of_hacking_have_their_parts(run: Path) -> None:
    page = page_of(run)
    assert 'id="judged"' not in page and 'id="hacking"' not in page and "@supports" not in page
    write_records(run / "steps" / "evaluate" / "scores.jsonl", scores())
    journal(run / "steps" / "ppo" / "journal.jsonl", [*rollouts(8), *guards(8)])
    page = page_of(run)
    assert page == page_of(run)
    assert_alone(page)
    ids = [attributes["id"] for _, attributes in Seen(page).elements if "id" in attributes]
    assert len(ids) == len(set(ids)) and {"judged", "judged-0", "hacking", "hacking-0-caption"} <= set(ids)
    assert page.count("<style>") == 1 and page.count("@supports") == 1
    before, _, _ = page.partition("야, 너 바보야")
    folded = page.split('<article class="sample judged')[1:]
    assert before and all('class="warning"' in card for card in folded if "야, 너 바보야" in card)
    assert page.count('class="ko"') == page.count('class="en"')


def test_hostile_text_everywhere(run: Path) -> None:
    hostile = [
        reply.model_copy(
            update={
                "content": HOSTILE,
                "author": f"{HOSTILE}{reply.author}",
                "kind": HOSTILE,
                "prompt": (Message(role="user", content=HOSTILE),),
            }
        )
        for reply in replies()[:2]
    ]
    judged = [
        score(reply, HOSTILE, float(place), []).model_copy(update={"scorer": HOSTILE})
        for place, reply in enumerate(hostile)
    ]
    write_records(run / "steps" / "evaluate" / "scores.jsonl", judged)
    write_records(run / "steps" / "evaluate" / "replies.jsonl", hostile)
    rows = read_json(run / "results.json")
    for row in rows:
        row.update(model=HOSTILE, task=HOSTILE, metric=HOSTILE, decoding=HOSTILE, notes=HOSTILE)
        row["baselines"] = {HOSTILE: 0.5}
    write_json(run / "results.json", rows)
    write_text(run / "recipe.yaml", f"{RECIPE}# {HOSTILE}\n".replace("꾸민 실행", json.dumps(HOSTILE)))
    entries = [{**entry, HOSTILE: 1.0} for entry in rollouts(3)]
    notes = [{"event": event, HOSTILE: {HOSTILE: HOSTILE}} for event in ("note", "alarm")]
    samples = [{"event": "sample", "rollout": HOSTILE, "prompt": HOSTILE, "reply": HOSTILE, "score": HOSTILE}]
    journal(run / "steps" / "ppo" / "journal.jsonl", [*entries, *notes, *samples])
    manifest = {"kind": HOSTILE, "inputs": {HOSTILE: [HOSTILE]}, "versions": {HOSTILE: HOSTILE}}
    write_json(
        run / "steps" / "ppo" / "manifest.json", {**manifest, "fingerprint": HOSTILE, "outputs": {HOSTILE: 0}}
    )
    write_text(run / "models" / "ppo" / "README.md", f"---\nlicense: {json.dumps(HOSTILE)}\n---\n")
    page = page_of(run)
    assert_alone(page)
    assert 'class="sample judged' in page
    assert "&lt;script&gt;" in page and "⟨U+202E⟩" in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page)
    assert opened_and_closed(page)


def opened_and_closed(page: str) -> bool:
    """Every element that the page opens it closes: no text broke out of its place."""
    opened = re.findall(r"<([a-z][a-z0-9]*)[ >/]", page)
    closed = re.findall(r"</([a-z][a-z0-9]*)>", page)
    bare = len(re.findall(r"<[a-z][^<>]*/>", page))
    return len([name for name in opened if name not in VOID]) - bare == len(closed)


@pytest.mark.parametrize(
    "missing", ["results.json", "recipe.yaml", "steps", "models", "steps/evaluate", "steps/ppo"]
)
def test_a_run_with_pieces_missing_has_a_page(run: Path, missing: str) -> None:
    path = run / missing
    path.rename(run.parent / "elsewhere")
    assert_alone(page_of(run))


def test_an_empty_folder_has_a_page(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "nothing can be called an improvement" in page


def test_a_broken_file_is_shown_as_such(run: Path) -> None:
    write_text(run / "results.json", "{")
    page = page_of(run)
    assert "읽지 못한 파일" in page and "results.json" in page


def test_abusive_prompts_are_folded_away(whole: str) -> None:
    before, _, after = whole.partition("야, 너 바보야")
    assert before.rindex('<details class="warning">') > before.rfind("</details>") and "</details>" in after


def test_samples_are_spread_over_kinds_and_chosen_by_hash(run: Path) -> None:
    page = page_of(run)
    assert page.count('<article class="sample">') == 3 * 4
    write_records(run / "steps" / "evaluate" / "replies.jsonl", replies()[::-1])
    shown = {text for text in re.findall(r"배고파 죽겠다 \d", page)}
    assert shown == {text for text in re.findall(r"배고파 죽겠다 \d", page_of(run))}


def test_replies_cut_at_their_limit_say_so(whole: str) -> None:
    assert whole.count("cut off at the length limit") == 12


def test_ways_of_asking_one_model_stand_side_by_side(run: Path) -> None:
    own = [
        reply.model_copy(update={"author": "base, own format"})
        for reply in replies()
        if reply.author == "base"
    ]
    write_records(run / "steps" / "evaluate" / "replies.jsonl", [*replies(), *own])
    korean = re.sub(r'<span class="en".*?</span>', "", page_of(run))
    heads = re.findall(r'<div class="answer"[^>]*><span class="role">(.*?)<p', korean)
    authors = [re.sub("<.*?>", "", head) for head in heads]
    assert authors[:4] == ["base", "base, 제 형식으로 물음", "sft", "ppo"]
