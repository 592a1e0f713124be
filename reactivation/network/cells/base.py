"""What a cell is: a vector field dr/dt. The noise is not its business, and neither is the loop over time.

A cell says where its field may be changed for a phase (`modifiers`) by keywords of its `drift`, each with a default that
changes nothing:

    inhibition = 0  subtracted inside the nonlinearity, (..., B, N)
    leak = 1        factor of −r, apart from the time constant
    gain = 1        factor of the recurrent weights (of weights, not of biases)
    self_gain       factor of a unit's weights onto itself, where it is another (None: gain)

Axes: B trajectories, T steps, I inputs, N units, S state variables, H projected inputs.
"""

from abc import ABC, abstractmethod
import inspect

from torch import Tensor, nn


class Cell(nn.Module, ABC):
    """Base of all cells. A cell must define `project` and `drift`.

    The state is the rates unless a cell says otherwise: one with a second variable per unit (adaptation, say) overrides
    `initial`, `rates` and `noise_on_state`.
    """

    rest_variance_gain: float = 2.0  # what rest does to the noise variance (Eq. 19), unless the analysis says

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
        """Return where the field may be changed: the keywords of `drift`."""
        parameters = inspect.signature(self.drift).parameters.values()
        return frozenset(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)

    def initial(self, rates: Tensor) -> Tensor:
        """The state that has these rates: (..., B, N) → (..., B, S)."""
        return rates

    def extended(self, state: Tensor) -> Tensor:
        """The state that goes on from one of the cell without its modifiers; a cell that has none returns it as it is."""
        return state

    def reduced(self, state: Tensor) -> Tensor:
        """The other way: the state that the cell without its modifiers goes on from."""
        return state

    def rates(self, state: Tensor) -> Tensor:
        """The rates r that the readout sees: (..., B, S) → (..., B, N)."""
        return state

    def noise_on_state(self, noise: Tensor) -> Tensor:
        """The noise of the rates as a change of the state: (..., B, N) → (..., B, S)."""
        return noise
