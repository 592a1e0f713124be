"""The numbers behind each kind of panel, gathered from an `Evidence`, and what draws them.

A kind is a named tuple of arrays. Its `columns()` are the panel's CSV file, tidy and with units; its `draw(ax)` puts the
same numbers on Axes. The function below each kind makes it: from recordings of one network, or from measures of several, as
mean and standard deviation over networks.

Axes of arrays: K trajectories, T steps, P dimensions, n points, M networks.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reactivation.analysis.base import Recording
from reactivation.errors import DamagedData
from reactivation.evidence import Evidence
from reactivation.paper import HEAD, SPATIAL
from reactivation.plotting import panels as draw
from reactivation.plotting.panels import Frame
from reactivation.spaces import Box

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Columns = dict[str, ArrayLike]  # header, with its unit → one value per row

EXAMPLES = 5  # trajectories shown of the recorded 200
CLOUD = 50  # trajectories shown as points in the plane
REACH = 0.02  # share of its highest bar below which the tails of a histogram of turns are cut off
GRID = 80  # cells of a density's grid along each axis
BINS = 36  # of bearings, 10° each
PHASES = ("active", "quiescent")
LABELS = {  # of the runs in Fig. 2e: σ for noisy training
    "noisy_unbiased": "U$^σ$",
    "noisy_biased": "B$^σ$",
    "no-noise_unbiased": "U",
    "no-noise_biased": "B",
    "random": "R",
    "uniform": r"$\mathcal{U}$",
}


class Numbers(Protocol):
    """What a panel is drawn from."""

    def columns(self) -> Columns:
        """The same numbers, as columns of one table."""
        ...

    def draw(self, ax: "Axes") -> "Axes":
        """Draw them."""
        ...


class Paths(NamedTuple):
    """Example trajectories in a box."""

    states: Array  # (K, T, 2) [m]
    frame: Frame  # the walls [m]

    def columns(self) -> Columns:
        trajectory, step = _indices(self.states)
        x, y = self.states.reshape(-1, 2).T
        return {"x_m": x, "y_m": y, "trajectory": trajectory, "step": step}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.trajectories(ax, self.states, self.frame)


def paths(evidence: Evidence, run: str, phase: str, **changes: str) -> Paths:
    """What a network reports in space (Fig. 1d–e): the first few trajectories of the first seed."""
    seed = evidence.seeds[0]
    recording = evidence.recording(SPATIAL, run, phase, seed, **changes)
    return Paths(recording.states[:EXAMPLES], _walls(evidence, seed))


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

    @property
    def bar(self) -> str:
        """Label of the colour bar."""
        return f"density [{self.unit}]"

    def columns(self) -> Columns:
        x, y = np.meshgrid(self.x, self.y)
        return {self.axes[0]: x.ravel(), self.axes[1]: y.ravel(), self.header: self.density.ravel()}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.density(ax, self.x, self.y, self.density, self.top, self.frame, self.names)


def occupancy(evidence: Evidence, run: str, phase: str, **changes: str) -> Occupancy:
    """Where a network's reports lie in the box (Fig. 1h–i), awake and at rest on one scale; `changes` are those of rest."""
    grid = _box_densities(evidence, run, tuple(changes.items()))
    return _occupancy(grid, phase, ("x_m", "y_m"), ("x [m]", "y [m]"), "1/m²", "density_per_m2")


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
        trajectory, step = _indices(self.points)
        x, y = self.points.reshape(-1, 2).T
        return {"pc1_au": x, "pc2_au": y, self.header: self.values.ravel(), "trajectory": trajectory, "step": step}

    def draw(self, ax: "Axes") -> "Axes":
        points, values = self.points.reshape(-1, 2), self.values.ravel()
        return draw.projection(ax, points, values, self.limits, self.frame, self.cyclic)


def cloud(evidence: Evidence, task: str, run: str, phase: str) -> Cloud:
    """Waking and resting activity (Fig. 1f–g, 3c–d), as many points of each: every second step of the longer rest."""
    recordings = _both(evidence, task, run, {})
    steps = min(recording.states.shape[1] for recording in recordings.values())
    thin = {name: slice(None, None, recording.states.shape[1] // steps) for name, recording in recordings.items()}
    projected = _projected(recordings)
    points = {name: p[:CLOUD, thin[name]] for name, p in projected.items()}
    states = {name: recording.states[:CLOUD, thin[name]] for name, recording in recordings.items()}
    frame = _around({name: p.reshape(-1, 2) for name, p in projected.items()})  # as densities in the plane have it
    if task == HEAD:
        label = "decoded bearing [rad]"
        return Cloud(points[phase], states[phase][..., 0], (-math.pi, math.pi), frame, "bearing_rad", label, cyclic=True)
    space = evidence.space(task, evidence.seeds[0])
    away = {name: space.distance(s, np.zeros(2)) for name, s in states.items()}
    limits = (0.0, max(float(values.max()) for values in away.values()))
    label = "from the centre [m]"
    return Cloud(points[phase], away[phase], limits, frame, "distance_from_centre_m", label, cyclic=False)


class Learning(NamedTuple):
    """Loss and decoding error while training, over M networks."""

    steps: Array  # (T)
    loss: "Spread"  # (T)
    error: "Spread"  # (T)
    unit: str
    networks: int

    def columns(self) -> Columns:
        measures = {"loss": self.loss, f"decoding_error_{self.unit}": self.error}
        spread = {f"{name}_{part}": getattr(s, part) for name, s in measures.items() for part in ("mean", "sd")}
        return {"training_batches": self.steps, **spread, "networks": np.full(len(self.steps), self.networks)}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.learning(ax, self.steps, *self.loss, *self.error, self.unit)


def learning(evidence: Evidence, run: str) -> Learning:
    """Tests while training (Fig. 1b), at the steps that all seeds have."""
    seeds = [seed for seed in evidence.seeds if evidence.has_training(SPATIAL, run, seed)]
    tables = [evidence.training(SPATIAL, run, seed) for seed in seeds]
    steps = sorted(set.intersection(*map(set, tables)))
    error = next(name for name in tables[0][steps[0]] if "_error_" in name)

    def over(name: str) -> Spread:
        return _spread([[table[step][name] for step in steps] for table in tables])

    return Learning(np.array(steps, dtype=float), over("loss"), over(error), error.split("_")[-1], len(tables))


class ExplainedVariance(NamedTuple):
    """Cumulative share of variance by number of components, over M networks."""

    curves: dict[str, "Spread"]  # phase → (N)
    networks: int

    def columns(self) -> Columns:
        count = len(next(iter(self.curves.values())).mean)
        shares = {
            f"{phase}_share_{part}": getattr(curve, part) for phase, curve in self.curves.items() for part in ("mean", "sd")
        }
        return {"components": np.arange(1, count + 1), **shares, "networks": np.full(count, self.networks)}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.explained_variance(ax, {phase: (curve.mean, curve.sd) for phase, curve in self.curves.items()})


def explained_variance(evidence: Evidence, run: str) -> ExplainedVariance:
    """How few components explain activity, awake and at rest (Fig. 1c)."""
    details = _details(evidence, "manifold")
    curves = {phase: _spread([found[run][phase] for found in details]) for phase in PHASES}
    return ExplainedVariance(curves, len(details))


class Divergences(NamedTuple):
    """Divergence of resting from waking densities, over M networks of each kind."""

    spread: "Spread"  # (R, C) [nats]
    rows: tuple[str, ...]
    runs: tuple[str, ...]  # columns
    networks: int

    def columns(self) -> Columns:
        pairs = [(row, column) for row in self.rows for column in self.runs]
        return {
            "rest": [row for row, _ in pairs],
            "awake": [column for _, column in pairs],
            "kl_mean_nat": self.spread.mean.ravel(),
            "kl_sd_nat": self.spread.sd.ravel(),
            "networks": [self.networks] * len(pairs),
        }

    def draw(self, ax: "Axes") -> "Axes":
        return draw.divergences(ax, self.spread.mean, [LABELS[r] for r in self.rows], [LABELS[r] for r in self.runs])


def divergences(evidence: Evidence) -> Divergences:
    """KL(rest ‖ awake) between runs, and of the baselines (Fig. 2e); NaN where a seed's density is degenerate."""
    tables = _tables(evidence, "kl")
    rows, runs = tuple(LABELS), tuple(tables[0]["uniform"])
    values = [[[_number(table[row][run]) for run in runs] for row in rows] for table in tables]
    return Divergences(_spread(values), rows, runs, len(tables))


class Boxes(NamedTuple):
    """One number per trajectory, of several conditions, pooled over M networks."""

    values: list[Array]  # per condition, (n)
    seeds: list[Array]  # likewise, the network each is of
    conditions: tuple[tuple[str, str], ...]  # run, phase
    labels: tuple[str, ...]
    header: str
    label: str
    networks: int

    def columns(self) -> Columns:
        sizes = [len(values) for values in self.values]
        return {
            "run": np.repeat([run for run, _ in self.conditions], sizes),
            "phase": np.repeat([phase for _, phase in self.conditions], sizes),
            "seed": np.concatenate(self.seeds),
            self.header: np.concatenate(self.values),
        }

    def draw(self, ax: "Axes") -> "Axes":
        return draw.boxes(ax, self.values, self.labels, [phase for _, phase in self.conditions], self.label)


def exploration(evidence: Evidence) -> Boxes:
    """Variance of each resting trajectory (Fig. 2f)."""
    conditions = tuple((run, "quiescent") for run in list(LABELS)[:4])
    labels = tuple(LABELS[run] for run, _ in conditions)
    pooled = {
        seed: {(run, phase): evidence.result("variance", seed)["details"][run]["trajectories"] for run, phase in conditions}
        for seed in evidence.seeds_of("variance")
    }
    return _boxes(pooled, conditions, labels, "total_variance_m2", "total variance [m²]")


def smoothness(evidence: Evidence, bias: str) -> Boxes:
    """Mean distance between consecutive points of each trajectory (Fig. C.4), networks trained with noise and without."""
    noisy, quiet = f"noisy_{bias}", f"no-noise_{bias}"
    named = {
        (noisy, "active"): "NT\nawake",
        (noisy, "quiescent"): "NT\nrest",
        (quiet, "active"): "DT\nawake",
        (quiet, "quiescent"): "DT\nrest",
        (quiet, "quiescent_noisy"): "DT\nrest,\nnoise",
    }
    pooled = {
        seed: {(run, phase): evidence.result("distance", seed)["table"][run][phase] for run, phase in named}
        for seed in evidence.seeds_of("distance")
    }
    return _boxes(pooled, tuple(named), tuple(named.values()), "mean_step_m", "mean step [m]")


class BearingHistogram(NamedTuple):
    """How often each bearing is reported, over M networks."""

    edges: Array  # (n + 1) [rad]
    spread: "Spread"  # (n) [1/rad]
    phase: str
    top: float  # of the y axis, the same awake and at rest
    networks: int

    def columns(self) -> Columns:
        return {
            "bearing_from_rad": self.edges[:-1],
            "bearing_to_rad": self.edges[1:],
            "density_mean_per_rad": self.spread.mean,
            "density_sd_per_rad": self.spread.sd,
            "networks": np.full(len(self.edges) - 1, self.networks),
        }

    def draw(self, ax: "Axes") -> "Axes":
        return draw.bearing_histogram(ax, self.edges, *self.spread, self.phase, self.top)


def bearing_histogram(evidence: Evidence, run: str, phase: str) -> BearingHistogram:
    """Bearings awake and at rest (Fig. 3a–b)."""
    seeds = [seed for seed in evidence.seeds if evidence.has_network(HEAD, run, seed)]
    edges = np.linspace(-math.pi, math.pi, BINS + 1)
    spreads = {name: _spread([_histogram(evidence, run, name, seed, edges) for seed in seeds]) for name in PHASES}
    top = 1.1 * max(float((spread.mean + np.nan_to_num(spread.sd)).max()) for spread in spreads.values())
    return BearingHistogram(edges, spreads[phase], phase, top, len(seeds))


class Bearings(NamedTuple):
    """A bearing over time."""

    times: Array  # (T) [s]
    states: Array  # (T) [rad]
    phase: str

    def columns(self) -> Columns:
        return {"time_s": self.times, "bearing_rad": self.states}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.bearings(ax, self.times, self.states, self.phase)


def bearings(evidence: Evidence, run: str, phase: str, steps: int, **changes: str) -> Bearings:
    """What a network reports over time (Fig. C.5a–c): the first trajectory of the first seed."""
    seed, length = evidence.seeds[0], "t_active" if phase == "active" else "t_quiescent"
    recording = evidence.recording(HEAD, run, phase, seed, **{length: str(steps)}, **changes)
    times = np.arange(1, steps + 1, dtype=np.float64) * _dt(evidence, HEAD, run)
    return Bearings(times, recording.states[0, :, 0], phase)


class Turns(NamedTuple):
    """How often each angular velocity is reported, over M networks."""

    edges: Array  # (n + 1) [rad/s]
    spread: "Spread"  # (n) [s/rad]
    mean: "Spread"  # () [rad/s]
    phase: str
    frame: Frame  # shared with the panels beside it
    networks: int

    def columns(self) -> Columns:
        count = len(self.edges) - 1
        return {
            "velocity_from_rad_per_s": self.edges[:-1],
            "velocity_to_rad_per_s": self.edges[1:],
            "density_mean_s_per_rad": self.spread.mean,
            "density_sd_s_per_rad": self.spread.sd,
            "velocity_mean_rad_per_s": np.full(count, self.mean.mean),
            "networks": np.full(count, self.networks),
        }

    def draw(self, ax: "Axes") -> "Axes":
        return draw.turns(ax, self.edges, self.spread.mean, float(self.mean.mean), self.phase, self.frame)


TURNS_SHOWN = (("noisy_biased", "active"), ("noisy_biased", "quiescent"), ("noisy_unbiased", "quiescent"))


def turns(evidence: Evidence, run: str, phase: str) -> Turns:
    """Turns per step, wrapped at π, as angular velocities (Fig. C.5d–f)."""
    details, tables = _details(evidence, "transitions"), _tables(evidence, "transitions")
    dt = _dt(evidence, HEAD, run)
    edges = np.array(details[0][run][phase]["edges"]) / dt
    width = edges[1] - edges[0]
    spreads = {key: _spread([found[key[0]][key[1]]["shares"] for found in details]) for key in TURNS_SHOWN}
    densities = {key: Spread(spread.mean / width, spread.sd / width) for key, spread in spreads.items()}
    mean = _spread([table[run][phase]["mean_turn"] / dt for table in tables])
    shown = np.any([spread.mean > REACH * spread.mean.max() for spread in densities.values()], axis=0)
    reach = max(abs(float(edges[:-1][shown].min())), abs(float(edges[1:][shown].max())))
    frame = (-reach, reach, 0.0, 1.1 * max(float(spread.mean.max()) for spread in densities.values()))
    return Turns(edges, densities[run, phase], mean, phase, frame, len(details))


class Moving(NamedTuple):
    """Example trajectories for a film."""

    states: dict[str, Array]  # phase → (K, T, P) [m or rad]
    dt: float  # [s]
    walls: Frame | None  # [m]; None on the circle


def moving(evidence: Evidence, task: str, run: str) -> Moving:
    """The first few trajectories of the first seed, awake and at rest."""
    states = {phase: recording.states[:EXAMPLES] for phase, recording in _both(evidence, task, run, {}).items()}
    walls = _walls(evidence, evidence.seeds[0]) if task == SPATIAL else None
    return Moving(states, _dt(evidence, task, run), walls)


class Spread(NamedTuple):
    """Mean and standard deviation over networks."""

    mean: Array
    sd: Array  # NaN with one network


def _spread(values: ArrayLike) -> Spread:
    """Over the first axis: (M, ...) → (...)."""
    stacked = np.asarray(values, dtype=float)
    sd = stacked.std(0, ddof=1) if len(stacked) > 1 else np.full(stacked.shape[1:], np.nan)
    return Spread(stacked.mean(0), sd)


def _both(evidence: Evidence, task: str, run: str, changes: Mapping[str, str]) -> dict[str, Recording]:
    """Waking and rest of a run's first seed; `changes` are those of rest."""
    seed = evidence.seeds[0]
    waking = evidence.recording(task, run, "active", seed)
    return {"active": waking, "quiescent": evidence.recording(task, run, "quiescent", seed, **changes)}


def _projected(recordings: Mapping[str, Recording]) -> dict[str, Array]:
    """Phase → (K, T, 2) in the plane of waking."""
    from reactivation.analysis.manifold import Plane

    moments = recordings["active"].moments
    assert moments is not None  # recordings for figures have them
    plane = Plane(moments)
    return {phase: plane.project(recording.rates) for phase, recording in recordings.items() if recording.rates is not None}


class _Grid(NamedTuple):
    """Densities of waking and rest at the centres of one grid's cells."""

    x: Array  # (X)
    y: Array  # (Y)
    frame: Frame
    densities: dict[str, Array]  # phase → (Y, X)


@lru_cache(maxsize=2)
def _box_densities(evidence: Evidence, run: str, changes: tuple[tuple[str, str], ...]) -> _Grid:
    recordings = _both(evidence, SPATIAL, run, dict(changes))
    points = {phase: recording.states.reshape(-1, 2) for phase, recording in recordings.items()}
    return _densities(points, _walls(evidence, evidence.seeds[0]))


@lru_cache(maxsize=2)
def _plane_densities(evidence: Evidence, run: str) -> _Grid:
    projected = _projected(_both(evidence, SPATIAL, run, {}))
    points = {phase: cloud.reshape(-1, 2) for phase, cloud in projected.items()}
    return _densities(points, _around(points))


def _densities(points: Mapping[str, Array], frame: Frame) -> _Grid:
    """Kernel density estimates of each phase's points (n, 2)."""
    from reactivation.densities import DegenerateDensity, GaussianKDE

    x, y = _centres(*frame[:2]), _centres(*frame[2:])
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    try:
        logs = {phase: GaussianKDE(cloud).log_density(grid) for phase, cloud in points.items()}
    except DegenerateDensity as problem:
        raise DamagedData(f"no density to draw: {problem}; train the network for longer") from None
    return _Grid(x, y, frame, {phase: np.exp(log).reshape(len(y), len(x)) for phase, log in logs.items()})


def _occupancy(grid: _Grid, phase: str, axes: tuple[str, str], names: tuple[str, str], unit: str, header: str) -> Occupancy:
    top = max(float(density.max()) for density in grid.densities.values())
    return Occupancy(grid.x, grid.y, grid.densities[phase], top, grid.frame, axes, names, unit, header)


def _centres(low: float, high: float) -> Array:
    edges = np.linspace(low, high, GRID + 1)
    centres: Array = (edges[:-1] + edges[1:]) / 2
    return centres


def _walls(evidence: Evidence, seed: int) -> Frame:
    box = evidence.space(SPATIAL, seed)
    assert isinstance(box, Box)
    return (-box.width / 2, box.width / 2, -box.height / 2, box.height / 2)


def _around(points: Mapping[str, Array]) -> Frame:
    """A square around all points (n, 2), with a margin."""
    everything = np.concatenate(list(points.values()))
    low, high = everything.min(0), everything.max(0)
    centre, half = (low + high) / 2, 0.54 * float((high - low).max())
    left, bottom = (float(c) - half for c in centre)
    return (left, left + 2 * half, bottom, bottom + 2 * half)


def _indices(states: Array) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Trajectory and step of every row of states (K, T, ...) laid flat, both counted from 0."""
    trajectory, step = np.indices(states.shape[:2])
    return trajectory.ravel(), step.ravel()


def _tables(evidence: Evidence, protocol: str) -> list[dict[str, Any]]:
    return [evidence.result(protocol, seed)["table"] for seed in evidence.seeds_of(protocol)]


def _details(evidence: Evidence, protocol: str) -> list[dict[str, Any]]:
    return [evidence.result(protocol, seed)["details"] for seed in evidence.seeds_of(protocol)]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


Conditions = tuple[tuple[str, str], ...]


def _boxes(
    pooled: Mapping[int, Mapping[tuple[str, str], Sequence[float]]],
    conditions: Conditions,
    labels: tuple[str, ...],
    header: str,
    label: str,
) -> Boxes:
    """From seed → condition → one number per trajectory."""
    values = [np.concatenate([found[condition] for found in pooled.values()]) for condition in conditions]
    seeds = [np.repeat(list(pooled), [len(found[condition]) for found in pooled.values()]) for condition in conditions]
    return Boxes(values, seeds, conditions, labels, header, label, len(pooled))


def _histogram(evidence: Evidence, run: str, phase: str, seed: int, edges: Array) -> Array:
    counts, _ = np.histogram(evidence.recording(HEAD, run, phase, seed).states, edges, density=True)
    return counts


def _dt(evidence: Evidence, task: str, run: str) -> float:
    dt: float = evidence.config(task, run, evidence.seeds[0]).task.dt
    return dt
