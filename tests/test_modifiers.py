"""Every modifier on every registered cell: neutral ones change nothing, and what the others do is known."""

from functools import cache
from itertools import product
import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm
from test_phases import untrained
import torch
from torch import Tensor

from reactivation import registry
from reactivation.analysis.measures.kl import Settings
from reactivation.analysis.recordings import record
from reactivation.analysis.request import request
from reactivation.analysis.result_files import declared, result_file
from reactivation.machine.errors import BadInput
from reactivation.network.cells.base import Cell
from reactivation.network.cells.gru import GRU
from reactivation.network.cells.vanilla import Vanilla
from reactivation.network.dynamics import rollout
from reactivation.network.inputs import Constant, Own, Policy, Query
from reactivation.network.kernels import fast_loop
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
from reactivation.network.network import Network, build_network
from reactivation.network.phases import rest, waking
from reactivation.settings.layers import describe, resolve_analysis
from reactivation.settings.reading import parse_arguments
from reactivation.types import Noise

CELLS = registry.names("cells")
ACTING = (
    Gain(0.7),
    Gain(0.7, off_diagonal=True),
    Leak(0.3),
    Drive(mean=0.2),
    Drive(mean=0.2, sigma=0.1),
    Adaptation(gain=0.4, tau=0.5),
    Momentum(friction=0.4),
    Momentum(tau=0.1),
    ColouredNoise(tau=0.1),
    FixedAmplitude(norm=0.8),
)
NEUTRAL = (
    Gain(1),
    Gain(1, off_diagonal=True),
    Leak(1),
    Drive(),
    Adaptation(gain=0, tau=0.5),
    Momentum(friction=1),
    Momentum(tau=0),
    ColouredNoise(tau=0),
)
OFF = tuple(kind() for kind in Modifier.__subclasses__())  # as an analysis has them whose command line says nothing
EVERY = pytest.mark.parametrize("acting", ACTING, ids=str)
ON_EVERY_CELL = pytest.mark.parametrize("model", CELLS)
N, NOISE, DT = 6, Noise(0.3), 0.02


def network(model: str, seed: int = 0, **settings: Any) -> Network:
    own = registry.load("cells", model).Settings(model=model, n_rec=N, **settings)
    return build_network(own, 2, 5, torch.Generator().manual_seed(seed))


def stack(model: str) -> Network:
    alone = [network(model, seed).state_dict() for seed in range(3)]
    stacked = network(model)
    for name, parameter in stacked.named_parameters():
        parameter.data = torch.stack([state[name] for state in alone])
    return stacked


def offers(net: Network, modifier: Modifier) -> bool:
    return set(modifier.places) <= net.cell.places()


def made(steps: int, leading: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Start, inputs and standard noise, always the same."""
    generator = torch.Generator().manual_seed(3)
    shapes = (5,), (steps, 2), (steps, N)
    return tuple(torch.randn(*leading, 4, *s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes)


def run(net: Network, leading: tuple[int, ...] = (), steps: int = 9, factor: float = 1.0) -> tuple[Tensor, Tensor]:
    """Rates and outputs under fixed inputs and noise; or without inputs, from a start and noise so many times as large."""
    start, inputs, standard = made(steps, leading, net.decoder.weight.dtype)
    state = net.cell.initial(net.encoder(start) * factor)
    inputs, standard = (inputs, standard) if factor == 1 else (inputs * 0, standard * factor)
    with torch.no_grad():
        trajectory = rollout(net, state, inputs, NOISE, DT, injected=standard, plain=True)
    return trajectory.rates, trajectory.outputs


def changed(net: Network, *several: Modifier, dt: float = DT) -> Network:
    """The network with modifiers applied in their order, neutral or not."""
    streams = tuple(torch.Generator().manual_seed(seed) for seed in range(3))
    drive_stream = streams if net.decoder.weight.dim() == 3 else streams[0]
    cell = net.cell
    for modifier in sorted(several, key=lambda modifier: modifier.order):
        cell = modifier(cell, N, dt, drive_stream)
    return Network(net.encoder, cell, net.decoder)


def test_every_modifier_is_tested() -> None:
    assert {type(modifier) for modifier in ACTING} == set(Modifier.__subclasses__())
    assert {type(modifier) for modifier in NEUTRAL} == set(Modifier.__subclasses__()) - {FixedAmplitude}
    assert all(modifier.neutral for modifier in (*NEUTRAL, *OFF))
    assert not any(modifier.neutral for modifier in ACTING)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("leading", [(), (3,)])
@ON_EVERY_CELL
def test_neutral_modifiers_that_are_run_are_the_plain_loop_bit_for_bit(
    model: str, leading: tuple[int, ...], dtype: torch.dtype
) -> None:
    net = (stack(model) if leading else network(model)).to(dtype)
    expected = run(net, leading)
    for neutral in NEUTRAL:
        if offers(net, neutral):
            assert all(map(torch.equal, expected, run(changed(net, neutral), leading))), neutral
    for acting in ACTING:
        if offers(net, acting):
            found = run(changed(net, acting), leading)
            assert found[0].shape == expected[0].shape
            assert found[0].isfinite().all()
            assert not torch.allclose(found[0], expected[0], rtol=1e-3), acting


@ON_EVERY_CELL
def test_a_neutral_modifier_changes_no_other(model: str) -> None:
    """Every pair once: one that acts, with and without another that is run and does nothing."""
    net = network(model)
    for neutral, acting in product(NEUTRAL, ACTING):
        if (type(neutral), type(acting)) in {(Momentum, FixedAmplitude), (Gain, Gain), (Leak, Leak)}:
            continue  # refused
        if offers(net, neutral) and offers(net, acting):
            alone, both = run(changed(net, acting))[0], run(changed(net, neutral, acting))[0]
            assert torch.equal(alone, both), (neutral, acting)


@ON_EVERY_CELL
def test_neutral_modifiers_are_dropped_and_leave_the_fast_loop(model: str) -> None:
    net = network(model)
    assert modified(net, (*NEUTRAL, *OFF), DT) is net
    for acting in filter(lambda modifier: offers(net, modifier), ACTING):
        one = modified(net, [*NEUTRAL, acting], DT, torch.Generator())
        assert one.cell.inner is net.cell
        assert fast_loop(one.cell) is None


@ON_EVERY_CELL
@EVERY
def test_a_modifier_edits_no_weight_and_keeps_what_rest_does_to_the_noise(acting: Modifier, model: str) -> None:
    net = network(model)
    if not offers(net, acting):
        pytest.skip(f"{model} has no {acting.places}")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    one = changed(net, acting)
    run(one)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert {id(parameter) for parameter in one.parameters()} == {id(parameter) for parameter in net.parameters()}
    assert one.cell.rest_variance_gain == net.cell.rest_variance_gain


class Closed(Cell):
    """A cell without places."""

    def __init__(self, inner: Cell):
        super().__init__()
        self.inner = inner

    def project(self, inputs: Tensor) -> Tensor:
        return self.inner.project(inputs)

    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        return self.inner.drift(state, u)


class Currents(Closed):
    """A cell whose state are currents, and whose rates are a function of them."""

    def rates(self, state: Tensor) -> Tensor:
        return torch.relu(state)


@EVERY
def test_a_cell_without_the_place_refuses_in_one_line(acting: Modifier) -> None:
    net = network("vanilla")
    net.cell = Closed(net.cell)
    if not acting.places:
        assert run(modified(net, [acting], DT))[0].isfinite().all(), "what needs no place goes with every cell"
        return
    needs = rf"^{type(acting).__name__}\(.*\) needs a cell whose drift takes \w+( and \w+)?; Closed takes none$"
    with pytest.raises(BadInput, match=needs):
        modified(net, [acting], DT)


def test_momentum_of_rates_that_are_no_state_is_refused() -> None:
    net = network("vanilla")
    net.cell = Currents(net.cell)
    with pytest.raises(
        BadInput, match=r"^momentum needs a cell whose rates are what its noise is added to; Currents is none$"
    ):
        modified(net, [Momentum(friction=0.5)], DT)


NEARLY = (
    Gain(1 + 1e-5),
    Leak(1 - 1e-4),
    Drive(mean=1e-6, sigma=1e-6),
    Adaptation(1e-6, 0.5),
    Momentum(friction=1 - 1e-5),
    Momentum(tau=0.0017),
    ColouredNoise(tau=0.0017),
)


@pytest.mark.parametrize("modifier", NEARLY, ids=str)
def test_a_modifier_changes_no_random_stream(modifier: Modifier) -> None:
    """Nearly neutral, it gives nearly the same recording; another stream would give another."""
    one = untrained()
    plain, near = (record(one, rest(9, modify=modify), 4, rates=4).rates for modify in ((), (modifier,)))
    np.testing.assert_allclose(plain, near, atol=2e-5)
    assert not (plain == near).all()


@EVERY
def test_a_modified_phase_hands_on_the_state_of_the_cell(acting: Modifier) -> None:
    """Rest goes on from a modified waking, whose further variable is left behind."""
    one = untrained("rnn.sigma2_rec=0")
    after = waking(9, modify=[acting])
    last = record(one, rest(9, inputs=Own(), task_steps=9, modify=[acting], name="active"), 4, rates=4).rates[:, -1]
    on = record(one, rest(1, after=after, task_steps=9, name="active"), 4, rates=4).rates
    with torch.no_grad():
        u = one.network.cell.project(torch.zeros(1, 1, 2))[:, 0]
        expected = torch.as_tensor(last) + one.network.cell.drift(torch.as_tensor(last), u) * DT
    np.testing.assert_allclose(on[:, 0], expected, atol=1e-6)


@EVERY
def test_a_rest_in_blocks_is_one_rest(acting: Modifier) -> None:
    """What a modifier keeps goes on from block to block: velocity, coloured noise, adaptation, the draws of a drive."""
    net, (start, inputs, _) = network("vanilla"), made(25, (), torch.float32)
    found = []
    for sizes in ([25], [10, 10, 5]):
        one, noise_stream, rates = changed(net, acting), torch.Generator().manual_seed(1), []
        state = one.initial_state(start)
        with torch.no_grad():
            for block in torch.split(inputs, sizes, dim=-2):
                trajectory = rollout(one, state, block, NOISE, DT, noise_stream)
                rates.append(trajectory.rates)
                state = trajectory.state
        found.append(torch.cat(rates, dim=-2))
    torch.testing.assert_close(*found)


@EVERY
def test_scale_symmetry_is_kept_but_by_drive_and_fixed_amplitude(acting: Modifier) -> None:
    """Bias-free ReLU: twice the start and 4 times the noise variance give twice the rates, bit for bit."""
    one = changed(network("vanilla"), acting)
    kept = torch.equal(run(one, factor=4.0)[0], 2 * run(one, factor=2.0)[0])
    assert kept == (not isinstance(acting, Drive | FixedAmplitude))


@ON_EVERY_CELL
def test_modifiers_compose_in_one_order_whatever_order_they_are_given_in(model: str) -> None:
    net = network(model)
    known = (Gain(0.7), Leak(0.3), Drive(0.2, 0.1), Adaptation(0.4, 0.5), Momentum(friction=0.4), ColouredNoise(0.1))
    every = tuple(modifier for modifier in known if offers(net, modifier))
    one, other = (run(modified(net, order, DT, torch.Generator().manual_seed(0)))[0] for order in (every, every[::-1]))
    assert torch.equal(one, other)


def test_colour_and_momentum_are_those_of_the_ordinary_step_of_the_changed_cell() -> None:
    """The order, written out: F is that of the changed drift, n' = ρ n + (1 − ρ) w, and r' = r + F Δt + n' + (1 − λ) v."""
    net, steps = network("vanilla").double(), 9
    within = [Gain(0.7), Leak(0.3), Drive(0.2), Adaptation(0.4, 0.5)]
    cell, rho = changed(net, *within).cell, math.exp(-DT / 0.1)
    start, inputs, standard = made(steps, (), torch.float64)
    u, state = cell.project(inputs), cell.initial(net.encoder(start))
    n, v = torch.zeros(4, N).double(), torch.zeros(4, N).double()
    with torch.no_grad():
        for t in range(steps):
            n = rho * n + (1 - rho) * NOISE.sigma * math.sqrt(DT) * standard[:, t]
            after = state + cell.drift(state, u[:, t]) * DT
            after[:, :N] += n + 0.6 * v
            v, state = (after - state)[:, :N], after
    found = run(modified(net, [Momentum(friction=0.4), ColouredNoise(0.1), *within], DT))[0]
    torch.testing.assert_close(found[:, -1], state[:, :N])


def test_two_adaptations_add_up_and_two_gains_or_momenta_are_refused() -> None:
    net = network("vanilla").double()
    twice = run(changed(net, Adaptation(0.2, 0.5), Adaptation(0.3, 0.5)))[0]
    torch.testing.assert_close(twice, run(changed(net, Adaptation(0.5, 0.5)))[0])
    with pytest.raises(BadInput, match=r"^gain of a cell can be changed once"):
        modified(net, [Gain(0.5), Gain(0.7)], DT)
    for other in (Momentum(friction=0.5), Momentum(tau=0.1)):
        with pytest.raises(BadInput, match=r"^momentum can be given once"):
            modified(net, [Momentum(friction=0.2), ColouredNoise(0.1), other], DT)


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


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        (Adaptation, {"gain": math.nan, "tau": 1}, "gain=nan must be finite"),
        (Adaptation, {"gain": 1, "tau": 0}, "tau=0 must be greater than 0"),
        (Adaptation, {"gain": 1, "tau": math.inf}, "tau=inf must be finite"),
        (Adaptation, {"tau": 1}, "tau=1 needs gain"),
        (Adaptation, {"gain": 1}, "gain=1 needs tau"),
        (Momentum, {"friction": 0.2, "tau": 0.1}, "friction and tau are two dynamics"),
        (Momentum, {"friction": 1.5}, "friction=1.5 must be at most 1"),
        (Gain, {"off_diagonal": True}, "off_diagonal=True needs factor"),
        (Leak, {"factor": "x"}, "factor=x must be of type float"),
    ],
)
def test_values_that_make_no_sense_are_refused_in_one_line(
    kind: type[Modifier], values: dict[str, float], reason: str
) -> None:
    with pytest.raises(BadInput, match=rf"^{kind.__name__}.*: {reason}[^\n]*$"):
        kind(**values)


@cache
def asked(words: str = "") -> Settings:
    settings: Settings = resolve_analysis("kl", Settings, parse_arguments([*words.split(), "runs=[noisy_unbiased]"]))
    request("kl", settings)
    return settings


@pytest.mark.parametrize(
    ("words", "name", "modifiers", "policy"),
    [
        ("adaptation.gain=0.4 adaptation.tau=0.5", "adaptation.gain=0.4_adaptation.tau=0.5", (ACTING[5],), None),
        ("leak.factor=0.3 gain.factor=0.7 gain.off_diagonal=true", None, (ACTING[1], ACTING[2]), None),
        (
            "colour.tau=0.1 momentum.friction=0.4 tag=x",
            "momentum.friction=0.4_colour.tau=0.1_x",
            (ACTING[6], ACTING[8]),
            None,
        ),
        ("drive.mean=0.2 drive.sigma=0.1 out=y", "drive.mean=0.2_drive.sigma=0.1_y", (ACTING[4],), None),
        ("momentum.tau=0.1 amplitude.norm=0.8", None, (ACTING[7], ACTING[9]), None),
        ("inputs=query input_scale=0.5", "inputs=query_input_scale=0.5", (), Query(0.5)),
        ("inputs=constant input_velocity=[0.1,0]", "inputs=constant_input_velocity=0.1,0.0", (), Constant((0.1, 0))),
        ("inputs=task", "inputs=task", (), Own()),
        ("adaptation.gain=0 adaptation.tau=0.16 leak.factor=1 momentum.friction=1 drive.mean=0 inputs=none", "", (), None),
    ],
)
def test_rest_is_changed_on_the_command_line(
    words: str, name: str | None, modifiers: tuple[Modifier, ...], policy: Policy | None
) -> None:
    settings = asked(words)
    waking_, resting = declared("kl").phases(settings)
    assert waking_.modify == ()
    assert set(resting.modify) == set(modifiers)
    assert resting.inputs == (policy or rest().inputs)
    assert (settings == asked()) == (name == ""), "what changes nothing is not told apart"
    if name is not None:
        expected = "_".join(["kl", "0.0001", "0", *([name] if name else [])])
        assert result_file("kl", settings).stem == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("momentum.friction=0.2 momentum.tau=0.1", "friction and tau are two dynamics; give one of them"),
        ("adaptation.tau=0.16", "Adaptation: tau=0.16 needs gain"),
        ("adaptation.gain=0.16", "Adaptation: gain=0.16 needs tau"),
        ("gain.off_diagonal=true", "Gain: off_diagonal=True needs factor"),
        ("momentum.friction=2", "command line: momentum.friction=2 must be at most 1"),
        ("momentum.frction=0.2", "unknown key momentum.frction; did you mean momentum.friction?"),
        ("momentum=0.2", "momentum=0.2 is a group of keys; set one of momentum.{...}"),
        ("input_scale=2", "input_scale=2 needs inputs=task, another, query, not inputs=none"),
        ("inputs=constant", "inputs=constant and input_velocity=[...] need each other"),
        ("input_velocity=[1]", "inputs=constant and input_velocity=[...] need each other"),
    ],
)
def test_keys_that_contradict_each_other_are_refused_in_one_line(words: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        asked(words)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_help_shows_what_a_modifier_declares() -> None:
    (line,) = [line for line in describe(asked()) if "adaptation.tau" in line]
    assert line.split(maxsplit=5)[1:] == ["float", "or", "null", "null", "time constant τ_a of adaptation [s]"]
