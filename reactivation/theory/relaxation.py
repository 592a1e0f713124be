"""Relaxation: whether a rest is long enough to forget where it began, and whether its activity keeps its size."""

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.recording import Recording
from reactivation.machine.errors import BadInput

Array = NDArray[np.float64]

_THOUSAND = 1000


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Hold how much of the start is left at the end of a rest."""

    value: float  # correlation of the last positions with the first, over trajectories
    correlation: Array  # (T) at each step
    half: int | None  # the first step with less than half; None: never
    amplitude: Array  # (T) mean norm of the rates; empty where there are none
    growth: float  # factor of the amplitude per 1,000 steps, over the last half; NaN without rates

    def __repr__(self) -> str:
        left = f"{self.value:.2f} of the start is left after {len(self.correlation)} steps"
        grown = "" if math.isnan(self.growth) else f"; amplitude grows by {self.growth:.3g} in 1,000 steps"
        return f"{left}, half after {self.half or 'more'}{grown}"


def relaxation(rest: Recording) -> Relaxation:
    """Measure how trajectories forget where they began, and how the size of their activity changes.

    Args:
        rest: trajectories of one length, from step 0 on.

    Raises:
        BadInput: epochs of several lengths, or fewer than three.
    """
    positions = rest.positions
    if isinstance(positions, list) or len(positions) < 3:
        raise BadInput("relaxation compares trajectories of one length, three at least")
    points = np.asarray(rest.space.embed(positions))  # (B, T, E)
    points = points - points.mean(0)
    squares = (points**2).sum((0, 2))
    correlation = (points * points[:, :1]).sum((0, 2)) / np.sqrt(squares * squares[0])
    below = np.flatnonzero(correlation < 0.5)
    amplitude, growth = np.empty(0), math.nan
    if rest.rates is not None:
        amplitude = np.linalg.norm(rest.rates.astype(np.float64), axis=-1).mean(0)
        late = np.arange(len(amplitude) // 2, len(amplitude))
        growth = float(math.exp(np.polyfit(late, np.log(amplitude[late]), 1)[0] * _THOUSAND))
    return Relaxation(float(correlation[-1]), correlation, int(below[0]) if len(below) else None, amplitude, growth)
