"""The meaning of the paper's words in numbers; docs/claims.md says what was known when each was written."""

import math

from paper.protocols import HEAD, SPATIAL

CLOSE = 0.3  # nats: "closely resembles"; the divergence of a uniform density that leaves out a quarter of the space
ABOUT = 0.1  # nats: "about as close as"; likewise a tenth of the space
MUCH = 2.0  # times: "much more", and its inverse "less"
FEW = 10  # principal components: few, of 512 units (128 for head direction)
MOST = 2 / 3  # share of variance: what few components must explain to be called low-dimensional
ALIKE = 0.1  # largest difference of two curves of cumulative explained variance that are called overlapping
ALIGNED = 0.9  # share or correlation that counts as nearly all
SMOOTH = 1.5  # times the waking step: the longest step that is called smooth
HOLE = 0.5  # of the mean radius: the least distance of a ring from its centre
HALF_WIDTH = {SPATIAL: 0.1, HEAD: math.pi / 12}  # m, rad: half a tuning width, a distance at which two cells still differ
KEPT = (0.05, 0.9)  # share of the waking turn: more than nothing, less than all
DOUBLING = 1.0  # doublings: the greatest difference that is called as large
SOME = 0.1  # share of steps: the least that is said to occur
# The seeds whose numbers were known when some rows were written or when the rows' measure was changed.
SEEN = (0,)
SEEN_LATER = (0, 1, 2)

WORDS = {
    "closely resembles, matches, is distributed as": f"at most {CLOSE} nats: so far away is a uniform density that leaves "
    "out a quarter of the space",
    "diverges": f"at least {CLOSE} nats farther from that waking than the rest of the networks trained on it",
    "about as close": f"at most {ABOUT} nats farther: likewise, a tenth of the space",
    "much more, erratic, longer; explores less, at most half as far": f"at least {MUCH:g} times; at most {1 / MUCH:g} "
    "times, also where the paper says no more than longer or less",
    "few components; low-dimensional": f"{FEW}; they explain at least {MOST:.0%} of the variance",
    "overlapping curves": f"nowhere more than {ALIKE} apart",
    "the same directions; the angle is the bearing; fluctuations, not the push": "a share or correlation of at least "
    f"{ALIGNED}",
    "reports the state": "an error of at most half a tuning width",
    "smooth": f"steps of at most {SMOOTH} times those of waking",
    "less uniformly; takes up less": f"at least {ABOUT} nats less entropy",
    "harms more": "any difference that way",
    "a hole": f"the fifth percentile of the radius is at least {HOLE} of its mean",
    "as large": f"at most {2**DOUBLING:g} times larger or smaller",
    "partly kept": f"from {KEPT[0]} to {KEPT[1]} of the waking turn",
    "still occurs": f"at least {SOME:.0%} of the moving steps, or of the windows",
}
