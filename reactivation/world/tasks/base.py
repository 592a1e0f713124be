"""A task is a space (where positions live), a motion (how they move) and a tuning (what the output cells encode)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from reactivation.types import Batch
from reactivation.world.motion import Motion
from reactivation.world.spaces import Space
from reactivation.world.tuning import Tuning


class Task(nn.Module):
    """Integrate changes of a position; report the position. Axes as in `reactivation.types`."""

    knows_positions: ClassVar[bool] = True  # whether batches say where the agent is

    def __init__(self, space: Space, motion: Motion, tuning: Tuning, mse: str):
        """Put a task together.

        Args:
            mse: metric name of the mean square of the decoding error per coordinate ("pos_mse").
        """
        super().__init__()
        self.space, self.motion, self.tuning = space, motion, tuning
        self.error_name, self.mse_name = f"{space.noun}_error", mse
        self.n_inputs, self.n_outputs = motion.n_inputs, tuning.n_outputs

    def sample(self, batch_size: int, steps: int, generator: torch.Generator) -> Batch:
        """Draw a fresh batch on the generator's device."""
        path = self.motion.paths(batch_size, steps, generator)
        return Batch(self.encode(path.start), path.inputs, path.positions, self.encode)

    def encode(self, positions: Tensor) -> Tensor:
        """f(s): (..., P) → (..., O)."""
        return self.tuning.encode(positions)

    def decode(self, outputs: Tensor) -> Tensor:
        """(..., O) → (..., P), in the coordinates of the space."""
        return self.space.wrap(self.tuning.decode(outputs))

    def decoding_error(self, decoded: Tensor, positions: Tensor) -> Tensor:
        """The decoding error as a vector: (..., P), (..., P) → (..., P) [m or rad]."""
        return self.space.difference(decoded, positions)
