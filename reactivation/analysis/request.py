"""The request to an analysis: its settings, and the runs that they name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
from typing import Any

from reactivation.analysis.base import AnalysisSettings
from reactivation.analysis.result_files import declared
from reactivation.machine.errors import BadInput, DamagedData, nearest
from reactivation.settings.declaring import DT
from reactivation.settings.layers import TrainConfig, changed, experiments, resolve_analysis, said, train_config
from reactivation.settings.noise import step_variance
from reactivation.storage.finding import RunReference, named_folder, run_path
from reactivation.storage.folder import RunFolder

SEED = "<seed>"  # in the name of a run folder: stands for the requested seed
_NOISE = {"noise", "sigma"}


@dataclass(frozen=True)
class Request:
    """An analysis with its settings, and its runs."""

    name: str
    settings: AnalysisSettings
    runs: tuple[RunReference, ...]
    lacking: Mapping[str, str]  # run → why it is left out


def read_request(name: str, arguments: Mapping[str, str]) -> Request:
    """Return the request of a command line; task and seed, if left out, are those of the run folders that it names.

    Raises:
        BadInput: anything wrong with the arguments, or settings that contradict each other.
        DamagedData: a named run folder is missing, and `allow_missing` is off.
    """
    settings_class = declared(name).settings
    settings = resolve_analysis(name, settings_class, arguments)
    folders = [folder for entry in settings.runs if (folder := _folder(entry, settings))]
    if folders and not {"task", "seed"} <= arguments.keys():
        config = folders[0].config()
        own = {"task": config.task_name} | ({"seed": str(config.seed)} if len(folders) == len(settings.runs) else {})
        settings = resolve_analysis(name, settings_class, {**own, **arguments})
    asked = request(name, settings, said(name, arguments))
    refuse_others(asked.runs, asked.settings, arguments.keys())
    return asked


def refuse_others(runs: Sequence[RunReference], settings: AnalysisSettings, typed: Collection[str]) -> None:
    """Refuse a typed task, seed or noise that no run has: results would be named by it.

    Raises:
        BadInput: a task, seed or noise is such a one.
    """
    for run in runs:
        if run.config.task_name != settings.task:
            raise BadInput(f"task={settings.task}: {run.label} is a run of {run.config.task_name}")
    one, seeds, noises = runs[0], {run.config.seed for run in runs}, [run.config.rnn.sigma for run in runs]
    if "seed" in typed and settings.seed not in seeds:
        raise BadInput(f"seed={settings.seed}: {one.label} is of seed {one.config.seed}; leave seed= out")
    if _NOISE & set(typed) and all(noises) and not any(math.isclose(sigma, settings.sigma) for sigma in noises):
        own = one.config.rnn.sigma2_rec if one.config.task.dt == DT else step_variance(one.config.rnn.sigma, DT)
        raise BadInput(f"noise={settings.noise:g}: {one.label} was trained with noise={own:g}; leave noise out")


def request(name: str, settings: AnalysisSettings, spoken: frozenset[str] = frozenset()) -> Request:
    """Return settings with the runs that they name.

    Args:
        spoken: keys that the user set. Noise and tag are taken from the runs unless they are among these keys.

    Raises:
        BadInput: settings contradict each other, or an entry of `runs` is no run.
        DamagedData: a named run folder is missing, and `allow_missing` is off.
    """
    check(settings)
    runs, lacking = [], {}
    for entry in settings.runs:
        try:
            runs.append(reference(entry, settings, spoken))
        except DamagedData as problem:
            if not settings.allow_missing:
                raise
            lacking[entry] = str(problem)
    labels = [run.label for run in runs]
    if len({run.folder.path.name for run in runs}) < len(runs):  # rows of tables are named by folder names
        raise BadInput(f"runs=[{','.join(settings.runs)}] names a run twice, or two folders of one name")
    if not runs:
        raise DamagedData("\n".join(lacking.values()))
    for run in runs:
        settings.check_space(run.config.task.space)
    if not _NOISE & spoken:
        settings = with_noise_of(runs, settings)
    return Request(name, replace(settings, runs=[*labels, *lacking]), tuple(runs), lacking)


def reference(entry: str, settings: AnalysisSettings, spoken: frozenset[str] = frozenset()) -> RunReference:
    """Return the run that an entry of `runs=` means: an experiment of the task, or a run folder.

    Raises:
        BadInput: it is neither.
        DamagedData: it is a path without a run folder.
    """
    if f"{settings.task}/{entry}" in experiments():
        return _experiment(entry, settings, spoken)
    if folder := _folder(entry, settings):
        return RunReference(folder.path.name, folder.config(), folder)
    if SEED in entry or "/" in entry:
        raise DamagedData(f"{_with_seed(entry, settings)}: no run folder is there")
    known = [name.split("/")[1] for name in experiments() if name.startswith(f"{settings.task}/")]
    raise BadInput(f"runs=[{entry}] is no experiment of task={settings.task}, and no run folder; {nearest(entry, known)}")


def _experiment(entry: str, settings: AnalysisSettings, spoken: frozenset[str]) -> RunReference:
    values: dict[str, Any] = {"config": f"{settings.task}/{entry}", "seed": settings.seed}
    if settings.preset:
        values["preset"] = settings.preset
    config = train_config(values)
    if _NOISE & spoken and config.rnn.sigma > 0 and not math.isclose(config.rnn.sigma, settings.sigma):
        noise = noise_values(settings, config)
        config, values = changed(config, noise), values | noise
    if (settings.tag is not None or "tag" in spoken) and config.tag != settings.tag:
        config, values = replace(config, tag=settings.tag), values | {"tag": settings.tag}
    return RunReference(entry, config, RunFolder(run_path(config, settings.path)), settings.path, values)


def noise_values(settings: AnalysisSettings, config: TrainConfig) -> dict[str, float]:
    """Return the settings' noise as a key of a run: σ²Δt at the paper's Δt, as in fingerprints, else σ."""
    return {"rnn.sigma2_rec": settings.noise} if config.task.dt == DT else {"rnn.sigma": settings.sigma}


def with_noise_of(runs: list[RunReference], settings: AnalysisSettings) -> AnalysisSettings:
    """Give settings the noise of the runs, if all noisy runs share it: it names files and is put into noiseless runs."""
    noises = {run.config.rnn.sigma: run.config for run in runs if run.config.rnn.sigma > 0}
    if len(noises) != 1:
        return settings
    ((sigma, config),) = noises.items()
    if math.isclose(sigma, settings.sigma):
        return settings
    variance = config.rnn.sigma2_rec if config.task.dt == DT else step_variance(sigma, DT)
    return replace(settings, noise=variance, sigma=sigma)


def _folder(entry: str, settings: AnalysisSettings) -> RunFolder | None:
    return named_folder(_with_seed(entry, settings), settings.path, Path(settings.path, settings.task))


def _with_seed(entry: str, settings: AnalysisSettings) -> str:
    return entry.replace(SEED, str(settings.seed))


def check(settings: AnalysisSettings) -> None:
    """Refuse settings that contradict each other.

    Raises:
        BadInput: they do.
    """
    if settings.t_shift > settings.t_quiescent - 2:
        raise BadInput(f"t_shift={settings.t_shift} must leave at least 2 of t_quiescent={settings.t_quiescent} steps")
    settings.policy()
    if not settings.runs:
        raise BadInput("runs=[] names no experiment; give for instance 'runs=[noisy_unbiased,noisy_biased]'")
