"""Geometry of the spaces of all tasks, and of further boxes, in both libraries and both precisions."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from reactivation import registry
from reactivation.machine.errors import BadInput
from reactivation.world.spaces import Box, Circle, Space

OF_TASKS = [registry.load("tasks", name).Settings().space for name in registry.names("tasks")]
SPACES = [*OF_TASKS, Box(2.2, 1.4, (0.5, -3.0)), Box(1.0, 3.0, hard_walls=True)]
N = 20_000  # points, for what is known of means
CLOSE = 4.5  # standard errors
NUMBERS = st.floats(-50, 50)
over_spaces = pytest.mark.parametrize("space", SPACES, ids=str)


def as_numpy64(points: Any) -> Any:
    return points


def as_numpy32(points: Any) -> Any:
    return points.astype(np.float32)


def as_torch64(points: Any) -> Any:
    return torch.tensor(points)


def as_torch32(points: Any) -> Any:
    return torch.tensor(points, dtype=torch.float32)


over_arrays = pytest.mark.parametrize("made", [as_numpy64, as_numpy32, as_torch64, as_torch32])


def uniform(space: Space, n: int = N) -> np.ndarray:
    return space.sample(n, np.random.default_rng(0))


@over_arrays
@over_spaces
def test_every_answer_is_that_of_numpy_in_the_kind_of_its_question(space: Space, made: Any) -> None:
    points = space.sample(40, np.random.default_rng(1)).reshape(4, 10, space.dimensions)
    a, b = made(points), made(points[::-1].copy())
    unit = np.random.default_rng(2).random((5, space.dimensions))
    answers = {
        "wrap": (space.wrap(a), space.wrap(points)),
        "difference": (space.difference(a, b), space.difference(points, points[::-1])),
        "distance": (space.distance(a, b), space.distance(points, points[::-1])),
        "mean": (space.mean(a), space.mean(points)),
        "variance": (space.variance(a), space.variance(points)),
        "gap": (space.wall(a).gap, space.wall(points).gap),
        "normal": (space.wall(a).normal, space.wall(points).normal),
        "embed": (space.embed(a), space.embed(points)),
        "log_uniform": (space.log_uniform(a), space.log_uniform(points)),
        "from_unit": (space.from_unit(made(unit)), space.from_unit(unit)),
    }
    for name, (found, known) in answers.items():
        assert (type(found), found.dtype) == (type(a), a.dtype), name
        assert np.allclose(np.asarray(found), known, atol=1e-5 if "32" in made.__name__ else 1e-12), name
    assert np.array_equal(np.asarray(space.contains(a)), space.contains(points))
    if (bearing := space.bearing(a)) is not None:
        assert np.array_equal(np.asarray(bearing), np.asarray(a)[..., 0])
        assert np.allclose(space.pivot(space.embed(a[0])), 0)


@over_spaces
@given(a=st.tuples(NUMBERS, NUMBERS), b=st.tuples(NUMBERS, NUMBERS), c=st.tuples(NUMBERS, NUMBERS))
def test_distance_is_a_metric_on_wrapped_points(space: Space, a: Any, b: Any, c: Any) -> None:
    a, b, c = (space.wrap(np.array(x[: space.dimensions])) for x in (a, b, c))
    assert space.distance(a, b) == pytest.approx(space.distance(b, a), abs=1e-9)
    assert space.distance(a, a) == 0
    assert space.distance(a, c) <= space.distance(a, b) + space.distance(b, c) + 1e-9
    assert np.allclose(space.wrap(a), a, atol=1e-9)


@over_spaces
def test_uniform_points_lie_evenly_in_the_space(space: Space) -> None:
    """Each part of a grid has its share of points by volume; the grid does not depend on the sampling."""
    points, grid = uniform(space), space.grid(400)
    assert space.contains(points).all()
    assert space.contains(grid.points).all()
    assert len(grid.points) * grid.volume == pytest.approx(space.volume, rel=5e-3)
    for axis, own, cells in zip(space.axes, points.T, grid.points.T, strict=True):
        edges = np.linspace(axis.low, axis.high, 6)
        shares, known = (np.histogram(values, edges)[0] / len(values) for values in (own, cells))
        assert shares == pytest.approx(known, abs=CLOSE * math.sqrt(0.25 / N) + 5e-3)
    assert np.exp(space.log_uniform(points)) == pytest.approx(np.full(N, 1 / space.volume))


@over_spaces
def test_embedded_neighbours_are_as_far_apart_as_in_the_space(space: Space) -> None:
    points = uniform(space, 500)
    near = space.wrap(points + np.random.default_rng(1).normal(0, 1e-4, points.shape))
    apart = np.linalg.norm(space.embed(points) - space.embed(near), axis=-1)
    assert apart == pytest.approx(space.distance(points, near), rel=1e-5)


@over_spaces
def test_a_wall_is_where_its_gap_and_normal_say(space: Space) -> None:
    points = uniform(space, 500)
    gap, normal = space.wall(points)
    if np.isinf(gap).all():
        assert not normal.any()
        assert space.contains(space.wrap(points + 100.0)).all(), "no wall holds anything"
        return
    assert np.linalg.norm(normal, axis=-1) == pytest.approx(np.ones(500))
    for share, inside in ((0.99, True), (1.01, False)):
        assert (space.contains(points + share * gap[:, None] * normal) == inside).all()
    there = points + gap[:, None] * normal
    assert space.wall(there).gap == pytest.approx(np.zeros(500), abs=1e-9)
    beyond = space.wall(there + 1e-3 * normal)
    assert beyond.gap == pytest.approx(np.full(500, -1e-3), rel=1e-6)
    assert beyond.normal == pytest.approx(normal, abs=1e-6)
    if space.dimensions == 2:
        direction = space.wall_direction(points)[1]
        assert np.stack((np.cos(direction), np.sin(direction)), axis=-1) == pytest.approx(normal, abs=1e-12)


@over_spaces
def test_names_of_axes_and_frames_are_words_and_numbers(space: Space) -> None:
    assert len(space.labels) == len(space.middle) == space.dimensions
    assert all(label.endswith(f" [{space.unit}]") for label in space.labels)
    assert space.frame == tuple(end for axis in space.axes for end in axis[1:])
    assert str(hash(space)), "spaces are values"


# Boxes


def test_a_box_has_its_centre_in_the_middle_and_its_walls_around() -> None:
    box = Box(2.0, 1.0, (3.0, -1.0))
    assert (box.middle, box.frame, box.volume) == ((3.0, -1.0), (2.0, 4.0, -1.5, -0.5), 2.0)
    inside = np.array([[3.9, -1.0], [3.0, -0.6], [2.2, -1.1], [2.9, -1.4]])
    gap, normal = box.wall(inside)
    assert gap == pytest.approx([0.1, 0.1, 0.2, 0.1])
    assert normal.tolist() == [[1, 0], [0, 1], [-1, 0], [0, -1]]
    assert uniform(box).mean(0) == pytest.approx([3.0, -1.0], abs=CLOSE * 2 / math.sqrt(12 * N))


@pytest.mark.parametrize("centre", [(0.0, math.nan), (math.inf, 0.0), (0.0,)])
def test_a_box_around_nowhere_is_refused(centre: Any) -> None:
    with pytest.raises(BadInput, match=r"^Box: centre.* must (be finite|have 2 entries)$"):
        Box(1.0, 1.0, centre)


@over_arrays
def test_a_box_around_positions_just_holds_them(made: Any) -> None:
    positions = np.array([[[0.0, 5.0], [2.0, 6.0]], [[1.0, 8.0], [0.5, 7.0]]])
    assert Box.around(made(positions)) == Box(2.0, 3.0, (1.0, 6.5))


@pytest.mark.parametrize(
    "positions", [[[[0, 5], [2, 6]], [[1, 8]]], [[0, 5], [2, 8]], [np.array([[0, 5]]), np.array([[2, 8]])]]
)
def test_a_box_around_a_list_holds_all_of_its_epochs(positions: Any) -> None:
    assert Box.around(positions) == Box(2.0, 3.0, (1.0, 6.5))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3.0])
def test_there_is_no_box_around_a_line_or_gaps_in_a_recording(bad: float) -> None:
    positions = np.array([[3.0, 1.0], [bad, 2.0]])
    with pytest.raises(BadInput, match="finite ones that span an area"):
        Box.around(positions)


def test_mean_and_variance_of_a_box_are_those_of_statistics() -> None:
    trajectory = np.random.default_rng(0).normal(size=(3, 500, 2)) * [1, 2]
    assert np.allclose(Box(1, 1).mean(trajectory), trajectory.mean(1))
    assert np.allclose(Box(1, 1).variance(trajectory), trajectory.var(1).sum(-1))


# The circle


@given(angle=NUMBERS, turns=st.integers(-5, 5))
def test_the_circle_has_no_seam(angle: float, turns: int) -> None:
    circle, a, b = Circle(), np.array([angle]), np.array([angle + 2 * math.pi * turns])
    assert circle.distance(a, b) == pytest.approx(0, abs=1e-9)
    assert -math.pi <= circle.wrap(a)[0] <= math.pi
    assert circle.distance(a, np.array([0.0])) <= math.pi + 1e-12


def test_bearings_on_both_sides_of_the_seam_are_near_and_so_is_their_mean() -> None:
    across = np.array([[3.1], [-3.1]])
    assert Circle().distance(*across) == pytest.approx(2 * math.pi - 6.2)
    assert abs(Circle().mean(across)[0]) == pytest.approx(math.pi)


def test_mean_and_variance_of_von_mises_bearings_are_known() -> None:
    """About 3 rad with κ = 2: the mean direction, and 1 − I₁(κ)/I₀(κ) = 0.3022."""
    bearings = Circle().wrap(np.random.default_rng(0).vonmises(3.0, 2.0, (N, 1)))
    assert Circle().mean(bearings)[0] == pytest.approx(3.0, abs=CLOSE / math.sqrt(N))
    assert Circle().variance(bearings) == pytest.approx(0.3022, abs=CLOSE / math.sqrt(N))


def test_variance_of_a_circle_goes_from_still_to_everywhere() -> None:
    still, everywhere = np.full((1, 100, 1), 3.1), Circle().from_unit(np.arange(100) / 100)[None, :, None]
    assert Circle().variance(still)[0] == pytest.approx(0, abs=1e-12)
    assert Circle().variance(everywhere)[0] == pytest.approx(1)
    straddling = Circle().wrap(math.pi + np.linspace(-0.1, 0.1, 100))[None, :, None]
    assert Circle().variance(straddling)[0] < 0.01
