"""The pull that training should give: not that of Langevin sampling, but the one of least squared error."""

import math

from reactivation.checks import Count, Positive, checked

_SLOW = 1e-3  # θT below which three terms of the series are exact to 9 digits, and the differences are not


@checked
def optimal_alpha(pull: Positive, steps: Count) -> float:
    """Return the α that errs least over T = `steps` from exact starts, where bearings are drawn home by θ = `pull` per step.

    To first order in the noise; ½ for slow walks, more where they are drawn home within the T steps (docs/theory.md, 8).
    """
    drawn = pull * steps  # θT
    if drawn < _SLOW:
        share = 1 / 6 - drawn / 24 + drawn**2 / 120
    else:
        share = 1 / (2 * drawn) - 1 / drawn**2 - math.expm1(-drawn) / drawn**3
    return 1 / (12 * share)
