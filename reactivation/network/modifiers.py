"""Changes to a cell for the time of a phase: `rest(modify=[Adaptation(gain=0.4, tau=0.5)])`.

A modifier is a value and a function cell → cell: a wrapper with another drift, or with a further state variable behind the
cell's own. No weight is edited, no random stream has another name, and one that changes nothing is dropped before a loop is
chosen: the fast loop then gives the bits it gives without.

Axes: B trajectories, N units, S state variables; `...` may be a stack of networks.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from reactivation.machine.errors import BadInput
from reactivation.network.cells.base import Cell
from reactivation.network.network import Network


class Modifier(ABC):
    """Base of all modifiers, each a frozen dataclass."""

    order: ClassVar[int]  # the lowest ends up innermost: gain 0, leak 1, drive 2, adaptation 3, colour 4, momentum 5
    place: ClassVar[str]  # where it enters the cell's field, of those in `cells.base`

    @property
    @abstractmethod
    def neutral(self) -> bool:
        """Whether it changes nothing."""

    @abstractmethod
    def __call__(self, cell: Cell, units: int) -> Cell:
        """Return the changed cell of N = `units`; the one given stays as it is."""


def modified(network: Network, modifiers: Iterable[Modifier]) -> Network:
    """Return the network with its cell changed, sharing all weights; the network itself where nothing changes it.

    Raises:
        BadInput: the cell has no place for a modifier.
    """
    acting = sorted((modifier for modifier in modifiers if not modifier.neutral), key=lambda modifier: modifier.order)
    if not acting:
        return network
    cell, units = network.cell, network.n_units
    for modifier in acting:
        if modifier.place not in cell.places():
            offered = ", ".join(sorted(cell.places())) or "none"
            raise BadInput(
                f"{modifier} needs a cell whose drift takes {modifier.place}; {type(network.cell).__name__} takes {offered}"
            )
        cell = modifier(cell, units)
    return Network(network.encoder, cell, network.decoder)


class Modified(Cell):
    """A cell with other values at its places: `Modified(cell, leak=0.9)`. Other wrappers override what they change."""

    def __init__(self, inner: Cell, **changes: float):
        super().__init__()
        self.inner, self.changes = inner, changes
        self.rest_variance_gain = inner.rest_variance_gain

    def places(self) -> frozenset[str]:
        return self.inner.places()

    def project(self, inputs: Tensor) -> Tensor:
        return self.inner.project(inputs)

    def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
        field: Callable[..., Tensor] = self.inner.drift  # with the keywords of its places, which `modified` has checked
        return field(state, u, **self.changes, **changes)

    def initial(self, rates: Tensor) -> Tensor:
        return self.inner.initial(rates)

    def extended(self, state: Tensor) -> Tensor:
        return self.inner.extended(state)

    def reduced(self, state: Tensor) -> Tensor:
        return self.inner.reduced(state)

    def rates(self, state: Tensor) -> Tensor:
        return self.inner.rates(state)

    def noise_on_state(self, noise: Tensor) -> Tensor:
        return self.inner.noise_on_state(noise)


class WithVariable(Modified):
    """A further variable per unit, (..., B, N), behind the state of the cell within: state (..., B, S + N).

    It begins at 0 and is under no noise. A wrapper must define `drift`.
    """

    def __init__(self, inner: Cell, units: int):
        super().__init__(inner)
        self.units = units

    def split(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the state within, (..., B, S), and the variable."""
        # Contiguous, because libraries promise the same bits of a product only for the same layout in memory.
        return state[..., : -self.units].contiguous(), state[..., -self.units :]

    def _beside_zeros(self, within: Tensor) -> Tensor:
        return torch.cat((within, within.new_zeros(*within.shape[:-1], self.units)), dim=-1)

    def initial(self, rates: Tensor) -> Tensor:
        return self._beside_zeros(super().initial(rates))

    def extended(self, state: Tensor) -> Tensor:
        return self._beside_zeros(super().extended(state))

    def reduced(self, state: Tensor) -> Tensor:
        return super().reduced(self.split(state)[0])

    def rates(self, state: Tensor) -> Tensor:
        return super().rates(self.split(state)[0])

    def noise_on_state(self, noise: Tensor) -> Tensor:
        return self._beside_zeros(super().noise_on_state(noise))


@dataclass(frozen=True)
class Adaptation(Modifier):
    """Units that tire: τ_a da/dt = b r − a, and a is subtracted inside the nonlinearity; a = 0 at the start.

    Raises:
        BadInput: a gain that is not finite, or a time constant that is not positive.
    """

    gain: float  # b
    tau: float  # τ_a [s]

    order = 3
    place = "inhibition"

    def __post_init__(self) -> None:
        if not math.isfinite(self.gain):
            raise BadInput(f"{self}: gain must be finite")
        if not 0 < self.tau < math.inf:
            raise BadInput(f"{self}: tau is a time constant [s] and must be greater than 0")

    @property
    def neutral(self) -> bool:
        return self.gain == 0

    def __call__(self, cell: Cell, units: int) -> Cell:
        return _Adapting(cell, units, self)


class _Adapting(WithVariable):
    def __init__(self, inner: Cell, units: int, adaptation: Adaptation):
        super().__init__(inner, units)
        self.adaptation = adaptation

    def drift(self, state: Tensor, u: Tensor, *, inhibition: Tensor | float = 0.0, **others: Any) -> Tensor:
        within, a = self.split(state)
        change = super().drift(within, u, inhibition=inhibition + a, **others)
        gain, tau = self.adaptation.gain, self.adaptation.tau
        return torch.cat((change, (gain * self.inner.rates(within) - a) / tau), dim=-1)
