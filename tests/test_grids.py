"""Measures of positions on a grid, where many distances equal a threshold but for rounding: whole numbers decide."""

import numpy as np
from numpy.typing import NDArray
import pytest

import reactivation as ra
from reactivation.replay.cells import Cells

CIRCLE = ra.Circle()
ROUND = 60  # places on the circle, 5 of them π/6 apart

Whole = NDArray[np.integer]


def bearings(places: Whole, precision: type[np.floating] = np.float64) -> ra.Recording:
    """Recordings at numbered places round the circle, (B, T)."""
    centres = (-np.pi + (np.arange(ROUND) + 0.5) * 2 * np.pi / ROUND).astype(precision)
    return ra.Recording(centres[places % ROUND], 0.1, CIRCLE)


def wander(steps: Whole, shape: tuple[int, int] = (20, 400), shares: list[float] | None = None) -> Whole:
    """A path (B, T) of whole steps drawn with such shares."""
    draws = np.random.default_rng(0)
    return draws.integers(0, ROUND, (shape[0], 1)) + np.cumsum(draws.choice(steps, shape, p=shares), axis=1)


def until_away(places: Whole, first: int, away: int) -> Whole:
    """Steps after `first` until each path is so many places away, (B, T) → (B)."""
    apart = (places[:, first:] - places[:, first : first + 1]) % ROUND
    return (np.minimum(apart, ROUND - apart) >= away).argmax(1)


@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_dwell_is_that_of_whole_steps_wherever_the_path_begins(precision: type[np.floating]) -> None:
    places = wander(np.array([-1, 0, 1]))
    starts = np.unique(np.linspace(0, 199, 10).astype(int))
    of_replay = np.sort(np.concatenate([until_away(places, first, 5) for first in starts]))
    of_bearings = np.sort(np.concatenate([until_away(places, first, 5) for first in range(0, 200, 5)]))
    assert of_replay[0] > 0  # none is cut off
    assert of_bearings[0] > 0
    for turned in (0, 5, 10, 25):
        recording = bearings(places + turned, precision)
        assert ra.replay.dwell(recording).value == pytest.approx(0.1 * of_replay[len(of_replay) // 2 - 1])
        assert ra.transitions(recording).dwell == of_bearings[len(of_bearings) // 2 - 1]


def test_a_step_of_exactly_so_many_medians_is_no_jump() -> None:
    steps, shares = np.array([-1, 1, 5, 6]), [0.4, 0.4, 0.15, 0.05]
    path = wander(steps, shares=shares)
    for precision in (np.float64, np.float32):
        for turned in (0, 5, 10, 25):
            found = ra.replay.jumps(bearings(path + turned, precision))
            assert found.value == pytest.approx((np.diff(path) == 6).mean())


def test_cells_within_a_width_are_as_many_everywhere() -> None:
    """24 cells: the cell itself and two on each side."""
    assert (Cells(CIRCLE, np.pi / 12).within(np.pi / 6, np.ones(24, dtype=bool)).sum(1) == 5).all()


def test_places_between_two_cells_are_in_the_upper_one() -> None:
    """Of 48 places, each fourth lies between two of 12 cells: each cell has four."""
    places = -np.pi + np.arange(48) * 2 * np.pi / 48
    for rounded in (places, places.astype(np.float32).astype(np.float64)):
        which = Cells(CIRCLE, np.pi / 6).of(rounded[:, None])
        assert which.tolist() == np.repeat(np.arange(12), 4).tolist()


def test_lines_are_those_of_the_world_turned_by_whole_cells() -> None:
    draws = np.random.default_rng(0)
    path = np.cumsum(draws.normal(0, 0.25, (20, 100)), axis=1)
    preferred = np.linspace(-np.pi, np.pi, 24, endpoint=False)
    counts = draws.poisson(2 * np.exp(3 * (np.cos(path[..., None] - preferred) - 1)))
    turned = [ra.Recording(CIRCLE.wrap(path + cells * np.pi / 12), 0.1, CIRCLE, rates=counts) for cells in (0, 1, 5, 7)]
    found = [ra.replay.line_fit(one, one).value for one in turned]
    assert found == pytest.approx([found[0]] * 4)


def test_equal_first_steps_are_shared_between_the_groups_that_they_belong_to() -> None:
    """Steps of 1 go straight, steps of 2 round a square: exponents 1 and ½, and half of both in the middle fifth."""
    straight = np.stack((np.arange(9), np.zeros(9)), axis=-1)
    square = 2 * np.stack((np.arange(9) // 2 % 2, (np.arange(9) + 1) // 2 % 2), axis=-1)
    mixed = np.log2((2 + np.sqrt(8)) / (1 + 2))
    for shift in (0.0, 0.37, 1.3):
        places = 0.1 * np.stack([straight, square] * 10) + shift + 0.1 * np.arange(20)[:, None, None]
        found = ra.replay.exponent_by_first_step(ra.Recording(places, 0.1, ra.Box(20.0, 20.0)), lags=(1, 2))
        assert found.curve == pytest.approx([1, 1, mixed, 0.5, 0.5])
