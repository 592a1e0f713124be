"""Where runs are: their names and folders, and the published ones where a root has none."""

from dataclasses import replace
from functools import cache
from pathlib import Path
import sys

from reactivation.machine.places import PUBLISHED
from reactivation.settings.layers import RESULTS, TrainConfig
from reactivation.storage.folder import RunFolder


def run_name(config: TrainConfig) -> str:
    """<experiment>[_<σ²Δt>]_<seed>[_<tag>]: "noisy_unbiased_0.0001_0"."""
    noise = [f"{config.rnn.sigma2_rec:g}"] if config.rnn.sigma2_rec > 0 else []
    tag = [config.tag] if config.tag else []
    return "_".join([config.experiment, *noise, str(config.seed), *tag])


def run_path(config: TrainConfig, results: str = RESULTS) -> Path:
    """Where a run lives, unless its `path` says otherwise."""
    return Path(config.path) if config.path else Path(results) / config.task_name / run_name(config)


def published_run(config: TrainConfig) -> RunFolder | None:
    """Return the published folder of a run of just this configuration; None where there is none."""
    folder = RunFolder(run_path(replace(config, path=None), str(PUBLISHED)))
    return folder if folder.is_of(config) else None


def trained_run(config: TrainConfig, results: str = RESULTS) -> RunFolder:
    """Return where a run is: its own folder once it has begun, else the published one, if there is one."""
    own = RunFolder(run_path(config, results))
    return own if own.has_begun() else published_run(config) or own


def found_run(config: TrainConfig, results: str = RESULTS) -> RunFolder:
    """As `trained_run`, of runs whose network was kept; says on stderr, once, where a published one stands in."""
    own, found = RunFolder(run_path(config, results)), trained_run(config, results)
    if found == own or not found.steps():
        return own
    _say_stand_in(own.path, found.path)
    return found


@cache
def _say_stand_in(own: Path, published: Path) -> None:
    print(f"{own} is not there; taking the published {published}", file=sys.stderr)
