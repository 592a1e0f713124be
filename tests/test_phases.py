"""Phases as values, and what a recording of one holds; at other time steps, against what is known."""

import dataclasses
import math
import tracemalloc

from factories import CPU, SPATIAL, untrained
import numpy as np
import pytest
import torch

from reactivation.analysis.base import Recording
from reactivation.analysis.recordings import record
from reactivation.analysis.run import Run, load_run
from reactivation.machine.errors import BadInput
from reactivation.machine.places import PUBLISHED
from reactivation.network.cells.gru import GRU
from reactivation.network.inputs import Another, Constant, Own, Policy, Query, Replayed, none
from reactivation.network.modifiers import Adaptation
from reactivation.network.network import Network
from reactivation.network.phases import rest, shuffled, waking
from reactivation.storage.folder import RunFolder
from reactivation.storage.networks import noise_of
from reactivation.types import Batch, Noise
from reactivation.world.spaces import Box


def batch_of(steps: int) -> Batch:
    inputs = torch.randn(3, steps, 2, generator=torch.Generator().manual_seed(0))
    return Batch(torch.zeros(3, 5), inputs, inputs, torch.clone)


def test_waking_takes_the_inputs_of_the_task_and_rest_takes_none() -> None:
    batch = batch_of(9)
    assert torch.equal(waking(9).inputs_of(batch, 0.02, torch.Generator()), batch.inputs)
    still = rest(11).inputs_of(batch, 0.02, torch.Generator())
    assert still.shape == (3, 11, 2)
    assert not still.any()


def test_a_phase_says_what_becomes_of_the_noise() -> None:
    own, cell = Noise(0.3, 0.1, 0.2), untrained().network.cell
    gru = untrained(config=f"{SPATIAL}_gru").network.cell
    assert waking().noise_of(own, cell) == own
    assert rest().noise_of(own, cell) == own._replace(sigma=0.3 * math.sqrt(2))
    assert rest().noise_of(own, gru) == own
    assert rest(variance_gain=3).noise_of(own, cell).sigma == pytest.approx(0.3 * math.sqrt(3))
    assert rest(variance_gain=1, sigma=0.7).noise_of(own, cell).sigma == 0.7
    assert rest(noise_distribution="uniform").noise_of(own, cell).distribution == "uniform"


def test_phases_are_equal_by_value_and_a_recording_edits_no_network() -> None:
    assert rest(7, variance_gain=2) == rest(7, variance_gain=2) != rest(8, variance_gain=2)
    run = untrained()
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    record(run, rest(7), 3)
    assert all(torch.equal(value, before[name]) for name, value in run.network.state_dict().items())


def test_a_recording_says_what_it_is() -> None:
    run = untrained()
    recording = record(run, rest(9, dropped=2), 5, rates=3)
    assert recording.positions.shape == (5, 7, 2)
    assert recording.rates is not None
    assert recording.rates.shape == (3, 7, 12)
    assert (recording.dt, recording.space) == (0.02, run.task.space)
    whole = record(run, rest(9), 5, rates=5)
    assert (whole.positions[:, 2:] == recording.positions).all()
    flat = np.asarray(whole.rates, dtype=float).reshape(-1, 12)
    assert whole.moments is not None
    np.testing.assert_allclose(whole.moments.mean, flat.mean(0), atol=1e-7)
    np.testing.assert_allclose(whole.moments.covariance, np.cov(flat.T), atol=1e-7)
    assert record(run, rest(9), 5).rates is None


def test_a_run_of_another_seed_is_asked_for_by_number() -> None:
    run = untrained()
    own, same, other = (record(run, rest(9), 5, seed=seed).positions for seed in (None, 0, 1))
    assert (own == same).all()
    assert not (own == other).all()


def test_a_phase_begins_where_the_one_before_it_ends() -> None:
    """Without noise, and with inputs going on: three phases in a row are one."""
    run = untrained("rnn.sigma2_rec=0")
    rates = {steps: record(run, rest(steps, task_steps=20), 4, rates=4).rates for steps in (5, 15)}
    two = record(run, rest(5, task_steps=20, after=rest(5, after=rest(5))), 4, rates=4).rates
    np.testing.assert_array_equal(two, rates[15][:, 10:])
    assert not (rates[5] == two).all()


def test_a_shuffled_start_keeps_the_range_of_each_unit_and_not_its_pattern() -> None:
    state = torch.rand(50, 7, generator=torch.Generator().manual_seed(0))
    mixed = shuffled(state, torch.Generator().manual_seed(1))
    assert not torch.equal(mixed, state)
    assert torch.equal(mixed.sort(0).values, state.sort(0).values)


@pytest.mark.parametrize("dropped", [-1, 10])
def test_a_phase_without_a_step_to_record_is_refused(dropped: int) -> None:
    with pytest.raises(BadInput, match=r"^(phase quiescent|rest): dropped=-?\d+ must (be at least 0|leave at least 1 of)"):
        rest(10, dropped=dropped)


def test_inputs_of_too_few_steps_are_refused() -> None:
    with pytest.raises(BadInput, match="10 steps, not 30; for those of the task, give the recorded phase task_steps=30"):
        record(untrained(), rest(30, inputs=Own(), task_steps=10), 3)
    assert record(untrained(), rest(30, inputs=Own(), task_steps=None), 3).positions.shape == (3, 30, 2)


def test_waking_keeps_its_time_step_since_inputs_are_changes_per_step() -> None:
    with pytest.raises(BadInput, match=r"changes per Δt=0.02 s"):
        record(untrained(), waking(10), 3, dt=0.01)
    assert record(untrained(), waking(10), 3, dt=0.02).dt == 0.02


def test_a_step_of_another_length_goes_as_much_further() -> None:
    run = untrained("rnn.sigma2_rec=0")
    once, twice, four = (record(run, rest(1), 3, dt=dt, rates=3) for dt in (0.01, 0.02, 0.04))
    assert [one.dt for one in (once, twice, four)] == [0.01, 0.02, 0.04]
    np.testing.assert_allclose(four.rates - twice.rates, 2 * (twice.rates - once.rates), atol=1e-6)
    assert np.abs(twice.rates - once.rates).max() > 1e-3


def given(policy: Policy, steps: int = 9, dt: float = 0.02, batch: Batch | None = None) -> torch.Tensor:
    """The inputs (B, T, I) of a policy."""
    return rest(steps, inputs=policy).inputs_of(batch or batch_of(9), dt, torch.Generator().manual_seed(0))


def test_policies_scale_exchange_and_replay_what_the_task_drew() -> None:
    drawn = batch_of(9).inputs
    assert torch.equal(given(Own(0.5)), 0.5 * drawn)
    assert torch.equal(given(Another()), drawn[[2, 0, 1]])
    assert torch.equal(given(Replayed(drawn.numpy()), steps=5), drawn[:, :5])
    assert torch.equal(given(Replayed(drawn[1]), steps=5), drawn[1, :5].expand(3, 5, 2))
    for wrong in (drawn[:2], drawn[..., :1], drawn[:, :8]):
        with pytest.raises(BadInput, match=r"at least 9 steps of 2 are wanted, alike for all .* or for each of 3$"):
            given(Replayed(wrong))


def test_a_constant_velocity_goes_as_far_at_any_time_step() -> None:
    for steps, dt in ((50, 0.02), (100, 0.01)):
        moves = given(Constant((0.3, -0.1)), steps, dt)
        torch.testing.assert_close(moves.sum(-2), torch.tensor([0.3, -0.1]).expand(3, 2))
    with pytest.raises(BadInput, match=r"velocity=\[0.3\] must have one entry for each of 2 inputs"):
        given(Constant((0.3,)))


def integrator(sigma_in: float = 0.0) -> Run:
    """A network of two units without decay, whose rates are the sum of its inputs at its own Δt of 0.02 s."""
    network = Network.from_matrices(np.eye(2), 5 * np.eye(2), tau=0.1, activation="identity")  # τ/Δt = 5
    return dataclasses.replace(Run.of(network, Box(20, 20), dt=0.02), noise=Noise(0.0, sigma_in))


@pytest.mark.parametrize("dt", [0.02, 0.01, 0.005])
def test_a_network_goes_as_far_under_inputs_at_any_time_step(dt: float) -> None:
    """0.2 m in 0.5 s at 0.4 m/s, and under noise of the inputs a variance of σ_in² times the time."""
    steps = round(0.5 / dt)
    moved = record(integrator(), rest(steps, inputs=Constant((0.4, 0.0))), 2, dt=dt).positions[:, -1]
    np.testing.assert_allclose(moved, [[0.2, 0.0]] * 2, atol=1e-6)
    spread = record(integrator(0.3), rest(steps), 4000, dt=dt).positions[:, -1]
    assert spread.var(axis=0) == pytest.approx(0.3**2 * 0.5, rel=4 * math.sqrt(2 / 4000))


def test_a_time_step_that_is_too_long_for_a_phase_before_is_refused_before_anything_is_run() -> None:
    moved: list[int] = []
    run = dataclasses.replace(integrator(), dt=0.2)  # beyond τ
    with pytest.raises(BadInput, match=r"dt=0.2 s must not exceed τ=0.1 s"):
        record(run, rest(4, after=rest(4)), 2, dt=0.05, moved=moved.append)
    with pytest.raises(BadInput, match=r"must not exceed 0.009 s: Euler steps would overshoot"):
        record(integrator(), rest(4, after=rest(4), modify=[Adaptation(0.3, 0.009)]), 2, moved=moved.append)
    assert not moved


def test_inputs_to_replay_keep_the_time_step_and_another_trajectory_needs_another() -> None:
    with pytest.raises(BadInput, match=r"takes inputs to replay, which are changes per Δt=0.02 s: leave dt as it is"):
        record(integrator(), rest(4, inputs=Replayed(np.zeros((4, 2)))), 2, dt=0.01)
    with pytest.raises(BadInput, match=r"need 2 trajectories at least"):
        record(untrained(), rest(9, inputs=Another()), 1)
    network = Network.from_matrices(W_rec=np.zeros((2, 2)), W_in=np.eye(2), tau=0.1)
    alike = Run.of(network, Box(2, 2), dt=0.02, start=np.zeros((1, 2)), inputs=np.full((1, 9, 2), 0.01))
    with pytest.raises(BadInput, match=r"^inputs of another trajectory are its own, as all have the same"):
        record(alike, rest(9, inputs=Another(), task_steps=9), 3)


def test_a_query_is_moves_of_the_task_s_size_that_nobody_made() -> None:
    moves = torch.randn(400, 50, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([0.01, 0.04])
    batch = Batch(torch.zeros(400, 5), moves, moves, torch.clone)
    query = given(Query(0.5), 40, batch=batch).double()
    n = query[..., 0].numel()
    for part, size in zip(query.unbind(-1), (0.005, 0.02), strict=True):
        assert part.var() == pytest.approx(size**2, rel=4 * math.sqrt(2 / n + 2 / moves[..., 0].numel()))
        assert np.corrcoef(part[:, 1:].flatten(), part[:, :-1].flatten())[0, 1] == pytest.approx(0, abs=4 / math.sqrt(n))
    run = untrained()
    still, asked, waking_ = (record(run, rest(9, inputs=one, name="x"), 3).positions for one in (none, Query(), Own()))
    assert not (still == asked).all()
    assert not (asked == waking_).all()
    with pytest.raises(BadInput, match=r"changes per Δt=0.02 s"):
        record(run, rest(9, inputs=Query()), 3, dt=0.01)


def test_a_policy_may_be_any_function() -> None:
    def forwards(batch: Batch, steps: int, dt: float, input_stream: torch.Generator) -> torch.Tensor:
        return none(batch, steps, dt, input_stream) + torch.tensor([0.5, 0.0]) * dt

    run = untrained()
    function, value = (record(run, rest(9, inputs=one), 3).positions for one in (forwards, Constant((0.5, 0))))
    assert (function == value).all()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (lambda *_: None, "are a NoneType; a tensor \\(3, 9, 2\\)"),
        (lambda *_: np.zeros((3, 9, 2)), "are a ndarray"),
        (lambda *_: torch.zeros(3, 8, 2), "have 8 steps, not 9"),
        (lambda *_: torch.zeros(3, 9, 1), "have shape \\(3, 9, 1\\); \\(3, 9, 2\\)"),
        (lambda *_: torch.zeros(9), "have shape \\(9,\\)"),
    ],
)
def test_a_policy_that_returns_no_inputs_is_refused(policy: Policy, message: str) -> None:
    with pytest.raises(BadInput, match=f"^phase quiescent: its inputs {message}"):
        record(untrained(), rest(9, inputs=policy), 3)


def jitter_free_diffusion(recording: Recording, every: int, coarse: float) -> tuple[float, float]:
    """Diffusion coefficient and its standard error: jitter cancels between mean squared displacements at two lags."""
    positions, space, short, long = recording.positions[:, every - 1 :: every], recording.space, 25, 75
    near, far = (
        (space.distance(positions[:, lag:], positions[:, :-lag]) ** 2).mean(1) for lag in (short, long)
    )  # fmt: skip
    each = (far - near) / ((long - short) * coarse * 2 * space.dimensions)
    return float(each.mean()), float(each.std(ddof=1) / math.sqrt(len(each)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "spatial_navigation/noisy_unbiased_0.0001_0",
        "spatial_navigation/noisy_unbiased_gru_0.0001_0",
        "head_direction/noisy_unbiased_0.01_0",
    ],
)
def test_rest_at_half_and_quarter_of_the_time_step_is_the_same_rest(name: str) -> None:
    """σ stays: equal diffusion in equal seconds, σ²Δt of noise in a step, and off the manifold the variance of Euler steps.

    That is σ²τ/(2 − Δt/τ) where nothing drives a direction of the rates. In a GRU the gate z slows the leak of unit i:
    there τ/(1 − z_i) stands for τ, with z_i averaged over time, and a direction takes the mean over its units.
    """
    run, seconds, trajectories = load_run(RunFolder(PUBLISHED / name), CPU), 5.0, 100
    sigma, tau, coarse = noise_of(run.config).sigma, run.config.rnn.tau, run.config.task.dt
    cell, found = run.network.cell, {}
    for every in (1, 2, 4):
        dt = coarse / every
        phase = rest(round(seconds / dt), variance_gain=1, dropped=round(1 / dt))
        recording = record(run, phase, trajectories, dt=dt, rates=10)
        assert recording.dt == dt
        found[every] = jitter_free_diffusion(recording, every, coarse)

        rates = torch.as_tensor(recording.rates)
        with torch.no_grad():
            u = cell.project(torch.zeros(1, 1, run.task.n_inputs))[:, 0]
            drift = cell.drift(rates, u).double().numpy()
            gate = torch.sigmoid(cell.gates(rates)).chunk(2, -1)[0].double().numpy() if isinstance(cell, GRU) else 0.0
        r = rates.double().numpy()
        kicks = r[:, 1:] - r[:, :-1] - drift[:, :-1] * dt
        assert kicks.var() == pytest.approx(sigma**2 * dt, rel=4 * math.sqrt(2 / kicks.size))

        leak = (1 - np.broadcast_to(gate, r.shape)) / tau
        driven = (drift / leak + r).reshape(-1, r.shape[-1])  # φ(...), which r relaxes to
        least_driven = np.linalg.eigh(np.cov(driven.T))[1][:, :20]
        k = leak.reshape(driven.shape).mean(0)
        expected = (least_driven**2 * (sigma**2 / (2 * k - k**2 * dt))[:, None]).sum(0)
        ratio = (r.reshape(driven.shape) @ least_driven).var(0) / expected
        assert ratio.mean() == pytest.approx(1, abs=4 * ratio.std(ddof=1) / math.sqrt(len(ratio)))
    for every in (2, 4):
        (a, error), (b, other) = found[1], found[every]
        assert a == pytest.approx(b, abs=4 * math.hypot(error, other))
        assert math.hypot(error, other) < b / 2  # that the comparison could tell a doubled diffusion


def test_a_long_burn_in_takes_no_memory_of_its_own() -> None:
    def stop(steps: int) -> None:
        raise KeyboardInterrupt

    steps = 10**7
    tracemalloc.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            record(untrained(), rest(steps, dropped=steps - 1), 3, moved=stop)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < steps / 10, "less than a byte for each block of 10 steps"
