"""How long it takes until something happens, where epochs end before in part (Kaplan and Meier).

Axes: B epochs, T samples, P dimensions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.world.spaces import Space

Array = NDArray[np.float64]


def until_away(space: Space, positions: Array, first: int, away: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """How many samples after one, the `first`, each epoch (B, T, P) is `away` from where it was then [unit].

    Returns:
        The samples (B), until the end of the epoch where it never is; and whether it is (B).
    """
    left: Any = space.distance(positions[:, first + 1 :], positions[:, first : first + 1]) >= away
    ended = left.any(1)
    return np.where(ended, left.argmax(1) + 1, positions.shape[1] - 1 - first), ended


def median_survival(times: NDArray[np.integer], ended: NDArray[np.bool_]) -> float:
    """Median of times of which some are known to be longer only (Kaplan and Meier); the longest where it is beyond all.

    Args:
        times: (n).
        ended: (n); whether a time is whole; otherwise it was cut off.
    """
    moments, which = np.unique(times, return_inverse=True)
    share = surviving(np.bincount(which, weights=ended), np.bincount(which))
    return float(moments[np.argmax(share <= 0.5)] if share[-1] <= 0.5 else moments[-1])


def surviving(ends: NDArray[Any], leaving: NDArray[Any]) -> Array:
    """Return the share that is longer than each moment, of how many end and how many leave, ended or cut off, at each."""
    at_risk = leaving.sum() - np.concatenate(([0], np.cumsum(leaving)[:-1]))
    share: Array = np.cumprod(1 - ends / np.maximum(at_risk, 1))
    return share
