"""Every modifier on every registered cell: neutral ones change nothing, and the others have their known effects."""

from itertools import product
import math
from typing import Any

from factories import untrained
import numpy as np
import pytest
import torch
from torch import Tensor

from reactivation import registry
from reactivation.analysis.recordings import record
from reactivation.machine.errors import BadInput
from reactivation.network.cells.base import Cell
from reactivation.network.dynamics import rollout
from reactivation.network.inputs import Own
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
    """Every pair once: a modifier that acts, with and without another that is applied but neutral."""
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
    assert (one.n_inputs, one.n_outputs, one.n_units) == (net.n_inputs, net.n_outputs, net.n_units)


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
    """Rest continues from a modified waking without the modifier's additional variable."""
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
    """The state of a modifier continues from block to block: velocity, coloured noise, adaptation, the draws of a drive."""
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
