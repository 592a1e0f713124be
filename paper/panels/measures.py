"""Measures over networks: learning, explained variance, divergences, and one number per network or trajectory."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from paper.panels.base import PHASES, PanelTable, Spread, every_result, over_networks
from paper.protocols import SPATIAL, VANILLA
from paper.study import Study, error_name
from reactivation.machine.numbers import or_nan
from reactivation.plotting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {  # of the runs in Fig. 2e: bias and noise of training
    "noisy_unbiased": "unbiased,\nnoise",
    "noisy_biased": "biased,\nnoise",
    "no-noise_unbiased": "unbiased",
    "no-noise_biased": "biased",
    "random": "untrained",
    "uniform": "uniform",
}
_TRAINED = {"noisy": "noise", "no-noise": "none"}
_RESTED = {"active": "awake", "quiescent": "rest", "quiescent_noisy": "rest,\nnoise"}


def learning(study: Study, run: str) -> PanelTable:
    """Tests during training (Fig. 1b), at the steps that all have; unfinished trainings serve only if none is finished."""
    last = study.config(SPATIAL, run, study.seeds[0]).trainer.n_epochs
    begun = [study.training(SPATIAL, run, seed) for seed in study.seeds if study.has_training(SPATIAL, run, seed)]
    tables = [table for table in begun if last in table] or begun
    steps = sorted(set.intersection(*map(set, tables)))
    error, unit = error_name(tables[0][steps[0]]), study.unit(SPATIAL)

    def over(name: str) -> Spread:
        return over_networks([[table[step][name] for step in steps] for table in tables])

    measures = over("loss").columns("loss") | over(error).columns(f"decoding_error_{unit}")
    return PanelTable({"training_batches": np.array(steps, dtype=float), **measures, "networks": len(tables)})


def draw_learning(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw loss and decoding error."""
    (error,) = (header.removesuffix("_mean") for header in table.columns if "_error_" in header and "_mean" in header)
    means, spreads = ([table[f"{measure}_{part}"] for measure in ("loss", error)] for part in ("mean", "sd"))
    unit = error.split("_")[-1]
    return drawing.learning(ax, table["training_batches"], means[0], spreads[0], means[1], spreads[1], unit)


def explained_variance(study: Study, run: str) -> PanelTable:
    """Cumulative share of variance by number of components, awake and at rest (Fig. 1c)."""
    found = [result["details"][run] for result in every_result(study, "manifold")]
    curves = {phase: over_networks([one[phase] for one in found]) for phase in PHASES}
    shares = {header: values for phase in PHASES for header, values in curves[phase].columns(f"{phase}_share").items()}
    return PanelTable({"components": np.arange(1, len(curves["active"].mean) + 1), **shares, "networks": len(found)})


def draw_explained_variance(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a curve for each phase."""
    curves = {phase: (table[f"{phase}_share_mean"], table[f"{phase}_share_sd"]) for phase in PHASES}
    return drawing.explained_variance(ax, curves)


def divergences(study: Study) -> PanelTable:
    """KL(rest ‖ awake) between runs, and of the baselines (Fig. 2e); NaN where a seed's density is degenerate."""
    tables = [result["table"] for result in every_result(study, "kl")]
    pairs = [(rest, awake) for rest in LABELS for awake in tables[0]["uniform"]]
    values = over_networks([[or_nan(table[rest][awake]) for rest, awake in pairs] for table in tables])
    names = {"rest": [rest for rest, _ in pairs], "awake": [awake for _, awake in pairs]}
    return PanelTable({**names, **values.columns("kl", "nat"), "networks": len(tables)})


def draw_divergences(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a matrix with rows of rest and columns of waking."""
    rows, columns = (_distinct(table, name) for name in ("rest", "awake"))
    matrix = table["kl_mean_nat"].reshape(len(rows), len(columns))
    return drawing.divergences(ax, matrix, [LABELS[run] for (run,) in rows], [LABELS[run] for (run,) in columns])


def exploration(study: Study) -> PanelTable:
    """Variance of resting trajectories, averaged over the trajectories of each network (Fig. 2f)."""
    conditions = [(run, "quiescent") for run in VANILLA]
    return _pooled(study, "variance", conditions, "total_variance_m2")


def draw_exploration(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a box for each run, a dot for each network."""
    labels = [LABELS[run] for run, _ in _distinct(table, "run", "phase")]
    return _draw_boxes(ax, table, "total_variance_m2", labels, "total variance [m²]", dots=True)


def smoothness(study: Study, bias: str) -> PanelTable:
    """Mean distance between consecutive points of each trajectory (Fig. C.4), networks trained with noise and without."""
    phases = {"noisy": ("active", "quiescent"), "no-noise": ("active", "quiescent", "quiescent_noisy")}
    conditions = [(f"{training}_{bias}", phase) for training, rested in phases.items() for phase in rested]
    return _pooled(study, "distance", conditions, "mean_step_m")


def draw_smoothness(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a box for each run and phase."""
    labels = [f"{_TRAINED[run.split('_')[0]]}\n{_RESTED[phase]}" for run, phase in _distinct(table, "run", "phase")]
    _draw_boxes(ax, table, "mean_step_m", labels, "mean step [m]").set_xlabel("noise in training, then phase")
    return ax


def _pooled(study: Study, protocol: str, conditions: Sequence[tuple[str, str]], header: str) -> PanelTable:
    """A row for each number, of every run and phase, and of every seed that has results."""
    rows = []
    for run, phase in conditions:
        for seed in study.seeds_of(protocol):
            found = study.result(protocol, seed)["table"][run]
            rows += [(run, phase, seed, value) for value in (found[phase] if isinstance(found, dict) else [found])]
    return PanelTable(dict(zip(("run", "phase", "seed", header), zip(*rows, strict=True), strict=True)))


def _draw_boxes(ax: "Axes", table: PanelTable, header: str, labels: Sequence[str], label: str, dots: bool = False) -> "Axes":
    conditions, rows = _distinct(table, "run", "phase"), list(_rows(table, "run", "phase"))
    groups = [table[header][[row == condition for row in rows]] for condition in conditions]
    return drawing.boxes(ax, groups, labels, [phase for _, phase in conditions], label, dots)


def _rows(table: PanelTable, *headers: str) -> Iterable[tuple[str, ...]]:
    return zip(*(np.asarray(table.columns[header]).tolist() for header in headers), strict=True)


def _distinct(table: PanelTable, *headers: str) -> list[tuple[str, ...]]:
    """The distinct combinations of values in some columns, in order."""
    return list(dict.fromkeys(_rows(table, *headers)))
