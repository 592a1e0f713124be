"""How agents move: batches of paths, all agents at once, on the device of the generator.

A motion draws `Path(start, inputs, positions)`; the inputs integrate to the positions exactly. Axes: B agents, T steps;
`...` may be a stack of seeds.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
import math
from typing import Protocol

import torch
from torch import Tensor

from reactivation import types
from reactivation.types import Path
from reactivation.world.spaces import Circle, Space, constant


class Motion(Protocol):
    """Anything that draws paths."""

    n_inputs: int

    def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Path: ...


class TwoPart(ABC):
    """A motion that first draws random numbers, then makes paths of them, so that a stack of seeds needs one call."""

    def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Path:
        """Draw `batch_size` paths: start (B, P), inputs (B, T, I), positions (B, T, P) [m or rad]."""
        return self.follow(*self.draw(batch_size, steps, generator))

    @abstractmethod
    def draw(self, batch_size: int, steps: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """All random numbers of a batch."""

    @abstractmethod
    def follow(self, *drawn: Tensor) -> Path:
        """The paths that follow from random numbers with any leading axes."""


@dataclass
class Walk(TwoPart):
    """A random walk in a plane space whose walls turn it aside (after Erdem & Hasselmo, 2012; Table A.1).

    Speeds are Rayleigh, turns are normal. Near a wall and heading at it, an agent slows and turns to run along it. It may
    still overshoot the wall; where walls are hard, it stays in place instead.
    """

    space: Space
    dt: float  # [s]
    turn_mean: float  # [rad/s]
    turn_std: float  # [rad/s]
    speed_scale: float  # of the Rayleigh distribution [m/s]
    border_region: float  # distance within which a wall counts as near [m]
    border_slow_factor: float
    start: str  # "uniform" or "zero"
    start_extent: float  # uniform starts cover the space times this, about its middle
    anchor: tuple[float, float] | None  # biased walks are drawn to this point [m]
    drift: float  # share of the way to the anchor that each step adds
    first_step: str = "kept"  # or "dropped": one more step is made first, and the path starts after it

    n_inputs = 2

    def draw(self, batch_size: int, steps: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Starts (B, 2) and first headings (B,) on [0, 1), turns (T, B) ~ N(0, 1), squared speeds (T, B) ~ Exp(1).

        Where the first step is dropped, turns and speeds are those of T + 1 steps.
        """
        device = generator.device
        if self.first_step == "dropped":
            steps += 1
        start = torch.rand(batch_size, 2, generator=generator, device=device, dtype=types.PRECISION)
        heading = torch.rand(batch_size, generator=generator, device=device, dtype=types.PRECISION)
        turns = torch.randn(steps, batch_size, generator=generator, device=device, dtype=types.PRECISION)
        squares = torch.empty(steps, batch_size, device=device, dtype=types.PRECISION).exponential_(generator=generator)
        return start, heading, turns, squares

    def follow(self, *drawn: Tensor) -> Path:
        """Walks: start (..., B, 2), inputs (..., B, T, 2), positions (..., B, T, 2) [m]."""
        unit, heading, turns, squares = drawn
        middle = constant(self.space.middle, unit)
        start = middle + (self.start_extent if self.start == "uniform" else 0.0) * (self.space.from_unit(unit) - middle)
        heading = heading * (2 * math.pi)
        turns = (turns * self.turn_std + self.turn_mean) * self.dt
        lengths = (squares * 2).sqrt() * self.speed_scale * self.dt
        slowed = lengths * self.border_slow_factor
        position, moves, positions = start, [], []
        for turn, length, slow in zip(turns.unbind(-2), lengths.unbind(-2), slowed.unbind(-2), strict=True):
            blocked, wall_turn = self._wall(position, heading)
            move = torch.where(blocked, slow, length)[..., None] * torch.stack((heading.cos(), heading.sin()), dim=-1)
            if self.anchor is not None:
                move = move + self.drift * (constant(self.anchor, position) - position)
            if self.space.hard_walls:
                move = move * self.space.contains(position + move)[..., None]
            moves.append(move)
            position = position + move
            positions.append(position)
            heading = heading + turn + wall_turn
        if self.first_step == "dropped":
            start, moves, positions = positions[0], moves[1:], positions[1:]
        return Path(start, torch.stack(moves, dim=-2), torch.stack(positions, dim=-2))

    def _wall(self, position: Tensor, heading: Tensor) -> tuple[Tensor, Tensor]:
        """Which agents head at a near wall, and the turn [rad] that aligns them with it; 0 for the others."""
        gap, outward = self.space.wall_direction(position)
        angle = Circle().wrap(heading - outward)
        blocked = (gap < self.border_region) & (angle.abs() < math.pi / 2)
        aside = constant((math.pi / 2,), angle).copysign(angle) - angle
        return blocked, aside * blocked


@dataclass
class Turns(TwoPart):
    """A head that turns by independent normal amounts; biased, by their absolute values: counter-clockwise only."""

    circle: Circle
    dt: float  # [s]
    turn_mean: float  # [rad/s]
    turn_std: float  # [rad/s]
    start: str  # "uniform" or "zero"
    biased: bool

    n_inputs = 1

    def draw(self, batch_size: int, steps: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Starts (B, 1) on [0, 1), turns (B, T, 1) ~ N(0, 1)."""
        device = generator.device
        start = torch.rand(batch_size, 1, generator=generator, device=device, dtype=types.PRECISION)
        return start, torch.randn(batch_size, steps, 1, generator=generator, device=device, dtype=types.PRECISION)

    def follow(self, *drawn: Tensor) -> Path:
        """Turning heads: start (..., B, 1), inputs (..., B, T, 1), positions (..., B, T, 1) [rad]."""
        unit, turns = drawn
        start = self.circle.from_unit(unit) * (1.0 if self.start == "uniform" else 0.0)
        turns = turns * self.turn_std + self.turn_mean
        inputs = (turns.abs() if self.biased else turns) * self.dt
        return Path(start, inputs, self.circle.wrap(start[..., None, :] + inputs.cumsum(-2)))


@dataclass
class DrawnTurns(TwoPart):
    """A head that turns at random, is drawn to a home h, and pauses: ds = −a sin(s − h) dt + b dW.

    The drift is part of the inputs. The stationary density is ∝ exp(κ cos(s − h)) with κ = 2a/b² (Euler steps widen its
    variance by a share of a Δt / 2). Starts come from that density, so that it holds at every step. Time is split into
    blocks of steps, and each block of each path is a pause with the same probability: inputs are 0 and the bearing stays.
    Pauses do not depend on where the head is, so they leave the density as it is.
    """

    circle: Circle
    dt: float  # [s]
    turn_std: float  # [rad/s]; a step has b²Δt = (turn_std Δt)²
    start: str  # "uniform": drawn from the stationary density, or "zero"
    concentration: float  # κ
    pull: float  # a Δt, the factor of sin(s − h) in a step [rad]
    home: float  # h [rad]
    pause_share: float  # probability of a block to be a pause
    pause_steps: int  # steps per block

    n_inputs = 1

    def draw(self, batch_size: int, steps: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Starts (B, 1) on [0, 1), turns (B, T, 1) ~ N(0, 1); with pauses, a number on [0, 1) for each block (B, K, 1)."""
        device = generator.device
        start = torch.rand(batch_size, 1, generator=generator, device=device, dtype=types.PRECISION)
        turns = torch.randn(batch_size, steps, 1, generator=generator, device=device, dtype=types.PRECISION)
        if not self.pause_share:
            return start, turns
        blocks = math.ceil(steps / self.pause_steps)
        return start, turns, torch.rand(batch_size, blocks, 1, generator=generator, device=device, dtype=types.PRECISION)

    def follow(self, *drawn: Tensor) -> Path:
        """Turning heads: start (..., B, 1), inputs (..., B, T, 1), positions (..., B, T, 1) [rad]."""
        unit, turns, *blocks = drawn
        start = torch.zeros_like(unit)
        if self.start == "uniform":
            start = self.circle.wrap(_von_mises(unit, self.concentration) + self.home)
        kicks = turns * (self.turn_std * self.dt)
        moving = self._moving(blocks[0], turns) if blocks else torch.ones_like(turns)
        bearing, moves = start, []
        for kick, moves_on in zip(kicks.unbind(-2), moving.unbind(-2), strict=True):
            move = moves_on * (kick - self.pull * (bearing - self.home).sin())
            moves.append(move)
            bearing = bearing + move
        inputs = torch.stack(moves, dim=-2)
        return Path(start, inputs, self.circle.wrap(start[..., None, :] + inputs.cumsum(-2)))

    def _moving(self, blocks: Tensor, turns: Tensor) -> Tensor:
        """1 at each step outside a pause and 0 within: the numbers of blocks (..., B, K, 1) → (..., B, T, 1)."""
        moving = (blocks >= self.pause_share).to(turns.dtype)
        return moving.repeat_interleave(self.pause_steps, dim=-2)[..., : turns.shape[-2], :]


_CELLS = 4096  # of the table below


def _von_mises(unit: Tensor, concentration: float) -> Tensor:
    """Map numbers on [0, 1) onto bearings of density ∝ exp(κ cos s), by the inverse of its distribution function.

    Each bearing takes one number, and none is rejected: stacks and captured steps need a fixed number of draws.
    """
    below = _von_mises_below(concentration, unit.device)
    exact = unit.double().contiguous()
    cell = torch.searchsorted(below, exact, right=True) - 1  # the last edge not above it: no cell without mass is chosen
    within = (exact - below[cell]) / (below[cell + 1] - below[cell])
    return ((cell + within) * (2 * math.pi / _CELLS) - math.pi).to(unit.dtype)


@cache
def _von_mises_below(concentration: float, device: torch.device) -> Tensor:
    """The share of the density below each edge of `_CELLS` even cells over [-π, π], (_CELLS + 1,) in float64.

    Computed once, on the host, since a sum on a GPU need not give the same bits twice. The copy to a GPU is made before a
    step is captured, since a few steps are run first.
    """
    middles = (torch.arange(_CELLS, dtype=torch.float64) + 0.5) * (2 * math.pi / _CELLS) - math.pi
    shares = (concentration * (middles.cos() - 1)).exp().cumsum(0)
    return torch.cat((shares.new_zeros(1), shares / shares[-1])).to(device)
