"""How smooth decoded trajectories are (Fig. C.4): mean distance between consecutive points within each trajectory.

    python output_distance.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/distance_<noise>_<seed>.json (active, quiescent, quiescent_noisy → run folder → mean step of each
trajectory; quiescent_noisy is rest with noise put into networks trained without it), and beside it
distance_<noise>_<seed>_details.json: settings, means and standard errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from reactivation.analysis.base import (
    Analysis,
    AnalysisSettings,
    NamedStreams,
    Recorded,
    Result,
    both_phases,
    rest_of,
)
from reactivation.analysis.epochs import Array
from reactivation.analysis.recording import as_recording
from reactivation.analysis.results import Measure, mean_of_epochs
from reactivation.checks import checked
from reactivation.network.phases import Phase
from reactivation.world.spaces import Space


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_distance.py`."""


@checked
def step_length(recording: Any, space: Space | None = None) -> Measure:
    """Measure how smooth epochs are: mean distance from one sample to the next (Fig. C.4) [m or rad], averaged over epochs.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space.

    Returns:
        `.value`, `.standard_error` over epochs, `.unit`, and `.each` (B), the value of each epoch.

    Raises:
        BadInput: no epoch has two samples; or as `Recording`.

    >>> import numpy as np
    >>> ra.step_length(np.linspace(0, 1, 101)[:, None] * [0.3, 0.4], ra.Box(2, 2))
    0.005 m (one epoch, so no standard error)
    """
    recording = as_recording(recording, space)
    each, samples = recording.per_epoch(partial(_step_lengths, recording.space), 2)
    return mean_of_epochs(each, samples, recording.space.unit)


def _step_lengths(space: Space, positions: Array) -> Array:
    lengths: Array = space.distance(positions[:, 1:], positions[:, :-1]).mean(-1)
    return lengths


def phases(settings: Settings) -> tuple[Phase, ...]:
    """Return waking, rest, and, for networks trained without noise, rest under the noise of the others."""
    return *both_phases(settings), rest_of(settings, "quiescent_noisy", settings.sigma)


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return the mean step length of every trajectory of every phase.

    Args:
        recorded: run → phase → recording.

    Returns:
        table[phase][run], one number per trajectory [m or rad]; details with means and standard errors.
    """
    values = {run: {phase: step_length(one) for phase, one in own.items()} for run, own in recorded.items()}
    table: dict[str, dict[str, list[float]]] = {
        phase.name: {run: own[phase.name].each.tolist() for run, own in values.items() if phase.name in own}
        for phase in phases(settings)
    }
    means = {run: {phase: found.value for phase, found in own.items()} for run, own in values.items()}
    errors = {run: {phase: found.standard_error for phase, found in own.items()} for run, own in values.items()}
    return Result(table, {"mean": means, "standard_error": errors}, means)


def tabulate(run: str, entry: Any, details: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return a run's step length in each phase, with its standard error over trajectories."""
    errors = details["standard_error"][run]
    return {
        phase: {"step_length": value, "step_length_standard_error": errors[phase]}
        for phase, value in details["mean"][run].items()
    }


ANALYSIS = Analysis(Settings, phases, analyse, format=1, tabulate=tabulate)
