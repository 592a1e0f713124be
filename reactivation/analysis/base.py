"""The settings, inputs and results that all analyses share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, cast, get_args

import numpy as np

from reactivation.analysis.epochs import Moments as Moments
from reactivation.analysis.recording import Recording as Recording
from reactivation.machine.errors import BadInput
from reactivation.network.inputs import Another, Constant, Own, Policy, Query, none, replayed
from reactivation.network.modifiers import (
    Adaptation,
    ColouredNoise,
    Drive,
    FixedAmplitude,
    Gain,
    Leak,
    Modifier,
    Momentum,
)
from reactivation.network.phases import QUIESCENT, Phase, rest, shuffled, unchanged, waking
from reactivation.settings.declaring import DT, LARGEST, setting
from reactivation.settings.noise import NoiseDistribution, intensity
from reactivation.storage.files import digest
from reactivation.world.decoding import DECODERS, TOP3
from reactivation.world.spaces import Space

Recorded = dict[str, dict[str, Recording]]  # experiment → name of a phase → recording
RANDOM = "random"  # the name of the untrained network among the experiments
UNCHANGED = {"gain.factor": 1.0, "adaptation.gain": 0.0, "momentum.friction": 1.0}  # values that change nothing

_SCALED: dict[str, Callable[[float], Policy]] = {"task": Own, "another": Another, "query": Query}

NamedStreams = Callable[[str], np.random.Generator]  # name → that random stream of the analysis


@dataclass
class AnalysisSettings:
    """Which runs are compared, and how they are put through waking and resting (Appendix A.2)."""

    task: str = setting("spatial_navigation", "task whose runs are analysed")
    seed: int = setting(0, "seed of the runs", low=0)
    runs: list[str] = setting([], "experiments, or run folders, in whose names <seed> stands for the seed")
    noise: float = setting(
        1e-4, f"noise of noisy experiments, if not their own, and put into noiseless ones, as σ²Δt at Δt = {DT} s", above=0
    )
    sigma: float = setting(intensity(1e-4, DT), "the same as σ: give one of them", unit="s^-1/2", above=0, high=1e6)
    noise_kind: str = setting(
        "run",
        "distribution of the noise; run: the run's own; pushed: a Gaussian of the uniform noise's mean and variance",
        choices=("run", *get_args(NoiseDistribution)),
    )
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
    inputs: str = setting(
        "none",
        "inputs at rest: none, the task's, the task's of another trajectory, a constant velocity, random moves (query), or "
        "those of a file (replayed)",
        choices=("none", *_SCALED, "constant", "replayed"),
    )
    input_scale: float | None = setting(None, "factor of inputs=task, another or query; null: 1")
    input_velocity: list[float] | None = setting(None, "velocity of inputs=constant, as [0.1,0]", unit="m/s or rad/s")
    input_file: str | None = setting(
        None, "npz file of inputs=replayed: array `inputs`, (B, T, I) or (T, I), changes of position per step"
    )
    gain: Gain = field(default_factory=Gain)
    leak: Leak = field(default_factory=Leak)
    drive: Drive = field(default_factory=Drive)
    adaptation: Adaptation = field(default_factory=Adaptation)
    momentum: Momentum = field(default_factory=Momentum)
    colour: ColouredNoise = field(default_factory=ColouredNoise)
    amplitude: FixedAmplitude = field(default_factory=FixedAmplitude)
    trajectory_stream: str = setting(
        "analysis",
        "random stream of the trajectories; cells: as released, on a CPU (docs/differences.md, row 17)",
        choices=("analysis", "cells"),
    )
    draw: int = setting(0, "which of many independent draws of trajectories and noise", low=0)
    path: str = setting("results", "root of the results")
    tag: str | None = setting(None, "tag of the experiments' runs, if not their own", file_name=True)
    preset: str | None = setting(None, "a file under configs/preset")
    out: str | None = setting(None, "end of the result files' names, to keep variants apart", file_name=True)
    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"))
    allow_missing: bool = setting(False, "go on without runs that are missing or damaged, and list them")

    def __post_init__(self) -> None:
        """Replace neutral modifiers by the default ones: the further keys of a neutral modifier do not count."""
        for name, modifier in self._modifiers():
            if modifier.neutral:
                setattr(self, name, type(modifier)())

    def modify(self) -> tuple[Modifier, ...]:
        """Return the changes to the cell at rest."""
        return tuple(modifier for _, modifier in self._modifiers() if not modifier.neutral)

    def policy(self) -> Policy:
        """Return the inputs at rest.

        Raises:
            BadInput: a factor, a velocity or a file that these inputs do not take, or one missing that they need.
            DamagedData, StorageError: as `inputs.replayed`.
        """
        if self.input_scale is not None and self.inputs not in _SCALED:
            raise BadInput(f"input_scale={self.input_scale:g} needs inputs={', '.join(_SCALED)}, not inputs={self.inputs}")
        if (self.input_velocity is None) == (self.inputs == "constant"):
            raise BadInput("inputs=constant and input_velocity=[...] need each other: give both or none")
        if (self.input_file is None) == (self.inputs == "replayed"):
            raise BadInput("inputs=replayed and input_file=... need each other: give both or none")
        if self.input_file is not None:
            return replayed(self.input_file)
        if self.input_velocity is not None:
            return Constant(tuple(self.input_velocity))
        scale = 1.0 if self.input_scale is None else self.input_scale
        return _SCALED[self.inputs](scale) if self.inputs in _SCALED else none

    def changes(self) -> dict[str, Any]:
        """Return the settings that change rest, by dotted keys: {"adaptation.gain": 0.3, "adaptation.tau": 0.16}.

        Empty for the rest of the paper. An input file is named by its stem and a digest of its content, since another
        file of the same name gives another rest.
        """
        values = {key: getattr(self, key) for key in ("inputs", "input_scale", "input_velocity")}
        changed = {key: value for key, value in values.items() if value != getattr(AnalysisSettings, key)}
        if self.input_file is not None:
            file = Path(self.input_file)
            changed["input_file"] = f"{file.stem}-{(digest(file) or 'missing')[:8]}"
        for name, modifier in self._modifiers():
            given = {f: getattr(modifier, f.name) for f in fields(modifier)}
            changed |= {f"{name}.{f.name}": value for f, value in given.items() if value != f.default}
        return changed

    def _modifiers(self) -> list[tuple[str, Modifier]]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return [(name, value) for name, value in values.items() if isinstance(value, Modifier)]

    def check_space(self, space: Space) -> None:
        """Refuse a space that the analysis cannot measure; an analysis that needs more than any space has overrides this.

        Raises:
            BadInput: the space lacks something that the analysis needs.
        """


class Result(NamedTuple):
    """What an analysis found, as plain numbers."""

    table: dict[str, Any]  # in the authors' schema; its file has the names of run folders
    details: dict[str, Any]  # standard errors and further numbers for the figures
    summary: Mapping[str, Mapping[str, float | None]]  # row → column → number, to print


def renamed(table: Any, names: Mapping[str, str]) -> Any:
    """Return a table with its runs renamed at every depth, in the order of `names`; other keys come last."""
    if not isinstance(table, Mapping):
        return table
    keys = [*(key for key in names if key in table), *(key for key in table if key not in names)]
    return {names.get(key, key): renamed(table[key], names) for key in keys}


class Untrained(NamedTuple):
    """The phases of an untrained network that an analysis compares with."""

    phases: tuple[Phase, ...]
    shares_task: bool = False  # whether its task is that of the last run (differences, row 12) or its own


S = TypeVar("S", bound=AnalysisSettings)


@dataclass(frozen=True)
class Analysis(Generic[S]):
    """The declaration of an analysis; each module in `measures` has one, `ANALYSIS`."""

    settings: type[S]
    phases: Callable[[S], tuple[Phase, ...]]  # the phases that every run is recorded in
    analyse: Callable[[Recorded, S, NamedStreams], Result]
    format: int  # raised whenever the numbers in its files change: results of an older format are ignored
    untrained: Callable[[S], Untrained | None] | None = None
    # A run's rows in tables of many runs: run, its entry in the table, details → phase → measure → number.
    # None: the entry's values that are numbers.
    tabulate: Callable[[str, Any, Mapping[str, Any]], Mapping[str, Mapping[str, float | None]]] | None = None
    legend: str = ""  # explains the printed table, where its rows and columns do not
    rates: int = 0  # trajectories whose rates are recorded, with the moments of all; positions are always recorded


def waking_of(settings: AnalysisSettings) -> Phase:
    """Return the waking that settings ask for."""
    return waking(settings.t_active, noise_distribution=_distribution(settings))


def rest_of(settings: AnalysisSettings, name: str = QUIESCENT, sigma: float | None = None) -> Phase:
    """Return the rest that settings ask for; `sigma` replaces the σ of the run's own noise [s^-1/2]."""
    return rest(
        settings.t_quiescent,
        settings.variance_gain,
        dropped=settings.t_shift,
        sigma=sigma,
        noise_distribution=_distribution(settings),
        modify=settings.modify(),
        inputs=settings.policy(),
        after=waking_of(settings) if settings.start == "end_of_active" else None,
        start=shuffled if settings.start == "random" else unchanged,
        task_steps=None if settings.inputs in ("task", "another") else settings.t_active,
        name=name,
    )


def both_phases(settings: AnalysisSettings) -> tuple[Phase, Phase]:
    """Return waking and rest."""
    return waking_of(settings), rest_of(settings)


def _distribution(settings: AnalysisSettings) -> NoiseDistribution | None:
    return None if settings.noise_kind == "run" else cast(NoiseDistribution, settings.noise_kind)
