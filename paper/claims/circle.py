"""Head direction: bearings, the ring of activity, and what is left of biased turning (Figs. 3, C.5)."""

from paper.claims.values import SEEN, SEEN_LATER, keeps_amplitude, of, ratio, size
from paper.entries import at, kl
from paper.verdicts import Claim
from paper.words import ALIGNED, CLOSE, HOLE, KEPT, MUCH, SOME

_UNBIASED, _BIASED = "noisy_unbiased", "noisy_biased"


def _bearings(bias: str, distribution_figure: str, dwell_figure: str) -> list[Claim]:
    run, unbiased = f"noisy_{bias}", bias == "unbiased"
    awake, resting = (of("transitions", at(run, phase, "dwell")) for phase in ("active", "quiescent"))
    return [
        Claim(
            f"head_{bias}",
            f"Bearings at rest are distributed as awake ({bias}).",
            distribution_figure,
            "circular KL(rest ‖ awake) [nats]",
            ("kl_head",),
            of("kl_head", kl(run, run)),
            high=CLOSE,
            ours=not unbiased,
        ),
        Claim(
            f"dwell_{bias}",
            f"At rest a bearing is kept for longer ({bias}).",
            dwell_figure,
            "steps until the bearing has moved by one tuning width, median (Kaplan–Meier), at rest over awake",
            ("transitions",),
            ratio(resting, awake),
            low=MUCH,
            seen=SEEN,
            ours=unbiased,
        ),
        keeps_amplitude(f"amplitude_head_{bias}", f"head direction, {bias}", "manifold_head_long", run),
    ]


def _ring() -> list[Claim]:
    return [
        Claim(
            "head_plane",
            "Projected onto the first two waking components, rest is distributed as waking is (head direction, unbiased).",
            "3c-d",
            "KL(rest ‖ awake) in the plane of those components [nats]",
            ("manifold_head",),
            of("manifold_head", at(_UNBIASED, "kl_plane")),
            high=CLOSE,
            seen=SEEN,
        ),
        Claim(
            "ring_order",
            "At rest, the angle in the plane of the first two waking components is the bearing (unbiased).",
            "3c-d",
            "resultant length of angle minus bearing, at rest",
            ("manifold_head",),
            of("manifold_head", at(_UNBIASED, "quiescent_ring_order")),
            low=ALIGNED,
        ),
        Claim(
            "ring_hole",
            "At rest, the ring in that plane has a hole (unbiased).",
            "3c-d",
            "5th percentile of the radius in that plane over its mean, at rest",
            ("manifold_head",),
            of("manifold_head", at(_UNBIASED, "quiescent_ring_hole")),
            low=HOLE,
        ),
    ]


def _turning() -> list[Claim]:
    biased_awake, biased_rest, unbiased_rest = (
        of("transitions", at(run, phase, "mean_turn"))
        for run, phase in ((_BIASED, "active"), (_BIASED, "quiescent"), (_UNBIASED, "quiescent"))
    )
    return [
        Claim(
            "turning_kept",
            "Biased turning is partly kept at rest.",
            "C.5d-e",
            "mean turn per step of biased networks, at rest over awake",
            ("transitions",),
            ratio(biased_rest, biased_awake),
            low=KEPT[0],
            high=KEPT[1],
        ),
        Claim(
            "turning_from_training",
            "Without biased training, rest turns at most half as far on average.",
            "C.5f",
            "size of the mean turn at rest, unbiased over biased networks",
            ("transitions",),
            size(ratio(unbiased_rest, biased_rest)),
            high=1 / MUCH,
            ours=True,
        ),
        Claim(
            "reversals",
            "Reversals still occur at rest.",
            "C.5b, e",
            "share of the moving steps that go against the trained turn, biased networks at rest",
            ("transitions",),
            of("transitions", at(_BIASED, "quiescent", "reversals")),
            low=SOME,
        ),
        Claim(
            "lasting_reversals",
            "Reversals that last still occur at rest.",
            "C.5b",
            "share of half-second windows in which biased networks at rest turn back by half a tuning width or more",
            ("transitions",),
            of("transitions", at(_BIASED, "quiescent", "lasting_reversals")),
            low=SOME,
            seen=SEEN_LATER,
            ours=True,
        ),
    ]


CIRCLE: tuple[Claim, ...] = (*_bearings("unbiased", "3a-b", "–"), *_bearings("biased", "–", "C.5"), *_ring(), *_turning())
