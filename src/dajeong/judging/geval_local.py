"""G-Eval by a model of one's own: the probability of every score is read, none is drawn (`exact`).

One forward per criterion where scores are single tokens. Knows no service.
"""

from __future__ import annotations

from collections.abc import Sequence

from dajeong.judging import form
from dajeong.judging.judgement import Judge, Question, questions, score_of
from dajeong.judging.reading_local import WRITTEN, Closed, LocalReader
from dajeong.judging.rubric import Rubric
from dajeong.judging.rubrics import RUBRICS
from dajeong.models.load import ChatModel
from dajeong.records import Reply, Score
from dajeong.storage import digest_json

METHOD = "exact"


class LocalJudge:
    """A local chat model that judges by a rubric."""

    def __init__(self, reader: str | ChatModel | LocalReader, rubric: Rubric | None = None) -> None:
        """`rubric`: None takes KULLM3's five criteria, which fit any kind of prompt."""
        self._reader = reader if isinstance(reader, LocalReader) else LocalReader(reader)
        self._rubric = rubric or RUBRICS["kullm3", "en"]
        self.name = self._reader.name
        settings_hash = digest_json([form.VERSION, self._rubric.digest, METHOD, WRITTEN, self.name])[:16]
        self.judge = Judge(self.name, METHOD, f"{self._rubric.name}-{self._rubric.version}", settings_hash)

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        asked = list(questions(replies, self._rubric))
        found = self._reader.read([self._closed(question) for question in asked])
        return [
            score_of(each.reply, each.criterion, judgement, self.judge)
            for each, judgement in zip(asked, found, strict=True)
        ]

    def _closed(self, question: Question) -> Closed:
        messages = form.form(question.sheet, question.criterion, question.reply, self._rubric.language)
        return Closed(form.as_one(messages), {str(score): score for score in question.criterion.scale})
