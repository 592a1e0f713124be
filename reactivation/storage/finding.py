"""Where runs are: their names and folders, and the published ones where a root has none."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
import os
from pathlib import Path
import shlex
import sys
from typing import Any

from reactivation.machine.errors import storing
from reactivation.machine.places import PUBLISHED, as_typed
from reactivation.settings.layers import RESULTS, TrainConfig
from reactivation.settings.reading import to_words
from reactivation.storage.folder import RunFolder

Named = str | os.PathLike[str]


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


def named_folder(name: Named, *roots: str | Path) -> RunFolder | None:
    """The run folder of that name, from here, within a root, or among the published; None if there is none."""
    for place in (Path(name).expanduser(), *(Path(root) / name for root in (*roots, PUBLISHED))):
        with storing(place):
            is_run = (place / "config.yml").is_file()
        if is_run:
            return RunFolder(place)
    return None


@dataclass(frozen=True)
class RunReference:
    """Say which run somebody means, trained or not: an experiment with its seed, noise and tag, or a folder."""

    label: str  # what tables call it
    config: TrainConfig  # that it has, or is expected to have
    folder: RunFolder  # where it is trained
    root: str | None = None  # of the results that an experiment's network is looked for in; None for a folder that was named
    values: Mapping[str, Any] | None = None  # of an experiment: what trains it, by the keys of train.py

    def found(self) -> RunFolder:
        """The folder to load from, which may be a published one; says so then."""
        return self.folder if self.root is None else found_run(self.config, self.root)

    def training(self, steps: int | None = None) -> dict[str, Any]:
        """What trains an experiment so far (None: to its end), where it is looked for: values by the keys of train.py."""
        elsewhere = {"path": str(self.folder.path)} if self.root not in (None, RESULTS) else {}
        further = {"trainer.n_epochs": steps} if steps is not None else {}
        return {**(self.values or {}), **elsewhere, **further}

    def how_to_train(self, steps: int | None = None) -> str:
        """What to do to have its network, as the end of a sentence."""
        if self.values is None:
            return f"name a step with epoch=, or go on with its training: path={self.folder.path}"
        if steps is None and self.folder.is_of(self.config):
            planned = self.folder.config().trainer.n_epochs
            steps = planned if planned != self.config.trainer.n_epochs else None  # it was to go that far
        typed = command("train.py", self.training(steps))
        if self.folder.lost_its_network():
            return f"its network was not kept: delete {self.folder.path}, then: {typed}"
        return f"train it with: {typed}"


def command(script: str, values: Mapping[str, Any]) -> str:
    """What a user types, of values by their keys."""
    return as_typed(shlex.join(["python", script, *to_words(values)]))
