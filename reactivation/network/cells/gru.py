"""The continuous-time GRU (Eqs. A.3–A.5; Jordan et al., 2021)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from reactivation.network.cells.base import Cell
from reactivation.network.cells.vanilla import ACTIVATIONS
from reactivation.network.linear import Linear
from reactivation.settings.declaring import CellSettings


@dataclass
class Settings(CellSettings):
    """`rnn.` keys of rnn.model=gru: those that every cell has."""

    recurrent_matrices: ClassVar[int] = 3  # W_z, W_g and W_r


class GRU(Cell):
    """dr/dt = (1 − z) ⊙ (tanh(W_r (g ⊙ r) + W_r,in Δs) − r) / τ, with gates z and g (Eqs. A.3–A.5)."""

    rest_variance_gain = 1.0  # the paper does not double it: GRUs are sensitive to noise (A.3)

    def __init__(self, settings: Settings, n_inputs: int, generator: torch.Generator):
        super().__init__()
        n = settings.n_rec
        self.tau = settings.tau  # [s]
        self.phi = ACTIVATIONS[settings.activation_fn]
        self.gates = Linear(n, 2 * n, generator, settings.bias)  # W_z and W_g, one above the other
        self.candidate = Linear(n, n, generator, settings.bias)  # W_r
        self.input = Linear(n_inputs, 3 * n, generator)  # W_z,in, W_g,in and W_r,in

    def project(self, inputs: Tensor) -> Tensor:
        """The three input products of every step, one behind the other."""
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
        """Eq. A.5 without its noise; an inhibition enters the candidate, a gain all three recurrent maps."""
        n = state.shape[-1]
        z, g = torch.sigmoid(self.gates.gained(state, gain, self_gain) + u[..., : 2 * n]).chunk(2, dim=-1)  # Eqs. A.3, A.4
        candidate = self.phi(self.candidate.gained(g * state, gain, self_gain) + u[..., 2 * n :] - inhibition)
        return (1 - z) * (candidate - leak * state) / self.tau


def build(settings: Settings, n_inputs: int, generator: torch.Generator) -> Cell:
    """The cell of `rnn.model=gru`."""
    return GRU(settings, n_inputs, generator)
