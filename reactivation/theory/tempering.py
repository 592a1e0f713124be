"""Tempering: the width of rest as a function of the gain c of its noise variance (Eq. 19 with c times that of waking).

Langevin dynamics sample p^(2/c). Where p is about normal, the standard deviation of the radius grows as c^½; on a circle
the concentration κ falls as c^−1. In bias-free ReLU networks (scale symmetry), and on a flat manifold once rest has relaxed,
neither depends on c. Exponents in c are compared, since decoders blur the slope of a density itself.

This holds for rest that has forgotten its start. Half of the trajectories start all over the space, half where the task
does. Both must give the same exponent, and places at the end must not correlate with those at the start. Axes:
B trajectories, T times, P dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch

from reactivation import types
from reactivation.analysis.recording import Recording
from reactivation.analysis.run import Run
from reactivation.checks import Count, Positive, Strength, checked, whole
from reactivation.machine.errors import BadInput
from reactivation.theory.course import Course, Home
from reactivation.theory.landscape import waking_positions
from reactivation.theory.probe import Probe, asking
from reactivation.theory.uncertainty import jackknife

Array = NDArray[np.float64]

GAINS = (0.5, 1.0, 2.0, 4.0)
_APART = 50  # steps between positions that are read
_FEWEST = 20  # trajectories


@dataclass(frozen=True, eq=False)
class Tempering:
    """Hold the exponent in c, and the widths it was fitted to."""

    value: float  # slope of log width on log c
    standard_error: float  # over trajectories
    of_starts: tuple[float, float]  # the exponent of trajectories that started wide, and of those that started as the task
    gains: tuple[float, ...]
    widths: tuple[float, ...]  # standard deviation of the radius [m], or concentration κ, in the last half
    earlier: tuple[float, ...]  # the same in the second quarter; equal where rest has relaxed
    remembered: tuple[float, ...]  # correlation over trajectories of the last places with the first
    homes: tuple[Home, ...]
    what: str  # "radial sd" or "κ"

    def __repr__(self) -> str:
        shown = ", ".join(f"{width:.3g} at c = {gain:g}" for gain, width in zip(self.gains, self.widths, strict=True))
        return f"{self.what} ∝ c^({self.value:.2f} ± {self.standard_error:.2f}): {shown}"


@checked
def tempering(
    run: Run,
    gains: Sequence[Positive] = GAINS,
    *,
    trajectories: Count = 200,
    steps: Count = 4000,
    sigma: Strength | None = None,
    awake: Recording | None = None,
) -> Tempering:
    """Measure how the width of rest depends on the gain c of its noise variance.

    Args:
        gains: c, two different ones at least, all above 0.
        trajectories: number at each c. Every other one starts wide (in a disc of 0.5 m around the middle, or at any
            bearing), the others where the task does.
        steps: length of each rest; the last half is measured.
        sigma: σ of c = 1 [s^-1/2]; None for the network's own.
        awake: where home is; None: waking of 100 steps.

    Raises:
        BadInput: fewer than two different gains, one that is not above 0, or too little memory.
        DamagedData: activity does not stay finite.
    """
    if len(set(gains)) < 2:
        raise BadInput(f"gains={tuple(gains)}: give two different ones at least")
    whole("steps", steps, 2 * _APART)
    whole("trajectories", trajectories, _FEWEST)
    probe = Probe(run, "tempering", sigma)
    read = len(gains) * trajectories * (steps // _APART) * probe.task.space.dimensions  # positions
    probe.require_memory(trajectories, "numbers of trajectories or steps", others=read)
    course, awake = probe.course, awake or waking_positions(run)
    with asking():
        resting = [_rest(probe, gain, trajectories, steps) for gain in gains]
    late = [positions[:, positions.shape[1] // 2 :] for positions in resting]
    early = [positions[:, positions.shape[1] // 4 : positions.shape[1] // 2] for positions in resting]
    error = jackknife(
        lambda kept: _exponent(course, gains, [positions[kept] for positions in late]), trajectories, at_once=2
    )
    wide, of_task = (_exponent(course, gains, [positions[first::2] for positions in late]) for first in (0, 1))
    return Tempering(
        _exponent(course, gains, late),
        float(error),
        (wide, of_task),
        tuple(gains),
        tuple(course.width(positions) for positions in late),
        tuple(course.width(positions) for positions in early),
        tuple(course.remembered(positions[:, 0], positions[:, -1]) for positions in resting),
        tuple(course.home(positions, awake.flat) for positions in late),
        course.what,
    )


def _rest(probe: Probe, gain: float, trajectories: int, steps: int) -> Array:
    """Positions at rest, at the start and every few steps, (B, T, P); trajectories of even index start wide."""
    source = probe.source(f"{gain:g}")
    wide = probe.course.wide(torch.rand(trajectories, 2, generator=source, dtype=types.PRECISION))
    state = probe.network.initial_state(probe.sample(trajectories, 2, source).start)
    state[::2] = probe.at(wide)[::2]
    read = [probe.positions(state)]
    for _ in range(steps // _APART):
        state = probe.go(state, _APART, gain, source)
        read.append(probe.positions(state))
    return np.stack(read, axis=1)


def _exponent(course: Course, gains: Sequence[float], resting: list[Array]) -> float:
    widths = np.log([course.width(positions) for positions in resting])
    return float(np.polyfit(np.log(gains), widths, 1)[0])
