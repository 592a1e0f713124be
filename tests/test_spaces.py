"""Geometry, on random points."""

import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from reactivation.world.spaces import Box, Circle

SPACES = [Box(2.2, 1.4), Circle()]
NUMBERS = st.floats(-50, 50)


def points(space, values) -> np.ndarray:
    return np.array(values[: space.dimensions])


@pytest.mark.parametrize("space", SPACES)
@given(a=st.tuples(NUMBERS, NUMBERS), b=st.tuples(NUMBERS, NUMBERS), c=st.tuples(NUMBERS, NUMBERS))
def test_distance_is_a_metric_on_wrapped_points(space, a, b, c) -> None:
    a, b, c = (space.wrap(points(space, x)) for x in (a, b, c))
    assert space.distance(a, b) == pytest.approx(space.distance(b, a), abs=1e-9)
    assert space.distance(a, a) == 0
    assert space.distance(a, c) <= space.distance(a, b) + space.distance(b, c) + 1e-9
    assert np.allclose(space.wrap(a), a, atol=1e-9)


@given(angle=NUMBERS, turns=st.integers(-5, 5))
def test_the_circle_has_no_seam(angle: float, turns: int) -> None:
    circle, a, b = Circle(), np.array([angle]), np.array([angle + 2 * math.pi * turns])
    assert circle.distance(a, b) == pytest.approx(0, abs=1e-9)
    assert -math.pi <= circle.wrap(a)[0] <= math.pi
    assert circle.distance(a, np.array([0.0])) <= math.pi + 1e-12


def test_bearings_on_both_sides_of_the_seam_are_near() -> None:
    assert Circle().distance(np.array([3.1]), np.array([-3.1])) == pytest.approx(2 * math.pi - 6.2)


@pytest.mark.parametrize("space", SPACES)
def test_from_unit_fills_the_space(space) -> None:
    unit = np.random.default_rng(0).random((4000, space.dimensions))
    filled = space.from_unit(unit.copy())
    extent = [space.width, space.height] if isinstance(space, Box) else [2 * math.pi]
    assert np.allclose(filled.max(0) - filled.min(0), extent, rtol=0.01)
    assert np.allclose(filled.mean(0), 0, atol=0.1)
    assert math.prod(extent) == pytest.approx(space.volume)
    assert torch.allclose(space.from_unit(torch.tensor(unit)), torch.tensor(filled))


def test_variance_of_a_box_is_summed_over_dimensions() -> None:
    trajectory = np.random.default_rng(0).normal(size=(3, 500, 2)) * [1, 2]
    assert np.allclose(Box(1, 1).variance(trajectory), trajectory.var(1).sum(-1))


def test_variance_of_a_circle_goes_from_still_to_everywhere() -> None:
    still, everywhere = np.full((1, 100, 1), 3.1), Circle().from_unit(np.arange(100) / 100)[None, :, None]
    assert Circle().variance(still)[0] == pytest.approx(0, abs=1e-12)
    assert Circle().variance(everywhere)[0] == pytest.approx(1)
    straddling = Circle().wrap(math.pi + np.linspace(-0.1, 0.1, 100))[None, :, None]
    assert Circle().variance(straddling)[0] < 0.01
