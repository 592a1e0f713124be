"""Relaxation: whether rest forgets where it began, keeps the size of its activity, and has no direction in time.

The paper's rests have 200 to 2,000 steps; here they have 20,000. Langevin dynamics are reversible, so a direction in time
of stationary rest is evidence against them.
"""

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray
import torch

from reactivation.analysis.recording import Recording
from reactivation.analysis.run import Run
from reactivation.checks import Count, Several, Strength, checked, whole
from reactivation.replay.asymmetry import antisymmetric_share
from reactivation.replay.inference import Found, ratio
from reactivation.theory.probe import Probe, asking
from reactivation.theory.uncertainty import jackknife

Array = NDArray[np.float64]

STEPS = 20_000
_APART = 50  # steps between positions that are read
_LAG = 10  # lag of the covariance whose antisymmetric share is taken, in read positions
_OTHER_LAGS = (5, 20)  # tried for the sensitivity
_THOUSAND = 1000


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Hold how far a long rest remembers its start, the size of its activity, and its direction in time."""

    value: float  # correlation of the last positions with the first, over trajectories
    gain: float  # c
    step: NDArray[np.int_]  # (T) of correlation and amplitude
    correlation: Array  # (T) of positions with the first positions
    half: int | None  # the first of these steps with a correlation below 0.5; None: never
    amplitude: Array  # (T) mean norm of the rates
    growth: float  # factor of the amplitude per 1,000 steps, over the last half
    share: float  # antisymmetric share of the covariance over 500 steps, over the last half, 0 to 1
    share_reversed: float  # the same after trajectories were reversed at random, which removes any direction
    errors: dict[str, float]  # standard errors over trajectories: of value, growth, and direction
    sensitivity: dict[str, float]  # choice → direction, √share less √share_reversed

    def __repr__(self) -> str:
        kept = f"{self.value:.2f} ± {self.errors['value']:.2f} of the start is left after {self.step[-1]} steps"
        left = f"{kept}, half after {self.half or 'more'}"
        sizes = f"amplitude grows by {self.growth:.3g} in 1,000 steps"
        return f"{left}; {sizes}; {self.share:.2g} of the covariance has a direction in time"


@checked
def relaxation(
    run: Run, gain: Strength = 2.0, *, steps: Count = STEPS, trajectories: Several = 60, sigma: Strength | None = None
) -> Relaxation:
    """Follow a long rest from where the task starts.

    Args:
        gain: c, noise variance over that of waking.
        steps: length of the rest.
        sigma: σ of c = 1 [s^-1/2]; None for the network's own.

    Raises:
        BadInput: fewer than 150 steps.
        DamagedData: activity does not stay finite.
    """
    whole("steps", steps, 3 * _APART)
    probe = Probe(run, "relaxation", sigma)
    space, source = probe.task.space, probe.source(f"{gain:g}")
    with asking():
        state = probe.network.initial_state(probe.task.sample(trajectories, 2, source).start)
        read, amplitude = [probe.positions(state)], [_sizes(probe, state)]
        for _ in range(steps // _APART):
            state = probe.go(state, _APART, gain, source)
            read.append(probe.positions(state))
            amplitude.append(_sizes(probe, state))
    positions, sizes = np.stack(read, axis=1), np.stack(amplitude, axis=1)
    points = np.asarray(space.embed(positions))  # (B, T, E)
    correlation, step = _with_start(points), _APART * np.arange(points.shape[1])
    below, late = np.flatnonzero(correlation < 0.5), slice(len(step) // 2, None)

    def growth(kept: NDArray[np.bool_]) -> float:
        return math.exp(np.polyfit(step[late], np.log(sizes[kept, late].mean(0)), 1)[0] * _THOUSAND)

    def direction(first: int, lag: int) -> Found:
        rest = Recording(positions[:, first:], dt=_APART * probe.dt, space=space)
        return antisymmetric_share(rest, lag=min(lag, positions.shape[1] - first - 1))

    half, quarter = len(step) // 2, min(len(step) * 3 // 4, len(step) - 2)
    found = direction(half, _LAG)
    share, share_reversed = found.value, _by_chance(found)
    choices = {"as chosen": found, **{f"lag of {lag * _APART} steps": direction(half, lag) for lag in _OTHER_LAGS}}
    choices["last quarter"] = direction(quarter, _LAG)
    kept_error = jackknife(lambda kept: float(_with_start(points[kept][:, [0, -1]])[-1]), trajectories)
    return Relaxation(
        float(correlation[-1]),
        gain,
        step,
        correlation,
        int(step[below[0]]) if len(below) else None,
        sizes.mean(0),
        growth(np.ones(trajectories, dtype=bool)),
        share,
        share_reversed,
        {
            "value": float(kept_error),
            "growth": float(jackknife(growth, trajectories)),
            # Of a square root, to first order.
            "direction": (found.standard_error or math.nan) / (2 * math.sqrt(share)) if share > 0 else math.nan,
        },
        {name: math.sqrt(one.value) - math.sqrt(_by_chance(one)) for name, one in choices.items()},
    )


def _with_start(points: Array) -> Array:
    """Correlation of points (B, T, E) with those at the start, over trajectories: (T)."""
    points = points - points.mean(0)
    squares = (points**2).sum((0, 2))
    return ratio((points * points[:, :1]).sum((0, 2)), np.sqrt(squares * squares[0]))


def _by_chance(found: Found) -> float:
    return found.null.value if found.null else math.nan


def _sizes(probe: Probe, state: torch.Tensor) -> Array:
    sizes: Array = probe.network.cell.rates(state).norm(dim=-1).double().numpy()
    return sizes
