"""Which mechanism rest has, family by family of networks: the rules, as plain functions of measured numbers.

Written, and committed, before any network of tag=theory was measured. Known were: both analytic controls, and seed 0 of the
box, which does not count. Numbers are one per network; the network is the unit of inference. A condition on a mean is met
where its 95 % t interval lies inside the range, broken where the interval lies outside, and open otherwise; a verdict needs
all its conditions met, and no verdict is given while an earlier one is open. A network that draws every radius to its own
within the warm-up has no α: its manifold is a ring, a structure of its own. docs/theory.md derives what each mechanism
gives, and says what three and five networks can see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math

import numpy as np

from reactivation.analysis.results import confidence_interval

LANGEVIN = "Langevin along the manifold"
FLAT = "flat attractor"
GATED = "input-gated prior"
STRUCTURED = "structured attractor"
NO_POWER = "no power"
NO_CONTROL = "no verdict: a control failed"
UNDECIDED = "undecided"

JUDGED = (0.0, 4.0)  # c at which α counts: without noise, and at twice the gain of Eq. 19
NEAR_ONE = (0.5, 1.5)  # α over that of the analytic Langevin network, to be called Langevin
EXPONENT = {"spatial_navigation": (0.35, 0.6), "head_direction": (-1.3, -0.6)}  # of the radial sd, and of κ, in c
FLATTEST = 0.2  # |α| and |exponent| of a flat attractor, at most
WEAKEST = 0.25  # s₀/√n from which on nothing can be seen
NULL_SPREADS = 2.0  # standard errors s₀/√n that a flat attractor's α may lie further from 0
SURE = 2.0  # standard errors over networks, of a pull's sign
OF_LANGEVIN_CONTROL, OF_FLAT_CONTROL = (0.5, 1.5), 0.2  # α of the controls in a run that counts

Span = tuple[float, float]


@dataclass(frozen=True)
class Network:
    """What is measured of one network."""

    alpha: Mapping[float, float]  # c → α, still
    exponent: float  # of the width of rest in c
    is_along: bool = True  # whether what α is measured along is a direction of the manifold at all (`Drift.is_along`)
    one_mode: bool = True  # whether rest has one mode, at home; on a ring in the box: around its middle
    brownian: float = math.nan  # α under Brownian inputs, c = 1; NaN where there are none, as in the box


@dataclass(frozen=True)
class Controls:
    """What the same run measured of the analytic networks."""

    langevin: Network
    attractor: Network

    def pass_(self, task: str) -> bool:
        """Whether both come out right: α and exponent of the Langevin network, and no α of the flat one."""
        low, high = OF_LANGEVIN_CONTROL
        is_langevin = all(low <= self.langevin.alpha[c] <= high for c in JUDGED)
        is_flat = all(abs(self.attractor.alpha[c]) <= OF_FLAT_CONTROL for c in JUDGED)
        first, last = EXPONENT[task]
        return is_langevin and is_flat and first <= self.langevin.exponent <= last


def verdict(task: str, networks: Sequence[Network], null: Sequence[float], controls: Controls) -> str:
    """Return the mechanism of a family.

    Args:
        task: "spatial_navigation" or "head_direction", which says the exponent's range.
        networks: of the family, one per seed.
        null: α at c = 0 of networks whose task has no gradient (κ = 0; in the box: unbiased ones, against the ring).
        controls: of the same run.
    """
    if not controls.pass_(task):
        return NO_CONTROL
    unsure = spread_of_mean(null, len(networks))
    if len(networks) < 2 or not unsure <= WEAKEST:
        return NO_POWER
    for name, met in (
        (LANGEVIN, is_langevin(task, networks, controls)),
        (FLAT, is_flat(networks, unsure)),
        (GATED, is_gated(networks)),
    ):
        if met is None:
            return UNDECIDED
        if met:
            return name
    return STRUCTURED


def spread_of_mean(null: Sequence[float], n: int) -> float:
    """s₀/√n: what n networks scatter by where there is nothing to find; infinite where fewer than two networks say it."""
    return float(np.std(null, ddof=1)) / math.sqrt(n) if len(null) > 1 and n else math.inf


def is_langevin(task: str, networks: Sequence[Network], controls: Controls) -> bool | None:
    """Whether α over the control's lies near 1 at every c that counts, and the exponent is that of tempering."""
    if not all(one.is_along for one in networks):
        return False
    ratios = [[one.alpha[c] / controls.langevin.alpha[c] for one in networks] for c in JUDGED]
    conditions = [within(values, NEAR_ONE) for values in ratios]
    conditions.append(within([one.exponent for one in networks], EXPONENT[task]))
    conditions.append(all(one.one_mode for one in networks))
    return all_of(conditions)


def is_flat(networks: Sequence[Network], unsure: float) -> bool | None:
    """Whether nothing pulls, by as much as networks without a gradient scatter, and width does not follow the noise."""
    if not all(one.is_along for one in networks):
        return False
    widest = FLATTEST + NULL_SPREADS * unsure
    conditions = [within([one.alpha[c] for one in networks], (-widest, widest)) for c in JUDGED]
    return all_of([*conditions, within([one.exponent for one in networks], (-FLATTEST, FLATTEST))])


def is_gated(networks: Sequence[Network]) -> bool | None:
    """Whether the pull home is there under Brownian inputs and not without, both beyond two standard errors."""
    moved, still = [one.brownian for one in networks], [one.alpha[0.0] for one in networks]
    if any(map(math.isnan, moved)):
        return False
    (mean, error), (mean_still, error_still) = _mean(moved), _mean(still)
    return mean > SURE * error and mean_still + SURE * error_still < mean - SURE * error and mean_still < SURE * error_still


def within(values: Sequence[float], span: Span) -> bool | None:
    """Whether the mean lies in a range, by its 95 % t interval over networks; None: the interval lies across an end."""
    low, high = confidence_interval(values) or (-math.inf, math.inf)
    if span[0] <= low and high <= span[1]:
        return True
    return False if high < span[0] or low > span[1] else None


def all_of(conditions: Sequence[bool | None]) -> bool | None:
    """False where one is broken, None where one is open and none broken."""
    if any(condition is False for condition in conditions):
        return False
    return None if any(condition is None for condition in conditions) else True


def _mean(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))
