"""Spatial navigation: rest with doubled noise (Figs. 1, 2, C.3, C.4), without (C.1), and in GRUs (C.2)."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from paper.claims.values import SEEN, SEEN_LATER, Value, difference, keeps_amplitude, of, ratio
from paper.entries import at, entropy_at_rest, entropy_awake, kl, step
from paper.verdicts import INFINITY, Claim
from paper.words import ABOUT, ALIGNED, ALIKE, CLOSE, FEW, MOST, MUCH, SMOOTH

_BIASES = ("unbiased", "biased")
_ERRATIC_FIGURE = {"unbiased": "C.3e, C.4a", "biased": "C.3f, C.4b"}


class _Rest(NamedTuple):
    """Which networks rest how. The keys, sentences and figures of the claims about it say so."""

    suffix: str = ""  # of its claims and protocols
    figure: str = ""  # "": each claim has its own
    words: str = ""
    end: str = ""  # of the names of its networks

    def protocol(self, name: str) -> str:
        """The protocol `name` as it is for this rest."""
        return f"{name}{self.suffix}"

    def claim(
        self,
        key: str,
        sentence: str,
        figure: str,
        measure: str,
        protocols: tuple[str, ...],
        value: Value,
        low: float = -INFINITY,
        high: float = INFINITY,
        seen: tuple[int, ...] = (),
        ours: bool = False,
    ) -> Claim:
        """A claim about this rest."""
        where, told = self.figure or figure, f"{sentence}{self.words}."
        return Claim(f"{key}{self.suffix}", told, where, measure, protocols, value, low, high, seen, ours)


_DOUBLED = _Rest()
_NOT_DOUBLED = _Rest("_gain1", "C.1", ", without doubled noise")
_GATED = _Rest("_gru", "C.2", ", in GRUs", "_gru")


def _dimensions(rest: _Rest) -> list[Claim]:
    protocol, run = rest.protocol("manifold"), f"noisy_unbiased{rest.end}"
    waking, resting = (of(protocol, at(run, f"{phase}_share")) for phase in ("active", "quiescent"))
    row = partial(rest.claim, protocols=(protocol,), seen=SEEN if rest is _GATED else ())
    return [
        row(
            "low_dimensional_awake",
            "Unbiased waking activity is low-dimensional",
            "1c",
            f"share of variance in the first {FEW} principal components, awake",
            value=waking,
            low=MOST,
        ),
        row(
            "low_dimensional_rest",
            "Unbiased resting activity is low-dimensional",
            "1c",
            f"share of variance in the first {FEW} principal components, at rest",
            value=resting,
            low=MOST,
        ),
        row(
            "overlapping",
            "The two curves of explained variance overlap (unbiased)",
            "1c",
            "largest difference between the cumulative curves",
            value=of(protocol, at(run, "largest_gap")),
            high=ALIKE,
        ),
        row(
            "same_subspace",
            "Rest stays in the directions of waking (unbiased)",
            "1f-g",
            f"resting variance in the first {FEW} waking components, over that in the first {FEW} resting ones",
            value=ratio(of(protocol, at(run, "quiescent_share_of_active")), resting),
            low=ALIGNED,
            ours=True,
        ),
        row(
            "same_plane",
            "Projected onto the first two waking components, rest is distributed as waking is (unbiased)",
            "1j-k",
            "KL(rest ‖ awake) in the plane of those components [nats]",
            value=of(protocol, at(run, "kl_plane")),
            high=CLOSE,
        ),
    ]


def _distributions(rest: _Rest) -> list[Claim]:
    protocol, runs = rest.protocol("kl"), {bias: f"noisy_{bias}{rest.end}" for bias in _BIASES}
    unbiased, biased = runs.values()
    row = partial(rest.claim, figure="2e", protocols=(protocol,))
    elsewhere = rest is not _DOUBLED  # "these results" of Figs. C.1 and C.2 are told before divergences are

    def diverges(name: str, who: str, resting: str, row_of: Mapping[str, str], to: str) -> Claim:
        """One resting density is farther from the waking of `to` than the rest of `to` is."""
        waking = runs[to]
        return row(
            f"{name}_to_{to}",
            f"{who} diverges from {to} waking",
            measure=f"KL({resting} ‖ {to} awake) − KL({to} rest ‖ {to} awake) [nats]",
            value=difference(of(protocol, kl(row_of[to], waking)), of(protocol, kl(waking, waking))),
            low=CLOSE,
            ours=elsewhere,
        )

    other = {"unbiased": "biased", "biased": "unbiased"}
    crossed = {to: runs[other[to]] for to in runs}
    return [
        row(
            "uniform",
            "Unbiased rest is about as close to waking as a true uniform distribution is",
            measure="KL(rest ‖ awake) − KL(uniform ‖ awake), unbiased [nats]",
            value=difference(of(protocol, kl(unbiased, unbiased)), of(protocol, kl("uniform", unbiased))),
            high=ABOUT,
            ours=elsewhere,
        ),
        row(
            "unbiased",
            "Unbiased rest closely resembles unbiased waking",
            figure="1h-i",
            measure="KL(rest ‖ awake), unbiased [nats]",
            value=of(protocol, kl(unbiased, unbiased)),
            high=CLOSE,
            seen=SEEN_LATER,
        ),
        row(
            "biased",
            "Biased rest closely resembles biased waking",
            measure="KL(rest ‖ awake), biased [nats]",
            value=of(protocol, kl(biased, biased)),
            high=CLOSE,
        ),
        *(diverges("crossed", f"{other[to].capitalize()} rest", f"{other[to]} rest", crossed, to) for to in runs),
        *(diverges("random", "An untrained network", "random", dict.fromkeys(runs, "random"), to) for to in runs),
    ]


def _tiling(rest: _Rest) -> list[Claim]:
    run = f"noisy_unbiased{rest.end}"
    divergences, manifold = rest.protocol("kl"), rest.protocol("manifold")
    plane = "in the plane of the first two waking components"
    awake = of(manifold, at(run, "active_entropy"))
    return [
        rest.claim(
            "tiling",
            "Unbiased rest tiles space less uniformly than waking does",
            "1h-i",
            "entropy of the density of positions at rest − awake, at one bandwidth [nats]",
            (divergences,),
            difference(of(divergences, entropy_at_rest(run)), of(divergences, entropy_awake(run))),
            high=-ABOUT,
        ),
        rest.claim(
            "tiling_activity",
            "Rescaled to the spread of waking, unbiased rest tiles neural activity less uniformly than waking does",
            "1j-k",
            f"entropy of the density {plane}, rest stretched to the spread of waking − awake, at one bandwidth [nats]",
            (manifold,),
            difference(of(manifold, at(run, "quiescent_entropy_stretched")), awake),
            high=-ABOUT,
            seen=SEEN_LATER,
        ),
        rest.claim(
            "less_activity",
            "Unbiased rest takes up less of the plane of neural activity than waking does",
            "1j-k",
            f"entropy of the density {plane} at rest − awake, at one bandwidth [nats]",
            (manifold,),
            difference(of(manifold, at(run, "quiescent_entropy")), awake),
            high=-ABOUT,
            ours=True,
        ),
    ]


def _smooth(rest: _Rest) -> list[Claim]:
    protocol, figures = rest.protocol("distance"), {"unbiased": "1e, C.4a", "biased": "2b, C.4b"}

    def row(bias: str) -> Claim:
        run = f"noisy_{bias}{rest.end}"
        return rest.claim(
            f"smooth_{bias}",
            f"Rest of networks trained with noise is smooth ({bias})",
            figures[bias],
            "distance between consecutive points, first 100 steps of rest over awake",
            (protocol,),
            ratio(of(protocol, step(run, "quiescent")), of(protocol, step(run, "active"))),
            high=SMOOTH,
        )

    return [row(bias) for bias in _BIASES]


def _lasting(bias: str) -> list[Claim]:
    """Whether rest stays what it is at its beginning, which is all that Fig. C.4 sees."""
    run = f"noisy_{bias}"
    return [
        Claim(
            f"smooth_later_{bias}",
            f"Rest of networks trained with noise stays smooth ({bias}).",
            {"unbiased": "1e", "biased": "2b"}[bias],
            "distance between consecutive points, second 100 steps of rest over awake",
            ("distance_late",),
            ratio(of("distance_late", step(run, "quiescent")), of("distance_late", step(run, "active"))),
            high=SMOOTH,
            seen=SEEN_LATER,
        ),
        keeps_amplitude(f"amplitude_{bias}", bias, "manifold_long", run),
    ]


def _noisy_training(rest: _Rest) -> list[Claim]:
    """What training with noise is good for: exploring, and bearing the noise of rest."""
    distance, variance = rest.protocol("distance"), rest.protocol("variance")

    def rows(bias: str) -> list[Claim]:
        quiet, noisy = f"no-noise_{bias}", f"noisy_{bias}"
        return [
            rest.claim(
                f"noiseless_explore_less_{bias}",
                f"At rest, a trajectory of noiseless networks explores less ({bias})",
                "2f",
                "variance of resting trajectories, noiseless over noisy",
                tuple(dict.fromkeys(("variance", variance))),
                ratio(of("variance", at(quiet)), of(variance, at(noisy))),
                high=1 / MUCH,
                ours=rest is not _DOUBLED,
            ),
            rest.claim(
                f"erratic_{bias}",
                f"Noise put into networks trained without it makes rest erratic ({bias})",
                _ERRATIC_FIGURE[bias],
                "distance between consecutive points, noiselessly trained with Gaussian noise over trained with noise",
                (distance,),
                ratio(of(distance, step(quiet, "quiescent_noisy")), of(distance, step(noisy, "quiescent"))),
                low=MUCH,
                ours=rest is not _DOUBLED,
            ),
        ]

    return [claim for bias in _BIASES for claim in rows(bias)]


def _noiseless_match() -> list[Claim]:
    return [
        Claim(
            f"noiseless_match_{bias}",
            f"Trained and resting without noise, networks still match waking in distribution ({bias}).",
            "2e",
            "KL(rest ‖ awake) [nats]",
            ("kl",),
            of("kl", kl(f"no-noise_{bias}", f"no-noise_{bias}")),
            high=CLOSE,
        )
        for bias in _BIASES
    ]


def _released_noise(bias: str) -> list[Claim]:
    """The uniform noise of the released code, put into networks that trained without: noise, or its mean push?"""
    quiet = f"no-noise_{bias}"
    uniform, twelfth = (
        of(protocol, step(quiet, "quiescent_noisy")) for protocol in ("distance_uniform", "distance_twelfth")
    )
    return [
        Claim(
            f"erratic_uniform_{bias}",
            f"The released code's uniform noise, put into networks trained without it, makes rest erratic, too ({bias}).",
            _ERRATIC_FIGURE[bias],
            "distance between consecutive points, noiselessly trained with that noise over trained with noise",
            ("distance", "distance_uniform"),
            ratio(uniform, of("distance", step(f"noisy_{bias}", "quiescent"))),
            low=MUCH,
            ours=True,
        ),
        Claim(
            f"push_{bias}",
            f"With the uniform noise, fluctuations and not the mean push make rest erratic ({bias}).",
            _ERRATIC_FIGURE[bias],
            "distance with Gaussian noise of the uniform noise's variance and no push, over that with the uniform noise",
            ("distance_twelfth", "distance_uniform"),
            ratio(twelfth, uniform),
            low=ALIGNED,
            ours=True,
        ),
    ]


def _sensitive(bias: str) -> Claim:
    """Section 4 says it in passing, and draws nothing."""

    def rise(doubled: str, single: str, run: str) -> Value:
        return difference(of(doubled, kl(run, run)), of(single, kl(run, run)))

    gated, vanilla = f"noisy_{bias}_gru", f"noisy_{bias}"
    return Claim(
        f"sensitive_{bias}",
        f"More noise at rest harms GRUs more than vanilla networks ({bias}).",
        "–",
        "how much doubling the noise raises KL(rest ‖ awake), GRUs − vanilla networks [nats]",
        ("kl_gru_gain2", "kl_gru", "kl", "kl_gain1"),
        difference(rise("kl_gru_gain2", "kl_gru", gated), rise("kl", "kl_gain1", vanilla)),
        low=0.0,
        seen=SEEN,
    )


SPACE: tuple[Claim, ...] = (
    *_dimensions(_DOUBLED),
    *_distributions(_DOUBLED),
    *_tiling(_DOUBLED),
    *_noiseless_match(),
    *_smooth(_DOUBLED),
    *(claim for bias in _BIASES for claim in _lasting(bias)),
    *_noisy_training(_DOUBLED),
    *(claim for bias in _BIASES for claim in _released_noise(bias)),
    *_dimensions(_NOT_DOUBLED)[1:],  # waking is the same
    *_distributions(_NOT_DOUBLED),
    *_tiling(_NOT_DOUBLED),
    *_smooth(_NOT_DOUBLED),
    *_noisy_training(_NOT_DOUBLED),
    *_dimensions(_GATED),
    *_distributions(_GATED),
    *_tiling(_GATED),
    *_smooth(_GATED),
    *map(_sensitive, _BIASES),
)
