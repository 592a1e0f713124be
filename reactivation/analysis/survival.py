"""Waiting times, some of them censored by the end of an epoch (Kaplan and Meier).

Axes: B epochs, T samples, P dimensions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.world.spaces import Space, at_least

Array = NDArray[np.float64]

_ROUNDING = 1e-9  # of a product of shares; a share of exactly ½ is common, and its product often a digit above


def until_away(space: Space, positions: Array, first: int, away: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Count the samples after sample `first` until each epoch (B, T, P) is `away` [unit] from its position at `first`.

    Returns:
        The samples (B), up to the end of the epoch if it never gets so far; and whether it gets so far (B).
    """
    left = at_least(space.distance(positions[:, first + 1 :], positions[:, first : first + 1]), away)
    ended = left.any(1)
    return np.where(ended, left.argmax(1) + 1, positions.shape[1] - 1 - first), ended


def median_survival(times: NDArray[np.integer], ended: NDArray[np.bool_]) -> float:
    """Median of times of which some are censored (Kaplan and Meier); the longest time where the median lies beyond it.

    Args:
        times: (n).
        ended: (n); False where a time is censored, so that the true time is longer.
    """
    moments, which = np.unique(times, return_inverse=True)
    half = half_ended(np.bincount(which, weights=ended), np.bincount(which))
    return float(moments[np.argmax(half)] if half[-1] else moments[-1])


def half_ended(ends: NDArray[Any], leaving: NDArray[Any]) -> NDArray[np.bool_]:
    """Return at which moments no more than half of the times are longer, rounding aside.

    Args:
        ends: how many times end at each moment.
        leaving: how many end or are censored at each moment.
    """
    at_risk = leaving.sum() - np.concatenate(([0], np.cumsum(leaving)[:-1]))
    longer = np.cumprod(1 - ends / np.maximum(at_risk, 1))
    return np.asarray(longer < 0.5 + _ROUNDING)
