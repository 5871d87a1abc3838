"""Every error a user can meet. An error is a code and its parameters; the sentence lives in `messages`.

DajeongError            1  our bug, when raised as itself
├── UsageProblem        2  the command line or the recipe
├── DataProblem         3  a file, a record, a set of records
├── EnvironmentProblem  4  device, disk, missing extra, model not here, offline
├── RemoteProblem       5  a service or the budget for it
├── QualityProblem      6  a gate failed or training diverged
├── RunLocked           7  another process works in this run folder
└── Stopped       130/143  a signal, after the work so far was saved
"""

from __future__ import annotations

from dajeong import messages


class DajeongError(Exception):
    """An error that names the value, what was expected and the next move."""

    exit_code = 1

    def __init__(self, code: str, **parameters: object) -> None:
        super().__init__(code)
        self.code = code
        self.parameters = parameters

    def __str__(self) -> str:
        return messages.text(self.code, **self.parameters)


class UsageProblem(DajeongError):
    exit_code = 2


class DataProblem(DajeongError):
    exit_code = 3


class EnvironmentProblem(DajeongError):
    exit_code = 4


class RemoteProblem(DajeongError):
    exit_code = 5


class QualityProblem(DajeongError):
    exit_code = 6


class RunLocked(DajeongError):
    exit_code = 7


class Stopped(DajeongError):
    """Raised after a signal once a checkpoint is safe; 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, code: str, signal_number: int, **parameters: object) -> None:
        super().__init__(code, **parameters)
        self.exit_code = 128 + signal_number
