"""Where the activity of one network lies: densities over the box or the plane of components, and points in that plane."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from paper.evidence import Evidence
from paper.panels.base import Array, Columns, both_phases, indices
from paper.protocols import SPATIAL
from reactivation.analysis.base import Recording
from reactivation.machine.errors import DamagedData
from reactivation.plotting import drawing as draw
from reactivation.plotting.drawing import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLOUD = 50  # trajectories shown as points in the plane
GRID = 80  # cells of a density's grid along each axis


class Occupancy(NamedTuple):
    """A density over a plane."""

    x: Array  # (X) centres of the grid's cells
    y: Array  # (Y)
    density: Array  # (Y, X)
    top: float  # end of the scale, the same for all panels of a row
    frame: Frame
    axes: tuple[str, str]  # headers of x and y
    names: tuple[str, str]  # labels of x and y
    unit: str  # of the density
    header: str  # likewise, in the CSV
    walls: bool = False  # whether the frame is that of a box

    @property
    def bar(self) -> str:
        """Label of the colour bar."""
        return f"density [{self.unit}]"

    def columns(self) -> Columns:
        x, y = np.meshgrid(self.x, self.y)
        return {self.axes[0]: x.ravel(), self.axes[1]: y.ravel(), self.header: self.density.ravel()}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.density(ax, self.x, self.y, self.density, self.top, self.frame, self.names, self.walls)


def occupancy(evidence: Evidence, run: str, phase: str, **changes: str) -> Occupancy:
    """Where a network's reports lie in the box (Fig. 1h–i), awake and at rest on one scale; `changes` are those of rest."""
    grid = _box_densities(evidence, run, tuple(changes.items()))
    return _occupancy(grid, phase, ("x_m", "y_m"), ("x [m]", "y [m]"), "1/m²", "density_per_m2", walls=True)


def plane_occupancy(evidence: Evidence, run: str, phase: str) -> Occupancy:
    """Where activity lies in the plane of the first two waking components (Fig. 1j–k), on one scale for waking and rest."""
    grid = _plane_densities(evidence, run)
    return _occupancy(grid, phase, ("pc1_au", "pc2_au"), ("PC 1 [a.u.]", "PC 2 [a.u.]"), "1/a.u.²", "density_per_au2")


class Cloud(NamedTuple):
    """Activity in the plane of the first two waking components, coloured by what it reports."""

    points: Array  # (K, T, 2) [a.u.]
    values: Array  # (K, T)
    limits: tuple[float, float]  # ends of the colour scale
    frame: Frame
    header: str  # of the values
    bar: str  # label of the colour bar
    cyclic: bool

    def columns(self) -> Columns:
        trajectory, step = indices(self.points)
        x, y = self.points.reshape(-1, 2).T
        return {"pc1_au": x, "pc2_au": y, self.header: self.values.ravel(), "trajectory": trajectory, "step": step}

    def draw(self, ax: "Axes") -> "Axes":
        points, values = self.points.reshape(-1, 2), self.values.ravel()
        return draw.projection(ax, points, values, self.limits, self.frame, self.cyclic)


def cloud(evidence: Evidence, task: str, run: str, phase: str) -> Cloud:
    """Waking and resting activity (Fig. 1f–g, 3c–d), as many points of each: every second step of the longer rest."""
    recordings = both_phases(evidence, task, run, {})
    steps = min(recording.positions.shape[1] for recording in recordings.values())
    thin = {name: slice(None, None, recording.positions.shape[1] // steps) for name, recording in recordings.items()}
    projected = _projected(recordings)
    points = {name: p[:CLOUD, thin[name]] for name, p in projected.items()}
    states = {name: recording.positions[:CLOUD, thin[name]] for name, recording in recordings.items()}
    frame = _around({name: p.reshape(-1, 2) for name, p in projected.items()})  # as densities in the plane have it
    space = evidence.space(task, evidence.seeds[0])
    if space.circular:
        low, high = space.frame
        header, label = f"{space.noun}_{space.unit}", f"decoded {space.labels[0]}"
        return Cloud(points[phase], states[phase][..., 0], (low, high), frame, header, label, cyclic=True)
    away = {name: space.distance(s, np.array(space.middle)) for name, s in states.items()}
    top = max(float(values.max()) for values in away.values())
    header, label = f"distance_from_centre_{space.unit}", f"from the centre [{space.unit}]"
    return Cloud(points[phase], away[phase], (0.0, top), frame, header, label, cyclic=False)


class _Grid(NamedTuple):
    """Densities of waking and rest at the centres of one grid's cells."""

    x: Array  # (X)
    y: Array  # (Y)
    frame: Frame
    densities: dict[str, Array]  # phase → (Y, X)


@lru_cache(maxsize=2)
def _box_densities(evidence: Evidence, run: str, changes: tuple[tuple[str, str], ...]) -> _Grid:
    recordings = both_phases(evidence, SPATIAL, run, dict(changes))
    points = {phase: recording.positions.reshape(-1, 2) for phase, recording in recordings.items()}
    return _densities(points, evidence.space(SPATIAL, evidence.seeds[0]).frame)


@lru_cache(maxsize=2)
def _plane_densities(evidence: Evidence, run: str) -> _Grid:
    projected = _projected(both_phases(evidence, SPATIAL, run, {}))
    points = {phase: cloud.reshape(-1, 2) for phase, cloud in projected.items()}
    return _densities(points, _around(points))


def _densities(points: Mapping[str, Array], frame: Frame) -> _Grid:
    """Kernel density estimates of each phase's points (n, 2)."""
    from reactivation.analysis.densities import DegenerateDensity, GaussianKDE

    x, y = _centres(*frame[:2]), _centres(*frame[2:])
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    try:
        logs = {phase: GaussianKDE(cloud).log_density(grid) for phase, cloud in points.items()}
    except DegenerateDensity as problem:
        raise DamagedData(f"no density to draw: {problem}; train the network for longer") from None
    return _Grid(x, y, frame, {phase: np.exp(log).reshape(len(y), len(x)) for phase, log in logs.items()})


def _occupancy(
    grid: _Grid, phase: str, axes: tuple[str, str], names: tuple[str, str], unit: str, header: str, walls: bool = False
) -> Occupancy:
    top = max(float(density.max()) for density in grid.densities.values())
    return Occupancy(grid.x, grid.y, grid.densities[phase], top, grid.frame, axes, names, unit, header, walls)


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


def _around(points: Mapping[str, Array]) -> Frame:
    """A square around all points (n, 2), with a margin."""
    everything = np.concatenate(list(points.values()))
    low, high = everything.min(0), everything.max(0)
    centre, half = (low + high) / 2, 0.54 * float((high - low).max())
    left, bottom = (float(c) - half for c in centre)
    return (left, left + 2 * half, bottom, bottom + 2 * half)
