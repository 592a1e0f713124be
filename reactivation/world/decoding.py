"""Decoders: from the outputs of a network to the positions that they stand for.

`top3` is the paper's (Section 3): the mean of the preferred positions of the three most active cells. Its positions are
discrete, and it jumps between them where activity is weak. `template` finds the position s whose activities f(s) have the
direction of the outputs: it moves as smoothly as the outputs, and their size does not matter.

Axes: O cells, P dimensions, n positions of the grid.
"""

from collections.abc import Callable
import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from reactivation.machine.errors import BadInput, nearest

if TYPE_CHECKING:
    from torch import Tensor

    from reactivation.world.own import OwnWorld
    from reactivation.world.spaces import Space
    from reactivation.world.tasks.base import Task

TOP3, TEMPLATE = "top3", "template"
DECODERS = (TOP3, TEMPLATE)

_ROWS = 4096  # outputs decoded at once: their scores take 35 MB in the paper's box
_NEGLIGIBLE = 1e-10  # share of the largest variance of templates below which a direction among outputs is left out


def decoder(name: str, world: "Task | OwnWorld", like: "Tensor") -> Callable[["Tensor"], "Tensor"]:
    """Return a decoder: outputs (..., O) → positions (..., P) in the coordinates of the world's space.

    Args:
        name: of `DECODERS`; in a world without output cells, top3 is the decoder that the world was made with.
        like: any tensor of the precision and on the device of the outputs.

    Raises:
        BadInput: no such decoder, or template in a world whose outputs are no cells.
    """
    if name not in DECODERS:
        raise BadInput(f"decoder={name}; {nearest(name, list(DECODERS))}")
    if name == TOP3:
        return world.decode
    tuning = getattr(world, "tuning", None)
    if tuning is None or not tuning.scale_free:
        raise BadInput("decoder=template compares outputs with the tuning of cells, and here are none: leave decoder=top3")
    return Template(world.space, tuning.encode, like)


class Template:
    """Maximise the cosine of the outputs o and the template f(s) over positions s: on a grid, then by a quadratic fit.

    The fit is the parabola that has the slope and second derivatives of the 3^P positions around the best. The grid goes on
    by one position beyond the ends of each axis, so that the best has neighbours on all sides.
    """

    def __init__(self, space: "Space", encode: "Callable[[Tensor], Tensor]", like: "Tensor"):
        """Make the grid of a space and the templates of its positions, f = `encode`: (n, P) → (n, O)."""
        points, neighbours, steps = _grid(space)
        self._space = space
        self._inner = len(neighbours)  # positions within the walls come first; only they can be the best
        self._points, self._steps = like.new_tensor(points[: self._inner]), like.new_tensor(steps)
        self._neighbours = like.new_tensor(neighbours).long()
        self._fit = like.new_tensor(_differences(space.dimensions))
        templates = encode(like.new_tensor(points)).double()
        templates = templates / templates.norm(dim=-1, keepdim=True)
        # Neighbouring cells have similar activities: templates differ along a few dozen directions only.
        variances, directions = np.linalg.eigh((templates.mT @ templates).cpu().numpy())
        basis = templates.new_tensor(directions[:, variances > _NEGLIGIBLE * variances[-1]])
        self._basis, self._templates = basis.to(like.dtype), (templates @ basis).to(like.dtype)

    def __call__(self, outputs: "Tensor") -> "Tensor":
        """Outputs (..., O) → positions (..., P)."""
        flat = outputs.reshape(-1, outputs.shape[-1])
        positions = flat.new_empty(len(flat), self._space.dimensions)
        for first in range(0, len(flat), _ROWS):
            positions[first : first + _ROWS] = self._decode(flat[first : first + _ROWS])
        return self._space.wrap(positions).reshape(*outputs.shape[:-1], -1)

    def _decode(self, outputs: "Tensor") -> "Tensor":
        """(m, O) → (m, P)."""
        scores = (outputs @ self._basis) @ self._templates.mT  # |o| times the cosine: |o| is the same for all positions
        best = scores[:, : self._inner].argmax(-1)
        around = scores.gather(1, self._neighbours[best])
        slope, bend = (around @ self._fit).tensor_split([self._space.dimensions], dim=-1)
        return self._points[best] + self._steps * _highest(slope, bend)


def _highest(slope: "Tensor", bend: "Tensor") -> "Tensor":
    """Where the parabola of a slope (m, P) and second derivatives (m, P²) is level, within one step of the grid (m, P).

    It is 0 where the parabola is level nowhere, which happens for outputs that are no activities.
    """
    import torch

    bends = bend.reshape(*slope.shape, -1)
    away, _ = torch.linalg.solve_ex(bends, -slope[..., None])
    return away[..., 0].nan_to_num(0.0, 0.0, 0.0).clamp(-1.0, 1.0)


def _grid(space: "Space") -> tuple[Any, Any, Any]:
    """Positions (n, P), those within the walls first; the indices of the 3^P around each of these; steps (P) of the grid."""
    lengths = [axis.high - axis.low for axis in space.axes]
    counts = [math.ceil(length / space.spacing - 1e-9) for length in lengths]
    steps = np.array(lengths) / counts
    indices = np.stack(np.meshgrid(*(np.arange(-1, count + 1) for count in counts), indexing="ij"), -1).reshape(
        -1, len(counts)
    )
    points = np.array([axis.low for axis in space.axes]) + (indices + 0.5) * steps
    inner = ((indices >= 0) & (indices < counts)).all(-1) & np.asarray(space.contains(points))
    order = np.argsort(~inner, kind="stable")
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    strides = np.cumprod([1, *(count + 2 for count in counts[:0:-1])])[::-1]
    around = np.array(list(itertools.product((-1, 0, 1), repeat=len(counts)))) @ strides
    return points[order], place[np.flatnonzero(inner)[:, None] + around], steps


def _differences(dimensions: int) -> Any:
    """Central differences over the 3^P nearest positions: values (3^P) → slope (P) and second derivatives (P²)."""
    around = list(itertools.product((-1, 0, 1), repeat=dimensions))
    axes = np.eye(dimensions, dtype=int)
    slope, bend = np.zeros((dimensions, len(around))), np.zeros((dimensions, dimensions, len(around)))
    for i, j in itertools.product(range(dimensions), repeat=2):
        for a, b in itertools.product((-1, 1), repeat=2):
            step = a * axes[i] + (b * axes[j] if i != j else 0)
            slope[i, around.index(tuple(a * axes[i]))] = a / 2
            bend[i, j, around.index(tuple(step))] = a * b / 4 if i != j else 1
        if i == j:
            bend[i, j, around.index((0,) * dimensions)] = -2
    return np.concatenate([slope, bend.reshape(-1, len(around))]).T
