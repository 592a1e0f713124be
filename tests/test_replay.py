"""Measures of replay on made data whose answers are known; tolerances are several standard errors of so many samples."""

from functools import partial
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
import pytest

import reactivation as ra
from reactivation.replay import inference
from reactivation.replay.lags import farthest
from reactivation.replay.states import MODELS, confusion
from reactivation.world.spaces import Space

Array = NDArray[np.float64]
BOX, CIRCLE, PLANE = ra.Box(2.0, 2.0), ra.Circle(), ra.Box(40.0, 40.0)


def walk(step: float, shape: tuple[int, int, int] = (100, 200, 2), seed: int = 0) -> Array:
    """Free Brownian motion from everywhere in BOX."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (shape[0], 1, shape[2])) + np.cumsum(rng.normal(0, step, shape), axis=1)


def between_walls(path: Array) -> Array:
    """Reflected at the walls of BOX: exactly what reflecting Brownian motion is at these moments."""
    folded = (path + 1) % 4
    return np.where(folded > 2, 4 - folded, folded) - 1


def drawn_home(turn: float = 0.0, *, relax: float = 0.2, shape: tuple[int, int] = (200, 300), seed: int = 0) -> Array:
    """An Ornstein–Uhlenbeck process of variance 1 in a plane, turned by `turn` [rad] at each step."""
    rng, keep = np.random.default_rng(seed), 1 - relax
    rotation = keep * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    state, path = rng.normal(size=(shape[0], 2)), []
    for _ in range(shape[1]):
        state = state @ rotation.T + math.sqrt(1 - keep**2) * rng.normal(size=state.shape)
        path.append(state)
    return np.stack(path, axis=1)


def with_momentum(friction: float, shape: tuple[int, int, int] = (100, 300, 2), step: float = 0.02) -> Array:
    """A walk in which each step keeps 1 − λ of the step before."""
    white = np.random.default_rng(1).normal(0, step, shape)
    moved = white.copy()
    for now in range(1, shape[1]):
        moved[:, now] += (1 - friction) * moved[:, now - 1]
    return np.cumsum(moved, axis=1)


def fractional(exponent: float, epochs: int = 200, samples: int = 100) -> Array:
    """Gaussian paths whose distance grows as a power of the lag, by their covariance."""
    t = np.arange(1.0, samples + 1)
    covariance = (t[:, None] ** (2 * exponent) + t ** (2 * exponent) - np.abs(t[:, None] - t) ** (2 * exponent)) / 2
    white = np.random.default_rng(2).normal(size=(epochs, samples, 2))
    return 0.02 * np.einsum("ts,bsd->btd", np.linalg.cholesky(covariance), white)


class TestHowFar:
    """Distance over time."""

    @pytest.mark.parametrize("known", [0.3, 0.5, 0.7, 0.9])
    def test_the_exponent_is_that_of_the_generator(self, known: float) -> None:
        found = ra.replay.exponent(fractional(known), PLANE)
        assert found.value == pytest.approx(known, abs=0.02)  # 4 standard errors over 200 paths
        assert found.standard_error == pytest.approx(0.005, rel=0.5)
        assert found.null is not None
        assert found.null.low < 0 < found.null.high

    def test_a_straight_run_and_what_is_confined(self) -> None:
        straight = np.arange(50)[:, None] * np.array([0.01, 0.02])
        assert ra.replay.exponent(straight, PLANE).value == pytest.approx(1)
        assert ra.replay.exponent(drawn_home(), PLANE, lags=(30, 40, 50, 60)).value == pytest.approx(0, abs=0.02)

    @pytest.mark.parametrize("average", ["mean", "median"])
    def test_what_stands_still_has_no_exponent(self, average: Literal["mean", "median"]) -> None:
        assert math.isnan(ra.replay.exponent(np.full((3, 20, 2), 0.1), BOX, average=average).value)

    def test_the_null_of_first_steps_is_the_measure_of_shuffled_time(self) -> None:
        drawn = np.random.default_rng(0)
        path = walk(0.02, (30, 100, 2))
        shuffled = np.stack([epoch[drawn.permutation(100)] for epoch in path])
        found, again = (ra.replay.exponent_by_first_step(one, PLANE) for one in (path, shuffled))
        assert found.null is not None
        assert found.null.low <= again.value <= found.null.high

    def test_a_first_step_tells_nothing_of_a_straight_run(self) -> None:
        speeds = np.random.default_rng(0).uniform(0.01, 0.1, (50, 1, 1))
        straight = speeds * np.arange(50)[:, None] * np.array([1.0, 0.0])
        assert ra.replay.exponent_by_first_step(straight, PLANE).curve == pytest.approx(np.ones(5))
        falling = ra.replay.exponent_by_first_step(walk(0.02), PLANE).curve
        assert (np.diff(falling) < 0).all()

    def test_groups_of_first_steps_are_those_of_the_starts(self) -> None:
        """Steps grow along an epoch, so that those after the last start are the longest."""
        growing = np.cumsum(np.random.default_rng(0).normal(size=(10, 18, 2)) * np.arange(1, 19)[:, None], axis=1) / 100
        apart = np.stack([np.linalg.norm(growing[:, lag : lag + 10] - growing[:, :10], axis=-1) for lag in range(1, 9)])
        groups = np.argsort(apart[0], axis=None).reshape(5, 20)
        slopes = [np.polyfit(np.log(range(1, 9)), np.log(apart.reshape(8, -1)[:, one].mean(1)), 1)[0] for one in groups]
        assert ra.replay.exponent_by_first_step(growing, PLANE).curve == pytest.approx(slopes)

    def test_diffusion_between_walls_and_round_a_circle(self) -> None:
        """Walls reduce displacement at the longest lag by a sixth and more, but do not change D."""
        step, dt, lags = 0.05, 0.02, (20, 80)
        true = step**2 / (2 * dt)
        paths = between_walls(walk(step, (200, 200, 2)))
        walled = ra.replay.diffusion(ra.Recording(paths, dt, BOX), lags=lags)
        assert walled.standard_error is not None
        assert walled.curve_errors is not None
        assert walled.standard_error < 0.1 * true
        assert walled.value == pytest.approx(true, abs=4 * walled.standard_error)
        closed_form = [BOX.brownian_square(true * lag * dt) / (4 * lag * dt) for lag in lags]
        assert (np.abs(walled.curve - closed_form) < 4 * walled.curve_errors).all()
        assert walled.curve[1] < 0.85 * true
        turning = np.random.default_rng(1).uniform(-3, 3, (200, 1, 1)) + np.cumsum(
            np.random.default_rng(2).normal(0, 0.2, (200, 200, 1)), axis=1
        )
        circle = ra.Recording(CIRCLE.wrap(turning), dt, CIRCLE)
        assert ra.replay.diffusion(circle, lags=(20, 40)).value == pytest.approx(1.0, rel=4 * 0.02)

    def test_jitter_is_no_diffusion(self) -> None:
        jittered = walk(0.02, (60, 200, 2)) + np.random.default_rng(3).normal(0, 0.05, (60, 200, 2))
        found = ra.replay.diffusion(ra.Recording(jittered, 0.02, PLANE))
        assert found.value == pytest.approx(0.01, rel=0.15)
        assert found.curve[0] > 0.03
        assert ra.replay.exponent(jittered, PLANE).value < 0.3

    @pytest.mark.parametrize("samples", [300, 250, 200])
    def test_displacement_saturates_as_the_pull_home_has_it(self, samples: int) -> None:
        """1 − 0.8^lag reaches 0.9 at lag 10.3; the mean square over all pairs of samples is twice the variance."""
        path = drawn_home(shape=(100, 300))[:, :samples]
        squares = [((path[:, lag:] - path[:, :-lag]) ** 2).sum(-1).mean() for lag in range(1, 50)]
        first = 1 + int((np.array(squares) >= 0.9 * 2 * path.reshape(-1, 2).var(0).sum()).argmax())
        found = ra.replay.saturation(ra.Recording(path, 0.02, PLANE))
        assert found.value == pytest.approx(0.02 * first)
        assert abs(first - 10.3) < 2
        assert found.standard_error is not None
        assert 0.01 < found.standard_error < 0.05

    def test_what_stands_still_never_saturates(self) -> None:
        assert math.isnan(ra.replay.saturation(np.zeros((3, 20, 2)), BOX).value)

    @pytest.mark.parametrize("friction", [0.1, 0.5, 1.0])
    def test_momentum_keeps_its_direction(self, friction: float) -> None:
        found = ra.replay.velocity_autocorrelation(with_momentum(friction), PLANE)
        assert found.curve == pytest.approx((1 - friction) ** np.arange(1, 9), abs=0.05)
        assert found.null is not None
        assert abs(found.null.value) < 0.02 + 2 / (300 * friction)  # an epoch keeps its mean step

    def test_white_noise_is_not_continuous_and_a_walk_is(self) -> None:
        white = np.random.default_rng(0).uniform(-1, 1, (20, 80, 2))
        assert ra.replay.continuity(ra.Recording(white, 0.02, BOX), lags=(1, 2, 4)).value == 0
        slow = ra.Recording(drawn_home(relax=0.5, shape=(100, 200)), 0.02, PLANE)
        assert 0.02 * 3 <= ra.replay.continuity(slow, lags=(1, 2, 3, 4, 20, 40)).value <= 0.02 * 4

    def test_the_null_of_continuity_is_a_lag_as_the_value_is(self) -> None:
        """White activity lies within the null, and has no asterisk in the table."""
        white = ra.Recording(np.random.default_rng(0).uniform(-1, 1, (20, 80, 2)), 0.02, BOX)
        moving = ra.Recording(walk(0.005, (20, 80, 2)), 0.02, PLANE)
        for recording, marks in ((white, 0), (moving, 1)):
            assert str(ra.replay.table(recording, measures="continuity")).count("*") == marks

    def test_continuity_ends_with_the_memory_of_correlated_samples(self) -> None:
        """0.95^lag: 13 % are left after 40 steps, 2 % after 80. Under shuffled time, all 200 would differ from chance."""
        slow = ra.Recording(drawn_home(relax=0.05, shape=(100, 400)), 0.02, PLANE)
        assert 0.02 * 40 <= ra.replay.continuity(slow, lags=range(20, 201, 20)).value <= 0.02 * 80

    def test_continuity_is_that_of_all_lags(self) -> None:
        recording = ra.Recording(drawn_home(relax=0.3, shape=(60, 120)), 0.02, PLANE)
        every = ra.replay.continuity(recording, lags=range(1, 31))
        found = ra.replay.continuity(recording)
        assert found.value == pytest.approx(every.value)
        assert len(found.at) < 15

    def test_continuity_of_epochs_of_any_length_needs_some(self) -> None:
        rng = np.random.default_rng(0)
        epochs = [rng.normal(0, 0.02, (length, 2)).cumsum(0) + rng.uniform(-1, 1, 2) for length in range(40, 80, 8)]
        assert ra.replay.continuity(ra.Recording(epochs, 0.02, PLANE), lags=(1, 2, 5)).value == pytest.approx(0.1)
        with pytest.raises(ra.BadInput, match=r"^continuity pairs epochs .* and 4 of at least 10 samples are too few"):
            ra.replay.continuity(ra.Recording(epochs[1:], 0.02, PLANE), lags=(1, 2, 5))


class TestWhere:
    """Occupancy, and dwell times."""

    def test_coverage_of_everything_and_of_one_place(self) -> None:
        everywhere = ra.replay.coverage(BOX.sample(20_000, np.random.default_rng(1)), BOX)
        assert everywhere.value == pytest.approx(99 / 40_000, rel=0.5)  # (cells − 1) / 2n
        assert ra.replay.coverage(np.full((5, 10, 2), 0.01), BOX).value == pytest.approx(math.log(100))

    def test_times_that_are_cut_off_count_as_longer(self) -> None:
        path = np.arange(60)[:, None] * [0.03, 0.0] - [0.9, 0.0]
        assert ra.replay.dwell(ra.Recording(path, 0.02, BOX)).value == pytest.approx(0.14)  # 7 steps
        still = ra.replay.dwell(ra.Recording(np.zeros((4, 50, 2)), 0.02, BOX))
        assert math.isnan(still.value)
        assert still.more["cut_off"] == 1

    def test_jumps_are_counted(self) -> None:
        moved = np.full((10, 200, 2), 0.001)
        moved[:, 50::50] = 0.1
        assert ra.replay.jumps(np.cumsum(moved, axis=1), BOX).value == pytest.approx(3 / 199)

    def test_there_are_no_jumps_where_no_step_can_be_one(self) -> None:
        """If bearings are independent from sample to sample, 5 median steps are more than half a turn."""
        draws = np.random.default_rng(0)
        assert math.isnan(ra.replay.jumps(draws.uniform(-np.pi, np.pi, (10, 200, 1)), ra.Circle()).value)
        assert math.isfinite(ra.replay.jumps(draws.normal(0, 0.3, (10, 200, 1)), ra.Circle()).value)
        assert farthest(ra.Circle()) == pytest.approx(np.pi)
        assert farthest(BOX) == pytest.approx(math.hypot(2, 2))

    def test_regions_on_a_circle(self) -> None:
        """A steady turn of 0.05 rad enters the sectors of π/2 one after the other, and visits all alike."""
        bearings = np.tile(-3.1 + 0.05 * np.arange(504), (5, 1))
        turning = ra.Recording(np.angle(np.exp(1j * bearings)), 0.02, CIRCLE)
        first = ra.replay.first_entry(turning)
        assert first.value == pytest.approx((math.pi + 0.0) / 0.05 * 0.02, abs=0.04)
        assert first.more["cut_off"] == 0
        assert ra.replay.visits(turning).value == pytest.approx(1, abs=0.01)
        assert ra.replay.detour(turning).value == pytest.approx(1)

    def test_the_way_of_a_stretch_is_its_own(self) -> None:
        """One step, wherever it is, is straight. There and back: 21 stretches are 40 long and lead 2 away, in all."""
        for last in (np.arange(41) > 39, np.arange(41) > 20):
            assert ra.replay.detour(last[:, None] * [1.0, 0.0], BOX).value == pytest.approx(1)
        there_and_back = np.arange(41) == 20  # the first stretch goes there, the last goes back, the other 19 do both
        assert ra.replay.detour(there_and_back[:, None] * [1.0, 0.0], BOX).value == pytest.approx(20)

    def test_visits_to_one_region_read_0(self) -> None:
        found = ra.replay.visits(ra.Recording(np.zeros((2, 30, 1)), 0.02, CIRCLE))
        assert repr(found).startswith("0 ")

    def test_an_epoch_that_ends_counts_until_its_last_sample(self) -> None:
        """All epochs that reach sample 5 have just moved on; the others ended at sample 4."""
        bearings = [np.repeat([-1.0, 1.0], 5)] * 4 + [np.full(5, -1.0)] * 5
        recording = ra.Recording([one[:, None] for one in bearings], 1.0, CIRCLE)
        assert ra.replay.first_entry(recording, along=2).value == 5
        assert ra.replay.time_to_cover_half(recording, width=math.pi / 2).value == 5

    def test_a_single_region_is_none(self) -> None:
        for measure in (ra.replay.first_entry, ra.replay.visits):
            with pytest.raises(ra.BadInput, match="along=1"):
                measure(walk(0.02, (3, 20, 2)), BOX, along=1)

    def test_a_width_of_fewer_than_two_cells_is_refused(self) -> None:
        """Two halves of a circle are cells; of one cell, its entropy and fluxes are 0 whatever moves."""
        path, half = turns(0.3, epochs=3)[..., None], math.pi
        assert ra.replay.coverage(path, CIRCLE, width=half).value < math.log(2)
        for measure in (ra.replay.coverage, ra.replay.time_to_cover_half, ra.replay.entropy_production):
            with pytest.raises(ra.BadInput, match=r"^width=3\.2 rad: two cells are at most 3\.14159 rad wide"):
                measure(path, CIRCLE, width=3.2)
        with pytest.raises(ra.BadInput, match=r"^width=1\.5 m: two cells"):
            ra.replay.transition_similarity(between_walls(walk(0.02)), between_walls(walk(0.02)), BOX, width=1.5)
        with pytest.raises(ra.BadInput, match=r"^width=1\.5 m: two cells"):
            ra.replay.TuningCurves.of(ra.Recording(np.zeros((2, 9, 2)), 0.1, BOX, np.ones((2, 9, 3))), width=1.5)

    def test_how_soon_half_is_covered(self) -> None:
        bearings = ra.Recording(np.tile(-3.14 + 0.05 * np.arange(126), (5, 1)), 0.02, CIRCLE)
        assert ra.replay.time_to_cover_half(bearings).value == pytest.approx(5 * math.pi / 6 / 0.05 * 0.02, abs=0.04)


class TestDirectionInTime:
    """Reversible processes are within their null, and turning ones are not."""

    measures = (ra.replay.antisymmetric_share, ra.replay.area_rate, partial(ra.replay.entropy_production, width=2.0))

    @pytest.mark.parametrize("measure", measures)
    def test_rotation_is_beyond_the_null_and_langevin_within(self, measure: object) -> None:
        assert callable(measure)
        recordings = [ra.Recording(drawn_home(turn), 0.02, ra.Box(16, 16)) for turn in (0.0, 0.2)]
        reversible, turning = (measure(one, rng=0) for one in recordings)
        assert reversible.null.low <= reversible.value <= reversible.null.high
        assert turning.value > 2 * turning.null.high

    def test_one_unit_has_no_direction_and_a_lag_beyond_all_epochs_is_refused(self) -> None:
        rates = np.random.default_rng(0).normal(size=(4, 50, 1))
        one = ra.Recording(np.zeros((4, 50, 2)), 0.02, BOX, rates)
        assert ra.replay.antisymmetric_share(one, components=1).value == 0
        with pytest.raises(ra.BadInput, match="no epoch with rates is longer than lag=50"):
            ra.replay.antisymmetric_share(one, components=1, lag=50)

    def test_the_area_rate_is_the_exact_one(self) -> None:
        """½⟨x × dx⟩ of a rotated Ornstein–Uhlenbeck process of variance 1 in each direction is keep · sin(turn)."""
        found = ra.replay.area_rate(ra.Recording(drawn_home(0.2), 0.02, ra.Box(16, 16)))
        assert found.value == pytest.approx(0.8 * math.sin(0.2) / 0.02, rel=0.03)

    def test_a_small_sample_is_judged_by_its_null(self) -> None:
        """Counting noise alone produces entropy: with few moves it is above 0, and within the null."""
        found = ra.replay.entropy_production(walk(0.2, (5, 30, 2)), PLANE)
        assert found.value > 0
        assert found.null is not None
        assert found.value <= found.null.high


def ensemble(places: Array, seed: int = 0, units: int = 40) -> Array:
    """Spike counts of cells tuned to bearings (B, T)."""
    preferred = np.linspace(-np.pi, np.pi, units, endpoint=False)
    rates = 2 * np.exp(3 * (np.cos(places[..., None] - preferred) - 1))
    return np.random.default_rng(seed).poisson(rates).astype(np.float64)


def turns(step: float, epochs: int = 40, samples: int = 200, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return np.angle(
        np.exp(1j * (rng.uniform(-3, 3, (epochs, 1)) + np.cumsum(rng.normal(0, step, (epochs, samples)), axis=1)))
    )


def heads(step: float, seed: int = 0) -> ra.Recording:
    bearings = turns(step, seed=seed)
    return ra.Recording(bearings, 0.1, CIRCLE, rates=ensemble(bearings, seed))


class TestBesideWaking:
    """Rest against waking."""

    def test_compression_is_that_of_the_samples_left_out(self) -> None:
        paths = between_walls(walk(0.02, (40, 600, 2)))
        awake = ra.Recording(paths, 0.02, BOX)
        assert ra.replay.compression(awake, awake).value == 1
        for every in (2, 4):
            faster = ra.Recording(paths[:, ::every], 0.02, BOX)
            found = ra.replay.compression(faster, awake)
            assert found.value == pytest.approx(every, rel=0.1)
            assert found.null is not None
            assert found.null.high < found.value
        nothing_qualifies = ra.Recording(BOX.sample(2000, np.random.default_rng(0)).reshape(20, 100, 2), 0.02, BOX)
        assert math.isnan(ra.replay.compression(nothing_qualifies, awake).value)

    def test_every_epoch_counts_at_the_lags_it_is_longer_than(self) -> None:
        """60 short epochs move four times as fast as waking, the longest one as fast; it alone has the longest lags."""
        awake = ra.Recording(walk(0.02, (40, 400, 2)), 0.02, PLANE)
        short, slow = walk(0.04, (60, 100, 2)), walk(0.02, (1, 400, 2), seed=2)
        rest = ra.Recording([*short, *slow], 0.02, PLANE)
        assert ra.replay.compression(rest, awake, lowest=0.04).value == pytest.approx(4, rel=0.15)
        assert ra.replay.saturation(rest).curve[0] == pytest.approx(2 * 0.04**2, rel=0.1)

        bearings = [*turns(0.5, epochs=60, samples=100), *turns(0.25, epochs=1, samples=1000, seed=1)]
        counts = [ensemble(one[None], number)[0] for number, one in enumerate(bearings)]
        waking = turns(0.25, epochs=20, samples=800)
        found = ra.replay.ensemble_compression(
            ra.Recording(bearings, 0.1, CIRCLE, rates=counts), ra.Recording(waking, 0.1, CIRCLE, rates=ensemble(waking, 99))
        )
        assert found.standard_error is not None
        assert found.standard_error < 1
        assert found.value == pytest.approx(4, abs=2 * found.standard_error)

    def test_what_cannot_be_counted_is_refused(self) -> None:
        with pytest.raises(ra.BadInput, match=r"^groups=1000000000000: there are 480 starts, and each group needs one"):
            ra.replay.exponent_by_first_step(walk(0.02, (40, 20, 2)), PLANE, groups=10**12)
        with pytest.raises(ra.BadInput, match=r"^mean_rate=1e\+30 asks for .* spikes in a sample"):
            ra.replay.poisson_spikes(heads(0.25), mean_rate=1e30)

    def test_ensembles_tell_compression_without_decoding(self) -> None:
        """Diffusion four times as fast has correlograms of a quarter of the width."""
        found = ra.replay.ensemble_compression(heads(0.5, 1), heads(0.25), longest=10.0)
        assert found.value == pytest.approx(4, rel=0.2)
        assert ra.replay.ensemble_compression(heads(0.15), heads(0.15), longest=10.0).value == 1

    def test_ensembles_are_compared_by_lags_at_which_they_have_forgotten_half(self) -> None:
        """Waking in which 120 samples are 6 memories, with Δt a quarter: 4, and each width is 2 ln 2 memories."""
        path = drawn_home(relax=0.05, shape=(100, 120))
        rates = path @ np.random.default_rng(2).normal(size=(2, 30))
        rest, awake = (ra.Recording(path, dt, PLANE, rates=rates) for dt in (0.02, 0.08))
        found = ra.replay.ensemble_compression(rest, awake)
        assert found.value == pytest.approx(4)
        assert found.more["width"] == pytest.approx(2 * 0.02 * math.log(2) / -math.log(0.95), rel=0.1)
        assert math.isnan(ra.replay.ensemble_compression(rest, awake, longest=0.6).value)  # 0.95⁸ is 0.66

    def test_ensembles_are_those_of_the_epochs_with_rates(self) -> None:
        """A longer epoch without rates does not determine lags."""
        positions, rates = [np.zeros((60, 2)), np.zeros((500, 2))], np.random.default_rng(0).normal(size=(60, 4))
        found = ra.Recording(positions, 0.02, BOX, [rates.cumsum(0)])
        assert ra.replay.ensemble_compression(found, found).value == pytest.approx(1)
        with pytest.raises(ra.BadInput, match="no epoch is longer than 2 s"):
            ra.replay.ensemble_compression(found, found, longest=2.0)

    def test_sequences_of_waking_come_back_and_shuffled_ones_do_not(self) -> None:
        awake, rest = heads(0.15), heads(0.2, 1)
        for measure in (ra.replay.line_fit, ra.replay.weighted_correlation, ra.replay.transition_similarity):
            found = measure(rest, awake, rng=0)
            assert found.null is not None
            assert found.standard_error is not None
            assert found.value > found.null.high + 3 * found.standard_error
        assert ra.replay.transition_similarity(awake, awake).value == pytest.approx(1)
        assert ra.replay.line_fit(rest, awake).value > 0.8

    def test_transitions_are_compared_after_the_same_time(self) -> None:
        """Rest with each sample of waking twice, at half the Δt, equals waking over equal times, but not over half of it."""
        awake = ra.Recording(turns(0.3), 0.1, CIRCLE)
        finer = ra.Recording(np.repeat(awake.positions, 2, axis=1), 0.05, CIRCLE)
        assert ra.replay.transition_similarity(finer, awake, lag=3).value == pytest.approx(1)
        assert ra.replay.transition_similarity(awake, finer, lag=6).value == pytest.approx(1)
        with pytest.raises(ra.BadInput, match=r"lag=3 of waking is 0.15 s, and rest has a sample every 0.1 s"):
            ra.replay.transition_similarity(awake, finer, lag=3)

    def test_counts_are_decoded(self) -> None:
        awake, rest = heads(0.15), heads(0.2, 1)
        decoded = ra.replay.TuningCurves.of(awake).decode(rest)
        assert np.abs(CIRCLE.difference(decoded.positions, rest.positions)).mean() < 0.25

    def test_counts_alone_are_decoded_as_those_of_a_recording(self) -> None:
        """Sleep has spikes and no positions."""
        awake, rest = heads(0.15), heads(0.2, 1)
        curves, counts = ra.replay.TuningCurves.of(awake), rest.rates
        wanted = curves.decode(rest)
        for given in (counts, list(counts)):
            decoded = curves.decode(given, dt=rest.dt)
            assert np.array_equal(np.stack(list(decoded.epochs)), wanted.positions)
            assert np.array_equal(np.stack(list(decoded.rates)), counts)
        one = curves.decode(counts[0], dt=rest.dt)
        assert np.array_equal(one.positions, wanted.positions[:1])
        assert np.array_equal(curves.decode(counts[0].tolist(), dt=rest.dt).positions, one.positions)
        assert ra.replay.line_fit(one, awake, rng=0).value == ra.replay.line_fit(wanted.take(0), awake, rng=0).value
        with pytest.raises(ra.BadInput, match="rates alone need dt="):
            curves.decode(counts)
        with pytest.raises(ra.BadInput, match=r"leave out dt=0.1: the recording has a Δt"):
            curves.decode(rest, dt=0.1)
        with pytest.raises(ra.BadInput, match="of the units that were tuned"):
            curves.decode(counts[..., 1:], dt=rest.dt)
        with pytest.raises(ra.BadInput, match=r"rates have shape \(3,\); \(T, N\), \(B, T, N\) or a list"):
            curves.decode([1, 2, 3], dt=rest.dt)

    @pytest.mark.parametrize("dt", [0.1, 0.5, 1 / 30])
    def test_counts_per_second_are_no_counts(self, dt: float) -> None:
        """They would have Poisson posteriors of 1/dt times the spikes."""
        counted = ra.Recording(heads(0.15).positions, dt, CIRCLE, heads(0.15).rates)
        per_second = counted.replaced(rates=[rates / dt for rates in counted.rates])
        of_counts, of_rates = ra.replay.TuningCurves.of(counted), ra.replay.TuningCurves.of(per_second)
        assert (of_counts.variances is None, of_rates.variances is None) == (True, False)
        with pytest.raises(ra.BadInput, match="of spike counts per sample, and these rates are none"):
            of_counts.decode(per_second)
        burst = np.zeros((1, counted.rates[0].shape[-1]))
        burst[0, 0] = round(1 / dt)
        assert of_counts.posterior(burst, dt).shape == (1, len(of_counts.cells)), "one count may be a multiple of 1/dt"

    def test_units_without_noise_are_decoded(self) -> None:
        cell = np.random.default_rng(0).integers(0, 8, (1, 400))
        rates = np.zeros((1, 400, 9))
        rates[0, np.arange(400), cell[0]] = 0.5  # the ninth unit is silent
        awake = ra.Recording((cell + 0.5) / 8 * 2 * np.pi - np.pi, 0.1, CIRCLE, rates)
        decoded = ra.replay.TuningCurves.of(awake).decode(awake)
        assert np.abs(CIRCLE.difference(decoded.positions, awake.positions)).max() < np.pi / 12

    def test_true_positions_stay_beside_decoded_ones_in_the_same_space(self) -> None:
        awake = heads(0.15)
        curves, first = ra.replay.TuningCurves.of(awake), awake.rates[:2]
        known = ra.Recording(awake.positions, awake.dt, CIRCLE, first, true_positions=awake.positions)
        for part in (curves.decode(known), ra.replay.poisson_spikes(known)):
            assert np.array_equal(part.true_positions, awake.positions[:2])
        assert ra.decoding_error(curves.decode(known)).value < 0.25
        inside = np.zeros((*awake.positions.shape[:2], 2))
        elsewhere = ra.Recording(inside, awake.dt, ra.Box(1, 1), first, true_positions=inside)
        assert curves.decode(elsewhere).true_positions is None

    def test_pairs_keep_their_correlation_by_their_tuning(self) -> None:
        awake, rest = heads(0.15), heads(0.4, 1)
        found = ra.replay.pair_correlation(rest, awake)
        assert found.value > 0.95
        assert found.null is not None
        assert found.null.high < 0.3

    def test_explained_variance_is_the_partial_correlation(self) -> None:
        """Pair correlations before sleep are unrelated to waking, those after equal waking's: EV is 1, its reverse 0."""
        awake, after = heads(0.15), heads(0.15, 1)
        before = ra.Recording(
            turns(0.2), 0.1, CIRCLE, rates=ensemble(turns(0.2))[..., np.random.default_rng(5).permutation(40)]
        )
        found = ra.replay.reactivation(before, awake, after)
        assert found.value > 0.9
        assert found.more["reverse"] < 0.1

    def test_exported_spikes_are_poisson(self) -> None:
        rates = np.tile(np.linspace(-1, 3, 50), (4, 500, 1))
        spikes = ra.replay.poisson_spikes(ra.Recording(np.zeros((4, 500, 2)), 0.02, BOX, rates=rates), 10.0)
        counts = spikes.rates.reshape(-1, 50)
        assert counts.mean() / 0.02 == pytest.approx(10, rel=0.02)
        assert (counts[:, :13] == 0).all()
        assert counts[:, 40].var() == pytest.approx(counts[:, 40].mean(), rel=0.15)


class TestErrors:
    """Standard errors of a bootstrap over epochs."""

    def test_what_no_draw_has_is_not_known_to_be_0(self) -> None:
        """A curve that is defined nowhere has no errors, nor has a value that only all epochs together define."""
        sums = np.eye(6)
        draws = np.random.default_rng(0)
        found = inference.found(lambda total: np.array([np.sum(total), np.nan]), sums, draws=draws)
        assert found.curve_errors is not None
        assert np.isnan(found.curve_errors).all()
        found = inference.found(lambda total: np.where(total.min() > 0, [1.0], np.nan), np.eye(40), draws=draws)
        assert found.value == 1
        assert found.standard_error is None


class TestKindsOfMotion:
    """Simulate and recover."""

    @pytest.mark.parametrize("space", [BOX, CIRCLE])
    def test_segments_are_read_back(self, space: Space) -> None:
        read = confusion(space, 0.03, scale=0.08, count=100)
        assert read.sum(1) == pytest.approx(np.ones(len(MODELS)))
        assert (read.diagonal() >= 0.8).all(), read.round(2)

    def test_what_jitter_hides_is_called_not_usable(self) -> None:
        found = ra.replay.states(ra.Recording(between_walls(walk(0.02, (10, 100, 2))), 0.02, BOX), noise=0.2)
        assert not found.usable["diffusive"]

    @pytest.mark.parametrize(("friction", "kind"), [(1.0, "diffusive"), (0.2, "momentum")])
    def test_recordings_are_told_apart(self, friction: float, kind: str) -> None:
        found = ra.replay.states(ra.Recording(with_momentum(friction, (10, 200, 2)), 0.02, PLANE))
        assert found.shares[kind] > 0.8
        assert found.usable[kind]

    def test_the_error_is_over_epochs_and_not_over_their_segments(self) -> None:
        """Every other epoch is straight: with 10 of them, the share of momentum is 1/2 ± √(1/4 / 10)."""
        paths = np.where(np.arange(10)[:, None, None] % 2, walk(0.05, (10, 400, 2)), with_momentum(0.02, (10, 400, 2)))
        found = ra.replay.states(ra.Recording(paths, 0.02, PLANE, margin=99), noise=0.01)
        assert found.value == pytest.approx(0.5, abs=0.1)
        assert found.standard_error == pytest.approx(0.16, rel=0.2)
        one = ra.replay.states(ra.Recording(paths[:1], 0.02, PLANE, margin=99), noise=0.01)
        assert one.standard_error is None
