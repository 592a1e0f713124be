"""Rows of this project on adaptation, momentum and replay, with rules that were written before the networks were measured.

They ask two questions of Casco-Rodriguez, Krishna and Baraniuk (2026, known by its abstract): whether adaptation makes rest
explore more, and whether momentum makes rest faster while, at c = 2λ, it stays where waking was. Known when the rules were
written were networks of seed 0, for which docs/replay.md shows momentum of λ = 0.7 and 0.2; they do not count. Rows of
bias-free ReLU networks are about adaptation alone, since the noise gain cannot matter to them (scale symmetry).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from paper.claims.criteria import ABOUT, SMOOTH
from paper.claims.verdicts import Claim
from reactivation.machine.numbers import or_nan

Measured = Mapping[str, Any]  # the measurement of one network by `paper.diagram.measure`

GAIN = 2.0  # c of the rest that others are compared with (Eq. 19)
ADAPTED = 0.3  # b, at τ = 0.16 s
FRICTION = 0.5  # λ
MORE = 0.1  # of an exponent: about the step from diffusion in sleeping rats (0.45–0.53) to runs (0.54–0.72)


def at(found: Measured, measure: str, modifier: str = "adaptation", strength: float = 0.0, gain: float = GAIN) -> float:
    """Return a measure of one rest of a network; NaN where it has no value.

    Raises:
        KeyError: that rest was not measured.
    """
    for point in found["points"]:
        if (point["modifier"], point["strength"], point["gain"]) == (modifier, strength, gain):
            return or_nan(point[measure])
    raise KeyError(f"{modifier} {strength} at c = {gain}")


def _change(measure: str, modifier: str, strength: float, gain: float = GAIN) -> Callable[[Measured], float]:
    """The function that gives how much larger a measure is than in plain rest at c = 2."""
    return lambda found: at(found, measure, modifier, strength, gain) - at(found, measure)


_OF_ADAPTATION = (
    Claim(
        "adaptation_explores",
        "Adaptation makes rest explore more.",
        "D",
        f"entropy of occupancy with b = {ADAPTED:g} minus without [nats]",
        (),
        lambda found: -_change("coverage", "adaptation", ADAPTED)(found),
        low=ABOUT,
        ours=True,
    ),
    Claim(
        "adaptation_exponent",
        "Adaptation makes rest more like a run.",
        "D",
        f"distance exponent with b = {ADAPTED:g} minus without",
        (),
        _change("exponent", "adaptation", ADAPTED),
        low=MORE,
        ours=True,
    ),
)
_OF_MOMENTUM = (
    Claim(
        "momentum_faster",
        "Momentum makes rest faster, at c = 2λ.",
        "D",
        f"lags of equal displacement, plain rest at c = 2 over λ = {FRICTION:g}",
        (),
        lambda found: at(found, "faster", "momentum", FRICTION, 2 * FRICTION),
        low=SMOOTH,
        ours=True,
    ),
    Claim(
        "momentum_exponent",
        "Momentum makes rest more like a run, at c = 2λ.",
        "D",
        f"distance exponent with λ = {FRICTION:g} minus plain rest's",
        (),
        _change("exponent", "momentum", FRICTION, 2 * FRICTION),
        low=MORE,
        ours=True,
    ),
    Claim(
        "momentum_law",
        "With momentum, occupancy stays as near to waking's at c = 2λ as plain rest's.",
        "D",
        f"KL(rest ‖ awake) with λ = {FRICTION:g} minus plain rest's [nats]",
        (),
        _change("kl", "momentum", FRICTION, 2 * FRICTION),
        high=ABOUT,
        ours=True,
    ),
    Claim(
        "momentum_needs_less_noise",
        "With momentum and c still 2, occupancy is farther from waking's.",
        "D",
        f"KL(rest ‖ awake) with λ = {FRICTION:g} at c = 2 minus at c = 2λ [nats]",
        (),
        lambda found: at(found, "kl", "momentum", FRICTION) - at(found, "kl", "momentum", FRICTION, 2 * FRICTION),
        low=ABOUT,
        ours=True,
    ),
    Claim(
        "noise_keeps_the_exponent",
        "The noise gain, from ½ to 4, makes no other kind of motion of plain rest.",
        "D",
        "largest minus smallest distance exponent over c",
        (),
        lambda found: float(np.ptp(_exponents(found))),  # NaN if one is NaN, which max and min can pass over
        high=MORE,
        ours=True,
    ),
)


def _exponents(found: Measured) -> list[float]:
    return [at(found, "exponent", gain=gain) for gain in (0.5, 1.0, 2.0, 4.0)]


def rows(of_noise: bool) -> tuple[Claim, ...]:
    """Return the rows of a family of networks.

    Args:
        of_noise: whether the noise gain can matter to the family.
    """
    return _OF_ADAPTATION + (_OF_MOMENTUM if of_noise else ())
