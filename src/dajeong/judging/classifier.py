"""Any Hugging Face sequence-classification model as a scorer: it reads text with its own tokenizer.

One of its classes is what is wanted. Knows no other scorer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dajeong.errors import UsageProblem
from dajeong.judging.classifier_settings import ClassifierSettings
from dajeong.judging.reward_model import reward_score
from dajeong.models.classifier import Inputs, load_classifier
from dajeong.models.load import own_template
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import TextTokenizer, tokens_of
from dajeong.records import Message, Reply, Score, last_user_text
from dajeong.storage import digest_json


class ClassifierScorer:
    """The model in a folder, or of a Hub id."""

    def __init__(
        self,
        reference: str,
        settings: ClassifierSettings | None = None,
        runtime: RuntimeSettings | None = None,
    ) -> None:
        self._settings = settings or ClassifierSettings()
        self._model = load_classifier(reference, runtime)
        self._wanted = wanted_label(self._settings.label, self._model.labels, reference)
        self._longest = min(self._settings.max_tokens, self._model.max_tokens)
        if self._settings.form == "chat":
            self._refuse_no_chat()
            self._chat_tokenizer = TextTokenizer(self._model.tokenizer, reference)
            self._template = own_template(self._chat_tokenizer, reference)
        self.name = f"classifier:{Path(reference).name}"
        known = [self.name, self._settings.model_dump(), sorted(self._model.labels.items())]
        self._settings_hash = digest_json(known)[:16]

    def rewards(self, dialogues: Sequence[tuple[Sequence[Message], str]]) -> list[float]:
        """One raw reward per (prompt, response)."""
        rows = self._model.logits([self._inputs(prompt, content) for prompt, content in dialogues])
        return [reward_of(row, self._wanted, self._model.exclusive, self._settings.output) for row in rows]

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        """Criterion `reward`; a reward that is not finite is missing."""
        rewards = self.rewards([(reply.prompt, reply.content) for reply in replies])
        return [
            reward_score(reply, reward, self.name, self._settings_hash)
            for reply, reward in zip(replies, rewards, strict=True)
        ]

    def _inputs(self, prompt: Sequence[Message], content: str) -> Inputs:
        if self._settings.form == "chat":
            answered = [*prompt, Message(role="assistant", content=content)]
            ids = tokens_of(answered, self._template, self._chat_tokenizer).ids[-self._longest :]
            return {"input_ids": ids, "attention_mask": [1] * len(ids)}
        texts = [content] if self._settings.form == "reply" else [last_user_text(prompt), content]
        found: Inputs = self._model.tokenizer(*texts, truncation="longest_first", max_length=self._longest)
        return found if found["input_ids"] else self._nothing()

    def _nothing(self) -> Inputs:
        """An empty text under a tokenizer that adds no token of its own: its end alone."""
        end = self._model.tokenizer.eos_token_id
        return {"input_ids": [end or 0], "attention_mask": [1]}

    def _refuse_no_chat(self) -> None:
        if not isinstance(self._model.tokenizer.chat_template, str):
            raise UsageProblem("classifier-no-chat", model=self._model.reference)


def wanted_label(label: int | str | None, labels: Mapping[int, str], reference: str) -> int:
    """Its index. Raises UsageProblem for an unknown one, and where several could be meant."""
    if label is None and len(labels) == 1:
        return next(iter(labels))
    found = [index for index, name in labels.items() if label in (index, name)]
    if label is None or isinstance(label, bool) or not found:
        known = ", ".join(f"{index} ({name})" for index, name in sorted(labels.items()))
        said = "-" if label is None else label
        raise UsageProblem("classifier-label", model=reference, label=said, known=known)
    return found[0]


def reward_of(logits: Sequence[float], wanted: int, exclusive: bool, output: str) -> float:
    """One class's logit z, its probability p, or log p / (1 − p), which for classes of their own is z."""
    own = logits[wanted]
    if output == "logit":
        return own
    others = [logit for index, logit in enumerate(logits) if index != wanted] if exclusive else [0.0]
    highest = max(others)
    log_odds = own - highest - math.log(sum(math.exp(logit - highest) for logit in others))
    if output == "log_odds":
        return log_odds
    return 0.0 if log_odds < -700 else 1 / (1 + math.exp(-log_odds))  # e^700 is near the largest float
