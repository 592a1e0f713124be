"""Every fast loop against the plain one that defines it: same injected noise, same outputs, same gradients."""

import pytest
import torch
from torch import Tensor

from reactivation import kernels, registry
from reactivation.cells.vanilla import ACTIVATIONS, Vanilla
from reactivation.dynamics import active, rollout
from reactivation.network import Network, build_network
from reactivation.settings import RNNSettings
from reactivation.types import Batch, Noise

CELLS = registry.names("cells")
SIZES = {"B": 6, "T": 11, "I": 2, "N": 10, "O": 7}


def network(model: str, seed: int = 0, **settings) -> Network:
    rnn = RNNSettings(model=model, n_rec=SIZES["N"], **settings)
    return build_network(rnn, SIZES["I"], SIZES["O"], torch.Generator().manual_seed(seed))


def draw(generator: torch.Generator, dtype: torch.dtype, *leading: int) -> tuple[Batch, Tensor]:
    def normal(*axes: str) -> Tensor:
        return torch.randn(*leading, *(SIZES[a] for a in axes), generator=generator, dtype=torch.float64).to(dtype)

    return Batch(normal("B", "O"), normal("B", "T", "I"), normal("B", "T", "O"), normal("B", "T", "I")), normal(
        "B", "T", "N"
    )


def run(net: Network, batch: Batch, standard: Tensor, plain: bool) -> list[Tensor]:
    """Outputs, rates, last state and all gradients."""
    net.zero_grad()
    start = batch.start.clone().requires_grad_()
    inputs = batch.inputs.clone().requires_grad_()
    drive = active(batch._replace(inputs=inputs), Noise(0.4))
    trajectory = rollout(net, net.initial_state(start), drive, 0.02, injected=standard, plain=plain)
    loss = ((trajectory.outputs - batch.targets) ** 2).mean((-3, -2, -1)).sum() + (trajectory.state**3).mean()
    loss.backward()
    gradients = [p.grad for p in net.parameters()] + [start.grad, inputs.grad]
    return [x.detach() for x in [*trajectory, *gradients] if x is not None]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("model", CELLS)
def test_fast_is_plain(model: str, activation: str, bias: bool, dtype, tolerance: float, generator) -> None:
    net = network(model, activation_fn=activation, bias=bias).to(dtype)
    batch, standard = draw(generator, dtype)
    fast, plain = (run(net, batch, standard, plain=which) for which in (False, True))
    assert len(fast) == len(plain)
    for a, b in zip(fast, plain, strict=True):
        assert a.shape == b.shape
        assert torch.allclose(a, b, rtol=tolerance, atol=tolerance * float(b.abs().max()))


@pytest.mark.parametrize("model", CELLS)
def test_fast_is_plain_for_a_stack_of_networks(model: str, generator) -> None:
    alone = [network(model, seed).double() for seed in range(3)]
    stacked = network(model).double()
    for name, parameter in stacked.named_parameters():
        parameter.data = torch.stack([net.state_dict()[name] for net in alone])
    batch, standard = draw(generator, torch.float64, 3)
    fast, plain = (run(stacked, batch, standard, plain=which) for which in (False, True))
    for a, b in zip(fast, plain, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12 * float(b.abs().max()))


@pytest.mark.parametrize("model", CELLS)
def test_the_cells_of_the_paper_have_a_fast_loop(model: str) -> None:
    if kernels.fast_loop(network(model).cell) is None:
        pytest.skip(f"{model} runs through the plain loop")
    assert kernels.fast_loop(network(model).cell) is not None


def test_a_subclass_with_another_field_runs_through_the_plain_loop(generator) -> None:
    class Leaky(Vanilla):
        def drift(self, state: Tensor, u: Tensor) -> Tensor:
            return super().drift(state, u) - state

    net = network("vanilla")
    batch, standard = draw(generator, torch.float32)
    drive = active(batch, Noise(0.4))
    before = rollout(net, net.initial_state(batch.start), drive, 0.02, injected=standard).outputs
    net.cell.__class__ = Leaky
    after = rollout(net, net.initial_state(batch.start), drive, 0.02, injected=standard).outputs
    assert kernels.fast_loop(net.cell) is None
    assert not torch.allclose(before, after)
