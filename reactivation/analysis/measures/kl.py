"""KL divergence between resting and waking state occupancy (Fig. 2e, Appendix A.2).

KL(q ‖ p) = E_q[log q − log p] in nats, with q the resting density and p the waking one, both kernel density estimates, by
Monte Carlo over samples of q. Standard errors are those of the Monte Carlo mean; the seed stays the unit of inference.

    python output_kl.py [seed=0] [task=head_direction] [key=value ...]
    python output_kl.py seed=0 'runs=[noisy_unbiased_gru,noisy_biased_gru]' out=gru

Writes results/<task>/kl_<noise>_<seed>.json (resting → waking run folder → nats, with rows random and uniform), and
beside it kl_<noise>_<seed>_details.json: settings, standard errors, the other direction, a symmetric divergence, matched
bandwidth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
import math
from typing import Any, NamedTuple

import numpy as np

from reactivation.analysis.base import (
    RANDOM,
    Analysis,
    AnalysisSettings,
    NamedStreams,
    Recorded,
    Recording,
    Result,
    Untrained,
    both_phases,
    rest_of,
)
from reactivation.analysis.densities import DegenerateDensity, Density, Estimate, Points, Uniform, estimate
from reactivation.analysis.recording import both_recordings
from reactivation.analysis.results import standard_error
from reactivation.checks import Positive, Rng, Several, checked, generator
from reactivation.machine import memory
from reactivation.machine.errors import BadInput
from reactivation.network.phases import ACTIVE, QUIESCENT
from reactivation.settings.declaring import LARGEST, setting
from reactivation.world.spaces import Space

UNIFORM = "uniform"  # the name of the other baseline row
CLIP = 1e7  # terms whose density ratio lies outside [1/CLIP, CLIP] are counted


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_kl.py`."""

    n_samples: int = setting(2500, "Monte Carlo samples per density", low=2, high=LARGEST)
    clip: float | None = setting(None, "clip density ratios to [1/clip, clip]; null: never", above=1)
    uniform_baseline: str = setting(
        "joint",
        "density of the uniform row; marginal: one dimension's (docs/differences.md, row 8)",
        choices=("joint", "marginal"),
    )
    random_network: str = setting(
        "own",
        "the random network has a task of its own, or that of the last run (docs/differences.md, row 12); none: without it",
        choices=("own", "shared", "none"),
    )


class Divergence(NamedTuple):
    """How far a density q is from a density p, by Monte Carlo [nats]; None where infinite."""

    kl: float | None  # KL(q ‖ p)
    standard_error: float | None
    reverse: float | None  # KL(p ‖ q): infinite for a uniform q, since a kernel density p reaches past the walls
    reverse_standard_error: float | None
    jensen_shannon: float
    terms_beyond_clip: int  # terms that a clip would change
    terms: int


class Matched(NamedTuple):
    """The divergence when the resting density has the waking density's kernel, so that both widths are equal [nats]."""

    kl: float | None
    standard_error: float | None
    entropy: float  # of the resting density with that kernel


class Sampled(NamedTuple):
    """A density, with samples of it."""

    density: Density
    samples: Points  # (m, P)
    log_density: Points  # (m) log of the density at these samples


@dataclass(frozen=True)
class KL:
    """Hold the divergence of resting from waking occupancy, with errors and related numbers [nats]."""

    value: float  # KL(rest ‖ awake); ∞ if a Monte Carlo term is infinite
    standard_error: float  # of the Monte Carlo mean; another seed or animal may differ by more
    reverse: float  # KL(awake ‖ rest)
    reverse_standard_error: float
    jensen_shannon: float  # symmetric, from 0 to ln 2
    matched: float  # KL(rest ‖ awake) where both have the kernel of waking
    matched_standard_error: float
    entropy_awake: float  # differential
    entropy_rest: float  # with the kernel of waking
    terms_beyond_clip: int  # Monte Carlo terms whose ratio of densities lies beyond 10^±7

    def __repr__(self) -> str:
        return f"KL(rest ‖ awake) = {self.value:.4f} ± {self.standard_error:.4f} nats (matched kernels: {self.matched:.4f})"


@checked
def kl(
    rest: Any,
    awake: Any,
    rng: Rng = 0,
    *,
    space: Space | None = None,
    samples: Several = 2500,
    clip: Positive | None = None,
) -> KL:
    """Measure how far resting occupancy is from waking occupancy: KL(rest ‖ awake) in nats (Fig. 2e, Appendix A.2).

    Densities are kernel estimates with Scott's bandwidth, von Mises on a circle, and KL(q ‖ p) = E_q[log q − log p] is found
    by Monte Carlo over samples of q.

    Args:
        rest, awake: two `Recording`s, or positions (B, T, P) with their space.
        rng: a seed, or the generator that samples are drawn from.
        samples: of each density.
        clip: clip ratios of densities to [1/clip, clip], as the paper's released code does at 1e7; None: never.

    Returns:
        `KL`, in nats: `.value`, its Monte Carlo `.standard_error` (other trajectories or seeds differ by more), `.matched`,
        which is KL(rest ‖ awake) with the kernel of waking for both, `.reverse`, KL(awake ‖ rest), `.jensen_shannon`, and
        the differential entropies `.entropy_awake` and `.entropy_rest`.

    Raises:
        BadInput: two spaces, positions that span no area (a network that never moves has no density), or more samples than
            the memory holds.

    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(0, 0.3, (2, 10, 200, 2)).clip(-1, 1)
    >>> ra.kl(points[0] / 2, points[1], space=ra.Box(2, 2), rng=0)
    KL(rest ‖ awake) = 0.6860 ± 0.0149 nats (matched kernels: 0.5252)
    """
    both = both_recordings(rest, awake, space)
    draws = generator(rng)
    if clip is not None and not clip > 1:
        raise BadInput(f"clip={clip} is a largest ratio of densities and must be greater than 1")
    numbers_of_a_sample = both[0].space.dimensions + 1  # its coordinates, and the logarithm of a density
    memory.require_doubles(2 * samples * numbers_of_a_sample, "numbers of samples")
    densities = []
    for name, one in zip(("rest", "awake"), both, strict=True):
        try:
            densities.append(estimate(one.space, one.flat))
        except DegenerateDensity as problem:
            raise BadInput(f"{name} has no density: {problem}") from None
    q, p = densities
    drawn, model = _sampled(q, samples, draws), _sampled(p, samples, draws)
    found, matched = _between(drawn, model, clip), _matched(q, p, samples, clip, draws)
    return KL(
        _or_infinite(found.kl),
        _or_infinite(found.standard_error),
        _or_infinite(found.reverse),
        _or_infinite(found.reverse_standard_error),
        found.jensen_shannon,
        _or_infinite(matched.kl),
        _or_infinite(matched.standard_error),
        _entropy(model),
        matched.entropy,
        found.terms_beyond_clip,
    )


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return the divergence of every resting density (rows, with `random` and `uniform`) from every waking one (columns).

    Args:
        recorded: run → rest and, except for the run `random`, waking.
        streams: source of the Monte Carlo samples.

    Returns:
        table[row][column] in nats, None where a density is degenerate. Details: each pair's `Divergence`, the divergence at
        matched bandwidth with the entropy of the resting density at that bandwidth, and the differential entropy of each
        waking density, None where it is degenerate.
    """
    asleep = {run: phases[QUIESCENT] for run, phases in recorded.items()}
    awake = {run: phases[ACTIVE] for run, phases in recorded.items() if ACTIVE in phases}
    problems: dict[str, str] = {}
    resting, waking = _estimates(asleep, QUIESCENT, problems), _estimates(awake, ACTIVE, problems)
    space, n = next(iter(asleep.values())).space, settings.n_samples
    densities: dict[str, Density] = {**resting, UNIFORM: Uniform(space, marginal=settings.uniform_baseline == "marginal")}
    rows = {run: _sampled(q, n, streams(f"{run}/rest")) for run, q in densities.items()}
    columns = {run: _sampled(p, n, streams(f"{run}/awake")) for run, p in waking.items()}

    pairs: dict[str, dict[str, Any]] = {row: dict.fromkeys(awake) for row in [*asleep, UNIFORM]}
    for row, column in product(rows, columns):
        pair = _between(rows[row], columns[column], settings.clip)._asdict()
        if row in resting:
            own_stream = streams(f"{row}/rest/{column}")
            matched = _matched(resting[row], waking[column], n, settings.clip, own_stream)
            pair["matched_bandwidth"] = matched._asdict()
        pairs[row][column] = pair
    table = {row: {column: pair and pair["kl"] for column, pair in cells.items()} for row, cells in pairs.items()}
    entropies = {run: _entropy(columns[run]) if run in columns else None for run in awake}
    return Result(table, {"unit": "nat", "pairs": pairs, "entropy_awake": entropies, "degenerate": problems}, table)


def _estimates(recordings: dict[str, Recording], phase: str, problems: dict[str, str]) -> dict[str, Estimate]:
    """Return the density of each run's recording; reasons for a missing density go to `problems`, by run and phase."""
    found = {}
    for run, recording in recordings.items():
        try:
            found[run] = estimate(recording.space, recording.flat)
        except DegenerateDensity as problem:
            problems[f"{run} {phase}"] = str(problem)
    return found


def _sampled(density: Density, samples: int, rng: np.random.Generator) -> Sampled:
    drawn = density.sample(samples, rng)
    return Sampled(density, drawn, density.log_density(drawn))


def _entropy(sampled: Sampled) -> float:
    """Return the differential entropy of a density [nats]."""
    return -float(sampled.log_density.mean())


def _between(q: Sampled, p: Sampled, clip: float | None) -> Divergence:
    """Return how far q is from p."""
    forward = q.log_density - p.density.log_density(q.samples)
    return divergence(forward, p.log_density - q.density.log_density(p.samples), clip)


def divergence(forward: Points, backward: Points, clip: float | None) -> Divergence:
    """Return it from log q − log p at samples of q (`forward`) and log p − log q at samples of p (`backward`)."""
    mixed = (np.logaddexp(0, -forward).mean() + np.logaddexp(0, -backward).mean()) / 2
    beyond = int((np.abs(forward) > math.log(clip or CLIP)).sum())
    return Divergence(*_mean(forward, clip), *_mean(backward, clip), float(math.log(2) - mixed), beyond, len(forward))


def _matched(q: Estimate, p: Estimate, samples: int, clip: float | None, rng: np.random.Generator) -> Matched:
    """Return divergence and entropy when the resting density is given the waking density's kernel."""
    matched = _sampled(q.with_kernel(p.kernel), samples, rng)
    mean, error = _mean(matched.log_density - p.log_density(matched.samples), clip)
    return Matched(mean, error, _entropy(matched))


def _mean(log_ratio: Points, clip: float | None) -> tuple[float | None, float | None]:
    """Return the Monte Carlo mean and its standard error; None for an infinite mean."""
    if clip is not None:
        log_ratio = np.clip(log_ratio, -math.log(clip), math.log(clip))
    if np.isinf(log_ratio).any():
        return None, None
    return float(log_ratio.mean()), standard_error(log_ratio)


def untrained(settings: Settings) -> Untrained | None:
    """Return what the row `random` is made of; None for no such row."""
    if settings.random_network == "none":
        return None
    return Untrained((rest_of(settings),), shares_task=settings.random_network == "shared")


def tabulate(run: str, entry: Any, details: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return a run's divergence from its own waking, and what it is to be compared with [nats]."""
    pairs = details["pairs"]
    own, matched = pairs[run][run] or {}, (pairs[run][run] or {}).get("matched_bandwidth") or {}
    others = {f"kl_{row}": (pairs[row][run] or {}).get("kl") for row in (RANDOM, UNIFORM) if row in pairs}
    return {
        QUIESCENT: {
            "kl": own.get("kl"),
            "kl_standard_error": own.get("standard_error"),
            "kl_reverse": own.get("reverse"),
            "kl_reverse_standard_error": own.get("reverse_standard_error"),
            "kl_matched": matched.get("kl"),
            "kl_matched_standard_error": matched.get("standard_error"),
            "jensen_shannon": own.get("jensen_shannon"),
            **others,
            "entropy_awake": details["entropy_awake"][run],
            "entropy_rest": matched.get("entropy"),
        }
    }


LEGEND = "KL(rest of the row ‖ waking of the column) [nats]"
ANALYSIS = Analysis(Settings, both_phases, analyse, format=2, untrained=untrained, tabulate=tabulate, legend=LEGEND)
