"""What a process of a sweep does: train its run, or several as a stack, then make the analyses that are not there yet."""

from reactivation.settings.layers import resolve_train
from reactivation.settings.reading import to_words
from reactivation.sweep.folder import Sweep


def work(sweep: Sweep, names: list[str]) -> None:
    """Go on with runs of a sweep to their end.

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
