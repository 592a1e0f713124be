"""A stack: several seeds of one configuration trained as one network with a leading axis.

Every tensor of a member is a view of its entry in the tensor of the stack, so that a member can be tested and saved at any
time as if it trained alone. Each seed draws the same numbers from its own streams as alone. Axes: S networks, others as in
`reactivation.types`.
"""

from collections.abc import Callable, Iterator, Sequence
import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reactivation.machine.errors import BadInput
from reactivation.settings.identity import science_hash
from reactivation.training.learner import Learner, Trainee, new_optimizer
from reactivation.training.metrics import error_measures
from reactivation.types import Batch, Measures
from reactivation.world.motion import TwoPart
from reactivation.world.tasks.base import Task


@dataclass(kw_only=True)
class Stack(Trainee):
    """Several networks in training; their states are (S, B, N) and their weights (S, N, N)."""

    members: Sequence[Learner]

    def __post_init__(self) -> None:
        names = [science_hash(member.config) for member in self.members]
        for member in self.members:
            member.stack = names
        _share_tensors(self.network, [member.network for member in self.members])
        if self.step:
            self._take_moments()
            self._share_moments()

    def learn(self, measured: bool = False) -> tuple[Tensor, list[Measures]]:
        learned = super().learn(measured)
        for member in self.members:
            member.step = self.step
        if not self.members[0].optimizer.state:  # Adam makes its moments in the first step, then changes them in place
            self._share_moments()
        return learned

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Return the optimizer of the stack, which learns, and those of the members, which are saved."""
        return [self.optimizer, *(member.optimizer for member in self.members)]

    def sample(self, streams: tuple[torch.Generator, ...]) -> Batch:
        tasks, trained = [member.task for member in self.members], self.config.task
        sizes = trained.batch_size, trained.sequence_length
        if not _move_alike(tasks):
            return _batch_of([task.sample(*sizes, stream) for task, stream in zip(tasks, streams, strict=True)])
        motion: Any = tasks[0].motion
        path = motion.follow(*map(torch.stack, zip(*(motion.draw(*sizes, stream) for stream in streams), strict=True)))
        encode = _encode_each([task.encode for task in tasks])
        return Batch(encode(path.start), path.inputs, path.positions, encode)

    def measure(self, outputs: Tensor, batch: Batch) -> list[Measures]:
        parts = zip(self.members, outputs, batch.targets, batch.positions, strict=True)
        return [error_measures(member.task, *arrays) for member, *arrays in parts]

    def _parameters(self) -> Iterator[tuple[nn.Parameter, list[dict[str, Any]]]]:
        """Each parameter of the stack, with Adam's moments of the same parameter of each member."""
        owned = ([(m.optimizer.state, p) for p in m.network.parameters()] for m in self.members)
        for whole, *own in zip(self.network.parameters(), *owned, strict=True):
            yield whole, [state[parameter] for state, parameter in own]

    def _take_moments(self) -> None:
        for whole, own in self._parameters():
            # A moment without axes is the number of steps, the same for all members.
            self.optimizer.state[whole] = {
                name: torch.stack([moments[name] for moments in own]) if value.dim() else value
                for name, value in own[0].items()
            }

    def _share_moments(self) -> None:
        for whole, own in self._parameters():
            for name, value in self.optimizer.state[whole].items():
                for moments, share in zip(own, value if value.dim() else [value] * len(own), strict=True):
                    moments[name] = share


def stacked(members: Sequence[Learner]) -> Trainee:
    """Make a stack of networks that are at the same step; a single network is returned as it is.

    Raises:
        BadInput: a parameter or buffer has fewer than two axes, so that a leading axis would change its meaning.
    """
    first, *others = members
    if not others:
        first.stack = []
        return first
    network = copy.deepcopy(first.network)
    flat = [name for name, tensor in (*network.named_parameters(), *network.named_buffers()) if tensor.dim() < 2]
    if flat:
        raise BadInput(f"{flat[0]} has fewer than two axes and cannot be stacked; train with together=processes")
    return Stack(
        config=first.config,
        network=network,
        optimizer=new_optimizer(network, first.config.trainer),
        trajectories=tuple(member.trajectories for member in members),
        noise=tuple(member.noise for member in members),
        objective=first.objective.stacked([other.objective for other in others]),
        step=first.step,
        plain=first.plain,
        members=members,
    )


def _share_tensors(stack: nn.Module, members: Sequence[nn.Module]) -> None:
    """Stack the parameters and buffers of members, and turn those of the members into views of the stack."""
    for whole, *own in zip(_tensors(stack), *map(_tensors, members), strict=True):
        whole.data = torch.stack([tensor.data for tensor in own])
        for tensor, share in zip(own, whole.data, strict=True):
            tensor.data = share


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _move_alike(tasks: Sequence[Task]) -> bool:
    """Whether one motion can make the paths of all tasks at once; otherwise each task samples by itself."""
    motion: Any = tasks[0].motion
    two_part = type(motion).paths is TwoPart.paths and type(tasks[0]).sample is Task.sample
    return two_part and all(task.motion == motion for task in tasks)


def _batch_of(batches: Sequence[Batch]) -> Batch:
    start, inputs, positions = (
        torch.stack([getattr(b, name) for b in batches]) for name in ("start", "inputs", "positions")
    )
    return Batch(start, inputs, positions, _encode_each([batch.encode for batch in batches]))


def _encode_each(encoders: Sequence[Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
    """A function that encodes the positions of each network with its own cells: (..., S, B, P) → (..., S, B, O)."""

    def encode(positions: Tensor) -> Tensor:
        parts = zip(encoders, positions.unbind(-3), strict=True)
        return torch.stack([encode(own) for encode, own in parts], dim=-3)

    return encode
