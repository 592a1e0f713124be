"""Every claim of Section 4 and Appendix C as a test: one number per seed, a range it must lie in, a verdict over seeds.

The rule is the same for all. A claim's number is computed for every seed; the seed is the unit of inference. The claim holds
if the 95 % confidence interval of its mean over seeds (Student's t) lies in the range, does not hold if the interval lies
outside, and is undecided otherwise, and always with fewer than three seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import math
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from reactivation.evidence import Evidence

TRAINING = "training"  # beside the protocols: <task>/<run> → decoding error of that network
LEVEL = 0.95
FEWEST_SEEDS = 3
HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"

# What the words of the paper are taken to mean; written before the runs they judge.
CLOSE = 0.3  # nats: "closely resembles"; the divergence of a uniform density that leaves out a quarter of the space
ABOUT = 0.1  # nats: "about as close as"; likewise a tenth of the space
MUCH = 2.0  # times: "much more", and its inverse "less"
FEW = 10  # principal components: few, of 512 units (128 for head direction)
MOST = 2 / 3  # share of variance: what few components must explain to be called low-dimensional
ALIKE = 0.1  # difference of two curves of cumulative explained variance that are called overlapping
ALIGNED = 0.9  # share or correlation that counts as nearly all

Results = Mapping[str, Any]  # protocol or "training" → what its files hold, for one seed
INFINITY = math.inf


@dataclass(frozen=True)
class Claim:
    """One row."""

    key: str
    sentence: str
    figure: str
    measure: str
    protocols: tuple[str, ...]
    value: Callable[[Results], float]
    low: float = -INFINITY
    high: float = INFINITY

    @property
    def rule(self) -> str:
        """The range, for people."""
        if self.low == -INFINITY:
            return f"≤ {self.high:.3g}"
        return f"≥ {self.low:.3g}" if self.high == INFINITY else f"{self.low:g} to {self.high:g}"


class Verdict(NamedTuple):
    """A claim over the seeds at hand."""

    values: tuple[float, ...]  # one per seed
    mean: float
    interval: tuple[float, float] | None  # None for fewer than two seeds
    verdict: str


def judge(claim: Claim, values: Sequence[float]) -> Verdict:
    """The verdict from one value per seed; NaN or infinite values of a seed leave the claim undecided.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError(f"{claim.key}: no seeds")
    interval = confidence_interval(values)
    verdict = UNDECIDED
    if interval is not None and len(values) >= FEWEST_SEEDS and all(map(math.isfinite, interval)):
        low, high = interval
        if claim.low <= low and high <= claim.high:
            verdict = HOLDS
        elif high < claim.low or low > claim.high:
            verdict = FAILS
    return Verdict(tuple(values), float(np.mean(values)), interval, verdict)


def confidence_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's t interval of the mean over seeds; None for fewer than two, endless if a value is not finite."""
    if len(values) < 2:
        return None
    if not all(map(math.isfinite, values)):
        return -INFINITY, INFINITY
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
    centre = float(np.mean(values))
    return centre - half, centre + half


def _kl(protocol: str, row: str, column: str) -> Callable[[Results], float]:
    def value(results: Results) -> float:
        entry = results[protocol]["table"][row][column]
        return math.nan if entry is None else float(entry)

    return value


def _difference(a: Callable[[Results], float], b: Callable[[Results], float]) -> Callable[[Results], float]:
    return lambda results: a(results) - b(results)


def _ratio(a: Callable[[Results], float], b: Callable[[Results], float]) -> Callable[[Results], float]:
    def value(results: Results) -> float:
        below = b(results)
        return a(results) / below if below else math.inf

    return value


def _step(protocol: str, run: str, phase: str) -> Callable[[Results], float]:
    return lambda results: mean(results[protocol]["table"][run][phase])


def _table(protocol: str, *path: str) -> Callable[[Results], float]:
    def value(results: Results) -> float:
        found = results[protocol]["table"]
        for key in path:
            found = found[key]
        return float(found)

    return value


def _learned() -> list[Claim]:
    def row(key: str, what: str, run: str, figure: str, unit: str, half_width: float) -> Claim:
        return Claim(
            key,
            f"Trained with noise, the networks report the state they integrate ({what}).",
            figure,
            f"decoding error on the test batch [{unit}], against half a tuning width",
            (TRAINING,),
            lambda results: float(results[TRAINING].get(run, math.nan)),
            high=half_width,
        )

    return [
        row("learned", "space, vanilla", "spatial_navigation/noisy_unbiased", "1b", "m", 0.1),
        row("learned_gru", "space, GRU", "spatial_navigation/noisy_unbiased_gru", "C.2", "m", 0.1),
        row("learned_head", "head direction", "head_direction/noisy_unbiased", "3", "rad", math.pi / 12),
    ]


def _dimensions() -> list[Claim]:
    run, protocol = "noisy_unbiased", ("manifold",)
    waking, resting = (_table("manifold", run, f"{phase}_share") for phase in ("active", "quiescent"))
    return [
        Claim(
            "low_dimensional_awake",
            "Waking activity is low-dimensional.",
            "1c",
            f"share of variance in the first {FEW} principal components, awake",
            protocol,
            waking,
            low=MOST,
        ),
        Claim(
            "low_dimensional_rest",
            "So is resting activity.",
            "1c",
            f"share of variance in the first {FEW} principal components, at rest",
            protocol,
            resting,
            low=MOST,
        ),
        Claim(
            "overlapping",
            "The two curves of explained variance overlap.",
            "1c",
            "largest difference between the cumulative curves",
            protocol,
            _table("manifold", run, "largest_gap"),
            high=ALIKE,
        ),
        Claim(
            "same_subspace",
            "Rest stays in the directions of waking.",
            "1f-g",
            f"resting variance in the first {FEW} waking components, over that in the first {FEW} resting ones",
            protocol,
            _ratio(_table("manifold", run, "quiescent_share_of_active"), resting),
            low=ALIGNED,
        ),
        Claim(
            "same_plane",
            "Projected onto the first two waking components, rest is distributed as waking is.",
            "1j-k",
            "KL(rest ‖ awake) in the plane of those components [nats]",
            protocol,
            _table("manifold", run, "kl_plane"),
            high=CLOSE,
        ),
    ]


def _distributions(protocol: str, end: str, figure: str, what: str) -> list[Claim]:
    unbiased, biased = f"noisy_unbiased{end}", f"noisy_biased{end}"
    key = protocol.removeprefix("kl").strip("_")
    suffix = f"_{key}" if key else ""

    def row(name: str, sentence: str, measure: str, value: Callable[[Results], float], **limits: float) -> Claim:
        return Claim(f"{name}{suffix}", f"{sentence}{what}.", figure, f"{measure} [nats]", (protocol,), value, **limits)

    own_u, own_b = _kl(protocol, unbiased, unbiased), _kl(protocol, biased, biased)
    return [
        row(
            "uniform",
            "Unbiased rest is about as close to waking as a true uniform distribution is",
            "KL(rest ‖ awake) − KL(uniform ‖ awake), unbiased",
            _difference(own_u, _kl(protocol, "uniform", unbiased)),
            high=ABOUT,
        ),
        row("biased", "Biased rest closely resembles biased waking", "KL(rest ‖ awake), biased", own_b, high=CLOSE),
        row(
            "crossed_to_unbiased",
            "Biased rest diverges from unbiased waking",
            "KL(biased rest ‖ unbiased awake) − KL(unbiased rest ‖ unbiased awake)",
            _difference(_kl(protocol, biased, unbiased), own_u),
            low=CLOSE,
        ),
        row(
            "crossed_to_biased",
            "Unbiased rest diverges from biased waking",
            "KL(unbiased rest ‖ biased awake) − KL(biased rest ‖ biased awake)",
            _difference(_kl(protocol, unbiased, biased), own_b),
            low=CLOSE,
        ),
        row(
            "random_to_unbiased",
            "An untrained network diverges from unbiased waking",
            "KL(random ‖ unbiased awake) − KL(unbiased rest ‖ unbiased awake)",
            _difference(_kl(protocol, "random", unbiased), own_u),
            low=CLOSE,
        ),
        row(
            "random_to_biased",
            "An untrained network diverges from biased waking",
            "KL(random ‖ biased awake) − KL(biased rest ‖ biased awake)",
            _difference(_kl(protocol, "random", biased), own_b),
            low=CLOSE,
        ),
    ]


def _noiseless(bias: str) -> list[Claim]:
    quiet, noisy = f"no-noise_{bias}", f"noisy_{bias}"
    return [
        Claim(
            f"noiseless_match_{bias}",
            f"Trained and resting without noise, networks still match waking in distribution ({bias}).",
            "2e",
            "KL(rest ‖ awake) [nats]",
            ("kl",),
            _kl("kl", quiet, quiet),
            high=CLOSE,
        ),
        Claim(
            f"noiseless_explore_less_{bias}",
            f"But each of their rests explores less ({bias}).",
            "2f",
            "variance of resting trajectories, noiseless over noisy",
            ("variance",),
            _ratio(_table("variance", quiet), _table("variance", noisy)),
            high=1 / MUCH,
        ),
        Claim(
            f"smooth_{bias}",
            f"Rest of networks trained with noise is smooth ({bias}).",
            "1e, C.4",
            "distance between consecutive points, at rest over awake",
            ("distance",),
            _ratio(_step("distance", noisy, "quiescent"), _step("distance", noisy, "active")),
            high=1.5,
        ),
        Claim(
            f"erratic_{bias}",
            f"Noise put into networks trained without makes rest erratic ({bias}).",
            "C.3e-f, C.4",
            "distance between consecutive points, noiselessly trained with Gaussian noise over trained with noise",
            ("distance",),
            _ratio(_step("distance", quiet, "quiescent_noisy"), _step("distance", noisy, "quiescent")),
            low=MUCH,
        ),
        Claim(
            f"erratic_uniform_{bias}",
            f"So does the uniform noise of the released code ({bias}).",
            "C.3e-f, C.4",
            "the same with uniform noise, mean push included",
            ("distance", "distance_uniform"),
            _ratio(_step("distance_uniform", quiet, "quiescent_noisy"), _step("distance", noisy, "quiescent")),
            low=MUCH,
        ),
        Claim(
            f"push_{bias}",
            f"There the noise is to blame, not its mean push ({bias}).",
            "C.3e-f, C.4",
            "distance with Gaussian noise of the uniform noise's variance and no push, over that with the uniform noise",
            ("distance_twelfth", "distance_uniform"),
            _ratio(_step("distance_twelfth", quiet, "quiescent_noisy"), _step("distance_uniform", quiet, "quiescent_noisy")),
            low=ALIGNED,
        ),
    ]


def _head_direction() -> list[Claim]:
    rows = []
    for run, figure in (("noisy_unbiased", "3a-b"), ("noisy_biased", "C.5")):
        bias = run.removeprefix("noisy_")
        rows += [
            Claim(
                f"head_{bias}",
                f"Bearings at rest are distributed as awake ({bias}).",
                figure,
                "circular KL(rest ‖ awake) [nats]",
                ("kl_head",),
                _kl("kl_head", run, run),
                high=CLOSE,
            ),
            Claim(
                f"dwell_{bias}",
                f"At rest a bearing is kept for longer ({bias}).",
                "C.5",
                "steps until the bearing has moved by one tuning width, median, at rest over awake",
                ("transitions",),
                _ratio(_table("transitions", run, "quiescent", "dwell"), _table("transitions", run, "active", "dwell")),
                low=MUCH,
            ),
        ]
    unbiased, biased = "noisy_unbiased", "noisy_biased"
    return [
        *rows,
        Claim(
            "ring_order",
            "Rest moves along a ring: its angle in the plane of the first two waking components is the bearing.",
            "3c-d",
            "resultant length of angle minus bearing, at rest",
            ("manifold_head",),
            _table("manifold_head", unbiased, "quiescent_ring_order"),
            low=ALIGNED,
        ),
        Claim(
            "ring_hole",
            "The ring has a hole.",
            "3c-d",
            "5th percentile of the radius in that plane over its mean, at rest",
            ("manifold_head",),
            _table("manifold_head", unbiased, "quiescent_ring_hole"),
            low=0.5,
        ),
        Claim(
            "turning_kept",
            "Biased turning is partly kept at rest.",
            "C.5d-e",
            "mean turn per step of biased networks, at rest over awake",
            ("transitions",),
            _ratio(
                _table("transitions", biased, "quiescent", "mean_turn"), _table("transitions", biased, "active", "mean_turn")
            ),
            low=0.05,
            high=0.9,
        ),
        Claim(
            "turning_from_training",
            "Without biased training, rest turns neither way.",
            "C.5f",
            "size of the mean turn at rest, unbiased over biased networks",
            ("transitions",),
            _ratio(
                lambda results: abs(_table("transitions", unbiased, "quiescent", "mean_turn")(results)),
                lambda results: abs(_table("transitions", biased, "quiescent", "mean_turn")(results)),
            ),
            high=1 / MUCH,
        ),
        Claim(
            "reversals",
            "Reversals still occur at rest.",
            "C.5b, e",
            "share of the moving steps that go against the trained turn, biased networks at rest",
            ("transitions",),
            _table("transitions", biased, "quiescent", "reversals"),
            low=0.1,
        ),
    ]


CLAIMS: tuple[Claim, ...] = (
    *_learned(),
    *_dimensions(),
    *_distributions("kl", "", "2e", ""),
    *_noiseless("unbiased"),
    *_noiseless("biased"),
    *_distributions("kl_gain1", "", "C.1", ", without doubled noise"),
    *_distributions("kl_gru", "_gru", "C.2", ", in GRUs"),
    *_head_direction(),
)


def judge_all(evidence: "Evidence") -> dict[str, Verdict | None]:
    """Every claim over the seeds that have what it needs; None where no seed has."""
    verdicts = {}
    for claim in CLAIMS:
        protocols = tuple(name for name in claim.protocols if name != TRAINING)
        values = [_value(claim, evidence, protocols, seed) for seed in evidence.seeds_of(*protocols)]
        known = [value for value in values if value is not None]
        verdicts[claim.key] = judge(claim, known) if known else None
    return verdicts


def _value(claim: Claim, evidence: "Evidence", protocols: tuple[str, ...], seed: int) -> float | None:
    """A claim's number for one seed; None where a network that it is about is not trained."""
    errors = {run: seeds[seed] for run, seeds in evidence.decoding_errors.items() if seed in seeds}
    value = claim.value({TRAINING: errors, **{name: evidence.result(name, seed) for name in protocols}})
    return None if claim.protocols == (TRAINING,) and math.isnan(value) else value
