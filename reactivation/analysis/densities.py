"""Probability densities on a space; all have `log_density(points)` and `sample(n, rng)`, so a divergence is one line.

Kernel density estimates are written in logarithms (far from the data the density underflows but its logarithm does not) and
over distinct points with their multiplicities: decoded positions are means of three cell centres, so 200,000 of them are a
few thousand distinct ones. `estimate` chooses the estimate that a space asks for (`Space.kernel`).

Axes: n points, m evaluation points, P dimensions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
import copy
import math
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e

from reactivation.machine import cores
from reactivation.world.spaces import Circle, Kernel, Space

Points = NDArray[np.float64]

_BLOCK = 100_000  # kernel evaluations held at once: few enough to stay in a core's cache
_NARROWEST = 1e-6  # circular standard deviation [rad] below which rounding alone spreads bearings
_CELLS = 60  # along the longest axis of the grid that stands for a space
_FLATTEST = 1e-12  # least over largest variance of a cloud of points below which rounding alone gives it volume


class DegenerateDensity(ValueError):
    """The points span no volume (all in one place or on one line), so no density can be estimated."""


class Density(Protocol):
    """A probability density on a space."""

    def log_density(self, points: Points) -> Points:
        """(m, P) → (m) [nats]."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw (n, P)."""
        ...


class Uniform:
    """The uniform density of a space."""

    def __init__(self, space: Space, marginal: bool = False):
        """`marginal` uses one dimension's density as if it were the joint one, as released (differences, row 8)."""
        self._space, self._roots = space, space.dimensions if marginal else 1

    def log_density(self, points: Points) -> Points:
        """(m, P) → (m); −∞ outside the space."""
        log_density: Points = self._space.log_uniform(points) / self._roots
        return log_density

    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw (n, P)."""
        drawn: Points = self._space.sample(n, rng)
        return drawn


class Estimate(ABC):
    """A kernel density estimate, whose kernel can be given to another of the same space."""

    kernel: Any  # covariance (P, P) or variance of the kernel [unit²]

    def with_kernel(self, kernel: Any) -> Self:
        """The same points under another kernel."""
        other = copy.copy(self)
        other._set_kernel(kernel)
        return other

    @abstractmethod
    def _set_kernel(self, kernel: Any) -> None: ...

    @abstractmethod
    def log_density(self, points: Points) -> Points:
        """(m, P) → (m) [nats]."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw (n, P)."""


class GaussianKDE(Estimate):
    """A Gaussian kernel on every point, walls or not; its covariance (Scott's rule) as in `scipy.stats.gaussian_kde`."""

    def __init__(self, points: Points):
        """From points (n, P).

        Raises:
            DegenerateDensity: the points have no volume.
        """
        n, dimensions = points.shape
        self._points, self._counts = np.unique(points, axis=0, return_counts=True)
        covariance = np.atleast_2d(np.cov(points.T)) if n > 1 else np.zeros((dimensions, dimensions))
        self._set_kernel(covariance * float(n) ** (-2 / (dimensions + 4)))

    def _set_kernel(self, kernel: Points) -> None:
        spreads = np.linalg.eigvalsh(kernel)
        if spreads[0] <= _FLATTEST * spreads[-1]:
            raise DegenerateDensity(f"{len(self._points)} distinct points span no volume")
        self.kernel = kernel
        self._factor = np.linalg.cholesky(kernel)
        norm = len(kernel) / 2 * math.log(2 * math.pi) + math.log(np.diag(self._factor).prod())
        self._log_weights = np.log(self._counts / self._counts.sum()) - norm
        self._white = self._whiten(self._points)

    def log_density(self, points: Points) -> Points:
        """(m, P) → (m)."""
        white = self._whiten(points)

        def evaluate(rows: slice) -> Points:
            squared = sum((white[rows, d, None] - self._white[:, d]) ** 2 for d in range(white.shape[1]))
            return _log_sum_exp(self._log_weights - squared / 2)

        return _by_blocks(evaluate, len(points), len(self._points))

    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw (n, P): a point by its multiplicity, then the kernel around it."""
        chosen = rng.choice(len(self._points), size=n, p=self._counts / self._counts.sum())
        drawn: Points = self._points[chosen] + rng.standard_normal((n, self._points.shape[1])) @ self._factor.T
        return drawn

    def _whiten(self, points: Points) -> Points:
        return np.asarray(np.linalg.solve(self._factor, points.T).T, dtype=np.float64)


class VonMisesKDE(Estimate):
    """A von Mises kernel on every bearing.

    The bandwidth is Scott's rule with the circular standard deviation in place of the linear one, but at most that of the
    uniform circle, π/√3, since the circular one grows without bound as bearings spread. The paper gives no rule.
    """

    def __init__(self, points: Points):
        """From bearings (n, 1) [rad].

        Raises:
            DegenerateDensity: all bearings coincide.
        """
        self._points, self._counts = np.unique(points[:, 0], return_counts=True)
        resultant = min(max(abs(np.exp(1j * points[:, 0]).mean()), 1e-300), 1.0)
        spread = min(math.sqrt(-2 * math.log(resultant)), math.pi / math.sqrt(3))
        if spread < _NARROWEST:
            raise DegenerateDensity(f"{len(self._points)} distinct bearings are all but one")
        self._set_kernel((spread * float(len(points)) ** (-1 / 5)) ** 2)

    def _set_kernel(self, kernel: float) -> None:
        self.kernel = kernel  # 1/κ
        self._kappa = 1 / kernel
        self._log_weights = np.log(self._counts / self._counts.sum()) - math.log(2 * math.pi * i0e(self._kappa))

    def log_density(self, points: Points) -> Points:
        """(m, 1) → (m)."""

        def evaluate(rows: slice) -> Points:
            half = (points[rows, 0, None] - self._points) / 2
            return _log_sum_exp(self._log_weights - 2 * self._kappa * np.sin(half) ** 2)

        return _by_blocks(evaluate, len(points), len(self._points))

    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw (n, 1) in [-π, π)."""
        chosen = rng.choice(len(self._points), size=n, p=self._counts / self._counts.sum())
        drawn: Points = Circle().wrap(self._points[chosen] + rng.vonmises(0.0, self._kappa, n))[:, None]
        return drawn


class WalledKDE(Estimate):
    """A Gaussian kernel on every point of a space with hard walls.

    Near a wall, part of each kernel lies beyond it. So the sum of the kernels is divided by the same sum for points that
    fill the space evenly (edge correction after Diggle, 1985): a uniform sample gives a uniform density up to the walls. The
    density integrates to 1 within the walls and is 0 beyond. Points beyond a wall are moved onto it. The kernel has the same
    width in all directions, by Scott's rule from the variance per dimension, but at least the width of a cell of the grid
    that fills the space.
    """

    def __init__(self, space: Space, points: Points):
        """From points (n, P).

        Raises:
            DegenerateDensity: all points coincide.
        """
        self._space, self._grid = space, space.grid(_CELLS)
        gap, normal = space.wall(points)
        inside = points + np.where(gap < 0, gap, 0.0)[:, None] * normal
        self._points, self._counts = np.unique(inside, axis=0, return_counts=True)
        if len(self._points) == 1:
            raise DegenerateDensity(f"{len(points)} points are all one")
        squares = space.distance(inside, space.mean(inside)) ** 2
        self._set_kernel(float(squares.mean()) / space.dimensions * float(len(points)) ** (-2 / (space.dimensions + 4)))

    def _set_kernel(self, kernel: float) -> None:
        self.kernel = max(kernel, self._grid.volume ** (2 / self._space.dimensions))
        log_even = self._log_even(self._grid.points)
        self._least = log_even.min()
        ratio = np.exp(self._log_own(self._grid.points) - log_even)
        self._log_mass = math.log(ratio.sum() * self._grid.volume)

    def log_density(self, points: Points) -> Points:
        """(m, P) → (m); −∞ beyond the walls."""
        log_density = self._log_own(points) - self._log_even(points) - self._log_mass
        return np.where(self._space.contains(points), log_density, -np.inf)

    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw (n, P): a point by its multiplicity and the kernel around it, with rejection for the edge correction."""
        drawn = np.empty((0, self._space.dimensions))
        while len(drawn) < n:
            chosen = rng.choice(len(self._points), size=n, p=self._counts / self._counts.sum())
            around = math.sqrt(self.kernel) * rng.standard_normal((n, self._space.dimensions))
            tried = self._space.wrap(self._points[chosen] + around)
            kept = self._space.contains(tried) & (np.log(rng.random(n)) < self._least - self._log_even(tried))
            drawn = np.concatenate((drawn, tried[kept]))
        return drawn[:n]

    def _log_own(self, points: Points) -> Points:
        """Log of the sum of kernels on the points, with weights that sum to 1."""
        return self._log_sum(points, self._points, np.log(self._counts / self._counts.sum()))

    def _log_even(self, points: Points) -> Points:
        """Log of the same sum for points that fill the space evenly."""
        return self._log_sum(points, self._grid.points, np.array(-math.log(len(self._grid.points))))

    def _log_sum(self, points: Points, centres: Points, log_weights: Points) -> Points:
        """Log of the weighted sum of kernels around centres (n, P), without their norm, at points (m, P): (m)."""

        def evaluate(rows: slice) -> Points:
            away = self._space.difference(points[rows, None], centres)
            squares = sum(away[..., d] ** 2 for d in range(away.shape[-1]))
            return _log_sum_exp(log_weights - squares / (2 * self.kernel))

        return _by_blocks(evaluate, len(points), len(centres))


def estimate(space: Space, points: Points) -> Estimate:
    """The kernel density estimate that suits a space, from points (n, P).

    Raises:
        DegenerateDensity: the points have no volume.
    """
    if space.kernel is Kernel.WALLED:
        return WalledKDE(space, points)
    return VonMisesKDE(points) if space.kernel is Kernel.VON_MISES else GaussianKDE(points)


def _by_blocks(evaluate: Callable[[slice], Points], rows: int, columns: int) -> Points:
    """Evaluate blocks of rows in parallel on all cores (numpy releases Python's lock), and join them in order."""
    size = max(1, _BLOCK // columns)
    with ThreadPoolExecutor(cores.available()) as pool:
        return np.concatenate(list(pool.map(evaluate, (slice(first, first + size) for first in range(0, rows, size)))))


def _log_sum_exp(values: Points) -> Points:
    """Over the last axis, (m, n) → (m), destroying `values`; several times faster here than scipy's general one."""
    top = values.max(-1, keepdims=True)
    values -= top
    total: Points = np.log(np.exp(values, out=values).sum(-1)) + top[:, 0]
    return total
