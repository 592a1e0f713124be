"""Relaxation: whether rest forgets where it began, keeps the size of its activity, and has no direction in time.

The paper's rests have 200 to 2,000 steps; here they have 20,000. Langevin dynamics are reversible, so a direction in time
of stationary rest is evidence against them.
"""

from dataclasses import dataclass
from functools import partial
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
        BadInput: fewer than 150 steps, or too little memory.
        DamagedData: activity does not stay finite.
    """
    whole("steps", steps, 3 * _APART)
    probe = Probe(run, "relaxation", sigma)
    read = trajectories * (steps // _APART) * (probe.task.space.dimensions + 1)  # positions, and norms of the rates
    probe.require_memory(trajectories, "numbers of trajectories or steps", others=read)
    positions, sizes = _long_rest(probe, gain, steps, trajectories)
    points = np.asarray(probe.task.space.embed(positions))  # (B, T, E)
    correlation, step = _with_start(points), _APART * np.arange(points.shape[1])
    below, half = np.flatnonzero(correlation < 0.5), len(step) // 2
    growth = partial(_growth, step[half:], sizes[:, half:])
    direction = partial(_direction, probe, positions)
    found = direction(half, _LAG)
    choices = {"as chosen": found, **{f"lag of {lag * _APART} steps": direction(half, lag) for lag in _OTHER_LAGS}}
    choices["last quarter"] = direction(min(len(step) * 3 // 4, len(step) - 2), _LAG)
    kept_error = jackknife(lambda kept: float(_with_start(points[kept][:, [0, -1]])[-1]), trajectories)
    return Relaxation(
        value=float(correlation[-1]),
        gain=gain,
        step=step,
        correlation=correlation,
        half=int(step[below[0]]) if len(below) else None,
        amplitude=sizes.mean(0),
        growth=growth(np.ones(trajectories, dtype=bool)),
        share=found.value,
        share_reversed=_by_chance(found),
        errors={
            "value": float(kept_error),
            "growth": float(jackknife(growth, trajectories)),
            "direction": _error_of_root(found),
        },
        sensitivity={name: math.sqrt(one.value) - math.sqrt(_by_chance(one)) for name, one in choices.items()},
    )


def _long_rest(probe: Probe, gain: float, steps: int, trajectories: int) -> tuple[Array, Array]:
    """Positions (B, T, P) and norms of the rates (B, T) of a rest, from its start on, every `_APART` steps."""
    source = probe.source(f"{gain:g}")
    with asking():
        state = probe.network.initial_state(probe.sample(trajectories, 2, source).start)
        read, amplitude = [probe.positions(state)], [_sizes(probe, state)]
        for _ in range(steps // _APART):
            state = probe.go(state, _APART, gain, source)
            read.append(probe.positions(state))
            amplitude.append(_sizes(probe, state))
    return np.stack(read, axis=1), np.stack(amplitude, axis=1)


def _growth(step: NDArray[np.int_], sizes: Array, kept: NDArray[np.bool_]) -> float:
    """Factor by which the mean norm of kept trajectories, (B, T) at steps (T), grows in 1,000 steps."""
    return math.exp(np.polyfit(step, np.log(sizes[kept].mean(0)), 1)[0] * _THOUSAND)


def _direction(probe: Probe, positions: Array, first: int, lag: int) -> Found:
    """Antisymmetric share of the covariance of positions (B, T, P) over a lag, from sample `first` on."""
    rest = Recording(positions[:, first:], dt=_APART * probe.dt, space=probe.task.space)
    return antisymmetric_share(rest, lag=min(lag, positions.shape[1] - first - 1))


def _error_of_root(found: Found) -> float:
    """The standard error of the square root of a value, to first order."""
    return (found.standard_error or math.nan) / (2 * math.sqrt(found.value)) if found.value > 0 else math.nan


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
