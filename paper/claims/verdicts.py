"""Judge claims from one number per seed; the rule is the same for every claim.

A claim's number is computed for every seed; the seed is the unit of inference. The claim holds if the 95 % confidence
interval of its mean over seeds (Student's t) lies in the range, and does not hold if the interval lies outside. Otherwise,
and always with fewer than three seeds, it is undecided. Seeds measured before the rule was written do not count.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
import math
from typing import Any, NamedTuple

import numpy as np

from paper.protocols import FURTHER_SEEDS, Condition
from paper.study import Study
from reactivation.analysis.results import confidence_interval, half_width

TRAINING = "training"  # a key beside the protocols: <task>/<run> → decoding error of that network
FEWEST_SEEDS = 3
MOST_SEEDS = 1000  # no one would train more to decide a claim
HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
NOT_ASKED = "cannot be asked"  # of networks for which two rests that the claim compares are one
INFINITY = math.inf
_GAP = "\N{NO-BREAK SPACE}"

Results = Mapping[str, Any]  # protocol or TRAINING → content of its files, for one seed


class Compared(NamedTuple):
    """Two protocols that a claim compares. Where a preset makes one rest of them, the claim asks nothing of its own."""

    one: str
    other: str
    why: str  # a preset makes one rest of them, in words
    same_as: str = ""  # key of the claim that has the same number then; "": there is no number


@dataclass(frozen=True)
class Claim:
    """A sentence, the function that gives its number for one seed, and the range for that number."""

    key: str
    sentence: str
    figure: str
    measure: str
    protocols: tuple[str, ...]
    value: Callable[[Results], float]
    low: float = -INFINITY
    high: float = INFINITY
    seen: tuple[int, ...] = ()  # seeds of the paper's networks measured before the rule was written: they do not count
    ours: bool = False  # whether it is a check or question of this project, not a claim of the paper
    compared: Compared | None = None
    is_at_limit: Callable[[Results], bool] | None = None  # whether one seed's number is the largest that could be seen

    @property
    def rule(self) -> str:
        """The range in words."""
        if self.low == -INFINITY:
            return f"≤{_GAP}{self.high:.3g}"
        return f"≥{_GAP}{self.low:.3g}" if self.high == INFINITY else f"{self.low:g} to {self.high:g}"

    def under(self, condition: Condition) -> "Claim":
        """Return the claim about another condition, with its key, sentence and figure."""
        sentence = f"{self.sentence.removesuffix('.')}{condition.words}."
        return replace(self, key=condition.key(self.key), sentence=sentence, figure=condition.figure or self.figure)

    def contains(self, value: float) -> bool:
        """Return whether a number lies in the range."""
        return self.low <= value <= self.high


class Verdict(NamedTuple):
    """A claim judged over the measured seeds."""

    seeds: tuple[int, ...]  # those that count
    values: tuple[float, ...]  # one per seed
    mean: float  # NaN for no seeds
    interval: tuple[float, float] | None  # None for fewer than two seeds
    verdict: str
    known: tuple[float, ...] = ()  # numbers of seeds measured before the rule was written
    at_limit: tuple[int, ...] = ()  # of those that count, the seeds whose true number may be larger than could be seen

    def plain(self) -> dict[str, Any]:
        """Return it as plain values for JSON; numbers that are not finite become null, an empty `at_limit` is left out."""

        def plain(value: float) -> float | None:
            return value if math.isfinite(value) else None

        interval = self.interval and tuple(map(plain, self.interval))
        values, known = (tuple(map(plain, numbers)) for numbers in (self.values, self.known))
        told = self._asdict() | {"values": values, "mean": plain(self.mean), "interval": interval, "known": known}
        return {name: value for name, value in told.items() if name != "at_limit" or value}


def ratio(value: float, of: float) -> float:
    """Return value / of, infinite if `of` is 0."""
    return value / of if of else INFINITY


def judge(claim: Claim, by_seed: Mapping[int, float]) -> Verdict:
    """Return the verdict from seed → value; a value that is not finite, or no value at all, leaves the claim undecided."""
    values = tuple(by_seed.values())
    interval = confidence_interval(values)
    verdict = UNDECIDED
    if interval is not None and len(values) >= FEWEST_SEEDS and all(map(math.isfinite, interval)):
        low, high = interval
        if claim.contains(low) and claim.contains(high):
            verdict = HOLDS
        elif high < claim.low or low > claim.high:
            verdict = FAILS
    return Verdict(tuple(by_seed), values, float(np.mean(values)) if values else math.nan, interval, verdict)


def seeds_to_decide(claim: Claim, verdict: Verdict) -> int | None:
    """Return how many seeds with the present mean and standard deviation would decide an undecided claim.

    None if no number up to `MOST_SEEDS` would, if a value is not finite, or with one seed, which has no standard deviation.
    """
    if len(verdict.values) < 2 or not all(map(math.isfinite, verdict.values)):
        return None
    distance = min(abs(verdict.mean - end) for end in (claim.low, claim.high))
    sd = float(np.std(verdict.values, ddof=1))
    numbers = range(FEWEST_SEEDS, MOST_SEEDS + 1)
    return next((n for n in numbers if half_width(sd, n) < distance), None)


def judge_all(claims: Iterable[Claim], study: Study) -> dict[str, Verdict | None]:
    """Judge every claim over the seeds that count and have its results; None for a claim without such seeds.

    A claim that cannot be asked of these networks has a verdict that says so, whether they are measured or not.
    """
    return {claim.key: _judged(claim, study) for claim in claims}


def can_be_asked(claim: Claim, study: Study) -> bool:
    """Return whether the rests that a claim compares differ in this study."""
    return claim.compared is None or not study.rests_alike(claim.compared.one, claim.compared.other)


def _judged(claim: Claim, study: Study) -> Verdict | None:
    if not can_be_asked(claim, study):
        return Verdict((), (), math.nan, None, NOT_ASKED)
    found = {seed: _value(claim, study, seed) for seed in study.seeds_of(*_measured(claim))}
    values = {seed: value for seed, value in found.items() if value is not None}
    if not all(seed in values for seed in FURTHER_SEEDS if seed in study.seeds):  # each would be a look at the verdict
        values = {seed: value for seed, value in values.items() if seed not in FURTHER_SEEDS}
    if not values:
        return None
    seen = claim.seen if study.preset is None else ()  # networks of a preset were not seen before
    verdict = judge(claim, {seed: value for seed, value in values.items() if seed not in seen})
    known = tuple(value for seed, value in values.items() if seed in seen)
    return verdict._replace(known=known, at_limit=tuple(seed for seed in verdict.seeds if _is_at_limit(claim, study, seed)))


def _is_at_limit(claim: Claim, study: Study, seed: int) -> bool:
    return claim.is_at_limit is not None and claim.is_at_limit(results_of(claim.protocols, study, seed))


def _measured(claim: Claim) -> tuple[str, ...]:
    return tuple(name for name in claim.protocols if name != TRAINING)


def results_of(protocols: Iterable[str], study: Study, seed: int) -> Results:
    """Return the results of these protocols for one seed."""
    results: dict[str, Any] = {name: study.result(name, seed) for name in protocols if name != TRAINING}
    errors = {run: seeds[seed] for run, seeds in study.decoding_errors.items() if seed in seeds}
    return {TRAINING: errors, **results}


def _value(claim: Claim, study: Study, seed: int) -> float | None:
    """A claim's number for one seed; None if a network that it needs is not trained."""
    value = claim.value(results_of(claim.protocols, study, seed))
    return None if claim.protocols == (TRAINING,) and math.isnan(value) else value
