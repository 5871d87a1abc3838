"""NIKL 모두의 말뭉치, everyday conversation of every year. Reads no file: a row is a document.

`{id, metadata, document: [{id, metadata: {topic, speaker}, utterance: [{form, original_form, speaker_id}]}]}`
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from dajeong.data.placeholders import Names, has_placeholder, without_fillers, without_transcript_marks
from dajeong.data.readers.fields import RawRow, list_of, present, text_of, wrong_type
from dajeong.data.rows import Left
from dajeong.records import Dialogue, Frozen, Message, Record, content_id


class Turn(NamedTuple):
    speaker: str
    text: str


class Nikl(Frozen):
    """What of a conversation becomes a record; the first of its speakers is the user."""

    take: Literal["dialogue", "first", "prompt"] = "dialogue"
    """The whole conversation, its first exchange, or only what it opens with."""
    form: Literal["form", "original_form"] = "form"
    """The spelling as normalised, or as spoken."""
    placeholders: Literal["replace", "keep", "drop"] = "replace"
    """`name1` and its kin: an invented word, the same all through; as it is; or no such dialogue."""
    fillers: Literal["keep", "strip"] = "keep"
    """Sounds such as "어~" and "음"."""
    topics: tuple[str, ...] = ()
    """Only conversations on these topics, compared with the part before " > "; empty for all."""

    def __call__(self, name: str, row: RawRow) -> list[Record | Left]:
        """One record for each conversation of the document."""
        key, documents = present(row, "document", "documents")
        parts = [documents] if isinstance(documents, dict) else list_of(row, key)
        shared = row.get("metadata")
        return [self._record(name, part, shared if isinstance(shared, dict) else {}) for part in parts]

    def _record(self, name: str, document: RawRow, shared: RawRow) -> Record | Left:
        identity = text_of(document, "id", missing="") or text_of(shared, "id", missing="")
        topic = _topic(document, shared)
        utterances = list_of(document, "utterance", "utterances")
        opening = next((said for u in utterances if (said := self._said(u))), "")
        if self.topics and topic.split(" > ")[0].strip() not in self.topics:
            return Left("other-topic", opening, chosen=True)
        if self.placeholders == "drop" and any(has_placeholder(self._said(u)) for u in utterances):
            return Left("placeholder", opening, chosen=True)
        turns, num_others = between_two([_turn(u, self._said(u)) for u in utterances])
        messages = self._messages(turns, Names(identity or opening))
        if not messages:
            return Left("no-exchange", opening)
        meta = {"topic": topic, "utterances": len(utterances), "of_others": num_others}
        given = f"{name}:{identity}" if identity else content_id(name, *(turn.text for turn in turns))
        return Dialogue(id=given, source=name, kind="talk", messages=messages, meta=meta)

    def _said(self, utterance: RawRow) -> str:
        other = "original_form" if self.form == "form" else "form"
        return text_of(utterance, self.form, other, missing="")

    def _messages(self, turns: Sequence[Turn], names: Names) -> tuple[Message, ...]:
        """As many as `take` wants; whole exchanges only, but for a prompt."""
        ends = {"prompt": 1, "first": 2, "dialogue": len(turns) - len(turns) % 2}
        taken = turns[: ends[self.take]]
        if len(taken) < min(2, ends[self.take]) or not taken:
            return ()
        return tuple(
            Message(role=("user", "assistant")[place % 2], content=self._clean(turn.text, names))
            for place, turn in enumerate(taken)
        )

    def _clean(self, text: str, names: Names) -> str:
        if self.placeholders == "replace":
            text = without_transcript_marks(names.replaced(text))
        return without_fillers(text) if self.fillers == "strip" else text


def _topic(document: RawRow, shared: RawRow) -> str:
    """Of the conversation, or of the whole file; a list in some years."""
    for holder in (document.get("metadata"), shared):
        topic = holder.get("topic") if isinstance(holder, dict) else None
        if isinstance(topic, list):
            topic = " > ".join(str(part) for part in topic)
        if topic:
            return str(topic)
    return ""


def _turn(utterance: RawRow, said: str) -> Turn:
    key, speaker = present(utterance, "speaker_id", "speaker")
    if not isinstance(speaker, str | int):
        raise wrong_type(key, speaker, "a speaker's id")
    return Turn(str(speaker), said.strip())


def between_two(utterances: Sequence[Turn]) -> tuple[list[Turn], int]:
    """Turns of the longest stretch in which only two people speak, and how many utterances lie outside."""
    spoken = [turn for turn in utterances if turn.text]
    start, best = 0, (0, 0)
    for end in range(1, len(spoken) + 1):
        while len({turn.speaker for turn in spoken[start:end]}) > 2:
            start += 1
        best = max(best, (start, end), key=lambda stretch: (stretch[1] - stretch[0], -stretch[0]))
    return merged(spoken[slice(*best)]), len(spoken) - (best[1] - best[0])


def merged(utterances: Sequence[Turn]) -> list[Turn]:
    """What one person says before the other speaks is one turn."""
    turns: list[Turn] = []
    for utterance in utterances:
        if turns and turns[-1].speaker == utterance.speaker:
            turns[-1] = Turn(utterance.speaker, f"{turns[-1].text} {utterance.text}")
        else:
            turns.append(utterance)
    return turns
