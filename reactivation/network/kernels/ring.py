"""The loss of von Mises cells from small Gram matrices, without forming the outputs or the targets.

A von Mises bump is band-limited: with κ = σ_HD⁻² = 36/π², 29 Fourier features give it to 1e-9 of its peak. With targets
Φ F^T, outputs R D^T and M = B·T rows, the mean squared error over O cells is

    (tr D^T D R^T R − 2 tr F^T D R^T Φ + tr F^T F Φ^T Φ) / (M O),

whose gradients need R^T R and R^T Φ alone. The direct way, `metrics.mean_squared_error`, defines it. The terms nearly cancel
when the fit is good, so the loss is right to a few roundings of the targets' mean square, not of itself.
"""

from collections.abc import Sequence
import copy
import math
from typing import Any

import numpy as np
from scipy.special import ive
import torch
from torch import Tensor

from reactivation.network.kernels.products import take_in
from reactivation.world.tuning import HeadDirectionCells

_TAIL = 1e-9  # error that the features may have, as a share of the peak
_WORTH = 4  # the features are used if there are this many times fewer of them than cells


class Ring:
    """Fourier features of a tuning: targets(s) = Φ(s) F^T."""

    def __init__(self, tuning: HeadDirectionCells, harmonics: int):
        kappa = tuning.width**-2
        self.harmonics = torch.arange(1, harmonics + 1, device=tuning.angles.device, dtype=torch.float64)
        orders = torch.as_tensor(ive(np.arange(harmonics + 1), kappa), device=tuning.angles.device)
        weights = orders * torch.where(torch.arange(harmonics + 1, device=orders.device) == 0, 1.0, 2.0) * tuning.peak
        phases = tuning.angles.double()[:, None] * self.harmonics
        columns = (weights[:1].expand(len(phases), 1), weights[1:] * phases.cos(), weights[1:] * phases.sin())
        self.cells = torch.cat(columns, dim=-1)  # F (O, 2K+1)

    def features(self, positions: Tensor) -> Tensor:
        """Φ: (..., B, T, 1) [rad] → (..., T·B, 2K+1)."""
        angles = _rows(positions)
        phases = angles * self.harmonics.to(angles.dtype)
        return torch.cat((torch.ones_like(angles), phases.cos(), phases.sin()), dim=-1)

    def loss(self, rates: Tensor, readout: Tensor, positions: Tensor) -> Tensor:
        """Mean squared error of outputs R D^T: (..., B, T, N), D (..., O, N), (..., B, T, 1) → (...)."""
        cells = self.cells.to(rates.dtype)
        return _Loss.apply(_rows(rates), readout, self.features(positions), cells)  # type: ignore[no-untyped-call]  # torch has no types for it


def ring_of(tuning: Any) -> Ring | None:
    """The features of a tuning, if it is von Mises and they are few enough to be faster; otherwise None."""
    if type(tuning) is not HeadDirectionCells:
        return None
    kappa = tuning.width**-2
    limit = tuning.n_outputs // (2 * _WORTH)
    tail = 2 * np.cumsum(ive(np.arange(limit + 1, 0, -1), kappa))[::-1]  # tail[K] bounds what harmonics beyond K add
    enough = np.flatnonzero(tail < _TAIL)
    return Ring(tuning, int(enough[0])) if len(enough) and math.isfinite(tail[0]) else None


def stack_of(rings: Sequence[Ring]) -> Ring:
    """The features of a stack of networks, each with its own cells: F (S, O, 2K+1)."""
    stacked = copy.copy(rings[0])
    stacked.cells = torch.stack([ring.cells for ring in rings])
    return stacked


def _rows(x: Tensor) -> Tensor:
    """(..., B, T, N) → (..., T·B, N): time first, as rates lie in memory."""
    return x.transpose(-3, -2).flatten(-3, -2)


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, r: Tensor, d: Tensor, phi: Tensor, f: Tensor) -> Tensor:
        gram_r, cross = r.mT @ r, r.mT @ phi
        gram_d, mixed = d.mT @ d, d.mT @ f
        ctx.save_for_backward(r, d, phi, f, gram_r, cross, gram_d, mixed)
        ctx.scale = 1 / (r.shape[-2] * d.shape[-2])
        # Summed in double precision, since the terms nearly cancel.
        fits = (gram_d * gram_r).sum((-2, -1), dtype=torch.float64)
        overlaps = (mixed * cross).sum((-2, -1), dtype=torch.float64)
        targets = ((f.mT @ f) * (phi.mT @ phi)).sum((-2, -1), dtype=torch.float64)
        return ((fits - 2 * overlaps + targets) * ctx.scale).to(r.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        r, d, phi, f, gram_r, cross, gram_d, mixed = ctx.saved_tensors
        scale = 2 * ctx.scale * gradient[..., None, None]
        into_r = r @ (gram_d * scale)
        take_in(into_r, phi, mixed.mT * scale, out=into_r, by=-1)
        into_d = (d @ gram_r).sub_(f @ cross.mT).mul_(scale)
        return into_r, into_d, None, None
