"""Panels, and what all kinds share: tables, needed data, spreads over networks, both phases of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paper import mouse
from paper.protocols import PROTOCOLS
from paper.study import OTHERS, Study
from reactivation.analysis.base import Recording
from reactivation.analysis.request import reference
from reactivation.analysis.result_files import result_file
from reactivation.machine.errors import DamagedData
from reactivation.plotting.drawing import Frame
from reactivation.settings.layers import RESULTS
from reactivation.storage.finding import command

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Columns = Mapping[str, ArrayLike]
PHASES = ("active", "quiescent")


@dataclass(frozen=True)
class PanelTable:
    """The data of a panel: the columns of its CSV file, and the limits and colours that it shares with other panels."""

    columns: Columns  # header, with its unit → one value per row, or one for all rows
    frame: Frame = (math.nan, math.nan, math.nan, math.nan)  # limits of the axes; NaN: those of the columns
    colours: tuple[float, float] = (math.nan, math.nan)  # ends of the colour scale; NaN: no colour scale
    phase: str = ""  # the phase whose colour it has

    def __getitem__(self, header: str) -> Array:
        """A column of numbers."""
        return np.asarray(self.columns[header], dtype=float)

    @property
    def networks(self) -> int | None:
        """How many networks the rows average over; None if they are of one network."""
        if "networks" in self.columns:
            return int(np.max(self.columns["networks"]))
        return len(np.unique(self.columns["seed"])) if "seed" in self.columns else None


@dataclass(frozen=True)
class Need:
    """One kind of data that a panel needs.

    It is the first seed's network, measures of training or a protocol's results of any seed, or the recorded mouse.
    """

    kind: Literal["network", "training", "results", "mouse"]
    name: str  # <task>/<run>, or the protocol

    @property
    def task(self) -> str:
        return PROTOCOLS[self.name].task if self.kind == "results" else self.name.split("/")[0]

    def lacking(self, study: Study) -> str | None:
        """Return one line that says what to run if the data are missing, else None."""
        if self.kind == "mouse":
            return mouse.missing()
        seeds = study.seeds[:1] if self.kind == "network" else study.seeds
        try:
            return None if any(self._there(study, seed) for seed in seeds) else self._advice(study, seeds[0])
        except DamagedData as problem:
            return str(problem)

    def _there(self, study: Study, seed: int) -> bool:
        if self.kind == "results":
            return study.has(self.name, seed)
        task, run = self.name.split("/")
        return (study.has_network if self.kind == "network" else study.has_training)(task, run, seed)

    def _advice(self, study: Study, seed: int) -> str:
        if self.kind == "results":
            protocol = PROTOCOLS[self.name]
            arguments = protocol.arguments(seed, study.preset)
            if study.path != RESULTS:
                arguments["path"] = study.path
            file = result_file(protocol.analysis, study.settings(protocol, seed))
            problem = f"is {OTHERS}" if file.exists() else "is not there; make it"
            return f"{file} {problem} with: {command(f'output_{protocol.analysis}.py', arguments)}"
        task, run = self.name.split("/")
        run_asked = reference(run, study.settings_of_task(task, seed))
        return f"{self.name} of seed {seed} is not there; {run_asked.how_to_train()}"


@dataclass(frozen=True)
class Panel:
    """One panel, with two functions: one gathers its table from the study, one draws the table on Axes."""

    title: str
    needs: tuple[Need, ...]
    gather: Callable[[Study], PanelTable]
    draw: Callable[["Axes", PanelTable], "Axes"]
    bar: str = ""  # label of its colour bar
    scale: str = ""  # panels of the same scale share a colour bar


class Spread(NamedTuple):
    """Mean and standard deviation over networks."""

    mean: Array
    sd: Array  # NaN with one network

    def columns(self, name: str, unit: str = "") -> dict[str, Array]:
        """Return both as columns of a table."""
        end = f"_{unit}" if unit else ""
        return {f"{name}_mean{end}": self.mean.ravel(), f"{name}_sd{end}": self.sd.ravel()}


def over_networks(values: ArrayLike) -> Spread:
    """Return mean and standard deviation over the first axis: (M, ...) → (...)."""
    stacked = np.asarray(values, dtype=float)
    sd = stacked.std(0, ddof=1) if len(stacked) > 1 else np.full(stacked.shape[1:], np.nan)
    return Spread(stacked.mean(0), sd)


def both_phases(study: Study, task: str, run: str, changes: Mapping[str, str]) -> dict[str, Recording]:
    """Record waking and rest of a run's first seed; `changes` are settings of rest."""
    seed = study.seeds[0]
    waking = study.recording(task, run, "active", seed)
    return {"active": waking, "quiescent": study.recording(task, run, "quiescent", seed, **changes)}


def points(positions: Array, *names: str) -> dict[str, ArrayLike]:
    """Return columns of positions (K, T, P), with the trajectory and the step of each, both counted from 0."""
    trajectory, step = np.indices(positions.shape[:2])
    columns = dict(zip(names, positions.reshape(-1, len(names)).T, strict=True))
    return {**columns, "trajectory": trajectory.ravel(), "step": step.ravel()}


def every_result(study: Study, protocol: str) -> list[dict[str, Any]]:
    """Return the results of a protocol, for every seed that has them."""
    return [study.result(protocol, seed) for seed in study.seeds_of(protocol)]


def time_step(study: Study, task: str, run: str) -> float:
    dt: float = study.config(task, run, study.seeds[0]).task.dt
    return dt
