"""The rules of the theory's verdicts: what each family of made-up networks is called."""

from collections.abc import Sequence
import math
from statistics import stdev

import pytest

from paper.claims.theory import (
    FLAT,
    GATED,
    LANGEVIN,
    NO_CONTROL,
    NO_POWER,
    STRUCTURED,
    UNDECIDED,
    Controls,
    Network,
    verdict,
)
from reactivation.analysis.results import confidence_interval

BOX, CIRCLE = "spatial_navigation", "head_direction"


def family(alphas: Sequence[float], exponent: float, brownian: float = math.nan) -> list[Network]:
    return [Network({0.0: one, 4.0: one}, exponent, brownian=brownian + (one - alphas[0])) for one in alphas]


GOOD = Controls(Network({0.0: 0.8, 4.0: 0.8}, 0.5), Network({0.0: 0.0, 4.0: 0.1}, 0.1))
ON_CIRCLE = Controls(Network({0.0: 1.0, 4.0: 1.0}, -1.0), Network({0.0: 0.0, 4.0: 0.0}, 0.0))


@pytest.mark.parametrize(
    ("networks", "called"),
    [
        (family([0.75, 0.8, 0.85], 0.5), LANGEVIN),
        (family([0.75, 0.8, 0.85], 0.1), STRUCTURED),
        (family([0.0, 0.05, 0.1], 0.0), FLAT),
        (family([-0.85, -0.8, -0.75], 0.1), STRUCTURED),
        (family([0.2, 0.8, 1.4], 0.5), UNDECIDED),
    ],
)
def test_families_of_the_box(networks: list[Network], called: str) -> None:
    assert verdict(BOX, networks, null=[-0.1, 0.0, 0.1], controls=GOOD) == called


def test_a_prior_that_only_inputs_show() -> None:
    gated = family([-0.4, -0.35, -0.3], -0.4, brownian=0.9)
    assert verdict(CIRCLE, gated, null=[-0.1, 0.0, 0.1], controls=ON_CIRCLE) == GATED
    assert verdict(CIRCLE, family([-0.4, -0.35, -0.3], -0.4, brownian=-0.2), [-0.1, 0.0, 0.1], ON_CIRCLE) == STRUCTURED


def test_nothing_is_said_without_power_or_with_a_failed_control() -> None:
    networks = family([0.75, 0.8, 0.85], 0.5)
    assert verdict(BOX, networks, null=[-0.6, 0.0, 0.6], controls=GOOD) == NO_POWER
    assert verdict(BOX, networks, null=[0.0], controls=GOOD) == NO_POWER
    failed = Controls(GOOD.langevin, Network({0.0: 0.4, 4.0: 0.0}, 0.0))
    assert verdict(BOX, networks, null=[-0.1, 0.0, 0.1], controls=failed) == NO_CONTROL


def test_a_ring_that_draws_every_radius_to_its_own_is_a_structure() -> None:
    rings = [Network({0.0: math.nan, 4.0: math.nan}, 0.1, is_along=False) for _ in range(3)]
    assert verdict(BOX, rings, null=[-0.1, 0.0, 0.1], controls=GOOD) == STRUCTURED


def test_what_few_networks_can_see() -> None:
    """Half widths of their intervals over their standard deviation, as docs/theory.md has them."""
    for values, known in (([-1.0, 0.0, 1.0], 2.48), ([-2.0, -1.0, 0.0, 1.0, 2.0], 1.24)):
        _, high = confidence_interval(values) or (math.nan, math.nan)
        assert high / stdev(values) == pytest.approx(known, abs=5e-3)
