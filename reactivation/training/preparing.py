"""Preparation of a training: device, threads, a check of memory, and a warning of walks that leave the walls."""

import sys

import torch

from reactivation import registry
from reactivation.machine import memory
from reactivation.machine.cores import is_busy
from reactivation.machine.device import keep_freed_memory, prepare, use_tf32, use_threads
from reactivation.settings.layers import TrainConfig
from reactivation.streams import TEST_TRAJECTORIES, stream
from reactivation.training.contract import sound_task
from reactivation.world.tasks.base import Task

_CELLS = "place_cells_num", "hd_cells_num"  # settings of tasks: how many output cells there are
_WALKS, _OUTSIDE = 200, 0.05  # walks that are sampled; share outside the walls from which on to warn (0.01 at Δt = 0.02 s)


def ready(config: TrainConfig, networks: int) -> torch.device:
    """Prepare the process to train a number of networks of a configuration; return their device.

    Raises:
        BadInput: a file of the task or cell cannot be run or breaks what training relies on, the device is not there, or
            the memory is too small.
    """
    for kind, name in (("tasks", config.task_name), ("cells", config.rnn.model)):
        registry.load(kind, name)  # before the folder is made, so that a file that cannot be run leaves none
    device = prepare(config.device)
    threads = use_threads(config.threads)
    if device.type == "cpu" and threads > 1 and is_busy():
        print(f"this machine is busy: threads=1, instead of {threads}, may be many times faster", file=sys.stderr)
    _require_memory(config, networks, device)
    use_tf32(config.trainer.tf32)
    keep_freed_memory()
    _warn_of_walls(config, sound_task(config))
    return device


def _require_memory(config: TrainConfig, networks: int, device: torch.device) -> None:
    """Raise BadInput if memory is too small for weights, gradients, Adam's moments, and rates and outputs of a rollout."""
    rnn, task = config.rnn, config.task
    key = next((key for key in _CELLS if hasattr(task, key)), "")
    cells = getattr(task, key, 0)  # a task of your own may call them otherwise
    weights = 4 * (rnn.recurrent_matrices * rnn.n_rec**2 + 2 * cells * rnn.n_rec)  # weights, gradients, two moments
    told = task.batch_size * task.sequence_length * (rnn.n_rec + 2 * cells)  # rates, outputs, targets
    keys = ["task.batch_size", "task.sequence_length", *([f"task.{key}"] if key else [])]
    memory.require(networks * (weights + told), device, f"{', '.join(keys)} or rnn.n_rec")


def _warn_of_walls(config: TrainConfig, task: Task) -> None:
    """Print to stderr the share of positions outside the walls, if it is large."""
    batch = task.sample(_WALKS, config.task.sequence_length, stream(config.seed, TEST_TRAJECTORIES))
    outside = 1 - float(task.space.contains(batch.positions).double().mean())
    if outside > _OUTSIDE:
        told = f"{config.config}: {outside:.0%} of positions lie outside the walls, at task.dt={config.task.dt:g}"
        print(told, file=sys.stderr)
