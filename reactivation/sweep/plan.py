"""The plan of a sweep: every combination checked, with the name of its run, its settings and its analyses."""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import replace
import hashlib
from pathlib import Path
import re
from typing import Any

from reactivation import registry
from reactivation.machine.errors import BadInput, nearest
from reactivation.settings.declaring import LONGEST_NAME, dotted_keys
from reactivation.settings.identity import training_digest
from reactivation.settings.layers import TrainConfig, resolve_analysis, resolve_train, train_schema
from reactivation.settings.reading import COMMAND_LINE, seed_list
from reactivation.storage.finding import RunReference, run_name
from reactivation.storage.folder import RunFolder
from reactivation.sweep.folder import PlannedAnalysis, PlannedRun
from reactivation.sweep.grid import Grid, Values

_OURS = ("path", "out", "tag", "runs", "task", "seed")  # keys of an analysis that the sweep sets
_IN_NAMES = ("config", "seed", "tag")  # keys that the name of a run folder always has
_NO_TAG = re.compile(r"[^A-Za-z0-9._+-]+")


def default_name(grid: Grid, runs: Iterable[PlannedRun]) -> str:
    """A name of the keys that vary and some digits of the plan's digest: the same command gets the same name."""
    told = repr([(run.name, run.values) for run in runs]).encode()
    return _fitting("_".join([*map(_leaf, grid.varying), hashlib.sha256(told).hexdigest()[:8]]))


def _fitting(name: str) -> str:
    """A name short enough for a file name; the end of a longer one is replaced by digits of its digest."""
    if len(name) <= LONGEST_NAME:
        return name
    digits = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 1 - len(digits)]}_{digits}"


def plan(grid: Grid) -> Iterator[tuple[PlannedRun, TrainConfig]]:
    """Check every combination, and give each run a name of its own.

    Raises:
        BadInput: a combination that cannot be trained or analysed, or two runs of one name.
    """
    keys = _Keys(grid)
    of_runs = Grid({key: grid.axes[key] for key in grid.axes if key not in keys.of_analyses}, grid.entries)
    named: dict[str, Values] = {}
    checked: dict[str, tuple[TrainConfig, str]] = {}
    for values in of_runs.combinations():
        config, digest = _config(values, checked)
        tags = [_tag(key, values[key], of_runs) for key in of_runs.varying if key in values and key not in _IN_NAMES]
        tag = _fitting("_".join(filter(None, [values.get("tag"), *tags]))) or None
        name = f"{config.task_name}/{run_name(replace(config, tag=tag))}"
        if name in named:
            raise BadInput(f"two runs would be called {name}: {named[name]} and {values}; keep one of them")
        named[name] = values
        told = {**values, "tag": tag} if tag else values
        yield PlannedRun(name, told, tuple(keys.analyses(config, name)), digest), config


def _config(values: Values, checked: dict[str, tuple[TrainConfig, str]]) -> tuple[TrainConfig, str]:
    """As `resolve_train`, and a digest; settings that differ in the seed alone are resolved once."""
    if "path" in values:
        raise BadInput(f"{COMMAND_LINE}: path= names one run folder; those of a sweep have the names of their runs")
    others = {key: value for key, value in values.items() if key != "seed"}
    known = repr(others)
    if known not in checked:
        resolved = resolve_train(others)
        checked[known] = resolved, training_digest(resolved)
    seeds = seed_list(values.get("seed", "0"), "seed")
    if len(seeds) > 1:
        raise BadInput(f"{COMMAND_LINE}: seed={values['seed']} would be one value; write it without brackets")
    config, digest = checked[known]
    return replace(config, seed=seeds[0]), digest


def _tag(key: str, value: str, grid: Grid) -> str:
    name = _leaf(key) if [_leaf(other) for other in grid.varying].count(_leaf(key)) == 1 else key
    return _NO_TAG.sub("-", f"{name}{'' if re.match('[0-9]', value) else '-'}{value}").strip("-")


def _leaf(key: str) -> str:
    return key.split(".")[-1]


class _Keys:
    """Assigns keys to training first, then to the analyses that follow."""

    def __init__(self, grid: Grid):
        self._grid = grid
        known = registry.names("analysis")
        for name in grid.then:
            if name not in known:
                raise BadInput(f"{COMMAND_LINE}: then={name} is no analysis; {nearest(name, known)}")
        self._settings = {name: _settings_class(name) for name in grid.then}
        trained = set(_train_keys(grid))
        own = {name: set(dotted_keys(cls)) - set(_OURS) for name, cls in self._settings.items()}
        self._axes: dict[str, dict[str, list[str]]] = {name: {} for name in grid.then}
        self.of_analyses: set[str] = set()
        for key, values in grid.axes.items():
            first, _, rest = key.partition(".")
            for name in grid.then:
                if (key in own[name] and key not in trained) or (first == name and rest in own[name]):
                    self._axes[name][rest if first == name else key] = values
                    self.of_analyses.add(key)
        self._checked: dict[Any, tuple[Any, str]] = {}

    def analyses(self, config: TrainConfig, run: str) -> Iterator[PlannedAnalysis]:
        """Every combination of the values of every analysis, of one run."""
        from reactivation.analysis.result_files import result_file

        task, folder = run.split("/")
        for name, axes in self._axes.items():
            grid = Grid(axes)
            for values in grid.combinations():
                tags = [_tag(key, values[key], grid) for key in grid.varying]
                out = _fitting("_".join([folder, *tags]))
                resolved, digest = self._resolved(name, {**values, "task": task}, config)
                settings = copy(resolved)
                settings.seed, settings.out = config.seed, out  # set directly: new settings would be checked again
                told = {**values, "task": task, "seed": str(config.seed), "runs": f"[{folder}]", "out": out}
                yield PlannedAnalysis(name, told, str(result_file(name, settings)), digest)

    def _resolved(self, name: str, values: Values, config: TrainConfig) -> tuple[Any, str]:
        """Settings of an analysis with the noise of its run, and a digest; made once for all runs of one noise and space."""
        from reactivation.analysis.request import check, refuse_others, with_noise_of
        from reactivation.analysis.result_files import analysis_digest

        key = (name, *values.items(), config.rnn.sigma, config.task.dt, repr(config.task.space))
        if key not in self._checked:
            run = RunReference("run", config, RunFolder(Path("run")))
            try:
                settings = resolve_analysis(name, self._settings[name], values)
                refuse_others([run], settings, values.keys())
                settings = with_noise_of([run], replace(settings, runs=["run"], path=""))
                check(settings)
                settings.check_space(config.task.space)
            except BadInput as problem:
                raise BadInput(f"then={name}: {str(problem).removeprefix(f'{COMMAND_LINE}: ')}") from None
            self._checked[key] = settings, analysis_digest(settings)
        return self._checked[key]


def _train_keys(grid: Grid) -> Iterator[str]:
    for name in grid.axes.get("config", []) + [entry["config"] for entry in grid.entries if "config" in entry]:
        task = name.split("/")[0]
        if task in registry.names("tasks"):
            yield from dotted_keys(train_schema(task))
    for cell in registry.names("cells"):
        yield from (f"rnn.{key}" for key in dotted_keys(registry.settings("cells", cell)))


def _settings_class(name: str) -> type:
    from reactivation.analysis.result_files import declared

    return declared(name).settings
