"""The step `replies`: what it writes, and that a stopped step ends as if it had never been stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_reply import PROMPTS, chat_model

from dajeong.errors import Stopped
from dajeong.journal import read_journal
from dajeong.models.load import ChatModel
from dajeong.records import Decoding, Reply
from dajeong.rollout import replies
from dajeong.rollout.settings import RepliesSettings
from dajeong.storage import read_records, write_records
from dajeong.workplace import Workplace

SETTINGS = RepliesSettings(per_prompt=2, decoding=Decoding(max_new_tokens=8), save_every=4)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The references that were loaded, in order."""
    seen: list[str] = []

    def load(reference: str) -> ChatModel:
        seen.append(reference)
        return chat_model()._replace(name=reference)

    monkeypatch.setattr(replies, "load_chat", load)
    return seen


def workplace(run: Path) -> Workplace:
    file = run / "prompts.jsonl"
    more = [prompt.model_copy(update={"id": f"more:{number}"}) for number, prompt in enumerate(PROMPTS[:2])]
    write_records(file, [*PROMPTS, *more])
    inputs: dict[str, tuple[Path | str, ...]] = {"prompts": (file,), "models": ("models/sft", "hub/base")}
    return Workplace(run, "answers", seed=3, inputs=inputs, model_names={"models": ("sft", "base")})


def written(work: Workplace) -> list[Reply]:
    return list(read_records(work.folder / "replies.jsonl", Reply))


def test_every_model_answers_every_prompt(tmp_path: Path, loaded: list[str]) -> None:
    work = workplace(tmp_path)
    replies.run(SETTINGS, work)
    assert [(reply.author, reply.prompt_id) for reply in written(work)] == [
        (author, prompt)
        for author in ("sft", "base")
        for prompt in ("made:0", "made:1", "made:2", "more:0", "more:1")
        for _ in range(2)
    ]
    assert loaded == ["models/sft", "hub/base"]
    assert sorted(path.name for path in work.folder.iterdir()) == ["journal.jsonl", "replies.jsonl"]
    notes = list(read_journal(work.folder / "journal.jsonl", "note"))
    assert [(note["author"], note["replies"]) for note in notes] == [("sft", 10), ("base", 10)]


@pytest.mark.parametrize("stop_after", [1, 2, 4])
def test_a_stopped_step_ends_as_if_never_stopped(
    tmp_path: Path, loaded: list[str], monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    whole = workplace(tmp_path / "whole")
    replies.run(SETTINGS, whole)
    work = workplace(tmp_path / "stopped")
    calls = 0

    def stop(self: Workplace) -> None:
        nonlocal calls
        calls += 1
        if calls == stop_after + 1:
            raise Stopped("stopped", 15, step=self.name)

    with monkeypatch.context() as patched:
        patched.setattr(Workplace, "check_stop", stop)
        with pytest.raises(Stopped):
            replies.run(SETTINGS, work)
    assert not (work.folder / "replies.jsonl").exists()
    saved = sorted((work.folder / replies.UNFINISHED).iterdir())
    before = [file.stat().st_mtime_ns for file in saved]
    assert len(saved) == stop_after
    loaded.clear()
    with monkeypatch.context() as patched:  # look before the folder is cleared away
        patched.setattr(replies.shutil, "rmtree", lambda *args, **kwargs: None)
        replies.run(SETTINGS, work)
    assert [file.stat().st_mtime_ns for file in saved] == before
    assert loaded == (["models/sft", "hub/base"] if stop_after < 3 else ["hub/base"])
    assert (work.folder / "replies.jsonl").read_bytes() == (whole.folder / "replies.jsonl").read_bytes()


def test_a_cap_on_prompts(tmp_path: Path, loaded: list[str]) -> None:
    work = workplace(tmp_path)
    replies.run(SETTINGS.model_copy(update={"max_prompts": 1}), work)
    assert {reply.prompt_id for reply in written(work)} == {"made:0"}
