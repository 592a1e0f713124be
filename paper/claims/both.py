"""What is asked of both tasks: whether training worked, which Section 4 takes for granted; whether rest fades or grows."""

import math

import numpy as np

from paper.claims.criteria import DOUBLING, HALF_WIDTH, SEEN_LATER
from paper.claims.verdicts import TRAINING, Claim, Results
from paper.protocols import DOUBLED, GATED, HEAD, SPATIAL, Condition
from paper.study import at


def _learned(key: str, what: str, task: str, figure: str, unit: str, condition: Condition = DOUBLED) -> Claim:
    return Claim(
        key,
        f"Trained with noise, the networks report the state they integrate ({what}).",
        figure,
        f"decoding error on the test batch [{unit}], against half a tuning width",
        (TRAINING,),
        lambda seed: float(seed[TRAINING].get(f"{task}/{condition.noisy('unbiased')}", math.nan)),
        high=HALF_WIDTH[task],
        ours=True,
    )


def keeps_amplitude(key: str, whose: str, protocol: str, run: str) -> Claim:
    """The claim that rest is as large as waking at its end, in doublings."""

    def doublings(seed: Results) -> float:
        with np.errstate(divide="ignore"):
            return float(np.log2(at(seed[protocol], run, "amplitude")))

    return Claim(
        key,
        f"After 1,000 steps of rest, activity is as large as awake ({whose}).",
        "–",
        "log₂ of the norm of the rates at the last step of rest over its mean awake",
        (protocol,),
        doublings,
        low=-DOUBLING,
        high=DOUBLING,
        seen=SEEN_LATER,
        ours=True,
    )


LEARNED: tuple[Claim, ...] = (
    _learned("learned", "space, vanilla, unbiased", SPATIAL, "1b", "m"),
    _learned("learned_gru", "space, GRU, unbiased", SPATIAL, "–", "m", GATED),
    _learned("learned_head", "head direction, unbiased", HEAD, "–", "rad"),
)
