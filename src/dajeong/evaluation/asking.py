"""Models asked every prompt, in one way or in several: what they reply, kept on the disk as it comes.

Replies already on the disk are not written again: what a reply says depends on the seed and its prompt, not
on when it was written. Knows no score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dajeong.records import Decoding, Dialogue, Reply
from dajeong.storage import read_records, write_records
from dajeong.templates import Template
from dajeong.workplace import Workplace

if TYPE_CHECKING:
    from dajeong.rollout.reply import Writer

UNFINISHED = "unfinished"
OWN_FORMAT = ", own format"


class Asking(NamedTuple):
    """One model asked every prompt in one way."""

    model: str
    reference: str
    decoding: Decoding
    template: Template | None = None
    """Null is the one saved with the model."""
    own_format: str = ""

    @property
    def label(self) -> str:
        return self.decoding.name + (OWN_FORMAT if self.own_format else "")

    @property
    def author(self) -> str:
        return self.model + (OWN_FORMAT if self.own_format else "")


WriterOf = Callable[[str, Template | None], "Writer"]
"""(model reference, template or the model's own) → what writes its replies."""


def replies_of(
    asked: Sequence[Asking], prompts: Sequence[Dialogue], work: Workplace, writer_of: WriterOf
) -> dict[Asking, list[Reply]]:
    """Each asking's replies in the order of the prompts; a killed step goes on after its last whole file."""
    files = {asking: work.folder / UNFINISHED / f"{number:03d}.jsonl" for number, asking in enumerate(asked)}
    with work.progress.bar("evaluating-replies", len(asked) * len(prompts)) as bar:
        for asking, file in files.items():
            work.check_stop()
            if not file.is_file():
                _write(asking, prompts, work.seed, file, writer_of)
            bar.advance(len(prompts), note=f"{asking.author}, {asking.decoding.name}")
    return {asking: list(read_records(file, Reply)) for asking, file in files.items()}


def _write(asking: Asking, prompts: Sequence[Dialogue], seed: int, file: Path, writer_of: WriterOf) -> None:
    writer = writer_of(asking.reference, asking.template)
    write_records(file, writer.replies(prompts, asking.decoding, seed, asking.author))


def writers(max_slots: int) -> WriterOf:
    """Keeps the model loaded last: the next asking is most often of the same."""
    from dajeong.models.load import ChatModel, load_chat
    from dajeong.rollout.native import NativeEngine
    from dajeong.rollout.reply import Writer

    loaded: dict[str, ChatModel] = {}

    def writer_of(reference: str, template: Template | None) -> Writer:
        if reference not in loaded:
            loaded.clear()  # let go of one model before the next is loaded
            loaded[reference] = load_chat(reference)
        chat = loaded[reference]
        return Writer(
            chat if template is None else chat._replace(template=template),
            NativeEngine(chat.model, max_slots),
        )

    return writer_of
