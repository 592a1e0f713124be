"""KL divergence between resting and waking state occupancy (Fig. 2e, Appendix A.2).

KL(q ‖ p) = E_q[log q − log p] in nats, with q the resting density and p the waking one, both kernel density estimates, by
Monte Carlo over samples of q. Standard errors are those of the Monte Carlo mean; the seed stays the unit of inference.

    python output_kl.py [seed=0] [task=head_direction] [key=value ...]
    python output_kl.py seed=0 'runs=[noisy_unbiased_gru,noisy_biased_gru]' out=gru

Writes results/<task>/kl_<noise>_<seed>.json (resting → waking → nats, with rows random and uniform), and beside it
kl_<noise>_<seed>_details.json: settings, standard errors, the other direction, a symmetric divergence, matched bandwidth.
"""

from dataclasses import dataclass
from itertools import product
import math
from typing import Any, NamedTuple

import numpy as np

from reactivation.analysis.base import (
    Analysis,
    AnalysisSettings,
    NamedStreams,
    Recorded,
    Recording,
    Result,
    Untrained,
    both_phases,
    rest_of,
    standard_error,
)
from reactivation.analysis.densities import DegenerateDensity, Density, Estimate, Points, Uniform, estimate
from reactivation.network.phases import ACTIVE, QUIESCENT
from reactivation.settings.declaring import LARGEST, setting

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


class Divergence(NamedTuple):
    """How far a density q is from a density p, by Monte Carlo [nats]; None where infinite."""

    kl: float | None  # KL(q ‖ p)
    standard_error: float | None
    reverse: float | None  # KL(p ‖ q): infinite for a uniform q, since a kernel density p reaches past the walls
    reverse_standard_error: float | None
    jensen_shannon: float
    terms_beyond_clip: int  # that a clip would touch
    terms: int


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return the divergence of every resting density (rows, with `random` and `uniform`) from every waking one (columns).

    Args:
        recorded: run → rest and, but for the run `random`, waking.
        streams: source of the Monte Carlo samples.

    Returns:
        table[row][column] in nats, None where a density is degenerate; details with each pair's `Divergence` and the
        divergence at matched bandwidth with the entropy of the resting density then; and the differential entropy of each
        waking density, None likewise.
    """
    asleep = {run: phases[QUIESCENT] for run, phases in recorded.items()}
    awake = {run: phases[ACTIVE] for run, phases in recorded.items() if ACTIVE in phases}
    problems: dict[str, str] = {}
    resting, waking = _estimates(asleep, QUIESCENT, problems), _estimates(awake, ACTIVE, problems)
    space = next(iter(asleep.values())).space
    rows: dict[str, Density] = {**resting, UNIFORM: Uniform(space, marginal=settings.uniform_baseline == "marginal")}
    row_samples = {run: q.sample(settings.n_samples, streams(f"{run}/rest")) for run, q in rows.items()}
    column_samples = {run: p.sample(settings.n_samples, streams(f"{run}/awake")) for run, p in waking.items()}
    log_q = {run: q.log_density(row_samples[run]) for run, q in rows.items()}
    log_p = {run: p.log_density(column_samples[run]) for run, p in waking.items()}

    pairs: dict[str, dict[str, Any]] = {row: dict.fromkeys(awake) for row in [*asleep, UNIFORM]}
    for (row, q), (column, p) in product(rows.items(), waking.items()):
        forward = log_q[row] - p.log_density(row_samples[row])
        backward = log_p[column] - q.log_density(column_samples[column])
        pair = divergence(forward, backward, settings.clip)._asdict()
        if row in resting:
            pair["matched_bandwidth"] = _matched(resting[row], p, settings, streams(f"{row}/rest/{column}"))
        pairs[row][column] = pair
    table = {row: {column: pair and pair["kl"] for column, pair in cells.items()} for row, cells in pairs.items()}
    entropies = {run: -float(log_p[run].mean()) if run in log_p else None for run in awake}
    return Result(table, {"unit": "nat", "pairs": pairs, "entropy_awake": entropies, "degenerate": problems}, table)


def _estimates(recordings: dict[str, Recording], phase: str, problems: dict[str, str]) -> dict[str, Estimate]:
    """Return the density of each run's recording; why one has none goes to `problems`, under the name of the phase."""
    found = {}
    for run, recording in recordings.items():
        try:
            found[run] = estimate(recording.space, recording.positions.reshape(-1, recording.positions.shape[-1]))
        except DegenerateDensity as problem:
            problems[f"{run} {phase}"] = str(problem)
    return found


def divergence(forward: Points, backward: Points, clip: float | None) -> Divergence:
    """Return it from log q − log p at samples of q, and log p − log q at samples of p."""
    mixed = (np.logaddexp(0, -forward).mean() + np.logaddexp(0, -backward).mean()) / 2
    beyond = int((np.abs(forward) > math.log(clip or CLIP)).sum())
    return Divergence(*_mean(forward, clip), *_mean(backward, clip), float(math.log(2) - mixed), beyond, len(forward))


def _matched(q: Estimate, p: Estimate, settings: Settings, rng: np.random.Generator) -> dict[str, float | None]:
    """Return divergence and entropy when the resting density is given the waking density's kernel: no width differs then."""
    matched = q.with_kernel(p.kernel)
    samples = matched.sample(settings.n_samples, rng)
    log_q = matched.log_density(samples)
    kl, error = _mean(log_q - p.log_density(samples), settings.clip)
    return {"kl": kl, "standard_error": error, "entropy": -float(log_q.mean())}


def _mean(log_ratio: Points, clip: float | None) -> tuple[float | None, float | None]:
    """Return the Monte Carlo mean and its standard error; None for an infinite mean."""
    if clip is not None:
        log_ratio = np.clip(log_ratio, -math.log(clip), math.log(clip))
    if np.isinf(log_ratio).any():
        return None, None
    return float(log_ratio.mean()), standard_error(log_ratio)


def untrained(settings: Settings) -> Untrained:
    """Return what the row `random` is made of."""
    return Untrained((rest_of(settings),), shares_task=settings.random_network == "shared")


ANALYSIS = Analysis(Settings, both_phases, analyse, format=2, untrained=untrained)
