"""Everything the doctor can find, and how grave it is. Finds nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dajeong.data.doctor.checks import CHECKS
from dajeong.data.doctor.finding import Severity
from dajeong.errors import UsageProblem

CODES: dict[str, Severity] = {
    **{code: check.severity for code, check in CHECKS.items()},
    "repeated-id": "warning",
    "repeated-record": "warning",
    "repeated-prompt": "note",
    "swapped-pair": "warning",
    "nothing-read": "blocking",
    "unreadable": "warning",
    "evaluation-set": "blocking",
    "evaluation-leak": "warning",
    "personal-data": "warning",
    "mixed-register": "note",
    "register-tells-kind": "warning",
    "length-tells": "warning",
    "author-tells": "warning",
    "wording-tells": "warning",
    "position-tells": "warning",
}
"""Code → severity; a leak that is large blocks."""
BLOCKING = (*(code for code, severity in CODES.items() if severity == "blocking"), "evaluation-leak")
GRAVITY: tuple[Severity, ...] = ("blocking", "warning", "note")


def check_codes(codes: Iterable[str]) -> None:
    """Raises UsageProblem for a code that does not exist."""
    for code in codes:
        if code not in CODES:
            nearest = difflib.get_close_matches(code, CODES, n=1, cutoff=0.0)[0]
            raise UsageProblem("doctor-code-unknown", name=code, nearest=nearest, known=", ".join(BLOCKING))
