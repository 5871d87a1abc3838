"""The step `replies`: every model answers every prompt. A killed step goes on after its last saved chunk.

Draws are keyed, so a resumed step writes the bytes that an uninterrupted one would have written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from dajeong.models.load import load_chat
from dajeong.records import Dialogue, Reply
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.reply import Writer
from dajeong.rollout.settings import RepliesSettings
from dajeong.storage import read_records, write_records
from dajeong.workplace import Workplace

UNFINISHED = "unfinished"
"""Folder of the chunks written so far; gone once they stand together in the output."""


class Chunk(NamedTuple):
    """Some prompts for one model: what is written, and saved, at once."""

    author: str
    reference: str
    prompts: Sequence[Dialogue]
    file: Path


def run(settings: RepliesSettings, work: Workplace) -> None:
    """Write `replies`: model by model, prompt by prompt, `per_prompt` of them side by side."""
    replies = written(settings, work)
    work.write("replies", replies)
    _note(work, replies)
    forget_unfinished(work)


def written(settings: RepliesSettings, work: Workplace) -> list[Reply]:
    """What the step's `models` answer to its `prompts`; what was saved before a kill is not written again."""
    chunks = list(_chunks(settings, work))
    left = [chunk for chunk in chunks if not chunk.file.is_file()]
    total = sum(len(chunk.prompts) for chunk in chunks) * settings.per_prompt
    with work.progress.bar("writing-replies", total) as bar:
        bar.advance(total - sum(len(chunk.prompts) for chunk in left) * settings.per_prompt)
        writer: Writer | None = None
        for previous, chunk in zip([None, *left], left, strict=False):
            work.check_stop()
            if writer is None or previous is None or previous.author != chunk.author:
                writer = None  # let go of one model before the next is loaded
                writer = _writer(chunk.reference, settings)
            found = writer.replies(
                chunk.prompts, settings.decoding, work.seed, chunk.author, per_prompt=settings.per_prompt
            )
            write_records(chunk.file, found)
            bar.advance(len(found), note=chunk.author)
    return [reply for chunk in chunks for reply in read_records(chunk.file, Reply)]


def forget_unfinished(work: Workplace) -> None:
    """Clear away the saved chunks, once what they hold stands in the output."""
    shutil.rmtree(work.folder / UNFINISHED, ignore_errors=True)


def _chunks(settings: RepliesSettings, work: Workplace) -> Iterator[Chunk]:
    """Cut where a resumed step will cut again: what shares a batch must not depend on where a kill came."""
    prompts = work.records("prompts", Dialogue)[: settings.max_prompts]
    models: Mapping[str, str] = work.models("models")
    size = max(1, settings.save_every // settings.per_prompt)
    for number, (author, reference) in enumerate(models.items()):
        for start in range(0, len(prompts), size):
            file = work.folder / UNFINISHED / f"{number:03d}-{start:08d}.jsonl"
            yield Chunk(author, reference, prompts[start : start + size], file)


def _writer(reference: str, settings: RepliesSettings) -> Writer:
    chat = load_chat(reference)
    return Writer(chat, NativeEngine(chat.model, settings.max_slots))


def _note(work: Workplace, replies: Sequence[Reply]) -> None:
    journal = work.journal()
    for author in dict.fromkeys(reply.author for reply in replies):
        mine = [reply for reply in replies if reply.author == author]
        journal.write(
            "note",
            author=author,
            replies=len(mine),
            mean_tokens=round(fmean(reply.num_tokens or 0 for reply in mine), 2),
            ended_share=round(fmean(reply.stop_reason == "eos" for reply in mine), 4),
        )
    journal.close()
