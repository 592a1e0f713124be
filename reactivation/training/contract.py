"""What training takes for granted of a task and a cell, tried on a few trajectories before a folder is made.

Tasks and cells are files of one's own, too. Most mistakes there fail by themselves. Those that are looked for here would
train a network, of wrong numbers or of numbers that the same command does not give again.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from reactivation.machine.errors import BadInput
from reactivation.network.network import Network
from reactivation.network.own import require_like
from reactivation.settings.layers import TrainConfig
from reactivation.storage.networks import build
from reactivation.streams import TEST_TRAJECTORIES, stream
from reactivation.types import Batch
from reactivation.world.tasks.base import Task

_TRAJECTORIES = 3
_CLOSE = 1e-3  # relative difference of the fields of a trajectory alone and among others, whose products round otherwise


@torch.no_grad()
def sound_task(config: TrainConfig) -> Task:
    """Return the task of a configuration, after a few of its trajectories and the field of its untrained cell were tried.

    Raises:
        BadInput: the same seed builds or draws another thing again; shapes or precisions do not fit; or the field is not one
            of each trajectory's state and input alone.
    """
    (task, network), (task_again, network_again) = (build(config, torch.device("cpu")) for _ in range(2))
    task_name, cell_name = f"task {config.task_name}", f"rnn.model={config.rnn.model}"
    network.precision  # noqa: B018 (it refuses a mixture)
    for name, one, other in ((task_name, task, task_again), (cell_name, network, network_again)):
        _require_same_build(name, one, other)
    batch, again = (
        task.sample(_TRAJECTORIES, config.task.sequence_length, stream(config.seed, TEST_TRAJECTORIES)) for _ in range(2)
    )
    _require_batch(task_name, task, batch, config.task.sequence_length)
    if not all(_equal(getattr(batch, part), getattr(again, part)) for part in ("start", "inputs", "positions")):
        raise BadInput(f"{task_name}: draws other paths from the same generator: draw from it alone, and keep nothing")
    _require_field(cell_name, network, batch)
    return task


def _require_same_build(name: str, one: nn.Module, other: nn.Module) -> None:
    found = other.state_dict()
    for part, tensor in one.state_dict().items():
        if not _equal(tensor, found[part]):
            raise BadInput(f"{name}: {part} differs where it is built twice of one seed: draw it from `generator`")


def _require_batch(name: str, task: Task, batch: Batch, steps: int) -> None:
    shapes = {
        "start, encoded,": (batch.start, (_TRAJECTORIES, task.n_outputs)),
        "inputs": (batch.inputs, (_TRAJECTORIES, steps, task.n_inputs)),
        "positions": (batch.positions, (_TRAJECTORIES, steps, len(task.space.axes))),
        "positions, encoded,": (batch.targets, (_TRAJECTORIES, steps, task.n_outputs)),
    }
    for part, (found, wanted) in shapes.items():
        if found.shape != wanted:
            raise BadInput(f"{name}: {part} have shape {tuple(found.shape)}: {wanted} is wanted")


def _require_field(name: str, network: Network, batch: Batch) -> None:
    """Refuse a field that is not a function of the state and input of each trajectory alone.

    Raises:
        BadInput: it is another when asked again or of another number of trajectories, or its arguments are changed.
    """
    cell = network.cell
    state, inputs = network.initial_state(batch.start), cell.project(batch.inputs)[..., 0, :]
    field: Callable[[], Tensor] = partial(cell.drift, state, inputs)
    before = state.clone(), inputs.clone()
    first = require_like(f"{name}: drift", field(), "states", state, "their time derivative")
    noise = torch.zeros_like(cell.rates(state))
    require_like(f"{name}: noise_on_state", cell.noise_on_state(noise), "states", state, "a change of the state")
    if not (_equal(state, before[0]) and _equal(inputs, before[1])):
        raise BadInput(f"{name}: drift changes the state or input that it is given: leave them as they are")
    if not _equal(first, field()):
        raise BadInput(f"{name}: drift returns another field when asked again: it may keep and draw nothing")
    alone = cell.drift(state[:1], inputs[:1])
    scale = float(first.nan_to_num().abs().max())
    if not torch.allclose(alone, first[:1], rtol=_CLOSE, atol=_CLOSE * scale, equal_nan=True):
        raise BadInput(f"{name}: drift of a trajectory depends on the others of its batch: the axes are (..., B, S)")


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether tensors are the same; what is not finite is reported as a loss that is not."""
    return torch.equal(one.nan_to_num(), other.nan_to_num())
