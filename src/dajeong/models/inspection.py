"""What a model will be shown of a set, token by token, and what stands at the end of every answer.

Reads the ids and the mask that training reads, through the same function. Knows no file, no recipe and no
weight.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from dajeong.data.doctor.finding import NUM_EXAMPLES, Finding, Severity
from dajeong.errors import DataProblem
from dajeong.models.tokenize import TextTokenizer, Tokens, end_id, tokens_of
from dajeong.records import Dialogue, Frozen
from dajeong.templates import Template

End = Literal["learned", "cut", "absent"]
"""`learned`: the token that stops a reply is there and learned. `cut`: the answer is longer than the limit.
`absent`: the answer runs on into whatever comes next, and so will the model.
"""


class Piece(Frozen):
    """Neighbouring tokens whose bytes make whole characters."""

    text: str
    ids: tuple[int, ...]
    learn: bool
    control: bool = False
    """A token of its own, not a spelling: its name is shown."""


class Shown(Frozen):
    """One example as the model gets it."""

    id: str
    source: str
    pieces: tuple[Piece, ...]
    num_tokens: int
    ends: tuple[End, ...]
    """Of every answer."""


class Lengths(Frozen):
    """Tokens of an example."""

    median: int
    p95: int
    longest: int


class Share(Frozen):
    """What one source of records gives to learn."""

    examples: int
    tokens: int
    learned: int
    truncated: int


class Inspection(Frozen):
    template: str
    max_tokens: int
    eos: str
    """Name of the token that ends a reply."""
    examples: int
    tokens: int
    learned: int
    lengths: Lengths | None
    ends: dict[End, int]
    """Answers of the whole set, by what stands at their end."""
    sources: dict[str, Share]
    first: tuple[Shown, ...]
    findings: tuple[Finding, ...]
    """The gravest first. Sentence of a code: `inspect-<code>`, or the data doctor's `doctor-<code>`."""


class _Seen(NamedTuple):
    dialogue: Dialogue
    tokens: Tokens
    ends: tuple[End, ...]


def inspect_dialogues(
    dialogues: Iterable[Dialogue],
    template: Template,
    tokenizer: TextTokenizer,
    max_tokens: int,
    *,
    learn_prompts: bool = False,
    num_shown: int = 5,
) -> Inspection:
    """Every example is tokenised as training does it; `num_shown` are kept to look at."""
    counted = _Counts(tokenizer, max_tokens)
    first: list[Shown] = []
    for dialogue in dialogues:
        try:
            seen = _seen(dialogue, template, tokenizer, max_tokens)
        except DataProblem as problem:  # a template that cannot hold the dialogue, or does not close it
            counted.refuse(dialogue, problem)
            continue
        counted.add(seen, learn_prompts)
        if len(first) < num_shown:
            first.append(_shown(seen, tokenizer, learn_prompts))
    return counted.inspection(template, tuple(first))


def _seen(dialogue: Dialogue, template: Template, tokenizer: TextTokenizer, max_tokens: int) -> _Seen:
    whole = tokens_of(dialogue.messages, template, tokenizer)
    answers = sum(message.role == "assistant" for message in dialogue.messages)
    tokens = tokens_of(dialogue.messages, template, tokenizer, max_tokens)
    return _Seen(dialogue, tokens, _ends(whole, len(tokens.ids), answers, end_id(template, tokenizer)))


def _ends(whole: Tokens, kept: int, answers: int, end: int) -> tuple[End, ...]:
    """What stands at the end of every stretch of learned tokens."""
    learn = [*whole.learn, False]
    last = [place for place in range(len(whole.ids)) if learn[place] and not learn[place + 1]]
    found: list[End] = []
    for place in last:
        if whole.ids[place] != end:
            found.append("absent")
        else:
            found.append("learned" if place < kept else "cut")
    lacking: list[End] = ["absent"] * (answers - len(found))
    return tuple(found + lacking)


class _Counts:
    """What one pass over the set leaves behind."""

    def __init__(self, tokenizer: TextTokenizer, max_tokens: int) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self.examples = 0
        self.lengths: list[int] = []
        self.ends: Counter[End] = Counter()
        self.sources: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.codes: defaultdict[str, list[str]] = defaultdict(list)
        self.details: dict[str, str] = {}

    def refuse(self, dialogue: Dialogue, problem: DataProblem) -> None:
        self.examples += 1
        code = "never-stops" if problem.code == "template-not-closed" else "template-refuses"
        self.codes[code].append(dialogue.id)
        self.details.setdefault(code, str(problem))
        self.ends["absent"] += code == "never-stops"

    def add(self, seen: _Seen, learn_prompts: bool) -> None:
        self.examples += 1
        ids, learn, truncated = seen.tokens
        learned = len(ids) if learn_prompts else sum(learn)
        self.lengths.append(len(ids))
        self.ends.update(seen.ends)
        tally = {"examples": 1, "tokens": len(ids), "learned": learned, "truncated": int(truncated)}
        self.sources[seen.dialogue.source].update(tally)
        for code in self._codes(seen):
            self.codes[code].append(seen.dialogue.id)

    def _codes(self, seen: _Seen) -> Iterable[str]:
        ids, learn, truncated = seen.tokens
        if truncated:
            yield "too-long"
        if not any(learn[1:]):
            yield "nothing-learned"
        if "absent" in seen.ends:
            yield "never-stops"
        bos = self.tokenizer.huggingface.bos_token_id
        if any(one == other == bos for one, other in zip(ids, ids[1:], strict=False)):
            yield "double-bos"

    def inspection(self, template: Template, first: tuple[Shown, ...]) -> Inspection:
        return Inspection(
            template=template.name,
            max_tokens=self.max_tokens,
            eos=_name(self.tokenizer, self.tokenizer.eos_id),
            examples=self.examples,
            tokens=sum(self.lengths),
            learned=sum(counts["learned"] for counts in self.sources.values()),
            lengths=_lengths(self.lengths),
            ends={end: self.ends[end] for end in ("learned", "cut", "absent")},
            sources={name: Share(**counts) for name, counts in self.sources.items()},
            first=first,
            findings=tuple(self._findings()),
        )

    def _findings(self) -> Iterable[Finding]:
        for code, severity in SEVERITIES.items():
            concerned, detail = self.codes.get(code, []), self.details.get(code, "")
            if concerned:
                yield self._finding(code, severity, concerned, detail)
        if self.tokenizer.pad_id == self.tokenizer.eos_id:
            yield self._finding("pad-is-eos", "note", [], _name(self.tokenizer, self.tokenizer.pad_id))

    def _finding(self, code: str, severity: Severity, concerned: Sequence[str], detail: str) -> Finding:
        return Finding(
            code=code,
            severity=severity,
            count=len(concerned),
            of=self.examples,
            examples=tuple(concerned[:NUM_EXAMPLES]),
            parameters={"detail": detail, "max_tokens": self.max_tokens},
        )


SEVERITIES: dict[str, Severity] = {
    "never-stops": "blocking",
    "template-refuses": "blocking",
    "double-bos": "warning",
    "too-long": "warning",
    "nothing-learned": "warning",
}
"""Codes of single examples, the gravest first."""


def _lengths(found: Sequence[int]) -> Lengths | None:
    ordered = sorted(found)
    if not ordered:
        return None
    at = len(ordered) - 1
    return Lengths(median=ordered[at // 2], p95=ordered[round(0.95 * at)], longest=ordered[-1])


def _shown(seen: _Seen, tokenizer: TextTokenizer, learn_prompts: bool) -> Shown:
    ids, learn, _ = seen.tokens
    learned = [True] * len(ids) if learn_prompts else learn
    pieces = tuple(_pieces(ids, learned, tokenizer))
    identity = {"id": seen.dialogue.id, "source": seen.dialogue.source}
    return Shown(**identity, pieces=pieces, num_tokens=len(ids), ends=seen.ends)


def _pieces(ids: Sequence[int], learn: Sequence[bool], tokenizer: TextTokenizer) -> Iterable[Piece]:
    """Tokens, joined only where a character is spread over several."""
    control = set(tokenizer.huggingface.all_special_ids)
    waiting: list[int] = []
    for place, token in enumerate(ids):
        if token in control and not waiting:
            yield Piece(text=_name(tokenizer, token), ids=(token,), learn=learn[place], control=True)
            continue
        waiting.append(token)
        text = tokenizer.decode(waiting)
        ends = place + 1 == len(ids) or learn[place + 1] != learn[place] or ids[place + 1] in control
        if ends or not text.endswith("\ufffd"):
            yield Piece(text=text, ids=tuple(waiting), learn=learn[place])
            waiting = []


def _name(tokenizer: TextTokenizer, token: int) -> str:
    return str(tokenizer.huggingface.convert_ids_to_tokens(token))
