"""A model out of the house, in one of four forms: adapter, merged, GGUF, or GGUF with a Modelfile.

Nothing is written while a licence forbids it; the folder appears whole, with its card, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dajeong.errors import UsageProblem
from dajeong.export.adapter import write_adapter
from dajeong.export.chat_template import jinja_for, turns_of, written
from dajeong.export.gguf import FILE, package, write_gguf
from dajeong.export.merged import Gap, merged, write_merged
from dajeong.export.model_card import Form, ModelFacts, model_card
from dajeong.export.ollama import MODELFILE, modelfile
from dajeong.export.source import Source, check_licences, source_of
from dajeong.models.adapters import CARD
from dajeong.models.fitness import positions_of
from dajeong.models.load import ChatModel
from dajeong.models.tokenize import stop_ids
from dajeong.progress import Progress, Quiet
from dajeong.records import Decoding, Frozen, Message
from dajeong.storage import whole_folder, write_text

DECODING = Decoding(temperature=0.8, top_p=0.95, max_new_tokens=256)
"""What Ollama is told, as `dajeong chat` draws."""


class Wish(Frozen):
    form: Form
    """What to write."""
    dtype: str | None = None
    """Numbers of the merged weights; None keeps the base's own."""
    shard_size: str = "5GB"
    """Largest file of merged weights."""
    base_name: str | None = None
    """Where others find an adapter's base."""
    allowed: tuple[str, ...] = ()
    """Licences that a person has the right to pass on."""
    overwrite: bool = False
    """Whether a folder that is there already is replaced."""


class Handed(NamedTuple):
    folder: Path
    form: Form
    files: dict[str, int]
    """Name → bytes."""
    gap: Gap | None
    """Of a merged model."""
    lines: int | None
    """On how many lines a GGUF file's tokenizer gave the same ids."""


def hand_on(reference: str, out: Path, wish: Wish, progress: Progress | None = None) -> Handed:
    """Write the model that `reference` names to `out`.

    Raises DataProblem where a licence forbids it, UsageProblem where `out` is there already.
    """
    said = progress or Quiet()
    source = source_of(reference)
    check_licences(source, frozenset(wish.allowed))
    if out.exists() and not wish.overwrite and (not out.is_dir() or any(out.iterdir())):
        raise UsageProblem("export-exists", path=out)
    if wish.form in ("gguf", "ollama"):
        package()
    said.say("export-loading", model=source.name)
    chat = source.loaded()
    shown = written(chat.template, [Message(role="user", content="안녕하세요?")], "", _eos(chat))
    dtype = wish.dtype or own_dtype(source)
    gap, lines = None, None
    with whole_folder(out) as place:
        if wish.form == "adapter":
            write_adapter(source, chat, place, wish.base_name)
        elif wish.form == "merged":
            gap = write_merged(chat, place, dtype, wish.shard_size)
        else:
            lines = _write_gguf(chat, place, dtype, ollama=wish.form == "ollama")
        write_text(place / CARD, model_card(_facts(source, chat, wish, shown, gap, lines)))
        files = dict(_sizes(place))
    return Handed(out, wish.form, files, gap, lines)


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file.stat().st_size


def own_dtype(source: Source) -> str:
    """How the files of the base, or of a whole model, hold their numbers."""
    from transformers import AutoConfig

    whole = source.base or source.reference
    config = AutoConfig.from_pretrained(whole, revision=source.revision, trust_remote_code=False)
    return str(config.dtype or "float32").removeprefix("torch.")


def _eos(chat: ChatModel) -> str:
    return str(chat.tokenizer.huggingface.eos_token)


def _write_gguf(chat: ChatModel, place: Path, dtype: str, *, ollama: bool) -> int:
    positions = positions_of(chat.model.config)
    jinja = jinja_for(chat.template, chat.tokenizer)
    lines = write_gguf(chat, merged(chat), jinja, place, dtype)
    if ollama:
        turns = turns_of(chat.template, "", _eos(chat))
        bos = chat.tokenizer.huggingface.bos_token if chat.tokenizer.bos_id is not None else ""
        turns = turns._replace(
            opening=turns.opening.removeprefix(bos), before_system=turns.before_system.removeprefix(bos)
        )
        stops = chat.tokenizer.huggingface.convert_ids_to_tokens(
            sorted(stop_ids(chat.template, chat.tokenizer))
        )
        write_text(place / MODELFILE, modelfile(FILE, turns, stops, positions, DECODING))
    return lines


def _facts(
    source: Source, chat: ChatModel, wish: Wish, shown: str, gap: Gap | None, lines: int | None
) -> ModelFacts:
    base = None
    if source.base is not None:
        base = wish.base_name or (Path(source.base).name if Path(source.base).is_dir() else source.base)
    return ModelFacts(
        name=source.name,
        form=wish.form,
        base=base,
        card=source.card,
        template=chat.template.name,
        template_shown=shown,
        results=source.results,
        remarks=dict(_remarks(gap, lines)),
    )


def _remarks(gap: Gap | None, lines: int | None) -> list[tuple[str, str]]:
    if gap is not None:
        return [
            (
                f"합치기 전과 로짓의 가장 큰 차이는 {gap.logits:.2g}, 다음 토큰이 같은 비율은 "
                f"{gap.same:.0%}입니다(토큰 {gap.tokens}개).",
                f"Merged: the largest logit difference to base and adapter is {gap.logits:.2g}, and after "
                f"{gap.same:.0%} of {gap.tokens} tokens the likeliest next one is the same.",
            )
        ]
    if lines is not None:
        return [
            (
                "llama.cpp의 토크나이저로도 NFC 글은 같은 id가 됩니다(글자 단위 토크나이저는 이어진 "
                "공백 뒤 제외).",
                "llama.cpp's tokenizer gives text in NFC the same ids (one over characters: but behind "
                "several blanks).",
            )
        ]
    return []
