"""Count the trajectories whose activity grows at rest, since a few that do hide the others in a mean over all.

    python benchmarks/growth.py [run=spatial_navigation/noisy_biased] [trajectories=1000] [steps=1000]

Prints how many end with rates whose norm is more than 16 times its mean awake, and the range of both kinds.
"""

from dataclasses import dataclass

import numpy as np

import reactivation as ra
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings

AWAKE = 100  # steps of waking
GROWN = 4.0  # doublings


@dataclass
class Settings:
    """Settings of `benchmarks/growth.py`."""

    run: str = setting("spatial_navigation/noisy_biased", "run folder, or experiment <task>/<name>, whose seed 0 is taken")
    trajectories: int = setting(1000, "of rest", low=1)
    steps: int = setting(1000, "of rest", low=2)


def norms(recording: ra.Recording) -> np.ndarray:
    """Return the norm of the rates of each trajectory at each recorded step, (B, T)."""
    found: np.ndarray = np.linalg.norm(recording.rates, axis=-1)
    return found


def main(words: list[str]) -> None:
    """Rest, and count."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    run = ra.load(settings.run)
    awake = norms(run.record(ra.waking(AWAKE), settings.trajectories)).mean()
    last = norms(run.record(ra.rest(settings.steps, dropped=settings.steps - 1), settings.trajectories))[:, -1]
    doublings = np.log2(last / awake)
    grown = doublings > GROWN
    print(f"{run.name}: of {len(grown)} trajectories, {grown.sum()} grow; norm at the end of rest over its mean awake:")
    for kind, part in (("grown", doublings[grown]), ("others", doublings[~grown])):
        if len(part):
            print(f"{kind:<6} 2^{part.min():.2f} to 2^{part.max():.2f}, median 2^{np.median(part):.2f}")


if __name__ == "__main__":
    run_command(main)
