"""Claims about head direction: bearings, the ring of activity, and how much of biased turning remains (Figs. 3, C.5)."""

from paper.claims.both import keeps_amplitude, push_keeps_amplitude
from paper.claims.criteria import ALIGNED, CLOSE, HOLE, KEPT, MUCH, SEEN, SEEN_LATER, SOME
from paper.claims.verdicts import Claim, Results, ratio
from paper.protocols import DOUBLED
from paper.study import at, kl, longest_wait

_UNBIASED, _BIASED = DOUBLED.noisy("unbiased"), DOUBLED.noisy("biased")


def _bearings(bias: str, distribution_figure: str, dwell_figure: str) -> list[Claim]:
    run = DOUBLED.noisy(bias)
    return [
        Claim(
            f"head_{bias}",
            f"Bearings at rest are distributed as awake ({bias}).",
            distribution_figure,
            "circular KL(rest ‖ awake) [nats]",
            ("kl_head",),
            lambda seed: kl(seed["kl_head"], run, run),
            high=CLOSE,
            ours=bias == "biased",
        ),
        Claim(
            f"dwell_{bias}",
            f"At rest a bearing is kept for longer ({bias}).",
            dwell_figure,
            "steps until the bearing has moved by one tuning width, median (Kaplan–Meier), at rest over awake",
            ("transitions",),
            lambda seed: ratio(
                at(seed["transitions"], run, "quiescent", "dwell"), of=at(seed["transitions"], run, "active", "dwell")
            ),
            low=MUCH,
            seen=SEEN,
            ours=bias == "unbiased",
            # The end of rest is the median wherever the true one lies beyond it.
            is_at_limit=lambda seed: at(seed["transitions"], run, "quiescent", "dwell") >= longest_wait(seed["transitions"]),
        ),
        keeps_amplitude(f"amplitude_head_{bias}", f"head direction, {bias}", "manifold_head_long", run),
        *push_keeps_amplitude(f"head_{bias}", f"head direction, {bias}", "manifold_head", run),
    ]


_RING = (
    Claim(
        "head_plane",
        "Projected onto the first two waking components, rest is distributed as waking is (head direction, unbiased).",
        "3c-d",
        "KL(rest ‖ awake) in the plane of those components [nats]",
        ("manifold_head",),
        lambda seed: at(seed["manifold_head"], _UNBIASED, "kl_plane"),
        high=CLOSE,
        seen=SEEN,
    ),
    Claim(
        "ring_order",
        "At rest, the angle in the plane of the first two waking components is the bearing (unbiased).",
        "3c-d",
        "resultant length of angle minus bearing, at rest",
        ("manifold_head",),
        lambda seed: at(seed["manifold_head"], _UNBIASED, "quiescent_ring_order"),
        low=ALIGNED,
    ),
    Claim(
        "ring_hole",
        "At rest, the ring in that plane has a hole (unbiased).",
        "3c-d",
        "5th percentile of the radius in that plane over its mean, at rest",
        ("manifold_head",),
        lambda seed: at(seed["manifold_head"], _UNBIASED, "quiescent_ring_hole"),
        low=HOLE,
    ),
)


def _mean_turn(seed: Results, run: str, phase: str) -> float:
    return at(seed["transitions"], run, phase, "mean_turn")


_TURNING = (
    Claim(
        "turning_kept",
        "Biased turning is partly kept at rest.",
        "C.5d-e",
        "mean turn per step of biased networks, at rest over awake",
        ("transitions",),
        lambda seed: ratio(_mean_turn(seed, _BIASED, "quiescent"), of=_mean_turn(seed, _BIASED, "active")),
        low=KEPT[0],
        high=KEPT[1],
    ),
    Claim(
        "turning_from_training",
        "Without biased training, rest turns at most half as far on average.",
        "C.5f",
        "size of the mean turn at rest, unbiased over biased networks",
        ("transitions",),
        lambda seed: abs(ratio(_mean_turn(seed, _UNBIASED, "quiescent"), of=_mean_turn(seed, _BIASED, "quiescent"))),
        high=1 / MUCH,
        ours=True,
    ),
    Claim(
        "reversals",
        "Reversals still occur at rest.",
        "C.5b, e",
        "share of the moving steps that go against the trained turn, biased networks at rest",
        ("transitions",),
        lambda seed: at(seed["transitions"], _BIASED, "quiescent", "reversals"),
        low=SOME,
    ),
    Claim(
        "lasting_reversals",
        "Reversals that last still occur at rest.",
        "C.5b",
        "share of half-second windows in which biased networks at rest turn back by half a tuning width or more",
        ("transitions",),
        lambda seed: at(seed["transitions"], _BIASED, "quiescent", "lasting_reversals"),
        low=SOME,
        seen=SEEN_LATER,
        ours=True,
    ),
)

CIRCLE: tuple[Claim, ...] = (*_bearings("unbiased", "3a-b", "–"), *_bearings("biased", "–", "C.5"), *_RING, *_TURNING)
