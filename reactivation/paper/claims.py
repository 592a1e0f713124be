"""Every claim of Section 4 and Appendix C of the paper as a test: what it says, one number per seed, a range for it.

`reactivation.paper.verdicts` has the rule that is the same for all.
"""

from collections.abc import Callable, Mapping
import math

from reactivation.paper.entries import Entry, at, kl, step
from reactivation.paper.protocols import HEAD, SPATIAL
from reactivation.paper.verdicts import TRAINING, Claim, Results

# What the words of the paper are taken to mean; written before the runs they judge.
CLOSE = 0.3  # nats: "closely resembles"; the divergence of a uniform density that leaves out a quarter of the space
ABOUT = 0.1  # nats: "about as close as"; likewise a tenth of the space
MUCH = 2.0  # times: "much more", and its inverse "less"
FEW = 10  # principal components: few, of 512 units (128 for head direction)
MOST = 2 / 3  # share of variance: what few components must explain to be called low-dimensional
ALIKE = 0.1  # difference of two curves of cumulative explained variance that are called overlapping
ALIGNED = 0.9  # share or correlation that counts as nearly all
SMOOTH = 1.5  # times the waking step: at most that is smooth
HOLE = 0.5  # of the mean radius: a ring keeps that far from its centre
HALF_WIDTH = {SPATIAL: 0.1, HEAD: math.pi / 12}  # m, rad: half a tuning width, what still tells two cells apart
KEPT = (0.05, 0.9)  # share of the waking turn: more than nothing, less than all
SOME = 0.1  # share of steps: what still occurs

WORDS = {
    "closely resembles, matches; diverges": f"at most {CLOSE} nats; at least {CLOSE} nats more: so far away is a uniform "
    "density that leaves out a quarter of the space",
    "about as close": f"at most {ABOUT} nats farther: likewise, a tenth of the space",
    "much more, longer; less": f"at least {MUCH:g} times; at most {1 / MUCH:g} times",
    "few components; low-dimensional": f"{FEW}; they explain at least {MOST:.0%} of the variance",
    "overlapping curves": f"nowhere more than {ALIKE} apart",
    "the same directions, a ring, not the push": f"a share or correlation of at least {ALIGNED}",
    "reports the state": "an error of at most half a tuning width",
    "smooth": f"steps of at most {SMOOTH} times those of waking",
    "a hole": f"the fifth percentile of the radius is at least {HOLE} of its mean",
    "partly kept": f"from {KEPT[0]} to {KEPT[1]} of the waking turn",
    "still occurs": f"at least {SOME:.0%} of the steps",
}

Value = Callable[[Results], float]


def _of(protocol: str, entry: Entry) -> Value:
    return lambda results: entry(results[protocol])


def _difference(a: Value, b: Value) -> Value:
    return lambda results: a(results) - b(results)


def _ratio(a: Value, b: Value) -> Value:
    def value(results: Results) -> float:
        below = b(results)
        return a(results) / below if below else math.inf

    return value


def _size(value: Value) -> Value:
    return lambda results: abs(value(results))


def _learned() -> list[Claim]:
    def row(key: str, what: str, network: tuple[str, str], figure: str, unit: str) -> Claim:
        return Claim(
            key,
            f"Trained with noise, the networks report the state they integrate ({what}).",
            figure,
            f"decoding error on the test batch [{unit}], against half a tuning width",
            (TRAINING,),
            _of(TRAINING, lambda errors: float(errors.get("/".join(network), math.nan))),
            high=HALF_WIDTH[network[0]],
        )

    return [
        row("learned", "space, vanilla", (SPATIAL, "noisy_unbiased"), "1b", "m"),
        row("learned_gru", "space, GRU", (SPATIAL, "noisy_unbiased_gru"), "C.2", "m"),
        row("learned_head", "head direction", (HEAD, "noisy_unbiased"), "3", "rad"),
    ]


def _dimensions() -> list[Claim]:
    run, protocol = "noisy_unbiased", ("manifold",)
    waking, resting = (_of("manifold", at(run, f"{phase}_share")) for phase in ("active", "quiescent"))
    return [
        Claim(
            "low_dimensional_awake",
            "Waking activity is low-dimensional.",
            "1c",
            f"share of variance in the first {FEW} principal components, awake",
            protocol,
            waking,
            low=MOST,
        ),
        Claim(
            "low_dimensional_rest",
            "So is resting activity.",
            "1c",
            f"share of variance in the first {FEW} principal components, at rest",
            protocol,
            resting,
            low=MOST,
        ),
        Claim(
            "overlapping",
            "The two curves of explained variance overlap.",
            "1c",
            "largest difference between the cumulative curves",
            protocol,
            _of("manifold", at(run, "largest_gap")),
            high=ALIKE,
        ),
        Claim(
            "same_subspace",
            "Rest stays in the directions of waking.",
            "1f-g",
            f"resting variance in the first {FEW} waking components, over that in the first {FEW} resting ones",
            protocol,
            _ratio(_of("manifold", at(run, "quiescent_share_of_active")), resting),
            low=ALIGNED,
        ),
        Claim(
            "same_plane",
            "Projected onto the first two waking components, rest is distributed as waking is.",
            "1j-k",
            "KL(rest ‖ awake) in the plane of those components [nats]",
            protocol,
            _of("manifold", at(run, "kl_plane")),
            high=CLOSE,
        ),
    ]


def _distributions(protocol: str, end: str, figure: str, what: str) -> list[Claim]:
    unbiased, biased = f"noisy_unbiased{end}", f"noisy_biased{end}"
    key = protocol.removeprefix("kl").strip("_")
    suffix = f"_{key}" if key else ""

    def row(name: str, sentence: str, measure: str, value: Value, **limits: float) -> Claim:
        return Claim(f"{name}{suffix}", f"{sentence}{what}.", figure, f"{measure} [nats]", (protocol,), value, **limits)

    def diverges(name: str, who: str, rest: str, row_of: Mapping[str, str], to: str) -> Claim:
        """One resting density is farther from the waking of `to` than the rest of `to` is."""
        waking = runs[to]
        return row(
            f"{name}_to_{to}",
            f"{who} diverges from {to} waking",
            f"KL({rest} ‖ {to} awake) − KL({to} rest ‖ {to} awake)",
            _difference(_of(protocol, kl(row_of[to], waking)), _of(protocol, kl(waking, waking))),
            low=CLOSE,
        )

    runs = {"unbiased": unbiased, "biased": biased}
    other = {"unbiased": "biased", "biased": "unbiased"}
    crossed = {to: runs[other[to]] for to in runs}
    return [
        row(
            "uniform",
            "Unbiased rest is about as close to waking as a true uniform distribution is",
            "KL(rest ‖ awake) − KL(uniform ‖ awake), unbiased",
            _difference(_of(protocol, kl(unbiased, unbiased)), _of(protocol, kl("uniform", unbiased))),
            high=ABOUT,
        ),
        row(
            "biased",
            "Biased rest closely resembles biased waking",
            "KL(rest ‖ awake), biased",
            _of(protocol, kl(biased, biased)),
            high=CLOSE,
        ),
        *(diverges("crossed", f"{other[to].capitalize()} rest", f"{other[to]} rest", crossed, to) for to in runs),
        *(diverges("random", "An untrained network", "random", dict.fromkeys(runs, "random"), to) for to in runs),
    ]


def _noiseless(bias: str) -> list[Claim]:
    quiet, noisy = f"no-noise_{bias}", f"noisy_{bias}"
    rest = _of("distance", step(noisy, "quiescent"))
    # Noise put into the network that trained without: as in training of the noisy one, and two others of the same network.
    gaussian, uniform, twelfth = (
        _of(protocol, step(quiet, "quiescent_noisy")) for protocol in ("distance", "distance_uniform", "distance_twelfth")
    )

    def row(key: str, sentence: str, figure: str, measure: str, protocols: str, value: Value, **limits: float) -> Claim:
        needs = tuple(protocols.split())
        return Claim(f"{key}_{bias}", f"{sentence} ({bias}).", figure, measure, needs, value, **limits)

    return [
        row(
            "noiseless_match",
            "Trained and resting without noise, networks still match waking in distribution",
            "2e",
            "KL(rest ‖ awake) [nats]",
            "kl",
            _of("kl", kl(quiet, quiet)),
            high=CLOSE,
        ),
        row(
            "noiseless_explore_less",
            "But each of their rests explores less",
            "2f",
            "variance of resting trajectories, noiseless over noisy",
            "variance",
            _ratio(_of("variance", at(quiet)), _of("variance", at(noisy))),
            high=1 / MUCH,
        ),
        row(
            "smooth",
            "Rest of networks trained with noise is smooth",
            "1e, C.4",
            "distance between consecutive points, at rest over awake",
            "distance",
            _ratio(rest, _of("distance", step(noisy, "active"))),
            high=SMOOTH,
        ),
        row(
            "erratic",
            "Noise put into networks trained without makes rest erratic",
            "C.3e-f, C.4",
            "distance between consecutive points, noiselessly trained with Gaussian noise over trained with noise",
            "distance",
            _ratio(gaussian, rest),
            low=MUCH,
        ),
        row(
            "erratic_uniform",
            "So does the uniform noise of the released code",
            "C.3e-f, C.4",
            "the same with uniform noise, mean push included",
            "distance distance_uniform",
            _ratio(uniform, rest),
            low=MUCH,
        ),
        row(
            "push",
            "There the noise is to blame, not its mean push",
            "C.3e-f, C.4",
            "distance with Gaussian noise of the uniform noise's variance and no push, over that with the uniform noise",
            "distance_twelfth distance_uniform",
            _ratio(twelfth, uniform),
            low=ALIGNED,
        ),
    ]


def _head_direction() -> list[Claim]:
    rows = []
    for run, figure in (("noisy_unbiased", "3a-b"), ("noisy_biased", "C.5")):
        bias = run.removeprefix("noisy_")
        rows += [
            Claim(
                f"head_{bias}",
                f"Bearings at rest are distributed as awake ({bias}).",
                figure,
                "circular KL(rest ‖ awake) [nats]",
                ("kl_head",),
                _of("kl_head", kl(run, run)),
                high=CLOSE,
            ),
            Claim(
                f"dwell_{bias}",
                f"At rest a bearing is kept for longer ({bias}).",
                "C.5",
                "steps until the bearing has moved by one tuning width, median (Kaplan–Meier), at rest over awake",
                ("transitions",),
                _ratio(_of("transitions", at(run, "quiescent", "dwell")), _of("transitions", at(run, "active", "dwell"))),
                low=MUCH,
            ),
        ]
    unbiased, biased = "noisy_unbiased", "noisy_biased"
    turn = {
        (run, phase): _of("transitions", at(run, phase, "mean_turn"))
        for run in (unbiased, biased)
        for phase in ("active", "quiescent")
    }
    return [
        *rows,
        Claim(
            "ring_order",
            "Rest moves along a ring: its angle in the plane of the first two waking components is the bearing.",
            "3c-d",
            "resultant length of angle minus bearing, at rest",
            ("manifold_head",),
            _of("manifold_head", at(unbiased, "quiescent_ring_order")),
            low=ALIGNED,
        ),
        Claim(
            "ring_hole",
            "The ring has a hole.",
            "3c-d",
            "5th percentile of the radius in that plane over its mean, at rest",
            ("manifold_head",),
            _of("manifold_head", at(unbiased, "quiescent_ring_hole")),
            low=HOLE,
        ),
        Claim(
            "turning_kept",
            "Biased turning is partly kept at rest.",
            "C.5d-e",
            "mean turn per step of biased networks, at rest over awake",
            ("transitions",),
            _ratio(turn[biased, "quiescent"], turn[biased, "active"]),
            low=KEPT[0],
            high=KEPT[1],
        ),
        Claim(
            "turning_from_training",
            "Without biased training, rest turns neither way.",
            "C.5f",
            "size of the mean turn at rest, unbiased over biased networks",
            ("transitions",),
            _size(_ratio(turn[unbiased, "quiescent"], turn[biased, "quiescent"])),
            high=1 / MUCH,
        ),
        Claim(
            "reversals",
            "Reversals still occur at rest.",
            "C.5b, e",
            "share of the moving steps that go against the trained turn, biased networks at rest",
            ("transitions",),
            _of("transitions", at(biased, "quiescent", "reversals")),
            low=SOME,
        ),
    ]


CLAIMS: tuple[Claim, ...] = (
    *_learned(),
    *_dimensions(),
    *_distributions("kl", "", "2e", ""),
    *_noiseless("unbiased"),
    *_noiseless("biased"),
    *_distributions("kl_gain1", "", "C.1", ", without doubled noise"),
    *_distributions("kl_gru", "_gru", "C.2", ", in GRUs"),
    *_head_direction(),
)
