"""Run one analysis over trained runs: settings → runs → phases → numbers → files. The scripts output_*.py are this."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
import math
from pathlib import Path
import shlex
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from reactivation import registry
from reactivation.analysis.base import RANDOM, Analysis, AnalysisSettings, Recorded, Result, renamed
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.machine.places import as_typed, refuse_published
from reactivation.settings.declaring import DT
from reactivation.settings.layers import (
    RESULTS,
    TrainConfig,
    changed,
    describe,
    differences,
    flatten,
    resolve_analysis,
    science_hash,
    to_dict,
    to_yaml,
    train_config,
)
from reactivation.settings.reading import parse_arguments, to_words
from reactivation.storage.files import digest, make_folder, read_json_once, sha256, to_json, write_atomically
from reactivation.world.decoding import TOP3

if TYPE_CHECKING:
    from reactivation.analysis.run import TrainedRun
    from reactivation.network.phases import Phase

# What may differ between two commands that compute the same result.
_NOT_SCIENCE = ("path", "preset", "device", "allow_missing", "sigma")  # the last is what noise says


def run_analysis(name: str, words: list[str]) -> None:
    """The command line of an analysis, whose manual is the docstring of its module.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
    """
    analysis = declared(name)
    if {"--help", "-h"} & set(words):
        manual = registry.load("analysis", name).__doc__ or ""
        print(as_typed(manual), "Keys: name, type, default, meaning [unit]", sep="\n")
        print(*describe(resolve_analysis(name, analysis.settings, {})), sep="\n")
        return
    arguments = parse_arguments([word for word in words if word != "--print-config"])
    settings = resolve_analysis(name, analysis.settings, arguments)
    check_settings(settings)
    if "--print-config" in words:
        print(to_yaml(settings), end="")
        return
    result = measure(name, settings)
    print_table(result.summary)
    print(result_file(name, settings))


def declared(name: str) -> Analysis[Any]:
    """Return what the module of an analysis declares.

    Raises:
        BadInput: no such analysis.
    """
    analysis: Analysis[Any] = registry.load("analysis", name).ANALYSIS
    return analysis


def check_settings(settings: AnalysisSettings) -> None:
    """Raise BadInput where settings contradict each other, or the analysis has no answer for the runs' space."""
    if settings.t_shift > settings.t_quiescent - 2:
        raise BadInput(f"t_shift={settings.t_shift} must leave at least 2 of t_quiescent={settings.t_quiescent} steps")
    settings.policy()
    if not settings.runs:
        raise BadInput("runs=[] names no experiment; give for instance 'runs=[noisy_unbiased,noisy_biased]'")
    if len(set(settings.runs)) < len(settings.runs):
        raise BadInput(f"runs=[{','.join(settings.runs)}] names a run twice")
    for run in settings.runs:
        settings.check_space(training_config(run, settings).task.space)


def measure(name: str, settings: AnalysisSettings) -> Result:
    """Compute an analysis and write its two files.

    The table comes last, and no older one is there meanwhile: after a kill in between, results are not whole, and the same
    command mends them.

    Raises:
        BadInput: the files of that name hold results of other settings or are published, or the memory is too small.
        DamagedData: a run is missing or damaged, and `allow_missing` is off; or its activity does not stay finite.
    """
    table_file, details_file = result_file(name, settings), result_file(name, settings, "_details")
    refuse_published(table_file)
    _refuse_other_settings(table_file, details_file, settings)
    # Only now, when the input is known to be good: torch takes seconds to load.
    from reactivation.machine.device import enough_memory

    with enough_memory():
        result, made_from = _analysed(name, settings)
    table = to_json(result.table)
    details = {
        "settings": _science(settings),
        "format": declared(name).format,
        "table_sha256": sha256(table),
        **made_from,
        **result.details,
    }
    make_folder(table_file.parent)
    table_file.unlink(missing_ok=True)
    write_atomically(details_file, to_json(details))
    write_atomically(table_file, table)
    return result


def _analysed(name: str, settings: AnalysisSettings) -> tuple[Result, dict[str, Any]]:
    """What an analysis finds, and from which models."""
    from reactivation.analysis.recordings import record
    from reactivation.streams import CELLS, numpy_stream, of_analysis

    analysis = declared(name)
    runs, missing = _load_runs(settings)
    _require_one_space(runs)
    wanted = analysis.phases(settings)
    phases = {name: tuple(phase for phase in wanted if _is_for(phase, run)) for name, run in runs.items()}
    folders = _folder_names(runs)
    if analysis.untrained:
        phases[RANDOM], shares_task = analysis.untrained(settings)
        runs[RANDOM] = _random_network(settings, list(runs.values()), shares_task)
    trajectory_stream = CELLS if settings.trajectory_stream == "cells" else None
    recorded: Recorded = {run: {} for run in runs}
    with tqdm(total=sum(map(len, phases.values())) + 1, disable=None, dynamic_ncols=True) as bar:
        for run, phase in [(run, phase) for run, wanted in phases.items() for phase in wanted]:
            bar.set_description(f"{run} {phase.name}")
            recorded[run][phase.name] = record(
                runs[run],
                phase,
                settings.batch_size,
                settings.seed,
                rates=analysis.rates,
                experiment=run,
                draw=settings.draw,
                trajectory_stream=trajectory_stream,
                decoder=settings.decoder,
            )
            bar.update()
        bar.set_description(f"{name} of all phases")
        result = analysis.analyse(recorded, settings, lambda part: numpy_stream(settings.seed, of_analysis(name, part)))
        bar.update()
    models = {run: model(loaded.config, loaded.step, loaded.weights) for run, loaded in runs.items()}
    return result._replace(table=renamed(result.table, folders)), {"models": models, "missing": missing}


def _is_for(phase: "Phase", run: "TrainedRun") -> bool:
    """Noise is put into networks that were trained without any."""
    return phase.sigma is None or run.noise.sigma == 0


def _folder_names(runs: Mapping[str, "TrainedRun"]) -> dict[str, str]:
    """What tables call runs, as the authors' notebooks do and in the order that these count on: noiseless ones first."""
    noiseless_first = sorted(runs.items(), key=lambda item: item[1].noise.sigma > 0)
    return {name: run.file.parent.name for name, run in noiseless_first if run.file}


def holds(name: str, settings: AnalysisSettings, models: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether results of just these settings are there, whole, of today's format, of these models of its runs (`model`)."""
    table_file, details_file = result_file(name, settings), result_file(name, settings, "_details")
    if not (table_file.exists() and details_file.exists()):
        return False
    record = _record_of(details_file)
    if record is None or _changed(record.settings, settings):
        return False
    if (record.format, record.table) != (declared(name).format, digest(table_file)):
        return False
    return all(_is_same(record.models.get(run), wanted) for run, wanted in models.items())


def model(config: TrainConfig, step: int, weights: str | None) -> dict[str, Any]:
    """What details say of a network that was measured; `weights` is the SHA-256 of its file."""
    return {"step": step, "fingerprint": science_hash(config), "weights": weights}


def _is_same(measured: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether two models are one; weights count where both are known, for results may outlive the file of their network."""
    if not isinstance(measured, dict) or any(measured.get(key) != wanted[key] for key in ("step", "fingerprint")):
        return False
    return len({measured.get("weights"), wanted["weights"]} - {None}) < 2


def result_file(name: str, settings: AnalysisSettings, part: str = "") -> Path:
    """results/<task>/<analysis>_<noise>_<seed>[_<decoder but top3>][_<change of rest>...][_<tag>][_<out>]<part>.json."""
    changes = [word.replace("[", "").replace("]", "") for word in to_words(settings.changes())]
    decoder = settings.decoder if settings.decoder != TOP3 else None
    ends = [end for end in (decoder, *changes, settings.tag, settings.out) if end]
    stem = "_".join([name, f"{settings.noise:g}", str(settings.seed), *ends])
    return Path(settings.path) / settings.task / f"{stem}{part}.json"


def training_arguments(run: str, settings: AnalysisSettings) -> dict[str, Any]:
    """What makes a run: values by the keys of train.py."""
    arguments: dict[str, Any] = {"config": f"{settings.task}/{run}", "seed": settings.seed}
    if settings.preset:
        arguments["preset"] = settings.preset
    config = train_config(arguments)
    if config.rnn.sigma > 0 and not math.isclose(config.rnn.sigma, settings.sigma):
        arguments |= _noise(settings, config)
    if config.tag != settings.tag:
        arguments["tag"] = settings.tag
    return arguments


def _noise(settings: AnalysisSettings, config: TrainConfig) -> dict[str, float]:
    """The settings' noise as a key of a run, in the spelling that its fingerprint has."""
    return {"rnn.sigma2_rec": settings.noise} if config.task.dt == DT else {"rnn.sigma": settings.sigma}


def training_words(run: str, settings: AnalysisSettings) -> list[str]:
    """What to give train.py so that a run is trained as far as these settings ask, where they look for it.

    Raises:
        BadInput: no such experiment.
    """
    from reactivation.storage.finding import run_path

    arguments = training_arguments(run, settings)
    if settings.path != RESULTS:
        arguments["path"] = str(run_path(train_config(arguments), settings.path))
    if settings.epoch is not None:
        arguments["trainer.n_epochs"] = settings.epoch
    return to_words(arguments)


def how_to_train(run: str, settings: AnalysisSettings) -> str:
    """What to do to have a run's network, as the end of a sentence."""
    from reactivation.storage.finding import run_path
    from reactivation.storage.folder import RunFolder

    config = training_config(run, settings)
    folder = RunFolder(run_path(config, settings.path))
    if settings.epoch is None and folder.is_of(config) and folder.config().trainer.n_epochs != config.trainer.n_epochs:
        settings = replace(settings, epoch=folder.config().trainer.n_epochs)  # it was to go that far
    typed = command("train.py", training_words(run, settings))
    if folder.lost_its_network():
        return f"its network was not kept: delete {folder.path}, then: {typed}"
    return f"train it with: {typed}"


def command(script: str, words: Iterable[str]) -> str:
    """What a user types."""
    return as_typed(shlex.join(["python", script, *words]))


def training_config(run: str, settings: AnalysisSettings) -> TrainConfig:
    """The configuration that a run is expected to have; its name gives the folder.

    Raises:
        BadInput: no such experiment.
    """
    return train_config(training_arguments(run, settings))


def print_table(summary: Mapping[str, Mapping[str, float | None]]) -> None:
    """Rows and columns of numbers for people."""
    columns = dict.fromkeys(column for cells in summary.values() for column in cells)
    widths = {column: max(8, len(column)) for column in columns}
    first = max(map(len, summary))
    print(" " * first, *(f"{column:>{width}}" for column, width in widths.items()), sep="  ")
    for row, cells in summary.items():
        numbers = {column: cells.get(column) for column in widths}
        shown = {column: "–" if number is None else f"{number:.4f}" for column, number in numbers.items()}
        print(f"{row:<{first}}", *(f"{shown[column]:>{width}}" for column, width in widths.items()), sep="  ")


def _science(settings: AnalysisSettings) -> dict[str, Any]:
    """The settings that results depend on."""
    return {key: value for key, value in flatten(to_dict(settings)).items() if key not in _NOT_SCIENCE}


def _changed(made_with: dict[str, Any], settings: AnalysisSettings) -> str:
    """In what a file's settings differ from these; one that is younger than the file had its default then."""
    return differences({**_science(type(settings)()), **made_with}, _science(settings))


class _Record(NamedTuple):
    """What a file of details says about how it was made."""

    settings: dict[str, Any]
    format: int  # of the files; the module of each analysis has today's
    table: str | None  # SHA-256 of the table that was written with it
    models: dict[str, Any]


def _record_of(details_file: Path) -> _Record | None:
    """None if it names no settings or models."""
    details = read_json_once(details_file)
    if not all(isinstance(details.get(part), dict) for part in ("settings", "models")):
        return None
    return _Record(details["settings"], details.get("format", 1), details.get("table_sha256"), details["models"])


def _refuse_other_settings(table_file: Path, details_file: Path, settings: AnalysisSettings) -> None:
    if details_file.exists():
        record = _record_of(details_file)
        if record is None:
            raise DamagedData(f"{details_file}: names no settings or models; delete it, or name these results with out=...")
        changed = _changed(record.settings, settings)
        if changed:
            raise BadInput(f"{details_file} was made with other settings ({changed}); name these results with out=...")
    elif table_file.exists():
        raise BadInput(f"{table_file} is there without a record of its settings; name these results with out=...")


def _load_runs(settings: AnalysisSettings) -> tuple[dict[str, "TrainedRun"], list[str]]:
    from reactivation.analysis.run import load_run
    from reactivation.machine.device import prepare
    from reactivation.storage.finding import found_run

    device = prepare(settings.device)
    runs, missing, commands = {}, [], []
    for name in settings.runs:
        config = training_config(name, settings)
        try:
            runs[name] = load_run(found_run(config, settings.path), device, settings.epoch)
        except DamagedData as problem:
            missing.append(name)
            commands.append(f"{problem}; {how_to_train(name, settings)}")
    if missing and (not settings.allow_missing or not runs):
        raise DamagedData("\n".join(commands))
    for line in commands:
        print(f"left out: {line}", file=sys.stderr)
    return runs, missing


def _require_one_space(runs: Mapping[str, "TrainedRun"]) -> None:
    """Raise BadInput where runs live in several spaces."""
    (first, run), *others = runs.items()
    for name, other in others:
        if other.task.space != run.task.space:
            raise BadInput(
                f"{first} lives in {run.task.space} and {name} in {other.task.space}: give 'runs=[...]' of one space, "
                "and name each result with out=..."
            )


def _random_network(settings: AnalysisSettings, runs: list["TrainedRun"], shares_task: bool) -> "TrainedRun":
    """An untrained twin of the first run, with the task's noise (Fig. 2e); its cells and weights have their own streams.

    Raises:
        BadInput: it is to share a task that has another number of outputs.
    """
    from reactivation.analysis.run import TrainedRun
    from reactivation.storage.networks import build
    from reactivation.streams import of_untrained

    first, last = runs[0], runs[-1]
    config = changed(first.config, _noise(settings, first.config))
    task, network = build(config, next(first.network.parameters()).device, of_untrained)
    if not shares_task:
        return TrainedRun.of_config(config, task, network, step=0)
    if last.task.n_outputs != task.n_outputs:
        raise BadInput(
            f"random_network=shared: the first run has {task.n_outputs} outputs and the last {last.task.n_outputs}; give "
            "'runs=[...]' of one number"
        )
    return TrainedRun.of_config(config, last.task, network, step=0)
