"""The step `base`: makes the base model ready. `tiny` is trained here, on the run's own text; any other name
is kept as it is.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dajeong.data.reserved import refuse_reserved
from dajeong.errors import DataProblem
from dajeong.models.base import load_base
from dajeong.models.fitness import Needs
from dajeong.models.full import save_full
from dajeong.models.roles import BASE
from dajeong.models.runtime import key
from dajeong.models.tiny import write_tiny
from dajeong.records import Dialogue, Message
from dajeong.storage import whole_folder
from dajeong.templates import TEMPLATES, find_template
from dajeong.training.cards import card_of
from dajeong.training.examples import examples_of
from dajeong.training.loop import Loop
from dajeong.training.parallel import parallel_of, saves
from dajeong.training.settings import BaseSettings
from dajeong.training.sft import Sft, report_examples
from dajeong.workplace import Workplace


def run(settings: BaseSettings, work: Workplace) -> None:
    """Leaves a model folder for `tiny`, nothing for a model that is already somewhere."""
    if settings.model != "tiny":
        return
    documents = work.records("text", Dialogue)
    refuse_reserved(documents, work.name)
    if not documents:
        raise DataProblem("tiny-needs-text", step=work.name)
    drawn = work.folder / "drawn"
    parallel = parallel_of(settings.parallel)
    if parallel.rank == 0:
        draw(drawn, documents, settings, work.seed)
    parallel.gather([])  # the others wait for the folder
    runtime = parallel.runtime(settings.runtime)
    base = load_base(str(drawn), runtime, train_base=True, needs=Needs(settings.max_tokens))
    examples = examples_of(documents, TEMPLATES["plain"], base.tokenizer, settings.max_tokens)
    report_examples(examples, work)
    algorithm = Sft(base.model, BASE, examples.tokens, settings, settings.optimizer, work.seed, parallel)
    Loop(algorithm, work, parallel, settings.checkpoint_every, {"role": BASE}).run()
    if saves(parallel):
        card = card_of(work, "base", BASE, settings, None, {"text": documents}, None)
        save_full(base, BASE, work.model_folder, None, card=card, write=parallel.rank == 0)
    if parallel.rank == 0:
        shutil.rmtree(drawn)


def draw(folder: Path, documents: list[Dialogue], settings: BaseSettings, seed: int) -> None:
    """A tiny model with nothing learned yet, and its tokenizer."""
    if folder.is_dir():
        return  # a killed run drew it already; folders appear whole
    texts = [message.content for document in documents for message in document.messages]
    with whole_folder(folder) as place:
        write_tiny(place, texts + _markers(settings.template, len(texts)), settings.tiny, key(seed, "tiny"))


def _markers(template: str, times: int) -> list[str]:
    """The template's own words, often enough to become tokens: they stand in every later example."""
    turn = (Message(role="user", content=""), Message(role="assistant", content=""))
    return [segment.text for segment in find_template(template).render(turn) if segment.text] * times
