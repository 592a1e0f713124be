"""Which gain of the noise makes rest match waking: a rule that was written before the measurements that it judges.

Eq. 19 samples q ∝ p^(2/c), and KL(q ‖ p) is least at c = 2, where q is p. The networks of tag=theory are measured by
`configs/sweep/gain_at_rest.yml`, without inputs and with Brownian ones (inputs=query), in 400 rests of 2,000 steps. Rests
start from shuffled rates, away from waking, and the last 500 steps count. Positions are decoded by templates, which ignore
the scale of activity. Langevin networks of the box forget their start as e^(−t/400), at any c. The number of trajectories
matters, not that of steps: with n independent places, even the KL of a density with itself comes out as A/4πh² · 1/2n nats,
where A is the area that it covers and h the width of the kernel. In the box that is 0.2 nats for 50 rests, which hide a best
gain, and 0.05 for 400.

The rule was committed before any network of tag=theory was measured this way. Known were the analytic controls, networks of
seed 0 in the box with doubled noise (the paper's figures), which do not count, and of the bias-free ReLU controls among
these one at c = ¼, ½ and 1, which was as far from waking at each (1.00, 1.00 and 1.02 nats).

A network's curve is `kl_matched` by gain: both densities have waking's kernel, so that kernels do not make widths differ. It
has a best gain if its least value lies at an inner gain; the best gain is the vertex of the parabola, in log₂ c, through
that point and its neighbours. Its rise is the natural logarithm of the lower of its two end values over its least value.
The network is the unit of inference. A condition is met if the 95 % t interval of the mean lies inside its range, broken if
it lies outside, and open otherwise (`paper.claims.theory.within`).

A best gain counts as that of Eq. 19 within half an octave of the best gain that Langevin networks of the task have without
inputs, just as α is compared with theirs and not with 1. Theirs is not exactly 2: KL rises faster towards more noise, so
that even a normal density has its vertex at 2^0.89, and these networks sample the density widened by their own noise.

Three controls have known answers without inputs; if one has another, no family gets a verdict. Langevin networks of the
task have a best gain, in the mean nearer to 2 than to 1 or 4. Flat attractors have none. Bias-free ReLU networks, the
paper's own four of seed 0, have none either: by their scale symmetry (docs/theory.md, Eq. 3), rest at c from r is rest at 1
from r/√c up to a factor that templates ignore. So another gain is only another start, and rest forgets its start. Inputs
have a scale, and break the symmetry. They also spread positions as noise does, but without a drift, so controls need no
known answer under Brownian inputs; the results of Langevin networks under these are shown beside.

Families without networks are "not measured", which is no verdict; a family of one or two networks is undecided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from statistics import fmean

from paper.claims.theory import NO_CONTROL, UNDECIDED, Ruling, within
from paper.claims.verdicts import FEWEST_SEEDS

AT_TWO = "best at c = 2"
ELSEWHERE = "best elsewhere"
NONE = "no best gain"
NOT_MEASURED = "not measured"

GAINS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
RISE = (math.log(2), math.inf)  # of a curve with a best gain: both ends are at least twice as far from waking
OF_CONTROL = (0.5, 1.5)  # log₂ of the best gain of the Langevin networks, in the mean: nearer to 2 than to its neighbours
APART = (-0.5, 0.5)  # log₂ of a best gain over that of the Langevin networks, if it counts as the same
LEAST = 0.01  # nats: finite samples cannot tell smaller divergences apart
MATCHES = (
    0.1  # nats per dimension: rest matches waking up to this; half its variance, which Eq. 19 has at c = 1, gives 0.097
)


@dataclass(frozen=True)
class Curve:
    """The measured curve of one network under one kind of inputs [nats]."""

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
        """ln of the lower of the two end values over the least value: 0 where the least value lies at an end."""
        nearer, least = min(self.kl[GAINS[0]], self.kl[GAINS[-1]]), min(self.kl.values())
        return math.log(max(nearer, LEAST) / max(least, LEAST))


@dataclass(frozen=True)
class Controls:
    """Curves, without inputs, of the networks whose answer is known."""

    langevin: Sequence[Curve]  # of analytic Langevin networks of the family's task
    attractor: Sequence[Curve]  # of analytic flat attractors of the family's task
    scale_free: Sequence[Curve]  # bias-free ReLU networks, of both tasks

    @property
    def best(self) -> float:
        """log₂ of the best gain of the Langevin networks, mean over networks."""
        return fmean(_bests(self.langevin))

    def problem(self) -> str:
        """Return which control is wrong or missing; "" if all are right."""
        groups = {"Langevin": self.langevin, "flat": self.attractor, "bias-free ReLU": self.scale_free}
        for name, curves in groups.items():
            if len(curves) < FEWEST_SEEDS:
                return f"{len(curves)} {name} controls are measured; {FEWEST_SEEDS} are needed"
        if not (_rises(self.langevin) and _all_inner(self.langevin) and OF_CONTROL[0] <= self.best <= OF_CONTROL[1]):
            return "best gain of the Langevin controls"
        if _rises(self.attractor) is not False:
            return "a best gain of the flat controls"
        return "" if _rises(self.scale_free) is False else "a best gain of the bias-free ReLU networks"


def verdict(curves: Sequence[Curve], planned: int, controls: Controls) -> Ruling:
    """Return the verdict on the best gain of one family under one kind of inputs, with the reason.

    Args:
        curves: of the family, one per seed.
        planned: number of planned networks.
        controls: measured in the same way.
    """
    if not curves:
        return Ruling(NOT_MEASURED, f"0 of {planned} networks")
    if problem := controls.problem():
        return Ruling(NO_CONTROL, problem)
    if len(curves) < FEWEST_SEEDS:
        return Ruling(UNDECIDED, f"{len(curves)} of {planned} networks; a verdict needs {FEWEST_SEEDS}")
    return judged(curves, controls.best)


def judged(curves: Sequence[Curve], reference: float) -> Ruling:
    """Return the verdict as if all controls were right; `reference` is log₂ of the Langevin controls' best gain."""
    rises = _rises(curves)
    if rises is False:
        return Ruling(NONE, "the nearer end is less than twice as far from waking as the best gain")
    if rises is None:
        return Ruling(UNDECIDED, "whether the ends are twice as far from waking is open")
    if not _all_inner(curves):
        return Ruling(UNDECIDED, "some networks match waking best at an end")
    met = within([best - reference for best in _bests(curves)], APART)
    places = {True: AT_TWO, False: ELSEWHERE, None: UNDECIDED}
    return Ruling(
        places[met], f"mean of log₂ c: {fmean(_bests(curves)):.2f}, against {reference:.2f} of the Langevin controls"
    )


def matching(curves: Sequence[Curve]) -> list[float]:
    """Return the gains at which rest matches waking, in the mean over networks."""
    return [c for c in GAINS if within([curve.kl[c] / curve.dimensions for curve in curves], (-math.inf, MATCHES))]


def _rises(curves: Sequence[Curve]) -> bool | None:
    return within([curve.rise for curve in curves], RISE)


def _all_inner(curves: Sequence[Curve]) -> bool:
    return all(curve.best is not None for curve in curves)


def _bests(curves: Sequence[Curve]) -> list[float]:
    return [curve.best for curve in curves if curve.best is not None]
