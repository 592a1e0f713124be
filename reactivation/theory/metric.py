"""The metric of the manifold: how its volume element, in the space of rates, changes along the course of the drift.

Langevin sampling is of the density per volume of the manifold, but decoded positions have a density per unit of space. The
two differ by the factor √det g, g = (∂m/∂s)ᵀ ∂m/∂s, which adds (1 − 2/c) D d/ds log √det g to the drift
(docs/theory.md, 5). Networks are put at neighbouring positions and run under the same noise; the differences that they then
have, in rates and as decoded, are ∂m and ∂s. Axes: n points, N units, P dimensions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch

from reactivation import types
from reactivation.analysis.recording import Recording
from reactivation.analysis.run import Run
from reactivation.checks import Several, Strength, checked
from reactivation.machine.errors import DamagedData
from reactivation.theory.course import BINS
from reactivation.theory.drift import KERNEL
from reactivation.theory.landscape import waking_positions
from reactivation.theory.pairs import WARM_UP
from reactivation.theory.probe import Probe, asking

Array = NDArray[np.float64]

_APART = 0.05  # distance of neighbours from the point between them [unit]
_FEWEST = 10  # points of a fit, at least


@dataclass(frozen=True, eq=False)
class Metric:
    """Hold log √det g along the course, and its slope where drift is fitted."""

    value: float  # slope at the mean place of the fitted points [1/unit]
    standard_error: float
    place: Array  # (BINS) radius [m], or bearing from home [rad]
    log_volume: Array  # (BINS) log √det g, mean over the points of a bin
    slope: Array  # (BINS) of the parabola that is fitted to the points; NaN where drift is not fitted

    def __repr__(self) -> str:
        return f"log √det g grows by {self.value:.2g} ± {self.standard_error:.1g} per unit"


@checked
def metric(run: Run, *, points: Several = 400, sigma: Strength | None = None, awake: Recording | None = None) -> Metric:
    """Measure how the volume element of the manifold changes along the course.

    Args:
        points: number of points; they start as the pairs of `drift` do, and have the same warm-up under c = 1.
        sigma: σ of c = 1 [s^-1/2]; None for the network's own.
        awake: where home is; None: waking of 100 steps.

    Raises:
        BadInput: the run has no task, or the memory is too small.
        DamagedData: activity does not stay finite, or too few points are where drift is fitted.
    """
    probe = Probe(run, "metric", sigma)
    probe.require_memory(2 * probe.task.space.dimensions * points, "numbers of points")
    course, landscape = probe.course, probe.course.landscape(awake or waking_positions(run), KERNEL)
    middle, between, apart = _neighbours(probe, points)
    place, _, _, near = course.seen(middle, landscape)
    log_volume = _log_volume(between, apart)
    is_known = np.isfinite(log_volume)
    near = near & is_known
    if near.sum() < _FEWEST:
        raise DamagedData(f"{int(near.sum())} of {points} points are where drift is fitted; {_FEWEST} at least are needed")
    centre = float(place[near].mean())
    parabola, covariance = np.polyfit(place[near] - centre, log_volume[near], 2, cov=True)
    members = [(np.digitize(place, course.edges) - 1 == number) & is_known for number in range(BINS)]
    where, level = (
        np.array([values[one].mean() if one.any() else np.nan for one in members]) for values in (place, log_volume)
    )
    slope = np.where(course.is_fitted(where), np.polyval(np.polyder(parabola), where - centre), np.nan)
    return Metric(float(parabola[1]), float(np.sqrt(covariance[1, 1])), where, level, slope)


def _neighbours(probe: Probe, points: int) -> tuple[Array, Array, Array]:
    """Positions of points (n, P), and the differences of their neighbours: in rates (n, P, N), and as decoded (n, P, P)."""
    space, source = probe.task.space, probe.source("points")
    with asking():
        middle = probe.course.even(torch.rand(points, 2, generator=source, dtype=types.PRECISION))
        steps = _APART * torch.eye(middle.shape[-1], dtype=middle.dtype)
        neighbours = torch.cat([middle + sign * step for sign in (1, -1) for step in steps])
        state = probe.go(probe.at(neighbours), WARM_UP, 1.0, source, copies=2 * len(steps))
        rates, decoded = probe.network.cell.rates(state), probe.positions(state)
    (ahead, behind), (one, other) = (
        np.moveaxis(values.reshape(2, len(steps), points, -1), 1, 2) for values in (rates.double().numpy(), decoded)
    )
    apart = space.difference(one, other)
    return space.wrap(other[:, 0] + apart[:, 0] / 2), ahead - behind, apart


def _log_volume(between: Array, apart: Array) -> Array:
    """Log √det g of points whose neighbours differ by `between` in rates (n, P, N) and by `apart` as decoded (n, P, P).

    NaN where neighbours coincide.
    """
    _, squared = np.linalg.slogdet(between @ np.swapaxes(between, 1, 2))
    _, area = np.linalg.slogdet(apart)
    unknown = np.full_like(area, np.nan)
    return np.subtract(squared / 2, area, out=unknown, where=np.isfinite(squared) & np.isfinite(area))
