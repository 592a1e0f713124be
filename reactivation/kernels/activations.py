"""Derivatives of the nonlinearities, from their own outputs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reactivation.cells.vanilla import ACTIVATIONS

Slope = Callable[[Tensor, Tensor], Tensor]  # gradient behind φ, output of φ → gradient before φ

_SLOPES: dict[str, Slope] = {
    "relu": lambda gradient, h: torch.ops.aten.threshold_backward(gradient, h, 0),
    "tanh": torch.ops.aten.tanh_backward,
    "sigmoid": torch.ops.aten.sigmoid_backward,
    "identity": lambda gradient, h: gradient,
}


def slope_of(phi: Any) -> Slope:
    """The slope that belongs to a nonlinearity of `ACTIVATIONS`."""
    return next(_SLOPES[name] for name, known in ACTIVATIONS.items() if known is phi)
