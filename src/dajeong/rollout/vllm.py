"""vLLM behind the same methods as our own continuous engine, for merged weights. Needs the extra `vllm`.

vLLM draws with generators of its own: a seed repeats itself there, but gives other tokens than natively.
Knows tokens only; training never samples here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dajeong.errors import EnvironmentProblem
from dajeong.records import StopReason
from dajeong.rollout.engine import Drawn, Ranked, Request

REASONS: Mapping[str | None, StopReason] = {"stop": "eos", "length": "length", "abort": "cancelled"}


class VllmContinuous:
    """Serves the whole model in `folder`, or of that Hub id."""

    def __init__(self, model: str, max_slots: int = 64) -> None:
        try:
            import vllm
        except ImportError as problem:
            raise EnvironmentProblem("extra-missing", needed_for="vllm", extra="vllm") from problem
        self._vllm: Any = vllm
        arguments = self._vllm.EngineArgs(model=model, max_num_seqs=max_slots, disable_log_stats=True)
        self._engine = self._vllm.LLMEngine.from_engine_args(arguments)
        self.context = int(self._engine.model_config.max_model_len)
        self._max_slots = max_slots
        self._requests: dict[int, Request] = {}
        self._keys = 0

    @property
    def num_running(self) -> int:
        return min(len(self._requests), self._max_slots)

    @property
    def num_waiting(self) -> int:
        return len(self._requests) - self.num_running

    def add(self, request: Request) -> int:
        assert request.role is None, "merged weights have no adapters"
        self._keys += 1
        prompt = {"prompt_token_ids": list(request.ids)}
        wanted = sampling_of(request, self.context)
        kind = self._vllm.sampling_params.RequestOutputKind.DELTA
        self._engine.add_request(
            str(self._keys), prompt, self._vllm.SamplingParams(**wanted, output_kind=kind)
        )
        self._requests[self._keys] = request
        return self._keys

    def cancel(self, key: int) -> None:
        if self._requests.pop(key, None) is not None:
            self._engine.abort_request([str(key)])

    def step(self) -> list[Drawn]:
        if not self._engine.has_unfinished_requests():
            return []
        return [drawn for output in self._engine.step() for drawn in self._drawn(output)]

    def clear(self) -> None:
        for key in list(self._requests):
            self.cancel(key)

    def _drawn(self, output: Any) -> list[Drawn]:
        """What is new of one request."""
        key = int(output.request_id)
        request = self._requests.get(key)
        if request is None:
            return []
        if output.finished:
            del self._requests[key]
        (said,) = output.outputs
        return drawn_of(key, request, said.token_ids, said.logprobs, said.finish_reason)


def sampling_of(request: Request, context: int) -> dict[str, Any]:
    """What `vllm.SamplingParams` is made of for this request."""
    decoding = request.decoding
    return {
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "top_k": decoding.top_k or -1,
        "repetition_penalty": decoding.repetition_penalty,
        "max_tokens": min(decoding.max_new_tokens, context - len(request.ids)),
        "seed": request.seed,
        "stop_token_ids": sorted(request.stop_ids),
        "logprobs": request.num_ranked,
        "detokenize": False,
    }


def drawn_of(
    key: int,
    request: Request,
    tokens: Sequence[int],
    logprobs: Sequence[Mapping[int, Any]] | None,
    finish_reason: str | None,
) -> list[Drawn]:
    """vLLM's new tokens as ours; the last of them tells why there will be no more."""
    found = []
    for at, token in enumerate(tokens):
        said = {} if logprobs is None else logprobs[at]
        logprob = said[token].logprob if token in said else float("nan")
        reason = REASONS.get(finish_reason) if at == len(tokens) - 1 else None
        found.append(Drawn(key, token, logprob, ranked(said, request.num_ranked), reason))
    return found


def ranked(said: Mapping[int, Any], count: int) -> Ranked:
    """The likeliest of those that vLLM tells about; it adds the drawn one where that is not among them."""
    best = sorted(((token, float(each.logprob)) for token, each in said.items()), key=lambda pair: -pair[1])
    return tuple(best[:count])
