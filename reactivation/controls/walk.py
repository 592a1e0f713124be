"""A walk in the plane with a given stationary density p: ds = D d/ds log p dt + √(2D) dW, started from p."""

from dataclasses import dataclass

import torch
from torch import Tensor

from reactivation import types
from reactivation.controls.densities import Sloped
from reactivation.types import Path
from reactivation.world.motion import TwoPart
from reactivation.world.spaces import Space

_CELLS = 220  # of the grid that starts are drawn from, along the longest axis: 1 cm in the paper's box


@dataclass
class SampledWalk(TwoPart):
    """A walk of stationary density p; Euler steps change it by a share of about D Δt / w² for a density of width w."""

    space: Space
    density: Sloped
    dt: float  # [s]
    diffusion: float  # D [m²/s]

    n_inputs = 2

    def draw(self, batch_size: int, steps: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Quantiles (B, 1) and places within a cell (B, 2) of starts, on [0, 1); steps (T, B, 2) ~ N(0, 1)."""
        device = generator.device
        part = torch.rand(batch_size, 1, generator=generator, device=device, dtype=types.PRECISION)
        within = torch.rand(batch_size, 2, generator=generator, device=device, dtype=types.PRECISION)
        return part, within, torch.randn(steps, batch_size, 2, generator=generator, device=device, dtype=types.PRECISION)

    def follow(self, *drawn: Tensor) -> Path:
        """Walks: start (..., B, 2), inputs (..., B, T, 2), positions (..., B, T, 2) [m]."""
        part, within, kicks = drawn
        start = self._start(part, within)
        position, moves, positions = start, [], []
        for kick in kicks.unbind(-3):
            slope = self.density.slope(position)
            move = self.diffusion * self.dt * slope + (2 * self.diffusion * self.dt) ** 0.5 * kick
            moves.append(move)
            position = position + move
            positions.append(position)
        return Path(start, torch.stack(moves, dim=-2), torch.stack(positions, dim=-2))

    def _start(self, part: Tensor, within: Tensor) -> Tensor:
        """Points drawn from the density, (..., B, 2) [m]."""
        grid = self.space.grid(_CELLS)
        centres = torch.as_tensor(grid.points, device=part.device)
        below = self.density.log(centres).softmax(0).cumsum(0)
        chosen = torch.searchsorted(below, part[..., 0].double()).clamp(max=len(centres) - 1)
        return (centres[chosen] + (within - 0.5) * grid.volume**0.5).to(part.dtype)
