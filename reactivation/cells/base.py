"""What a cell is: a vector field dr/dt. The noise is not its business, and neither is the loop over time.

Axes: B trajectories, T steps, I inputs, N units, S state variables, H projected inputs.
"""

from torch import Tensor, nn


class Cell(nn.Module):
    """Base of all cells. A cell must define `project` and `drift`.

    The state is the rates unless a cell says otherwise: one with a second variable per unit (adaptation, say) overrides
    `initial` and `rates`, and sets `noise_gain` to 0 where no noise enters.
    """

    quiescent_variance_gain: float = 2.0  # what rest does to the noise variance (Eq. 19), unless the analysis says
    noise_gain: Tensor | float = 1.0  # scales the noise of each state variable, broadcast to (..., B, S)

    def project(self, inputs: Tensor) -> Tensor:
        """All inputs of a rollout at once: (..., B, T, I) → (..., B, T, H)."""
        raise NotImplementedError

    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        """Time derivative of the state without noise: (..., B, S), (..., B, H) → (..., B, S) [1/s]."""
        raise NotImplementedError

    def initial(self, rates: Tensor) -> Tensor:
        """The state that has these rates: (..., B, N) → (..., B, S)."""
        return rates

    def rates(self, state: Tensor) -> Tensor:
        """The rates r that the readout sees: (..., B, S) → (..., B, N)."""
        return state
