"""What all analyses share: their settings, what they are given, and what they return."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

import numpy as np

from reactivation.analysis.recording import Moments as Moments
from reactivation.analysis.recording import Recording as Recording
from reactivation.network.phases import QUIESCENT, Phase, rest, shuffled, unchanged, waking
from reactivation.settings.declaring import DT, LARGEST, setting
from reactivation.settings.noise import intensity
from reactivation.world.decoding import DECODERS, TOP3
from reactivation.world.spaces import Space

if TYPE_CHECKING:
    from reactivation.types import NoiseDistribution


Recorded = dict[str, dict[str, Recording]]  # experiment → name of a phase → what was recorded
RANDOM = "random"  # the name of the untrained network among the experiments

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
    decoder: str = setting(
        TOP3, "what makes positions of outputs: the three most active cells, or templates of all", choices=DECODERS
    )
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

    def check_space(self, space: Space) -> None:
        """Refuse a space that the analysis has no answer for; one that needs more than every space has says so here.

        Raises:
            BadInput: what it lacks.
        """


class Result(NamedTuple):
    """What an analysis found, as plain numbers."""

    table: dict[str, Any]  # in the authors' schema
    details: dict[str, Any]  # standard errors and whatever else belongs to the figures
    summary: Mapping[str, Mapping[str, float | None]]  # row → column → number, to print


class Untrained(NamedTuple):
    """What an analysis wants of an untrained network, to compare with."""

    phases: tuple[Phase, ...]
    shares_task: bool = False  # whether its task is that of the last run (row 12) or one of its own


S = TypeVar("S", bound=AnalysisSettings)


@dataclass(frozen=True)
class Analysis(Generic[S]):
    """What an analysis is: the module of each has one, `ANALYSIS`."""

    settings: type[S]
    phases: Callable[[S], tuple[Phase, ...]]  # that it needs of every run
    analyse: Callable[[Recorded, S, NamedStreams], Result]
    format: int  # raised whenever the numbers in its files change: results of an older one do not count
    untrained: Callable[[S], Untrained] | None = None
    rates: int = 0  # trajectories whose rates it needs, with the moments of all; positions always come


def waking_of(settings: AnalysisSettings) -> Phase:
    """Return the waking that settings ask for."""
    return waking(settings.t_active, noise_distribution=_distribution(settings))


def rest_of(settings: AnalysisSettings, name: str = QUIESCENT, sigma: float | None = None) -> Phase:
    """Return the rest that settings ask for; `sigma` of other noise than the run's own [s^-1/2]."""
    return rest(
        settings.t_quiescent,
        settings.variance_gain,
        dropped=settings.t_shift,
        sigma=sigma,
        noise_distribution=_distribution(settings),
        after=waking_of(settings) if settings.start == "end_of_active" else None,
        start=shuffled if settings.start == "random" else unchanged,
        task_steps=settings.t_active,
        name=name,
    )


def both_phases(settings: AnalysisSettings) -> tuple[Phase, Phase]:
    """Return waking and rest."""
    return waking_of(settings), rest_of(settings)


def _distribution(settings: AnalysisSettings) -> "NoiseDistribution | None":
    return None if settings.noise_kind == "run" else cast("NoiseDistribution", settings.noise_kind)
