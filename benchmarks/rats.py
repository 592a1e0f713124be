"""How recorded rats move beside the walks of the task: python benchmarks/rats.py FILE.npz [FILE.npz ...]

Files hold `pos` (n, 2) [m] and `t` (n) [s]; docs/recordings.md says where to get two. Every 0.1 s and every 0.8 s, in epochs
of 30 samples, beside as long walks of 100 trajectories; speeds are over 0.1 s. Printed: a table in Markdown, a row for each.
"""

from pathlib import Path
import sys

import numpy as np

import reactivation as ra
from reactivation.settings.layers import train_config
from reactivation.storage.arrays import read_arrays
from reactivation.storage.networks import build

FINE, COARSE = 0.1, 0.8  # [s] between samples
SAMPLES = 30  # of an epoch


def recorded(file: Path) -> ra.Recording:
    """The whole path of a rat."""
    arrays = read_arrays(file)
    return ra.Recording(arrays["pos"], times=arrays["t"], space=ra.Box.around(arrays["pos"]))


def walked() -> ra.Recording:
    """Walks of the task, as long as an epoch of the coarse samples is."""
    import torch

    task, _ = build(train_config({"config": "spatial_navigation/noisy_unbiased"}), torch.device("cpu"))
    steps = round((SAMPLES + 1) * COARSE / 0.02)
    positions = task.sample(100, steps, ra.stream(0, "rats")).positions.numpy()
    return ra.Recording(positions, dt=0.02, space=task.space, margin=1.0)


def every(recording: ra.Recording, seconds: float) -> ra.Recording:
    """Samples so far apart, in epochs of 30 where they are longer."""
    apart = round(seconds / recording.dt)
    thinned = [epoch[::apart] for epoch in recording.epochs if len(epoch) > 9 * apart]
    return ra.replay.pieces(ra.Recording(thinned, recording.dt * apart, recording.space, margin=1.0), SAMPLES)


def row(name: str, recording: ra.Recording) -> str:
    """Its speed, exponents, and how steps of 0.8 s go on."""
    fine, coarse = (every(recording, seconds) for seconds in (FINE, COARSE))
    speeds = np.linalg.norm(np.diff(fine.positions, axis=1), axis=-1) / fine.dt
    found = [ra.replay.exponent(one, rng=0) for one in (fine, coarse)]
    exponents = [f"{one.value:.3f} ± {one.standard_error:.3f}" for one in found]
    turns = ra.replay.velocity_autocorrelation(coarse, rng=0).value
    speed = f"{speeds.mean():.3f} m/s", f"{np.sqrt((speeds**2).mean() / 2):.3f} m/s"
    return f"| {' | '.join([name, *speed, *exponents, f'{turns:.2f}'])} |"


def main(files: list[str]) -> None:
    """Print the table."""
    columns = "mean speed", "Rayleigh scale √(⟨v²⟩/2)", "exponent, 0.1–0.8 s", "exponent, 0.8–6.4 s"
    print(f"| | {' | '.join(columns)} | step autocorrelation at 1.6 s |")
    print("|---|---|---|---|---|---|")
    for file in map(Path, files):
        print(row(file.stem, recorded(file)))
    print(row("the task (released code's speed)", walked()))


if __name__ == "__main__":
    main(sys.argv[1:])
