"""The pull that training should give: not that of Langevin sampling, but the one of least squared error."""

import math

from reactivation.checks import Count, Positive, checked


@checked
def optimal_alpha(pull: Positive, steps: Count) -> float:
    """Return the α that errs least over T = `steps` from exact starts, where bearings are drawn home by θ = `pull` per step.

    To first order in the noise; ½ for slow walks, more where they are drawn home within the T steps (docs/theory.md, 8).
    """
    theta, long = pull, float(steps)
    spread = long / (2 * theta) - 1 / theta**2 - math.expm1(-theta * long) / (theta**3 * long)
    return long**2 / 3 / (4 * spread)
