"""Fast loops over time, each beside its plain twin (`dynamics.plain_loop`), which defines it.

A cell that has none runs through the plain loop. `tests/test_kernels.py` holds the two together.
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
    """The fast loop of a cell, if it has one that can run here.

    One autograd function as a whole, it knows the derivatives of the nonlinearities it is told of, and none of what
    `torch.func` does to functions.
    """
    known = any(cell.phi is phi for phi in ACTIVATIONS.values()) if isinstance(cell, Vanilla | GRU) else True
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    return _LOOPS.get(type(cell)) if known and not transformed else None
