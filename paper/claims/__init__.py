"""Every claim of Section 4 and Appendix C of the paper as a test: what it says, one number per seed, a range for it.

`verdicts` has the rule that is the same for all, `criteria` the meaning of the paper's words in numbers, `ablations` how
claims change when one setting differs.
"""

from paper.claims.both import LEARNED
from paper.claims.circle import CIRCLE
from paper.claims.space import SPACE
from paper.claims.verdicts import Claim

CLAIMS: tuple[Claim, ...] = (*LEARNED, *SPACE, *CIRCLE)
