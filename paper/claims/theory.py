"""The rules for the mechanism of rest, family by family of networks, as plain functions of measured numbers.

They were committed before any network of tag=theory was measured. Known were the analytic controls, and seed 0 of the box,
which does not count. There is one number per network; the network is the unit of inference. A condition on a mean is met if
its 95 % t interval lies inside the range, broken if the interval lies outside, and open otherwise. A verdict needs all its
conditions met, and is not given while an earlier verdict is open. docs/theory.md derives what each mechanism gives, gives
the reason for each threshold, and says which effects three and five networks can show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from paper.claims.criteria import HALF_WIDTH
from paper.claims.verdicts import FEWEST_SEEDS
from paper.protocols import HEAD, SPATIAL
from reactivation.analysis.results import LEVEL, confidence_interval

LANGEVIN = "Langevin along the manifold"
FLAT = "flat attractor"
GATED = "input-gated prior"
STRUCTURED = "structured attractor"
NO_POWER = "no power"
NO_CONTROL = "no verdict: a control failed"
UNDECIDED = "undecided"
YES, NO = "yes", "no"
WORDS = {True: YES, False: NO, None: UNDECIDED}  # of what `within` returns

JUDGED = (0.0, 4.0)  # c at which α counts: without noise, and at twice the gain of Eq. 19
NEAR_ONE = (0.5, 1.5)  # α over that of the analytic Langevin network, for the verdict of Langevin sampling
EXPONENT = {SPATIAL: (0.35, 0.6), HEAD: (-1.3, -0.6)}  # of the radial sd, and of κ, in c
FLATTEST = 0.2  # |α| and |exponent| of a flat attractor, at most
WEAKEST = 0.25  # s₀/√n above which there is no power; and the least share of Langevin's pull that counts as a pull
NULL_SPREADS = 2.0  # standard errors s₀/√n by which the bound on a flat attractor's |α| is widened
SURE = 2.0  # standard errors over networks by which a pull must differ from 0 to have a sign
REMEMBERED = 0.3  # greatest correlation of a relaxed rest with its start: a tenth of its variance
STARTS_APART = 0.2  # greatest difference of the exponents from two kinds of starts in a relaxed rest
UNEVEN = 0.3  # harmonic of the angle on a ring, at most: its best places are visited four times as often as its worst
OF_FLAT_CONTROL = 0.2  # |α| of the flat control in a run that counts, at most

Span = tuple[float, float]


@dataclass(frozen=True)
class Network:
    """The measured numbers of one network."""

    seed: int
    alpha: Mapping[float, float]  # c → α without inputs
    exponent: float  # of the width of rest in c
    starts_apart: float = 0.0  # exponent from starts all over the space, less that from where the task starts
    remembered: float = 0.0  # greatest correlation of the last radii or bearings with the first, over c
    is_along: bool = True  # whether the course of the drift lies along the manifold (`Drift.is_along`)
    one_mode: bool = True  # whether rest at c = 2 has one mode, at home
    brownian: float = math.nan  # α under Brownian inputs, c = 1; NaN where it is not measured, as in the box
    direction: float = math.nan  # `direction_in_time` of rest
    is_scale_free: bool = False  # whether its field is homogeneous, so that c cannot matter


def is_relaxed(networks: Sequence[Network]) -> bool:
    """Return whether rest forgets its start, in the mean over networks, by exponents of two kinds of starts, and places.

    Differences of exponents have signs, so they can cancel over networks; docs/theory.md says where they do.
    """
    apart = float(np.mean([one.starts_apart for one in networks]))
    return abs(apart) <= STARTS_APART and float(np.mean([one.remembered for one in networks])) <= REMEMBERED


def one_mode_at_home(task: str, modes: int, away: float, uneven: float) -> bool:
    """Return whether rest has one mode, within half a tuning width of waking, and is even around the middle of a plane."""
    return modes == 1 and abs(away) <= HALF_WIDTH[task] and uneven <= UNEVEN


def direction_in_time(share: float, share_reversed: float) -> float:
    """Return √share less √share_reversed, of the antisymmetric share; about −0.2 √share_reversed without a direction."""
    return math.sqrt(share) - math.sqrt(share_reversed)


@dataclass(frozen=True)
class Controls:
    """The measured numbers of the analytic networks, one for each seed."""

    langevin: Sequence[Network]
    attractor: Sequence[Network]

    def alpha(self, c: float) -> float:
        """Return the mean α of the Langevin networks."""
        return float(np.mean([one.alpha[c] for one in self.langevin]))

    def problem(self, task: str) -> str:
        """Return what is wrong: α, exponent or rest of the Langevin networks, or α of the flat ones; "" if all are right."""
        low, high = NEAR_ONE
        if not all(low <= self.alpha(c) <= high for c in JUDGED):
            return "α of the Langevin control"
        first, last = EXPONENT[task]
        if not first <= np.mean([one.exponent for one in self.langevin]) <= last:
            return "exponent of the Langevin control"
        if not (is_relaxed(self.langevin) and all(one.one_mode and one.is_along for one in self.langevin)):
            return "rest of the Langevin control"
        flat = [abs(float(np.mean([one.alpha[c] for one in self.attractor]))) for c in JUDGED]
        if max(flat) > OF_FLAT_CONTROL:
            return "α of the flat control"
        moved, flat_moved = (float(np.mean([one.brownian for one in of])) for of in (self.langevin, self.attractor))
        is_right = low <= moved <= high and abs(flat_moved) <= OF_FLAT_CONTROL
        return "" if task == SPATIAL or is_right else "α of a control under Brownian inputs"


class Condition(NamedTuple):
    """A condition of a verdict."""

    words: str
    met: bool | None  # None: open


class Ruling(NamedTuple):
    """A verdict, and its reason."""

    verdict: str
    reason: str


def verdict(task: str, networks: Sequence[Network], planned: int, null: Sequence[float], controls: Controls) -> Ruling:
    """Return the mechanism of a family.

    Args:
        task: spatial_navigation or head_direction, which sets the range of the exponent.
        networks: of the family, one per seed.
        planned: number of planned networks.
        null: α at c = 0 of networks of the same cell whose task has no gradient, against this family's waking density.
        controls: measured in the same way.
    """
    if not (controls.langevin and controls.attractor):
        return Ruling(UNDECIDED, "controls are not measured")
    if problem := controls.problem(task):
        return Ruling(NO_CONTROL, problem)
    if len(networks) < FEWEST_SEEDS:
        return Ruling(UNDECIDED, f"{len(networks)} of {planned} networks; a verdict needs {FEWEST_SEEDS}")
    if not null:
        return Ruling(UNDECIDED, "no network without a gradient says what α scatters by")
    unsure = scatter(null, [one.alpha[0.0] for one in networks]) / math.sqrt(len(networks))
    if unsure > WEAKEST:
        return Ruling(NO_POWER, f"s₀/√n = {unsure:.2f}, above {WEAKEST}")
    broken = []
    for name, conditions in (
        (LANGEVIN, langevin_conditions(task, networks, controls)),
        (FLAT, flat_conditions(networks, unsure)),
        (GATED, gated_conditions(networks)),
    ):
        failed = [condition.words for condition in conditions if condition.met is False]
        still_open = [condition.words for condition in conditions if condition.met is None]
        if not failed and still_open:
            return Ruling(UNDECIDED, f"{name}, if these are met: {'; '.join(still_open)}")
        if not failed:
            return Ruling(name, "all its conditions are met")
        broken.append(f"{name} fails on: {'; '.join(failed)}")
    return Ruling(STRUCTURED, ". ".join(broken))


def scatter(null: Sequence[float], own: Sequence[float]) -> float:
    """Return s₀, the scatter of α over networks that were trained without a gradient.

    It is their SD. With fewer than three of them, it is the larger of their root mean square (which includes what they
    share) and the SD of the family itself (which has only how networks differ).
    """
    if len(null) >= FEWEST_SEEDS:
        return float(np.std(null, ddof=1))
    known = [one for one in own if math.isfinite(one)]  # a ring that draws every radius to its own has no α
    return max(math.sqrt(float(np.mean(np.square(null)))), float(np.std(known, ddof=1)) if len(known) > 1 else 0.0)


def langevin_conditions(task: str, networks: Sequence[Network], controls: Controls) -> list[Condition]:
    """Return the conditions of Langevin sampling: α over the control's near 1 at both c, the exponent, one mode at home."""
    low, high = EXPONENT[task]
    return [
        _along(networks),
        *(
            Condition(
                f"α over the control's at c = {c:g} within {NEAR_ONE[0]} to {NEAR_ONE[1]}",
                within(ratios(networks, controls, c), NEAR_ONE),
            )
            for c in JUDGED
        ),
        Condition(f"exponent within {low} to {high}", _exponent(networks, EXPONENT[task])),
        Condition("one mode at home", all(one.one_mode for one in networks)),
    ]


def flat_conditions(networks: Sequence[Network], unsure: float) -> list[Condition]:
    """Return the conditions of a flat attractor: no pull beyond the scatter of nulls, and a width independent of c."""
    widest = FLATTEST + NULL_SPREADS * unsure
    return [
        _along(networks),
        *(
            Condition(f"|α| at c = {c:g} below {widest:.2f}", within([one.alpha[c] for one in networks], (-widest, widest)))
            for c in JUDGED
        ),
        Condition(f"|exponent| below {FLATTEST}", _exponent(networks, (-FLATTEST, FLATTEST))),
    ]


def gated_conditions(networks: Sequence[Network]) -> list[Condition]:
    """Return the conditions of an input-gated prior: by two standard errors, a pull under Brownian inputs, none without."""
    moved, still = [one.brownian for one in networks], [one.alpha[0.0] for one in networks]
    if not all(map(math.isfinite, (*moved, *still))):
        return [Condition("a pull under Brownian inputs (not measured)", False)]
    (mean, error), (mean_still, error_still) = _mean(moved), _mean(still)
    return [
        Condition("a pull home under Brownian inputs", mean > SURE * error),
        Condition("no pull home when still", mean_still <= SURE * error_still),
        Condition("the two differ", mean_still + SURE * error_still < mean - SURE * error),
    ]


def ratios(networks: Sequence[Network], controls: Controls, c: float) -> list[float]:
    """Return α over that of the analytic Langevin networks at a c, network by network."""
    return [one.alpha[c] / controls.alpha(c) for one in networks]


def _along(networks: Sequence[Network]) -> Condition:
    """The condition that α exists; a ring that draws every radius to its own within the warm-up has none."""
    return Condition("a manifold along the gradient", all(one.is_along for one in networks))


def _exponent(networks: Sequence[Network], span: Span) -> bool | None:
    """As `within` for the exponent; open if rest has not forgotten its start, as its width then depends on the start."""
    return within([one.exponent for one in networks], span) if is_relaxed(networks) else None


def within(values: Sequence[float], span: Span) -> bool | None:
    """Return whether the mean lies in a range, by its 95 % t interval over networks; None if an end lies in the interval."""
    low, high = confidence_interval(values) or (-math.inf, math.inf)
    if span[0] <= low and high <= span[1]:
        return True
    return False if high < span[0] or low > span[1] else None


def noise_makes_the_drift(noisy: Sequence[Network], noiseless: Sequence[Network], controls: Controls) -> Ruling:
    """Judge whether noise in training adds at least a quarter of Langevin's pull, paired by seed; α is the mean over c."""
    pulls = [{one.seed: _pull(one, controls) for one in networks} for networks in (noisy, noiseless)]
    differences = [pulls[0][seed] - pulls[1][seed] for seed in pulls[0] if seed in pulls[1]]
    what = f"α over the control's, mean over c = {' and '.join(f'{c:g}' for c in JUDGED)}, noisy less noiseless"
    return _ruled(differences, (WEAKEST, math.inf), what, "pairs of networks")


def _pull(network: Network, controls: Controls) -> float:
    return float(np.mean([network.alpha[c] / controls.alpha(c) for c in JUDGED]))


def when_it_appears(pulls: Mapping[int, Sequence[float]]) -> Ruling:
    """Find the step of training from which on α over the control's is at least a quarter, by its interval over networks.

    Args:
        pulls: step → α over the control's at c = 0, one per network; NaN for a network that decodes no positions yet.
    """
    steps = sorted(pulls)
    if not steps or len(pulls[steps[-1]]) < FEWEST_SEEDS:
        return Ruling(UNDECIDED, f"{len(pulls[steps[-1]]) if steps else 0} networks followed; {FEWEST_SEEDS} are needed")
    there = {step: within(pulls[step], (WEAKEST, math.inf)) for step in steps}
    if there[steps[-1]] is not True:
        met = there[steps[-1]]
        return Ruling(UNDECIDED if met is None else "not by the end", f"α/control {told(pulls[steps[-1]])} at the last step")
    since = next(step for step in steps if all(there[later] for later in steps if later >= step))
    stays = "only at the last step looked at" if since == steps[-1] else f"there, and at least {WEAKEST} ever after"
    return Ruling(f"by step {since}", f"α/control {told(pulls[since])} {stays}")


def gain_matters(networks: Sequence[Network]) -> Ruling:
    """Judge whether the width of rest depends on c: whether |exponent| is above the bound for a flat attractor."""
    if networks and all(one.is_scale_free for one in networks):
        return Ruling("it cannot", "the field is homogeneous")
    if networks and not is_relaxed(networks):
        return Ruling(UNDECIDED, "rest has not forgotten its start")
    side = math.copysign(1, float(np.mean([one.exponent for one in networks]))) if networks else 1
    return _ruled([side * one.exponent for one in networks], (FLATTEST, math.inf), "|exponent| in c", "networks")


def balance_is_broken(networks: Sequence[Network], controls: Controls) -> Ruling:
    """Judge whether rest has a direction in time, beyond the prediction interval of a further Langevin control."""
    known = [one.direction for one in controls.langevin]
    if len(known) < FEWEST_SEEDS:
        return Ruling(UNDECIDED, f"{len(known)} Langevin controls; {FEWEST_SEEDS} are needed")
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, len(known) - 1))
    most = float(np.mean(known) + quantile * np.std(known, ddof=1) * math.sqrt(1 + 1 / len(known)))
    return _ruled(
        [one.direction for one in networks], (most, math.inf), "√ of the antisymmetric share, less chance", "networks"
    )


def _ruled(values: Sequence[float], span: Span, what: str, whose: str) -> Ruling:
    """The ruling yes if the mean lies in the range, no if it lies outside, by its interval."""
    if len(values) < FEWEST_SEEDS:
        return Ruling(UNDECIDED, f"{len(values)} {whose}; {FEWEST_SEEDS} are needed")
    met = within(values, span)
    return Ruling(WORDS[met], f"{what}: {told(values)}, against {span[0]:.2g}")


def told(values: Sequence[float]) -> str:
    """Return the mean of values over networks, with its 95 % interval, in words."""
    low, high = confidence_interval(values) or (-math.inf, math.inf)
    return f"{np.mean(values):.2g} [{low:.2g}, {high:.2g}]"


def _mean(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))
