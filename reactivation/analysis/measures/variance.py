"""How much of its space a network explores at rest (Fig. 2f): variance over time within each decoded trajectory.

    python output_variance.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/variance_<noise>_<seed>.json (run → total variance averaged over trajectories; circular variance for
head direction), and beside it variance_<noise>_<seed>_details.json: settings, standard errors, every trajectory's value.
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
    rest_of,
    standard_error,
)
from reactivation.network.phases import QUIESCENT


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_variance.py`."""


def total_variance(recording: Recording) -> NDArray[np.float64]:
    """Return each trajectory's variance over time (B): of both dimensions in a box [m²], 1 − |mean vector| on a circle."""
    return recording.space.variance(recording.positions)


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return the total variance of resting trajectories.

    Args:
        recorded: run → rest, burn-in dropped.

    Returns:
        table[run], averaged over trajectories; details with each trajectory's value and the standard error.
    """
    values = {run: total_variance(phases[QUIESCENT]) for run, phases in recorded.items()}
    table = {run: float(value.mean()) for run, value in values.items()}
    details = {
        run: {"standard_error": standard_error(value), "trajectories": value.tolist()} for run, value in values.items()
    }
    return Result(table, details, {run: {"variance": mean} for run, mean in table.items()})


ANALYSIS = Analysis(Settings, lambda settings: (rest_of(settings),), analyse, format=1)
