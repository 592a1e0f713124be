"""Inputs of a network during a phase, as values: `rest(inputs=inputs.Constant([0.2, 0.0]))`.

A policy is a function of (batch of the task, steps T, Δt [s], a random stream of its own) → inputs (..., B, T, I), which are
changes of position per step, like those of the task. Where Δt is not the run's own, the network gets the same velocity.
Nothing here imports torch.

Axes: B trajectories, T steps, I inputs; `...` may be a stack of networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from reactivation.checks import checked, finite_tensor, in_precision, instance, numbers
from reactivation.machine.errors import BadInput

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from reactivation.types import Batch

__all__ = ["Another", "Constant", "Own", "Query", "Replayed", "none", "replayed"]

Policy = Annotated[
    Callable[["Batch", int, float, "Generator"], "Tensor"], instance, "a policy, such as ra.inputs.none or ra.inputs.Own()"
]


def none(batch: "Batch", steps: int, dt: float, input_stream: "Generator") -> "Tensor":
    """Return inputs that are 0."""
    return _nothing(batch, steps)


@checked
@dataclass(frozen=True)
class Own:
    """The task's inputs of each trajectory, times a factor."""

    scale: float = 1.0

    of_task: ClassVar[bool] = True

    def __call__(self, batch: "Batch", steps: int, dt: float, input_stream: "Generator") -> "Tensor":
        return batch.inputs[..., :steps, :] * self.scale


@checked
@dataclass(frozen=True)
class Another:
    """The task's inputs of another trajectory, the previous one of the batch, times a factor.

    In a world of one's own (`Run.of`) each trajectory draws one of the given inputs, so that two may draw the same.

    Raises:
        BadInput: there is only one trajectory, or all have the same inputs.
    """

    scale: float = 1.0

    of_task: ClassVar[bool] = True

    def __call__(self, batch: "Batch", steps: int, dt: float, input_stream: "Generator") -> "Tensor":
        if batch.inputs.shape[-3] < 2:
            raise BadInput("inputs of another trajectory need 2 trajectories at least")
        others = batch.inputs.roll(1, -3)
        if others.equal(batch.inputs):
            raise BadInput(
                "inputs of another trajectory are its own, as all have the same: Run.of(..., inputs=...) takes several"
            )
        return others[..., :steps, :] * self.scale


@checked
@dataclass(frozen=True, eq=False)
class Replayed:
    """Given inputs, for example those of another recording: `numpy.diff(recording.positions, axis=1)`.

    Raises:
        BadInput: they have too few steps, other numbers of trajectories or of inputs per step, or too large numbers.
    """

    inputs: Annotated[Any, numbers]  # (B, T, I) or (T, I), changes of position per step

    def __call__(self, batch: "Batch", steps: int, dt: float, input_stream: "Generator") -> "Tensor":
        import numpy as np

        given, wanted = finite_tensor("inputs", self.inputs, np.ndim(self.inputs)), _nothing(batch, steps)
        given = in_precision("inputs to replay", given, wanted.dtype).to(wanted)
        trajectories, _, n_inputs = wanted.shape[-3:]
        fits = given.ndim > 1 and given.shape[:-2] in ((), (trajectories,)) and given.shape[-1] == n_inputs
        if not fits or given.shape[-2] < steps:
            raise BadInput(
                f"inputs to replay have shape {tuple(given.shape)}; at least {steps} steps of {n_inputs} are wanted, "
                f"alike for all trajectories or for each of {trajectories}"
            )
        return given[..., :steps, :].expand_as(wanted)


@checked
def replayed(file: str | os.PathLike[str]) -> Replayed:
    """Read inputs to be replayed from an npz file: its array `inputs`, (B, T, I) or (T, I).

    Raises:
        BadInput: it has no such array of numbers.
        DamagedData: it is missing, or no npz file.
        StorageError: it cannot be read.
    """
    from reactivation.storage.arrays import read_arrays

    arrays = read_arrays(Path(file))
    if "inputs" not in arrays or arrays["inputs"].ndim not in (2, 3):
        held = ", ".join(f"{name} {one.shape}" for name, one in arrays.items()) or "nothing"
        raise BadInput(f"{file}: an array `inputs` of shape (B, T, I) or (T, I) is wanted; it has {held}")
    return Replayed(arrays["inputs"])


@checked
@dataclass(frozen=True)
class Constant:
    """A constant velocity [unit of the space per second], one number per input.

    Raises:
        BadInput: `velocity` has more or fewer numbers.
    """

    velocity: tuple[float, ...]

    def __call__(self, batch: "Batch", steps: int, dt: float, input_stream: "Generator") -> "Tensor":
        inputs = _nothing(batch, steps)
        if len(self.velocity) != inputs.shape[-1]:
            raise BadInput(f"velocity={list(self.velocity)} must have one entry for each of {inputs.shape[-1]} inputs")
        return inputs + inputs.new_tensor(self.velocity) * dt


@checked
@dataclass(frozen=True)
class Query:
    """Inputs of a random walk: normal numbers that are independent of each other and of the trajectories.

    The root mean square of each input is that of the task's inputs over the batch, times a factor.
    """

    scale: float = 1.0

    of_task: ClassVar[bool] = True

    def __call__(self, batch: "Batch", steps: int, dt: float, input_stream: "Generator") -> "Tensor":
        size = batch.inputs.square().mean((-3, -2), keepdim=True).sqrt() * self.scale
        *leading, _, n_inputs = batch.inputs.shape
        return batch.inputs.new_empty(*leading, steps, n_inputs).normal_(generator=input_stream) * size


def of_task(policy: Policy) -> bool:
    """Whether a policy uses the task's inputs, or their size: they are changes per step of the task's own Δt."""
    return getattr(policy, "of_task", False)


def _nothing(batch: "Batch", steps: int) -> "Tensor":
    *leading, _, n_inputs = batch.inputs.shape
    return batch.inputs.new_zeros(*leading, 1, n_inputs).expand(*leading, steps, n_inputs)
