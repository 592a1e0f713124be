"""Standard errors of values that are computed from many trajectories together, by the jackknife.

Axes: B trajectories, V values.
"""

from collections.abc import Callable
import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MOST = 20  # blocks of trajectories, each left out in turn


def jackknife(of: Callable[[NDArray[np.bool_]], Array | float], trajectories: int, at_once: int = 1) -> Array:
    """Return the standard error of values (V) over trajectories.

    Args:
        of: function from a mask (B) of the trajectories kept to values.
        at_once: number of neighbouring trajectories that belong together and are left out together.
    """
    groups = math.ceil(trajectories / at_once)
    blocks = min(_MOST, groups)
    of_block = np.arange(trajectories) // at_once % blocks
    each = np.array([of(of_block != block) for block in range(blocks)], dtype=np.float64)
    error: Array = np.sqrt((blocks - 1) / blocks * ((each - each.mean(0)) ** 2).sum(0))
    return error
