"""Distances between positions a lag apart, from which most measures of replay are made.

Axes: B epochs, T samples, P dimensions, L lags.
"""

from collections.abc import Callable, Iterable, Sequence
import math

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.epochs import Epoch
from reactivation.analysis.recording import Recording
from reactivation.checks import Count, checked
from reactivation.machine.errors import BadInput
from reactivation.replay.cells import counts_of
from reactivation.replay.inference import Array, Draws, ratio
from reactivation.world.spaces import Space

LAGS = tuple(range(1, 9))  # samples; as in the exponents measured in rats
_EDGES = 400  # of the histogram from which medians are read: a bin is 2.5 % wide
_FINEST = 1e-4  # its lowest edge, as a share of the space's size
_UNRELATED = 20_000  # pairs of samples that are drawn


def checked_lags(lags: Iterable[int]) -> tuple[int, ...]:
    """Return lags in samples, sorted, each once.

    Raises:
        BadInput: there are fewer than two lags, or one is not positive.
    """
    chosen = tuple(sorted({int(lag) for lag in lags}))
    if len(chosen) < 2 or chosen[0] < 1:
        raise BadInput(f"lags={list(chosen)}: give at least two, each a positive number of samples")
    return chosen


def spaced(longest: int, count: int = 24) -> tuple[int, ...]:
    """Return up to `count` lags from 1 to the longest, evenly spaced in their logarithm."""
    return tuple(int(lag) for lag in np.unique(np.geomspace(1, max(longest, 1), count).round().astype(int)))


def closed_in(lags: Sequence[int], there: Callable[[int], bool]) -> tuple[int, ...]:
    """Add whole lags between the first of which something is true and the one before: halve until the two are neighbours."""
    chosen = set(lags)
    first = next((place for place, lag in enumerate(lags) if there(lag)), 0)
    low, high = lags[first - 1] if first else lags[0], lags[first]
    while high - low > 1:
        middle = (low + high) // 2
        chosen.add(middle)
        low, high = (low, middle) if there(middle) else (middle, high)
    return tuple(sorted(chosen))


def distances(space: Space, block: Array, lag: int) -> Array:
    """Distances after a lag, (B, T, P) → (B, T − lag)."""
    away: Array = space.distance(block[:, lag:], block[:, :-lag])
    return away


def unrelated(recording: Recording, draws: Draws) -> Array:
    """Distances between pairs of samples drawn at random from all epochs, (n) [unit], as displacement has at saturation."""
    flat = recording.flat
    one, other = flat[draws.integers(len(flat), size=(2, _UNRELATED))]
    apart: Array = recording.space.distance(one, other)
    return apart


def steps(space: Space, block: Array) -> Array:
    """Displacement vectors from one sample to the next, (B, T, P) → (B, T − 1, P)."""
    moved: Array = space.difference(block[:, 1:], block[:, :-1])
    return moved


def counted(values: Array) -> Array:
    """Sum and number of values of each epoch, (B, n) → (B, 2)."""
    return np.stack((values.sum(1), np.full(len(values), float(values.shape[1]))), axis=1)


def powers(space: Space, lags: Sequence[int], power: int, block: Array) -> Array:
    """Sum of a power of the distances, and their number, at each lag: (B, T, P) → (B, 2 L)."""
    return np.concatenate([counted(distances(space, block, lag) ** power) for lag in lags], axis=1)


def means(sums: Array) -> Array:
    """Means from the sums and numbers of `counted`, (2 L) → (L); NaN where nothing was counted."""
    pairs = sums.reshape(-1, 2)
    return ratio(pairs[:, 0], pairs[:, 1])


def size(space: Space) -> float:
    """The diagonal of a space [unit]."""
    return math.dist([axis.low for axis in space.axes], [axis.high for axis in space.axes])


def farthest(space: Space) -> float:
    """The largest distance in a space [unit]; less than its diagonal if an axis is periodic."""
    corner = np.array([axis.low for axis in space.axes])
    along = []
    for place, middle in enumerate(space.middle):
        there = np.tile(corner, (2, 1))
        there[:, place] = middle, space.axes[place].high
        along.append(float(space.distance(there, corner).max()))
    return math.hypot(*along)


def edges(space: Space) -> Array:
    """Edges of bins of distance, evenly spaced in their logarithm, the first from 0."""
    return np.concatenate(([0.0], size(space) * np.geomspace(_FINEST, 2, _EDGES)))


def histograms(space: Space, lags: Sequence[int], block: Array) -> Array:
    """How many distances are in each bin at each lag, (B, T, P) → (B, L · bins)."""
    return np.concatenate([binned(space, distances(space, block, lag)) for lag in lags], axis=1)


def binned(space: Space, values: Array) -> Array:
    """How many values of each epoch are in each bin of distance, (B, n) → (B, bins)."""
    bounds = edges(space)
    which = np.clip(np.searchsorted(bounds, values, side="right") - 1, 0, len(bounds) - 2)
    return counts_of(which, len(bounds) - 1)


def medians(space: Space, counts: Array) -> Array:
    """Medians from the counts of `binned`, (..., bins) → (...), interpolated linearly within a bin."""
    bounds = edges(space)
    below = np.cumsum(counts, axis=-1)
    half = below[..., -1:] / 2
    which = np.minimum((below < half).sum(-1), len(bounds) - 2)
    inside = np.take_along_axis(counts, which[..., None], -1)[..., 0]
    before = np.take_along_axis(below, which[..., None], -1)[..., 0] - inside
    share = (half[..., 0] - before) / np.maximum(inside, 1)
    found: Array = bounds[which] + share * (bounds[which + 1] - bounds[which])
    return found


def jitter(recording: Recording) -> float:
    """Estimate the jitter of decoding along each dimension [unit], by extrapolating squared distance to lag 0.

    For positions x + ε with independent ε of variance j², MSD(lag) = MSD_x(lag) + 2 P j², and 2 MSD(1) − MSD(2) = 2 P j²
    if MSD_x is proportional to the lag. A path that keeps its direction gives less; at least 1/2,500 of MSD(1) is returned
    as 2 P j².
    """
    per_block = [powers(recording.space, (1, 2), 2, block) for block in recording.blocks(3)]
    first, second = means(np.concatenate(per_block).sum(0))
    extrapolated = max(2 * first - second, 4e-4 * first, 0.0)
    return math.sqrt(extrapolated / (2 * recording.space.dimensions))


@checked
def pieces(recording: Recording, samples: Count) -> Recording:
    """Cut epochs into epochs of so many samples, which a bootstrap then resamples; shorter remainders are dropped.

    Raises:
        BadInput: all epochs are shorter.
    """
    parts = [
        Epoch(epoch, slice(first, first + samples))
        for epoch, length in enumerate(recording.lengths.tolist())
        for first in range(0, length - samples + 1, samples)
    ]
    if not parts:
        raise BadInput(f"pieces of {samples} samples: all epochs are shorter")
    return recording.stretches(parts, together=True)


def drawn_pieces(recording: Recording, samples: int, most: int, draws: Draws) -> tuple[Recording, NDArray[np.intp]]:
    """Cut epochs into pieces of `samples`, draw at most `most` of them, and return them with the number of their epoch (S).

    Raises:
        BadInput: all epochs are shorter.
    """
    cut = pieces(recording, samples)
    chosen = np.sort(draws.permutation(len(cut))[:most])
    return cut.take(chosen.tolist()), np.repeat(np.arange(len(recording)), recording.lengths // samples)[chosen]


def of_epochs(which: NDArray[np.intp], statistics: Callable[[Array], Array], cut: Array) -> Array:
    """Sums per epoch of the statistics of pieces (S, ...), whose epochs are `which` (S): (B, K)."""
    return np.stack([sums.sum(0) for sums in np.split(statistics(cut), np.flatnonzero(np.diff(which)) + 1)])
