"""Measures over networks: learning, explained variance, divergences, and one number per network or trajectory."""

from collections.abc import Mapping, Sequence
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from paper.evidence import Evidence, error_name
from paper.panels.base import PHASES, Array, Columns, Spread, details_of, over_networks, tables_of
from paper.protocols import SPATIAL, VANILLA
from reactivation.plotting import drawing as draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {  # of the runs in Fig. 2e: σ for noisy training
    "noisy_unbiased": "U$^σ$",
    "noisy_biased": "B$^σ$",
    "no-noise_unbiased": "U",
    "no-noise_biased": "B",
    "random": "R",
    "uniform": r"$\mathcal{U}$",
}


class Learning(NamedTuple):
    """Loss and decoding error while training, over M networks."""

    steps: Array  # (T)
    loss: Spread  # (T)
    error: Spread  # (T)
    unit: str  # of the error
    networks: int

    def columns(self) -> Columns:
        measures = {"loss": self.loss, f"decoding_error_{self.unit}": self.error}
        spread = {f"{name}_{part}": getattr(s, part) for name, s in measures.items() for part in ("mean", "sd")}
        return {"training_batches": self.steps, **spread, "networks": np.full(len(self.steps), self.networks)}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.learning(ax, self.steps, *self.loss, *self.error, self.unit)


def learning(evidence: Evidence, run: str) -> Learning:
    """Tests while training (Fig. 1b); unfinished trainings only where there is no other, at the steps that all have."""
    last = evidence.config(SPATIAL, run, evidence.seeds[0]).trainer.n_epochs
    begun = [evidence.training(SPATIAL, run, seed) for seed in evidence.seeds if evidence.has_training(SPATIAL, run, seed)]
    tables = [table for table in begun if last in table] or begun
    steps = sorted(set.intersection(*map(set, tables)))
    error, unit = error_name(tables[0][steps[0]]), evidence.space(SPATIAL, evidence.seeds[0]).unit

    def over(name: str) -> Spread:
        return over_networks([[table[step][name] for step in steps] for table in tables])

    return Learning(np.array(steps, dtype=float), over("loss"), over(error), unit, len(tables))


class ExplainedVariance(NamedTuple):
    """Cumulative share of variance by number of components, over M networks."""

    curves: dict[str, Spread]  # phase → (N)
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
    details = details_of(evidence, "manifold")
    curves = {phase: over_networks([found[run][phase] for found in details]) for phase in PHASES}
    return ExplainedVariance(curves, len(details))


class Divergences(NamedTuple):
    """Divergence of resting from waking densities, over M networks of each kind."""

    spread: Spread  # (R, C) [nats]
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
    tables = tables_of(evidence, "kl")
    rows, runs = tuple(LABELS), tuple(tables[0]["uniform"])
    values = [[[_number(table[row][run]) for run in runs] for row in rows] for table in tables]
    return Divergences(over_networks(values), rows, runs, len(tables))


def _number(value: float | None) -> float:
    return math.nan if value is None else value


Conditions = tuple[tuple[str, str], ...]  # run, phase


class Boxes(NamedTuple):
    """Numbers of several conditions: one per network, or per trajectory and pooled over M networks."""

    values: list[Array]  # per condition, (n)
    seeds: list[Array]  # likewise, the network each is of
    conditions: Conditions
    labels: tuple[str, ...]
    header: str
    label: str
    networks: int
    dots: bool = False  # whether each number is shown

    def columns(self) -> Columns:
        sizes = [len(values) for values in self.values]
        return {
            "run": np.repeat([run for run, _ in self.conditions], sizes),
            "phase": np.repeat([phase for _, phase in self.conditions], sizes),
            "seed": np.concatenate(self.seeds),
            self.header: np.concatenate(self.values),
        }

    def draw(self, ax: "Axes") -> "Axes":
        return draw.boxes(ax, self.values, self.labels, [phase for _, phase in self.conditions], self.label, self.dots)


def exploration(evidence: Evidence) -> Boxes:
    """Variance of resting trajectories, averaged over those of each network (Fig. 2f)."""
    conditions = tuple((run, "quiescent") for run in VANILLA)
    labels = tuple(LABELS[run] for run, _ in conditions)
    by_seed = {
        seed: {(run, phase): [evidence.result("variance", seed)["table"][run]] for run, phase in conditions}
        for seed in evidence.seeds_of("variance")
    }
    return _boxes(by_seed, conditions, labels, "total_variance_m2", "total variance [m²]")._replace(dots=True)


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


def _boxes(
    pooled: Mapping[int, Mapping[tuple[str, str], Sequence[float]]],
    conditions: Conditions,
    labels: tuple[str, ...],
    header: str,
    label: str,
) -> Boxes:
    """From seed → condition → numbers."""
    values = [np.concatenate([found[condition] for found in pooled.values()]) for condition in conditions]
    seeds = [np.repeat(list(pooled), [len(found[condition]) for found in pooled.values()]) for condition in conditions]
    return Boxes(values, seeds, conditions, labels, header, label, len(pooled))
