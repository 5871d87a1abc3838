"""The real llama.cpp on a GGUF file: what it makes of text and tokens, asked over loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import xllamacpp


class LlamaCpp:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def _asked(self, path: str, **body: Any) -> Any:
        answer = self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def ids(self, text: str) -> list[int]:
        """Its tokens of a plain text."""
        return list(self._asked("/tokenize", content=text, add_special=False, parse_special=False)["tokens"])

    def prompt(self, messages: Sequence[dict[str, str]]) -> str:
        """A conversation under the chat template that the file holds."""
        return str(self._asked("/apply-template", messages=list(messages))["prompt"])

    def greedy(self, ids: Sequence[int], count: int) -> tuple[list[int], dict[int, float]]:
        """The likeliest tokens behind `ids`, and log-probabilities of the likeliest first ones."""
        how = {"temperature": 0, "top_k": 1, "n_probs": 5, "return_tokens": True}
        found = self._asked("/completion", prompt=list(ids), n_predict=count, **how)
        first = found["completion_probabilities"][0]["top_logprobs"]
        return found["tokens"], {each["id"]: each["logprob"] for each in first}


@contextlib.contextmanager
def llama_cpp(file: Path, positions: int) -> Iterator[LlamaCpp]:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx, parameters.n_parallel, parameters.warmup = positions, 1, False
    parameters.cpuparams.n_threads, parameters.use_jinja = 1, True
    server = xllamacpp.Server(parameters)
    try:
        with httpx.Client(base_url=server.listening_address, timeout=60, trust_env=False) as client:
            yield LlamaCpp(client)
    finally:
        del server
