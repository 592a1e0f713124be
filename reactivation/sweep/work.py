"""The work of one process of a sweep: train its run, or several as a stack, then make the missing analyses."""

from reactivation.machine.errors import BadInput
from reactivation.settings.identity import training_digest
from reactivation.settings.layers import TrainConfig, resolve_train
from reactivation.settings.reading import to_words
from reactivation.sweep.folder import CHANGED, PlannedAnalysis, PlannedRun, Sweep


def work(sweep: Sweep, names: list[str]) -> None:
    """Train and analyse runs of a sweep, continuing where they stopped.

    Raises:
        BadInput: settings are not those of the plan, since a file under configs/ changed.
        UserError: as training and analyses do.
    """
    from reactivation.analysis.runner import run_analysis
    from reactivation.training.command import train

    runs = [sweep.runs[name] for name in names]
    train([_config(sweep, run) for run in runs])
    for run in runs:
        for analysis in run.analyses:
            if not (sweep.path / analysis.file).exists():
                run_analysis(analysis.name, _words(sweep, analysis))


def _config(sweep: Sweep, run: PlannedRun) -> TrainConfig:
    config = resolve_train(sweep.train_values(run))
    _require_as_planned(run.name, run.settings, training_digest(config))
    return config


def _words(sweep: Sweep, analysis: PlannedAnalysis) -> list[str]:
    from reactivation.analysis.request import read_request
    from reactivation.analysis.result_files import analysis_digest

    values = {**analysis.values, "path": str(sweep.path)}
    _require_as_planned(analysis.name, analysis.settings, analysis_digest(read_request(analysis.name, values).settings))
    return to_words(values)


def _require_as_planned(name: str, planned: str | None, now: str) -> None:
    if planned not in (None, now):
        raise BadInput(f"{name} {CHANGED}: put it back, or give the sweep another name=...")
