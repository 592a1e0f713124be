"""KL divergence between resting and waking state occupancy (Fig. 2e, Appendix A.2).

KL(q ‖ p) = E_q[log q − log p] in nats, with q the resting density and p the waking one, both kernel density estimates, by
Monte Carlo over samples of q. Standard errors are those of the Monte Carlo mean; the seed stays the unit of inference.
"""

from dataclasses import dataclass
from itertools import product
import math
from typing import Any

import numpy as np

from reactivation.analysis.base import AnalysisSettings, NamedStreams, Recorded, Result, standard_error
from reactivation.analysis.densities import DegenerateDensity, Density, Estimate, Points, Uniform, estimate
from reactivation.settings.declaring import LARGEST, setting
from reactivation.world.spaces import Space

PHASES = ("active", "quiescent")
RANDOM_PHASES = ("quiescent",)  # of an untrained network, the row `random`
RATES = 0
FORMAT = 2
UNIFORM = "uniform"  # the name of the other baseline row
CLIP = 1e7  # terms whose density ratio lies beyond this, either way, are counted


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_kl.py`."""

    n_samples: int = setting(2500, "Monte Carlo samples per density", low=2, high=LARGEST)
    clip: float | None = setting(None, "clip density ratios to [1/clip, clip]; null: never", above=1)
    uniform_baseline: str = setting(
        "joint", "density of the uniform row; marginal: one dimension's (row 8)", choices=("joint", "marginal")
    )
    random_network: str = setting(
        "own", "the random network has a task of its own, or that of the last run (row 12)", choices=("own", "shared")
    )


def analyse(recorded: Recorded, space: Space, settings: Settings, streams: NamedStreams) -> Result:
    """Divergence of every resting density (rows, with `random` and `uniform`) from every waking one (columns).

    Args:
        recorded: run → phase → decoded states (B, T, P); the run `random` has only a resting phase.
        space: where the states live.
        streams: source of the Monte Carlo samples.

    Returns:
        table[row][column] in nats, None where a density is degenerate; details with each pair's standard error, the other
        direction (None where it is infinite: a kernel density reaches past the walls, where a uniform one is 0), the
        Jensen–Shannon divergence, the terms a clip would touch, and the divergence at matched bandwidth with the
        entropy of the resting density then; and the differential entropy of each waking density, None likewise.
    """
    problems: dict[str, str] = {}
    resting = _estimates(space, recorded, "quiescent", problems)
    waking = _estimates(space, recorded, "active", problems)
    names, columns = [*recorded, UNIFORM], [run for run, phases in recorded.items() if "active" in phases]
    rows: dict[str, Density] = {**resting, UNIFORM: Uniform(space, marginal=settings.uniform_baseline == "marginal")}
    row_samples = {run: q.sample(settings.n_samples, streams(f"{run}/rest")) for run, q in rows.items()}
    column_samples = {run: p.sample(settings.n_samples, streams(f"{run}/awake")) for run, p in waking.items()}
    log_q = {run: q.log_density(row_samples[run]) for run, q in rows.items()}
    log_p = {run: p.log_density(column_samples[run]) for run, p in waking.items()}

    pairs: dict[str, dict[str, Any]] = {row: dict.fromkeys(columns) for row in names}
    for (row, q), (column, p) in product(rows.items(), waking.items()):
        forward = log_q[row] - p.log_density(row_samples[row])
        backward = log_p[column] - q.log_density(column_samples[column])
        pair = _divergences(forward, backward, settings.clip)
        if row in resting:
            pair["matched_bandwidth"] = _matched(resting[row], p, settings, streams(f"{row}/rest/{column}"))
        pairs[row][column] = pair
    table = {row: {column: pair and pair["kl"] for column, pair in cells.items()} for row, cells in pairs.items()}
    entropies = {run: -float(log_p[run].mean()) if run in log_p else None for run in columns}
    return Result(table, {"unit": "nat", "pairs": pairs, "entropy_awake": entropies, "degenerate": problems}, table)


def _estimates(space: Space, recorded: Recorded, phase: str, problems: dict[str, str]) -> dict[str, Estimate]:
    """The density of each run that has the phase; why one has none goes to `problems`."""
    found = {}
    for run, phases in recorded.items():
        if phase in phases:
            states = phases[phase].states
            points = states.reshape(-1, states.shape[-1])  # (B, T, P) → (B·T, P)
            try:
                found[run] = estimate(space, points)
            except DegenerateDensity as problem:
                problems[f"{run} {phase}"] = str(problem)
    return found


def _divergences(forward: Points, backward: Points, clip: float | None) -> dict[str, Any]:
    """From log q − log p at samples of q, and log p − log q at samples of p."""
    kl, error = _mean(forward, clip)
    reverse, reverse_error = _mean(backward, clip)
    return {
        "kl": kl,
        "standard_error": error,
        "reverse": reverse,
        "reverse_standard_error": reverse_error,
        "jensen_shannon": float(math.log(2) - (np.logaddexp(0, -forward).mean() + np.logaddexp(0, -backward).mean()) / 2),
        "terms_beyond_clip": int((np.abs(forward) > math.log(clip or CLIP)).sum()),
        "terms": len(forward),
    }


def _matched(q: Estimate, p: Estimate, settings: Settings, rng: np.random.Generator) -> dict[str, float | None]:
    """Divergence and entropy when the resting density is given the waking density's kernel: no width differs then."""
    matched = q.with_kernel(p.kernel)
    samples = matched.sample(settings.n_samples, rng)
    log_q = matched.log_density(samples)
    kl, error = _mean(log_q - p.log_density(samples), settings.clip)
    return {"kl": kl, "standard_error": error, "entropy": -float(log_q.mean())}


def _mean(log_ratio: Points, clip: float | None) -> tuple[float | None, float | None]:
    """Monte Carlo mean and its standard error; None for an infinite mean."""
    if clip is not None:
        log_ratio = np.clip(log_ratio, -math.log(clip), math.log(clip))
    if np.isinf(log_ratio).any():
        return None, None
    return float(log_ratio.mean()), standard_error(log_ratio)
