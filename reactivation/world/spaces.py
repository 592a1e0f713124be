"""The spaces that positions live in; the only home of geometry.

Points are arrays (..., P), of torch or numpy alike and of either precision; results are of the same kind. A new space
is a subclass of `Space` with its axes, volume, walls and the map from the unit cube; the rest follows from these unless
the space overrides it. Other code never asks which space it has, only for the property that it needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, cached_property
import math
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from reactivation.checks import Positive, checked, numbers
from reactivation.machine.errors import BadInput

Array = Any  # torch.Tensor or numpy.ndarray, (..., P) unless said otherwise
Nested = float | tuple[Any, ...]  # numbers, or tuples of them

ROUNDING = 1e-4  # share of a length: more than single precision of positions, less than lengths on a grid differ


class Axis(NamedTuple):
    """One coordinate: its name and its range."""

    name: str
    low: float
    high: float


class Wall(NamedTuple):
    """The nearest wall of points."""

    gap: Array  # (...) distance, negative beyond the wall, ∞ without walls
    normal: Array  # (..., P) unit vector out of the space at the wall, 0 without walls


class Grid(NamedTuple):
    """Cells that tile a space."""

    points: np.ndarray  # (n, P) centres, those within the walls
    volume: float  # of one cell


class Kernel(Enum):
    """The kernel of a density estimate (`analysis.densities`)."""

    GAUSSIAN = auto()  # reaches through walls
    WALLED = auto()  # ends at them
    VON_MISES = auto()  # on bearings


class Space(ABC):
    """Base of all spaces, with P = `dimensions`; a space in another unit overrides the lengths below."""

    such_as: ClassVar[str] = "as ra.Box(width, height), ra.Box.around(positions) or ra.Circle()"
    noun: ClassVar[str] = "position"  # name of a point in this space
    unit: ClassVar[str] = "m"
    tuning_width: ClassVar[float] = 0.2  # of the paper's cells [unit]
    spacing: ClassVar[float] = 0.05  # of a grid of points [unit]
    compass: ClassVar[Mapping[float, str]] = {}  # bearing → text, around the circle that `embed` gives; empty otherwise
    hard_walls: bool = True  # no step and no density goes through them

    @property
    @abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """The coordinates, with the range of each [unit]."""

    @property
    @abstractmethod
    def volume(self) -> float:
        """Length, area or volume within the walls [unit^P]."""

    @abstractmethod
    def wall(self, points: Array) -> Wall:
        """Find the nearest wall: (..., P) → gap (...) [unit], outward normal (..., P)."""

    def wall_direction(self, points: Array) -> tuple[Array, Array]:
        """As `wall`, in a plane: gap (...) [unit], direction of the outward normal (...) [rad]."""
        gap, normal = self.wall(points)
        return gap, library(points).arctan2(normal[..., 1], normal[..., 0])

    @abstractmethod
    def from_unit(self, unit: Array) -> Array:
        """Map the unit cube onto the space and keep equal volumes equal, so that uniform numbers become uniform points."""

    @property
    def dimensions(self) -> int:
        """P."""
        return len(self.axes)

    @cached_property
    def frame(self) -> tuple[float, ...]:
        """The least and the largest value of each coordinate in turn: left, right, bottom, top [unit]."""
        return tuple(end for axis in self.axes for end in (axis.low, axis.high))

    @property
    def labels(self) -> tuple[str, ...]:
        """What to write at each axis: name and unit."""
        return tuple(f"{axis.name} [{self.unit}]" for axis in self.axes)

    @property
    def middle(self) -> tuple[float, ...]:
        """The point half way along each axis (P) [unit]; it need not lie within the walls."""
        return tuple((axis.low + axis.high) / 2 for axis in self.axes)

    def wrap(self, points: Array) -> Array:
        """Return points with coordinates in the ranges of periodic axes; without such axes, the points as they are."""
        return points

    def reflected(self, points: Array) -> Array:
        """Where motion ends if walls reflect it, for points (..., P) where it would end without walls.

        Raises:
            BadInput: the space is neither a box nor a circle.
        """
        raise BadInput(f"how walls reflect is known of a Box and of the Circle alone, not of {self}")

    def difference(self, a: Array, b: Array) -> Array:
        """The way from b to a, the shorter one where there are two: (..., P) [unit]."""
        return self.wrap(a - b)

    def distance(self, a: Array, b: Array) -> Array:
        """Length of `difference`, (...) [unit]; walls in between do not lengthen it."""
        return (self.difference(a, b) ** 2).sum(-1) ** 0.5

    def mean(self, positions: Array) -> Array:
        """Mean over time: (..., T, P) → (..., P) [unit]; it need not lie within the walls."""
        return positions.mean(-2)

    def variance(self, positions: Array) -> Array:
        """Total variance over time, summed over dimensions: (..., T, P) → (...) [unit²]."""
        return ((positions - self.mean(positions)[..., None, :]) ** 2).mean(-2).sum(-1)

    @property
    def variance_unit(self) -> str:
        """The unit of `variance`."""
        return f"{self.unit}²"

    @property
    def kernel(self) -> Kernel:
        """The kernel of density estimates on it."""
        return Kernel.WALLED if self.hard_walls else Kernel.GAUSSIAN

    def bearing(self, points: Array) -> Array | None:
        """The directions of points, (..., P) → (...) [rad]; None in a space whose points are no directions."""
        return None

    def pivot(self, points: Array) -> Array:
        """What embedded points (n, E) turn about, (E): their mean."""
        return points.mean(0)

    def brownian_square(self, spread: float) -> float:
        """Mean squared distance after Brownian motion has spread by Dt = `spread` [unit²], from anywhere.

        Boxes and circles take their bounds into account; other spaces return the value of free space, 2 P D t.
        """
        return 2 * self.dimensions * spread

    def embed(self, points: Array) -> Array:
        """Coordinates that do not jump where an axis is periodic: (..., P) → (..., E)."""
        return points

    def contains(self, points: Array) -> Array:
        """Which points lie within the walls: (..., P) → (...)."""
        return self.wall(points).gap >= 0

    def log_uniform(self, points: Array) -> Array:
        """Log of the uniform density, −∞ beyond the walls: (..., P) → (...) [nats]."""
        inside, outside = constant(-math.log(self.volume), points), constant(-math.inf, points)
        return library(points).where(self.contains(points), inside, outside)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw points of the uniform density, (n, P)."""
        return self.from_unit(rng.random((n, self.dimensions)))

    def grid(self, cells: int) -> Grid:
        """Tile the space with equal cells, `cells` of them along the longest axis and as long ones along the others."""
        step = max(axis.high - axis.low for axis in self.axes) / cells
        counts = [max(1, round((axis.high - axis.low) / step)) for axis in self.axes]
        steps = [(axis.high - axis.low) / count for axis, count in zip(self.axes, counts, strict=True)]
        centres = [axis.low + one * (np.arange(n) + 0.5) for axis, one, n in zip(self.axes, steps, counts, strict=True)]
        points = np.stack(np.meshgrid(*centres, indexing="ij"), axis=-1).reshape(-1, self.dimensions)
        return Grid(points[self.contains(points)], math.prod(steps))


@checked
@dataclass(frozen=True)
class Box(Space):
    """A rectangle of `width` × `height` [m] around `centre` [m].

    By default its walls are those of the paper: steps overshoot them a little, and densities reach through. With
    `hard_walls`, neither happens.

    Raises:
        BadInput: a side is not finite or not greater than 0, or the centre is not finite.
    """

    width: Positive  # [m]
    height: Positive  # [m]
    centre: tuple[float, float] = (0.0, 0.0)  # [m]
    hard_walls: bool = False

    @classmethod
    def around(cls, positions: Any) -> Self:
        """The smallest box that holds recorded positions (..., 2), or those of a list of epochs (T, 2) [m].

        Raises:
            BadInput: they have another shape, are not finite, or lie on one line parallel to a wall.
        """
        epochs = [numbers("positions", one) for one in (positions if isinstance(positions, list | tuple) else [positions])]
        if not epochs or not all(one.size and one.shape[-1:] == (2,) for one in epochs):
            shapes = ", ".join(str(one.shape) for one in epochs) or "(0,)"
            raise BadInput(f"no box around positions of shape {shapes}: (..., 2) is wanted")
        points = np.concatenate([one.reshape(-1, 2) for one in epochs])
        low, high = points.min(0).tolist(), points.max(0).tolist()
        sides = [b - a for a, b in zip(low, high, strict=True)]
        if not all(0 < side < math.inf for side in sides):
            raise BadInput(f"no box around positions from {low} to {high}: give finite ones that span an area")
        return cls(sides[0], sides[1], ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """x and y."""
        (x, y), right, top = self.centre, self.width / 2, self.height / 2
        return Axis("x", x - right, x + right), Axis("y", y - top, y + top)

    @property
    def volume(self) -> float:
        """Area [m²]."""
        return self.width * self.height

    def wall(self, points: Array) -> Wall:
        """The nearest of the four walls: gap (...) [m], outward normal (..., 2)."""
        gaps = self._gaps(points)
        normals = constant(((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)), points)
        return Wall(library(points).amin(gaps, -1), normals[gaps.argmin(-1)])

    def wall_direction(self, points: Array) -> tuple[Array, Array]:
        """As in `Space`, but from a table of directions, since a walk calls it at each step."""
        gaps = self._gaps(points)
        directions = constant((0.0, math.pi / 2, math.pi, 3 * math.pi / 2), points)
        return library(points).amin(gaps, -1), directions.take(gaps.argmin(-1))

    def _gaps(self, points: Array) -> Array:
        """To the east, north, west and south walls: (..., 2) → (..., 4) [m]."""
        left, right, bottom, top = self.frame
        return library(points).concatenate((-points, points), -1) + constant((right, top, -left, -bottom), points)

    def reflected(self, points: Array) -> Array:
        """Folded at the walls, (..., 2) [m]."""
        left, right, bottom, top = self.frame
        low, there_and_back = constant((left, bottom), points), constant((2 * (right - left), 2 * (top - bottom)), points)
        along = (points - low) % there_and_back
        return low + library(points).minimum(along, there_and_back - along)

    def brownian_square(self, spread: float) -> float:
        """Between reflecting walls: Σ over sides L of L²/6 − (16 L²/π⁴) Σ over odd n of exp(−(nπ/L)² Dt) / n⁴ [m²]."""
        odd = np.arange(1.0, 4000.0, 2.0)
        sides = np.array([[self.width], [self.height]])
        decayed = -np.expm1(-((odd * math.pi / sides) ** 2) * spread) / odd**4  # 1/6 is 16/π⁴ times the sum of all 1/n⁴
        return float((16 * sides**2 / math.pi**4 * decayed).sum())

    def from_unit(self, unit: Array) -> Array:
        """Map the unit square onto the box, (..., 2) [m]."""
        return (unit - 0.5) * constant((self.width, self.height), unit) + constant(self.centre, unit)


@dataclass(frozen=True)
class Circle(Space):
    """The bearings [-π, π), as arrays whose last axis has length 1."""

    noun = "bearing"
    unit = "rad"
    tuning_width = math.pi / 6
    spacing = math.pi / 22  # 44 points, as many as along a side of the paper's box
    variance_unit = ""
    kernel = Kernel.VON_MISES
    compass: ClassVar[Mapping[float, str]] = {0.0: "0", math.pi / 2: "π/2", math.pi: "±π", -math.pi / 2: "−π/2"}

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The bearing."""
        return (Axis("bearing", -math.pi, math.pi),)

    @property
    def volume(self) -> float:
        """Circumference [rad]."""
        return 2 * math.pi

    def wall(self, points: Array) -> Wall:
        """There is none: gap ∞, normal 0."""
        return Wall(library(points).full_like(points[..., 0], math.inf), library(points).zeros_like(points))

    def from_unit(self, unit: Array) -> Array:
        """Map [0, 1) onto the circle, length to length."""
        return (unit - 0.5) * (2 * math.pi)

    def wrap(self, points: Array) -> Array:
        """The same bearings in [-π, π), but for rounding, which may end on π."""
        return (points + math.pi) % (2 * math.pi) - math.pi

    def reflected(self, points: Array) -> Array:
        """Wrapped: there are no walls."""
        return self.wrap(points)

    def mean(self, positions: Array) -> Array:
        """Direction of the mean of exp(is), the circular mean: (..., T, 1) → (..., 1) [rad]."""
        return library(positions).angle(library(positions).exp(1j * positions).mean(-2))

    def variance(self, positions: Array) -> Array:
        """Circular variance over time, 1 − |mean of exp(is)|: (..., T, 1) → (...), 0 (still) to 1 (everywhere)."""
        return 1 - abs(library(positions).exp(1j * positions).mean(-2))[..., 0]

    def bearing(self, points: Array) -> Array:
        """The only coordinate of points."""
        return points[..., 0]

    def pivot(self, points: Array) -> Array:
        """The circle's own centre."""
        return library(points).zeros_like(points[0])

    def brownian_square(self, spread: float) -> float:
        """That of the shorter way round: π²/3 + 4 Σ over n of (−1)ⁿ exp(−n² Dt) / n² [rad²]."""
        if spread < 0.1:  # too little to go round, to 10 digits, and the sum would need many terms
            return 2 * spread
        n = np.arange(1, 40)
        return float(math.pi**2 / 3 + 4 * ((-1.0) ** n * np.exp(-(n**2) * spread) / n**2).sum())

    def embed(self, points: Array) -> Array:
        """Points of the unit circle (cos s, sin s): (..., 1) → (..., 2)."""
        return library(points).concatenate((library(points).cos(points), library(points).sin(points)), -1)


def at_least(lengths: Array, limit: float) -> Array:
    """Which lengths reach a limit, rounding aside: on a grid of positions many equal it but for their last digits."""
    return lengths >= limit * (1 - ROUNDING)


def at_most(lengths: Array, limit: float) -> Array:
    """Which lengths do not exceed a limit, rounding aside."""
    return lengths <= limit * (1 + ROUNDING)


def library(points: Array) -> Any:
    """The module that has the functions for an array: numpy or torch."""
    if isinstance(points, np.ndarray | np.generic):
        return np
    import torch  # callers with tensors have loaded it already; settings do not need it

    return torch


def constant(values: Nested, like: Array) -> Array:
    """Numbers as an array of the library, precision and device of another."""
    if library(like) is np:
        return np.asarray(values, dtype=np.result_type(like.dtype, np.float32))
    return _tensor(values, like.dtype, like.device)


@cache
def _tensor(values: Nested, dtype: Any, device: Any) -> Any:
    """Made once: a step that is captured on a GPU may copy nothing from the host, and a few steps are run before."""
    import torch

    return torch.tensor(values, dtype=dtype, device=device)
