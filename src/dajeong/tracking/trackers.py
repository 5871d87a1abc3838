"""TensorBoard, Weights & Biases, MLflow, trackio: each as something that takes readings. Each package is
imported when it is asked for, and keeps its own settings (WANDB_PROJECT, MLFLOW_TRACKING_URI …).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from dajeong.tracking.tail import Reading

PROJECT = "dajeong"
"""Where the tool's own variable names none."""


class Tracker(Protocol):
    """Made of a folder of its own and the title of the run."""

    def log(self, reading: Reading) -> None:
        """Take the numbers of one journal entry."""

    def flush(self) -> None:
        """All that was taken so far may be shown."""

    def close(self) -> None:
        """The run is over."""


class TensorBoard:
    """Event files: one folder a step, so that steps are curves of their own."""

    def __init__(self, folder: Path, title: str) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._make, self._folder = SummaryWriter, folder
        self._writers: dict[str, Any] = {}

    def log(self, reading: Reading) -> None:
        if reading.step not in self._writers:
            self._writers[reading.step] = self._make(str(self._folder / reading.step))
        for name, value in reading.numbers.items():
            tag = f"{reading.event}/{name}"
            self._writers[reading.step].add_scalar(tag, value, reading.at, walltime=reading.time)

    def flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class WeightsAndBiases:
    """One run; every event of every step has an axis of its own, since their counts do not run together."""

    def __init__(self, folder: Path, title: str) -> None:
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        self._run: Any = wandb.init(project=project, name=title, dir=str(folder), reinit="create_new")
        self._axes: set[str] = set()

    def log(self, reading: Reading) -> None:
        prefix = f"{reading.step}/{reading.event}"
        if prefix not in self._axes:
            self._axes.add(prefix)
            self._run.define_metric(f"{prefix}/*", step_metric=f"{prefix}/at")
        values = {f"{prefix}/{name}": value for name, value in reading.numbers.items()}
        self._run.log({f"{prefix}/at": reading.at, **values})

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._run.finish()


class MlFlow:
    """One run of an experiment; without MLFLOW_TRACKING_URI, in a database beside the run."""

    def __init__(self, folder: Path, title: str) -> None:
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        folder.mkdir(parents=True, exist_ok=True)
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder.resolve() / 'mlflow.db'}"
        self._client, self._metric = MlflowClient(uri), Metric
        experiment = self._experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT))
        self._run_id = self._client.create_run(experiment, run_name=title).info.run_id
        self._waiting: list[Any] = []

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def log(self, reading: Reading) -> None:
        moment = int(reading.time * 1000)
        for name, value in reading.numbers.items():
            key = f"{reading.step}/{reading.event}/{name}"
            self._waiting.append(self._metric(key, value, moment, reading.at))
        if len(self._waiting) > 900:  # a call may carry 1,000
            self.flush()

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), 1000):
            self._client.log_batch(self._run_id, metrics=waiting[start : start + 1000])

    def close(self) -> None:
        self.flush()
        self._client.set_terminated(self._run_id)


class Trackio:
    """One local run."""

    def __init__(self, folder: Path, title: str) -> None:
        import trackio

        self._trackio: Any = trackio
        trackio.init(project=os.environ.get("TRACKIO_PROJECT", PROJECT), name=title)

    def log(self, reading: Reading) -> None:
        prefix = f"{reading.step}/{reading.event}"
        values = {f"{prefix}/{name}": value for name, value in reading.numbers.items()}
        self._trackio.log({f"{prefix}/at": reading.at, **values})

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._trackio.finish()


TRACKERS: dict[str, Callable[[Path, str], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MlFlow,
    "trackio": Trackio,
}
"""Name of the package and of the extra → what makes the tracker."""
