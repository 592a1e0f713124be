"""Tempering: how wide rest is against the noise that it is under (Eq. 19 with c times the noise variance).

Langevin dynamics sample p^(2/c): where p is about normal, the standard deviation of the radius grows as c^½, and on a
circle the concentration κ falls as c^−1. Where the dynamics do not change with the scale of activity (bias-free ReLU), or
nothing but the manifold holds activity, neither depends on c. Exponents in c are compared, for decoders blur the slope of a
density itself. Axes: B trajectories, T times, P dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray
import torch

from reactivation.analysis.run import Run
from reactivation.machine.errors import BadInput
from reactivation.theory.course import Course
from reactivation.theory.probe import Probe, asking
from reactivation.world.decoding import TEMPLATE

Array = NDArray[np.float64]

GAINS = (0.5, 1.0, 2.0, 4.0)
_APART = 50  # steps between positions that are read
_BLOCKS = 20  # of trajectories, left out in turn: the jackknife of the exponent


@dataclass(frozen=True, eq=False)
class Tempering:
    """Hold the exponent in c, and what it was fitted to."""

    value: float  # slope of log width on log c
    standard_error: float  # over trajectories
    gains: tuple[float, ...]
    widths: tuple[float, ...]  # standard deviation of the radius [m], or concentration κ, in the last half
    earlier: tuple[float, ...]  # the same in the quarter before: as wide where rest has settled
    what: str  # "radial sd" or "κ"

    def __repr__(self) -> str:
        shown = ", ".join(f"{width:.3g} at c = {gain:g}" for gain, width in zip(self.gains, self.widths, strict=True))
        return f"{self.what} ∝ c^({self.value:.2f} ± {self.standard_error:.2f}): {shown}"


def tempering(
    run: Run,
    gains: Sequence[float] = GAINS,
    *,
    trajectories: int = 200,
    steps: int = 4000,
    sigma: float | None = None,
    decoder: str = TEMPLATE,
    starts: str | None = None,
) -> Tempering:
    """Measure how the width of rest depends on the gain c of its noise variance.

    Args:
        gains: c, two at least, all above 0.
        steps: of each rest; the last half is measured.
        sigma: σ of c = 1 [s^-1/2]; None for the network's own.
        starts: wide (a disc of radius 0.5 m around the middle, or all bearings), or task (where the task starts); None: wide
            in a plane, task on a circle. What is measured should not depend on it; where it does, rest has not settled.

    Raises:
        BadInput: fewer than two gains, or one that is not above 0.
        DamagedData: activity does not stay finite.
    """
    if len(gains) < 2 or min(gains) <= 0:
        raise BadInput(f"gains={tuple(gains)}: give two at least, all above 0")
    probe = Probe(run, "tempering", sigma)
    course = probe.course
    from_task = (starts or course.starts) == "task"
    with asking():
        resting = [_rest(probe, gain, trajectories, steps, decoder, from_task) for gain in gains]
    late = [positions[:, positions.shape[1] // 2 :] for positions in resting]
    early = [positions[:, positions.shape[1] // 4 : positions.shape[1] // 2] for positions in resting]
    left_out = [np.arange(trajectories) % _BLOCKS != block for block in range(_BLOCKS)]
    each = np.array([_exponent(course, gains, [positions[kept] for positions in late]) for kept in left_out])
    error = math.sqrt((_BLOCKS - 1) / _BLOCKS * ((each - each.mean()) ** 2).sum())
    return Tempering(
        _exponent(course, gains, late),
        error,
        tuple(gains),
        tuple(course.width(positions) for positions in late),
        tuple(course.width(positions) for positions in early),
        course.what,
    )


def _rest(probe: Probe, gain: float, trajectories: int, steps: int, decoder: str, from_task: bool) -> Array:
    """Positions at rest every few steps, (B, T, P)."""
    source = probe.source(f"{gain:g}")
    unit = torch.rand(trajectories, 2, generator=source)
    if from_task:
        state = probe.network.initial_state(probe.task.sample(trajectories, 2, source).start)
    else:
        state = probe.at(probe.course.wide(unit))
    read = []
    for _ in range(steps // _APART):
        state = probe.go(state, _APART, gain, source)
        read.append(probe.positions(state, decoder))
    return np.stack(read, axis=1)


def _exponent(course: Course, gains: Sequence[float], resting: list[Array]) -> float:
    widths = np.log([course.width(positions) for positions in resting])
    return float(np.polyfit(np.log(gains), widths, 1)[0])
