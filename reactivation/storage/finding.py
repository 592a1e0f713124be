"""Where runs are: their names and folders, and the networks that come with the project where a folder holds none."""

from dataclasses import replace
from functools import cache
from pathlib import Path
import sys

from reactivation.machine.places import PRETRAINED
from reactivation.settings.layers import RESULTS, TrainConfig, science_hash
from reactivation.storage.folder import RunFolder


def run_name(config: TrainConfig) -> str:
    """<experiment>[_<σ²Δt>]_<seed>[_<tag>]: "noisy_unbiased_0.0001_0"."""
    noise = [f"{config.rnn.sigma2_rec:g}"] if config.rnn.sigma2_rec > 0 else []
    tag = [config.tag] if config.tag else []
    return "_".join([config.experiment, *noise, str(config.seed), *tag])


def run_path(config: TrainConfig, results: str = RESULTS) -> Path:
    """Where a run lives, unless its `path` says otherwise."""
    return Path(config.path) if config.path else Path(results) / config.task_name / run_name(config)


def trained_run(config: TrainConfig, results: str = RESULTS, step: int | None = None) -> RunFolder:
    """Where to load a run from: its folder, or, while that holds no model, the one that comes with the project.

    Args:
        step: which model is wanted; None for the last.
    """
    own = RunFolder(run_path(config, results))
    shipped = RunFolder(run_path(replace(config, path=None), str(PRETRAINED)))
    if own.steps() or (step or config.trainer.n_epochs) not in shipped.steps():
        return own
    return shipped if science_hash(shipped.config()) == science_hash(config) else own


def found_run(config: TrainConfig, results: str = RESULTS, step: int | None = None) -> RunFolder:
    """As `trained_run`; says on stderr, once, where a network that comes with the project stands in."""
    own, found = run_path(config, results), trained_run(config, results, step)
    if found.path != own:
        _say_stand_in(own, found.path)
    return found


@cache
def _say_stand_in(own: Path, shipped: Path) -> None:
    print(f"{own} holds no model; taking the pretrained {shipped}", file=sys.stderr)
