"""Where the activity of one network lies: densities over the box or the plane of components, and points in that plane."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from paper.panels.base import Array, PanelTable, both_phases, points
from paper.protocols import HEAD, SPATIAL
from paper.study import Study
from reactivation.analysis.base import Recording
from reactivation.machine.errors import DamagedData
from reactivation.plotting import drawing
from reactivation.plotting.drawing import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLOUD = 50  # trajectories shown as points in the plane
GRID = 80  # cells of a density's grid along each axis
_BOX = ("x_m", "y_m", "density_per_m2")
_PLANE = ("pc1_au", "pc2_au", "density_per_au2")
_BEARING, _DISTANCE = "bearing_rad", "distance_from_centre_m"  # what colours a cloud


def occupancy(study: Study, run: str, phase: str, **changes: str) -> PanelTable:
    """The density of a network's positions (Fig. 1h–i), awake and at rest on one scale; `changes` are settings of rest."""
    return _table(_box_densities(study, run, tuple(changes.items())), phase, *_BOX)


def draw_occupancy(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a density between the walls."""
    return _draw_density(ax, table, _BOX, ("x [m]", "y [m]"), walls=True)


def plane_occupancy(study: Study, run: str, phase: str) -> PanelTable:
    """The density of activity in the plane of the first two waking components (Fig. 1j–k), on one scale for both phases."""
    return _table(_plane_densities(study, run), phase, *_PLANE)


def draw_plane_occupancy(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a density in the frame of both phases."""
    return _draw_density(ax, table, _PLANE, ("PC 1 [a.u.]", "PC 2 [a.u.]"), walls=False)


def cloud(study: Study, task: str, run: str, phase: str) -> PanelTable:
    """Waking and resting activity in the plane of the first two waking components, with its positions (Fig. 1f–g, 3c–d).

    Both phases have as many points, since only every second step of the longer rest is taken. They share frame and colours.
    """
    recordings = both_phases(study, task, run, {})
    projected = _projected(recordings)
    frame = _around({name: p.reshape(-1, 2) for name, p in projected.items()})  # that of densities in the plane
    steps = min(p.shape[1] for p in projected.values())
    shown = {name: (slice(CLOUD), slice(None, None, p.shape[1] // steps)) for name, p in projected.items()}
    reported = {name: recording.positions[shown[name]] for name, recording in recordings.items()}
    space = study.space(task, study.seeds[0])
    if task == HEAD:
        low, high = space.frame
        header, values, limits = _BEARING, reported[phase][..., 0], (low, high)
    else:
        away = {name: space.distance(s, np.array(space.middle)) for name, s in reported.items()}
        header, values, limits = _DISTANCE, away[phase], (0.0, max(float(one.max()) for one in away.values()))
    coloured = np.dstack((projected[phase][shown[phase]], values))
    return PanelTable(points(coloured, *_PLANE[:2], header), frame, limits)


def draw_cloud(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw points coloured by their decoded position."""
    cyclic = _BEARING in table.columns
    plane = np.stack([table[header] for header in _PLANE[:2]], axis=-1)
    values = table[_BEARING if cyclic else _DISTANCE]
    return drawing.projection(ax, plane, values, table.colours, table.frame, cyclic)


class _Grid(NamedTuple):
    """Densities of waking and rest at the centres of one grid's cells."""

    x: Array  # (X)
    y: Array  # (Y)
    frame: Frame
    densities: dict[str, Array]  # phase → (Y, X)


@lru_cache(maxsize=2)
def _box_densities(study: Study, run: str, changes: tuple[tuple[str, str], ...]) -> _Grid:
    recordings = both_phases(study, SPATIAL, run, dict(changes))
    reports = {phase: recording.positions.reshape(-1, 2) for phase, recording in recordings.items()}
    return _densities(reports, study.space(SPATIAL, study.seeds[0]).frame)


@lru_cache(maxsize=2)
def _plane_densities(study: Study, run: str) -> _Grid:
    projected = _projected(both_phases(study, SPATIAL, run, {}))
    activity = {phase: cloud.reshape(-1, 2) for phase, cloud in projected.items()}
    return _densities(activity, _around(activity))


def _densities(clouds: Mapping[str, Array], frame: Frame) -> _Grid:
    """Kernel density estimates of each phase's points (n, 2)."""
    from reactivation.analysis.densities import DegenerateDensity, GaussianKDE

    x, y = _centres(*frame[:2]), _centres(*frame[2:])
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    try:
        logs = {phase: GaussianKDE(cloud).log_density(grid) for phase, cloud in clouds.items()}
    except DegenerateDensity as problem:
        raise DamagedData(f"no density to draw: {problem}; train the network for longer") from None
    return _Grid(x, y, frame, {phase: np.exp(log).reshape(len(y), len(x)) for phase, log in logs.items()})


def _table(grid: _Grid, phase: str, x: str, y: str, density: str) -> PanelTable:
    """A row for each cell of the grid, on the scale of both phases."""
    top = max(float(one.max()) for one in grid.densities.values())
    xs, ys = np.meshgrid(grid.x, grid.y)
    columns = {x: xs.ravel(), y: ys.ravel(), density: grid.densities[phase].ravel()}
    return PanelTable(columns, grid.frame, (0.0, top))


def _draw_density(
    ax: "Axes", table: PanelTable, headers: tuple[str, str, str], labels: tuple[str, str], walls: bool
) -> "Axes":
    x, y = np.unique(table[headers[0]]), np.unique(table[headers[1]])
    values = table[headers[2]].reshape(len(y), len(x))
    return drawing.density(ax, x, y, values, table.colours[1], table.frame, labels, walls)


def _centres(low: float, high: float) -> Array:
    edges = np.linspace(low, high, GRID + 1)
    centres: Array = (edges[:-1] + edges[1:]) / 2
    return centres


def _projected(recordings: Mapping[str, Recording]) -> dict[str, Array]:
    """Phase → (K, T, 2) in the plane of waking."""
    from reactivation.analysis.measures.manifold import Plane

    moments = recordings["active"].moments
    assert moments is not None  # recordings for figures have them
    plane = Plane(moments)
    return {phase: plane.project(recording.rates) for phase, recording in recordings.items() if recording.rates is not None}


def _around(clouds: Mapping[str, Array]) -> Frame:
    """A square around all points (n, 2), with a margin."""
    everything = np.concatenate(list(clouds.values()))
    low, high = everything.min(0), everything.max(0)
    centre, half = (low + high) / 2, 0.54 * float((high - low).max())
    left, bottom = (float(c) - half for c in centre)
    return (left, left + 2 * half, bottom, bottom + 2 * half)
