"""For every test: no deadline on single examples, as a busy machine may pause anywhere; and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for the tests of one module; mark them `needs_browser` (tests/browser.py)."""
    from browser import chromium

    with chromium() as opened:
        yield opened
