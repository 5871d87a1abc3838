"""What one service has answered and cost the run: its kept answers, its bill, and the line to it.

Knows neither what is asked nor what an answer looks like: `client` and `deepl` do.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from dajeong.progress import Progress, Quiet
from dajeong.remote.ledger import Bill, Ledger
from dajeong.remote.line import Line, Service
from dajeong.remote.pacing import Clock
from dajeong.remote.prices import PICO
from dajeong.remote.settings import RemoteSettings
from dajeong.remote.transport import HttpTransport, Transport


class Account:
    """A context manager; one thread calls it."""

    def __init__(
        self,
        settings: RemoteSettings,
        address: str,
        service: Service,
        is_priced: bool,
        cache: Path | None,
        progress: Progress | None,
        transport: Transport | None,
        clock: Clock | None,
    ) -> None:
        """`cache`: the file of answers, shared by all steps of a run; None keeps them until it is closed."""
        self.service, self.is_priced = service, is_priced
        self.progress = progress or Quiet()
        self.ledger = Ledger(cache)
        self._transport = transport or HttpTransport(settings, address)
        self._line = Line(settings, service, self.ledger, self._transport, clock or Clock())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()
        self.ledger.close()

    @property
    def spent(self) -> float:
        """Dollars that this service has cost the run so far, earlier starts included."""
        return self.bill().spent

    def bill(self) -> Bill:
        """What the service counts, characters too, stands in it as tokens."""
        return self.ledger.bill(self.service.name)

    def note(self) -> str:
        """What the whole run has spent, for a progress bar; nothing where prices are unknown."""
        return f"${self.ledger.spent / PICO:.4f}" if self.is_priced else ""
