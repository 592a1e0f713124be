"""Run one analysis over trained runs: settings → runs → phases → numbers → files. The scripts output_*.py call it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
import sys
from typing import TYPE_CHECKING, Any

from reactivation import registry
from reactivation.analysis.base import RANDOM, AnalysisSettings, Recorded, Result, renamed
from reactivation.analysis.progress import Progress
from reactivation.analysis.request import Request, noise_values, read_request
from reactivation.analysis.result_files import declared, model, refuse_other_settings, result_file, write_result
from reactivation.machine.errors import BadInput, DamagedData, SomeFailed, UserError
from reactivation.machine.output import only_telling
from reactivation.machine.places import as_typed
from reactivation.settings.describing import describe
from reactivation.settings.layers import changed, resolve_analysis, to_yaml
from reactivation.settings.reading import parse_arguments, parse_seeds, shown
from reactivation.storage.files import require_place

if TYPE_CHECKING:
    import numpy as np

    from reactivation.analysis.run import TrainedRun
    from reactivation.network.phases import Phase


def run_analysis(name: str, words: list[str]) -> None:
    """Run the command line of an analysis. Its manual is the docstring of its module; seeds are analysed in turn.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
        SomeFailed: some of several seeds failed; the reason of each was printed, and the others are done.
    """
    analysis = declared(name)
    if {"--help", "-h"} & set(words):
        manual = registry.load("analysis", name).__doc__ or ""
        print(as_typed(manual), "Keys: name, type, default, meaning [unit]", sep="\n")
        print(*describe(resolve_analysis(name, analysis.settings, {})), sep="\n")
        return
    arguments = parse_arguments([word for word in words if word != "--print-config"])
    seeds = parse_seeds(arguments)
    if len(seeds) == 1:
        _run_one(name, arguments | ({"seed": seeds[0]} if "seed" in arguments else {}), "--print-config" in words)
        return
    problems = [problem for seed in seeds if (problem := _problem_of(name, {**arguments, "seed": seed}, words))]
    if problems:
        message = f"{len(problems)} of {len(seeds)} seeds failed, for the reasons above"
        raise SomeFailed(message, problems[0].exit_code)


def _problem_of(name: str, arguments: Mapping[str, str], words: list[str]) -> UserError | None:
    """Analyse one of several seeds; print and return the error if it fails."""
    try:
        _run_one(name, arguments, "--print-config" in words)
    except UserError as problem:
        print(f"seed={arguments['seed']}: {problem}", file=sys.stderr)
        return problem
    return None


def _run_one(name: str, arguments: Mapping[str, str], only_print: bool) -> None:
    asked = read_request(name, arguments)
    if only_print:
        print(to_yaml(asked.settings), end="")
        return
    with only_telling():
        result = measure(asked)
        print_table(result.summary, declared(name).legend)
        print(result_file(name, asked.settings))


def measure(asked: Request) -> Result:
    """Compute an analysis and write its two files.

    Raises:
        StorageError: the files cannot be written, which is checked first.
        BadInput: the files of that name hold results of other settings or are published, or the memory is too small.
        DamagedData: a run is missing or damaged, and `allow_missing` is off; or its activity does not stay finite.
    """
    require_place(result_file(asked.name, asked.settings).parent)
    refuse_other_settings(asked.name, asked.settings)
    # Imported only after the input is checked: torch takes seconds to load.
    from reactivation.machine.device import enough_memory

    with enough_memory():
        result, made_from = _analysed(asked)
    write_result(asked.name, asked.settings, result, made_from)
    return result


def _analysed(asked: Request) -> tuple[Result, dict[str, Any]]:
    """The result of an analysis, and the models that it was measured on."""
    from reactivation.analysis.recordings import record
    from reactivation.streams import CELLS, numpy_stream, of_analysis

    analysis, settings = declared(asked.name), asked.settings
    runs, missing = _load_runs(asked)
    _require_one_space(runs)
    wanted = analysis.phases(settings)
    phases = {name: tuple(phase for phase in wanted if _is_for(phase, run)) for name, run in runs.items()}
    folders = _folder_names(runs)
    if untrained := analysis.untrained and analysis.untrained(settings):
        phases[RANDOM], shares_task = untrained
        runs[RANDOM] = _random_network(settings, list(runs.values()), shares_task)
    trajectory_stream = CELLS if settings.trajectory_stream == "cells" else None
    recorded: Recorded = {run: {} for run in runs}
    steps = sum(phase.all_steps for wanted in phases.values() for phase in wanted)
    with closing(Progress(asked.name, steps)) as progress:
        for run, phase in [(run, phase) for run, wanted in phases.items() for phase in wanted]:
            progress.at(f"{run} {phase.name}")
            recorded[run][phase.name] = record(
                runs[run],
                phase,
                settings.batch_size,
                rates=analysis.rates,
                draw=settings.draw,
                trajectory_stream=trajectory_stream,
                decoder=settings.decoder,
                moved=progress.move,
            )
        progress.at(f"{asked.name} of all phases")

        def stream_of(part: str) -> "np.random.Generator":
            # An analysis asks for a stream when it begins a part, so the bar shows the part without the analysis knowing it.
            progress.at(f"{asked.name} of {part}")
            return numpy_stream(settings.seed, of_analysis(asked.name, part))

        result = analysis.analyse(recorded, settings, stream_of)
    models = {run: _model(loaded) for run, loaded in runs.items()}
    return result._replace(table=renamed(result.table, folders)), {"models": models, "missing": missing}


def _is_for(phase: "Phase", run: "TrainedRun") -> bool:
    """Whether a phase is for a run: phases with a σ of their own are for networks that were trained without noise."""
    return phase.sigma is None or run.noise.sigma == 0


def _folder_names(runs: Mapping[str, "TrainedRun"]) -> dict[str, str]:
    """The names of runs in tables, as in the authors' notebooks, which rely on the order: noiseless runs first."""
    noiseless_first = sorted(runs.items(), key=lambda item: item[1].noise.sigma > 0)
    return {name: run.file.parent.name for name, run in noiseless_first if run.file}


def _model(run: "TrainedRun") -> dict[str, Any]:
    """The entry of details on a measured run, with the folder of its network."""
    folder = shown(run.file.parent) if run.file else None
    return {**model(run.config, run.step, run.weights), "seed": run.seed, "folder": folder}


def print_table(summary: Mapping[str, Mapping[str, float | None]], legend: str = "") -> None:
    """Print rows and columns of numbers."""
    if legend:
        print(legend)
    columns = dict.fromkeys(column for cells in summary.values() for column in cells)
    widths = {column: max(8, len(column)) for column in columns}
    first = max(map(len, summary))
    print(" " * first, *(f"{column:>{width}}" for column, width in widths.items()), sep="  ")
    for row, cells in summary.items():
        numbers = {column: cells.get(column) for column in widths}
        shown = {column: "–" if number is None else f"{number:.4f}" for column, number in numbers.items()}
        print(f"{row:<{first}}", *(f"{shown[column]:>{width}}" for column, width in widths.items()), sep="  ")


def _load_runs(asked: Request) -> tuple[dict[str, "TrainedRun"], list[str]]:
    """The loaded runs by their labels, and the labels of missing runs, which are left out."""
    from reactivation.analysis.run import load_run
    from reactivation.machine.device import prepare

    device, step = prepare(asked.settings.device), asked.settings.epoch
    runs, lacking = {}, dict(asked.lacking)
    for run in asked.runs:
        try:
            runs[run.label] = load_run(run.found(), device, step)
        except DamagedData as problem:
            lacking[run.label] = f"{problem}; {run.how_to_train(step)}"
    if lacking and (not asked.settings.allow_missing or not runs):
        raise DamagedData("\n".join(lacking.values()))
    for line in lacking.values():
        print(f"left out: {line}", file=sys.stderr)
    return runs, list(lacking)


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
        BadInput: the task that it should share has another number of outputs.
    """
    from reactivation.analysis.run import TrainedRun
    from reactivation.storage.networks import build
    from reactivation.streams import of_untrained

    first, last = runs[0], runs[-1]
    config = changed(first.config, noise_values(settings, first.config))
    task, network = build(config, next(first.network.parameters()).device, of_untrained)
    if shares_task:
        if last.task.n_outputs != task.n_outputs:
            raise BadInput(
                f"random_network=shared: the first run has {task.n_outputs} outputs and the last {last.task.n_outputs}; "
                "give 'runs=[...]' of one number"
            )
        task = last.task
    return replace(TrainedRun.of_config(config, task, network, step=0), name=RANDOM)
