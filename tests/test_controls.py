"""Controls: the drift is the stated score, the manifold has a constant metric, and stationary laws are the known ones."""

import math

import numpy as np
import pytest
from scipy.special import i0e, i1e
import torch

import reactivation as ra
from reactivation.controls.control import BEARING_STRETCH, NAMES
from reactivation.controls.densities import Ring, Round, Sloped
from reactivation.controls.homes import home_of
from reactivation.controls.langevin import UNITS, Langevin, Manifold, circular_waves, plane_waves
from reactivation.controls.movements import Subordinated
from reactivation.controls.walk import SampledWalk
from reactivation.machine.errors import BadInput
from reactivation.world.spaces import Box, Space

OF_PRIOR = i1e(8) / i0e(8)  # mean cosine of bearings drawn home with κ = 8


def source() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def derivative(manifold: Manifold, position: torch.Tensor, d: int) -> torch.Tensor:
    """The derivative by central differences, (N)."""
    little = 1e-5 * torch.eye(len(position), dtype=position.dtype)[d]
    return (manifold(position + little) - manifold(position - little)) / 2e-5


@pytest.mark.parametrize("waves", [plane_waves(0.3, source()), circular_waves(4, source())])
def test_the_manifold_is_as_steep_everywhere_and_every_way(waves: torch.Tensor) -> None:
    manifold, positions = Manifold(waves, 2.0), torch.randn(7, waves.shape[1], generator=source(), dtype=torch.float64)
    slope = manifold.slope(positions)
    flat = 4 * torch.eye(waves.shape[1], dtype=torch.float64)
    assert torch.allclose(slope.mT @ slope, flat)
    assert torch.allclose(slope[0], torch.stack([derivative(manifold, positions[0], d) for d in range(waves.shape[1])], -1))


def test_the_drift_is_the_score_of_the_mixture() -> None:
    centres, weights = (torch.randn(9, n, generator=source(), dtype=torch.float64) for n in (UNITS, 1))
    cell = Langevin(centres, weights[:, 0], torch.zeros(9, UNITS, 2), variance=0.3, sigma=0.7, dt=0.02)
    state = torch.randn(4, UNITS, generator=source(), dtype=torch.float64, requires_grad=True)
    log_density = torch.logsumexp(weights[:, 0] - ((state[:, None] - centres) ** 2).sum(-1) / (2 * 0.3), dim=-1)
    (score,) = torch.autograd.grad(log_density.sum(), state)
    assert torch.allclose(cell.drift(state, torch.zeros(4, 2)), 0.7**2 * score)


@pytest.mark.parametrize("density", [Ring(), Round()])
def test_a_sampled_walk_keeps_its_density(density: Sloped) -> None:
    path = SampledWalk(Box(2.2, 2.2), density, dt=0.02, diffusion=0.01).paths(4000, 100, source())
    spreads = [float(points.norm(dim=-1).square().mean().sqrt()) for points in (path.start, path.positions[:, -1])]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.03)
    points = torch.rand(5, 2, dtype=torch.float64, generator=source(), requires_grad=True)
    (slope,) = torch.autograd.grad(density.log(points).sum(), points)
    assert torch.allclose(density.slope(points), slope)


def test_langevin_bearings_stay_as_concentrated_as_awake_and_those_of_an_attractor_do_not() -> None:
    kept = {}
    for name in ("langevin", "attractor"):
        rest = ra.control(name, "bearings", seed=2).record(
            ra.rest(400, variance_gain=2), 200, decoder="template", rates=False
        )
        kept[name] = abs(np.exp(1j * (rest.positions[:, 300:] - home_of(2))).mean())
    assert kept["langevin"] == pytest.approx(OF_PRIOR, abs=0.02)  # Eq. 19 samples the density of waking
    assert kept["attractor"] < 0.88


def test_movements_have_the_laws_of_their_names() -> None:
    brownian = ra.control("brownian").record(ra.rest(30, variance_gain=1), 1000, rates=False)
    inner = np.abs(brownian.positions[:, 0]).max(-1) < 0.6  # no wall within reach
    moved = ((brownian.positions[inner, 25] - brownian.positions[inner, 0]) ** 2).sum(-1)
    assert moved.mean() == pytest.approx(2 * 25 * 0.02**2, rel=5 * math.sqrt(1 / inner.sum()))
    assert brownian.space.contains(brownian.positions).all()
    home = ra.control("ornstein_uhlenbeck").record(ra.waking(200), 1000, rates=False)
    variance = 0.02**2 / (1 - 0.99**2)
    assert home.positions[:, -1].var() == pytest.approx(variance, rel=5 * math.sqrt(1 / 1000))


BOX = Box(2.2, 2.2, hard_walls=True)


@pytest.mark.parametrize(("space", "lowest"), [(BOX, math.pi / 2.2), (ra.Circle(), 1.0)])
@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.8, 1.0])
def test_modes_decay_as_the_power_of_the_generator_has_it(space: Space, lowest: float, alpha: float) -> None:
    run = ra.control("spectral", alpha=alpha, space=space)
    positions = run.record(ra.rest(60, variance_gain=1), 1000, rates=False).positions
    assert space.contains(positions).all()
    for waves in (lowest, 3 * lowest, 9 * lowest):
        mode = np.cos(waves * (positions[..., 0] - space.axes[0].low))
        kept = math.exp(-(((space.tuning_width / 10 * waves) ** 2 / 2) ** alpha))  # of the mode in a step
        surplus = (mode[:, 1:] * mode[:, :-1] - kept * mode[:, :-1] ** 2).mean(1)
        assert abs(surplus.mean()) < 4 * surplus.std() / math.sqrt(1000)


@pytest.mark.parametrize("alpha", [0.4, 0.5, 0.75, 1.0])
def test_median_distance_grows_as_time_to_the_power_that_was_chosen(alpha: float) -> None:
    """Far from walls; the exponent of mean distances is too small, as jumps have Cauchy's distribution."""
    rest = ra.control("spectral", alpha=alpha, space=Box(22, 22)).record(ra.rest(200, variance_gain=1), 100)
    by_median, by_mean = (ra.replay.exponent(rest, average=average, rng=0) for average in ("median", "mean"))
    assert by_median.value == pytest.approx(1 / (2 * alpha), abs=4 * by_median.standard_error)
    assert (by_mean.value < 1 / (2 * alpha) - 0.1) == (alpha <= 0.5)
    if alpha == 0.5:
        jumps = ra.replay.jumps(rest, rng=0)
        assert jumps.value == pytest.approx(1 / math.sqrt(76), abs=4 * jumps.standard_error)
    assert by_mean.value == pytest.approx(ra.replay.exponent(rest, rng=0).value)


def test_spectral_is_brownian_at_1_and_stands_still_without_noise() -> None:
    noise = torch.randn(5, 6, generator=source(), dtype=torch.float64)
    assert torch.equal(Subordinated(BOX, 0.02, 1.0).noise_on_state(noise), noise[:, :2])
    twice = Subordinated(BOX, 0.02, 0.7)
    torch.testing.assert_close(twice.noise_on_state(2 * noise), 2 * twice.noise_on_state(noise))
    still = ra.control("spectral").record(ra.rest(10, variance_gain=0), 3)
    assert np.ptp(still.positions, axis=1) == pytest.approx(0)


@pytest.mark.parametrize("name", NAMES)
def test_a_control_wakes_and_rests_like_any_run(name: str) -> None:
    run = ra.control(name, seed=0)
    awake, rest = run.record(ra.waking(20), 5), run.record(ra.rest(20), 5)
    assert awake.positions.shape == rest.positions.shape == (5, 20, 2)
    again = ra.control(name, seed=0).record(ra.rest(20), 5)
    assert (again.positions == rest.positions).all()


def test_shuffled_weights_are_the_same_weights_elsewhere() -> None:
    trained, shuffled = ra.load("spatial_navigation/noisy_biased"), ra.control("shuffled")
    before, after = (run.network.cell.get_parameter("recurrent.weight").flatten() for run in (trained, shuffled))
    assert torch.equal(before.sort().values, after.sort().values)
    assert not torch.equal(before, after)


def test_what_is_no_control_is_refused() -> None:
    with pytest.raises(BadInput, match="did you mean langevin"):
        ra.control("langevine")
    with pytest.raises(BadInput, match="did you mean ring"):
        ra.control("langevin", density="rings")
    with pytest.raises(BadInput, match=r"^density=foo: brownian has none to choose"):
        ra.control("brownian", density="foo")
    with pytest.raises(BadInput, match=r"^alpha=0\.6: langevin has none to choose"):
        ra.control("langevin", alpha=0.6)
    with pytest.raises(BadInput, match=r"^space=Circle\(\): ornstein_uhlenbeck has none to choose"):
        ra.control("ornstein_uhlenbeck", space=ra.Circle())
    for alpha in (0.2, 1.2, math.nan):
        with pytest.raises(BadInput, match="alpha"):
            ra.control("spectral", alpha=alpha)
    with pytest.raises(BadInput, match="no network was trained on it"):
        ra.control("shuffled", density="gaussian")


@pytest.mark.slow
def test_the_law_at_rest_is_the_density_that_the_drift_is_of() -> None:
    """Over 20 seeds, from rests of five relaxation times: the prior with κ = 8, widened by the components' own width."""
    found = []
    for seed in range(20):
        run = ra.control("langevin", "bearings", seed)
        rest = run.record(ra.rest(2500, variance_gain=2, dropped=1500), 100, decoder="template", rates=False)
        found.append(np.cos(rest.positions - home_of(seed)).mean())
    blur = 20 * 0.01 / BEARING_STRETCH**2  # v / |dm/ds|² [rad²]
    assert np.mean(found) == pytest.approx(OF_PRIOR * math.exp(-blur / 2), abs=3 * np.std(found) / math.sqrt(20))


def test_noise_of_a_colour_is_refused_where_noise_sets_the_time() -> None:
    with pytest.raises(BadInput, match=r"^coloured noise needs a cell whose noise is added; Subordinated is none$"):
        ra.control("spectral").record(ra.rest(5, 1.0, ra.ColouredNoise(tau=0.1)), 3)
    assert ra.control("brownian").record(ra.rest(5, 1.0, ra.ColouredNoise(tau=0.1)), 3).positions.shape == (3, 5, 2)
