"""Measure whether rest is Langevin sampling. Each measure has a control whose value is known.

    relaxation       does rest forget its start, does activity keep its size, and has rest a direction in time?
    drift            drift along the manifold, as a multiple α of the drift of Langevin sampling (Eq. 19)
    tempering        exponent by which the width of rest grows with the gain c of the noise variance
    metric           how the volume element of the manifold changes along it, which a density per area ignores
    diffusion        D along the manifold, from kicks (Burak & Fiete)
    scale_symmetry   whether c can change the decoded positions at all
    score            alignment of the drift with the score of the network's own states, and why it is no evidence
    bound            each inequality and assumption of Eqs. 3 to 13, as a number
    optimal_alpha    the α that training should give

The noise is Gaussian and on the rates alone, of the network's own σ: also in a network that was trained with uniform noise,
or with noise on its inputs or outputs. Only the waking whose density is measured has the noise of training. docs/theory.md
derives the expected value of each measure.
"""

from reactivation.theory.bound import bound as bound
from reactivation.theory.diffusion import diffusion as diffusion
from reactivation.theory.drift import drift as drift
from reactivation.theory.metric import metric as metric
from reactivation.theory.optimum import optimal_alpha as optimal_alpha
from reactivation.theory.relaxation import relaxation as relaxation
from reactivation.theory.scale import scale_symmetry as scale_symmetry
from reactivation.theory.score import score as score
from reactivation.theory.tempering import tempering as tempering
