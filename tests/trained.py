"""Runs that tests train in their own process, and what they ask of them."""

from pathlib import Path

from conftest import tiny
import torch

from reactivation.settings.layers import resolve_train
from reactivation.settings.reading import parse_arguments
from reactivation.storage.runs import RunFolder, load_run
from reactivation.training.fit import fit
from reactivation.training.metrics import read_rows

SPATIAL = "spatial_navigation/noisy_unbiased"


def configured(path: Path, *words: str, config: str = SPATIAL):
    arguments = parse_arguments(tiny(config)) | parse_arguments([f"path={path}", *words])
    return resolve_train(arguments), RunFolder(path)


def train(path: Path, *words: str, config: str = SPATIAL) -> RunFolder:
    settings, folder = configured(path, *words, config=config)
    fit(settings, folder)
    return folder


def weights(folder: RunFolder, step: int) -> dict[str, torch.Tensor]:
    run = load_run(folder, torch.device("cpu"), step)
    return {**run.network.state_dict(), **run.task.state_dict()}


def same_weights(a: RunFolder, b: RunFolder, step: int) -> bool:
    first, second = weights(a, step), weights(b, step)
    return all(torch.equal(first[name], second[name]) for name in first)


def timeless(folder: RunFolder) -> list[dict[str, object]]:
    """The metrics without how long they took."""
    return [{k: v for k, v in row.items() if k != "steps_per_second"} for row in read_rows(folder.metrics_file)]
