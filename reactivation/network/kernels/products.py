"""Weight gradients of a whole rollout as one product per network."""

from torch import Tensor


def weight_gradient(after: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    """Σ over steps and trajectories of after ⊗ before: (T, ..., B, M), (T, ..., B, N) → (..., M, N) like `weight`."""
    rows, columns = (_flat(x, weight.dim()) for x in (after, before))
    return rows.mT @ columns


def _flat(x: Tensor, weight_axes: int) -> Tensor:
    """(T, ..., B, N) → (..., T·B, N): one block of rows per network."""
    return x.flatten(0, -2) if weight_axes == 2 else x.movedim(0, -3).flatten(-3, -2)
