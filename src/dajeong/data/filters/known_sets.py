"""The evaluation sets that nobody should train on, by name: the one place that lists them.

To add one: a row here, and `set_marks` run anew over its files.
"""

from __future__ import annotations

from typing import NamedTuple


class EvaluationSet(NamedTuple):
    files: tuple[str, ...]
    """Patterns, as the set is published."""
    about: str
    source: str = ""
    """What reads its rows as whole questions, so that these are known too; else only its texts are."""
    ids: str = ""
    """What the ids of its rows look like."""


KNOWN_SETS: dict[str, EvaluationSet] = {
    "kobest-boolq": EvaluationSet(("**/BoolQ/test*.tsv",), "KoBEST BoolQ, test"),
    "kobest-copa": EvaluationSet(("**/COPA/test*.tsv",), "KoBEST COPA, test"),
    "kobest-hellaswag": EvaluationSet(("**/HellaSwag/test*.tsv",), "KoBEST HellaSwag, test"),
    "kobest-sentineg": EvaluationSet(("**/SentiNeg/test*.tsv",), "KoBEST SentiNeg, test"),
    "kobest-wic": EvaluationSet(("**/WiC/test*.tsv",), "KoBEST WiC, test"),
    "user-oriented-252": EvaluationSet(
        ("**/kullm-v1.jsonl", "**/user_oriented_instructions_eval.jsonl"),
        "Self-Instruct's user-oriented tasks: KULLM's evaluation questions, and also its `kullm-v1.jsonl`",
        source="kullm",
        ids=r"user_oriented_task_\d+(?:\.\d+)?",
    ),
    "vaiv-evaluation": EvaluationSet(("**/eval_prompts/*_prompt.txt",), "VAIV's evaluation prompts"),
}
