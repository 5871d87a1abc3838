"""What a recipe may say about Self-Instruct and Evol-Instruct. Knows no HTTP and no word of a prompt."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, field_validator

from dajeong.data.filters.settings import ParaphraseSettings
from dajeong.records import Decoding, Frozen
from dajeong.remote.settings import ServiceSettings

Operation = Literal["constraints", "deepen", "concretize", "reasoning", "complicate-input", "breadth"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
KINDS = {
    "talk": 0.3,
    "advice": 0.2,
    "request": 0.2,
    "question": 0.1,
    "classification": 0.1,
    "abusive": 0.1,
}


class SelfInstructSettings(Frozen):
    """New instructions in the manner of seed tasks, and answers to them (Wang et al. 2023)."""

    service: ServiceSettings
    """The model that writes."""
    num_tasks: int = Field(1_000, ge=1, json_schema_extra={"scaled": True})
    """Instructions to keep."""
    kinds: dict[str, float] = KINDS
    """Kind → its share of the instructions kept. Every kind needs seeds."""
    casual: float = Field(0.45, ge=0, le=1)
    """Share of the requests that ask for 반말; the others ask for 존댓말."""
    per_request: int = Field(10, ge=1, le=20)
    """Instructions asked for at once; with 20, models begin to number wrongly and to drift."""
    examples: int = Field(8, ge=1, le=20)
    """Examples in a request."""
    machine_examples: int = Field(2, ge=0)
    """Of these, at most so many are machine-made; without any, variety stalls."""
    requests_per_round: int = Field(32, ge=1)
    """Requests that see the same pool. What they bring joins it after all of them are in."""
    patience: int = Field(4, ge=1)
    """Rounds in a row that may bring a kind nothing new; then it is left short."""
    max_requests: int | None = Field(None, ge=1)
    """Requests for instructions in all; null sets no limit but `patience` and the service's budget."""
    classification_first: bool = True
    """Ask of every instruction whether it is a classification, and write the inputs of one label by label."""
    instances: int = Field(1, ge=0, le=5)
    """Inputs and answers written to an instruction, of a classification to each label; 0 writes none."""
    min_characters: int = Field(8, ge=1)
    """Shortest instruction."""
    max_characters: int = Field(400, ge=1)
    """Longest instruction."""
    min_hangul: float = Field(0.5, ge=0, le=1)
    """Least share of Hangul among an instruction's letters."""
    similarity: ParaphraseSettings = ParaphraseSettings()
    """From which likeness on an instruction is a repetition of a seed or of a kept one."""
    proposing: Decoding = Decoding(temperature=0.9, top_p=0.95, max_new_tokens=2_048)
    """How instructions are drawn."""
    answering: Decoding = Decoding(temperature=0.7, max_new_tokens=1_024)
    """How inputs and answers are drawn."""
    licence: str = ""
    """Licence of what the service writes, as its terms say; empty is unstated, and export refuses that."""
    seed: int = 0
    """Draws examples, topics and registers."""

    @field_validator("kinds")
    @classmethod
    def _some_of_each(cls, value: dict[str, float]) -> dict[str, float]:
        if not value or any(share <= 0 for share in value.values()):
            raise ValueError("kinds: at least one, each with a share above 0")
        return value


class EvolSettings(Frozen):
    """Instructions made harder, or made into new ones, round after round (Xu et al. 2024)."""

    service: ServiceSettings
    """The model that rewrites."""
    rounds: int = Field(1, ge=1, le=8)
    """Times an instruction is rewritten; each round takes what the last one left."""
    operations: dict[Operation, float] = {operation: 1.0 for operation in OPERATIONS}
    """What is done, and how often in proportion; `breadth` makes a new instruction of the same kind."""
    leave_kinds: tuple[str, ...] = ("abusive",)
    """Kinds that are not rewritten."""
    max_prompts: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Only the first so many instructions are taken; null takes all."""
    compare: bool = True
    """Ask the model whether a rewriting gained anything; where not, it goes."""
    answers: bool = True
    """Have the model answer what is kept; an answer that declines or says nothing drops its question."""
    min_ratio: float = Field(1.05, ge=0)
    """Least length of a deepened instruction, as a multiple of what it came from."""
    max_ratio: float = Field(3.0, gt=0)
    """Greatest length, as that multiple; below `free_characters` every length is right."""
    free_characters: int = Field(200, ge=0)
    """Length that even the shortest instruction may grow to."""
    max_characters: int = Field(2_000, ge=1)
    """Longest instruction."""
    min_hangul: float = Field(0.5, ge=0, le=1)
    """Least share of Hangul among the letters, unless the instruction it came from had less."""
    similarity: ParaphraseSettings = ParaphraseSettings(least=0.95)
    """From which likeness on a rewriting repeats what it came from, or any other."""
    breadth_similarity: float = Field(0.7, gt=0, le=1)
    """The same for a new instruction in breadth, and stricter."""
    sorry_characters: int = Field(300, ge=0)
    """An answer shorter than this that apologises is a refusal."""
    rewriting: Decoding = Decoding(temperature=0.9, top_p=0.95, max_new_tokens=1_024)
    """How rewritings are drawn."""
    answering: Decoding = Decoding(temperature=0.7, max_new_tokens=1_024)
    """How answers are drawn."""
    licence: str = ""
    """Licence of what the service writes; joined with that of the instruction it came from."""
    seed: int = 0
    """Draws operations."""

    @field_validator("operations")
    @classmethod
    def _some(cls, value: dict[Operation, float]) -> dict[Operation, float]:
        if not any(weight > 0 for weight in value.values()) or any(weight < 0 for weight in value.values()):
            raise ValueError("operations: weights of 0 and more, at least one above 0")
        return value
