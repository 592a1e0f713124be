"""Movements without a network, as cells: the state is a position, and the noise is what moves it.

Axes: B trajectories, I inputs, P dimensions.
"""

import math

import torch
from torch import Tensor

from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear
from reactivation.network.network import Network
from reactivation.world.spaces import Space

_CLOCK = 4  # noise numbers that times are drawn from, two for each uniform number


class Movement(Cell):
    """Brownian motion between reflecting walls or round a circle; each step goes a share of the way to the middle."""

    def __init__(self, space: Space, dt: float, homeward: float = 0.0):
        super().__init__()
        self.space, self.step_lasts, self.homeward = space, dt, homeward

    @property
    def n_inputs(self) -> int:
        """One, which is ignored."""
        return 1

    def project(self, inputs: Tensor) -> Tensor:
        """The inputs themselves."""
        return inputs

    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        """Reflection at the walls and the pull to the middle: (B, P) → (B, P) [unit/s]."""
        return ((1 - self.homeward) * self.space.reflected(state) - state) / self.step_lasts


class Subordinated(Movement):
    """Brownian motion observed at random times, those of a stable subordinator of index α (Bochner).

    With a generator −(−½ s² Δ) of Brownian motion whose steps have variance s² a dimension, that of this motion is
    −(−½ s² Δ)^α a step: the same modes, cosines between walls and sines and cosines round a circle, each decaying by
    exp(−λ^α) instead of exp(−λ). Far from walls the distance after n steps is distributed as n^{1/(2α)} times that after
    one step; it has a mean only for α > ½. The noise of four further rates, which are always 0, sets the times, by its
    direction alone.
    """

    def __init__(self, space: Space, dt: float, alpha: float):
        super().__init__(space, dt)
        self.alpha = alpha

    def initial(self, rates: Tensor) -> Tensor:
        return rates[..., :-_CLOCK]

    def rates(self, state: Tensor) -> Tensor:
        return torch.cat((state, state.new_zeros(*state.shape[:-1], _CLOCK)), dim=-1)

    def noise_on_state(self, noise: Tensor) -> Tensor:
        """Gaussian steps (B, P), each over a time of its own: (B, P + 4) → (B, P)."""
        return noise[..., :-_CLOCK] * self._passed(noise[..., -_CLOCK:]).sqrt()[..., None]

    def _passed(self, clock: Tensor) -> Tensor:
        """The step S of the subordinator, (B, 4) → (B): E exp(−uS) = exp(−u^α) (Kanter, 1975); 1 for α = 1."""
        turns = torch.atan2(clock[..., ::2], clock[..., 1::2]) / (2 * math.pi) + 0.5  # uniform, under noise of any strength
        least = torch.finfo(turns.dtype).eps
        first, second = turns.clamp(least, 1 - least).unbind(-1)
        angle, waited = math.pi * first, -second.log()
        spread = (((1 - self.alpha) * angle).sin() / waited) ** ((1 - self.alpha) / self.alpha)
        return (self.alpha * angle).sin() / angle.sin() ** (1 / self.alpha) * spread


def moving(cell: Movement) -> Network:
    """A network of a movement, whose starts and outputs are positions; a heavy tail needs double precision."""
    heavy, dimensions = isinstance(cell, Subordinated), cell.space.dimensions
    places = torch.eye(dimensions + _CLOCK * heavy, dimensions, dtype=torch.float64 if heavy else torch.float32)
    return Network(Linear.of(places), cell, Linear.of(places.mT.contiguous()))
