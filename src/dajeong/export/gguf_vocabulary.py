"""A tokenizer as GGUF spells it, and the tokenizer that llama.cpp makes of that. Knows no weights.

llama.cpp knows by name only how text is split before it is merged. Two kinds of tokenizer have such a name:
byte-level BPE (Polyglot-Ko, GPT-2, Llama 3, Qwen 2), and BPE over characters with bytes for unknown ones
(the tiny model). The latter llama.cpp merges over whole lines: a blank behind other white space joins the
word after it, where ours stays with the white space. Any other tokenizer is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from dajeong.errors import EnvironmentProblem
from dajeong.models.tokenize import TextTokenizer

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_TAIL = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPLITS = {
    GPT_2: "gpt-2",
    rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_TAIL}": "llama-bpe",
    rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_TAIL}": "qwen2",
}
"""Pattern in `tokenizer.json` → llama.cpp's name of it (`src/llama-vocab.cpp`, llm_tokenizer_bpe)."""
LINES = "sarvam-moe"
"""llama.cpp's name of characters, blanks written as ▁, split at line breaks only."""
LINE_SPLIT = r"[^\n]+|[\n]+"
BLANK = "▁"
NORMAL, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 3, 4, 5, 6
"""llama.cpp's kinds of token."""


class Vocabulary(NamedTuple):
    """What stands under `tokenizer.ggml` in the file."""

    pre: str
    tokens: list[str]
    types: list[int]
    merges: list[str]


def vocabulary_of(tokenizer: TextTokenizer, rows: int) -> Vocabulary:
    """The tokenizer for a model with `rows` embeddings. Raises EnvironmentProblem without an equal."""
    form = json.loads(tokenizer.huggingface.backend_tokenizer.to_str())
    pre = _split_name(form)
    merges_none = not form["model"].get("merges")  # llama.cpp wants some
    if form["model"]["type"] != "BPE" or merges_none or pre is None or not _leaves_text_alone(form):
        raise EnvironmentProblem("gguf-tokenizer", known=", ".join((*SPLITS.values(), LINES)))
    spelt = _with_blanks if pre == LINES else str
    tokens = [f"[PAD{index}]" for index in range(rows)]
    types = [UNUSED] * rows
    for token, index in form["model"]["vocab"].items():
        tokens[index] = spelt(token)
        types[index] = BYTE if pre == LINES and _is_byte(token) else NORMAL
    for added in form["added_tokens"]:
        tokens[added["id"]] = added["content"]
        types[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    merges = [" ".join(map(spelt, pair)) for pair in map(_pair, form["model"]["merges"])]
    return Vocabulary(pre, tokens, types, merges)


def _split_name(form: dict[str, Any]) -> str | None:
    """llama.cpp's name of how the tokenizer splits text; None where it has none."""
    parts = form["pre_tokenizer"] or {}
    parts = parts.get("pretokenizers", [parts])
    kinds = [part.get("type") for part in parts]
    if kinds == ["ByteLevel"] and parts[0]["use_regex"] and not parts[0]["add_prefix_space"]:
        return "gpt-2"
    pattern = parts[0].get("pattern", {}).get("Regex") if kinds[:1] == ["Split"] else None
    if kinds == ["Split", "ByteLevel"] and not parts[1]["use_regex"] and not parts[1]["add_prefix_space"]:
        return SPLITS.get(pattern or "")
    if kinds == ["Split"] and form["model"].get("byte_fallback") and pattern == r" ?[^\s]+|\s+":
        return LINES
    return None


def _leaves_text_alone(form: dict[str, Any]) -> bool:
    """llama.cpp normalises nothing; NFC leaves alone what people type."""
    model = form["model"]
    plain = not model.get("continuing_subword_prefix") and not model.get("end_of_word_suffix")
    return plain and (form["normalizer"] or {"type": "NFC"})["type"] == "NFC"


def _pair(merge: str | Sequence[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _with_blanks(token: str) -> str:
    return token.replace(" ", BLANK)


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")


def rebuilt(found: Vocabulary) -> Any:
    """The tokenizer that llama.cpp makes of the file: a `tokenizers.Tokenizer`."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {token: index for index, token in enumerate(found.tokens)}
    merges = [_pair(merge) for merge in found.merges]
    lines = found.pre == LINES
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=lines))
    if lines:
        made.normalizer = normalizers.Replace(" ", BLANK)
        made.pre_tokenizer = pre_tokenizers.Split(Regex(LINE_SPLIT), "isolated")
    else:
        pattern = next(pattern for pattern, name in SPLITS.items() if name == found.pre)
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    return made


PROBES = (
    "안녕하세요? 오늘 점심은 김치찌개가 좋겠어요!",
    "### 명령어:\n비가 와요.\n\n### 응답:\n",
    "2024년 3월 1일, 값은 1,234.5원 (약 10%)",
    "It's raining; 우산을 챙기세요 👨‍👩‍👧 훈민졍음 漢字",
    "뷁쀍 ㅋㅋㅋ ㅠㅠ …",
)
"""Lines whose ids must be the same, or nothing is written."""


def check_same(tokenizer: TextTokenizer, found: Vocabulary, name: str) -> int:
    """How many lines were compared. Raises EnvironmentProblem at the first whose ids differ."""
    theirs = rebuilt(found)
    for line in PROBES:
        if theirs.encode(line, add_special_tokens=False).ids != tokenizer.encode(line):
            raise EnvironmentProblem("gguf-ids", model=name, line=line)
    return len(PROBES)
