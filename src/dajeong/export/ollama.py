"""What Ollama needs beside a GGUF file: a Modelfile with the chat template in Go's template language.

The Go template is made of the same turns as our own and writes what that writes; BOS is left to the runner.
"""

from __future__ import annotations

import json

from dajeong.export.chat_template import WHITE, Turns
from dajeong.records import Decoding

MODELFILE = "Modelfile"


def go_template(turns: Turns) -> str:
    """The turns as Ollama's TEMPLATE: a conversation that ends with a question, ready to be answered."""
    blank = _unless_white(turns.before_answer)
    return (
        "{{- range $index, $message := .Messages -}}"
        '{{- if eq .Role "system" -}}'
        f"{_text(turns.before_system)}{{{{ .Content }}}}{_text(turns.after_system)}"
        '{{- else if eq .Role "assistant" -}}'
        f"{blank}{{{{ .Content }}}}{_text(turns.after_answer)}"
        "{{- else -}}"
        f"{{{{- if eq $index 0 -}}}}{_text(turns.opening)}{{{{- end -}}}}"
        f"{{{{ .Content }}}}{_text(turns.after_question)}"
        "{{- end -}}"
        "{{- end -}}"
    )


def _text(text: str) -> str:
    """Text that means nothing but itself: as a quoted string, whose escapes JSON and Go spell alike."""
    return f"{{{{ {_quoted(text)} }}}}" if text else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _unless_white(text: str) -> str:
    """The text, but not before an answer that begins with white space, nor before an empty one."""
    if not text:
        return ""
    kept = " ".join(f"(ne (slice .Content 0 1) {_quoted(white)})" for white in WHITE)
    return f"{{{{- if .Content -}}}}{{{{- if and {kept} -}}}}{_text(text)}{{{{- end -}}}}{{{{- end -}}}}"


def modelfile(gguf: str, turns: Turns, stops: list[str], positions: int | None, decoding: Decoding) -> str:
    """What `ollama create` reads; `gguf` is the name of the file beside it."""
    parameters = [f"PARAMETER stop {_quoted(stop)}" for stop in stops]
    parameters += [f"PARAMETER num_ctx {positions}"] if positions else []
    parameters += [
        f"PARAMETER temperature {decoding.temperature:g}",
        f"PARAMETER top_p {decoding.top_p:g}",
        f"PARAMETER num_predict {decoding.max_new_tokens}",
        "PARAMETER repeat_penalty 1",
    ]
    lines = [f"FROM ./{gguf}", f'TEMPLATE """{go_template(turns)}"""', *parameters]
    return "\n".join(lines) + "\n"
