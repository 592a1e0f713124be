"""A cell is a vector field dr/dt. The noise and the loop over time are in `dynamics`.

Keywords of a cell's `drift` say where modifiers may change the field for a phase; their defaults change nothing:

    inhibition = 0  subtracted inside the nonlinearity, (..., B, N)
    leak = 1        factor of −r; the time constant stays
    gain = 1        factor of the recurrent weights (of weights, not of biases)
    self_gain       factor of a unit's weight onto itself (None: the same as gain)

Axes: B trajectories, T steps, I inputs, N units, S state variables, H projected inputs.
"""

from abc import ABC, abstractmethod
import inspect
import math

from torch import Tensor, nn


class Cell(nn.Module, ABC):
    """Base of all cells. A cell must define `project` and `drift`.

    The state is the rates. A cell with a second variable per unit (adaptation, say) overrides `initial`, `rates` and
    `noise_on_state`.
    """

    rest_variance_gain: float = 2.0  # factor of the noise variance at rest (Eq. 19), unless the phase gives one
    step_lasts: float = math.inf  # Δt of a cell that is defined by a step [s]: a longer Δt would make it more than once

    @abstractmethod
    def project(self, inputs: Tensor) -> Tensor:
        """All inputs of a rollout at once: (..., B, T, I) → (..., B, T, H)."""

    @abstractmethod
    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        """Time derivative of the state without noise: (..., B, S), (..., B, H) → (..., B, S) [1/s]."""

    @property
    def n_inputs(self) -> int:
        """I, of a cell whose inputs go through one linear map."""
        return self.get_parameter("input.weight").shape[-1]

    def places(self) -> frozenset[str]:
        """Return the keywords of `drift`, at which modifiers may change the field."""
        parameters = inspect.signature(self.drift).parameters.values()
        return frozenset(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)

    def initial(self, rates: Tensor) -> Tensor:
        """The state that has these rates: (..., B, N) → (..., B, S)."""
        return rates

    def extended(self, state: Tensor) -> Tensor:
        """The state of this cell that continues a state of the cell without modifiers; without modifiers, the same."""
        return state

    def reduced(self, state: Tensor) -> Tensor:
        """The reverse of `extended`: the state of the cell without modifiers that continues a state of this cell."""
        return state

    def rates(self, state: Tensor) -> Tensor:
        """The rates r that the readout sees: (..., B, S) → (..., B, N)."""
        return state

    def noise_on_state(self, noise: Tensor) -> Tensor:
        """The noise of the rates as a change of the state: (..., B, N) → (..., B, S)."""
        return noise
