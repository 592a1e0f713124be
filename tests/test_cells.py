"""Every registered cell: its gradients against finite differences, and its equation against a second writing of it."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from reactivation import registry
from reactivation.network.cells.base import Cell
from reactivation.network.cells.gru import GRU
from reactivation.network.cells.vanilla import Vanilla
from reactivation.network.dynamics import rollout
from reactivation.network.linear import Linear
from reactivation.network.network import Network, build_network
from reactivation.settings.declaring import CellSettings
from reactivation.types import Noise

CELLS = registry.names("cells")


def network(model: str, **settings: Any) -> Network:
    own = registry.load("cells", model).Settings(model=model, n_rec=4, **settings)
    return build_network(own, 2, 3, torch.Generator().manual_seed(2)).double()


C = TypeVar("C", bound=Cell)


def cell_of(kind: type[C], **settings: Any) -> C:
    cell = network(kind.__name__.lower(), **settings).cell
    assert isinstance(cell, kind)
    return cell


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("model", CELLS)
def test_gradients_through_a_rollout(model: str, activation: str, bias: bool, generator: torch.Generator) -> None:
    """At this seed no ReLU comes near its kink; gradcheck would say so."""
    net = network(model, activation_fn=activation, bias=bias)
    start = torch.rand(2, 3, generator=generator, dtype=torch.float64)
    inputs = torch.randn(2, 5, 2, generator=generator, dtype=torch.float64)
    noise = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    names, parameters = zip(*net.named_parameters(), strict=True)

    def outputs(*values: torch.Tensor) -> torch.Tensor:
        def run() -> torch.Tensor:
            return rollout(net, net.initial_state(start), inputs, Noise(0.3), 0.02, injected=noise).outputs

        return torch.func.functional_call(Runs(net, run), dict(zip((f"net.{n}" for n in names), values, strict=True)), ())

    assert torch.autograd.gradcheck(outputs, parameters)


class Runs(torch.nn.Module):
    """Calls `run` with the parameters of `net` replaced."""

    def __init__(self, net: Network, run: Callable[[], torch.Tensor]):
        super().__init__()
        self.net, self.run = net, run

    def forward(self) -> torch.Tensor:
        return self.run()


@pytest.mark.parametrize("model", CELLS)
def test_state_and_rates_have_the_shapes_of_the_contract(model: str, generator: torch.Generator) -> None:
    net = network(model)
    state = net.initial_state(torch.rand(6, 3, generator=generator, dtype=torch.float64))
    u = net.cell.project(torch.zeros(6, 5, 2, dtype=torch.float64))
    assert net.cell.rates(state).shape == (6, 4)
    assert net.cell.drift(state, u[:, 0]).shape == state.shape
    assert net.cell.rest_variance_gain > 0


def test_weights_start_as_pytorchs_linear_maps_do() -> None:
    net = build_network(CellSettings(n_rec=400), 2, 300, torch.Generator().manual_seed(0))
    assert isinstance(net.cell, Vanilla)
    assert isinstance(net.encoder, Linear)
    for linear, fan_in in ((net.cell.recurrent, 400), (net.cell.input, 2), (net.encoder, 300), (net.decoder, 400)):
        weight = linear.weight.detach()
        assert float(weight.abs().max()) <= fan_in**-0.5
        assert float(weight.var()) == pytest.approx(1 / (3 * fan_in), rel=0.1)
        assert linear.bias is None


def test_vanilla_is_equation_a1(generator: torch.Generator) -> None:
    cell = cell_of(Vanilla)
    r, s = np.random.default_rng(0).normal(size=4), np.array([0.3, -0.2])
    w_rec, w_in = (x.weight.detach().numpy() for x in (cell.recurrent, cell.input))
    expected = (-r + np.maximum(0, w_rec @ r + w_in @ s)) / 0.1
    u = cell.project(torch.tensor(s).reshape(1, 1, 2))[:, 0]
    assert np.allclose(cell.drift(torch.tensor(r)[None], u).detach().numpy()[0], expected, atol=1e-14)


def test_gru_is_equations_a3_to_a5(generator: torch.Generator) -> None:
    cell = cell_of(GRU, activation_fn="tanh")
    r, s = np.random.default_rng(0).normal(size=4), np.array([0.3, -0.2])
    gates, candidate, inputs = (x.weight.detach().numpy() for x in (cell.gates, cell.candidate, cell.input))

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    z = sigmoid(gates[:4] @ r + inputs[:4] @ s)
    g = sigmoid(gates[4:] @ r + inputs[4:8] @ s)
    expected = (1 - z) * (np.tanh(candidate @ (g * r) + inputs[8:] @ s) - r) / 0.1
    u = cell.project(torch.tensor(s).reshape(1, 1, 2))[:, 0]
    assert np.allclose(cell.drift(torch.tensor(r)[None], u).detach().numpy()[0], expected, atol=1e-14)


def test_the_places_of_a_vanilla_cell_are_terms_of_equation_a1(generator: torch.Generator) -> None:
    cell = cell_of(Vanilla, bias=True)
    r, u, a = (torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(3))
    weight, bias = cell.recurrent.weight, cell.recurrent.bias
    assert bias is not None
    expected = (torch.relu(0.7 * r @ weight.mT + bias + u - a) - 0.2 * r) / 0.1
    torch.testing.assert_close(cell.drift(r, u, inhibition=a, leak=0.2, gain=0.7), expected)
    assert cell.places() == {"inhibition", "leak", "gain", "self_gain"}


def test_the_places_of_a_gru_are_terms_of_equations_a3_to_a5(generator: torch.Generator) -> None:
    cell = cell_of(GRU, activation_fn="tanh", bias=True)
    r, a = (torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    u, gates, candidate = torch.randn(3, 12, generator=generator, dtype=torch.float64), cell.gates, cell.candidate
    assert gates.bias is not None
    assert candidate.bias is not None
    z, g = torch.sigmoid(0.7 * r @ gates.weight.mT + gates.bias + u[:, :8]).chunk(2, -1)
    inner = torch.tanh(0.7 * (g * r) @ candidate.weight.mT + candidate.bias + u[:, 8:] - a)
    torch.testing.assert_close(cell.drift(r, u, inhibition=a, leak=0.2, gain=0.7), (1 - z) * (inner - 0.2 * r) / 0.1)
    assert cell.places() == {"inhibition", "leak", "gain", "self_gain"}
