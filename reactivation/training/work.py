"""Number of operations of training and recording, and speed of this machine: for plans and benchmarks."""

from collections.abc import Callable
from statistics import median
import time
from typing import TYPE_CHECKING

from reactivation import registry
from reactivation.analysis.base import AnalysisSettings
from reactivation.settings.layers import TrainConfig

if TYPE_CHECKING:
    from reactivation.world.tasks.base import Task

Clock = Callable[[], float]  # the time [s]; on a GPU, after all its work is done

_REPEATS = 5  # of a timing


def outputs_of(config: TrainConfig) -> int:
    """Return the number of outputs of a run's task, O."""
    from reactivation.streams import CELLS, stream

    task: Task = registry.load("tasks", config.task_name).build(config.task, stream(config.seed, CELLS))
    return task.n_outputs


def training_flops(config: TrainConfig, features: int | None = None) -> float:
    """Return the floating-point operations of a training step: two per weight and row forward, four backward.

    Args:
        features: number of Fourier features of the fast head-direction loss; None for outputs formed directly.
    """
    n, rows, outputs = config.rnn.n_rec, config.task.batch_size * config.task.sequence_length, outputs_of(config)
    readout = 6 * rows * n * outputs if features is None else 4 * rows * n * (n + features)
    return float(6 * rows * _recurrent(config) + readout + 6 * config.task.batch_size * n * outputs)


def recording_flops(config: TrainConfig, settings: AnalysisSettings) -> float:
    """Return the floating-point operations of one waking and one resting phase of a run."""
    rows = settings.batch_size * (settings.t_active + settings.t_quiescent)
    return float(2 * rows * (_recurrent(config) + config.rnn.n_rec * outputs_of(config)))


def _recurrent(config: TrainConfig) -> float:
    return config.rnn.n_rec**2 * config.rnn.recurrent_matrices


def product_rate(size: int, device: str = "cpu", clock: Clock = time.perf_counter) -> float:
    """Measure the rate of a product of square matrices, with the current threads and precision of torch [flop/s]."""
    import torch

    a, b = (torch.randn(size, size, device=device) for _ in range(2))
    return 2 * size**3 / median_seconds(lambda: a @ b, clock)


def copy_rate(numbers: int, device: str = "cpu", clock: Clock = time.perf_counter) -> float:
    """Measure the rate of copying so many single-precision numbers, bytes read and written [byte/s]."""
    import torch

    source = torch.ones(numbers, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / median_seconds(lambda: target.copy_(source), clock)


def median_seconds(work: Callable[[], object], clock: Clock = time.perf_counter, times: int = _REPEATS) -> float:
    """Return the median duration of repeated work; the first time, which may load a library, does not count."""
    seconds = []
    for _ in range(times + 1):
        began = clock()
        work()
        seconds.append(clock() - began)
    return median(seconds[1:])
