"""The theory as a network: a known manifold, and the drift of Eq. 16 around it.

Rates lie near a manifold m(s) of N units, pairs of waves a cos(k·s), a sin(k·s): |dm/ds| is the same everywhere and in every
direction, so that no metric confounds measures. The density of rates is a mixture of normal components along the
manifold, each weighted by p(s); the drift is exactly σ² times the slope of its logarithm.

Axes: B trajectories, N units, K components, P dimensions, O cells.
"""

import math
from typing import cast

import torch
from torch import Tensor

from reactivation.controls.densities import Density
from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear
from reactivation.network.network import Network
from reactivation.world.spaces import Space
from reactivation.world.tasks.base import Task

UNITS = 64  # N
_BREADTH = 20.0  # variance v of a component over that of one step's noise: rates relax by a twentieth per step
_SPACING = 1.8  # of components, in their standard deviations √v: coarser ones make the density bumpy
_RARE = 1e-8  # components with a smaller weight, over the largest, are left out
_RIDGE = 1e-6  # penalty of the encoder, over the mean square of an activity


class Manifold:
    """The rates m(s) that stand for positions: (..., P) → (..., N)."""

    def __init__(self, waves: Tensor, stretch: float):
        """Make pairs of waves of wave vectors `waves` (N/2, P) [1/m or 1/rad], with |dm/ds| = `stretch` [per m or rad]."""
        self.waves, self.stretch = waves, stretch
        self.amplitude = stretch / math.sqrt(float((waves**2).sum(0).mean()))

    def __call__(self, positions: Tensor) -> Tensor:
        phases = positions @ self.waves.mT
        return self.amplitude * torch.cat((phases.cos(), phases.sin()), dim=-1)

    def slope(self, positions: Tensor) -> Tensor:
        """dm/ds, (..., P) → (..., N, P)."""
        phases = positions @ self.waves.mT
        turned = self.amplitude * torch.cat((-phases.sin(), phases.cos()), dim=-1)
        return turned[..., None] * torch.cat((self.waves, self.waves))


def plane_waves(length: float, generator: torch.Generator) -> Tensor:
    """Draw wave vectors (N/2, 2) of random direction and length, with ⟨k kᵀ⟩ = 1/`length`² [1/m²] times the identity."""
    drawn = torch.randn(UNITS // 2, 2, generator=generator, dtype=torch.float64)
    spread = torch.linalg.cholesky(torch.linalg.inv(drawn.mT @ drawn / len(drawn)))
    return drawn @ spread / length


def circular_waves(highest: int, generator: torch.Generator) -> Tensor:
    """Draw wave numbers (N/2, 1), integers from 1 to `highest` [1/rad], all equally often."""
    order = torch.randperm(UNITS // 2, generator=generator)
    return (order % highest + 1).double()[:, None]


class Langevin(Cell):
    """dr/dt = σ² d/dr log p(r) + dm/ds ds/dt (Eq. 18), p a mixture of normal components of one variance.

    Inputs move the rates along the mean slope of the manifold, over components by their probability given the rates.
    """

    centres: Tensor
    log_weights: Tensor
    slopes: Tensor

    def __init__(self, centres: Tensor, log_weights: Tensor, slopes: Tensor, variance: float, sigma: float, dt: float):
        """Components at `centres` (K, N), where the manifold has `slopes` (K, N, P); inputs are changes per Δt."""
        super().__init__()
        self.register_buffer("centres", centres)
        self.register_buffer("log_weights", log_weights - (centres**2).sum(-1) / (2 * variance))
        self.register_buffer("slopes", slopes)
        self.variance, self.sigma, self.dt = variance, sigma, dt
        self.input = Linear.of(torch.eye(slopes.shape[-1], dtype=centres.dtype))

    def project(self, inputs: Tensor) -> Tensor:
        """The inputs themselves."""
        return inputs

    def drift(self, state: Tensor, u: Tensor, *, leak: float = 1.0) -> Tensor:
        """Eq. 18 without its noise; the part −σ²r/v is the leak."""
        shares = torch.softmax(self.log_weights + state @ self.centres.mT / self.variance, dim=-1)  # (..., B, K)
        pull = self.sigma**2 / self.variance * (shares @ self.centres - leak * state)
        if not u.any():
            return pull
        slope = (shares @ self.slopes.flatten(1)).unflatten(-1, self.slopes.shape[1:])  # type: ignore[no-untyped-call]  # torch has no types for it
        return pull + (slope @ u[..., None])[..., 0] / self.dt


def langevin_network(task: Task, manifold: Manifold, prior: Density, sigma: float, dt: float) -> Network:
    """Construct the network whose rates sample a prior along a manifold, read out by the cells of a task.

    Encoder and readout are ridge regressions: of m(s) on f(s), and of f(s) on rates that lie around m(s), spread as noise
    of doubled variance spreads them.
    """
    variance = _BREADTH * sigma**2 * dt
    positions = _spaced(task.space, _SPACING * math.sqrt(variance) / manifold.stretch)
    centres, activities = manifold(positions), task.encode(positions.float()).double()
    log_weights = prior.log(positions)
    kept = log_weights > log_weights.max() + math.log(_RARE)
    cell = Langevin(
        centres[kept].float(),
        log_weights[kept].float(),
        manifold.slope(positions[kept]).float(),
        variance,
        sigma,
        dt,
    )
    encoder = _ridge(activities, centres, _RIDGE * float((activities**2).mean()))
    return Network(Linear.of(encoder.float()), cell, Linear.of(_ridge(centres, activities, variance).float()))


def _spaced(space: Space, spacing: float) -> Tensor:
    """Grid positions in a space, at most `spacing` apart along each axis, (K, P)."""
    longest = max(axis.high - axis.low for axis in space.axes)
    return torch.as_tensor(space.grid(math.ceil(longest / spacing)).points)


def _ridge(given: Tensor, wanted: Tensor, penalty: float) -> Tensor:
    """The linear map (to, from) from `given` (n, from) to `wanted` (n, to), for noise of variance `penalty` on `given`."""
    squares = given.mT @ given + penalty * len(given) * torch.eye(given.shape[1], dtype=given.dtype)
    return cast(Tensor, torch.linalg.solve(squares, given.mT @ wanted).mT)
