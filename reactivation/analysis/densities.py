"""Probability densities on a space; all have `log_density(points)` and `sample(n, rng)`, so a divergence is one line.

Kernel density estimates are `scipy.stats.gaussian_kde` with its defaults, written in logarithms (far from the data the
density underflows but its logarithm does not) and over distinct points with their multiplicities: decoded positions are
means of three cell centres, so 200,000 of them are a few thousand distinct ones.

Axes: n points, m evaluation points, P dimensions.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
import copy
from functools import singledispatch
import math
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e

from reactivation.machine import cores
from reactivation.world.spaces import Box, Circle, Space

Points = NDArray[np.float64]

_BLOCK = 100_000  # kernel evaluations held at once: few enough to stay in a core's cache
_NARROWEST = 1e-6  # circular standard deviation [rad] below which rounding alone spreads bearings
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
        """`marginal` uses one dimension's density as if it were the joint one, as the released code does (row 8)."""
        self._space = space
        dimensions = space.dimensions if marginal else 1
        self._log_density = -math.log(space.volume) / dimensions

    def log_density(self, points: Points) -> Points:
        """(m, P) → (m); −∞ outside the space."""
        return np.where(self._space.contains(points), self._log_density, -np.inf)

    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw (n, P)."""
        drawn: Points = self._space.from_unit(rng.random((n, self._space.dimensions)))
        return drawn


class GaussianKDE:
    """A Gaussian kernel on every point; covariance and bandwidth (Scott's rule) as in `scipy.stats.gaussian_kde`."""

    def __init__(self, points: Points):
        """From points (n, P).

        Raises:
            DegenerateDensity: the points have no volume.
        """
        n, dimensions = points.shape
        self._points, self._counts = np.unique(points, axis=0, return_counts=True)
        self._set_kernel(np.atleast_2d(np.cov(points.T)) * float(n) ** (-2 / (dimensions + 4)))

    def with_kernel(self, kernel: Points) -> Self:
        """The same points under another kernel covariance (P, P)."""
        other = copy.copy(self)
        other._set_kernel(kernel)
        return other

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


class VonMisesKDE:
    """A von Mises kernel on every bearing.

    The bandwidth is Scott's rule with the circular standard deviation in place of the linear one, but at most that of the
    uniform circle, π/√3, since the circular one grows without bound as bearings spread. The paper gives no rule.
    """

    def __init__(self, points: Points):
        """From bearings (n, 1) [rad].

        Raises:
            DegenerateDensity: all bearings are one.
        """
        self._points, self._counts = np.unique(points[:, 0], return_counts=True)
        resultant = min(max(abs(np.exp(1j * points[:, 0]).mean()), 1e-300), 1.0)
        spread = min(math.sqrt(-2 * math.log(resultant)), math.pi / math.sqrt(3))
        if spread < _NARROWEST:
            raise DegenerateDensity(f"{len(self._points)} distinct bearings are all but one")
        self._set_kernel((spread * float(len(points)) ** (-1 / 5)) ** 2)

    def with_kernel(self, kernel: float) -> Self:
        """The same bearings under another kernel variance [rad²]."""
        other = copy.copy(self)
        other._set_kernel(kernel)
        return other

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


Estimate = GaussianKDE | VonMisesKDE


@singledispatch
def estimate(space: Space, points: Points) -> Estimate:
    """The kernel density estimate that suits a space, from points (n, P); register one for each new kind of space.

    Raises:
        DegenerateDensity: the points have no volume.
    """
    raise TypeError(f"no density estimate is registered for {type(space).__name__}")


@estimate.register
def _(space: Box, points: Points) -> GaussianKDE:
    return GaussianKDE(points)


@estimate.register
def _(space: Circle, points: Points) -> VonMisesKDE:
    return VonMisesKDE(points)


def _by_blocks(evaluate: Callable[[slice], Points], rows: int, columns: int) -> Points:
    """Blocks of rows side by side on all cores (numpy works outside Python's lock), in order."""
    size = max(1, _BLOCK // columns)
    with ThreadPoolExecutor(cores.available()) as pool:
        return np.concatenate(list(pool.map(evaluate, (slice(first, first + size) for first in range(0, rows, size)))))


def _log_sum_exp(values: Points) -> Points:
    """Over the last axis, (m, n) → (m), destroying `values`; several times faster here than scipy's general one."""
    top = values.max(-1, keepdims=True)
    values -= top
    total: Points = np.log(np.exp(values, out=values).sum(-1)) + top[:, 0]
    return total
