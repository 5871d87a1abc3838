"""The sentence of every error and progress line, Korean and English side by side.

Nothing here knows who speaks. A sentence is found by its code; `{name}` marks a parameter.
"""

from __future__ import annotations

import locale
import os
from typing import Literal, NamedTuple

Language = Literal["ko", "en"]


class Sentence(NamedTuple):
    en: str
    ko: str


MESSAGES: dict[str, Sentence] = {
    # --- workplace
    "stopped": Sentence(
        "Stopped in step {step}; the work so far is saved. Run the same command to go on.",
        "{step} 단계에서 멈췄습니다. 지금까지의 작업은 저장되었습니다. 같은 명령을 다시 실행하면 이어집니다.",
    ),
    # --- storage and records
    "file-missing": Sentence(
        "{path}: no such file. Check the path, or the recipe's data_dir.",
        "{path}: 파일이 없습니다. 경로나 레시피의 data_dir을 확인하세요.",
    ),
    "file-empty": Sentence(
        "{path}: the file holds no records; at least one was expected.",
        "{path}: 레코드가 하나도 없습니다. 한 개 이상 있어야 합니다.",
    ),
    "file-encoding": Sentence(
        "{path}: not UTF-8 (byte {offset}); it looks like {encoding}. "
        "Convert it: iconv -f {encoding} -t UTF-8 {path} > converted",
        "{path}: UTF-8이 아닙니다({offset}번째 바이트). {encoding}(으)로 보입니다. "
        "변환하세요: iconv -f {encoding} -t UTF-8 {path} > converted",
    ),
    "line-unreadable": Sentence(
        "{path}:{line}:{column}: {problem}. Excerpt: {excerpt}",
        "{path}:{line}:{column}: {problem}. 발췌: {excerpt}",
    ),
    "record-invalid": Sentence(
        "{path}:{line}: field {field}: got {value}, expected {expected}.",
        "{path}:{line}: 필드 {field}: 값 {value}, 기대한 것: {expected}.",
    ),
    "disk-full": Sentence(
        "{path}: the disk is full ({needed} bytes needed). Free some space and run the same command again; "
        "what was finished is kept.",
        "{path}: 디스크가 가득 찼습니다({needed}바이트 필요). 공간을 비우고 같은 명령을 다시 실행하세요. "
        "끝난 작업은 그대로 있습니다.",
    ),
}

_chosen: Language | None = None


def choose_language(language: Language | None) -> None:
    """Fix the language of every sentence from here on; None returns to the environment's choice."""
    global _chosen
    _chosen = language


def language() -> Language:
    """`--lang`, else DAJEONG_LANG, else the locale; English where none says Korean."""
    if _chosen:
        return _chosen
    wanted = os.environ.get("DAJEONG_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG")
    wanted = wanted or locale.getlocale()[0] or ""
    return "ko" if wanted.lower().startswith(("ko", "korean")) else "en"


def text(code: str, **parameters: object) -> str:
    """The sentence of `code` in the chosen language, its placeholders filled."""
    return getattr(MESSAGES[code], language()).format(**parameters)  # type: ignore[no-any-return]
