"""The pull of least squared error, which training should give; it is not the pull of Langevin sampling."""

import math

from reactivation.checks import Count, Positive, checked

_SLOW = 1e-3  # θT below which three terms of the series are exact to 9 digits, but the closed form loses digits


@checked
def optimal_alpha(pull: Positive, steps: Count) -> float:
    """Return the α of least squared error over T = `steps` from exact starts, for bearings drawn home by θ = `pull` a step.

    It holds to first order in the noise, and is ½ for slow walks, more where T steps suffice to draw bearings home
    (docs/theory.md, 8).
    """
    drawn = pull * steps  # θT
    if drawn < _SLOW:
        share = 1 / 6 - drawn / 24 + drawn**2 / 120
    else:
        share = 1 / (2 * drawn) - 1 / drawn**2 - math.expm1(-drawn) / drawn**3
    return 1 / (12 * share)
