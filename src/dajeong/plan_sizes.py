"""How long the examples and prompts of a step are: as its data say, else as its settings allow.

Reads records and counts tokens; runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from dajeong.inspecting import base_of_step, dialogues_of, records_in
from dajeong.ledger import Ledger
from dajeong.progress import Quiet
from dajeong.recipe import Recipe, Step
from dajeong.records import Dialogue
from dajeong.run_folder import StepFolder
from dajeong.templates import Template, find_template

READ = 4000
"""Records of a set that are tokenised; of more, evenly many are left out."""
CHARACTERS = 2.0
"""To a token, where the tokenizer is not at hand (Polyglot-Ko on Korean instructions)."""
PROMPT = 256
"""Tokens of the longest prompt where nothing is known, as VAIV cut them."""
UNKNOWN_LEARNED = 0.5
"""Share of tokens that are learned where prompts are not and nothing is known."""


class Sizes(NamedTuple):
    longest: int
    """Tokens of the longest example."""
    learned: float
    """Share of tokens whose log-probability is asked."""
    prompt: int
    """Tokens of the longest prompt."""
    lengths: tuple[int, ...] = ()
    """Tokens of what is never split: an example, or all answers to a prompt; empty where not known."""
    groups: tuple[tuple[int, ...], ...] = ()
    """Of some of them, the tokens of every answer."""
    mean_prompt: float = float(PROMPT)
    prompts: int = 0

    @property
    def known(self) -> bool:
        return bool(self.lengths or self.prompts)

    @property
    def tokens(self) -> int:
        return sum(self.lengths)


def sizes_of(step: Step, recipe: Recipe, run: Path) -> Sizes:
    """Of the examples under `data` and of the prompts under `prompts`."""
    settings, tokenizer = cast("Any", step.settings), _tokenizer(step, recipe, run)
    longest = int(getattr(settings, "max_tokens", 0)) or 2048
    learned = 1.0 if getattr(settings, "learn_prompts", use_all(step)) else UNKNOWN_LEARNED
    sizes = Sizes(longest, learned, PROMPT)
    named = getattr(settings, "template", None) or recipe.shared.template
    template = find_template("plain" if step.use == "base" else named)
    counted = Counter(template, tokenizer, longest)
    for field in ("data", "text"):
        if field in step.inputs and (groups := counted.groups(_found(step, field, recipe, run))):
            sizes = _with_examples(
                sizes, groups, counted.scale, bool(getattr(settings, "learn_prompts", False))
            )
    if "prompts" in step.inputs and (groups := counted.groups(_found(step, "prompts", recipe, run))):
        prompts = [prompt for group in groups for prompt, _ in group]
        sizes = sizes._replace(
            prompt=max(prompts),
            mean_prompt=sum(prompts) / len(prompts),
            prompts=round(len(prompts) * counted.scale),
        )
    return sizes


def use_all(step: Step) -> bool:
    """Pretraining learns every token."""
    return step.use == "base"


def _with_examples(
    sizes: Sizes, groups: Sequence[Sequence[tuple[int, int]]], scale: float, learn_prompts: bool
) -> Sizes:
    each = [example for group in groups for example in group]
    total = sum(whole for _, whole in each)
    learned = 1.0 if learn_prompts else sum(whole - prompt for prompt, whole in each) / total
    sums = [sum(whole for _, whole in group) for group in groups]
    lengths = tuple(sums[int(place / scale)] for place in range(round(len(sums) * scale)))
    longest = max(whole for _, whole in each)
    some = tuple(tuple(whole for _, whole in group) for group in groups)
    return sizes._replace(longest=longest, learned=learned, lengths=lengths, groups=some)


class Counter:
    """Tokens of prompts and of whole examples."""

    def __init__(self, template: Template, tokenizer: Any, longest: int) -> None:
        self.template, self.tokenizer, self.longest = template, tokenizer, longest
        self.scale = 1.0
        """Records in the set for each that was counted."""

    def groups(self, records: Sequence[Any]) -> list[list[tuple[int, int]]]:
        """(tokens of the prompt, of all of it) of every answer of every record."""
        every = max(1, len(records) // READ)
        some = records[::every]
        self.scale = len(records) / max(1, len(some))
        return [[self._of(dialogue) for dialogue in dialogues_of(record)] for record in some]

    def _of(self, dialogue: Dialogue) -> tuple[int, int]:
        learned = whole = 0
        for segment in self.template.render(dialogue.messages):
            count = self._count(segment.text) if segment.text else 1
            whole += count
            learned += count if segment.learn else 0
        whole = max(2, min(whole, self.longest))
        return max(1, whole - learned), whole

    def _count(self, text: str) -> int:
        if self.tokenizer is None:
            return max(1, round(len(text) / CHARACTERS))
        return len(self.tokenizer.encode(text))


def _tokenizer(step: Step, recipe: Recipe, run: Path) -> Any:
    """The tokenizer of a step's base, where it lies on this machine."""
    from dajeong.models.base import load_tokenizer

    if not any(wanted.record == "Model" for wanted in step.kind.inputs.values()) or not step.inputs:
        return None
    try:
        base, reference = base_of_step(step, {each.name: each for each in recipe.steps})
    except KeyError:  # no model was named
        return None
    folder = StepFolder(run, base.name).model if base is not None else Path(reference)
    if base is not None and not folder.is_dir():
        folder = Path(str(getattr(base.settings, base.kind.named_by or "", "")))
    return load_tokenizer(str(folder)) if (folder / "tokenizer.json").is_file() else None


def _found(step: Step, field: str, recipe: Recipe, run: Path) -> list[Any]:
    """The records of an input; none where a file is not there, or a step before has not left it yet."""
    ledger = Ledger(recipe, run)
    work = ledger.workplace(step, Quiet())
    for reference in step.inputs[field]:
        if reference.step is not None and not ledger.is_current(ledger.steps[reference.step]):
            return []
    if not all(Path(file).is_file() for file in work.inputs[field]):
        return []
    return records_in(step, field, work)


def free_steps(step: Step, recipe: Recipe) -> Iterator[str]:
    """The steps that make the data of `step`, where neither a model nor a service has a part in them."""
    steps = {each.name: each for each in recipe.steps}
    for field in ("data", "text", "prompts"):
        for reference in step.inputs.get(field, ()):
            if reference.step is not None and _is_free(steps[reference.step], steps):
                yield reference.step


def _is_free(step: Step, steps: dict[str, Step]) -> bool:
    asks = step.kind.estimate is not None or any(each.record == "Model" for each in step.kind.inputs.values())
    return (
        not asks
        and not step.kind.gives_model
        and all(_is_free(steps[name], steps) for name in step.waits_for)
    )
