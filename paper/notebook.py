"""What the notebooks call: panels where their networks are there, controls that redraw, and films of waking and rest."""

from typing import TYPE_CHECKING, Any

from paper.figures import plot
from paper.panels.base import both_phases, time_step
from paper.panels.examples import EXAMPLES, bearings, draw_bearings, draw_paths, paths
from paper.protocols import NETWORKS
from paper.study import Study
from reactivation.machine.errors import DamagedData
from reactivation.plotting.style import LOOKS, PANEL_WIDTH

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.figure import Figure

REST = 200  # steps at rest that controls show [of 0.02 s]


def show(study: Study, *rows: str) -> "Figure | None":
    """Panels in rows, as in show(study, "1d 1e", "1h 1i"); where something is missing, says what to run."""
    try:
        return plot([row.split() for row in rows], study)[0]
    except DamagedData as problem:
        print(problem)
        return None


def redraw(study: Study, task: str, run: str, phase: str, variance_gain: float) -> "Figure | None":
    """Example trajectories of a network in a phase.

    Args:
        variance_gain: variance of the noise at rest over that of waking (2 in Eq. 19).
    """
    from matplotlib.figure import Figure

    rest = {} if phase == "active" else {"variance_gain": str(variance_gain)}
    try:
        if study.space(task, study.seeds[0]).circular:
            draw, table = draw_bearings, bearings(study, run, phase, REST, **rest)
        else:
            draw, table = draw_paths, paths(study, run, phase, **rest)
    except DamagedData as problem:
        print(problem)
        return None
    page = Figure(figsize=(PANEL_WIDTH, PANEL_WIDTH), layout="constrained")
    draw(page.subplots(), table).set_title(f"{run}, {LOOKS[phase].name}")
    return page


def controls(study: Study, task: str) -> Any:
    """Controls for run, phase and noise, and the trajectories that they give."""
    from IPython.display import display
    from ipywidgets import Dropdown, FloatSlider, interactive

    def drawn(run: str, phase: str, variance_gain: float) -> None:
        page = redraw(study, task, run, phase, variance_gain)
        if page is not None:
            display(page)  # type: ignore[no-untyped-call]  # controls show what is displayed, not what is returned

    noiseless = any(study.config(task, run, study.seeds[0]).rnn.sigma2_rec == 0 for run in NETWORKS[task])
    phases = [phase for phase in LOOKS if noiseless or phase != "quiescent_noisy"]
    return interactive(
        drawn,
        run=Dropdown(options=NETWORKS[task], description="run"),
        phase=Dropdown(options=[(LOOKS[phase].name, phase) for phase in phases], value="quiescent", description="phase"),
        variance_gain=FloatSlider(value=2, min=0, max=8, step=0.5, description="variance × ", continuous_update=False),
    )


def film(study: Study, task: str, run: str) -> "HTML | None":
    """Example trajectories of a network in motion, awake and at rest."""
    from IPython.display import HTML

    from reactivation.plotting.animation import animate, to_html

    try:
        positions = {phase: found.positions[:EXAMPLES] for phase, found in both_phases(study, task, run, {}).items()}
    except DamagedData as problem:
        print(problem)
        return None
    space = study.space(task, study.seeds[0])
    return HTML(to_html(animate(positions, time_step(study, task, run), space)))  # type: ignore[no-untyped-call]  # IPython's
