"""Times of which some are only known to be longer, since their epoch ended first (Kaplan and Meier)."""

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.survival import half_ended
from reactivation.replay.cells import counts_of
from reactivation.replay.inference import Array


def at_moments(times: NDArray[np.integer], ended: NDArray[np.bool_], longest: int) -> Array:
    """Numbers of times that end, and that end or are cut off, at each sample: (B, n), (B, n) → (B, 2 (longest + 1))."""
    ends = counts_of(np.where(ended, times, longest + 1), longest + 2)[:, :-1]
    return np.concatenate((ends, counts_of(times, longest + 1)), axis=1)


def median_and_cut_off(dt: float, sums: Array) -> Array:
    """Median [s] of times counted by `at_moments`, NaN if longer than all; and the share of times that were cut off."""
    ends, leaving = sums.reshape(2, -1)
    half = np.flatnonzero(half_ended(ends, leaving))
    return np.array([half[0] * dt if len(half) else np.nan, 1 - ends.sum() / leaving.sum()])
