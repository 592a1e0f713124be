"""How smooth decoded trajectories are (Fig. C.4): mean distance between consecutive points within each trajectory.

    python output_distance.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/distance_<noise>_<seed>.json (run → active, quiescent, quiescent_noisy → mean step of each trajectory),
and beside it distance_<noise>_<seed>_details.json: settings, means and standard errors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.base import (
    Analysis,
    AnalysisSettings,
    NamedStreams,
    Recorded,
    Recording,
    Result,
    both_phases,
    rest_of,
    standard_error,
)
from reactivation.network.phases import Phase


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_distance.py`."""


def step_length(recording: Recording) -> NDArray[np.float64]:
    """Return the mean distance between consecutive points of each trajectory (B) [m or rad]."""
    positions = recording.positions
    lengths: NDArray[np.float64] = recording.space.distance(positions[:, 1:], positions[:, :-1]).mean(-1)
    return lengths


def phases(settings: Settings) -> tuple[Phase, ...]:
    """Return waking, rest, and rest under the noise of noisy training, for networks that have none."""
    return *both_phases(settings), rest_of(settings, "quiescent_noisy", settings.sigma)


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return the mean step length of every trajectory of every phase.

    Args:
        recorded: run → phase → recording.

    Returns:
        table[run][phase], one number per trajectory [m or rad]; details with means and standard errors.
    """
    values = {run: {phase: step_length(one) for phase, one in own.items()} for run, own in recorded.items()}
    table = {run: {phase: lengths.tolist() for phase, lengths in own.items()} for run, own in values.items()}
    means = {run: {phase: float(lengths.mean()) for phase, lengths in own.items()} for run, own in values.items()}
    errors = {run: {phase: standard_error(lengths) for phase, lengths in own.items()} for run, own in values.items()}
    return Result(table, {"mean": means, "standard_error": errors}, means)


ANALYSIS = Analysis(Settings, phases, analyse, format=1)
