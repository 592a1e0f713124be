"""Trained networks by name: an experiment with its seed, or a run folder."""

from collections.abc import Iterable, Mapping
import os
from pathlib import Path
import sys
from typing import Any, overload

import torch

from reactivation.analysis.run import TrainedRun, load_run
from reactivation.checks import Natural, checked
from reactivation.machine.errors import BadInput, DamagedData, alike
from reactivation.settings.layers import RESULTS, TrainConfig, asked_config, experiments
from reactivation.storage.finding import Named, command, named_folder, own_or_published, run_path, trained_run

Settings = Mapping[str, Any]


@overload
def load(
    experiment: Named, seed: int = 0, step: int | None = None, path: Named | None = None, settings: Settings | None = None
) -> TrainedRun: ...


@overload
def load(
    experiment: Named,
    seed: Iterable[int],
    step: int | None = None,
    path: Named | None = None,
    settings: Settings | None = None,
) -> list[TrainedRun]: ...


@checked
def load(
    experiment: Named,
    seed: Natural | Iterable[Natural] = 0,
    step: Natural | None = None,
    path: Named | None = None,
    settings: Settings | None = None,
) -> TrainedRun | list[TrainedRun]:
    """Load a trained network, or one for each of several seeds; the file is named on stderr.

    Args:
        experiment: "<task>/<name>", or a run folder (text or Path), relative to the working folder or to `path`.
        seed: of an experiment's network; several seeds give a list of runs. A run folder has its own seed.
        step: of its training; None for the last.
        path: root of your results; None for "results". Where it has no such run, the published one is taken.
        settings: those that the experiment's network was trained with, as of `train`; None: those of its name alone.

    Raises:
        BadInput: no such experiment or folder, of which the message suggests the nearest; its folder holds a network of
            other settings than are given; or the recorded paths that the network learned from have changed.
        DamagedData: the network is missing or damaged; the message has the command that trains it.

    >>> ra.load("spatial_navigation/noisy_unbiased", seed=0).step
    2500
    """
    if isinstance(seed, Iterable):
        return [load(experiment, one, step, path, settings) for one in seed]
    root = str(path or RESULTS)
    folder = named_folder(experiment, root)
    if folder is not None and settings is not None:
        raise BadInput(f"{folder.path} is a run folder, which has its own settings: leave settings= out")
    if folder is None:
        config, typed = _named_experiment(experiment, seed, root, step, settings)
        folder = trained_run(config, root) if settings is None else own_or_published(config, root, os.fspath(experiment))
        if not folder.steps():
            kept = "" if step is None else f" at step {step}"
            raise DamagedData(f"no network of {experiment}, seed {seed}{kept}, in {folder.path}; train it with: {typed}")
    run = load_run(folder, torch.device("cpu"), step)
    print(f"loaded {run.file}", file=sys.stderr)
    return run


def _named_experiment(
    experiment: Named, seed: int, root: str, step: int | None, settings: Settings | None
) -> tuple[TrainConfig, str]:
    """The configuration of an experiment, and the command that trains it.

    Raises:
        BadInput: no experiment has that name, or the seed or a setting is not valid.
    """
    known = experiments()
    name = os.fspath(experiment)
    if name not in known:
        near = [one for one in known if one.endswith(f"/{name}")] or alike(name, known)
        if Path(name).exists() or Path(name).is_absolute():
            raise BadInput(f"{name} is no run folder: it has no config.yml")
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."
        typed = command("train.py", {"config": near[0] if near else known[0], "seed": seed})
        raise BadInput(f"{name} is no run folder and no experiment; {hint} Train one with: {typed}")
    config = asked_config("ra.load", name, seed, settings)
    values: dict[str, Any] = {"config": name, "seed": seed, **(settings or {})}
    if root != RESULTS:
        values["path"] = str(run_path(config, root))
    if step is not None:
        values["trainer.n_epochs"] = step
    return config, command("train.py", values)
