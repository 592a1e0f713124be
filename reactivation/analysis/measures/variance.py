"""How much of its space a network explores at rest (Fig. 2f): variance over time within each decoded trajectory."""

from dataclasses import dataclass

from reactivation.analysis.base import AnalysisSettings, NamedStreams, Recorded, Result, standard_error
from reactivation.world.spaces import Space

PHASES = ("quiescent",)
RANDOM_PHASES = ()
RATES = 0
FORMAT = 1


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_variance.py`."""


def analyse(recorded: Recorded, space: Space, settings: Settings, streams: NamedStreams) -> Result:
    """Total variance of resting trajectories: summed over dimensions in a box [m²], 1 − |mean vector| on a circle.

    Args:
        recorded: run → "quiescent" → states (B, T, P), burn-in dropped.
        space: where the states live; it says what variance is.

    Returns:
        table[run], averaged over trajectories; details with each trajectory's value and the standard error.
    """
    values = {run: space.variance(phases["quiescent"].states) for run, phases in recorded.items()}
    table = {run: float(value.mean()) for run, value in values.items()}
    details = {
        run: {"standard_error": standard_error(value), "trajectories": value.tolist()} for run, value in values.items()
    }
    return Result(table, details, {run: {"variance": mean} for run, mean in table.items()})
