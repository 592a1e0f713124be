"""What every kind of panel shares: its shape, spreads over networks, and how recordings and results are asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paper.evidence import Evidence
from reactivation.analysis.base import Recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Columns = dict[str, ArrayLike]  # header, with its unit → one value per row
PHASES = ("active", "quiescent")


class Numbers(Protocol):
    """What a panel is drawn from."""

    def columns(self) -> Columns:
        """The same numbers, as columns of one table."""
        ...

    def draw(self, ax: "Axes") -> "Axes":
        """Draw them."""
        ...


class Spread(NamedTuple):
    """Mean and standard deviation over networks."""

    mean: Array
    sd: Array  # NaN with one network


def over_networks(values: ArrayLike) -> Spread:
    """Over the first axis: (M, ...) → (...)."""
    stacked = np.asarray(values, dtype=float)
    sd = stacked.std(0, ddof=1) if len(stacked) > 1 else np.full(stacked.shape[1:], np.nan)
    return Spread(stacked.mean(0), sd)


def both_phases(evidence: Evidence, task: str, run: str, changes: Mapping[str, str]) -> dict[str, Recording]:
    """Waking and rest of a run's first seed; `changes` are those of rest."""
    seed = evidence.seeds[0]
    waking = evidence.recording(task, run, "active", seed)
    return {"active": waking, "quiescent": evidence.recording(task, run, "quiescent", seed, **changes)}


def indices(states: Array) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Trajectory and step of every row of states (K, T, ...) laid flat, both counted from 0."""
    trajectory, step = np.indices(states.shape[:2])
    return trajectory.ravel(), step.ravel()


def tables_of(evidence: Evidence, protocol: str) -> list[dict[str, Any]]:
    return [evidence.result(protocol, seed)["table"] for seed in evidence.seeds_of(protocol)]


def details_of(evidence: Evidence, protocol: str) -> list[dict[str, Any]]:
    return [evidence.result(protocol, seed)["details"] for seed in evidence.seeds_of(protocol)]


def time_step(evidence: Evidence, task: str, run: str) -> float:
    dt: float = evidence.config(task, run, evidence.seeds[0]).task.dt
    return dt
