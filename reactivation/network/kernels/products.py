"""A product with a sum in one call; gradients of a whole rollout, those of weights as one product per network."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def take_in(start: Tensor, x: Tensor, weight: Tensor, out: Tensor, keep: float = 1.0, by: float = 1.0) -> Tensor:
    """Write keep · start + by · x W to `out`, in one call of torch where the number of axes allows it."""
    if x.dim() == weight.dim() == 2:
        return torch.addmm(start, x, weight, beta=keep, alpha=by, out=out)
    if x.dim() == weight.dim() == 3:
        return torch.baddbmm(start, x, weight, beta=keep, alpha=by, out=out)
    return torch.matmul(x, weight, out=out).mul_(by).add_(start, alpha=keep)


def weight_gradient(after: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    """Σ over steps and trajectories of after ⊗ before: (T, ..., B, M), (T, ..., B, N) → (..., M, N) like `weight`."""
    rows, columns = (_flat(x, weight.dim()) for x in (after, before))
    return rows.mT @ columns


def _flat(x: Tensor, weight_axes: int) -> Tensor:
    """(T, ..., B, N) → (..., T·B, N): one block of rows per network."""
    return x.flatten(0, -2) if weight_axes == 2 else x.movedim(0, -3).flatten(-3, -2)


def plain_gradients(
    plain: Callable[..., Tensor], arrays: Sequence[Tensor], noises: Tensor, ctx: Any, gradient: Tensor
) -> list[Tensor | None]:
    """Gradients with a graph for the arguments `arrays` of a loop, through its plain twin; None where none is needed."""
    asked = [needed for needed, _ in zip(ctx.needs_input_grad, arrays, strict=False)]
    rates = plain(*arrays, noises, ctx.phi, ctx.a)
    wanted = [array for array, needed in zip(arrays, asked, strict=True) if needed]
    found = iter(torch.autograd.grad(rates, wanted, gradient, create_graph=True, allow_unused=True))
    return [next(found) if needed else None for needed in asked]
