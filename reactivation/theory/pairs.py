"""Run pairs of trajectories of opposite noise from the same states, and read where they are over a window of steps.

Axes: B pairs, T steps, S state variables, P dimensions, I inputs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from reactivation import types
from reactivation.machine.errors import DamagedData
from reactivation.replay.inference import Draws
from reactivation.theory.course import Course, Seen
from reactivation.theory.landscape import Landscape
from reactivation.theory.probe import Probe
from reactivation.world.decoding import TEMPLATE, TOP3

Array = NDArray[np.float64]

INPUTS = STILL, BROWNIAN, OWN = "still", "brownian", "own"
WARM_UP = 100  # steps at c = 1 before pairs part
_STOPS = (50, 100, 150, 200)  # steps at which positions are read, from when pairs part
_FEWEST = 10  # pairs where drift is fitted, at least


class Pairs(NamedTuple):
    """Decoded positions of pairs of trajectories at each stop, by each decoder, and the sums of their inputs."""

    reported: dict[str, dict[int, Array]]  # decoder → step → (2, B, P)
    moved: dict[int, Array]  # step → (B, P), sum of the inputs since pairs parted, mean of the two of a pair
    is_driven: bool


def run_pairs(probe: Probe, gain: float, pairs: int, inputs: str, scale: float) -> Pairs:
    """Run pairs, and decode them at each stop."""
    source = probe.source(f"{gain:g}/{inputs}/{scale:g}")
    start, driven = _driven(probe, pairs, inputs, scale, source)
    state = probe.go(start, WARM_UP, 1.0, source, None if driven is None else driven[:pairs, :WARM_UP])
    state, step = torch.cat((state, state)), 0
    seen = Pairs({TEMPLATE: {}, TOP3: {}}, {}, driven is not None)
    for stop in _STOPS:
        given = None if driven is None else driven[:, WARM_UP + step : WARM_UP + stop]
        state, step = probe.go(state, stop - step, gain, source, given, paired=True), stop
        seen.moved[stop] = np.zeros(1)
        if driven is not None:
            seen.moved[stop] = driven[:, WARM_UP : WARM_UP + stop].sum(1).reshape(2, pairs, -1).mean(0).double().numpy()
        for by, reported in seen.reported.items():
            reported[stop] = probe.positions(state, by).reshape(2, pairs, -1)
    return seen


def _driven(probe: Probe, pairs: int, inputs: str, scale: float, source: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Where pairs start (B, S), and their inputs (2 B, T, I) or None: of opposite sign where they are Brownian."""
    steps = WARM_UP + _STOPS[-1]
    if inputs == OWN:
        batch = probe.sample(pairs, steps, source)
        return probe.network.initial_state(batch.start), scale * torch.cat((batch.inputs, batch.inputs))
    start = probe.at(probe.course.even(torch.rand(pairs, 2, generator=source, dtype=types.PRECISION)))
    if inputs == STILL:
        return start, None
    spread = float(probe.sample(pairs, steps, source).inputs.std())
    kicks = scale * spread * torch.randn(pairs, steps, probe.network.n_inputs, generator=source, dtype=start.dtype)
    return start, torch.cat((kicks, -kicks))


class Reading(NamedTuple):
    """Places and displacements of pairs over a window."""

    seen: Seen  # of the mean of a pair at the beginning
    apart: tuple[Array, Array]  # h, half the difference of a pair, at the beginning and at the end, (B, P)
    moved: Array  # displacement of their mean along the course, per step (B)
    pushed: Array | None  # sum of their inputs along the course, per step (B); None without inputs
    slope: Array  # of log p along the course (B)

    def again(self, draws: Draws) -> "Reading":
        """Draw pairs with replacement: of those where drift is fitted, and of the others, as many as there are."""
        place, along, across, near = self.seen
        chosen = np.concatenate([draws.choice(kind, len(kind)) for kind in map(np.flatnonzero, (near, ~near))])
        return Reading(
            Seen(place[chosen], along[chosen], None if across is None else across[chosen], near[chosen]),
            (self.apart[0][chosen], self.apart[1][chosen]),
            self.moved[chosen],
            None if self.pushed is None else self.pushed[chosen],
            self.slope[chosen],
        )


class Readings(NamedTuple):
    """All pairs over a window, by c."""

    seen: dict[float, Reading]
    resting: dict[float, Reading] | None  # others without inputs, for D; None where `seen` has no inputs
    steps: int

    def again(self, draws: Draws) -> "Readings":
        """Draw the pairs of every c with replacement."""
        resting = None if self.resting is None else {gain: reading.again(draws) for gain, reading in self.resting.items()}
        return Readings({gain: reading.again(draws) for gain, reading in self.seen.items()}, resting, self.steps)


def read_pairs(
    seen: dict[float, Pairs],
    resting: dict[float, Pairs] | None,
    course: Course,
    landscape: Landscape,
    window: tuple[int, int],
    by: str,
) -> Readings:
    """Read all pairs over a window, with a decoder."""

    def read(each: dict[float, Pairs]) -> dict[float, Reading]:
        return {gain: _read(pairs, by, course, landscape, window) for gain, pairs in each.items()}

    return Readings(read(seen), None if resting is None else read(resting), window[1] - window[0])


def _read(pairs: Pairs, by: str, course: Course, landscape: Landscape, window: tuple[int, int]) -> Reading:
    """Read pairs over a window. Under inputs, the slope is the mean over the places that a pair passes."""
    reported, space, (first, last) = pairs.reported[by], course.space, window
    steps = last - first
    before, after = (space.difference(reported[stop][0], reported[stop][1]) / 2 for stop in window)
    begin = space.wrap(reported[first][1] + before)
    seen = course.seen(begin, landscape)
    if (near := seen.is_near.sum()) < _FEWEST:
        raise DamagedData(f"{near} of {len(begin)} pairs are where drift is fitted; {_FEWEST} at least are needed")
    moved = (space.difference(reported[last], reported[first]).mean(0) * seen.along).sum(-1) / steps
    if not pairs.is_driven:
        return Reading(seen, (before, after), moved, None, (landscape.slope(begin) * seen.along).sum(-1))
    pushed = ((pairs.moved[last] - pairs.moved[first]) * seen.along).sum(-1) / steps
    return Reading(seen, (before, after), moved, pushed, (_on_the_way(reported, landscape, window) * seen.along).sum(-1))


def _on_the_way(reported: dict[int, Array], landscape: Landscape, window: tuple[int, int]) -> Array:
    """Slope of log p, mean over the stops of a window (trapezoids) and over the two of a pair, (B, P)."""
    stops = [stop for stop in _STOPS if window[0] <= stop <= window[1]]
    each = [sum(landscape.slope(one) for one in reported[stop]) / 2 for stop in stops]
    return np.asarray(np.trapezoid(each, stops, axis=0)) / (window[1] - window[0])
