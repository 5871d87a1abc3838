"""Which encoding a file is in, told from its beginning. Only names it: converting is the user's."""

from __future__ import annotations

import codecs
import re

from dajeong.errors import DataProblem


def check_encoding(path: str, sample: bytes) -> None:
    """Names a file that is in another encoding throughout; a stray bad byte is left to its line."""
    encoding = _other_encoding(sample)
    if encoding:
        raise DataProblem("file-encoding", path=path, offset=_utf8_fault(sample), encoding=encoding)


def _other_encoding(sample: bytes) -> str | None:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    nul_share = [sample[start::2].count(0) / max(1, len(sample[start::2])) for start in (0, 1)]
    if max(nul_share) > 0.2:
        return "UTF-16BE" if nul_share[0] > nul_share[1] else "UTF-16LE"
    return "CP949" if _utf8_fault(sample) is not None and reads_as_cp949(sample) else None


def _utf8_fault(sample: bytes) -> int | None:
    """The offset of the first byte that is not UTF-8; a character cut by the sample's end is none."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError as problem:
        return problem.start
    return None


def reads_as_cp949(sample: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("cp949")().decode(sample)
    except UnicodeDecodeError:
        return False
    return bool(re.search("[가-힣]", text))
