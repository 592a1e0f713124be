"""What the output cells encode: positions (..., P) → activities (..., O), and back.

Preferred positions are drawn once and kept as buffers, so moving and saving a task keeps them. Axes: O cells, P dimensions.
"""

from abc import ABC, abstractmethod
import math

import torch
from torch import Tensor, nn

TOP_CELLS = 3  # the decoder averages the preferred positions of this many most active cells


class Tuning(nn.Module, ABC):
    """Base of all tunings: `n_outputs`, `encode` and `decode`."""

    n_outputs: int
    scale_free: bool = True  # whether activities λf(s) stand for the same state as f(s)

    @abstractmethod
    def encode(self, positions: Tensor) -> Tensor:
        """Activities of the cells: (..., P) → (..., O)."""

    @abstractmethod
    def decode(self, outputs: Tensor) -> Tensor:
        """The position that the activities stand for: (..., O) → (..., P)."""


class PlaceCells(Tuning):
    """Gaussian place fields, optionally centre minus surround (Eq. 20 and differences, row 2)."""

    centres: Tensor

    def __init__(self, centres: Tensor, width: float, norm: str, surround_scale: float | None):
        """Cells at `centres` (O, 2) [m] of `width` σ_SP [m].

        Args:
            norm: "softmax" (activities sum to 1 over cells) or "none" (peak 1, Eq. 20).
            surround_scale: variance of the surround in units of the centre's; None for no surround.
        """
        super().__init__()
        self.register_buffer("centres", centres)
        self.width, self.norm, self.surround_scale = width, norm, surround_scale
        self.n_outputs = len(centres)

    def encode(self, positions: Tensor) -> Tensor:
        """(..., 2) → (..., O); Eq. 20, or its softmax over cells."""
        precision = self.width**-2
        if self.norm == "softmax":
            # log exp(−|s − c|² / 2σ²) without −|s|² / 2σ², which is the same for all cells and cancels in the softmax.
            centres = self.centres.to(torch.promote_types(positions.dtype, self.centres.dtype))
            offset = (centres**2).sum(-1) * (-precision / 2)
            return self._softmax_fields(torch.nn.functional.linear(positions.to(centres), centres * precision, offset))
        x, y = (positions[..., d, None] - self.centres[:, d] for d in range(2))
        log_field = -(x**2 + y**2) * (precision / 2)
        if self.surround_scale is None:
            return log_field.exp()
        return log_field.exp() - (log_field / self.surround_scale).exp() / self.surround_scale  # equal mass in 2-D

    def _softmax_fields(self, log_field: Tensor) -> Tensor:
        centre = log_field.softmax(-1)
        if self.surround_scale is None:
            return centre
        difference = centre - (log_field / self.surround_scale).softmax(-1)
        shifted = difference + difference.amin(-1, keepdim=True).abs()
        return shifted / shifted.sum(-1, keepdim=True)

    def decode(self, outputs: Tensor) -> Tensor:
        """Mean centre of the most active cells: (..., O) → (..., 2) [m]."""
        return self.centres[outputs.topk(TOP_CELLS, dim=-1).indices].mean(-2)


class HeadDirectionCells(Tuning):
    """Von Mises tuning (Eq. 21 and differences, rows 5 and 6)."""

    angles: Tensor

    def __init__(self, angles: Tensor, width: float, norm: str):
        """Cells with preferred `angles` (O,) and spread `width` σ_HD [rad]; norm "peak" (1) or "density" (Eq. 21)."""
        super().__init__()
        self.register_buffer("angles", angles)
        self.width = width
        self.peak = 1.0 if norm == "peak" else von_mises_peak(width**-2)
        self.n_outputs = len(angles)

    def encode(self, positions: Tensor) -> Tensor:
        """(..., 1) → (..., O); exp(κ(cos Δ − 1)) is written with the half angle, which is exact for narrow tuning too."""
        half = (positions - self.angles) / 2
        return self.peak * torch.exp(-2 * self.width**-2 * half.sin() ** 2)

    def decode(self, outputs: Tensor) -> Tensor:
        """Circular mean of the most active cells' angles: (..., O) → (..., 1) [rad]."""
        top = self.angles[outputs.topk(TOP_CELLS, dim=-1).indices]
        return torch.atan2(top.sin().sum(-1, keepdim=True), top.cos().sum(-1, keepdim=True))


class Position(Tuning):
    """No cells: the network reports the position itself."""

    n_outputs = 2
    scale_free = False

    def encode(self, positions: Tensor) -> Tensor:
        """(..., 2) → (..., 2) [m]."""
        return positions

    def decode(self, outputs: Tensor) -> Tensor:
        """(..., 2) → (..., 2) [m]."""
        return outputs


class Compass(Tuning):
    """No cells: the network reports (cos s, sin s), since the bearing itself jumps at ±π."""

    n_outputs = 2

    def encode(self, positions: Tensor) -> Tensor:
        """(..., 1) [rad] → (..., 2)."""
        return torch.cat((positions.cos(), positions.sin()), dim=-1)

    def decode(self, outputs: Tensor) -> Tensor:
        """(..., 2) → (..., 1) [rad]."""
        return torch.atan2(outputs[..., 1:], outputs[..., :1])


def von_mises_peak(concentration: float) -> float:
    """Peak 1 / (2π e^{−κ} I₀(κ)) of the von Mises density, finite at any κ."""
    scaled_bessel = torch.special.i0e(torch.tensor(concentration, dtype=torch.float64))
    return 1 / (2 * math.pi * float(scaled_bessel))
