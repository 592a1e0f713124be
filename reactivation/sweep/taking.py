"""Copies of trained networks in the folder of a sweep, which analyses them without training."""

from collections.abc import Mapping
import os
import shutil

from reactivation.machine.errors import BadInput, DamagedData, storing
from reactivation.machine.numbers import whole_number
from reactivation.settings.layers import TrainConfig
from reactivation.storage.card import FINISHED, read_card
from reactivation.storage.files import make_folder, write_atomically
from reactivation.storage.finding import command, trained_run
from reactivation.storage.folder import RunFolder
from reactivation.sweep.folder import PlannedRun, Sweep

_LEFT = ("model_*.pt", "resume*", "metrics.jsonl", ".*")  # not copied, except for the models that are analysed


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
        config, folder = configs[lacking[0]], folders[lacking[0]]
        values = {"config": config.config, "seed": config.seed} | ({"tag": config.tag} if config.tag else {})
        raise BadInput(
            f"trained={root}: {len(lacking)} of {len(configs)} networks are not there, such as {folder.path}"
            f"{_otherwise_trained(folder, config)}: train them ({command('train.py', values)} ...), or take those that are "
            "there with allow_missing=true"
        )
    return {run: folder for run, folder in folders.items() if run not in lacking}


def _is_trained(folder: RunFolder, config: TrainConfig) -> bool:
    return _finished_at(folder, config) == config.trainer.n_epochs and config.trainer.n_epochs in folder.steps()


def _finished_at(folder: RunFolder, config: TrainConfig) -> int | None:
    """The last step of a finished run of a configuration, whatever its length; None if there is none."""
    try:
        card = read_card(folder) if folder.is_of(config) else None
    except DamagedData:
        return None
    return card.step if card and card.state == FINISHED else None


def _otherwise_trained(folder: RunFolder, config: TrainConfig) -> str:
    step = _finished_at(folder, config)
    if step in (None, config.trainer.n_epochs):
        return ""
    return f" (trained to step {step}: trainer.n_epochs={step} takes it, and epoch= an earlier network of it)"


def take(sweep: Sweep, folders: Mapping[str, RunFolder]) -> None:
    """Copy networks into the run folders of a sweep that do not exist yet; each folder appears complete.

    Raises:
        DamagedData: a network does not load; it is not copied.
        StorageError: the disk is full, or there is no permission.
    """
    for run, source in folders.items():
        target = sweep.folder(run)
        if not target.has_begun():
            _take(source, target)
        for step in _earlier_steps(sweep.runs[run]):
            if step in source.steps() and step not in target.steps():
                with storing(source.path):
                    content = source.model_file(step).read_bytes()
                write_atomically(target.model_file(step), content)


def _take(source: RunFolder, target: RunFolder) -> None:
    import torch

    from reactivation.storage.networks import stored

    stored(source, torch.device("cpu"))
    make_folder(target.path.parent)
    beside = target.path.with_name(f".{target.path.name}.taken")
    with storing(target.path):
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(source.path, beside, ignore=shutil.ignore_patterns(*_LEFT))
        shutil.copy(source.model_file(source.steps()[-1]), beside)
        os.replace(beside, target.path)


def _earlier_steps(run: PlannedRun) -> list[int]:
    """The steps, other than the last, whose networks its analyses ask for."""
    told = (whole_number(analysis.values.get("epoch", "")) for analysis in run.analyses)
    return sorted({step for step in told if step is not None})
