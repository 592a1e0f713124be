"""Time the divergence table, beside scipy.stats.gaussian_kde for every pair.

    python benchmarks/analysis.py [runs=4] [share=0.1] [json=true]

Points are as many as in the full-size protocol (200 trajectories; 100 waking and 1,000 resting steps; four runs, a random
network and the uniform density: 24 pairs), decoded by 512 place cells. scipy evaluates both densities of a pair at `share`
of the 2,500 samples, and its time is scaled up to all samples and pairs. Our time is that of all of `analysis.kl`, with both
directions, Jensen–Shannon and matched bandwidth. It asserts nothing; `largest_difference` is between the log densities.
"""

from dataclasses import dataclass
import json
import time

import numpy as np
from scipy import stats
import torch

from reactivation.analysis.base import Recording
from reactivation.analysis.densities import GaussianKDE
from reactivation.analysis.measures import kl
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.streams import numpy_stream, stream
from reactivation.world.spaces import Box
from reactivation.world.tasks import spatial_navigation


@dataclass
class Settings:
    """Keys of this command."""

    runs: int = setting(4, "networks of the table", low=1)
    share: float = setting(0.1, "share of the samples that scipy evaluates", above=0, high=1)
    json: bool = setting(False, "a line of JSON instead of a table")


def decoded_points(seed: int, trajectories: int, steps: int) -> np.ndarray:
    """Decoded positions (B, T, 2) of noisy place-cell activities along random walks."""
    task = spatial_navigation.build(spatial_navigation.Settings(), stream(seed, "cells"))
    generator = stream(seed, "trajectories")
    blocks = []
    for _ in range(steps // 100):
        outputs = task.sample(trajectories, 100, generator).targets
        noise = torch.randn(outputs.shape, generator=generator) * 1e-3
        blocks.append(task.decode(outputs + noise).double().numpy())
    return np.concatenate(blocks, axis=1)


def measure(runs: int, share: float) -> dict[str, object]:
    """Time both ways on the same points."""
    space = Box(2.2, 2.2)
    lengths = {"active": 100, "quiescent": 1000}
    recorded = {
        f"run {k}": {phase: Recording(decoded_points(k, 200, steps), 0.02, space) for phase, steps in lengths.items()}
        for k in range(runs)
    }
    recorded["random"] = {"quiescent": Recording(decoded_points(runs, 200, lengths["quiescent"]), 0.02, space)}
    settings = kl.Settings()
    began = time.perf_counter()
    result = kl.analyse(recorded, settings, lambda name: numpy_stream(0, name))
    ours = time.perf_counter() - began

    resting, waking = (recorded["run 0"][phase].positions.reshape(-1, 2) for phase in ("quiescent", "active"))
    samples = GaussianKDE(resting).sample(round(settings.n_samples * share), np.random.default_rng(0))
    began = time.perf_counter()
    references = [stats.gaussian_kde(points.T).logpdf(samples.T) for points in (resting, waking)]
    pairs = sum(map(len, result.table.values()))
    scipys = (time.perf_counter() - began) / share * pairs
    differences = [
        np.abs(GaussianKDE(points).log_density(samples) - reference).max()
        for points, reference in zip((resting, waking), references, strict=True)
    ]
    return {
        "name": "divergence table",
        "pairs": pairs,
        "distinct_resting_points": len(np.unique(resting, axis=0)),
        "seconds": ours,
        "seconds_scipy": scipys,
        "times_scipy": scipys / ours,
        "largest_difference": float(max(differences)),
        "device": "cpu",
    }


def main(words: list[str]) -> None:
    """Measure and print."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    row = measure(settings.runs, settings.share)
    if settings.json:
        print(json.dumps(row))
        return
    for name, value in row.items():
        print(f"{name:<24} {value:.3g}" if isinstance(value, float) else f"{name:<24} {value}")


if __name__ == "__main__":
    run_command(main)
