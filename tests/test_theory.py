"""Measures of the theory on networks with known answers: analytic controls, a leak alone, a homogeneous field."""

from dataclasses import replace
import math
from typing import Any

from factories import untrained
import numpy as np
import pytest
import torch
from torch import Tensor

import reactivation as ra
from reactivation.analysis.run import Run
from reactivation.network.modified import WithVariable
from reactivation.network.network import Network
from reactivation.theory.course import Radius, Seen, course_of
from reactivation.theory.drift import Drift, Fit, _error, _errors, alpha_of, fits_of
from reactivation.theory.landscape import Bearings, Plane, concentration_of, waking_positions
from reactivation.theory.metric import _log_volume
from reactivation.theory.pairs import Pairs, Reading, Readings, read_pairs
from reactivation.theory.probe import Probe, asking
from reactivation.theory.uncertainty import jackknife
from reactivation.types import Path
from reactivation.world.decoding import TEMPLATE
from reactivation.world.tasks.base import Task

D = 0.01 / 2 / 6.0**2  # σ²Δt / 2 |dm/ds|² of the analytic bearings [rad² per step]


def tiny_run(*words: str, units: int = 40) -> Run:
    """An untrained network, of ReLU units without biases unless settings change that."""
    noise = [] if any(word.startswith("rnn.sigma2_rec") for word in words) else ["rnn.sigma2_rec=1e-4"]
    return untrained(f"rnn.n_rec={units}", "task.place_cells_num=64", *noise, *words)


def test_drift_finds_langevin_sampling_and_none_in_a_flat_attractor() -> None:
    found = {
        name: ra.theory.drift(ra.control(name, "bearings", 1), (0.0, 2.0), pairs=200) for name in ("langevin", "attractor")
    }
    for fit in found["langevin"].fits:
        assert fit.alpha == pytest.approx(1, abs=3 * fit.standard_error)
        assert fit.standard_error < 0.2
    assert [abs(fit.alpha) < 0.15 for fit in found["attractor"].fits] == [True, True]
    noisy = found["langevin"].fits[1]
    assert noisy.diffusion == pytest.approx(2 * D, rel=0.4)


def test_a_gain_at_which_nothing_can_be_told_does_not_count() -> None:
    none = np.zeros(0)
    fits = [
        Fit(gain, alpha, error, none, none, none, none, none, 1.0, 1.0, 1.0)
        for gain, alpha, error in ((0.0, math.nan, math.nan), (0.5, 1.0, 0.1), (2.0, 3.0, 0.2), (4.0, 9.0, math.inf))
    ]
    assert Drift(tuple(fits), {}).value == pytest.approx((1 * 100 + 3 * 25) / 125)
    assert math.isnan(Drift(tuple(fits[:1]), {}).value)


def drawn_pairs(rng: np.random.Generator, count: int = 400, steps: int = 150) -> Readings:
    """Pairs around a ring of radius 0.3 m, at c = 2: a linear drift, and diffusion that is weaker at larger radii."""
    course, middle = Radius(ra.Box(2, 2)), np.array(ra.Box(2, 2).middle)
    angle, radius = rng.uniform(0, 2 * math.pi, count), rng.uniform(0.03, 0.73, count)
    points = middle + radius[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=-1)
    place, along, across, is_near = course.seen(
        points, course.landscape(ra.Recording(points[None], dt=0.02, space=course.space), 0.02)
    )
    assert across is not None
    rate, jitter, diffusion = 0.5 / steps, 0.003, 4e-5 * (1.2 - radius)
    kept = math.exp(-2 * rate * steps)
    widths = jitter, np.sqrt(jitter**2 * kept + diffusion * (1 - kept) / rate)
    before, after = ((width * rng.standard_normal((2, count)))[..., None] * np.stack((along, across)) for width in widths)
    moved = (0.3 - place) * -math.expm1(-rate * steps) / steps + rng.normal(0, 1e-4, count)
    seen = {
        2.0: Reading(Seen(place, along, across, is_near), (before.sum(0), after.sum(0)), moved, None, (0.3 - place) / 0.01)
    }
    return Readings(seen, None, steps)


def test_the_standard_error_of_alpha_is_its_scatter_over_draws_of_pairs() -> None:
    """Everything that is fitted to pairs counts: the drift, D, how D changes with the radius, how fast pairs come closer."""
    course, rng = Radius(ra.Box(2, 2)), np.random.default_rng(0)
    draws = [drawn_pairs(rng) for _ in range(200)]
    alphas = [fits_of(readings, (2.0,), course)[0].alpha for readings in draws]
    errors = [_errors(readings, (2.0,), course, rng)[0] for readings in draws[:8]]
    assert math.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(alphas), rel=0.25)


def test_a_diffusion_that_differs_between_bearings_makes_a_drift_that_can_be_taken_off() -> None:
    """D(s) = D₀ (1 + ε cos s) with the drift dD/ds is even in the long run; with one D it is taken for a pull."""
    gain, kappa, level, uneven = 8.0, 4.0, 2e-4, 0.9
    rng, space = np.random.default_rng(0), ra.Circle()
    at = np.tile(rng.uniform(-math.pi, math.pi, 40_000), (2, 1))  # two of a pair, of opposite noise
    reported = {50: at[..., None]}
    for _ in range(150):
        noise = rng.standard_normal(at.shape[1]) * np.array([[1], [-1]])
        at = at - level * uneven * np.sin(at) + np.sqrt(2 * level * (1 + uneven * np.cos(at))) * noise
    reported[200] = space.wrap(at[..., None])
    pairs, course = Pairs({TEMPLATE: reported}, {}, False), course_of(space)
    prior = Bearings(ra.Recording(rng.vonmises(0, kappa, (1, 20_000, 1)), dt=0.02, space=space))
    readings = read_pairs({gain: pairs}, None, course, prior, (50, 200), TEMPLATE)
    one, other = (fits_of(readings, (gain,), course, uneven=choice)[0] for choice in (False, True))
    assert one.alpha == pytest.approx(uneven * gain / (2 * kappa) * level / one.diffusion, abs=0.05)
    assert one.alpha > 0.45
    assert abs(other.alpha) < 0.2
    assert alpha_of(other.predicted, other.velocity, other.velocity_error) == one.alpha


def test_a_standard_error_forgets_draws_without_a_value_and_hardly_moves_with_one_far_off() -> None:
    alphas = np.random.default_rng(0).normal(1, 0.2, 199)
    assert _error([*alphas, math.nan]) == pytest.approx(0.2, rel=0.15)
    assert _error([*alphas, 1e3]) == pytest.approx(_error([*alphas]), rel=0.05)
    assert math.isnan(_error([math.nan, math.nan]))


@pytest.mark.parametrize("inputs", ["brownian", "own"])
def test_drift_is_found_under_inputs(inputs: str) -> None:
    """Inputs spread pairs ten times as much as noise, or move them home by themselves; α is that of the network."""
    found = {
        name: ra.theory.drift(ra.control(name, "bearings", 0), (1.0,), pairs=300, inputs=inputs).fits[0]
        for name in ("langevin", "attractor")
    }
    assert found["langevin"].alpha == pytest.approx(0.9, abs=0.1 + 3 * found["langevin"].standard_error)
    assert found["langevin"].standard_error < 0.25
    assert abs(found["attractor"].alpha) < 0.1 + 3 * found["attractor"].standard_error


def test_points_whose_neighbours_have_become_one_have_no_metric() -> None:
    """This happens in networks trained on bearings that draw places together."""
    between = np.array([[[3.0, 4.0]], [[0.0, 0.0]], [[3.0, 4.0]]])
    known, *unknown = _log_volume(between, np.array([[[0.5]], [[0.0]], [[0.0]]]))
    assert known == pytest.approx(math.log(5 / 0.5))
    assert np.isnan(unknown).all()


class Remembering(WithVariable):
    """A cell whose state is its rates, which it leaves as they are, and their running mean over 0.1 s."""

    def extended(self, state: Tensor) -> Tensor:
        return state

    def reduced(self, state: Tensor) -> Tensor:
        return state

    def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
        within, kept = self.split(state)
        return torch.cat((super().drift(within, u, **changes), (self.inner.rates(within) - kept) / 0.1), dim=-1)


def test_what_a_network_keeps_beside_its_rates_is_no_part_of_its_manifold() -> None:
    run = activities()
    encoder, cell, decoder = run.network.encoder, run.network.cell, run.network.decoder
    remembering = replace(run, network=Network(encoder, Remembering(cell, run.network.n_units), decoder))
    one, other = (ra.theory.metric(each, points=200) for each in (run, remembering))
    assert other.log_volume == pytest.approx(one.log_volume, abs=1e-3, nan_ok=True)


def test_kicks_predict_the_diffusion_of_the_attractor() -> None:
    kicked = ra.theory.diffusion(ra.control("attractor", "bearings"), gain=2.0)
    assert kicked.value == pytest.approx(2 * D, abs=4 * kicked.standard_error)
    assert kicked.sensitivity["40 steps back"] == kicked.value
    assert all(other == pytest.approx(kicked.value, rel=0.1) for other in kicked.sensitivity.values())


def test_the_volume_of_the_manifold_is_that_of_its_rates_per_decoded_place() -> None:
    """The volume is constant for the analytic bearings, but not if rates are the activities of the output cells."""
    found = ra.theory.metric(ra.control("attractor", "bearings"))
    assert found.log_volume == pytest.approx(math.log(6), abs=0.1)
    assert abs(found.value) < 0.1
    run = activities()
    assert isinstance(run.task, Task)
    found, encode, rng = ra.theory.metric(run, points=2000), run.task.encode, np.random.default_rng(0)
    for low, high, volume in zip(Radius.edges, Radius.edges[1:], found.log_volume, strict=False):
        radius, angle = rng.uniform(low, high, 500), rng.uniform(-math.pi, math.pi, 500)
        points = torch.as_tensor(radius * np.stack((np.cos(angle), np.sin(angle))), dtype=torch.float32).mT
        slopes = torch.func.vmap(torch.func.jacrev(lambda one: encode(one[None])[0]))(points).double()
        assert volume == pytest.approx(float(torch.logdet(slopes.mT @ slopes).mean()) / 2, abs=0.08)
    assert np.ptp(found.log_volume) > 0.2
    middle = np.isfinite(found.slope)
    assert found.slope[middle] == pytest.approx(np.gradient(found.log_volume, found.place)[middle], abs=0.4)


def activities() -> Run:
    """A network whose rates are the output activities and stay constant: D = 1, no leak, next to no noise."""
    run = tiny_run("rnn.sigma2_rec=1e-12", units=64)
    eye = torch.nn.Parameter(torch.eye(64))
    run.network.encoder.weight, run.network.decoder.weight = eye, eye
    run.network.cell.phi, run.network.cell.recurrent.weight = torch.nn.Identity(), eye  # type: ignore[union-attr]
    torch.nn.init.zeros_(run.network.cell.input.weight)  # type: ignore[union-attr, arg-type]
    return run


def test_pairs_take_opposite_noise_and_nothing_else() -> None:
    probe = Probe(tiny_run("rnn.activation_fn=identity"), "test")
    with asking():
        start = probe.at(torch.zeros(3, 2))
        paired = probe.go(torch.cat((start, start)), 25, 2.0, probe.source("a"), paired=True)
        noiseless = probe.go(start, 25, 0.0, probe.source("a"))
    assert not torch.allclose(paired[:3], noiseless, atol=1e-3)
    assert torch.allclose((paired[:3] + paired[3:]) / 2, noiseless, atol=1e-5)  # of a linear cell


def test_substeps_go_as_far_and_spread_as_wide_as_the_steps_that_they_make() -> None:
    """A leak alone from 1: after n substeps of Δt/2, (1 − Δt/2τ)ⁿ is left, and the noise adds σ²Δt/2 each."""
    run = tiny_run()
    for weights in (run.network.cell.recurrent.weight, run.network.encoder.weight):  # type: ignore[union-attr]
        torch.nn.init.zeros_(weights)  # type: ignore[arg-type]
    probe = Probe(run, "test", substeps=2)
    kept = 1 - run.dt / 2 / run.network.cell.tau  # type: ignore[operator]
    with asking():
        ends = probe.go(torch.ones(4000, 40), 15, 1.0, probe.source("a"))
    assert float(ends.mean()) == pytest.approx(kept**30, abs=1e-3)
    variance = run.noise.sigma**2 * run.dt / 2 * (1 - kept**60) / (1 - kept**2)
    assert float(ends.var()) == pytest.approx(variance, rel=0.02)


def test_drift_of_sampling_is_that_of_its_substeps() -> None:
    run = ra.control("langevin", density="bearings", seed=0)
    one, two = (ra.theory.drift(run, (0.0, 1.0), pairs=200, substeps=count) for count in (1, 2))
    assert one.value != two.value
    assert two.value == pytest.approx(one.value, abs=0.25)


@pytest.mark.parametrize(("tau", "slope"), [(0.1, 1 / 1.8), (0.04, 1 / 1.5)])
def test_a_leak_alone_follows_the_score_with_slope_one_half_and_more(tau: float, slope: float) -> None:
    run = tiny_run(f"rnn.tau={tau}")
    for weights in (run.network.cell.recurrent.weight, run.network.encoder.weight):  # type: ignore[union-attr]
        torch.nn.init.zeros_(weights)  # type: ignore[arg-type]
    found = ra.theory.score(run, trajectories=4000)
    assert found.of_leak == pytest.approx(slope)
    assert found.value == pytest.approx(slope, abs=0.02)
    assert found.of_stationarity == pytest.approx(slope, abs=0.01)
    with pytest.raises(ra.BadInput, match="trajectories"):
        ra.theory.score(run, trajectories=19)


def test_off_the_manifold_variance_is_c_times_that_of_waking() -> None:
    run = tiny_run()
    for weights in (run.network.cell.recurrent.weight, run.network.encoder.weight):  # type: ignore[union-attr]
        torch.nn.init.zeros_(weights)  # type: ignore[arg-type]
    probe = Probe(run, "test")
    with asking():
        ends = [probe.go(torch.zeros(4000, 40), 60, gain, probe.source(f"{gain}")).var() for gain in (1.0, 2.0)]
    assert float(ends[1] / ends[0]) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("pull", [1e-14, 1e-10, 1e-7, 0.99e-5, 1.01e-5])
def test_the_best_pull_of_slow_walks_is_one_half(pull: float) -> None:
    assert ra.theory.optimal_alpha(pull, 100) == pytest.approx(0.5 * (1 + 25 * pull), abs=1e-7)


@pytest.mark.parametrize(("pull", "steps"), [(1e-4, 100), (0.03, 100), (0.03, 200)])
def test_the_best_pull_is_the_one_of_least_squared_error(pull: float, steps: int) -> None:
    """Against the covariance of position and error, computed step by step, for weak noise of variance 2D."""
    little, alphas = 1e-8, np.linspace(0.2, 3, 2801)
    langevin = 2 * little  # 2D/Var(s), Var(s) = 1
    both, error, loss = np.zeros(2801), np.zeros(2801), np.zeros(2801)  # ⟨s e⟩, ⟨e²⟩, sum of ⟨e²⟩
    for _ in range(steps):
        loss += error
        homeward = alphas * langevin  # e' = e − α (2D/Var s)(s + e) + noise, s' = (1 − θ) s + kick
        error = (1 - homeward) ** 2 * error - 2 * homeward * (1 - homeward) * both + homeward**2 + 2 * little
        both = (1 - pull) * ((1 - homeward) * both - homeward)
    assert ra.theory.optimal_alpha(pull, steps) == pytest.approx(alphas[(loss + error).argmin()], rel=0.06)


@pytest.mark.parametrize(
    ("words", "is_symmetric"), [((), True), (("rnn.bias=true",), False), (("rnn.model=gru", "rnn.sigma2_rec=0.04"), False)]
)
def test_scale_symmetry_holds_to_the_bit_where_the_field_is_homogeneous(words: tuple[str, ...], is_symmetric: bool) -> None:
    assert (ra.theory.scale_symmetry(tiny_run(*words), steps=30) == 0) is is_symmetric


def test_other_densities_of_waking_give_their_own_alpha() -> None:
    """The same recording gives the same α; one of half the concentration has half the slope, and twice the α."""
    run = ra.control("langevin", density="bearings", seed=0)  # drawn to 0
    awake = waking_positions(run)
    wide = awake.replaced(positions=[1.4 * epoch for epoch in awake.epochs])
    found = ra.theory.drift(run, (0.0, 2.0), pairs=100, awake=awake, others={"same": awake, "wide": wide}).sensitivity
    assert found["same"] == found["as chosen"]
    steeper = Bearings(awake).concentration / Bearings(wide).concentration
    assert steeper > 1.5
    assert found["wide"]["0"] == pytest.approx(steeper * found["same"]["0"], rel=0.05)


def linear_run(own: float) -> Run:
    """Rates that decay by a share of 0.2 (1 − own) a step."""
    run = tiny_run("rnn.activation_fn=identity")
    run.network.cell.recurrent.weight = torch.nn.Parameter(own * torch.eye(40))  # type: ignore[union-attr]
    return run


def test_relaxation_of_rates_that_keep_their_direction_and_of_those_that_forget() -> None:
    """Without noise, a linear decay changes the size of rates but no decoded position; a leak with noise forgets."""
    kept = ra.theory.relaxation(linear_run(0.999), 0.0, steps=2000, trajectories=20)
    assert kept.value == pytest.approx(1, abs=1e-6)
    assert kept.half is None
    assert kept.growth == pytest.approx((1 - 0.2 * 0.001) ** 1000, rel=1e-3)
    forgets = ra.theory.relaxation(linear_run(0.0), 1.0, steps=2000, trajectories=200)
    assert abs(forgets.value) < 4 / math.sqrt(2 * 200)
    assert forgets.half == 50
    assert forgets.growth == pytest.approx(1, rel=0.02)
    assert forgets.share < 4 * forgets.share_reversed
    assert (kept.errors["value"], kept.errors["growth"]) == pytest.approx((0, 0), abs=1e-3)
    assert forgets.errors["value"] == pytest.approx(1 / math.sqrt(2 * 200), rel=0.5)
    assert forgets.sensitivity["as chosen"] == math.sqrt(forgets.share) - math.sqrt(forgets.share_reversed)
    assert {*forgets.sensitivity} == {"as chosen", "lag of 250 steps", "lag of 1000 steps", "last quarter"}


def test_the_error_of_a_mean_is_that_of_its_members_whatever_is_left_out_at_once() -> None:
    values = np.random.default_rng(0).normal(size=400)
    expected = values.std(ddof=1) / 20
    assert jackknife(lambda kept: float(values[kept].mean()), 400) == pytest.approx(expected, rel=0.4)
    few = values[:15]
    assert jackknife(lambda kept: float(few[kept].mean()), 15) == pytest.approx(few.std(ddof=1) / math.sqrt(15))
    twice = np.repeat(few, 2)  # of which two neighbours say no more than one
    assert jackknife(lambda kept: float(twice[kept].mean()), 30, 2) == pytest.approx(few.std(ddof=1) / math.sqrt(15))


def test_two_kinds_of_starts_of_one_law_give_one_exponent() -> None:
    found = ra.theory.tempering(ra.control("langevin", "bearings", 1), (1.0, 4.0), trajectories=100, steps=3000)
    assert found.of_starts[0] == pytest.approx(found.of_starts[1], abs=0.2)
    assert max(found.remembered) < 0.3
    stuck = ra.theory.tempering(linear_run(1.0), (1e-9, 2e-9), trajectories=100, steps=400)
    assert min(stuck.remembered) > 0.99


def test_home_counts_modes_and_says_how_far_they_are_from_those_of_waking() -> None:
    rng, circle, box = np.random.default_rng(0), course_of(ra.Circle()), course_of(ra.Box(2.2, 2.2))
    awake = rng.vonmises(0.3, 8, (2000, 1))
    assert circle.home(rng.vonmises(0.5, 8, (100, 40, 1)), awake).modes == 1
    assert circle.home(rng.vonmises(0.5, 8, (100, 40, 1)), awake).away == pytest.approx(0.2, abs=0.03)
    both = np.concatenate((rng.vonmises(0.5, 8, (50, 40, 1)), rng.vonmises(-2, 8, (50, 40, 1))))
    assert circle.home(both, awake).modes == 2
    angle, radius = rng.uniform(-math.pi, math.pi, (100, 40)), rng.normal(0.33, 0.05, (100, 40))
    ring = radius[..., None] * np.stack((np.cos(angle), np.sin(angle)), -1)
    even = box.home(ring, 1.2 * ring.reshape(-1, 2))
    assert even.modes == 1
    assert even.away == pytest.approx(-0.066, abs=0.002)
    assert even.uneven < 0.1
    flattened = box.home(ring * [1.0, 0.2], ring.reshape(-1, 2))
    assert flattened.uneven > 0.3
    apart = box.home(np.concatenate((ring, 2.5 * ring)), ring.reshape(-1, 2))
    assert apart.modes == 2


def test_the_chain_of_bounds_holds_where_it_must_and_where_r_is_not_what_the_readout_asks_breaks_at_eq_11() -> None:
    """In an untrained network r is far from D†f(s), so L exceeds the bound derived from r = D†f(s)."""
    found = ra.theory.bound(tiny_run())
    for chain in found.chains:
        assert (chain.split_holds, chain.l3_holds, chain.upper_holds) == (1, 1, 1)
        assert chain.signal < chain.approximated < chain.l3 < chain.upper
        assert chain.expanded == pytest.approx(chain.loss, rel=0.01)
    assert found.chains[0].approximated_holds < 0.5
    assert [chain.dt for chain in found.chains] == pytest.approx([0.02, 0.01, 0.005])
    assert found.sensitivity["singular values below 0.01 left out"] == found.residual
    assert {*found.errors} == {"value", "residual", "seen", "width", "nonstationary"}
    assert found.by_chance < 0.2


def test_errors_of_the_bound_are_what_other_trajectories_give() -> None:
    each = [ra.theory.bound(replace(tiny_run(), seed=seed), trajectories=30) for seed in range(12)]
    for scatter, told in (
        ([one.chains[0].loss for one in each], [one.chains[0].errors["loss"] for one in each]),
        ([one.value for one in each], [one.errors["value"] for one in each]),
        ([one.seen for one in each], [one.errors["seen"] for one in each]),
    ):
        assert np.std(scatter, ddof=1) == pytest.approx(np.mean(told), rel=0.6)


class Still:
    """A motion that stays where its paths start."""

    n_inputs = 2

    def __init__(self, motion: Any):
        self.motion = motion

    def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Path:
        path = self.motion.paths(batch_size, steps, generator)
        return Path(path.start, torch.zeros_like(path.inputs), path.start[:, None].expand_as(path.positions))


def test_a_network_that_is_what_the_derivation_assumes_is_found_to_be() -> None:
    """Without movement, too, r = D†f(s) up to the noise accumulated so far."""
    run = activities()
    assert isinstance(run.task, Task)
    task = Task(run.task.space, Still(run.task.motion), run.task.tuning, run.task.mse_name)
    still = Run.of(run.network, dt=0.02, sigma=run.noise.sigma, task=task, name="still")
    found = ra.theory.bound(still)
    assert found.residual == pytest.approx(0, abs=1e-3)
    assert found.seen == pytest.approx(1)
    assert (found.nonstationary, found.by_chance) == (0, 0)
    assert found.width == pytest.approx(50, rel=0.3)  # noise of half of 100 steps, in the mean


def test_a_readout_with_a_bias_asks_for_what_is_left_of_the_activities() -> None:
    """Rates f(s) − 1, to which the readout adds 1, are as far from what is wanted as rates f(s) without it."""
    plain, biased = activities(), activities()
    for part, bias in ((biased.network.encoder, -1.0), (biased.network.decoder, 1.0)):
        part.bias = torch.nn.Parameter(torch.full((1, 64), bias))
    one, other = (ra.theory.bound(run, trajectories=10) for run in (plain, biased))
    assert (other.residual, other.seen) == pytest.approx((one.residual, one.seen), rel=1e-3)
    for before, after in zip(one.chains, other.chains, strict=True):
        for name in ("loss", "expanded", "split"):
            assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-3)


class Followed(WithVariable):
    """A further variable that follows the rates and acts on nothing."""

    def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
        within, a = self.split(state)
        return torch.cat((super().drift(within, u, **changes), (within - a) / 0.5), dim=-1)


def test_a_variable_that_acts_on_nothing_changes_neither_the_score_nor_the_bounds() -> None:
    run = tiny_run()
    net = run.network
    beside = replace(run, network=Network(net.encoder, Followed(net.cell, net.n_units), net.decoder))
    one, other = (ra.theory.score(each, trajectories=100) for each in (run, beside))
    assert (other.value, other.of_stationarity) == pytest.approx((one.value, one.of_stationarity), rel=1e-4)
    before, after = (ra.theory.bound(each, trajectories=5) for each in (run, beside))
    assert (after.value, after.seen) == pytest.approx((before.value, before.seen), rel=1e-4)


def test_a_time_step_that_is_too_long_is_refused_by_every_measure() -> None:
    run = tiny_run()
    run.network.cell.tau = 0.012  # type: ignore[assignment]
    for measure in ("diffusion", "relaxation", "score", "bound", "scale_symmetry", "metric", "tempering", "drift"):
        with pytest.raises(ra.BadInput, match=r"^dt=0.02 s must not exceed τ=0.012 s"):
            getattr(ra.theory, measure)(run)


def test_one_gain_given_twice_has_no_exponent() -> None:
    with pytest.raises(ra.BadInput, match="give two different ones at least"):
        ra.theory.tempering(tiny_run(), gains=(1.0, 1.0))


def test_the_slope_of_the_waking_density_is_that_of_the_density() -> None:
    rng = np.random.default_rng(0)
    plane = ra.Recording(rng.normal(0, 0.1, (100, 200, 2)), dt=0.02, space=ra.Box(2, 2))
    at = rng.uniform(-0.12, 0.12, (200, 2))
    found = Plane(plane, kernel=0.02).slope(at)
    assert np.polyfit(at.ravel(), found.ravel(), 1)[0] == pytest.approx(-1 / (0.1**2 + 0.02**2), rel=0.08)
    bearings = ra.Recording(rng.vonmises(0.5, 8, (100, 100, 1)), dt=0.02, space=ra.Circle())
    assert Bearings(bearings).slope(np.array([[0.7]])) == pytest.approx(-8 * math.sin(0.2), rel=0.05)
    assert concentration_of(0.0) == 0


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"gains": (0.0,)}, "needs a c above 0"),
        ({"gains": (0.5, 2.0, 2.0)}, "give each once"),
        ({"inputs": "mine"}, "give one of still, brownian, own"),
    ],
)
def test_what_drift_cannot_measure_is_refused(how: dict[str, Any], told: str) -> None:
    with pytest.raises(ra.BadInput, match=told):
        ra.theory.drift(ra.control("attractor", "bearings"), **how)


def test_a_shortage_of_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*given: Any, **others: Any) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")

    monkeypatch.setattr(Probe, "go", short)
    with pytest.raises(ra.BadInput, match="not enough memory for these sizes"):
        ra.theory.score(tiny_run(), trajectories=40)
