"""Training of one network from Python."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch

from reactivation.analysis.run import TrainedRun, load_run
from reactivation.checks import Natural, checked
from reactivation.machine.device import arithmetic
from reactivation.machine.errors import BadInput, in_one_line
from reactivation.settings.layers import RESULTS, TrainConfig, asked_config
from reactivation.storage.finding import run_path
from reactivation.storage.folder import RunFolder
from reactivation.training.fit import fit
from reactivation.training.resuming import standing


@checked
def train(
    experiment: str,
    seed: Natural = 0,
    path: str | PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> TrainedRun:
    """Train a network as `train.py` does, in its run folder, and load it; a network that is trained already is only loaded.

    Args:
        experiment: "<task>/<name>".
        seed: seed of every random stream.
        path: root of the results; None for "results".
        settings: other values of the keys that `python train.py --help` lists, {"rnn.n_rec": 64}; not of `config` and
            `seed`, which are arguments here.

    Raises:
        BadInput: no such experiment or key, another run is in that folder, or this one is past its last step and kept no
            network of it.
        DamagedData: the folder has no sound state to go on from, or the loss is not finite.
        StorageError: the folder cannot be written.

    >>> small = {"rnn.n_rec": 16, "task.place_cells_num": 32, "trainer.n_epochs": 20, "trainer.save_freq": 20}
    >>> run = ra.train("spatial_navigation/noisy_unbiased", seed=1, settings={**small, "tag": "small"})
    noisy_unbiased_0.0001_1_small: step 20/20 ...
    >>> run.step
    20
    """
    if "=" in str(path or ""):
        raise BadInput(f"path={path} looks like a setting: give settings={{'key': value}}")
    if path is not None and "path" in (settings or {}):
        raise BadInput("settings hold path, the folder of the run, and path= is the root of all results: give one of them")
    config = asked_config("ra.train", experiment, seed, settings)
    folder = RunFolder(run_path(config, str(path or RESULTS)))
    _require_within_reach(config, folder)
    with arithmetic(config.device):
        fit(config, folder)
    return load_run(folder, torch.device("cpu"), config.trainer.n_epochs)


def _require_within_reach(config: TrainConfig, folder: RunFolder) -> None:
    """Raise BadInput if a run was trained beyond the last step that is asked for, and no network of that step was kept."""
    last, kept = config.trainer.n_epochs, folder.steps()
    if last in kept or not folder.is_of(config):
        return
    reached = standing(config, folder) or max(kept, default=0)
    if reached > last:
        steps = in_one_line(", ".join(map(str, kept)))
        cure = f'ra.load("{folder.path}", step=...) takes {steps}' if kept else f"give trainer.n_epochs={reached} or more"
        raise BadInput(
            f"{folder.path}: was trained to step {reached} already, and kept no network of step {last}: {cure}; or name "
            "another run with tag=... or path=..."
        )
