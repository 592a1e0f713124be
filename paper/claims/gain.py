"""Which gain of the noise makes rest match waking: a rule that is older than the measures it judges.

Eq. 19 samples q ∝ p^(2/c), of which KL(q ‖ p) is least at c = 2, where rest is waking. Asked of the networks of tag=theory
by `configs/sweep/gain_at_rest.yml`, without inputs and with Brownian ones (inputs=query), in 400 rests of 2,000 steps that
begin at shuffled rates, away from waking, and of which the last 500 count. Positions are decoded by templates, which see no
factor. Langevin networks of the box forget their start as e^(−t/400), at any c. Trajectories count, not steps: n
independent places leave A/4πh² · 1/2n nats even between a density and itself, A being the area it covers and h the kernel's
width. In the box that is 0.2 nats for 50 rests, which hide a best gain, and 0.05 for 400.

Written, and committed, before any network of tag=theory was measured this way. Known were the analytic controls,
networks of seed 0 in the box with doubled noise (the paper's figures), which do not count, and of the controls among these
one ReLU network at c = ¼, ½ and 1, which was as far from waking at each (1.00, 1.00 and 1.02 nats).

A network's curve is `kl_matched` by gain: both densities with waking's kernel, so that no width is the kernel's. It has a
best gain where its least value lies at an inner gain; the vertex of the parabola through that point and its neighbours, in
log₂ c, says where. Its rise is the natural logarithm of how many times farther from waking the nearer of its two ends is.
Networks are the unit. A condition is met where the 95 % t interval of the mean lies inside its range, broken where it lies
outside, and open otherwise (`paper.claims.theory.within`).

A best gain counts as that of Eq. 19 within half an octave of where the Langevin networks of its task have theirs without
inputs, as α is held against theirs and not against 1: KL rises faster to the side of more noise, so that even a normal
density has its vertex at 2^0.89, and what these networks sample is the density widened by their own noise.

Three controls have known answers without inputs, and nothing is said of a family where one has another. Langevin networks
of its task have a best gain, in the mean nearer to 2 than to 1 or 4. Flat attractors have none. Nor have bias-free ReLU
networks, the paper's own four of seed 0: by their scale symmetry (docs/theory.md, Eq. 3) rest at c from r is rest at 1 from
r/√c but for a factor that templates do not see, so that the gain is another start and no more, and rest forgets its start.
Inputs have a scale, and break the symmetry. They also spread positions as noise does, with no drift to go with it, so under
Brownian inputs nothing is asked of controls; what Langevin networks do then stands beside.

Families without networks are "not measured", which is no verdict; one or two networks leave a family undecided.
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
RISE = (math.log(2), math.inf)  # of a curve with a best gain: its ends are at least twice as far
OF_CONTROL = (0.5, 1.5)  # log₂ of the best gain of the Langevin networks, in the mean: nearer to 2 than to its neighbours
APART = (-0.5, 0.5)  # log₂ of a best gain that counts as theirs, over theirs
LEAST = 0.01  # nats: nearer than that, finite samples cannot tell
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
        nearer, least = min(self.kl[GAINS[0]], self.kl[GAINS[-1]]), min(self.kl.values())
        return math.log(max(nearer, LEAST) / max(least, LEAST))


@dataclass(frozen=True)
class Controls:
    """What the same run measured, without inputs, of networks whose answer is known."""

    langevin: Sequence[Curve]  # analytic, of the family's task
    attractor: Sequence[Curve]  # likewise
    scale_free: Sequence[Curve]  # bias-free ReLU networks, of both tasks

    @property
    def best(self) -> float:
        """log₂ of the gain at which the Langevin networks match waking best, in the mean."""
        return fmean(_bests(self.langevin))

    def problem(self) -> str:
        """What came out wrong, or is not there; "" where all are right."""
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
    """Return where the networks of one family, under one kind of inputs, match waking best, and why.

    Args:
        curves: of the family, one per seed.
        planned: how many there are to be.
        controls: of the same run.
    """
    if not curves:
        return Ruling(NOT_MEASURED, f"0 of {planned} networks")
    if problem := controls.problem():
        return Ruling(NO_CONTROL, problem)
    if len(curves) < FEWEST_SEEDS:
        return Ruling(UNDECIDED, f"{len(curves)} of {planned} networks; a verdict needs {FEWEST_SEEDS}")
    return judged(curves, controls.best)


def judged(curves: Sequence[Curve], reference: float) -> Ruling:
    """As `verdict`, whatever the controls say but for their best gain, log₂ c."""
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
