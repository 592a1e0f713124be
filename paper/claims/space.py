"""Claims about spatial navigation: rest with doubled noise (Figs. 1, 2, C.3, C.4), without (C.1), and in GRUs (C.2)."""

from paper.claims.both import keeps_amplitude, push_keeps_amplitude
from paper.claims.criteria import ABOUT, ALIGNED, ALIKE, CLOSE, FEW, MOST, MUCH, SEEN, SEEN_LATER, SMOOTH
from paper.claims.verdicts import Claim, Compared, Results, ratio
from paper.protocols import BIASES, DOUBLED, GATED, GATED_DOUBLED, NOT_DOUBLED, Condition
from paper.study import at, entropy_at_rest, entropy_awake, kl, step_length


def _figure(bias: str, unbiased: str, biased: str) -> str:
    return {"unbiased": unbiased, "biased": biased}[bias]


def _dimensions(rest: Condition) -> list[Claim]:
    manifold, run = rest.key("manifold"), rest.noisy("unbiased")
    seen = SEEN if rest is GATED else ()
    return [
        Claim(
            "low_dimensional_awake",
            "Unbiased waking activity is low-dimensional.",
            "1c",
            f"share of variance in the first {FEW} principal components, awake",
            (manifold,),
            lambda seed: at(seed[manifold], run, "active_share"),
            low=MOST,
            seen=seen,
        ),
        Claim(
            "low_dimensional_rest",
            "Unbiased resting activity is low-dimensional.",
            "1c",
            f"share of variance in the first {FEW} principal components, at rest",
            (manifold,),
            lambda seed: at(seed[manifold], run, "quiescent_share"),
            low=MOST,
            seen=seen,
        ),
        Claim(
            "overlapping",
            "The two curves of explained variance overlap (unbiased).",
            "1c",
            "largest difference between the cumulative curves",
            (manifold,),
            lambda seed: at(seed[manifold], run, "largest_gap"),
            high=ALIKE,
            seen=seen,
        ),
        Claim(
            "same_subspace",
            "Rest stays in the directions of waking (unbiased).",
            "1f-g",
            f"resting variance in the first {FEW} waking components, over that in the first {FEW} resting ones",
            (manifold,),
            lambda seed: ratio(
                at(seed[manifold], run, "quiescent_share_of_active"), of=at(seed[manifold], run, "quiescent_share")
            ),
            low=ALIGNED,
            seen=seen,
            ours=True,
        ),
        Claim(
            "same_plane",
            "Projected onto the first two waking components, rest is distributed as waking is (unbiased).",
            "1j-k",
            "KL(rest ‖ awake) in the plane of those components [nats]",
            (manifold,),
            lambda seed: at(seed[manifold], run, "kl_plane"),
            high=CLOSE,
            seen=seen,
        ),
    ]


def _distributions(rest: Condition) -> list[Claim]:
    table, unbiased, biased = rest.key("kl"), rest.noisy("unbiased"), rest.noisy("biased")
    elsewhere = rest is not DOUBLED  # the paper's "these results" of Figs. C.1 and C.2 precede its divergences

    def diverges(key: str, who: str, measured: str, resting: str, bias: str) -> Claim:
        """The claim that a resting density is farther from waking of this bias than rest of the same bias is."""
        run = rest.noisy(bias)
        return Claim(
            f"{key}_to_{bias}",
            f"{who} diverges from {bias} waking.",
            "2e",
            f"KL({measured} ‖ {bias} awake) − KL({bias} rest ‖ {bias} awake) [nats]",
            (table,),
            lambda seed: kl(seed[table], resting, run) - kl(seed[table], run, run),
            low=CLOSE,
            ours=elsewhere,
        )

    return [
        Claim(
            "uniform",
            "Unbiased rest is about as close to waking as a true uniform distribution is.",
            "2e",
            "KL(rest ‖ awake) − KL(uniform ‖ awake), unbiased [nats]",
            (table,),
            lambda seed: kl(seed[table], unbiased, unbiased) - kl(seed[table], "uniform", unbiased),
            high=ABOUT,
            ours=elsewhere,
        ),
        Claim(
            "unbiased",
            "Unbiased rest closely resembles unbiased waking.",
            "1h-i",
            "KL(rest ‖ awake), unbiased [nats]",
            (table,),
            lambda seed: kl(seed[table], unbiased, unbiased),
            high=CLOSE,
            seen=SEEN_LATER,
        ),
        Claim(
            "biased",
            "Biased rest closely resembles biased waking.",
            "2e",
            "KL(rest ‖ awake), biased [nats]",
            (table,),
            lambda seed: kl(seed[table], biased, biased),
            high=CLOSE,
        ),
        diverges("crossed", "Biased rest", "biased rest", biased, "unbiased"),
        diverges("crossed", "Unbiased rest", "unbiased rest", unbiased, "biased"),
        *(diverges("random", "An untrained network", "random", "random", bias) for bias in BIASES),
    ]


def _tiling(rest: Condition) -> list[Claim]:
    positions, activity, run = rest.key("kl"), rest.key("manifold"), rest.noisy("unbiased")
    plane = "in the plane of the first two waking components"
    return [
        Claim(
            "tiling",
            "Unbiased rest tiles space less uniformly than waking does.",
            "1h-i",
            "entropy of the density of positions at rest − awake, at one bandwidth [nats]",
            (positions,),
            lambda seed: entropy_at_rest(seed[positions], run) - entropy_awake(seed[positions], run),
            high=-ABOUT,
        ),
        Claim(
            "tiling_activity",
            "Rescaled to the spread of waking, unbiased rest tiles neural activity less uniformly than waking does.",
            "1j-k",
            f"entropy of the density {plane}, rest stretched to the spread of waking − awake, at one bandwidth [nats]",
            (activity,),
            lambda seed: at(seed[activity], run, "quiescent_entropy_stretched") - at(seed[activity], run, "active_entropy"),
            high=-ABOUT,
            seen=SEEN_LATER,
        ),
        Claim(
            "less_activity",
            "Unbiased rest takes up less of the plane of neural activity than waking does.",
            "1j-k",
            f"entropy of the density {plane} at rest − awake, at one bandwidth [nats]",
            (activity,),
            lambda seed: at(seed[activity], run, "quiescent_entropy") - at(seed[activity], run, "active_entropy"),
            high=-ABOUT,
            ours=True,
        ),
    ]


def _times_waking(result: Results, run: str) -> float:
    """Distance between consecutive points at rest, over that awake."""
    return ratio(step_length(result, run, "quiescent"), of=step_length(result, run, "active"))


def _smooth(rest: Condition, bias: str) -> Claim:
    distance, run = rest.key("distance"), rest.noisy(bias)
    return Claim(
        f"smooth_{bias}",
        f"Rest of networks trained with noise is smooth ({bias}).",
        _figure(bias, "1e, C.4a", "2b, C.4b"),
        "distance between consecutive points, first 100 steps of rest over awake",
        (distance,),
        lambda seed: _times_waking(seed[distance], run),
        high=SMOOTH,
    )


def _lasting(bias: str) -> list[Claim]:
    """Claims on whether rest stays as at its beginning; Fig. C.4 shows its beginning only."""
    run = DOUBLED.noisy(bias)
    return [
        Claim(
            f"smooth_later_{bias}",
            f"Rest of networks trained with noise stays smooth ({bias}).",
            _figure(bias, "1e", "2b"),
            "distance between consecutive points, second 100 steps of rest over awake",
            ("distance_late",),
            lambda seed: _times_waking(seed["distance_late"], run),
            high=SMOOTH,
            seen=SEEN_LATER,
        ),
        keeps_amplitude(f"amplitude_{bias}", bias, "manifold_long", run),
        *push_keeps_amplitude(bias, bias, "manifold", run),
    ]


def _noisy_training(rest: Condition, bias: str) -> list[Claim]:
    """Claims on the effects of noise in training: more exploration, and robustness to the noise of rest."""
    distance, variance = rest.key("distance"), rest.key("variance")
    quiet, noisy = f"no-noise_{bias}", rest.noisy(bias)
    return [
        Claim(
            f"noiseless_explore_less_{bias}",
            f"At rest, a trajectory of noiseless networks explores less ({bias}).",
            "2f",
            "variance of resting trajectories, noiseless over noisy",
            tuple(dict.fromkeys(("variance", variance))),
            lambda seed: ratio(at(seed["variance"], quiet), of=at(seed[variance], noisy)),
            high=1 / MUCH,
            ours=rest is not DOUBLED,
        ),
        Claim(
            f"erratic_{bias}",
            f"Noise put into networks trained without it makes rest erratic ({bias}).",
            _figure(bias, "C.3e, C.4a", "C.3f, C.4b"),
            "distance between consecutive points, noiselessly trained with Gaussian noise over trained with noise",
            (distance,),
            lambda seed: ratio(
                step_length(seed[distance], quiet, "quiescent_noisy"), of=step_length(seed[distance], noisy, "quiescent")
            ),
            low=MUCH,
            ours=rest is not DOUBLED,
        ),
    ]


def _noiseless_match(bias: str) -> Claim:
    quiet = f"no-noise_{bias}"
    return Claim(
        f"noiseless_match_{bias}",
        f"Trained and resting without noise, networks still match waking in distribution ({bias}).",
        "2e",
        "KL(rest ‖ awake) [nats]",
        ("kl",),
        lambda seed: kl(seed["kl"], quiet, quiet),
        high=CLOSE,
    )


def _released_noise(bias: str) -> list[Claim]:
    """Claims on noiselessly trained networks under the released code's uniform noise: does its variance act, or its push?"""
    quiet, noisy, figure = f"no-noise_{bias}", DOUBLED.noisy(bias), _figure(bias, "C.3e, C.4a", "C.3f, C.4b")

    def put_in(result: Results) -> float:
        return step_length(result, quiet, "quiescent_noisy")

    return [
        Claim(
            f"erratic_uniform_{bias}",
            f"The released code's uniform noise, put into networks trained without it, makes rest erratic, too ({bias}).",
            figure,
            "distance between consecutive points, noiselessly trained with that noise over trained with noise",
            ("distance", "distance_uniform"),
            lambda seed: ratio(put_in(seed["distance_uniform"]), of=step_length(seed["distance"], noisy, "quiescent")),
            low=MUCH,
            ours=True,
            compared=Compared("distance", "distance_uniform", "the noise put in is uniform anyway", f"erratic_{bias}"),
        ),
        Claim(
            f"push_{bias}",
            f"With the uniform noise, fluctuations and not the mean push make rest erratic ({bias}).",
            figure,
            "distance with Gaussian noise of the uniform noise's variance and no push, over that with the uniform noise",
            ("distance_twelfth", "distance_uniform"),
            lambda seed: ratio(put_in(seed["distance_twelfth"]), of=put_in(seed["distance_uniform"])),
            low=ALIGNED,
            ours=True,
        ),
    ]


def _sensitive(bias: str) -> Claim:
    """The claim that noise harms GRUs more, which Section 4 makes without a figure."""

    def rise(seed: Results, single: Condition, doubled: Condition) -> float:
        run = single.noisy(bias)
        return kl(seed[doubled.key("kl")], run, run) - kl(seed[single.key("kl")], run, run)

    return Claim(
        f"sensitive_{bias}",
        f"More noise at rest harms GRUs more than vanilla networks ({bias}).",
        "–",
        "how much doubling the noise raises KL(rest ‖ awake), GRUs − vanilla networks [nats]",
        ("kl_gru_gain2", "kl_gru", "kl", "kl_gain1"),
        lambda seed: rise(seed, GATED, GATED_DOUBLED) - rise(seed, NOT_DOUBLED, DOUBLED),
        low=0.0,
        seen=SEEN,
        compared=Compared("kl_gru", "kl_gru_gain2", "noise is doubled in both rests of GRUs"),
    )


def _of_rest(rest: Condition) -> list[Claim]:
    """The claims about rest under a condition for which there are measurements."""
    claims = [*_dimensions(rest), *_distributions(rest), *_tiling(rest)]
    if rest is DOUBLED:
        claims += map(_noiseless_match, BIASES)
    claims += [_smooth(rest, bias) for bias in BIASES]
    if rest is DOUBLED:
        claims += [claim for bias in BIASES for claim in _lasting(bias)]
    if rest is not GATED:  # no GRUs were trained without noise
        claims += [claim for bias in BIASES for claim in _noisy_training(rest, bias)]
    return [claim.under(rest) for claim in claims]


SPACE: tuple[Claim, ...] = (
    *_of_rest(DOUBLED),
    *(claim for bias in BIASES for claim in _released_noise(bias)),
    *(claim for claim in _of_rest(NOT_DOUBLED) if claim.key != NOT_DOUBLED.key("low_dimensional_awake")),  # as if doubled
    *_of_rest(GATED),
    *map(_sensitive, BIASES),
)
