"""The nonlinearities in place, and their derivatives, computed from their outputs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reactivation.network.cells.vanilla import ACTIVATIONS

Slope = Callable[[Tensor, Tensor, Tensor], Tensor]  # gradient after φ, output of φ, where to write the gradient before φ

_IN_PLACE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
    "identity": lambda x: x,
}
_SLOPES: dict[str, Slope] = {
    "relu": lambda gradient, h, out: torch.ops.aten.threshold_backward(gradient, h, 0, grad_input=out),
    "tanh": lambda gradient, h, out: torch.ops.aten.tanh_backward(gradient, h, grad_input=out),
    "sigmoid": lambda gradient, h, out: torch.ops.aten.sigmoid_backward(gradient, h, grad_input=out),
    "identity": lambda gradient, h, out: out.copy_(gradient),
}


def in_place(phi: Any) -> Callable[[Tensor], Tensor]:
    """A nonlinearity of `ACTIVATIONS`, written over its argument."""
    return _IN_PLACE[_name(phi)]


def slope_of(phi: Any) -> Slope:
    """The derivative of a nonlinearity of `ACTIVATIONS`."""
    return _SLOPES[_name(phi)]


def _name(phi: Any) -> str:
    return next(name for name, known in ACTIVATIONS.items() if known is phi)
