"""Where runs are: their names and folders, and the published ones where a root has none."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
import os
from pathlib import Path
import shlex
import sys
from typing import Any

from reactivation.machine.errors import BadInput, storing
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
    """The folder of a run: its `path`, or the one that its name gives under `results`."""
    return Path(config.path) if config.path else Path(results) / config.task_name / run_name(config)


def published_run(config: TrainConfig) -> RunFolder | None:
    """Return the published folder of a run of exactly this configuration; None if there is none."""
    folder = RunFolder(run_path(replace(config, path=None), str(PUBLISHED)))
    return folder if folder.is_of(config) else None


def trained_run(config: TrainConfig, results: str = RESULTS) -> RunFolder:
    """Return where a run is: its own folder once it has begun, else the published one, if there is one."""
    own = RunFolder(run_path(config, results))
    return own if own.has_begun() else published_run(config) or own


def own_or_published(config: TrainConfig, results: str, whose: str) -> RunFolder:
    """As `trained_run`, but of exactly this configuration.

    Args:
        config: of the run.
        results: root of the results.
        whose: what the run is of, in the message.

    Raises:
        BadInput: its own folder has a network of other settings, as of another size, which would be taken for it.
        DamagedData: the configuration there is unreadable.
    """
    run = trained_run(config, results)
    changed = run.differences_from(config) if run.has_begun() else ""
    if changed:
        raise BadInput(f"{run.path} holds another run than {whose} (there → here: {changed}); move it away, or give path=")
    return run


def found_run(config: TrainConfig, results: str = RESULTS) -> RunFolder:
    """As `trained_run`, but a published run counts only if its network was kept; stderr says once that it is taken."""
    own, found = RunFolder(run_path(config, results)), trained_run(config, results)
    if found == own or not found.steps():
        return own
    _say_stand_in(own.path, found.path)
    return found


@cache
def _say_stand_in(own: Path, published: Path) -> None:
    print(f"{own} is not there; taking the published {published}", file=sys.stderr)


def named_folder(name: Named, *roots: str | Path) -> RunFolder | None:
    """The run folder of that name: in the working folder, under a root, or published; None if there is none."""
    for place in (Path(name).expanduser(), *(Path(root) / name for root in (*roots, PUBLISHED))):
        with storing(place):
            is_run = (place / "config.yml").is_file()
        if is_run:
            return RunFolder(place)
    return None


@dataclass(frozen=True)
class RunReference:
    """Refer to a run, trained or not: an experiment with its seed, noise and tag, or a named folder."""

    label: str  # its name in tables
    config: TrainConfig  # its configuration, or the expected one
    folder: RunFolder  # where it is trained
    root: str | None = None  # the results in which to look for an experiment's network; None for a named folder
    values: Mapping[str, Any] | None = None  # the values that train an experiment, by the keys of train.py

    def found(self) -> RunFolder:
        """The folder to load from; stderr says if it is a published one."""
        return self.folder if self.root is None else found_run(self.config, self.root)

    def training(self, steps: int | None = None) -> dict[str, Any]:
        """The values that train an experiment for `steps` (None: to its end), in its folder, by the keys of train.py."""
        elsewhere = {"path": str(self.folder.path)} if self.root not in (None, RESULTS) else {}
        further = {"trainer.n_epochs": steps} if steps is not None else {}
        return {**(self.values or {}), **elsewhere, **further}

    def how_to_train(self, steps: int | None = None) -> str:
        """How to get its network, as the end of a message."""
        if self.values is None:
            return f"name a step with epoch=, or go on with its training: path={self.folder.path}"
        if steps is None and self.folder.is_of(self.config):
            planned = self.folder.config().trainer.n_epochs
            steps = planned if planned != self.config.trainer.n_epochs else None  # the length that the run was begun with
        typed = command("train.py", self.training(steps))
        if self.folder.lost_its_network():
            return f"its network was not kept: delete {self.folder.path}, then: {typed}"
        return f"train it with: {typed}"


def command(script: str, values: Mapping[str, Any]) -> str:
    """The command line that a user types to run a script with these values."""
    return as_typed(shlex.join(["python", script, *to_words(values)]))
