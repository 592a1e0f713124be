"""Claims about both tasks: whether training worked, which Section 4 assumes, and whether activity at rest fades or grows.

Further rows ask whether the mean push of the released code's uniform noise sustains activity at rest. It does if all three
rows of a network hold: under the uniform noise, rest ends with activity as large as waking's; without the push, with less
than half of that; with the push in Gaussian noise, again with as large. These rows were written before any network was
measured under these three noises.
"""

from collections.abc import Callable
import math
from statistics import mean

import numpy as np

from paper.claims.criteria import DOUBLING, HALF_WIDTH, SEEN_LATER
from paper.claims.verdicts import TRAINING, Claim, Compared, Results, ratio
from paper.protocols import DOUBLED, GATED, HEAD, LONG, PUSH, SPATIAL, Condition
from paper.study import at, norms


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
    """Return the claim that activity at the end of rest is as large as awake, in doublings."""

    def doublings(seed: Results) -> float:
        return log2(at(seed[protocol], run, "amplitude"))

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


def push_keeps_amplitude(end: str, whose: str, manifold: str, run: str) -> list[Claim]:
    """Return the three rows of one network on the push of the uniform noise and the amplitude at rest.

    Args:
        end: end of the claims' keys.
        whose: the network, in words.
        manifold: beginning of the keys of its task's protocols.
        run: the network.
    """
    awake, uniform, twelfth, pushed = (rest.key(manifold) for rest in (LONG, *PUSH.values()))

    def doublings(protocol: str, over: Callable[[Results], float]) -> Callable[[Results], float]:
        def value(seed: Results) -> float:
            return log2(ratio(norms(seed[protocol], run, "quiescent")[-1], of=over(seed)))

        return value

    def mean_awake(seed: Results) -> float:
        return mean(norms(seed[awake], run, "active"))

    def end_of_uniform(seed: Results) -> float:
        return norms(seed[uniform], run, "quiescent")[-1]

    last, of_uniform = "log₂ of the norm of the rates at the last step of rest", "over that under the uniform noise"
    return [
        Claim(
            f"uniform_amplitude_{end}",
            f"After 1,000 steps of rest under the released code's uniform noise, activity is as large as awake ({whose}).",
            "–",
            f"{last} over the mean norm awake, under the noise of training",
            (awake, uniform),
            doublings(uniform, mean_awake),
            low=-DOUBLING,
            high=DOUBLING,
            ours=True,
            compared=Compared(awake, uniform, "the noise of rest is uniform anyway", f"amplitude_{end}"),
        ),
        Claim(
            f"unpushed_amplitude_{end}",
            f"Gaussian noise of that variance, without the push, leaves less than half of that activity ({whose}).",
            "–",
            f"{last} under Gaussian noise of its variance, {of_uniform}",
            (uniform, twelfth),
            doublings(twelfth, end_of_uniform),
            high=-DOUBLING,
            ours=True,
        ),
        Claim(
            f"pushed_amplitude_{end}",
            f"Gaussian noise of that variance and push leaves as much activity as the uniform noise ({whose}).",
            "–",
            f"{last} under Gaussian noise of its variance and push, {of_uniform}",
            (uniform, pushed),
            doublings(pushed, end_of_uniform),
            low=-DOUBLING,
            high=DOUBLING,
            ours=True,
        ),
    ]


def log2(value: float) -> float:
    """Return the logarithm to base 2; −∞ of 0."""
    with np.errstate(divide="ignore"):
        return float(np.log2(value))


LEARNED: tuple[Claim, ...] = (
    _learned("learned", "space, vanilla, unbiased", SPATIAL, "1b", "m"),
    _learned("learned_gru", "space, GRU, unbiased", SPATIAL, "–", "m", GATED),
    _learned("learned_head", "head direction, unbiased", HEAD, "–", "rad"),
)
