"""A network: encoder (where to start), cell (how the state changes), readout (o = D r)."""

import torch
from torch import Tensor, nn

from reactivation import registry
from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear
from reactivation.settings.declaring import CellSettings


class Network(nn.Module):
    """r(0) = E f(s(0)), then the cell's dynamics, then o = D r (Eqs. A.2, A.6)."""

    def __init__(self, encoder: Linear, cell: Cell, readout: Linear):
        super().__init__()
        self.encoder = encoder
        self.cell = cell
        self.decoder = readout

    def initial_state(self, start: Tensor) -> Tensor:
        """Encoded initial states of a task (..., B, O) → states of the cell (..., B, S)."""
        return self.cell.initial(self.encoder(start))

    def readout(self, rates: Tensor) -> Tensor:
        """o = D r at every step: (..., B, T, N) → (..., B, T, O)."""
        return self.decoder.over_time(rates)


def build_network(settings: CellSettings, n_inputs: int, n_outputs: int, generator: torch.Generator) -> Network:
    """An untrained network for a task with `n_inputs` inputs and `n_outputs` output cells.

    Raises:
        BadInput: no cell of the name `settings.model`.
    """
    cell = registry.load("cells", settings.model).build(settings, n_inputs, generator)
    encoder = Linear(n_outputs, settings.n_rec, generator, settings.bias)
    readout = Linear(settings.n_rec, n_outputs, generator, settings.bias)
    return Network(encoder, cell, readout)
