"""The vanilla continuous-time RNN (Eq. A.1)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear
from reactivation.settings.declaring import CellSettings

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": torch.nn.Identity(),
}


@dataclass
class Settings(CellSettings):
    """`rnn.` keys of rnn.model=vanilla: those that every cell has."""


class Vanilla(Cell):
    """dr/dt = (−r + φ(W_rec r + W_in Δs)) / τ (Eq. A.1)."""

    def __init__(self, settings: Settings, n_inputs: int, generator: torch.Generator):
        super().__init__()
        self.tau = settings.tau  # [s]
        self.phi = ACTIVATIONS[settings.activation_fn]
        self.recurrent = Linear(settings.n_rec, settings.n_rec, generator, settings.bias)
        self.input = Linear(n_inputs, settings.n_rec, generator)

    def project(self, inputs: Tensor) -> Tensor:
        """W_in Δs for every step."""
        return self.input.over_time(inputs)

    def drift(
        self,
        state: Tensor,
        u: Tensor,
        *,
        inhibition: Tensor | float = 0.0,
        leak: float = 1.0,
        gain: float = 1.0,
        self_gain: float | None = None,
    ) -> Tensor:
        """Eq. A.1 without its noise."""
        return (self.phi(self.recurrent.gained(state, gain, self_gain) + u - inhibition) - leak * state) / self.tau


def build(settings: Settings, n_inputs: int, generator: torch.Generator) -> Cell:
    """The cell of `rnn.model=vanilla`."""
    return Vanilla(settings, n_inputs, generator)
