"""Densities p(s) that controls have awake, up to a factor; points are (..., P)."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Density(Protocol):
    """A density that gives its logarithm."""

    def log(self, points: Tensor) -> Tensor:
        """(..., P) → (...) [nats], up to a constant."""
        ...


class Sloped(Density, Protocol):
    """A density that also gives the slope of its logarithm."""

    def slope(self, points: Tensor) -> Tensor:
        """Gradient of the logarithm, (..., P) → (..., P) [1/m]."""
        ...


@dataclass(frozen=True)
class Ring:
    """A ring around the middle, as for the biased walk of the paper; density per area is normal in the radius."""

    radius: float = 0.33  # [m]
    width: float = 0.1  # standard deviation across [m]

    def log(self, points: Tensor) -> Tensor:
        return -(((points.norm(dim=-1) - self.radius) / self.width) ** 2) / 2

    def slope(self, points: Tensor) -> Tensor:
        distance = points.norm(dim=-1, keepdim=True)
        return -(distance - self.radius) / self.width**2 * points / distance.clamp(min=1e-6)


@dataclass(frozen=True)
class Round:
    """A normal density around the middle."""

    width: float = 0.3  # standard deviation [m]

    def log(self, points: Tensor) -> Tensor:
        return -(points**2).sum(-1) / (2 * self.width**2)

    def slope(self, points: Tensor) -> Tensor:
        return -points / self.width**2


@dataclass(frozen=True)
class Homing:
    """Bearings around a home, ∝ exp(κ cos(s − h))."""

    concentration: float  # κ
    home: float  # h [rad]

    def log(self, points: Tensor) -> Tensor:
        return self.concentration * (points[..., 0] - self.home).cos()


@dataclass(frozen=True)
class Even:
    """A uniform density."""

    def log(self, points: Tensor) -> Tensor:
        return points.new_zeros(points.shape[:-1])
