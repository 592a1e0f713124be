"""Every claim of Section 4 and Appendix C of the paper as a test: what it says, one number per seed, a range for it.

`paper.verdicts` has the rule that is the same for all.
"""

from paper.claims.circle import CIRCLE
from paper.claims.learned import LEARNED
from paper.claims.space import SPACE
from paper.verdicts import Claim

CLAIMS: tuple[Claim, ...] = (*LEARNED, *SPACE, *CIRCLE)
