"""Draw recordings: functions draw one on given Axes and return the Axes; `film` returns HTML."""

from matplotlib.axes import Axes
import numpy as np

from reactivation.analysis.densities import DegenerateDensity, estimate
from reactivation.analysis.recording import Recording
from reactivation.checks import Count, checked
from reactivation.machine.errors import BadInput
from reactivation.network.phases import ACTIVE, QUIESCENT
from reactivation.plotting import drawing
from reactivation.plotting.animation import animate, to_html

__all__ = ["density", "film", "trajectories"]

_CELLS = 60  # along the longest axis of the grid that a density is drawn on


@checked
def trajectories(ax: Axes, recording: Recording, count: Count = 5) -> Axes:
    """Draw the first epochs (Fig. 1d–e): paths in a plane, bearings over time on a circle.

    Raises:
        BadInput: positions lie neither in a plane nor on a circle.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> run = ra.load("spatial_navigation/noisy_unbiased")
    >>> ra.plot.trajectories(ax, run.record(ra.rest(50), 5)).get_xlabel()
    'x [m]'
    """
    space, paths = recording.space, [*recording.epochs][:count]
    if space.bearing(recording.flat) is not None:
        for path in paths:
            times = np.arange(1, len(path) + 1, dtype=np.float64) * recording.dt
            drawing.bearings(ax, times, path[:, 0], QUIESCENT)
        return ax
    _require_plane(recording)
    for path, colour in zip(paths, drawing.colours(len(paths)), strict=True):
        ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.8)
    return drawing.boxed(ax, space.frame, space.labels)


@checked
def density(ax: Axes, recording: Recording) -> Axes:
    """Draw the density of positions in a plane that `kl` compares (Fig. 1h–i) [1/m²].

    Raises:
        BadInput: positions do not lie in a plane, or span no area (a network that never moves has no density).

    >>> from matplotlib.figure import Figure
    >>> run = ra.load("spatial_navigation/noisy_unbiased")
    >>> ra.plot.density(Figure().add_subplot(), run.record(ra.rest(50), 20)).get_ylabel()
    'y [m]'
    """
    _require_plane(recording)
    left, right, bottom, top = recording.space.frame
    x, y = np.linspace(left, right, _CELLS), np.linspace(bottom, top, _CELLS)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    try:
        found = estimate(recording.space, recording.flat)
    except DegenerateDensity as problem:
        raise BadInput(f"the recording has no density: {problem}") from None
    values = np.exp(found.log_density(points)).reshape(_CELLS, _CELLS)
    return drawing.density(ax, x, y, values, float(values.max()), recording.space.frame, recording.space.labels, True)


@checked
def film(awake: Recording, rest: Recording, count: Count = 5) -> str:
    """Animate the first epochs of waking and of rest, side by side, as a page of HTML that plays itself.

    Raises:
        BadInput: spaces or time steps differ, or positions lie neither in a plane nor on a circle.

    >>> run = ra.load("head_direction/noisy_biased")
    >>> awake, rest = run.record(ra.waking(5), 2), run.record(ra.rest(5), 2)
    >>> "<img" in ra.plot.film(awake, rest)
    True
    """
    if (awake.space, awake.dt) != (rest.space, rest.dt):
        raise BadInput("waking and rest differ in their space or their time step: record both alike")
    if not awake.space.compass:
        _require_plane(awake)
    steps = int(min(awake.lengths.min(), rest.lengths.min()))
    paths = {
        phase: np.stack([epoch[:steps] for epoch in recording.epochs][:count])
        for phase, recording in ((ACTIVE, awake), (QUIESCENT, rest))
    }
    return to_html(animate(paths, awake.dt, awake.space))


def _require_plane(recording: Recording) -> None:
    if recording.space.dimensions != 2:
        raise BadInput(f"only positions in a plane are drawn so, and these live in {recording.space}")
