"""Regions of a space: when replay first enters them and how evenly it visits them; how straight paths are."""

from functools import partial
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.checks import Rng, Several, checked, generator
from reactivation.replay.cells import Cells, counts_of
from reactivation.replay.inference import Array, Found, measured, ratio
from reactivation.replay.lags import distances
from reactivation.replay.survival import at_moments, median_and_cut_off
from reactivation.world.spaces import Space

_REGIONS = 4  # along the longest axis


def _regions(space: Space, along: int) -> Cells:
    return Cells(space, max(axis.high - axis.low for axis in space.axes) / along)


@checked
def first_entry(recording: Any, space: Space | None = None, *, along: Several = _REGIONS, rng: Rng = 0) -> Found:
    """Measure the time until a region is first entered [s]: median over regions and epochs (Kaplan and Meier).

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        along: number of regions along the longest axis; 4 gives 4 × 4 in a square box, 4 on a circle.

    Returns:
        the median over all regions but the one that an epoch begins in, NaN if fewer than half are entered, with the share
        of times that the end of an epoch cut off as `more["cut_off"]`; the null is time shuffled within epochs.
    """
    recording = as_recording(recording, space)
    regions = _regions(recording.space, along)
    return measured(
        regions.blocks(recording),
        partial(_entries, len(regions), int(recording.lengths.max())),
        partial(median_and_cut_off, recording.dt),
        generator(rng),
        unit="s",
        more=["cut_off"],
    )


def _entries(regions: int, longest: int, block: Any) -> Array:
    """First entries counted by `at_moments`: (B, T, 1) → (B, 2 (longest + 1))."""
    which, samples = block[..., 0], block.shape[1]
    times, ended = [], []
    for region in range(regions):
        inside = which == region
        ended.append(inside.any(1))
        times.append(np.where(ended[-1], inside.argmax(1), samples - 1))  # not entered up to the last sample
    first, entered = np.stack(times, axis=1), np.stack(ended, axis=1)
    others = first > 0  # all but the region of the first sample
    shape = (len(which), regions - 1)
    return at_moments(first[others].reshape(shape), entered[others].reshape(shape), longest)


@checked
def visits(recording: Any, space: Space | None = None, *, along: Several = _REGIONS, rng: Rng = 0) -> Found:
    """Measure how evenly regions are visited: the entropy of visits over its largest possible value, 0 to 1.

    A visit begins when a region is entered, and at the first sample of an epoch; how long it lasts does not count.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        along: number of regions along the longest axis.

    Returns:
        the relative entropy, with visits per second as `more["rate"]`; the null is time shuffled within epochs.
    """
    recording = as_recording(recording, space)
    regions = _regions(recording.space, along)
    return measured(
        regions.blocks(recording),
        partial(_visits, len(regions)),
        partial(_evenness, recording.dt),
        generator(rng),
        more=["rate"],
    )


def _visits(regions: int, block: Any) -> Array:
    """Number of visits to each region, and of samples: (B, T, 1) → (B, G + 1)."""
    which = block[..., 0]
    entered = np.concatenate((np.ones((len(which), 1), dtype=bool), which[:, 1:] != which[:, :-1]), axis=1)
    counts = counts_of(np.where(entered, which, regions), regions + 1)
    counts[:, -1] = which.shape[1]
    return counts


def _evenness(dt: float, sums: Array) -> Array:
    counts, samples = sums[:-1], sums[-1]
    shares = counts[counts > 0] / counts.sum()
    entropy = 0.0 - (shares * np.log(shares)).sum()  # minus a sum of 0 would be printed as -0
    return np.array([entropy / np.log(len(counts)), counts.sum() / (samples * dt)])


@checked
def detour(recording: Any, space: Space | None = None, *, samples: Several = 20, rng: Rng = 0) -> Found:
    """Measure how much longer paths are than their displacement, in all stretches of so many steps.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        samples: number of steps in a stretch.

    Returns:
        mean path length over mean displacement of the same stretches: 1 for straight runs, else more, about √samples for
        Brownian motion; the null is time shuffled within epochs.

    Raises:
        BadInput: no epoch is as long as a stretch.

    >>> import numpy as np
    >>> ra.replay.detour(np.arange(100)[:, None] * [0.03, 0.0], ra.Box(9, 9), rng=0).value
    1.0
    """
    recording = as_recording(recording, space)
    return measured(
        recording.blocks(samples + 1),
        partial(_ways, recording.space, samples),
        lambda sums: ratio(sums[:1], sums[1:]),
        generator(rng),
    )


def _ways(space: Space, samples: int, block: Array) -> Array:
    """Summed path lengths and displacements of the stretches of each epoch, (B, T, P) → (B, 2)."""
    gone = np.pad(np.cumsum(distances(space, block, 1), axis=1), ((0, 0), (1, 0)))
    return np.stack(
        [one.sum(1) for one in (gone[:, samples:] - gone[:, :-samples], distances(space, block, samples))], axis=1
    )
