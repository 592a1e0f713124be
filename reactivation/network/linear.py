"""A linear map with free leading axes: one weight matrix, or one per stacked network."""

import math
from typing import Self

import torch
from torch import Tensor, nn

from reactivation import types


class Linear(nn.Module):
    """y = W x (+ b), with W (..., out, in) and x (..., B, in) or, through `over_time`, (..., B, T, in).

    Weights and bias start uniform on ±1/√in, as PyTorch's own linear maps do.
    """

    def __init__(self, n_in: int, n_out: int, generator: torch.Generator, bias: bool = False):
        super().__init__()
        bound = 1 / math.sqrt(n_in)
        self.weight = nn.Parameter(_uniform((n_out, n_in), bound, generator))
        self.bias = nn.Parameter(_uniform((1, n_out), bound, generator)) if bias else None

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor | None = None) -> Self:
        """Make the map of a weight matrix (out, in), and of a bias (out)."""
        linear = cls(weight.shape[-1], weight.shape[-2], torch.Generator())
        linear.weight = nn.Parameter(weight)
        linear.bias = None if bias is None else nn.Parameter(bias[None])
        return linear

    def forward(self, x: Tensor) -> Tensor:
        """(..., B, in) → (..., B, out)."""
        y = x @ self.weight.mT
        return y if self.bias is None else y + self.bias

    def gained(self, x: Tensor, gain: float, self_gain: float | None) -> Tensor:
        """(..., B, N) → (..., B, kN), with each unit's weight onto itself times `self_gain`, all others times `gain`.

        Args:
            self_gain: None: the same as `gain`. The weights (..., kN, N) are k square blocks, one above the other.
        """
        y = self(gain * x)
        if self_gain is None:
            return y
        blocks = torch.split(self.weight, x.shape[-1], dim=-2)
        own = torch.cat([block.diagonal(dim1=-2, dim2=-1).unsqueeze(-2) * x for block in blocks], dim=-1)
        return y + (self_gain - gain) * own

    def over_time(self, x: Tensor) -> Tensor:
        """(..., B, T, in) → (..., B, T, out), as one product per network; in memory time comes first, as loops need it."""
        by_time = x.transpose(-3, -2)
        return self(by_time.flatten(-3, -2)).unflatten(-2, by_time.shape[-3:-1]).transpose(-3, -2)


def _uniform(shape: tuple[int, int], bound: float, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator, dtype=types.PRECISION) * 2 - 1) * bound
