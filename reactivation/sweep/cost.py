"""Estimates of the core-hours and memory that a sweep still needs: from finished runs of equal shape or one timed step."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
import resource
from statistics import fmean
import time
from typing import Any

from reactivation.settings.layers import TrainConfig
from reactivation.sweep.states import FINISHED, State


@dataclass(frozen=True)
class Cost:
    """Hold the estimated cost of unfinished runs."""

    seconds: float  # of one core
    memory: float  # of a process [MB]
    source: str  # where the estimate comes from

    def __str__(self) -> str:
        hours = self.seconds / 3600
        time_left = f"{hours:.3g} core-hours" if hours >= 1 else f"{hours * 60:.2g} core-minutes"
        return f"about {time_left} and {self.memory / 1000:.2g} GB a process ({self.source})"


def cost(configs: Mapping[str, TrainConfig], found: Iterable[State]) -> Cost:
    """Estimate the cost of the unfinished runs.

    Args:
        configs: the configuration of each run.
    """
    finished = [state for state in found if state.name == FINISHED]
    left = {state.run: max(0, configs[state.run].trainer.n_epochs - state.step) for state in found if state.name != FINISHED}
    known = _known(configs, finished)
    peaks = [attempt.peak for state in finished for attempt in state.tried if attempt.peak]
    source = "by finished runs of the same shape, their analyses included"
    unknown = {_shape(configs[run]): configs[run] for run in left if _shape(configs[run]) not in known}
    if unknown:
        source = "by one timed step, analyses not counted"
        known |= _timed(list(unknown.items()))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    seconds = sum(steps * known[_shape(configs[run])] for run, steps in left.items())
    return Cost(seconds, max(peaks, default=0.0), source)


def _shape(config: TrainConfig) -> tuple[Any, ...]:
    """The settings that determine the time of a step."""
    sizes = tuple(value for value in asdict(config.task).values() if type(value) is int)
    return config.task_name, config.rnn.model, config.rnn.n_rec, *sizes


def _known(configs: Mapping[str, TrainConfig], finished: Iterable[State]) -> dict[tuple[Any, ...], float]:
    """Seconds of a step by shape."""
    found: dict[tuple[Any, ...], list[float]] = {}
    for state in finished:
        if state.seconds:
            config = configs[state.run]
            found.setdefault(_shape(config), []).append(state.seconds / config.trainer.n_epochs)
    return {shape: fmean(seconds) for shape, seconds in found.items()}


def _timed(shapes: list[tuple[tuple[Any, ...], TrainConfig]]) -> dict[tuple[Any, ...], float]:
    """As `_known`, by timing one step of the first shape and scaling with the arithmetic of the others."""
    import torch

    from reactivation.machine.device import prepare
    from reactivation.training.learner import new_learner
    from reactivation.training.work import training_flops

    first = shapes[0][1]
    learner = new_learner(first, prepare("cpu"))
    torch.set_num_threads(1)  # as each run has
    learner.learn()  # which loads libraries
    began = time.perf_counter()
    learner.learn()
    seconds = time.perf_counter() - began
    return {shape: seconds * training_flops(config) / training_flops(first) for shape, config in shapes}
