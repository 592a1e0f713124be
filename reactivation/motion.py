"""How agents move: batches of paths, all agents at once, on the device of the generator.

A motion draws `Path(start, inputs, states)`; the inputs integrate to the states exactly. Axes: B agents, T steps.
"""

from dataclasses import dataclass
import math
from typing import Protocol

import torch
from torch import Tensor

from reactivation.spaces import Box, Circle
from reactivation.types import Path


class Motion(Protocol):
    """Anything that draws paths."""

    n_inputs: int

    def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Path: ...


@dataclass
class Walk:
    """A random walk in a box whose walls turn it aside (after Erdem & Hasselmo, 2012; Table A.1).

    Speeds are Rayleigh, turns are normal. Near a wall and heading at it, an agent slows and turns to run along it.
    """

    box: Box
    dt: float  # [s]
    turn_mean: float  # [rad/s]
    turn_std: float  # [rad/s]
    speed_scale: float  # of the Rayleigh distribution [m/s]
    border_region: float  # how near a wall is near [m]
    border_slow_factor: float
    start: str  # "uniform" or "zero"
    start_extent: float  # uniform starts cover the box times this
    anchor: tuple[float, float] | None  # biased walks are drawn to this point [m]
    drift: float  # share of the way to the anchor that each step adds

    n_inputs = 2

    def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Path:
        """Draw `batch_size` walks: start (B, 2), inputs (B, T, 2), states (B, T, 2) [m]."""
        device = generator.device
        start = self._starts(batch_size, generator)
        heading = torch.rand(batch_size, generator=generator, device=device) * (2 * math.pi)
        turns = torch.randn(steps, batch_size, generator=generator, device=device) * self.turn_std + self.turn_mean
        squares = torch.empty(steps, batch_size, device=device).exponential_(generator=generator) * 2
        lengths = squares.sqrt() * self.speed_scale * self.dt
        anchor = torch.tensor(self.anchor or (0.0, 0.0), device=device)
        position, moves, positions = start, [], []
        for turn, length in zip(turns * self.dt, lengths, strict=True):
            blocked, wall_turn = self._wall(position, heading)
            length = torch.where(blocked, length * self.border_slow_factor, length)
            move = length[:, None] * torch.stack((heading.cos(), heading.sin()), dim=-1)
            if self.anchor is not None:
                move = move + self.drift * (anchor - position)
            moves.append(move)
            position = position + move
            positions.append(position)
            heading = heading + turn + wall_turn
        return Path(start, torch.stack(moves, dim=1), torch.stack(positions, dim=1))

    def _starts(self, batch_size: int, generator: torch.Generator) -> Tensor:
        unit = torch.rand(batch_size, 2, generator=generator, device=generator.device)
        extent = self.start_extent if self.start == "uniform" else 0.0
        return extent * self.box.from_unit(unit)

    def _wall(self, position: Tensor, heading: Tensor) -> tuple[Tensor, Tensor]:
        """Which agents run at a near wall, and the turn (rad) that lines each of those up with it; 0 for the others."""
        half = torch.tensor((self.box.width, self.box.height), device=position.device) / 2
        gaps = torch.cat((half - position, half + position), dim=-1)  # to the east, north, west and south walls
        gap, nearest = gaps.min(-1)
        outward = nearest * (math.pi / 2)  # direction of that wall's normal
        angle = (heading - outward + math.pi) % (2 * math.pi) - math.pi
        blocked = (gap < self.border_region) & (angle.abs() < math.pi / 2)
        aside = torch.where(angle < 0, -1.0, 1.0) * math.pi / 2 - angle
        return blocked, torch.where(blocked, aside, 0.0)


@dataclass
class Turns:
    """A head that turns by independent normal amounts; biased, by their absolute values: counter-clockwise only."""

    circle: Circle
    dt: float  # [s]
    turn_mean: float  # [rad/s]
    turn_std: float  # [rad/s]
    start: str  # "uniform" or "zero"
    biased: bool

    n_inputs = 1

    def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Path:
        """Draw `batch_size` turning heads: start (B, 1), inputs (B, T, 1), states (B, T, 1) [rad]."""
        device = generator.device
        unit = torch.rand(batch_size, 1, generator=generator, device=device)
        start = self.circle.from_unit(unit) * (1.0 if self.start == "uniform" else 0.0)
        turns = torch.randn(batch_size, steps, 1, generator=generator, device=device) * self.turn_std + self.turn_mean
        inputs = (turns.abs() if self.biased else turns) * self.dt
        return Path(start, inputs, self.circle.wrap(start[:, None] + inputs.cumsum(1)))
