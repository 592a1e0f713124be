"""Measure the jitter of both decoders, on the same rest of each network that comes with the project.

    python benchmarks/decoding.py [trajectories=50] [steps=200]

Prints, for each network and decoder, the median step of rest and the jitter: the standard deviation per dimension of the
white noise in decoded positions. It follows from the mean squared displacement over 5 to 20 steps, extrapolated to lag 0.
"""

from dataclasses import dataclass

import numpy as np

import reactivation as ra
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.world.decoding import DECODERS

NETWORKS = (
    "spatial_navigation/noisy_unbiased", "spatial_navigation/noisy_biased", "spatial_navigation/noisy_unbiased_gru",
    "spatial_navigation/noisy_biased_gru", "head_direction/noisy_unbiased", "head_direction/noisy_biased",
)  # fmt: skip
_LAGS = np.arange(5, 21)


@dataclass
class Settings:
    """Settings of `benchmarks/decoding.py`."""

    trajectories: int = setting(50, "of each rest", low=2)
    steps: int = setting(200, "of each rest", low=40)


def jitter(recording: ra.Recording) -> float:
    """Return the standard deviation per dimension of the white noise in positions [unit]."""
    space, positions = recording.space, recording.positions
    squares = [(space.distance(positions[:, lag:], positions[:, :-lag]) ** 2).mean() for lag in _LAGS]
    at_zero = float(np.polyfit(_LAGS, squares, 1)[1])
    return float(np.sqrt(max(at_zero, 0.0) / (2 * space.dimensions)))


def main(words: list[str]) -> None:
    """Print the table."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    print(f"{'network':<36} {'decoder':<9} {'median step':>12} {'jitter':>9}")
    for name in NETWORKS:
        run = ra.load(name)
        for decoder in DECODERS:
            rest = run.record(ra.rest(settings.steps), settings.trajectories, rates=False, decoder=decoder)
            steps = rest.space.distance(rest.positions[:, 1:], rest.positions[:, :-1])
            unit = rest.space.unit
            print(f"{name:<36} {decoder:<9} {np.median(steps):>10.4f} {unit:<2}{jitter(rest):>7.4f} {unit}")


if __name__ == "__main__":
    run_command(main)
