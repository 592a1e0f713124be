"""The loop over time against what is known exactly: Brownian motion, Ornstein–Uhlenbeck, Langevin (Eqs. 1, 2, 19).

Tolerances follow from the number of samples; four standard errors, or a p-value of 1e-4 at fixed seeds.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats
import torch
from torch import Tensor

from reactivation.machine.errors import BadInput
from reactivation.network.cells.base import Cell
from reactivation.network.dynamics import rollout
from reactivation.network.linear import Linear
from reactivation.network.network import Network, build_network
from reactivation.network.phases import Phase, rest
from reactivation.settings.declaring import CellSettings
from reactivation.settings.noise import NoiseDistribution
from reactivation.types import Batch, Noise

P_VALUE = 1e-4


class Field(Cell):
    """A vector field without input, for which the answer is known."""

    def __init__(self, field: Any) -> None:
        super().__init__()
        self.field = field

    def project(self, inputs: Tensor) -> Tensor:
        return inputs

    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        return self.field(state)


def field_network(field: Any, n: int = 1) -> Network:
    identity = Linear(n, n, torch.Generator())
    with torch.no_grad():
        identity.weight.copy_(torch.eye(n))
    return Network(identity, Field(field), identity).double()


def still(batch: int, steps: int) -> Tensor:
    return torch.zeros(batch, steps, 1, dtype=torch.float64)


def zeros(batch: int, n: int = 1) -> Tensor:
    return torch.zeros(batch, n, dtype=torch.float64)


@torch.no_grad()
def test_brownian_increments_are_gaussian_with_variance_sigma2_dt(generator: torch.Generator) -> None:
    sigma, dt = 0.7, 0.02
    rates = rollout(field_network(torch.zeros_like, 50), zeros(100, 50), still(100, 20), Noise(sigma), dt, generator).rates
    increments = (rates[:, 1:] - rates[:, :-1]).flatten().numpy()
    assert stats.kstest(increments, stats.norm(scale=sigma * math.sqrt(dt)).cdf).pvalue > P_VALUE
    assert abs(stats.pearsonr(increments[1:], increments[:-1]).statistic) < 4 / math.sqrt(len(increments))


@torch.no_grad()
@pytest.mark.parametrize(
    ("kind", "standard"), [("uniform", stats.uniform()), ("pushed", stats.norm(loc=1 / 2, scale=math.sqrt(1 / 12)))]
)
def test_uniform_noise_is_that_of_the_released_code_and_pushed_noise_its_gaussian(
    kind: NoiseDistribution, standard: Any, generator: torch.Generator
) -> None:
    sigma, dt = 0.7, 0.02
    noise = Noise(sigma, distribution=kind)
    rates = rollout(field_network(torch.zeros_like, 50), zeros(100, 50), still(100, 20), noise, dt, generator).rates
    increments = (rates[:, 1:] - rates[:, :-1]).flatten().numpy() / (sigma * math.sqrt(dt))
    assert stats.kstest(increments, standard.cdf).pvalue > P_VALUE


@torch.no_grad()
@pytest.mark.parametrize("dt", [0.02, 0.01])
def test_ornstein_uhlenbeck_variance_and_halving_dt(dt: float, generator: torch.Generator) -> None:
    """dr = −r/τ dt + σ dW has variance σ²τ/2; its Euler scheme, exactly σ²Δt / (1 − (1 − Δt/τ)²)."""
    tau, sigma, batch = 0.1, 0.5, 40_000
    network, inputs = field_network(lambda r: -r / tau), still(batch, int(1 / dt))
    trajectory = rollout(network, zeros(batch), inputs, Noise(sigma), dt, generator)
    variance = float(trajectory.state.var())
    exact = sigma**2 * dt / (1 - (1 - dt / tau) ** 2)
    assert variance == pytest.approx(exact, rel=4 * math.sqrt(2 / batch))
    assert exact == pytest.approx(sigma**2 * tau / 2, rel=dt / tau)


def quartic_score(r: Tensor) -> Tensor:
    """d/dr log p for p ∝ exp(−r⁴)."""
    return -4 * r**3


@torch.no_grad()
def test_resting_with_doubled_variance_samples_the_waking_density(generator: torch.Generator) -> None:
    """Eq. 19: drift σ² d/dr log p and noise √2 σ have p as their stationary law; undoubled noise has p² (half the heat)."""
    sigma, dt, batch, steps = 0.5, 0.005, 4_000, 4_000
    network = field_network(lambda r: sigma**2 * quartic_score(r))
    batch_of_zeros = Batch(zeros(batch), zeros(batch)[:, None], zeros(batch)[:, None], torch.clone)

    def end_of(phase: Phase) -> np.ndarray:
        inputs, noise = phase.inputs_of(batch_of_zeros, dt, generator), phase.noise_of(Noise(sigma), network.cell)
        return rollout(network, batch_of_zeros.start, inputs, noise, dt, generator).state[:, 0].numpy()

    grid = np.linspace(-4, 4, 8001)

    def law(power: int) -> tuple[np.ndarray, float]:
        density = np.exp(-power * grid**4)
        density /= np.trapezoid(density, grid)
        return integrate.cumulative_trapezoid(density, grid, initial=0), float(np.trapezoid(grid**2 * density, grid))

    moments = {}
    for power, gain in ((1, 2.0), (2, 1.0)):
        states, (cdf, moments[power]) = end_of(rest(steps, gain)), law(power)
        assert stats.kstest(states, lambda r, cdf=cdf: np.interp(r, grid, cdf)).pvalue > P_VALUE
        assert (states**2).mean() == pytest.approx(moments[power], abs=4 * (states**2).std() / math.sqrt(batch))
    assert moments[1] - moments[2] > 0.09  # many standard errors, so that either would fail against the other's law


def small_network(model: str = "vanilla") -> Network:
    return build_network(CellSettings(model=model, n_rec=7), 2, 5, torch.Generator().manual_seed(0)).double()


def small_batch(generator: torch.Generator, *leading: int) -> Batch:
    def draw(*shape: int) -> Tensor:
        return torch.randn(*leading, *shape, generator=generator, dtype=torch.float64)

    return Batch(draw(3, 5), draw(3, 9, 2), draw(3, 9, 2), torch.clone)


@pytest.mark.parametrize("plain", [True, False])
def test_what_fits_neither_the_network_nor_the_inputs_is_refused(plain: bool, generator: torch.Generator) -> None:
    network, batch = small_network(), small_batch(generator)
    state, inputs, injected = network.initial_state(batch.start), batch.inputs, torch.zeros(3, 9, 7).double()
    unfit = {
        "state": [state[..., :-1], state[:-1], state[0], state.float()],
        "inputs": [inputs[..., :-1], inputs[:, :0], inputs[0], inputs.float()],
        "injected": [injected[..., :-1], injected[:, :5], injected[:-1], injected[0], injected.float()],
    }
    for name, array in ((name, array) for name, arrays in unfit.items() for array in arrays):
        given = {"state": state, "inputs": inputs, "injected": injected} | {name: array}
        with pytest.raises(BadInput, match=f"{name} (has shape .* is wanted|is torch.float32 on cpu, the network)"):
            rollout(network, given["state"], given["inputs"], Noise(0.3), 0.02, injected=given["injected"], plain=plain)
    rollout(network, state, inputs, Noise(0.3), 0.02, injected=injected, plain=plain)
    with pytest.raises(BadInput, match="noise_stream"):
        rollout(network, state, inputs, Noise(0.3), 0.02, plain=plain)


@torch.no_grad()
def test_injected_noise_is_the_noise_that_would_be_drawn(generator: torch.Generator) -> None:
    network, batch, noise = small_network(), small_batch(generator), Noise(0.3)
    seeded = torch.Generator().manual_seed(5)
    start = network.initial_state(batch.start)
    drawn = rollout(network, start, batch.inputs, noise, 0.02, seeded)
    again = torch.Generator().manual_seed(5)
    standard = torch.stack([torch.randn(3, 7, generator=again, dtype=torch.float64) for _ in range(9)], dim=-2)
    injected = rollout(network, start, batch.inputs, noise, 0.02, injected=standard)
    assert torch.equal(drawn.outputs, injected.outputs)


@torch.no_grad()
@pytest.mark.parametrize("model", ["vanilla", "gru"])
def test_a_rollout_can_go_on_from_its_state(model: str, generator: torch.Generator) -> None:
    network, batch = small_network(model), small_batch(generator)
    noise, standard = Noise(0.3), torch.randn(3, 9, 7, generator=generator, dtype=torch.float64)
    start = network.initial_state(batch.start)
    whole = rollout(network, start, batch.inputs, noise, 0.02, injected=standard)
    first = rollout(network, start, batch.inputs[:, :4], noise, 0.02, injected=standard[:, :4])
    second = rollout(network, first.state, batch.inputs[:, 4:], noise, 0.02, injected=standard[:, 4:])
    assert torch.allclose(torch.cat((first.rates, second.rates), 1), whole.rates, atol=1e-14)


@torch.no_grad()
@pytest.mark.parametrize("model", ["vanilla", "gru"])
def test_stacked_networks_are_the_networks_alone(model: str, generator: torch.Generator) -> None:
    settings = CellSettings(model=model, n_rec=7)
    alone = [build_network(settings, 2, 5, torch.Generator().manual_seed(seed)).double() for seed in range(3)]
    stacked = small_network(model)
    states = [network.state_dict() for network in alone]
    for name, parameter in stacked.named_parameters():
        parameter.data = torch.stack([state[name] for state in states])
    batch, standard = small_batch(generator, 3), torch.randn(3, 3, 9, 7, generator=generator, dtype=torch.float64)
    noise = Noise(0.3)
    together = rollout(stacked, stacked.initial_state(batch.start), batch.inputs, noise, 0.02, injected=standard)
    for k, network in enumerate(alone):
        start = network.initial_state(batch.start[k])
        single = rollout(network, start, batch.inputs[k], noise, 0.02, injected=standard[k])
        assert torch.allclose(together.outputs[k], single.outputs, atol=1e-13)


@torch.no_grad()
def test_vanilla_rest_has_no_scale_of_its_own(generator: torch.Generator) -> None:
    """A start and noise that are c times larger give rates c times larger, as docs/claims.md says of doubled noise."""
    network = build_network(CellSettings(model="vanilla", n_rec=40), 2, 12, generator).double()
    state, injected = (torch.rand(8, *shape, 40, generator=generator, dtype=torch.float64) for shape in ((), (30,)))
    rests = {}
    for gain in (1.0, 2.0):
        inputs, noise = torch.zeros(8, 30, 2, dtype=torch.float64), Noise(0.5 * math.sqrt(gain))
        rests[gain] = rollout(network, math.sqrt(gain) * state, inputs, noise, 0.02, injected=injected)
    torch.testing.assert_close(rests[2.0].rates, math.sqrt(2) * rests[1.0].rates)
    assert (rests[2.0].outputs.argmax(-1) == rests[1.0].outputs.argmax(-1)).all()


@torch.no_grad()
def test_input_and_output_noise_have_their_stated_variance(generator: torch.Generator) -> None:
    batch, dt = 20_000, 0.02
    network = field_network(torch.zeros_like)
    outputs = rollout(network, zeros(batch), still(batch, 1), Noise(sigma_out=0.4), dt, generator).outputs
    assert float(outputs.var()) == pytest.approx(0.4**2 * dt, rel=4 * math.sqrt(2 / batch))

    class Passes(Field):
        def drift(self, state: Tensor, u: Tensor) -> Tensor:
            return u / dt

    network.cell = Passes(None)
    rates = rollout(network, zeros(batch), still(batch, 1), Noise(sigma_in=0.4), dt, generator).rates
    assert float(rates.var()) == pytest.approx(0.4**2 * dt, rel=4 * math.sqrt(2 / batch))


class Adapting(Cell):
    """Rates r with an adaptation a behind them: dr/dt = −(r + a)/τ, da/dt = (r − a)/τ_a; noise in r alone."""

    def project(self, inputs: Tensor) -> Tensor:
        return inputs

    def initial(self, rates: Tensor) -> Tensor:
        return torch.cat((rates, torch.zeros_like(rates)), -1)

    def rates(self, state: Tensor) -> Tensor:
        return state.chunk(2, -1)[0]

    def noise_on_state(self, noise: Tensor) -> Tensor:
        return torch.cat((noise, torch.zeros_like(noise)), -1)

    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        r, a = state.chunk(2, -1)
        return torch.cat((-(r + a) / 0.1, (r - a) / 1.0), -1)


@torch.no_grad()
def test_a_cell_may_carry_a_second_state_variable(generator: torch.Generator) -> None:
    network = field_network(torch.zeros_like, 4)
    network.cell = Adapting()
    state = network.initial_state(torch.ones(3, 4, dtype=torch.float64))
    trajectory = rollout(network, state, still(3, 2), Noise(0.5), 0.02, generator)
    assert trajectory.rates.shape == (3, 2, 4)
    assert trajectory.state.shape == (3, 8)
    expected = torch.full((3, 4), 0.02, dtype=torch.float64)  # after one step a = r(0) Δt/τ_a: no noise has reached it
    one = rollout(network, state, still(3, 1), Noise(0.5), 0.02, generator)
    assert torch.allclose(one.state[:, 4:], expected)
    assert one.state[:, :4].std() > 0
