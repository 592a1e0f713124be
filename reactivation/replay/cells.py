"""Cells of about one tuning width that tile a space, for measures that count visits.

Axes: G cells, P dimensions.
"""

from functools import cached_property
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.recording import Recording
from reactivation.machine import memory
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import Array
from reactivation.world.spaces import Space, at_most


def width_of(space: Space, width: float | None = None) -> float:
    """Return the given width, or the tuning width of the paper.

    Raises:
        BadInput: it is not positive.
    """
    width = space.tuning_width if width is None else width
    if not 0 < width < math.inf:
        raise BadInput(f"width={width:g} {space.unit}: give a tuning width greater than 0")
    return width


_LIFT = 1e-5  # share of a width: more than single precision of positions, and few positions are so near to an edge
_MOST = 500  # cells whose pairs are counted in each epoch


class Cells:
    """Tile a space with cells of a width [unit], and find the cell of a point: the one with the nearest centre.

    A point between two cells is in the one of the larger coordinate, as are points that only rounding puts below it.

    Raises:
        BadInput: there are fewer than two cells along the longest axis, or more than memory can hold.
    """

    def __init__(self, space: Space, width: float):
        sides = [axis.high - axis.low for axis in space.axes]
        if not at_most(width, most := max(sides) / 2):
            raise BadInput(f"width={width:g} {space.unit}: two cells are at most {most:g} {space.unit} wide in this space")
        require_memory(len(sides) * math.prod(max(1.0, side / width) for side in sides))
        self.space = space
        self.lift = _LIFT * width  # added to coordinates, so that rounding does not decide between two cells
        self.centres: Array = space.grid(round(max(sides) / width)).points  # (G, P)

    def __len__(self) -> int:
        return len(self.centres)

    def of(self, points: Array) -> NDArray[np.intp]:
        """The cells that points are in, (..., P) → (...)."""
        flat = points.reshape(-1, self.space.dimensions)
        _, which = self._tree.query(self.space.embed(self.space.wrap(flat + self.lift)))
        return np.asarray(which, dtype=np.intp).reshape(points.shape[:-1])

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.space.embed(self.centres))

    def blocks(self, recording: Recording, shortest: int = 2) -> list[Any]:
        """The cell of each sample, as blocks (B, T, 1), of all epochs of at least `shortest` samples.

        Raises:
            BadInput: all epochs are shorter.
        """
        return [self.of(block)[..., None] for block in recording.blocks(shortest)]

    def within(self, radius: float, of: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which cell centres lie within a radius of the centre of each of the V cells chosen by `of` (G): (V, G).

        Raises:
            BadInput: memory cannot hold so many pairs of cells.
        """
        chosen = self.centres[of]
        require_memory(len(chosen) * len(self) * (self.space.dimensions + 1))
        away: Array = self.space.distance(chosen[:, None], self.centres[None])
        return np.asarray(at_most(away, radius))


def require_memory(numbers: float) -> None:
    """Refuse cells that need more numbers at once than memory holds.

    Raises:
        BadInput: memory cannot hold so many numbers.
    """
    memory.require_doubles(int(numbers), "spaces or numbers of regions or samples, or a larger width= of cells")


def visited(*recordings: list[Any]) -> tuple[list[list[Any]], int]:
    """Renumber the visited cells in the blocks (B, T, 1) of one recording or of several, and count them.

    Raises:
        BadInput: too many cells are visited to count pairs of them.
    """
    known = np.unique(np.concatenate([block.reshape(-1) for blocks in recordings for block in blocks]))
    if len(known) > _MOST:
        raise BadInput(
            f"{len(known)} cells are visited, and moves between at most {_MOST} are counted: give a larger width="
        )
    return [[np.searchsorted(known, block) for block in blocks] for blocks in recordings], len(known)


def counts_of(which: NDArray[np.integer], size: int) -> Array:
    """How often each of `size` indices occurs in each row, (B, T) → (B, size)."""
    rows = len(which)
    flat = np.bincount((which + size * np.arange(rows)[:, None]).reshape(-1), minlength=rows * size)
    return flat.reshape(rows, size).astype(np.float64)
