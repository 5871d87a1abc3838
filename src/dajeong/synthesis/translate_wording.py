"""Which requests depend on how English is worded: translated, they would ask something else or nothing.

Reads what is asked, not the material it is about. Word lists: they take some requests that would survive.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dajeong.records import Message

_LANGUAGE = (
    "(?:English|French|Spanish|German|Italian|Chinese|Japanese|Korean|Latin|Portuguese|Russian|Arabic)"
)

SIGNS: Mapping[str, tuple[str, ...]] = {
    "spelling": (
        r"(?:mis)?spell(?:s|ed|ing|ings)?\b",
        r"typos?\b",
        r"capitali[sz]",
        r"(?:upper|lower)[ -]?case",
        r"alphabetical",
        r"(?:vowel|consonant|comma|hyphen)s?\b",
        r"punctuat",
        r"abbreviat",
        r"(?:start|begin|end)(?:s|ning|ing)? with (?:the letter |an? )?[\"'“]?[A-Za-z]\b",
        r"(?:first|last|missing|number of) letters?\b",
    ),
    "grammar": (
        r"gramma(?:r|tical|tically)\b",
        r"parts? of speech",
        r"(?:past|present|future|verb) (?:tense|participle)",
        r"(?:passive|active) (?:voice|form|sentence)",
        r"(?:first|second|third) person\b",
        r"(?:plural|preposition|pronoun|adverb|gerund|infinitive)s?\b",
        r"conjugat",
        r"(?:subject|verb|object) (?:of|in) the (?:sentence|phrase)",
        r"transcription\b",
    ),
    "sound": (
        r"rhym(?:e|es|ed|ing)\b",
        r"alliterat",
        r"(?:syllable|haiku|limerick|pun|homophone|homonym)s?\b",
        r"pronounc|pronunciation|phonetic",
        r"tongue[ -]twister",
        r"onomatop",
        r"wordplay\b",
    ),
    "words": (
        r"synonym|antonym|anagram|palindrom|acronym|acrostic|etymolog",
        r"crossword|scrabble|wordle\b|hangman\b",
        r"(?:prefix|suffix)(?:es)?\b",
        r"(?:idiom|proverb|slang)s?\b",
        r"compound words?\b",
        r"underlined\b|SAT word|asterisk for the word",
        r"(?:origins?|history|meaning|definition) of the (?:word|term|phrase)",
        r"words? (?:that|which) (?:match|fit)",
        r"ambiguous\b|(?:double|hidden) meaning",
        r"fill in the (?:blank|gap)s?\b",
        r"original quote",
        r"(?:un)?scrambled?\b|rearrange the (?:words|letters)",
        r"word count\b|\d+[- ](?:word|character|letter)s?\b",
    ),
    "language": (
        r"translat(?:e|es|ed|ing|ion)\b(?! it into natural language)",
        r"in English\b|English (?:word|sentence|language|phrase|verb|text)",
        r"how (?:do|would) you say\b",
        rf"(?:reading ability|grammar|pronunciation|vocabulary) (?:of|in) {_LANGUAGE}\b",
        rf"{_LANGUAGE} (?:verb|noun|word|phrase|sentence)s?\b|into {_LANGUAGE}\b",
    ),
}
"""What a request hangs on → how it says so; every sign begins at a word's beginning."""

_PATTERNS = {
    name: re.compile("|".join(rf"\b(?:{sign})" for sign in signs), re.IGNORECASE)
    for name, signs in SIGNS.items()
}


def depends_on_wording(messages: Sequence[Message]) -> str | None:
    """What of English the request hangs on; None where nothing was found."""
    asked = "\n".join(message.content for message in messages if message.role != "assistant")
    for name, pattern in _PATTERNS.items():
        found = pattern.search(asked)
        if found:
            return f"{name}: {found[0].strip()[:40]}"
    return None
