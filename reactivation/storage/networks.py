"""The task and the network of a configuration: untrained, and as a run folder holds them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from reactivation import registry
from reactivation.machine.device import cpu_by_default
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.network.network import Network, build_network
from reactivation.settings.identity import science_hash
from reactivation.settings.layers import TrainConfig
from reactivation.storage import checkpoint
from reactivation.storage.folder import RunFolder
from reactivation.streams import CELLS, WEIGHTS, stream
from reactivation.types import Noise
from reactivation.world.recorded import RecordedPaths
from reactivation.world.tasks.base import Task

_RECORDED = "recorded"  # key of a checkpoint: digest of the file of recorded paths; only where there is one


@cpu_by_default()
def build(config: TrainConfig, device: torch.device, stream_name: Callable[[str], str] = str) -> tuple[Task, Network]:
    """The task and the untrained network of a configuration.

    Drawn on the CPU from the streams CELLS and WEIGHTS of the seed, so they are the same on every device.

    Args:
        stream_name: renames these streams, for a network other than the one that the seed trains.
    """
    module = registry.load("tasks", config.task_name)
    task = module.build(config.task, stream(config.seed, stream_name(CELLS)))
    network = build_network(config.rnn, task.n_inputs, task.n_outputs, stream(config.seed, stream_name(WEIGHTS)))
    return task.to(device), network.to(device)


def noise_of(config: TrainConfig) -> Noise:
    """The run's own noise: of the rates, the inputs and the outputs."""
    rnn = config.rnn
    return Noise(rnn.sigma, rnn.sigma_in, rnn.sigma_out, rnn.noise)  # type: ignore[arg-type]  # one of its choices, checked


def content(task: Task, network: Network) -> dict[str, Any]:
    """Return what a checkpoint holds: the network's weights, the task's buffers, and the digest of recorded paths."""
    held, recorded = {"network": network.state_dict(), "task": task.state_dict()}, _recorded(task)
    return held if recorded is None else {**held, _RECORDED: recorded}


def restore(task: Task, network: Network, held: dict[str, Any], file: Path) -> None:
    """Give task and network what their checkpoint `file` holds.

    Raises:
        BadInput: the file of recorded paths has changed: its path alone is a setting. Older checkpoints name no content.
        DamagedData: they do not fit.
    """
    if held.get(_RECORDED, _recorded(task)) != _recorded(task):
        raise BadInput(
            f"{file}: the file of task.paths has changed since this network learned from it; restore it, or give path= or "
            "tag= for a new network"
        )
    checkpoint.load_into(network, held.get("network"), file)
    checkpoint.load_into(task, held.get("task"), file)


def _recorded(task: Task) -> str | None:
    """Digest of the file of recorded paths that a network learns from; None where it learns from walks."""
    return task.motion.content if isinstance(task.motion, RecordedPaths) else None


class Stored(NamedTuple):
    """A network as it was after some step of its training, with its task."""

    config: TrainConfig
    task: Task
    network: Network
    step: int
    file: Path


@cpu_by_default()
def stored(folder: RunFolder, device: torch.device, step: int | None = None) -> Stored:
    """Rebuild task and network from a run folder.

    Args:
        step: which model; None for the last step of the run's training.

    Raises:
        BadInput: the recorded paths that it learned from have changed.
        DamagedData: the run is missing, unfinished where its last step is asked for, or damaged.
    """
    config = folder.config()
    step = config.trainer.n_epochs if step is None else step
    file = folder.model_file(step)
    if not file.exists():
        kept = folder.steps()
        none = "only its measures were kept" if folder.lost_its_network() else "it has none"
        found = f"it has models up to step {kept[-1]}" if kept else none
        raise DamagedData(f"{folder.path}: no model of step {step} ({found})")
    held = checkpoint.load(file, science_hash(config), step)
    task, network = build(config, device)
    restore(task, network, held, file)
    return Stored(config, task, network, step, file)
