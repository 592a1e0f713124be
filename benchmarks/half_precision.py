"""Measure the effect of half-precision weights on positions at rest, which is why weights are published in full precision.

    python benchmarks/half_precision.py [run=spatial_navigation/noisy_biased_gru] [seed=0] [tag=theory]

Prints how far positions of 200 rests of 200 steps are from those of the network in full precision under the same noise.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np

from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import train_config


@dataclass
class Settings:
    """Settings of `benchmarks/half_precision.py`."""

    run: str = setting("spatial_navigation/noisy_biased_gru", "experiment <task>/<name>")
    seed: int = setting(0, "of the network", low=0)
    tag: str | None = setting(None, "of its run", file_name=True)


def main(words: list[str]) -> None:
    """Rest twice, and compare."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    import torch

    import reactivation as ra
    from reactivation.analysis.mechanism import Settings as Theory
    from reactivation.analysis.mechanism import training_values
    from reactivation.analysis.run import load_run
    from reactivation.storage.finding import found_run

    values = training_values(Theory(run=settings.run, seed=settings.seed, tag=settings.tag))
    run = load_run(found_run(train_config(values)), torch.device("cpu"))
    network = copy.deepcopy(run.network)
    for weights in network.parameters():
        weights.data = weights.data.half().float()
    for decoder in ("template", "top3"):
        full, half = (one.record(ra.rest(200), rates=False, decoder=decoder) for one in (run, replace(run, network=network)))
        apart = np.asarray(run.task.space.distance(full.positions, half.positions))
        print(
            f"{run.name} {decoder}: at most {apart.max():.2g} {run.task.space.unit}, median {np.median(apart):.2g}, "
            f"beyond 0.001 {(apart > 1e-3).mean():.2%}"
        )


if __name__ == "__main__":
    run_command(main)
