"""Compare the movement of recorded rats with walks of the task, and with networks that were trained on either.

    python benchmarks/rats.py 'files=[sargolini.npz,tanni.npz]' ['runs=[results/spatial_navigation/...]'] [document=PAGE]

Files hold `pos` (n, 2) [m] and `t` (n) [s]; docs/recordings.md says where to get two. Positions are sampled every 0.1 s and
every 0.8 s, in epochs of 30 samples. Walks of the task, and networks awake and at rest, decoded by templates, have 100
trajectories of the same length. Speeds are over 0.1 s. It takes a minute of a core.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import sys

import numpy as np

import reactivation as ra
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import DT, setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import train_config
from reactivation.storage.arrays import read_arrays
from reactivation.storage.networks import build

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.documents import print_or_fill, require_places
from paper.tables import Table

SOURCE, BLOCK = "by benchmarks/rats.py", "rats"
FINE, COARSE = 0.1, 0.8  # [s] between samples
SAMPLES = 30  # of an epoch
TRAJECTORIES, STEPS = 100, round((SAMPLES + 1) * COARSE / DT)  # of walks and networks: an epoch of the coarse samples each


@dataclass
class Settings:
    """Settings of the script."""

    files: list[str] = setting([], "npz files of recorded paths")
    runs: list[str] = setting([], "run folders of networks that navigate")
    document: str | None = setting(None, "page whose table is filled; null: it is printed")


def recorded(file: Path) -> ra.Recording:
    """Return the whole path of a rat."""
    arrays = read_arrays(file)
    return ra.Recording(arrays["pos"], times=arrays["t"], space=ra.Box.around(arrays["pos"]))


def walked() -> ra.Recording:
    """Return walks of the task."""
    import torch

    task, _ = build(train_config({"config": "spatial_navigation/noisy_unbiased"}), torch.device("cpu"))
    positions = task.sample(TRAJECTORIES, STEPS, ra.stream(0, "rats")).positions.numpy()
    return ra.Recording(positions, dt=DT, space=task.space, margin=1.0)


def phases(run: ra.Run) -> dict[str, ra.Recording]:
    """Record a network awake and at rest."""
    each = {"awake": ra.waking(STEPS), "at rest": ra.rest(STEPS)}
    return {name: run.record(phase, TRAJECTORIES, rates=False, decoder="template") for name, phase in each.items()}


def every(recording: ra.Recording, seconds: float) -> ra.Recording:
    """Return samples that are `seconds` apart, in epochs of at most 30 samples."""
    apart = round(seconds / recording.dt)
    thinned = [epoch[::apart] for epoch in recording.epochs if len(epoch) > 9 * apart]
    return ra.replay.pieces(ra.Recording(thinned, recording.dt * apart, recording.space, margin=1.0), SAMPLES)


def row(name: str, recording: ra.Recording) -> list[str]:
    """Return its speed, its exponents, and the autocorrelation of its steps of 0.8 s."""
    fine, coarse = (every(recording, seconds) for seconds in (FINE, COARSE))
    speeds = np.linalg.norm(np.diff(fine.positions, axis=1), axis=-1) / fine.dt
    found = [ra.replay.exponent(one, rng=0) for one in (fine, coarse)]
    errors = ["" if one.standard_error is None else f" ± {one.standard_error:.3f}" for one in found]
    exponents = [f"{one.value:.3f}{error}" for one, error in zip(found, errors, strict=True)]
    turns = ra.replay.velocity_autocorrelation(coarse, rng=0).value
    return [name, f"{speeds.mean():.3f} m/s", f"{np.sqrt((speeds**2).mean() / 2):.3f} m/s", *exponents, f"{turns:.2f}"]


def rows(files: list[str], runs: list[str]) -> Iterator[list[str]]:
    """Yield the rows of rats, of the task, and of networks."""
    yield from (row(file.stem, recorded(file)) for file in map(Path, files))
    yield row("the task (released code's speed)", walked())
    for folder in runs:
        yield from (row(f"{Path(folder).name}, {name}", one) for name, one in phases(ra.load(folder)).items())


def main(words: list[str]) -> None:
    """Print the table, or put it into a page.

    Raises:
        BadInput: the page has no place for the table, or a file or run is invalid.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    require_places(settings.document, SOURCE, [BLOCK])
    columns = "mean speed", "Rayleigh scale √(⟨v²⟩/2)", "exponent, 0.1–0.8 s", "exponent, 0.8–6.4 s"
    table = Table(["", *columns, "step autocorrelation at 1.6 s"], [*rows(settings.files, settings.runs)])
    print_or_fill(settings.document, SOURCE, {BLOCK: table.markdown()})


if __name__ == "__main__":
    run_command(main)
