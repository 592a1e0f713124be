"""Every claim of Section 4 and Appendix C of the paper as a test: what it says, one number per seed, a range for it.

`reactivation.paper.verdicts` has the rule that is the same for all.
"""

from reactivation.paper.claims.circle import CIRCLE
from reactivation.paper.claims.learned import LEARNED
from reactivation.paper.claims.space import SPACE
from reactivation.paper.verdicts import Claim

CLAIMS: tuple[Claim, ...] = (*LEARNED, *SPACE, *CIRCLE)
