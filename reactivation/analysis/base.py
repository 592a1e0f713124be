"""What all analyses share: their settings, what they are given, and what they return."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reactivation.settings.declaring import DT, LARGEST, setting
from reactivation.settings.noise import intensity


class Moments(NamedTuple):
    """Of the rates of a phase, over all trajectories and steps."""

    mean: NDArray[np.float64]  # (N)
    covariance: NDArray[np.float64]  # (N, N)


class Recording(NamedTuple):
    """What a network did in one phase. Rates and moments are there only for analyses that ask for rates."""

    states: NDArray[np.float64]  # (B, T, P) decoded [m or rad]
    rates: NDArray[np.float32] | None = None  # (K, T, N) of the first K trajectories
    moments: Moments | None = None


Recorded = dict[str, dict[str, Recording]]  # run → phase → what it did
RANDOM = "random"  # the name of the untrained network among the runs

NamedStreams = Callable[[str], np.random.Generator]  # name → that random stream of the analysis


@dataclass
class AnalysisSettings:
    """Which runs are compared, and how they are put through waking and resting (Appendix A.2)."""

    task: str = setting("spatial_navigation", "task whose runs are analysed")
    seed: int = setting(0, "seed of the runs", low=0)
    runs: list[str] = setting([], "experiments to analyse")
    noise: float = setting(1e-4, f"noise of the noisy runs and put into noiseless ones, as σ²Δt at Δt = {DT} s", above=0)
    sigma: float = setting(intensity(1e-4, DT), "the same as σ: give one of them", unit="s^-1/2", above=0, high=1e6)
    noise_kind: str = setting("run", "distribution of the noise; run: the run's own", choices=("run", "gaussian", "uniform"))
    epoch: int | None = setting(None, "step of the models; null: the last of each run", low=1)
    batch_size: int = setting(200, "trajectories per phase", low=2, high=LARGEST)
    t_active: int = setting(100, "waking steps", low=2, high=LARGEST)
    t_quiescent: int = setting(1000, "resting steps, those dropped included", low=2, high=LARGEST)
    t_shift: int = setting(0, "resting steps dropped at the beginning (burn-in)", low=0)
    start: str = setting(
        "task",
        "where rest begins: encoded task positions, the end of waking, or task rates shuffled over trajectories",
        choices=("task", "end_of_active", "random"),
    )
    variance_gain: float | None = setting(None, "noise variance at rest over waking; null: the cell's", low=0, high=LARGEST)
    trajectory_stream: str = setting(
        "analysis", "random stream of the trajectories; cells: row 17, on a CPU", choices=("analysis", "cells")
    )
    draw: int = setting(0, "which of many independent draws of trajectories and noise", low=0)
    path: str = setting("results", "root of the results")
    tag: str | None = setting(None, "tag of the runs", file_name=True)
    preset: str | None = setting(None, "a file under configs/preset")
    out: str | None = setting(None, "end of the result files' names, to keep variants apart", file_name=True)
    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"))
    allow_missing: bool = setting(False, "go on without runs that are missing or damaged, and list them")


class Result(NamedTuple):
    """What an analysis found, as plain numbers."""

    table: dict[str, Any]  # in the authors' schema
    details: dict[str, Any]  # standard errors and whatever else belongs to the figures
    summary: Mapping[str, Mapping[str, float | None]]  # row → column → number, to print


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of independent values (n): SD / √n."""
    return float(values.std(ddof=1) / math.sqrt(len(values)))
