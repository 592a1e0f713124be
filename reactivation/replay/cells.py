"""Cells of about one tuning width that tile a space, for what is counted in places.

Axes: G cells, P dimensions.
"""

from functools import cached_property
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.recording import Recording
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import Array
from reactivation.world.spaces import Space


def width_of(space: Space, width: float | None = None) -> float:
    """Return a width that is given, or the paper's tuning width.

    Raises:
        BadInput: it is not positive.
    """
    width = space.tuning_width if width is None else width
    if not 0 < width < math.inf:
        raise BadInput(f"width={width:g} {space.unit}: give a tuning width greater than 0")
    return width


_MOST = 500  # cells of which all pairs are counted, for each epoch
_FEW = 10**7  # numbers that any memory has room for


class Cells:
    """Tile a space with cells of a width [unit], and tell which cell a point is in: the one with the nearest centre.

    Raises:
        BadInput: so many cells that memory cannot hold them.
    """

    def __init__(self, space: Space, width: float):
        sides = [axis.high - axis.low for axis in space.axes]
        require_memory(len(sides) * math.prod(max(1.0, side / width) for side in sides))
        self.space = space
        self.centres: Array = space.grid(max(2, round(max(sides) / width))).points  # (G, P)

    def __len__(self) -> int:
        return len(self.centres)

    def of(self, points: Array) -> NDArray[np.intp]:
        """Which cell points are in, (..., P) → (...)."""
        flat = points.reshape(-1, self.space.dimensions)
        _, which = self._tree.query(self.space.embed(flat))
        return np.asarray(which, dtype=np.intp).reshape(points.shape[:-1])

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.space.embed(self.centres))

    def blocks(self, recording: Recording, shortest: int = 2) -> list[Any]:
        """The cell of each sample of the epochs of at least so many samples: blocks (B, T, 1), for measures of cells alone.

        Raises:
            BadInput: all are shorter.
        """
        return [self.of(block)[..., None] for block in recording.blocks(shortest)]

    def within(self, radius: float, of: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which cells have their centres within a radius of those of some cells, `of` (G): (V, G).

        Raises:
            BadInput: so many cells that memory cannot hold their pairs.
        """
        chosen = self.centres[of]
        require_memory(len(chosen) * len(self) * (self.space.dimensions + 1))
        away: Array = self.space.distance(chosen[:, None], self.centres[None])
        return np.asarray(away <= radius)


def require_memory(numbers: float) -> None:
    """Refuse cells that need so many numbers at once where memory cannot hold them."""
    if numbers > _FEW:
        import torch

        from reactivation.machine.memory import FLOAT, require

        double = 8  # bytes of a number
        require(int(numbers * double / FLOAT), torch.device("cpu"), "spaces, or a larger width= of cells")


def visited(*recordings: list[Any]) -> tuple[list[list[Any]], int]:
    """Number the cells that are visited, in the blocks (B, T, 1) of one recording or of several, and count them.

    Raises:
        BadInput: so many that pairs of them cannot be counted.
    """
    known = np.unique(np.concatenate([block.reshape(-1) for blocks in recordings for block in blocks]))
    if len(known) > _MOST:
        raise BadInput(
            f"{len(known)} cells are visited, and moves between at most {_MOST} are counted: give a larger width="
        )
    return [[np.searchsorted(known, block) for block in blocks] for blocks in recordings], len(known)


def counts_of(which: NDArray[np.integer], size: int) -> Array:
    """How often each of `size` indices occurs in each row, (B, T) → (B, size)."""
    return totals_of(which, None, size)


def totals_of(which: NDArray[np.integer], values: Array | None, size: int) -> Array:
    """The sum of values (B, T), or their number, at each of `size` indices (B, T) in each row: (B, size)."""
    rows = len(which)
    weights = None if values is None else values.reshape(-1)
    flat = np.bincount((which + size * np.arange(rows)[:, None]).reshape(-1), weights, minlength=rows * size)
    return flat.reshape(rows, size).astype(np.float64)
