"""That training worked: what Section 4 takes for granted before anything rests."""

import math

from paper.claims.values import of
from paper.protocols import HEAD, SPATIAL
from paper.verdicts import TRAINING, Claim
from paper.words import HALF_WIDTH


def _learned(key: str, what: str, network: tuple[str, str], figure: str, unit: str) -> Claim:
    return Claim(
        key,
        f"Trained with noise, the networks report the state they integrate ({what}).",
        figure,
        f"decoding error on the test batch [{unit}], against half a tuning width",
        (TRAINING,),
        of(TRAINING, lambda errors: float(errors.get("/".join(network), math.nan))),
        high=HALF_WIDTH[network[0]],
        ours=True,
    )


LEARNED: tuple[Claim, ...] = (
    _learned("learned", "space, vanilla, unbiased", (SPATIAL, "noisy_unbiased"), "1b", "m"),
    _learned("learned_gru", "space, GRU, unbiased", (SPATIAL, "noisy_unbiased_gru"), "–", "m"),
    _learned("learned_head", "head direction, unbiased", (HEAD, "noisy_unbiased"), "–", "rad"),
)
