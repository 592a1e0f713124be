"""Every fast loop against the plain one that defines it: same injected noise, same outputs, same gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor

from reactivation import registry
from reactivation.network import kernels
from reactivation.network.cells.vanilla import ACTIVATIONS, Vanilla
from reactivation.network.dynamics import rollout
from reactivation.network.kernels.ring import Ring, ring_of
from reactivation.network.network import Network, build_network
from reactivation.settings.declaring import CellSettings
from reactivation.training.metrics import mean_squared_error
from reactivation.training.objective import RingError
from reactivation.types import Batch, Noise
from reactivation.world.tasks import head_direction, spatial_navigation
from reactivation.world.tasks.base import Task

CELLS = registry.names("cells")
SIZES = {"B": 6, "T": 11, "I": 2, "N": 10, "O": 7}


def network(model: str, seed: int = 0, **settings: Any) -> Network:
    rnn = CellSettings(model=model, n_rec=SIZES["N"], **settings)
    return build_network(rnn, SIZES["I"], SIZES["O"], torch.Generator().manual_seed(seed))


def draw(generator: torch.Generator, dtype: torch.dtype, *leading: int) -> tuple[Batch, Tensor]:
    def normal(*axes: str) -> Tensor:
        return torch.randn(*leading, *(SIZES[a] for a in axes), generator=generator, dtype=torch.float64).to(dtype)

    standard = normal("B", "T", "N")
    return Batch(normal("B", "O"), normal("B", "T", "I"), normal("B", "T", "O"), torch.clone), standard


def run(net: Network, batch: Batch, standard: Tensor, plain: bool) -> list[Tensor]:
    """Outputs, rates, last state and all gradients."""
    net.zero_grad()
    start = batch.start.clone().requires_grad_()
    inputs = batch.inputs.clone().requires_grad_()
    trajectory = rollout(net, net.initial_state(start), inputs, Noise(0.4), 0.02, injected=standard, plain=plain)
    loss = ((trajectory.outputs - batch.targets) ** 2).mean((-3, -2, -1)).sum() + (trajectory.state**3).mean()
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
    gradients = [p.grad for p in net.parameters()] + [start.grad, inputs.grad]
    return [x.detach() for x in [*trajectory, *gradients] if x is not None]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("model", CELLS)
def test_fast_is_plain(
    model: str, activation: str, bias: bool, dtype: torch.dtype, tolerance: float, generator: torch.Generator
) -> None:
    net = network(model, activation_fn=activation, bias=bias).to(dtype)
    batch, standard = draw(generator, dtype)
    fast, plain = (run(net, batch, standard, plain=which) for which in (False, True))
    assert len(fast) == len(plain)
    for a, b in zip(fast, plain, strict=True):
        assert a.shape == b.shape
        assert torch.allclose(a, b, rtol=tolerance, atol=tolerance * float(b.abs().max()))


@pytest.mark.parametrize("model", CELLS)
def test_fast_is_plain_for_a_stack_of_networks(model: str, generator: torch.Generator) -> None:
    alone = [network(model, seed).double() for seed in range(3)]
    stacked = network(model).double()
    for name, parameter in stacked.named_parameters():
        parameter.data = torch.stack([net.state_dict()[name] for net in alone])
    batch, standard = draw(generator, torch.float64, 3)
    fast, plain = (run(stacked, batch, standard, plain=which) for which in (False, True))
    for a, b in zip(fast, plain, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12 * float(b.abs().max()))


@pytest.mark.parametrize("model", ["vanilla", "gru"])
def test_the_cells_of_the_paper_have_a_fast_loop(model: str) -> None:
    assert kernels.fast_loop(network(model).cell) is not None


def test_a_subclass_with_another_field_runs_through_the_plain_loop(generator: torch.Generator) -> None:
    class Leaky(Vanilla):
        def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
            return super().drift(state, u, **changes) - state

    net = network("vanilla")
    batch, standard = draw(generator, torch.float32)
    start, noise = net.initial_state(batch.start), Noise(0.4)
    before = rollout(net, start, batch.inputs, noise, 0.02, injected=standard).outputs
    net.cell.__class__ = Leaky
    after = rollout(net, start, batch.inputs, noise, 0.02, injected=standard).outputs
    assert kernels.fast_loop(net.cell) is None
    assert not torch.allclose(before, after)


def ring_task(**settings: Any) -> Task:
    return head_direction.build(head_direction.Settings(**settings), torch.Generator())


def test_the_loss_is_the_mean_of_squares_with_its_gradient(generator: torch.Generator) -> None:
    outputs, targets = torch.randn(2, 3, 4, 5, 6, generator=generator, dtype=torch.float64).requires_grad_()
    torch.testing.assert_close(mean_squared_error(outputs, targets), ((outputs - targets) ** 2).mean((-3, -2, -1)))
    assert torch.autograd.gradcheck(mean_squared_error, (outputs, targets))


def ring_of_task(task: Task) -> Ring:
    """The features of a task's tuning, which must have some."""
    ring = ring_of(task.tuning)
    assert ring is not None
    return ring


@pytest.mark.parametrize("norm", ["peak", "density"])
@pytest.mark.parametrize("endpoint", [False, True])
@pytest.mark.parametrize("leading", [(), (3,)])
def test_the_ring_loss_is_the_mean_squared_error(
    norm: str, endpoint: bool, leading: tuple[int, ...], generator: torch.Generator
) -> None:
    task = ring_task(hd_cells_num=160, hd_cells_norm=norm, hd_cells_endpoint=endpoint).double()
    ring = ring_of_task(task)
    rates = torch.randn(*leading, 6, 11, 10, generator=generator, dtype=torch.float64).requires_grad_()
    readout = torch.randn(*leading, 160, 10, generator=generator, dtype=torch.float64).requires_grad_()
    positions = task.space.from_unit(torch.rand(*leading, 6, 11, 1, generator=generator, dtype=torch.float64))
    outputs = (rates.flatten(-3, -2) @ readout.mT).reshape(*leading, 6, 11, 160)
    direct = mean_squared_error(outputs, task.encode(positions))
    fast = ring.loss(rates, readout, positions)
    # The angles are kept in single precision, so the two tunings differ by about 1e-7.
    assert torch.allclose(fast, direct, rtol=1e-6)
    expected = torch.autograd.grad(direct.sum(), (rates, readout))
    for a, b in zip(torch.autograd.grad(fast.sum(), (rates, readout)), expected, strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6 * float(b.abs().max()))


def test_a_stack_of_rings_keeps_each_networks_own_cells(generator: torch.Generator) -> None:
    tasks = [ring_task(hd_cells_num=160) for _ in range(2)]
    tasks[1].tuning.get_buffer("angles").add_(0.3)
    rings = [ring_of_task(task) for task in tasks]
    rates = torch.randn(2, 6, 11, 10, generator=generator)
    readout = torch.randn(2, 160, 10, generator=generator) / 10
    positions = torch.randn(2, 6, 11, 1, generator=generator)
    together = RingError(rings[0]).stacked([RingError(rings[1])]).ring.loss(rates, readout, positions)
    alone = torch.stack([ring.loss(*own) for ring, *own in zip(rings, rates, readout, positions, strict=True)])
    torch.testing.assert_close(together, alone)
    assert not torch.allclose(rings[0].loss(rates, readout, positions), alone, rtol=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_near_a_perfect_fit_the_ring_loss_is_right_to_a_few_roundings_of_the_targets(seed: int) -> None:
    """The three terms nearly cancel: rates are the features themselves, and the readout is off by one part in a thousand."""
    generator = torch.Generator().manual_seed(seed)
    ring = ring_of_task(ring_task(hd_cells_num=160))
    positions = torch.rand(50, 20, 1, generator=generator)
    rates = ring.features(positions).reshape(20, 50, -1).transpose(0, 1)
    readout = ring.cells.float() * (1 + 1e-3 * torch.randn(ring.cells.shape, generator=generator))
    targets = rates.double() @ ring.cells.mT
    direct = mean_squared_error(rates.double() @ readout.double().mT, targets)
    error = float(ring.loss(rates, readout, positions)) - float(direct)
    assert abs(error) < 8 * torch.finfo(torch.float32).eps * float(targets.square().mean())


def test_the_published_tuning_takes_29_features() -> None:
    ring = ring_of_task(ring_task())
    assert ring.cells.shape == (512, 29)
    positions = torch.linspace(-3.1, 3.1, 50, dtype=torch.float64).reshape(1, 50, 1)
    task = ring_task().double()
    assert torch.allclose(ring.features(positions) @ ring.cells.mT, task.encode(positions)[0], atol=2e-9)


def test_tunings_that_are_not_band_limited_enough_have_no_ring_loss() -> None:
    assert ring_of(ring_task(hd_cells_angular_spread=0.01).tuning) is None
    assert ring_of(ring_task(use_hd_cells=False).tuning) is None
    assert ring_of(spatial_navigation.build(spatial_navigation.Settings(), torch.Generator()).tuning) is None
