"""What each modifier does, against what is known: biases, recursions, stationary variances, differential equations."""

import math

import numpy as np
import pytest
from scipy.linalg import expm
from test_modifiers import DT, NOISE, N, changed, made, network, run
import torch

from reactivation.machine.errors import BadInput
from reactivation.network.cells.gru import GRU
from reactivation.network.cells.vanilla import Vanilla
from reactivation.network.dynamics import rollout
from reactivation.network.modified import Adapting
from reactivation.network.modifiers import (
    Adaptation,
    ColouredNoise,
    Drive,
    FixedAmplitude,
    Gain,
    Leak,
    Modifier,
    Momentum,
    modified,
)
from reactivation.network.network import Network
from reactivation.types import Noise


@pytest.mark.parametrize("model", ["vanilla", "gru"])
@pytest.mark.parametrize("off_diagonal", [False, True])
def test_gain_is_that_of_recurrent_weights_and_of_no_bias(model: str, off_diagonal: bool) -> None:
    net, other = (network(model, bias=True).double() for _ in range(2))
    assert isinstance(other.cell, Vanilla | GRU)
    maps = [other.cell.recurrent] if isinstance(other.cell, Vanilla) else [other.cell.gates, other.cell.candidate]
    for weight in (linear.weight.data for linear in maps):
        for block in torch.split(weight, N):
            own = block.diagonal().clone()
            block *= 0.7
            if off_diagonal:
                block.fill_diagonal_(0).add_(torch.diag(own))
    torch.testing.assert_close(run(changed(net, Gain(0.7, off_diagonal)))[0], run(other)[0])


def test_a_drive_is_a_bias_and_its_noise_has_the_strength_that_it_says() -> None:
    net, biased = network("vanilla", bias=True).double(), network("vanilla", bias=True).double()
    assert isinstance(biased.cell, Vanilla)
    assert biased.cell.recurrent.bias is not None
    biased.cell.recurrent.bias.data += 0.2
    torch.testing.assert_close(run(changed(net, Drive(0.2)))[0], run(biased)[0])

    for dt in (DT, DT / 2):  # Leak(0) of units alone: r is the integral of the current over τ
        one = changed(alone_units(), Leak(0.0), Drive(0.2, 0.3), dt=dt)
        steps, trajectories = 50, 2000
        inputs = torch.zeros(trajectories, steps, 2).double()
        with torch.no_grad():
            last = rollout(one, torch.zeros(trajectories, N).double(), inputs, Noise(), dt).rates[:, -1] * TAU
        n = last.numel()
        assert last.mean() == pytest.approx(0.2 * steps * dt, abs=4 * float(last.std()) / math.sqrt(n))
        assert last.var() == pytest.approx(0.3**2 * steps * dt, rel=4 * math.sqrt(2 / n))
        assert abs(np.corrcoef(last.numpy().T)[0, 1]) < 4 / math.sqrt(trajectories), "each unit has its own"


B_GAIN, TAU_A, TAU, DRIVE = 0.5, 0.3, 0.1, 0.7


def alone_units() -> Network:
    """Units that hear nothing but their input: dr/dt = (−r + u − a)/τ, linear."""
    net = network("vanilla", activation_fn="identity").double()
    assert isinstance(net.cell, Vanilla)
    with torch.no_grad():
        net.cell.recurrent.weight.zero_()
        net.cell.input.weight.fill_(1.0)
    return net


def response(*modify: Modifier, steps: int, dt: float = DT) -> np.ndarray:
    """(T) rates of one unit alone from 0, after a noise of 1 in the first step."""
    standard = torch.zeros(1, steps, N).double()
    standard[:, 0] = 1
    net, inputs = changed(alone_units(), *modify, dt=dt), torch.zeros(1, steps, 2).double()
    state = net.cell.initial(torch.zeros(1, N).double())
    with torch.no_grad():
        return rollout(net, state, inputs, Noise(1 / math.sqrt(dt)), dt, injected=standard).rates[0, :, 0].numpy()


@pytest.mark.parametrize("dt", [DT, DT / 2])
@pytest.mark.parametrize("modifier", [Momentum(friction=0.3), Momentum(tau=0.05), ColouredNoise(0.05)], ids=str)
def test_the_stationary_variance_of_a_linear_drift_is_known(modifier: Momentum | ColouredNoise, dt: float) -> None:
    """Drift −k r, noise variance 1 a step: the variance is that of a process of second order, Σ h² of its response h."""
    k = dt / TAU
    if isinstance(modifier, ColouredNoise):
        rho, p = math.exp(-dt / modifier.tau), 1 - k
        expected = (1 - rho) * (1 + p * rho) / ((1 - p * rho) * (1 - p**2) * (1 + rho))
    elif modifier.friction is not None:
        friction = modifier.friction
        expected = (2 - friction) / (friction * k * (2 * (2 - friction) - k))
    else:
        assert modifier.tau is not None
        a = math.exp(-dt / modifier.tau)
        expected = (1 + a) / (k * (2 * (1 + a) - (1 - a) * k))
    h = response(modifier, steps=800, dt=dt)
    assert (h**2).sum() == pytest.approx(expected, rel=1e-9)
    assert (h**2).sum() != pytest.approx(1 / (k * (2 - k)), rel=1e-3), "that of ordinary steps"

    n, noise = 6000, torch.Generator().manual_seed(0)
    net = changed(alone_units(), modifier, dt=dt)
    with torch.no_grad():
        start = net.cell.initial(torch.zeros(n // N, N).double())
        inputs = torch.zeros(n // N, 80, 2).double()
        last = rollout(net, start, inputs, Noise(0.3), dt, noise).rates[:, -1]
    assert last.var() == pytest.approx(0.3**2 * dt * expected, rel=4 * math.sqrt(2 / n))


@pytest.mark.parametrize(
    ("modifier", "kept"),
    [(Momentum(friction=0.3), 0.7), (Momentum(tau=0.05), math.exp(-0.4)), (ColouredNoise(0.05), math.exp(-0.4))],
    ids=str,
)
def test_without_drift_increments_keep_a_share_per_step(modifier: Modifier, kept: float) -> None:
    """Their autocorrelation is kept^lag; under a time constant or colour, a long time has the variance that it had."""
    h = response(Leak(0.0), modifier, steps=400)
    steps = np.diff(h, prepend=0)
    lags = np.arange(1, 20)
    autocorrelation = [(steps[lag:] * steps[:-lag]).sum() / (steps**2).sum() for lag in lags]
    np.testing.assert_allclose(autocorrelation, kept**lags, rtol=1e-9)
    assert h[-1] == pytest.approx(1 / 0.3 if isinstance(modifier, Momentum) and modifier.friction else 1, rel=1e-9)


def test_adaptation_of_linear_units_is_the_recursion_of_two_variables() -> None:
    a, b = DT / TAU, DT / TAU_A
    matrix, x, expected = np.array([[1 - a, -a], [b * B_GAIN, 1 - b]]), np.zeros(2), []
    for _ in range(400):
        x = matrix @ x + [a * DRIVE, 0]
        expected.append(x[0])
    found = driven_rates(Adaptation(B_GAIN, TAU_A), DT, 400 * DT)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[-1] == pytest.approx(DRIVE / (1 + B_GAIN), rel=1e-9), "the fixed point"
    assert found.max() > DRIVE / (1 + B_GAIN) * 1.05, "units fire before they tire"


def driven_rates(modifier: Modifier, dt: float, seconds: float) -> np.ndarray:
    """(T) rates of one unit alone from 0, under a constant drive and without noise."""
    net, steps = changed(alone_units(), modifier, Drive(DRIVE), dt=dt), round(seconds / dt)
    state = net.cell.initial(torch.zeros(1, N).double())
    with torch.no_grad():
        return rollout(net, state, torch.zeros(1, steps, 2).double(), Noise(), dt).rates[0, :, 0].numpy()


@pytest.mark.parametrize(
    ("modifier", "field", "force"),
    [
        (Leak(0.5), [[-0.5 / TAU]], [DRIVE / TAU]),
        (Adaptation(B_GAIN, TAU_A), [[-1 / TAU, -1 / TAU], [B_GAIN / TAU_A, -1 / TAU_A]], [DRIVE / TAU, 0]),
        (Momentum(tau=0.05), [[0, 1], [-1 / TAU / 0.05, -1 / 0.05]], [0, DRIVE / TAU / 0.05]),
    ],
    ids=str,
)
def test_time_steps_that_are_halved_converge_to_the_differential_equation(
    modifier: Modifier, field: np.ndarray, force: np.ndarray
) -> None:
    """Euler steps: half the step, half the error."""
    field, force, seconds = np.array(field), np.array(force), 0.2
    fixed_point = -np.linalg.solve(field, force)
    exact = (fixed_point - expm(field * seconds) @ fixed_point)[0]
    errors = [abs(driven_rates(modifier, 0.002 / halvings, seconds)[-1] - exact) for halvings in (1, 2, 4)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("modifier", "longest"),
    [(Leak(11), 0.1 / 11), (Adaptation(0.3, 0.009), 0.009), (Adaptation(39.0, 0.5), 0.015), (Adaptation(-3.0, 0.01), 0.01)],
    ids=str,
)
def test_steps_that_overshoot_a_decay_are_refused(modifier: Modifier, longest: float) -> None:
    """Rates grew without end, and positions, which ignore their scale, looked healthy."""
    net = network("vanilla")
    modified(net, [modifier], longest)
    with pytest.raises(BadInput, match=f"dt=0.02 s must not exceed {longest:g} s: Euler steps would overshoot the decay"):
        modified(net, [modifier], 0.02)


@pytest.mark.parametrize("eigenvalue", [0.0, -1.0, 1.0])
def test_oscillations_of_adaptation_grow_beyond_the_bound_that_its_manual_says(eigenvalue: float) -> None:
    """Of a unit by itself, that is `longest_step`; recurrent weights change it."""
    gain, unlike = 20.0, 1 - eigenvalue
    bound = (TAU + unlike * TAU_A) / (unlike + gain)
    if not eigenvalue:
        assert Adaptation(gain, TAU_A).longest_step(TAU) == pytest.approx(bound, rel=1e-12)
    net = alone_units()
    assert isinstance(net.cell, Vanilla)
    net.cell.recurrent.weight.data += eigenvalue * torch.eye(N)
    cell = Adapting(net.cell, N, gain, TAU_A)
    with torch.no_grad():
        field = cell.drift(torch.eye(2 * N).double(), torch.zeros(2 * N, N).double())
    for dt, grows in ((0.99 * bound, False), (1.01 * bound, True)):
        assert (torch.linalg.eigvals(torch.eye(2 * N) + field * dt).abs().max() > 1) == grows


def test_adaptation_of_a_gru_enters_the_candidate_alone() -> None:
    net = network("gru", activation_fn="tanh", bias=True).double()
    assert isinstance(net.cell, GRU)
    own, candidate = net.cell.gates, net.cell.candidate
    assert own.bias is not None
    assert candidate.bias is not None
    cell, generator = changed(net, Adaptation(B_GAIN, TAU_A)).cell, torch.Generator().manual_seed(0)
    r, a = (torch.rand(3, N, generator=generator, dtype=torch.float64) for _ in range(2))
    u = torch.rand(3, 3 * N, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        found = cell.drift(torch.cat((r, a), -1), u)
        gates = torch.sigmoid(r @ own.weight.mT + own.bias + u[:, : 2 * N])
        z, g = gates[:, :N], gates[:, N:]
        target = torch.tanh((g * r) @ candidate.weight.mT + candidate.bias + u[:, 2 * N :] - a)
    torch.testing.assert_close(found[:, :N], (1 - z) * (target - r) / 0.1)
    torch.testing.assert_close(found[:, N:], (B_GAIN * r - a) / TAU_A)


def test_a_fixed_amplitude_is_held_by_each_step() -> None:
    net = network("vanilla").double()
    rates = run(changed(net, FixedAmplitude(0.8), Adaptation(0.4, 0.5)))[0]
    torch.testing.assert_close(rates.norm(dim=-1), torch.full((4, 9), 0.8).double())
    _, inputs, standard = made(9, (), torch.float64)
    rates, u = run(changed(net, FixedAmplitude(0.8)))[0], net.cell.project(inputs)
    with torch.no_grad():
        free = rates[:, 3] + net.cell.drift(rates[:, 3], u[:, 4]) * DT + NOISE.sigma * math.sqrt(DT) * standard[:, 4]
    torch.testing.assert_close(rates[:, 4], 0.8 * free / free.norm(dim=-1, keepdim=True))
