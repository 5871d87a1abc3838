"""What Evol-Instruct asks: a rewriting, whether it gained anything, its answer. Operations are drawn by key.

Follows from settings, descent and round alone. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from dajeong.data.draws import drawing
from dajeong.records import Decoding
from dajeong.remote.request import Request
from dajeong.synthesis import evol_prompts as prompts
from dajeong.synthesis.asking import request
from dajeong.synthesis.evol_lineage import Child, Head
from dajeong.synthesis.instruct_settings import EvolSettings, Operation

_JUDGING = Decoding(temperature=0, max_new_tokens=50)


class Requests:
    def __init__(self, settings: EvolSettings) -> None:
        self._settings = settings

    def operation(self, head: Head, number: int) -> Operation:
        """Of this line of descent in this round."""
        drawn = drawing(self._settings.seed, f"operation {number}")(head.root.encode("utf-8"))
        weights = self._settings.operations
        place = int.from_bytes(drawn[:8], "big") / 2**64 * sum(weights.values())
        reached = zip(weights, accumulate(weights.values()), strict=True)
        return next(operation for operation, end in reached if place < end)

    def rewriting(self, head: Head, operation: Operation, number: int) -> Request:
        frame = prompts.WIDER if operation == "breadth" else prompts.DEEPER
        text = frame.format(how=prompts.HOW[operation], text=head.text)
        return request(self._settings.service, prompts.EDITOR, text, self._settings.rewriting, number)

    def comparison(self, child: Child) -> Request:
        text = prompts.COMPARE.format(parent=child.parent.text, child=child.text)
        return request(self._settings.service, prompts.EDITOR, text, _JUDGING)

    def question(self, child: Child) -> Request:
        settings = self._settings
        return request(settings.service, prompts.ANSWERER, child.text, settings.answering, as_json=False)

    def foreseen(self, heads: Sequence[Head]) -> Iterator[Request]:
        """The requests of a run in which nothing goes; only the rewritings of the first round are exact."""
        for number in range(1, self._settings.rounds + 1):
            for place, head in enumerate(heads):
                operation = self.operation(head, number)
                yield self.rewriting(head, operation, number)
                child = Child(place, head, operation, number, f"{number}. {head.text}", "")
                if self._settings.compare:
                    yield self.comparison(child)
                if self._settings.answers:
                    yield self.question(child)
