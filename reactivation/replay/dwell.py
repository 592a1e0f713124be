"""How long replay stays where it is, and how often it jumps."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.analysis.survival import until_away
from reactivation.checks import Positive, Rng, checked, generator
from reactivation.replay.cells import width_of
from reactivation.replay.inference import Array, Found, measured, ratio
from reactivation.replay.lags import distances, farthest
from reactivation.replay.survival import at_moments, median_and_cut_off
from reactivation.world.spaces import Space, at_least, at_most

_STARTS = 10  # at most, per epoch, from which dwell times are measured
_JUMP = 5.0  # times the median step


@checked
def dwell(recording: Any, space: Space | None = None, *, width: Positive | None = None, rng: Rng = 0) -> Found:
    """Measure how long replay stays within a tuning width of a position [s]: the median, after Kaplan and Meier.

    Times start at up to 10 samples of the first half of each epoch; times that its end cuts off count as longer.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        width: the distance within which replay stays [unit]; None: 0.2 m, or π/6 on a circle.

    Returns:
        the median, NaN if half of the times outlast all epochs, with the share of times that were cut off as
        `more["cut_off"]`; the null is time shuffled within epochs.

    >>> import numpy as np
    >>> path = np.arange(100)[:, None] * [0.03, 0.0]
    >>> ra.replay.dwell(ra.Recording(path, dt=0.02, space=ra.Box(9, 9)), rng=0).value  # 7 steps to go 0.2 m
    0.14
    """
    recording = as_recording(recording, space)
    away, longest = width_of(recording.space, width), int(recording.lengths.max())
    return measured(
        recording.blocks(2),
        partial(_stays, recording.space, away, longest),
        partial(median_and_cut_off, recording.dt),
        generator(rng),
        unit="s",
        more=["cut_off"],
    )


def _stays(space: Space, away: float, longest: int, block: Array) -> Array:
    """How long each epoch stays from each start, counted by `at_moments`: (B, T, P) → (B, 2 (longest + 1))."""
    samples = block.shape[1]
    starts = np.unique(np.linspace(0, (samples - 1) // 2, _STARTS).astype(int))
    times, ended = [], []
    for first in starts:
        until, left = until_away(space, block, first, away)
        times.append(until)
        ended.append(left)
    return at_moments(np.stack(times, axis=1), np.stack(ended, axis=1), longest)


@checked
def jumps(recording: Any, space: Space | None = None, *, factor: Positive = _JUMP, rng: Rng = 0) -> Found:
    """Measure how often replay jumps: the share of steps longer than `factor` times the median step.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        factor: multiple of the median step of all epochs.

    Returns:
        the share; NaN if the median step is 0, or so large that no step in this space could be a jump. The null is time
        shuffled within epochs, with the same threshold.

    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (50, 200, 2)), axis=1)
    >>> ra.replay.jumps(walk, ra.Box(9, 9), rng=0).value < 1e-3
    True
    """
    recording = as_recording(recording, space)
    beyond = factor * _median_step(recording.space, recording.blocks(2))
    return measured(
        recording.blocks(2),
        partial(_beyond, recording.space, 0.0 if at_least(beyond, farthest(recording.space)) else beyond),
        lambda sums: ratio(sums[:1], sums[1:]),
        generator(rng),
    )


def _median_step(space: Space, blocks: Sequence[Array]) -> float:
    return float(np.median(np.concatenate([distances(space, block, 1).reshape(-1) for block in blocks])))


def _beyond(space: Space, length: float, block: Array) -> Array:
    """Number of longer steps and of all steps of each epoch, (B, T, P) → (B, 2); no step counts if the length is 0."""
    lengths = distances(space, block, 1)
    counted = np.full(len(block), float(lengths.shape[1]) if length > 0 else 0.0)
    return np.stack(((~at_most(lengths, length)).sum(1).astype(np.float64), counted), axis=1)
