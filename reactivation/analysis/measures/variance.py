"""How much of its space a network explores at rest (Fig. 2f): variance over time within each decoded trajectory.

    python output_variance.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/variance_<noise>_<seed>.json (run folder → total variance averaged over trajectories; circular variance
for head direction), and beside it variance_<noise>_<seed>_details.json: settings, standard errors, every trajectory's value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from reactivation.analysis.base import (
    Analysis,
    AnalysisSettings,
    NamedStreams,
    Recorded,
    Result,
    rest_of,
)
from reactivation.analysis.recording import as_recording
from reactivation.analysis.results import Measure, mean_of_epochs
from reactivation.checks import checked
from reactivation.network.phases import QUIESCENT
from reactivation.world.spaces import Space


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_variance.py`."""


@checked
def variance(recording: Any, space: Space | None = None) -> Measure:
    """Measure how much of its space each epoch explores: variance over time (Fig. 2f), averaged over epochs.

    In a box, it is summed over dimensions [m²]; on a circle it is 1 − |mean vector|, from 0 (still) to 1 (uniform).

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space.

    Returns:
        `.value`, `.standard_error` over epochs, `.unit`, and `.each` (B), the value of each epoch.

    Raises:
        BadInput: as `Recording`.

    >>> import numpy as np
    >>> ra.variance(np.random.default_rng(0).normal(0, 0.1, (20, 500, 2)), ra.Box(2, 2))
    0.01981 ± 0.00017 m² (mean ± standard error of 20 epochs)
    """
    recording = as_recording(recording, space)
    each, samples = recording.per_epoch(recording.space.variance)
    return mean_of_epochs(each, samples, recording.space.variance_unit)


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return the total variance of resting trajectories.

    Args:
        recorded: run → rest, burn-in dropped.

    Returns:
        table[run], averaged over trajectories; details with each trajectory's value and the standard error.
    """
    values = {run: variance(phases[QUIESCENT]) for run, phases in recorded.items()}
    table = {run: found.value for run, found in values.items()}
    details = {
        run: {"standard_error": found.standard_error, "trajectories": found.each.tolist()} for run, found in values.items()
    }
    return Result(table, details, {run: {"variance": mean} for run, mean in table.items()})


def tabulate(run: str, entry: Any, details: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return a run's variance at rest, with its standard error over trajectories."""
    found = details[run]
    return {QUIESCENT: {"variance": fmean(found["trajectories"]), "variance_standard_error": found["standard_error"]}}


ANALYSIS = Analysis(Settings, lambda settings: (rest_of(settings),), analyse, format=1, tabulate=tabulate)
