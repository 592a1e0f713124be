"""The world of a network that comes from elsewhere: its starts, its inputs, and what its outputs mean."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reactivation.checks import finite_tensor
from reactivation.machine.errors import BadInput
from reactivation.types import Batch
from reactivation.world.spaces import Space

if TYPE_CHECKING:
    from reactivation.network.network import Network

Decode = Callable[[Tensor], Tensor]  # outputs (..., O) → positions (..., P) [unit of the space]


class OwnWorld:
    """Starts, inputs and decoder of a network from elsewhere, with the interface of a task (`world.tasks.base.Task`)."""

    def __init__(self, space: Space, start: Any, inputs: Any, n_inputs: int, decode: Decode | None, positions: Any = None):
        """Make the world.

        Args:
            start: (M, E) what the network's encoder takes (rates where it has none); each trajectory draws one of them.
            inputs: (M, T, I) of waking, one sequence for each start; None: the network has no waking.
            n_inputs: I.
            decode: None where outputs are positions.
            positions: (M, T, P) where the agent is after each step of `inputs`; None: not known.

        Raises:
            BadInput: shapes that do not fit, or numbers that are not finite.
        """
        self.space, self.n_inputs, self._decode = space, n_inputs, decode
        self._start = finite_tensor("start", start, 2)
        self._inputs = None if inputs is None else finite_tensor("inputs", inputs, 3)
        if self._inputs is not None and (len(self._inputs) != len(self._start) or self._inputs.shape[-1] != n_inputs):
            raise BadInput(
                f"inputs have shape {tuple(self._inputs.shape)}; one sequence for each of {len(self._start)} starts, of "
                f"{n_inputs} numbers a step, is wanted"
            )
        self._positions = None if positions is None else finite_tensor("positions", positions, 3)
        if self._positions is not None:
            self._require_positions(self._positions)

    @property
    def knows_positions(self) -> bool:
        """Whether it says where the agent is in waking."""
        return self._positions is not None

    def require_fitting(self, network: "Network") -> None:
        """Raise BadInput unless a network begins from these starts, and takes these inputs."""
        width = self._start.shape[-1]
        if width != network.n_starts:
            raise BadInput(f"starts have {width} numbers a trajectory; this network begins from {network.n_starts}")
        if self.n_inputs != network.n_inputs:
            raise BadInput(f"inputs are {self.n_inputs} numbers a step; this network takes {network.n_inputs}")

    def _require_positions(self, positions: Tensor) -> None:
        """Raise BadInput unless there is a position for each step of inputs."""
        if self._inputs is None:
            raise BadInput("positions say where the agent is after each step of inputs: give Run.of(..., inputs=...), too")
        wanted = (*self._inputs.shape[:2], self.space.dimensions)
        if positions.shape != wanted:
            raise BadInput(f"positions have shape {tuple(positions.shape)}; {wanted} is wanted, one for each step of inputs")

    def sample(self, batch_size: int, steps: int, generator: torch.Generator) -> Batch:
        """Draw starts, with their inputs and positions, on the generator's device; those that the world lacks are 0."""
        drawn = torch.randint(len(self._start), (batch_size,), generator=generator, device=generator.device)
        start = self._start.to(generator.device)[drawn]
        inputs = start.new_zeros(batch_size, steps, self.n_inputs)
        if self._inputs is not None:
            inputs = self._inputs.to(generator.device)[drawn, :steps]
        positions = start.new_zeros(batch_size, steps, self.space.dimensions)
        if self._positions is not None:
            positions = self._positions.to(generator.device)[drawn, :steps]
        return Batch(start, inputs, positions, lambda positions: positions)

    def check_waking(self, steps: int) -> None:
        """Raise BadInput where there are no inputs for so many steps of waking."""
        if self._inputs is None:
            raise BadInput("this run has no inputs and only rests: give Run.of(..., inputs=...), or a task, which has some")
        if self._inputs.shape[1] < steps:
            raise BadInput(f"this run has inputs of {self._inputs.shape[1]} steps, and {steps} are asked for")

    def decode(self, outputs: Tensor) -> Tensor:
        """(..., O) → (..., P), in the space's own coordinates.

        Raises:
            BadInput: the decoded outputs are no finite numbers, or do not have the shape of positions in this space.
        """
        positions = outputs if self._decode is None else self._decoded(self._decode(outputs), outputs)
        if positions.shape != (*outputs.shape[:-1], self.space.dimensions):
            wanted = f"(..., {self.space.dimensions}) in {self.space}"
            how = "give Run.of(..., decode=...)" if self._decode is None else "mend decode"
            raise BadInput(f"outputs {tuple(outputs.shape)} become positions {tuple(positions.shape)}, not {wanted}: {how}")
        return self.space.wrap(positions)

    def _decoded(self, found: Any, outputs: Tensor) -> Tensor:
        """What a decoder of one's own returns, as numbers."""
        try:
            return finite_tensor("what it returns", found, outputs.dim())
        except BadInput as problem:
            wanted = f"positions (..., {self.space.dimensions}) in {self.space}"
            raise BadInput(f"decode must turn outputs {tuple(outputs.shape)} into {wanted}: {problem}") from None

    def to(self, device: torch.device) -> "OwnWorld":
        """Return itself, since `sample` draws on the device of the generator."""
        return self
