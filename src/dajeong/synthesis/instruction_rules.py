"""Why a machine-made instruction is not taken, rule by rule: the paper's rules as Korean needs them.

The published ones count words, want an ASCII letter first and match English words between blanks: in Korean
they drop everything or nothing. A rule sees one text; knows neither pool nor model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dajeong.data.reserved import reserved_for
from dajeong.records import Dialogue, Message
from dajeong.synthesis.first_fault import first_fault
from dajeong.synthesis.instruct_settings import SelfInstructSettings
from dajeong.synthesis.letters import broken_character, hangul_share

_UNSEEN = re.compile(
    r"이미지|사진|그림(?!자|책|의 떡|같)|그래프|도표|차트|파일(?!럿)|첨부|동영상|영상(?!강)"
    r"|(?<![가-힣])지도(?!자|교수|력| ?교수|층|하|했|받|해)|음성|녹음|음원|음악[을도]? ?(?:틀|들려)"
    r"|그려 ?(?:[주줘줄보봐볼달]|라)|재생(?:해|시|하[여는])|다운로드|업로드|링크"
    r"|캡처|검색해|웹사이트|사이트에"
    r"|(?<![a-z])(?:image|graph|picture|photo|file|map|draw|plot|video|audio|music|flowchart|diagram|chart)"
    r"(?:s|es)?(?![a-z])"
    r"|https?:|www\.",
    re.IGNORECASE,
)
"""Stems: any particle may follow, so no border of a word is asked for behind. 지도 also ends verbs."""

_PUNCTUATION_FIRST = re.compile(r"[^\w'\"‘“「『《〈(\[<]")
_FRAME = re.compile(
    r"\A\W*(?:(?:과제|말|보기|예시|명령어|지시문|질문|task|instruction|example)\s*\d*\s*[:：]|\d{1,2}\s*[.)]\s)"
    r"|###|```|\"tasks\"|\{\{|\}\}|<\|",
    re.IGNORECASE,
)
_MODEL_SPEAKS = re.compile(
    r"(?:AI|인공 ?지능|언어) ?(?:언어 ?)?(?:모델|어시스턴트|비서)?(?:으?로서|이므로)"
    r"|\A\W*(?:죄송하지만|죄송합니다|미안하지만 (?:저는|도와)|물론(?:입니다|이죠|이에요)|알겠습니다)"
    r"|\A\W*네,? (?:알겠|여기)"
    r"|도와\s?드릴 수 없|지어 드릴게요|만들어 드릴게요|다음은 .{0,20}(?:과제|말|예시)(?:입니다|예요)",
    re.IGNORECASE,
)
_UNFILLED = re.compile(
    r"\[[^\]]{0,20}(?:이름|주제|입력|내용|여기)[^\]]{0,20}\]|_{3,}|○○|(?<![A-Za-z])OO(?![A-Za-z])|\.{6,}"
)

Rule = Callable[[str, SelfInstructSettings], str | None]


def _length(text: str, settings: SelfInstructSettings) -> str | None:
    if len(text) < settings.min_characters:
        return f"{len(text)} < {settings.min_characters}"
    return f"{len(text)} > {settings.max_characters}" if len(text) > settings.max_characters else None


def _broken(text: str, settings: SelfInstructSettings) -> str | None:
    return broken_character(text)


def _first_character(text: str, settings: SelfInstructSettings) -> str | None:
    return repr(text[0]) if _PUNCTUATION_FIRST.match(text) else None


def _hangul(text: str, settings: SelfInstructSettings) -> str | None:
    share = hangul_share(text)
    return f"{share:.2f} < {settings.min_hangul}" if share < settings.min_hangul else None


def _seen(pattern: re.Pattern[str]) -> Rule:
    def rule(text: str, settings: SelfInstructSettings) -> str | None:
        found = pattern.search(text)
        return repr(found[0]) if found else None

    return rule


def _evaluation(text: str, settings: SelfInstructSettings) -> str | None:
    return reserved_for(Dialogue(id="-", messages=(Message(role="user", content=text),)))


RULES: Mapping[str, Rule] = {
    "broken": _broken,
    "length": _length,
    "frame": _seen(_FRAME),
    "first-character": _first_character,
    "hangul": _hangul,
    "model-speaks": _seen(_MODEL_SPEAKS),
    "unfilled": _seen(_UNFILLED),
    "keyword": _seen(_UNSEEN),
    "evaluation-item": _evaluation,
}
"""Name → what speaks against a text; the first that says so names the reject."""


def fault(text: str, settings: SelfInstructSettings) -> tuple[str, str] | None:
    """(rule, what it saw) of the first rule a text breaks; None where it breaks none."""
    return first_fault(RULES, text, settings)
