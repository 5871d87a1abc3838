"""How a sequence-classification model is asked, and which of its numbers is the reward. No torch here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dajeong.records import Frozen


class ClassifierSettings(Frozen):
    form: Literal["pair", "reply", "chat"] = "pair"
    """`pair`: what the user said last and the reply, as two segments; `reply`: the reply alone; `chat`: the
    whole dialogue in the chat template of its tokenizer.
    """
    label: int | str | None = None
    """Index or name of the class that is wanted; only a model of one class needs none."""
    output: Literal["logit", "log_odds", "probability"] = "logit"
    """The wanted class's logit, its log-odds against all others, or its probability."""
    max_tokens: int = Field(512, ge=8)
    """Longer texts lose the end of their longer segment; a chat loses its front."""
