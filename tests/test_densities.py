"""Densities and their divergences against scipy and closed forms."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from reactivation import registry
from reactivation.analysis.base import Recording
from reactivation.analysis.densities import (
    DegenerateDensity,
    Density,
    GaussianKDE,
    Uniform,
    VonMisesKDE,
    WalledKDE,
    estimate,
)
from reactivation.analysis.measures import kl
from reactivation.streams import numpy_stream
from reactivation.world.spaces import Box, Circle, Kernel, Space

RNG = np.random.default_rng
OF_TASKS = [registry.load("tasks", name).Settings().space for name in registry.names("tasks")]
WALLED = [space for space in (*OF_TASKS, Box(2.2, 1.4, (0.5, -3.0), hard_walls=True)) if space.kernel is Kernel.WALLED]
Decoded = dict[str, dict[str, np.ndarray]]  # run → phase → positions
over_walled = pytest.mark.parametrize("space", WALLED, ids=str)


@pytest.mark.parametrize("repeats", [1, 7])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_gaussian_kde_is_scipys(dimensions: int, repeats: int) -> None:
    points = np.tile(RNG(0).normal(size=(300, dimensions)) @ RNG(1).normal(size=(dimensions, dimensions)), (repeats, 1))
    where = RNG(2).normal(size=(50, dimensions))
    ours, scipys = GaussianKDE(points), stats.gaussian_kde(points.T)
    assert np.allclose(ours.log_density(where), scipys.logpdf(where.T), rtol=0, atol=1e-9)
    assert np.allclose(ours.kernel, scipys.covariance, rtol=1e-12)


def test_log_density_stays_finite_where_the_density_underflows() -> None:
    density = GaussianKDE(RNG(0).normal(size=(100, 2)))
    assert -1e5 < density.log_density(np.array([[60.0, 60.0]]))[0] < -745


def test_gaussian_kde_samples_from_its_own_density() -> None:
    points = RNG(0).normal(size=(200, 1)) + RNG(1).choice([-3, 3], (200, 1))
    density = GaussianKDE(points)
    samples = density.sample(5000, RNG(2))[:, 0]
    grid = np.linspace(-12, 12, 4001)
    cdf = np.cumsum(np.exp(density.log_density(grid[:, None]))) * (grid[1] - grid[0])
    assert stats.kstest(samples, lambda x: np.interp(x, grid, cdf)).pvalue > 1e-4


def test_von_mises_kde_is_a_periodic_density_that_matches_its_samples() -> None:
    points = Circle().wrap(RNG(0).normal(math.pi, 0.4, size=(400, 1)))
    density = VonMisesKDE(points)
    grid = np.linspace(-math.pi, math.pi, 4001)
    values = np.exp(density.log_density(grid[:, None]))
    assert np.trapezoid(values, grid) == pytest.approx(1, abs=1e-6)
    assert values[0] == pytest.approx(values[-1])
    samples = density.sample(5000, RNG(1))
    assert np.all((samples >= -math.pi) & (samples < math.pi))
    cdf = np.cumsum(values) * (grid[1] - grid[0])
    assert stats.kstest(samples[:, 0], lambda x: np.interp(x, grid, cdf)).pvalue > 1e-4


def test_von_mises_kde_recovers_a_von_mises_density() -> None:
    points = RNG(0).vonmises(0.5, 4.0, size=(20_000, 1))
    density = VonMisesKDE(points)
    grid = np.linspace(-math.pi, math.pi, 200)[:, None]
    assert np.abs(np.exp(density.log_density(grid)) - stats.vonmises.pdf(grid[:, 0], 4.0, loc=0.5)).max() < 0.05


@pytest.mark.parametrize("points", [np.zeros((50, 2)), np.linspace(0, 1, 50)[:, None] * [1, 1], np.ones((1, 2))])
def test_points_without_volume_have_no_density(points: np.ndarray) -> None:
    with pytest.raises(DegenerateDensity):
        estimate(Box(1, 1), points)
    with pytest.raises(DegenerateDensity):
        estimate(Circle(), np.ones((5, 1)))


def test_bearings_that_differ_by_rounding_have_no_density() -> None:
    for nearly in (np.nextafter(np.float32(1.2345678), np.float32(2)), 1.2345679):
        with pytest.raises(DegenerateDensity):
            VonMisesKDE(np.array([1.2345678] * 1000 + [nearly])[:, None])


def test_each_space_has_the_estimate_that_suits_it() -> None:
    points = {2: RNG(0).normal(0, 0.2, (50, 2)), 1: RNG(0).normal(0, 0.2, (50, 1))}
    for space, kind in ((Box(2, 2), GaussianKDE), (Circle(), VonMisesKDE), (Box(2, 2, hard_walls=True), WalledKDE)):
        assert type(estimate(space, points[space.dimensions])) is kind


@over_walled
def test_a_density_with_walls_is_1_in_all_inside_and_0_beyond(space: Space) -> None:
    points = space.mean(space.sample(300, RNG(0))) + RNG(1).normal(0, 0.5, (300, 2))
    density, finer = estimate(space, points), space.grid(151)
    beyond = RNG(2).uniform(-5, 5, (2000, 2))
    beyond = beyond[~space.contains(beyond)]
    assert np.exp(density.log_density(finer.points)).sum() * finer.volume == pytest.approx(1, abs=0.01)
    assert np.isneginf(density.log_density(beyond)).all()
    assert np.isfinite(density.with_kernel(0.0).log_density(finer.points)).all(), "no kernel is narrower than a cell"


@over_walled
def test_a_density_with_walls_recovers_a_uniform_one_up_to_them(space: Space) -> None:
    """Relative to uniform, errors have variance V ∫K² / n Z², Z the mass of a kernel inside: at a corner four times that of
    the middle, V / 4π h² n. A density that reaches through walls is off by half at each of them.
    """
    n = 4000
    points, grid = space.sample(n, RNG(0)), space.grid(50)

    def off(density: Density) -> float:
        return float(np.sqrt(np.mean((np.exp(density.log_density(grid.points)) * space.volume - 1) ** 2)))

    density = estimate(space, points)
    expected = math.sqrt(space.volume / (4 * math.pi * density.kernel * n))
    assert off(density) < 2 * expected
    assert off(GaussianKDE(points)) > 2 * expected


@over_walled
def test_a_density_with_walls_samples_from_itself(space: Space) -> None:
    n, (left, right, bottom, top) = 5000, space.frame
    points = np.clip(RNG(1).normal((right, top), (right - left) / 3, (300, 2)), (left, bottom), (right, top))
    density, grid = estimate(space, points), space.grid(100)
    samples = density.sample(n, RNG(2))
    assert samples.shape == (n, 2)
    assert space.contains(samples).all()
    mass = np.exp(density.log_density(grid.points)) * grid.volume
    edges = [np.linspace(left, right, 5), np.linspace(bottom, top, 5)]
    known = np.histogram2d(grid.points[:, 0], grid.points[:, 1], edges, weights=mass)[0]
    found = np.histogram2d(samples[:, 0], samples[:, 1], edges)[0]
    assert np.abs(found / n - known).max() < 4.5 * math.sqrt(0.25 / n)


@over_walled
def test_points_beyond_a_wall_count_at_it(space: Space) -> None:
    (inside,) = space.sample(1, RNG(0))
    gap, normal = space.wall(inside)
    at, beyond = (inside + (gap + more) * normal for more in (-1e-9, 0.3))
    others = space.sample(50, RNG(1))
    where = space.sample(200, RNG(2))
    a, b = (estimate(space, np.vstack((others, point))).log_density(where) for point in (at, beyond))
    assert np.allclose(a, b, atol=1e-5)


@over_walled
def test_walled_points_that_are_all_one_have_no_density(space: Space) -> None:
    with pytest.raises(DegenerateDensity):
        estimate(space, np.ones((50, 2)) * space.middle)


class Gaussian:
    def __init__(self, mean: float, scale: float):
        self.law = stats.norm(mean, scale)

    def log_density(self, points: np.ndarray) -> np.ndarray:
        return self.law.logpdf(points[:, 0])

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self.law.rvs((n, 1), random_state=rng)


def test_divergence_of_gaussians_is_the_closed_form() -> None:
    q, p, n = Gaussian(0.3, 0.8), Gaussian(0.0, 1.3), 40_000
    samples, others = q.sample(n, RNG(0)), p.sample(n, RNG(1))
    forward = q.log_density(samples) - p.log_density(samples)
    backward = p.log_density(others) - q.log_density(others)
    found = kl.divergence(forward, backward, None)

    def exact(a: Gaussian, b: Gaussian) -> float:
        (m, s), (k, t) = ((x.law.mean(), x.law.std()) for x in (a, b))
        return math.log(t / s) + (s**2 + (m - k) ** 2) / (2 * t**2) - 0.5

    assert found.standard_error is not None
    assert found.reverse_standard_error is not None
    assert found.kl == pytest.approx(exact(q, p), abs=4 * found.standard_error)
    assert found.reverse == pytest.approx(exact(p, q), abs=4 * found.reverse_standard_error)
    grid = np.linspace(-10, 10, 20_001)
    a, b = q.law.pdf(grid), p.law.pdf(grid)
    js = np.trapezoid(0.5 * (a * np.log(2 * a / (a + b)) + b * np.log(2 * b / (a + b))), grid)
    assert found.jensen_shannon == pytest.approx(js, abs=0.01)


def test_divergence_between_boxes_is_the_log_ratio_of_their_volumes() -> None:
    inner, outer = Uniform(Box(1.1, 0.5)), Uniform(Box(2.2, 2.2))
    samples = inner.sample(100, RNG(0))
    ratio = inner.log_density(samples) - outer.log_density(samples)
    assert np.allclose(ratio, math.log(2.2**2 / (1.1 * 0.5)))
    assert inner.log_density(np.array([[0.6, 0.0], [0.0, -0.3], [0.5, 0.2]])).tolist()[:2] == [-math.inf, -math.inf]


def test_a_density_that_leaves_the_box_is_infinitely_far_from_the_uniform_one_inside() -> None:
    pair = analyse(uniform_phases(), Box(2.2, 2.2)).details["pairs"]["uniform"]["run"]
    assert pair["reverse"] is None
    assert 0 < pair["jensen_shannon"] < math.log(2)
    assert pair["kl"] > 0


def analyse(decoded: Decoded, space: Space, **settings: Any) -> Any:
    recorded = {
        run: {phase: Recording(positions, 0.02, space, margin=math.inf) for phase, positions in phases.items()}
        for run, phases in decoded.items()
    }
    return kl.analyse(recorded, kl.Settings(**settings), lambda name: numpy_stream(0, name))


def uniform_phases(n: int = 6_000) -> Decoded:
    box = Box(2.2, 2.2)
    return {"run": {phase: box.from_unit(RNG(seed).random((1, n, 2))) for seed, phase in enumerate(("active", "quiescent"))}}


def test_the_uniform_row_is_the_joint_density_and_the_switch_adds_0_788() -> None:
    joint = analyse(uniform_phases(), Box(2.2, 2.2)).table["uniform"]["run"]
    marginal = analyse(uniform_phases(), Box(2.2, 2.2), uniform_baseline="marginal").table["uniform"]["run"]
    assert 0 < joint < 0.2
    assert marginal - joint == pytest.approx(0.788, abs=0.05)


def test_equal_phases_hardly_diverge_and_details_say_what_a_clip_would_touch() -> None:
    decoded = uniform_phases()
    decoded["far"] = {"active": decoded["run"]["active"] * 0.05, "quiescent": decoded["run"]["quiescent"] * 0.05}
    result = analyse(decoded, Box(2.2, 2.2))
    assert result.table["run"]["run"] < 0.01
    pairs = result.details["pairs"]
    assert pairs["run"]["run"]["terms_beyond_clip"] == 0
    assert pairs["run"]["far"]["terms_beyond_clip"] > 2000
    clipped = analyse(decoded, Box(2.2, 2.2), clip=1e7).table["run"]["far"]
    assert clipped <= math.log(1e7) < result.table["run"]["far"]
    assert set(result.table) == {"run", "far", "uniform"}


def test_matched_bandwidth_removes_what_the_widths_add() -> None:
    """Waking and rest have the same law, with 400 and 6,000 points, so only the kernels differ."""
    decoded = uniform_phases()
    decoded["run"]["active"] = decoded["run"]["active"][:, :400]
    pair = analyse(decoded, Box(2.2, 2.2)).details["pairs"]["run"]["run"]
    assert pair["matched_bandwidth"]["kl"] < pair["kl"]


def test_a_run_that_never_moves_has_no_divergence_and_a_reason() -> None:
    decoded = uniform_phases(2000)
    decoded["stuck"] = {"active": decoded["run"]["active"], "quiescent": np.zeros((1, 100, 2))}
    result = analyse(decoded, Box(2.2, 2.2))
    assert result.table["stuck"] == {"run": None, "stuck": None}
    assert "stuck quiescent" in result.details["degenerate"]
    assert result.table["run"]["run"] is not None


def test_entropies_are_those_of_the_laws_that_were_sampled() -> None:
    normal = {
        phase: RNG(k).normal(0, sd, (1, 8000, 2)) for k, (phase, sd) in enumerate((("active", 0.2), ("quiescent", 0.1)))
    }
    details = analyse({"run": normal}, Box(2.2, 2.2)).details

    def exact(variance: float) -> float:
        return math.log(2 * math.pi * math.e * variance)

    kernel = 0.2**2 * 8000 ** (-1 / 3)  # variance of Scott's kernel, awake
    assert details["entropy_awake"]["run"] == pytest.approx(exact(0.2**2 + kernel), abs=0.05)
    at_rest = details["pairs"]["run"]["run"]["matched_bandwidth"]["entropy"]
    assert at_rest == pytest.approx(exact(0.1**2 + kernel), abs=0.05)
