"""The spaces that states live in; the only home of geometry.

Points are arrays (..., P), torch or numpy alike: the methods use nothing that only one of the two has, except `variance`,
which analyses alone need and which takes numpy.
"""

from dataclasses import dataclass
import math
from typing import Any, Protocol

import numpy as np

Array = Any  # torch.Tensor or numpy.ndarray, (..., P) unless said otherwise


class Space(Protocol):
    """Distance, wrapping and volume of a state space with P = `dimensions`."""

    @property
    def dimensions(self) -> int: ...

    @property
    def volume(self) -> float: ...

    def wrap(self, points: Array) -> Array: ...

    def difference(self, a: Array, b: Array) -> Array: ...

    def distance(self, a: Array, b: Array) -> Array: ...

    def contains(self, points: Array) -> Array: ...

    def from_unit(self, unit: Array) -> Array: ...

    def variance(self, trajectory: Array) -> Array: ...


@dataclass(frozen=True)
class Box:
    """A rectangle centred on 0. Its walls do not hold points back: that is the motion's business."""

    width: float  # [m]
    height: float  # [m]

    dimensions = 2

    @property
    def volume(self) -> float:
        """Area [m²]."""
        return self.width * self.height

    def wrap(self, points: Array) -> Array:
        """Points as they are: a box has no seam."""
        return points

    def difference(self, a: Array, b: Array) -> Array:
        """The way from b to a, (..., 2) [m]."""
        return a - b

    def distance(self, a: Array, b: Array) -> Array:
        """Euclidean distance, (...) [m]."""
        return ((a - b) ** 2).sum(-1) ** 0.5

    def contains(self, points: Array) -> Array:
        """Which points lie within the walls: (..., 2) → (...)."""
        return (abs(points[..., 0]) <= self.width / 2) & (abs(points[..., 1]) <= self.height / 2)

    def from_unit(self, unit: Array) -> Array:
        """Map points of the unit square onto the box, area to area."""
        centred = unit - 0.5
        centred[..., 0] *= self.width
        centred[..., 1] *= self.height
        return centred

    def variance(self, trajectory: Array) -> Array:
        """Total variance over time, summed over dimensions: (..., T, 2) → (...) [m²]."""
        return ((trajectory - trajectory.mean(-2)[..., None, :]) ** 2).mean(-2).sum(-1)


@dataclass(frozen=True)
class Circle:
    """The bearings [-π, π), as arrays whose last axis has length 1."""

    dimensions = 1

    @property
    def volume(self) -> float:
        """Circumference [rad]."""
        return 2 * math.pi

    def wrap(self, points: Array) -> Array:
        """The same bearings in [-π, π), but for rounding, which may end on π."""
        return (points + math.pi) % (2 * math.pi) - math.pi

    def difference(self, a: Array, b: Array) -> Array:
        """The shorter way from b to a, (..., 1) in [-π, π) [rad]."""
        return self.wrap(a - b)

    def distance(self, a: Array, b: Array) -> Array:
        """Length of the shorter arc, (...) [rad]."""
        return abs(self.difference(a, b))[..., 0]

    def contains(self, points: Array) -> Array:
        """All do: (..., 1) → (...)."""
        return abs(points[..., 0]) >= 0

    def from_unit(self, unit: Array) -> Array:
        """Map [0, 1) onto the circle, length to length."""
        return (unit - 0.5) * (2 * math.pi)

    def variance(self, trajectory: Array) -> Array:
        """Circular variance over time, 1 − |mean of exp(is)|: (..., T, 1) → (...), 0 (still) to 1 (everywhere)."""
        return 1 - np.abs(np.exp(1j * trajectory).mean(-2))[..., 0]
