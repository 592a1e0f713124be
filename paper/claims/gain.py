"""Which gain of the noise makes rest match waking: a rule that is older than the measures it judges.

Eq. 19 samples q ∝ p^(2/c), of which KL(q ‖ p) is least at c = 2, where rest is waking. Bias-free ReLU networks can have no
best gain (docs/theory.md, Eq. 3). Asked of the networks of tag=theory by `configs/sweep/gain_at_rest.yml`, without inputs
and with Brownian ones (inputs=query), in rests of 4,000 steps that begin at shuffled rates, away from waking, and of which
the last 2,000 count. Positions are decoded by templates, which see no factor.

Written, and committed, before any network of tag=theory was measured this way. Known were both analytic controls of the
circle, and networks of seed 0 in the box with doubled noise (the paper's figures), which do not count.

A network's curve is `kl_matched` by gain: both densities with waking's kernel, so that no width is the kernel's. It has a
best gain where its least value lies at an inner gain; the vertex of the parabola through that point and its neighbours, in
log₂ c, says where. Its rise is the natural logarithm of how many times farther from waking the nearer of its two ends is.
Networks are the unit. A condition is met where the 95 % t interval of the mean lies inside its range, broken where it lies
outside, and open otherwise (`paper.claims.theory.within`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math

from paper.claims.theory import within

AT_TWO = "best at c = 2"
ELSEWHERE = "best elsewhere"
NONE = "no best gain"
UNDECIDED = "undecided"
NO_CONTROL = "no verdict: a control failed"

GAINS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
RISE = (math.log(2), math.inf)  # of a curve with a best gain: its ends are at least twice as far
BEST = (0.5, 1.5)  # log₂ of a best gain that counts as 2: nearer to it than to its neighbours
MATCHES = (
    0.1  # nats per dimension: rest that is no farther matches waking; half its variance, as at c = 1 by Eq. 19, gives 0.097
)


@dataclass(frozen=True)
class Curve:
    """What is measured of one network under one kind of inputs [nats]."""

    kl: Mapping[float, float]  # c → KL(rest ‖ waking), kernels matched
    dimensions: int = 1  # of the space

    @property
    def best(self) -> float | None:
        """log₂ of the best gain; None where the least value lies at an end."""
        least = min(GAINS, key=lambda gain: self.kl[gain])
        place = GAINS.index(least)
        if place in (0, len(GAINS) - 1):
            return None
        before, here, after = (self.kl[gain] for gain in GAINS[place - 1 : place + 2])
        curvature = before - 2 * here + after
        return math.log2(least) + ((before - after) / (2 * curvature) if curvature > 0 else 0.0)

    @property
    def rise(self) -> float:
        """ln of how many times farther than the best gain the nearer end is: 0 where the best gain is an end."""
        return math.log(min(self.kl[GAINS[0]], self.kl[GAINS[-1]]) / min(self.kl.values()))


def verdict(curves: Sequence[Curve], langevin: Curve, scale_free: Sequence[Curve]) -> str:
    """Return where the networks of one family, under one kind of inputs, match waking best.

    Args:
        curves: of the family, one per seed.
        langevin: of the analytic Langevin network in the same rests; without inputs, whichever the family has.
        scale_free: of bias-free ReLU networks under no inputs, which must show no best gain.
    """
    if not (_at_two([langevin, langevin]) and judged(scale_free) == NONE):
        return NO_CONTROL
    return judged(curves)


def judged(curves: Sequence[Curve]) -> str:
    """As `verdict`, whatever the controls say."""
    rises = within([curve.rise for curve in curves], RISE)
    if rises is False:
        return NONE
    if rises is None or any(curve.best is None for curve in curves):
        return UNDECIDED
    if _at_two(curves):
        return AT_TWO
    return ELSEWHERE if within(_bests(curves), BEST) is False else UNDECIDED


def matching(curves: Sequence[Curve]) -> list[float]:
    """Return the gains at which rest matches waking, in the mean over networks."""
    return [c for c in GAINS if within([curve.kl[c] / curve.dimensions for curve in curves], (-math.inf, MATCHES))]


def _at_two(curves: Sequence[Curve]) -> bool:
    rises = within([curve.rise for curve in curves], RISE)
    return bool(rises) and len(_bests(curves)) == len(curves) and bool(within(_bests(curves), BEST))


def _bests(curves: Sequence[Curve]) -> list[float]:
    return [curve.best for curve in curves if curve.best is not None]
