"""The coordinate along which the theory measures: the radius from the middle of a plane, or the bearing on a circle.

Axes: n points, B trajectories, P dimensions.
"""

from abc import ABC, abstractmethod
import math
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from reactivation.analysis.recording import Recording
from reactivation.theory.landscape import Bearings, Landscape, Plane, concentration_of
from reactivation.world.spaces import Space, constant

Array = NDArray[np.float64]

BINS = 7  # bins of places
_RADII = (0.03, 0.73)  # of starts [m]
_FITTED = (0.1, 0.5)  # radii of the fit [m]
_NEAR_HOME = 1.0  # greatest distance from home of bearings in the fit [rad]
_DISC = 0.5  # radius of wide starts [m]
_SMOOTHING, _SMOOTHING_OF_BEARINGS = 0.1, math.pi / 12  # half a tuning width [m, rad]
_LEAST_PEAK = 0.1  # height of the lowest peak that counts as a mode, over the highest
_HARMONICS = 4  # of the angle in a plane
_GRID = 180  # points at which a density is evaluated


class Seen(NamedTuple):
    """Points as seen along a course."""

    place: Array  # (n) radius, or bearing from home [unit]
    along: Array  # (n, P) direction in which the place grows
    across: Array | None  # (n, P) direction orthogonal to it; None on a circle
    is_near: NDArray[np.bool_]  # (n) whether a point is in the range of the fit


class Home(NamedTuple):
    """How places at rest compare with those of waking."""

    modes: int  # of the density of radii, or of bearings
    away: float  # median radius less that of waking [m], or mean bearing less that of waking [rad]
    uneven: float  # greatest of the first four harmonics of the angle in a plane, 0 to 1; 0 on a circle


class Course(ABC):
    """All that depends on the coordinate along which the theory measures."""

    what: ClassVar[str]  # name of the measure of width
    is_driven: ClassVar[bool]  # whether drift is measured under inputs, too (docs/theory.md, 8)
    edges: ClassVar[Array]  # (BINS + 1) of places [unit]
    spread_of_starts: ClassVar[float]  # standard deviation of places [unit]

    def __init__(self, space: Space):
        self.space = space

    @abstractmethod
    def even(self, unit: Tensor) -> Tensor:
        """Return positions whose places are uniform, from uniform numbers: (n, 2) → (n, P)."""

    @abstractmethod
    def wide(self, unit: Tensor) -> Tensor:
        """Return positions uniform over a disc around the middle, or over the circle: uniform numbers (n, 2) → (n, P)."""

    @abstractmethod
    def landscape(self, awake: Recording, kernel: float) -> Landscape:
        """Return the waking density, in a plane by kernels of standard deviation `kernel` [m]."""

    @abstractmethod
    def seen(self, points: Array, landscape: Landscape) -> Seen:
        """Return the places and directions of points (n, P)."""

    @abstractmethod
    def is_fitted(self, places: Array) -> NDArray[np.bool_]:
        """Return which places of bins (BINS) are in the range of the fit; NaN is not."""

    @abstractmethod
    def width(self, positions: Array) -> float:
        """Return the width of positions (..., P), the measure that `what` names."""

    @abstractmethod
    def place(self, points: Array) -> Array:
        """Return places as they are correlated, (..., P) → (..., E): radii, or points of the unit circle."""

    @abstractmethod
    def home(self, resting: Array, awake: Array) -> Home:
        """Count the modes of rest (B, T, P), and measure how far it is from waking (n, P)."""

    def remembered(self, first: Array, last: Array) -> float:
        """Return the correlation, over trajectories, of places at one time with those at another, (B, P) each."""
        one, other = (place - place.mean(0) for place in map(self.place, (first, last)))
        scale = math.sqrt(float((one**2).sum() * (other**2).sum()))
        return float((one * other).sum()) / scale if scale else math.nan


class Radius(Course):
    """The radius from the middle of a plane."""

    what, is_driven = "radial sd", False
    edges = np.linspace(*_RADII, BINS + 1)
    spread_of_starts = (_RADII[1] - _RADII[0]) / math.sqrt(12)

    def even(self, unit: Tensor) -> Tensor:
        radius, angle = _RADII[0] + (_RADII[1] - _RADII[0]) * unit[:, 0], 2 * math.pi * unit[:, 1]
        return radius[:, None] * torch.stack((angle.cos(), angle.sin()), dim=-1) + constant(self.space.middle, unit)

    def wide(self, unit: Tensor) -> Tensor:
        angle = 2 * math.pi * unit[:, 1]
        disc = _DISC * unit[:, :1].sqrt() * torch.stack((angle.cos(), angle.sin()), -1)
        return disc + constant(self.space.middle, unit)

    def landscape(self, awake: Recording, kernel: float) -> Landscape:
        return Plane(awake, kernel)

    def seen(self, points: Array, landscape: Landscape) -> Seen:
        away = points - np.array(self.space.middle)
        place = np.linalg.norm(away, axis=-1)
        along = away / place[:, None]
        return Seen(place, along, np.stack((-along[:, 1], along[:, 0]), axis=-1), self.is_fitted(place))

    def is_fitted(self, places: Array) -> NDArray[np.bool_]:
        return (places > _FITTED[0]) & (places < _FITTED[1])

    def width(self, positions: Array) -> float:
        return float(self.place(positions).std())

    def place(self, points: Array) -> Array:
        radius: Array = np.linalg.norm(points - np.array(self.space.middle), axis=-1, keepdims=True)
        return radius

    def home(self, resting: Array, awake: Array) -> Home:
        radius, away = self.place(resting), resting - np.array(self.space.middle)
        angle = np.arctan2(away[..., 1], away[..., 0])
        uneven = max(float(abs(np.exp(1j * harmonic * angle).mean())) for harmonic in range(1, _HARMONICS + 1))
        return Home(self._modes(radius), float(np.median(radius) - np.median(self.place(awake))), uneven)

    def _modes(self, radius: Array) -> int:
        """Peaks of the density of radii, smoothed by a kernel that is reflected at 0."""
        edges = np.linspace(0, radius.max() + 3 * _SMOOTHING, 10 * _GRID)
        counts, middles, at = np.histogram(radius, edges)[0], (edges[1:] + edges[:-1]) / 2, edges[::10]
        away = [(at[:, None] - sign * middles) / _SMOOTHING for sign in (1, -1)]
        density = sum(np.exp(-(one**2) / 2) @ counts for one in away)
        return _peaks(np.concatenate(([0.0], density, [0.0])))


class Bearing(Course):
    """The bearing from home, on a circle."""

    what, is_driven = "κ", True
    edges = np.linspace(-_NEAR_HOME, _NEAR_HOME, BINS + 1)
    spread_of_starts = 2 * math.pi / math.sqrt(12)

    def even(self, unit: Tensor) -> Tensor:
        return torch.as_tensor(self.space.from_unit(unit[:, :1]))

    def wide(self, unit: Tensor) -> Tensor:
        return self.even(unit)

    def landscape(self, awake: Recording, kernel: float) -> Landscape:
        return Bearings(awake)

    def seen(self, points: Array, landscape: Landscape) -> Seen:
        place = self.space.difference(points, np.array(landscape.home))[:, 0]
        return Seen(place, np.ones_like(points), None, np.abs(place) < _NEAR_HOME)

    def is_fitted(self, places: Array) -> NDArray[np.bool_]:
        return np.ones(len(places), dtype=bool)

    def width(self, positions: Array) -> float:
        return concentration_of(float(abs(np.exp(1j * positions).mean())))

    def place(self, points: Array) -> Array:
        embedded: Array = self.space.embed(points)
        return embedded

    def home(self, resting: Array, awake: Array) -> Home:
        middle, of_waking = (np.exp(1j * positions).mean() for positions in (resting, awake))
        return Home(self._modes(resting), float(np.angle(middle / of_waking)), 0.0)

    def _modes(self, bearings: Array) -> int:
        """Peaks of the density of bearings."""
        edges = np.linspace(-math.pi, math.pi, 10 * _GRID + 1)
        counts, middles, at = np.histogram(bearings, edges)[0], (edges[1:] + edges[:-1]) / 2, edges[:-1:10]
        density = np.exp((np.cos(at[:, None] - middles) - 1) / _SMOOTHING_OF_BEARINGS**2) @ counts
        return _peaks(np.concatenate((density[-1:], density, density[:1])))


def _peaks(density: Array) -> int:
    """Count peaks of at least a tenth of the highest; the first and last values serve as neighbours only."""
    inner = density[1:-1]
    return int(((inner >= density[:-2]) & (inner > density[2:]) & (inner >= _LEAST_PEAK * inner.max())).sum())


def course_of(space: Space) -> Course:
    """Return the course of a space: the bearing where positions have one, else the radius."""
    return Radius(space) if space.bearing(np.array(space.middle)) is None else Bearing(space)
