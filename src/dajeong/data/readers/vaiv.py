"""The files of VAIV's Friendly-LLM as they are published. Reads no file."""

from __future__ import annotations

import re
from typing import Any, Literal

from dajeong.data.clean import answers_of, prompt_of, with_texts
from dajeong.data.placeholders import Names, has_placeholder
from dajeong.data.readers.fields import RawRow, asked, present, text_of, wrong_type
from dajeong.data.readers.instructions import alpaca
from dajeong.data.readers.pairs import pair, preference
from dajeong.data.rows import Bad, Left
from dajeong.records import Dialogue, Frozen, Record, content_id

CRITERIA = ("친근함", "무해함", "이해 가능성", "자연스러움", "맥락 유지", "전반적인 품질")


class _Vaiv(Frozen):
    """What all of these files have in common: kinds told from ids, and names that were made anonymous."""

    placeholders: Literal["keep", "replace", "drop"] = "keep"
    """`name1` in talk: as it is, an invented word with a fitting particle, or no such record."""

    def _named(self, record: Record, row: RawRow) -> Record | Left:
        record = record.model_copy(update={"kind": vaiv_kind(row)})
        if self.placeholders == "keep" or record.kind != "talk":
            return record  # elsewhere it may be a variable of a program
        opening = prompt_of(record)[0].content
        if self.placeholders == "drop":
            texts = [*(message.content for message in prompt_of(record)), *answers_of(record)]
            return Left("placeholder", opening, chosen=True) if any(map(has_placeholder, texts)) else record
        names = Names(record.id)
        return with_texts(record, lambda text, _: names.replaced(text))


class VaivInstructions(_Vaiv):
    """VAIV's SFT set and its parts: Alpaca rows; `{input, output}` is abusive talk.

    The translated prompts have their answer under `answer1` or `chatGPT_answer`.
    """

    def __call__(self, name: str, row: RawRow) -> list[Record | Left]:
        answer = next((key for key in ("answer1", "chatGPT_answer") if key in row), None)
        row = {**row, "output": row[answer]} if answer else row
        return [self._named(record, row) for record in alpaca(name, _spelt(row))]


class VaivPreference(_Vaiv):
    """VAIV's pairs: `data_final` (its rows have an `id2`), `finalSet`, and the translated ones."""

    def __call__(self, name: str, row: RawRow) -> list[Record | Left]:
        update = {"labelled_by": _labelled_by(row)}
        pairs = [record.model_copy(update=update) for record in preference(name, _spelt(row))]
        return [self._named(record, row) for record in pairs]


def _labelled_by(row: RawRow) -> str:
    if "id2" in row:
        return "judge:g-eval"
    if "instruction" in row:
        return "human:rlhf-reward"
    return "human:vaiv" if vaiv_kind(row) in ("talk", "abusive") else "rule:chatgpt-wins"


class VaivPrompts(_Vaiv):
    """VAIV's prompts for reward and PPO: `{id, prompt}`, earlier `{id3, prompt}`, or a line of text."""

    def __call__(self, name: str, row: RawRow) -> list[Record | Left]:
        prompt = text_of(row, "prompt", "text")
        identity = row.get("id3") or row.get("id")
        given = content_id(name, prompt) if identity is None else f"{name}:{_spelling(identity)}"
        return [self._named(Dialogue(id=given, source=name, messages=(asked(prompt),)), row)]


class VaivScores(Frozen):
    """`data_scores`: two answers with six scores of GPT-4 each; VAIV's own rule makes pairs of them."""

    threshold: float = 20.0
    """A row is left out where both sums are below it."""
    unread: Literal["rank", "drop"] = "rank"
    """A score of 0 (of 1 to 5) is a judgement that could not be read: VAIV ranked by the sum nevertheless."""

    def __call__(self, name: str, row: RawRow) -> list[Record | Left]:
        """The higher sum is chosen; ties and two poor answers are left out."""
        sums = [_number(*present(row, f"sum{side}")) for side in (1, 2)]
        scores = [_scores(row, side) for side in (1, 2)]
        prompt, answers = text_of(row, "prompt"), [text_of(row, f"response{side}") for side in (1, 2)]
        if sums[0] == sums[1]:
            return [Left("tie", prompt)]
        if max(sums) < self.threshold:
            return [Left("both-low", prompt)]
        num_unread = sum(len(CRITERIA) - len(each) for each in scores)
        if num_unread and self.unread == "drop":
            return [Left("unread-score", prompt, chosen=True)]
        best = [0, 1] if sums[0] > sums[1] else [1, 0]
        made = pair(name, _spelt(row), [asked(prompt)], [answers[side] for side in best])
        responses = [
            response.model_copy(update={"scores": scores[side]})
            for response, side in zip(made.responses, best, strict=True)
        ]
        meta = {"unread_scores": num_unread} if num_unread else {}
        update = {"kind": vaiv_kind(row), "labelled_by": "judge:g-eval", "responses": tuple(responses)}
        return [made.model_copy(update={**update, "meta": meta})]


def _number(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(field, value, "a number")
    return float(value)


def _scores(row: RawRow, side: int) -> dict[str, float]:
    """By criterion; 0 is none. Raises Bad where they do not add up: the sum was made of something else."""
    field, given = present(row, f"scores{side}")
    if not isinstance(given, list) or len(given) != len(CRITERIA):
        raise wrong_type(field, given, f"a list of {len(CRITERIA)} numbers")
    scores = [_number(field, score) for score in given]
    if abs(sum(scores) - _number(*present(row, f"sum{side}"))) > 1e-6:
        raise Bad("row-sum", field=f"sum{side}", sum=row[f"sum{side}"], found=sum(scores))
    return {criterion: score for criterion, score in zip(CRITERIA, scores, strict=True) if score}


_VAIV_KINDS = (
    ("conversation", "talk"),
    ("hatespeech", "abusive"),
    ("chatgpt_translation", "translation"),
    ("translation", "translation"),
    ("evol", "general"),
    ("selfinstruct", "general"),
)


def _spelling(identity: object) -> str:
    """One spelling of upstream's ids: `conversaion_0` and `hatespeech0` name the same as their neighbours."""
    text = re.sub(r"^conversaion", "conversation", str(identity))
    return re.sub(r"^(conversation|hatespeech|translation|evol)(\d)", r"\1_\2", text)


def _spelt(row: RawRow) -> RawRow:
    return {**row, "id": _spelling(row["id"])} if isinstance(row.get("id"), str) else row


def vaiv_kind(row: RawRow) -> str:
    """What kind of talk a VAIV row is, told from its id; the unconverted abusive set has none."""
    identity = _spelling(row.get("id3") or row.get("id") or "").lower()
    if not identity and set(row) == {"input", "output"}:
        return "abusive"
    return next((kind for prefix, kind in _VAIV_KINDS if identity.startswith(prefix)), "general")
