"""Fast loops over time; `dynamics.plain_loop` defines what they compute, and `tests/test_kernels.py` compares the two.

A cell without a fast loop runs through the plain one.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from reactivation.network.cells.base import Cell
from reactivation.network.cells.gru import GRU
from reactivation.network.cells.vanilla import ACTIVATIONS, Vanilla
from reactivation.network.kernels import gru, vanilla

Loop = Callable[[Any, Tensor, Tensor, Iterable[Tensor], float], tuple[Tensor, Tensor]]  # arguments as of plain_loop

# By exact type: a subclass may have changed the vector field.
_LOOPS: dict[type[Cell], Loop] = {Vanilla: vanilla.loop, GRU: gru.loop}


def fast_loop(cell: Cell) -> Loop | None:
    """The fast loop of a cell, or None.

    A fast loop is one autograd function. It has derivatives for the nonlinearities of `ACTIVATIONS` alone, and does not
    work within the transforms of `torch.func`.
    """
    known = any(cell.phi is phi for phi in ACTIVATIONS.values()) if isinstance(cell, Vanilla | GRU) else True
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    return _LOOPS.get(type(cell)) if known and not transformed else None
