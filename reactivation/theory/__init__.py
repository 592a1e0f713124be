"""Is it Langevin sampling? Measures of the theory's mechanism, each with a control on which it must come out right.

    relaxation       does rest forget where it began, does activity keep its size, and has rest a direction in time?
    drift            along the manifold, as a multiple α of that of Langevin sampling (Eq. 19)
    tempering        the width of rest against the gain of its noise, as an exponent
    metric           how the volume of the manifold changes along it, which density per area does not see
    diffusion        D along the manifold, from kicks (Burak & Fiete)
    scale_symmetry   whether the gain of the noise can matter at all
    score            alignment of the drift with the score of the network's own cloud, and why it is no evidence
    bound            each inequality and assumption of Eqs. 3 to 13, as a number
    optimal_alpha    the α that training should give

docs/theory.md derives what each should give.
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
