"""The work of one process of a sweep: train its run, or several as a stack, then make the missing analyses."""

from reactivation.settings.layers import resolve_train
from reactivation.settings.reading import to_words
from reactivation.sweep.folder import Sweep


def work(sweep: Sweep, names: list[str]) -> None:
    """Train and analyse runs of a sweep, continuing where they stopped.

    Raises:
        UserError: as training and analyses do.
    """
    from reactivation.analysis.runner import run_analysis
    from reactivation.training.command import train

    runs = [sweep.runs[name] for name in names]
    train([resolve_train(sweep.train_values(run)) for run in runs])
    for run in runs:
        for analysis in run.analyses:
            if not (sweep.path / analysis.file).exists():
                run_analysis(analysis.name, to_words({**analysis.values, "path": sweep.path}))
