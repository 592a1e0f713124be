"""The loss of training: the mean squared error of the outputs (Section 3), computed by a fast kernel if possible.

An objective maps the response of a network or stack to its loss on a batch, one per network. `MeanSquare` is the
definition; `RingError` computes the same number with the kernels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from reactivation.network.dynamics import Response
from reactivation.network.kernels.ring import Ring, ring_of, stack_of
from reactivation.network.network import Network
from reactivation.settings.layers import TrainConfig
from reactivation.training.metrics import mean_squared_error
from reactivation.types import Batch
from reactivation.world.tuning import Tuning


class Objective(Protocol):
    """The loss of a response, (...) for networks with leading axes (...)."""

    def __call__(self, network: Network, response: Response, batch: Batch) -> Tensor: ...

    def stacked(self, others: Sequence[Any]) -> "Objective":
        """Return the objective of a stack, from this one and `others` of the same kind, one per network."""


class MeanSquare:
    """The definition: the mean squared difference of outputs and targets."""

    def __call__(self, network: Network, response: Response, batch: Batch) -> Tensor:
        return mean_squared_error(response.outputs, batch.targets)

    def stacked(self, others: Sequence["MeanSquare"]) -> "MeanSquare":
        return self


@dataclass(frozen=True)
class RingError:
    """The same for von Mises cells read out without bias or noise; forms neither outputs nor targets."""

    ring: Ring

    def __call__(self, network: Network, response: Response, batch: Batch) -> Tensor:
        return self.ring.loss(response.rates, network.decoder.weight, batch.positions)

    def stacked(self, others: Sequence["RingError"]) -> "RingError":
        return RingError(stack_of([self.ring, *(other.ring for other in others)]))


def objective_of(config: TrainConfig, tuning: Tuning, plain: bool = False) -> Objective:
    """Return the fastest objective for a run, or with `plain` the definition."""
    simple_readout = not config.rnn.bias and not config.rnn.sigma_out
    ring = ring_of(tuning) if simple_readout and not plain else None
    return RingError(ring) if ring else MeanSquare()
