"""What the notebooks call: panels where their networks are there, controls that redraw, and films of waking and rest."""

from typing import TYPE_CHECKING, Any

from paper import panels
from paper.evidence import Evidence
from paper.figures import plot
from paper.protocols import NETWORKS
from reactivation.machine.errors import DamagedData
from reactivation.plotting.style import LOOKS, PANEL_WIDTH

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.figure import Figure

REST = 200  # steps at rest that controls show [of 0.02 s]


def show(evidence: Evidence, *rows: str) -> "Figure | None":
    """Panels in rows, as in show(evidence, "1d 1e", "1h 1i"); where something is missing, says what to run."""
    try:
        return plot([row.split() for row in rows], evidence)[0]
    except DamagedData as problem:
        print(problem)
        return None


def redraw(evidence: Evidence, task: str, run: str, phase: str, variance_gain: float) -> "Figure | None":
    """Example trajectories of a network in a phase.

    Args:
        variance_gain: variance of the noise at rest over that of waking (2 in Eq. 19).
    """
    from matplotlib.figure import Figure

    rest = {} if phase == "active" else {"variance_gain": str(variance_gain)}
    try:
        numbers = _examples(evidence, task, run, phase, rest)
    except DamagedData as problem:
        print(problem)
        return None
    page = Figure(figsize=(PANEL_WIDTH, PANEL_WIDTH), layout="constrained")
    numbers.draw(page.subplots()).set_title(f"{run}, {LOOKS[phase].name}")
    return page


def controls(evidence: Evidence, task: str) -> Any:
    """Controls for run, phase and noise, and the trajectories that they give."""
    from IPython.display import display
    from ipywidgets import Dropdown, FloatSlider, interactive

    def drawn(run: str, phase: str, variance_gain: float) -> None:
        page = redraw(evidence, task, run, phase, variance_gain)
        if page is not None:
            display(page)  # type: ignore[no-untyped-call]  # controls show what is displayed, not what is returned

    noiseless = any(evidence.config(task, run, evidence.seeds[0]).rnn.sigma2_rec == 0 for run in NETWORKS[task])
    phases = [phase for phase in LOOKS if noiseless or phase != "quiescent_noisy"]
    return interactive(
        drawn,
        run=Dropdown(options=NETWORKS[task], description="run"),
        phase=Dropdown(options=[(LOOKS[phase].name, phase) for phase in phases], value="quiescent", description="phase"),
        variance_gain=FloatSlider(value=2, min=0, max=8, step=0.5, description="variance × ", continuous_update=False),
    )


def film(evidence: Evidence, task: str, run: str) -> "HTML | None":
    """Example trajectories of a network in motion, awake and at rest."""
    from IPython.display import HTML

    from reactivation.plotting.animation import animate, to_html

    try:
        moving = panels.moving(evidence, task, run)
    except DamagedData as problem:
        print(problem)
        return None
    return HTML(to_html(animate(moving.states, moving.dt, moving.space)))  # type: ignore[no-untyped-call]  # IPython's


def _examples(evidence: Evidence, task: str, run: str, phase: str, rest: dict[str, str]) -> panels.Numbers:
    if evidence.space(task, evidence.seeds[0]).circular:
        return panels.bearings(evidence, run, phase, REST, **rest)
    return panels.paths(evidence, run, phase, **rest)
