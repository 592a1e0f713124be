"""How smooth decoded trajectories are (Fig. C.4): mean distance between consecutive points within each trajectory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.base import AnalysisSettings, NamedStreams, Recorded, Result, standard_error
from reactivation.world.spaces import Space

PHASES = ("active", "quiescent", "quiescent_noisy")
RANDOM_PHASES = ()
RATES = 0
FORMAT = 1


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_distance.py`."""


def analyse(recorded: Recorded, space: Space, settings: Settings, streams: NamedStreams) -> Result:
    """Mean step length of every trajectory, awake, at rest, and at rest with the noise of noisy training put in.

    Args:
        recorded: run → phase → states (B, T, P).
        space: where the states live; it says what distance is.

    Returns:
        table[run][phase], one number per trajectory [m or rad]; details with means and standard errors.
    """
    values = {
        run: {phase: _steps(space, recording.states).mean(-1) for phase, recording in phases.items()}
        for run, phases in recorded.items()
    }
    table = {run: {phase: steps.tolist() for phase, steps in phases.items()} for run, phases in values.items()}
    means = {run: {phase: float(steps.mean()) for phase, steps in phases.items()} for run, phases in values.items()}
    errors = {run: {phase: standard_error(steps) for phase, steps in phases.items()} for run, phases in values.items()}
    return Result(table, {"mean": means, "standard_error": errors}, means)


def _steps(space: Space, states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances between consecutive points: (B, T, P) → (B, T − 1)."""
    distances: NDArray[np.float64] = space.distance(states[:, 1:], states[:, :-1])
    return distances
