"""Copies of trained networks in the folder of a sweep, which analyses them without training."""

from collections.abc import Mapping
import os
import shutil

from reactivation.machine.errors import BadInput, DamagedData, storing
from reactivation.settings.layers import TrainConfig
from reactivation.storage.card import FINISHED, read_card
from reactivation.storage.files import make_folder
from reactivation.storage.finding import command, trained_run
from reactivation.storage.folder import RunFolder
from reactivation.sweep.folder import Sweep

_LEFT = ("model_*.pt", "resume*", "metrics.jsonl", ".*")  # not copied, except for the model of the last step


def trained_networks(configs: Mapping[str, TrainConfig], root: str, allow_missing: bool = False) -> dict[str, RunFolder]:
    """Return run → the folder of its network, under a root of results or among the published ones.

    Args:
        allow_missing: return the existing networks, if there is at least one.

    Raises:
        BadInput: networks are missing.
    """
    folders = {run: trained_run(config, root) for run, config in configs.items()}
    lacking = [run for run, folder in folders.items() if not _is_trained(folder, configs[run])]
    if lacking and not (allow_missing and len(lacking) < len(configs)):
        config = configs[lacking[0]]
        values = {"config": config.config, "seed": config.seed} | ({"tag": config.tag} if config.tag else {})
        raise BadInput(
            f"trained={root}: {len(lacking)} of {len(configs)} networks are not there, such as {folders[lacking[0]].path}: "
            f"train them ({command('train.py', values)} ...), or take those that are there with allow_missing=true"
        )
    return {run: folder for run, folder in folders.items() if run not in lacking}


def _is_trained(folder: RunFolder, config: TrainConfig) -> bool:
    try:
        is_whole = folder.is_of(config) and read_card(folder).state == FINISHED
    except DamagedData:
        return False
    return is_whole and config.trainer.n_epochs in folder.steps()


def take(sweep: Sweep, folders: Mapping[str, RunFolder]) -> None:
    """Copy networks into the run folders of a sweep that do not exist yet; each folder appears complete.

    Raises:
        DamagedData: a network does not load; it is not copied.
        StorageError: the disk is full, or there is no permission.
    """
    import torch

    from reactivation.storage.networks import stored

    for run, source in folders.items():
        target = sweep.folder(run)
        if target.has_begun():
            continue
        stored(source, torch.device("cpu"))
        make_folder(target.path.parent)
        beside = target.path.with_name(f".{target.path.name}.taken")
        with storing(target.path):
            shutil.rmtree(beside, ignore_errors=True)
            shutil.copytree(source.path, beside, ignore=shutil.ignore_patterns(*_LEFT))
            shutil.copy(source.model_file(source.steps()[-1]), beside)
            os.replace(beside, target.path)
