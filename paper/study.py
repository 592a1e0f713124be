"""The data of figures and claims: the result files, training metrics and networks of some seeds under one root."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
import math
from pathlib import Path
from statistics import mean
import sys
from typing import TYPE_CHECKING, Any

from paper.protocols import ALL_PROTOCOLS, AUTHORS_CODE, FURTHER_SEEDS, NETWORKS, VARIANTS, Condition, Protocol
from reactivation.analysis.base import AnalysisSettings, Recording, renamed
from reactivation.analysis.request import reference
from reactivation.analysis.result_files import declared, holds, model, result_file
from reactivation.machine.errors import DamagedData
from reactivation.machine.numbers import or_nan
from reactivation.machine.places import PUBLISHED
from reactivation.settings.layers import RESULTS, TrainConfig, resolve_analysis
from reactivation.storage.files import read_json_once
from reactivation.storage.seal import weights_digest
from reactivation.world.spaces import Space

if TYPE_CHECKING:
    from reactivation.analysis.run import TrainedRun
    from reactivation.storage.folder import RunFolder

_RECORDINGS = 6  # held at once: a figure reads a few recordings repeatedly, and each may take 200 MB

OTHERS = "not of just these settings and networks, changed since, or of an older version; move it away, or make it anew"

Rows = dict[int, dict[str, float]]  # step → measures
Result = Mapping[str, Any]  # "table" and "details" of a protocol


@dataclass(frozen=True)
class Study:
    """Read results, trainings and networks, and write nothing.

    Results are read anew when their files change; measures of training and the latest recordings are kept in memory. A run
    or result that is missing under `path` is taken from published/.
    """

    seeds: tuple[int, ...]
    preset: str | None = None
    path: str = RESULTS
    device: str = "auto"
    fallback: bool = True  # whether published/ is read, too

    @property
    def of_released_code(self) -> "Study":
        """The same of networks that are trained, and rest, as the released code has it."""
        return replace(self, preset=AUTHORS_CODE, seeds=tuple(seed for seed in self.seeds if seed not in FURTHER_SEEDS))

    @property
    def with_further_seeds(self) -> "Study":
        """The same with the seeds that were asked for later, which count where all of them are measured."""
        return replace(self, seeds=(*self.seeds, *(seed for seed in FURTHER_SEEDS if seed not in self.seeds)))

    def settings(self, protocol: Protocol, seed: int) -> Any:
        """The settings of a protocol's analysis."""
        return _settings(self, protocol, seed)

    def has(self, name: str, seed: int) -> bool:
        """Return whether the results of a protocol exist, with exactly its settings and of exactly its networks."""
        protocol = ALL_PROTOCOLS[name]
        weights = [self._weights_file(protocol.task, run, seed) for run in protocol.runs]
        files = (*self.result_files(name, seed).values(), *weights)
        return _has(self, protocol, seed, tuple((file, file.stat().st_mtime_ns) for file in files if file.exists()))

    def result_files(self, name: str, seed: int) -> dict[str, Path]:
        """Return the files of `table` and `details` of a protocol, whether they exist or not."""
        protocol = ALL_PROTOCOLS[name]
        return _files(protocol, self._located(protocol, seed))

    def rests_alike(self, one: str, other: str) -> bool:
        """Return whether two protocols rest the same networks alike: they differ in nothing but runs and names of files."""
        protocols, seed = (ALL_PROTOCOLS[one], ALL_PROTOCOLS[other]), self.seeds[0]
        first, second = (replace(self.settings(protocol, seed), runs=[], out=None) for protocol in protocols)
        return protocols[0].analysis == protocols[1].analysis and bool(first == second)

    def seeds_of(self, *names: str) -> tuple[int, ...]:
        """The seeds that have the results of all these protocols."""
        return tuple(seed for seed in self.seeds if all(self.has(name, seed) for name in names))

    def result(self, name: str, seed: int) -> dict[str, Any]:
        """Return `table` and `details` of a protocol, both by its runs; a table of distances is by phase within each run.

        Raises:
            DamagedData: they are missing or damaged.
        """
        return _read_result(self, name, seed)

    def training(self, task: str, run: str, seed: int, split: str = "test") -> Rows:
        """Return the measures of a run's training by step.

        Raises:
            DamagedData: they are missing or damaged.
        """
        folder = self._found(task, run, seed)
        if not folder.table_file(split).exists():
            raise DamagedData(f"{folder.table_file(split)}: not there; train the run first")
        return folder.table(split)

    def at_the_end(self, task: str, run: str, seed: int) -> dict[str, float]:
        """Return a run's measures at its last step.

        Raises:
            DamagedData: they are missing.
        """
        return self.training(task, run, seed)[self.config(task, run, seed).trainer.n_epochs]

    def trained_seeds(self, task: str, run: str) -> tuple[int, ...]:
        """Return the seeds for which a run is trained to its last step."""
        return tuple(seed for seed in self.seeds if self.is_trained(task, run, seed))

    def is_trained(self, task: str, run: str, seed: int) -> bool:
        """Return whether the metrics of exactly this run reach its last step."""
        config, folder = self.config(task, run, seed), self._found(task, run, seed)
        return folder.reached(config.trainer.n_epochs) and folder.is_of(config)

    def standing(self, task: str, run: str, seed: int) -> int:
        """Return about how many steps the network in a run's own folder has been trained."""
        config, folder = self.config(task, run, seed), self.folder(task, run, seed)
        return folder.last_tested() if folder.is_of(config) else 0

    def has_network(self, task: str, run: str, seed: int) -> bool:
        """Whether `recording` finds a run's network."""
        config, folder = self.config(task, run, seed), self._found(task, run, seed)
        return folder.is_of(config) and folder.model_file(config.trainer.n_epochs).exists()

    def has_training(self, task: str, run: str, seed: int) -> bool:
        """Whether `training` finds a run's measures."""
        config, folder = self.config(task, run, seed), self._found(task, run, seed)
        return folder.is_of(config) and folder.table_file("test").exists()

    def benchmarks(self, names: str) -> list[Path]:
        """Return the files of benchmarks whose names match a pattern."""
        roots = [Path(self.path), *([PUBLISHED] if self.fallback else [])]
        found = (sorted((root / "benchmarks").glob(f"{names}.jsonl")) for root in roots)
        return next(filter(None, found), [])

    def space(self, task: str, seed: int) -> Space:
        """Return the space of a task's positions."""
        space: Space = self.config(task, NETWORKS[task][0], seed).task.space
        return space

    def unit(self, task: str) -> str:
        """The unit of a task's positions."""
        return self.space(task, self.seeds[0]).unit

    def config(self, task: str, run: str, seed: int) -> TrainConfig:
        """The configuration of a run."""
        return _config(self, task, run, seed)

    def folder(self, task: str, run: str, seed: int) -> "RunFolder":
        """Return the folder in which a run is trained."""
        from reactivation.storage.finding import run_path
        from reactivation.storage.folder import RunFolder

        return RunFolder(run_path(self.config(task, run, seed), self.path))

    def recording(self, task: str, run: str, phase: str, seed: int, **changes: str) -> Recording:
        """Record a network in a phase: decoded positions (B, T, P), rates and their moments, of 200 trajectories.

        Args:
            phase: "active" (100 steps), "quiescent" (200 steps) or "quiescent_noisy", unless `changes` say otherwise.
            changes: settings of the analyses, as text.

        Raises:
            DamagedData: the network is missing.
        """
        return _record(self, task, run, phase, seed, tuple(sorted(changes.items())))

    def network(self, task: str, run: str, seed: int) -> "TrainedRun":
        """Return a run's network at its last step, with its task.

        Raises:
            DamagedData: it is missing.
        """
        from reactivation.analysis.run import load_run
        from reactivation.machine.device import prepare

        config = self.config(task, run, seed)
        return load_run(self._found(task, run, seed), prepare(self.device), config.trainer.n_epochs)

    @cached_property
    def decoding_errors(self) -> dict[str, dict[int, float]]:
        """Return <task>/<run> → seed → decoding error on the test batch at the last step [m or rad], with ablations."""
        return {
            f"{task}/{run}": {seed: self._error(task, run, seed) for seed in self.trained_seeds(task, run)}
            for task, runs in NETWORKS.items()
            for run in (*runs, *VARIANTS[task])
        }

    def _found(self, task: str, run: str, seed: int) -> "RunFolder":
        """The folder of a run, as `trained_run` finds it; that reads the published configuration each time."""
        own = self.folder(task, run, seed)
        published = None if own.has_begun() or not self.fallback else _published(self, task, run, seed)
        return published or own

    def _located(self, protocol: Protocol, seed: int) -> Any:
        """The settings of a protocol's analysis, with the root that has its files."""
        own, published = self.settings(protocol, seed), replace(self, path=str(PUBLISHED)).settings(protocol, seed)
        own_files, published_files = (_files(protocol, settings).values() for settings in (own, published))
        if (
            not self.fallback
            or any(file.exists() for file in own_files)
            or not all(file.exists() for file in published_files)
        ):
            return own
        _say_published(self.path)
        return published

    def _model(self, task: str, run: str, seed: int) -> dict[str, Any]:
        """The model from which results of a run must have been made."""
        weights = weights_digest(self._weights_file(task, run, seed))
        return {**_without_weights(self, task, run, seed), "weights": weights}

    def _weights_file(self, task: str, run: str, seed: int) -> Path:
        return self._found(task, run, seed).model_file(self.config(task, run, seed).trainer.n_epochs)

    def _error(self, task: str, run: str, seed: int) -> float:
        last = self.at_the_end(task, run, seed)
        return last[error_name(last)]

    def settings_of_task(self, task: str, seed: int, **changes: str) -> AnalysisSettings:
        """Return the settings with which networks of a task are recorded."""
        protocol = Protocol("manifold", NETWORKS[task], "", Condition(changes={"batch_size": "200", **changes}), task)
        settings: AnalysisSettings = self.settings(protocol, seed)
        return settings


def error_name(measures: dict[str, float]) -> str:
    """Return the name of the mean decoding error, in the unit of the space, in a run's measures: "position_error"."""
    return next(name for name in measures if name.endswith("_error"))


@cache
def _settings(study: Study, protocol: Protocol, seed: int) -> Any:
    arguments = {**protocol.arguments(seed, study.preset), "path": study.path, "device": study.device}
    return resolve_analysis(protocol.analysis, declared(protocol.analysis).settings, arguments)


@cache
def _config(study: Study, task: str, run: str, seed: int) -> TrainConfig:
    return reference(run, study.settings_of_task(task, seed)).config


@cache
def _without_weights(study: Study, task: str, run: str, seed: int) -> dict[str, Any]:
    config = study.config(task, run, seed)
    return model(config, config.trainer.n_epochs, None)


@cache
def _published(study: Study, task: str, run: str, seed: int) -> "RunFolder | None":
    from reactivation.storage.finding import published_run

    found = published_run(study.config(task, run, seed))
    if found:
        _say_published(study.path)
    return found


@cache
def _say_published(path: str) -> None:
    print(f"what {path} has not is taken from {PUBLISHED}", file=sys.stderr)


@cache
def _has(study: Study, protocol: Protocol, seed: int, files: tuple[tuple[Path, int], ...]) -> bool:
    """As `Study.has`, checked again only when one of the files has changed."""
    models = {run: study._model(protocol.task, run, seed) for run in protocol.runs}
    return holds(protocol.analysis, study._located(protocol, seed), models)


def _files(protocol: Protocol, settings: Any) -> dict[str, Path]:
    parts = {"table": "", "details": "_details"}
    return {part: result_file(protocol.analysis, settings, end) for part, end in parts.items()}


def _read_result(study: Study, name: str, seed: int) -> dict[str, Any]:
    files = study.result_files(name, seed)
    for file in files.values():
        if not file.exists():
            raise DamagedData(f"{file}: not there; `python reproduce.py` makes it")
    if not study.has(name, seed):
        raise DamagedData(f"{files['table']} is {OTHERS}")
    found = {part: read_json_once(file) for part, file in files.items()}
    return {**found, "table": _by_run(study, ALL_PROTOCOLS[name], seed, found["table"])}


def _by_run(study: Study, protocol: Protocol, seed: int, table: Mapping[str, Any]) -> dict[str, Any]:
    """A table by run, from one in the present format (by run folder; distances by phase first) or in that before 0.2."""
    from reactivation.storage.finding import run_name

    folders = {run_name(study.config(protocol.task, run, seed)): run for run in protocol.runs}
    named: dict[str, Any] = renamed(table, folders)
    if named.keys() & set(protocol.runs):
        return named
    return {run: {phase: cells[run] for phase, cells in named.items() if run in cells} for run in protocol.runs}


@lru_cache(maxsize=_RECORDINGS)
def _record(study: Study, task: str, run: str, phase: str, seed: int, changes: tuple[tuple[str, str], ...]) -> Recording:
    from reactivation.analysis.recordings import record
    from reactivation.machine.device import enough_memory

    settings = study.settings_of_task(task, seed, **dict(changes))
    phases = {one.name: one for one in declared("distance").phases(settings)}
    with enough_memory():
        loaded = study.network(task, run, seed)
        return record(loaded, phases[phase], settings.batch_size, seed, rates=settings.batch_size)


# Read numbers from `table` and `details` of a protocol's files; NaN where the file has null.


def at(result: Result, *path: str) -> float:
    """Return the number under these keys of the table."""
    return _number(result["table"], *path)


def kl(result: Result, resting: str, waking: str) -> float:
    """Return KL(`resting` at rest ‖ `waking` awake) [nats]; `resting` may be "random" or "uniform"."""
    return at(result, resting, waking)


def entropy_awake(result: Result, run: str) -> float:
    """Return the differential entropy of the density of decoded positions, awake [nats]."""
    return _number(result["details"], "entropy_awake", run)


def entropy_at_rest(result: Result, run: str) -> float:
    """Return the differential entropy at rest, with the kernel bandwidth of waking [nats]."""
    return _number(result["details"], "pairs", run, run, "matched_bandwidth", "entropy")


def longest_wait(result: Result) -> int:
    """Return the most steps for which a wait at rest could be seen: from the first step that is measured to the last."""
    settings = result["details"]["settings"]
    steps: int = settings["t_quiescent"] - settings["t_shift"]
    return steps - 1


def step_length(result: Result, run: str, phase: str) -> float:
    """Return the distance between consecutive points [m], mean over trajectories."""
    return mean(result["table"][run][phase])


def norms(result: Result, run: str, phase: str) -> list[float]:
    """Return the norm of the rates at each step of a phase, mean over trajectories."""
    found: list[float] = result["details"][run][f"{phase}_norm"]
    return found


def growth(result: Result, run: str) -> float:
    """Return the norm of the rates at the end of rest over that halfway: 1 if activity has settled, more if it grows."""
    resting = norms(result, run, "quiescent")
    halfway = resting[len(resting) // 2]
    return resting[-1] / halfway if halfway else math.nan


def _number(found: Any, *path: str) -> float:
    for key in path:
        if found is None:
            break
        found = found[key]
    return or_nan(found)
