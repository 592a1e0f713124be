"""Every modifier on every registered cell: neutral ones change nothing, and what the others do is known."""

from dataclasses import dataclass
import math

import numpy as np
import pytest
from scipy.linalg import expm
from test_phases import untrained
import torch
from torch import Tensor

from reactivation import registry
from reactivation.analysis.recordings import record
from reactivation.machine.errors import BadInput
from reactivation.network import modifiers
from reactivation.network.cells.base import Cell
from reactivation.network.cells.vanilla import Vanilla
from reactivation.network.dynamics import rollout
from reactivation.network.kernels import fast_loop
from reactivation.network.modifiers import Adaptation, Modified, Modifier, modified
from reactivation.network.network import Network, build_network
from reactivation.network.phases import rest, waking
from reactivation.types import Noise

CELLS = registry.names("cells")
NEUTRAL_AND_NOT: dict[type[Modifier], tuple[Modifier, Modifier]] = {
    Adaptation: (Adaptation(gain=0.0, tau=0.5), Adaptation(gain=0.4, tau=0.5)),
}
EVERY = pytest.mark.parametrize("kind", NEUTRAL_AND_NOT)
ON_EVERY_CELL = pytest.mark.parametrize("model", CELLS)
N, NOISE, DT = 6, Noise(0.3), 0.02


def network(model: str, seed: int = 0, **settings) -> Network:
    own = registry.load("cells", model).Settings(model=model, n_rec=N, **settings)
    return build_network(own, 2, 5, torch.Generator().manual_seed(seed))


def stack(model: str) -> Network:
    alone = [network(model, seed).state_dict() for seed in range(3)]
    stacked = network(model)
    for name, parameter in stacked.named_parameters():
        parameter.data = torch.stack([state[name] for state in alone])
    return stacked


def offers(net: Network, modifier: Modifier) -> bool:
    return modifier.place in net.cell.places()


def run(net: Network, leading: tuple[int, ...] = (), plain: bool = True, steps: int = 9) -> tuple[Tensor, Tensor]:
    """Rates and outputs under fixed inputs and noise."""
    generator, dtype = torch.Generator().manual_seed(3), net.decoder.weight.dtype

    def draw(*shape: int) -> Tensor:
        return torch.randn(*leading, 4, *shape, generator=generator, dtype=torch.float64).to(dtype)

    start, inputs, standard = draw(5), draw(steps, 2), draw(steps, N)
    with torch.no_grad():
        trajectory = rollout(net, net.initial_state(start), inputs, NOISE, DT, injected=standard, plain=plain)
    return trajectory.rates, trajectory.outputs


def wrapped(net: Network, modifier: Modifier) -> Network:
    """The network with a modifier applied, neutral or not."""
    return Network(net.encoder, modifier(net.cell, N), net.decoder)


def test_every_modifier_is_tested() -> None:
    classes = [kind for kind in vars(modifiers).values() if isinstance(kind, type) and issubclass(kind, Modifier)]
    found = set(classes) - {Modifier}
    assert found == set(NEUTRAL_AND_NOT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("leading", [(), (3,)])
@ON_EVERY_CELL
@EVERY
def test_a_neutral_modifier_that_is_run_is_the_plain_loop_bit_for_bit(kind, model: str, leading, dtype) -> None:
    net = (stack(model) if leading else network(model)).to(dtype)
    neutral, acting = NEUTRAL_AND_NOT[kind]
    if not offers(net, neutral):
        pytest.skip(f"{model} has no {neutral.place}")
    for a, b, changed in zip(
        run(net, leading), run(wrapped(net, neutral), leading), run(modified(net, [acting]), leading), strict=True
    ):
        assert torch.equal(a, b)
        assert a.shape == changed.shape
        assert not torch.allclose(a, changed, rtol=1e-3)


@ON_EVERY_CELL
@EVERY
def test_a_neutral_modifier_is_dropped_and_leaves_the_fast_loop(kind, model: str) -> None:
    net, (neutral, acting) = network(model), NEUTRAL_AND_NOT[kind]
    assert modified(net, [neutral]) is net
    if offers(net, acting):
        changed = modified(net, [neutral, acting])
        assert changed.cell.inner is net.cell
        assert fast_loop(changed.cell) is None


@ON_EVERY_CELL
@EVERY
def test_a_modifier_edits_no_weight_and_keeps_what_rest_does_to_the_noise(kind, model: str) -> None:
    net, (_, acting) = network(model), NEUTRAL_AND_NOT[kind]
    if not offers(net, acting):
        pytest.skip(f"{model} has no {acting.place}")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    changed = modified(net, [acting])
    run(changed)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert {id(parameter) for parameter in changed.parameters()} == {id(parameter) for parameter in net.parameters()}
    assert changed.cell.rest_variance_gain == net.cell.rest_variance_gain


@ON_EVERY_CELL
@EVERY
def test_a_cell_without_the_place_refuses_in_one_line(kind, model: str) -> None:
    class Closed(Cell):
        def __init__(self, inner: Cell):
            super().__init__()
            self.inner = inner

        def project(self, inputs: Tensor) -> Tensor:
            return self.inner.project(inputs)

        def drift(self, state: Tensor, u: Tensor) -> Tensor:
            return self.inner.drift(state, u)

    net, (neutral, acting) = network(model), NEUTRAL_AND_NOT[kind]
    net.cell = Closed(net.cell)
    with pytest.raises(BadInput, match=rf"^{kind.__name__}\(.*\) needs a cell whose drift takes \w+; Closed takes none$"):
        modified(net, [acting])
    assert modified(net, [neutral]) is net


@EVERY
def test_a_modifier_changes_no_random_stream(kind) -> None:
    """Nearly neutral, it gives nearly the same recording; another stream would give another."""
    tiny = {Adaptation: Adaptation(gain=1e-6, tau=0.5)}[kind]
    one = untrained()
    plain, changed = (record(one, rest(9, modify=modify), 4, rates=4).rates for modify in ((), (tiny,)))
    np.testing.assert_allclose(plain, changed, atol=1e-5)
    assert not (plain == changed).all()


@EVERY
def test_a_modified_phase_hands_on_the_state_of_the_cell(kind) -> None:
    """Rest goes on from a modified waking, whose further variable is left behind."""
    one, (_, acting) = untrained("rnn.sigma2_rec=0"), NEUTRAL_AND_NOT[kind]
    whole = record(one, waking(9, modify=[acting]), 4, rates=4).rates
    after = waking(9, modify=[acting])
    on = record(one, rest(1, after=after, task_steps=9, name="active"), 4, rates=4).rates
    with torch.no_grad():
        last = torch.as_tensor(whole[:, -1])
        u = one.network.cell.project(torch.zeros(1, 1, 2))[:, 0]
        expected = last + one.network.cell.drift(last, u) * DT
    np.testing.assert_allclose(on[:, 0], expected, atol=1e-6)


@dataclass(frozen=True)
class Leak(Modifier):
    """Another modifier, to compose with."""

    factor: float

    order = 1
    place = "leak"

    @property
    def neutral(self) -> bool:
        return self.factor == 1

    def __call__(self, cell: Cell, units: int) -> Cell:
        return Modified(cell, leak=self.factor)


@pytest.mark.parametrize("model", ["vanilla", "gru"])
def test_modifiers_compose_in_one_order_whatever_order_they_are_given_in(model: str) -> None:
    net, both = network(model), [Adaptation(0.4, 0.5), Leak(0.3)]
    one, other = (run(modified(net, order))[0] for order in (both, both[::-1]))
    assert torch.equal(one, other)
    assert all(modified(net, order).cell.inner.changes == {"leak": 0.3} for order in (both, both[::-1])), "leak is within"
    for alone in both:
        assert not torch.allclose(one, run(modified(net, [alone]))[0], rtol=1e-3)
    assert torch.equal(run(modified(net, [Leak(1.0), both[0]]))[0], run(modified(net, both[:1]))[0])


def test_two_adaptations_add_up() -> None:
    net = network("vanilla").double()
    twice = run(modified(net, [Adaptation(0.2, 0.5), Adaptation(0.3, 0.5)]))[0]
    torch.testing.assert_close(twice, run(modified(net, [Adaptation(0.5, 0.5)]))[0])


B_GAIN, TAU_A, TAU, DRIVE = 0.5, 0.3, 0.1, 0.7


def alone_units() -> Network:
    """Units that hear nothing but their input: dr/dt = (−r + u − a)/τ, linear."""
    net = network("vanilla", activation_fn="identity").double()
    assert isinstance(net.cell, Vanilla)
    with torch.no_grad():
        net.cell.recurrent.weight.zero_()
        net.cell.input.weight.fill_(1.0)
    return net


def rates_of_alone_units(dt: float, seconds: float) -> np.ndarray:
    """(T) rates of one unit from 0, under a constant drive and without noise."""
    net, steps = modified(alone_units(), [Adaptation(B_GAIN, TAU_A)]), round(seconds / dt)
    inputs = torch.full((1, steps, 2), DRIVE / 2, dtype=torch.float64)
    state = net.cell.initial(torch.zeros(1, N, dtype=torch.float64))
    with torch.no_grad():
        return rollout(net, state, inputs, Noise(), dt).rates[0, :, 0].numpy()


def test_adaptation_of_linear_units_is_the_recursion_of_two_variables() -> None:
    a, b = DT / TAU, DT / TAU_A
    matrix, x, expected = np.array([[1 - a, -a], [b * B_GAIN, 1 - b]]), np.zeros(2), []
    for _ in range(400):
        x = matrix @ x + [a * DRIVE, 0]
        expected.append(x[0])
    found = rates_of_alone_units(DT, 400 * DT)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[-1] == pytest.approx(DRIVE / (1 + B_GAIN), rel=1e-9), "the fixed point"
    assert found.max() > DRIVE / (1 + B_GAIN) * 1.05, "units fire before they tire"


def test_adaptation_converges_as_the_time_step_is_halved() -> None:
    """Euler steps: half the step, half the error."""
    field, seconds = np.array([[-1 / TAU, -1 / TAU], [B_GAIN / TAU_A, -1 / TAU_A]]), 0.2
    rest_point = np.array([DRIVE, B_GAIN * DRIVE]) / (1 + B_GAIN)
    exact = (rest_point - expm(field * seconds) @ rest_point)[0]
    errors = [abs(rates_of_alone_units(0.002 / halvings, seconds)[-1] - exact) for halvings in (1, 2, 4)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.05)


def test_adaptation_of_a_gru_enters_the_candidate_alone() -> None:
    net = network("gru", activation_fn="tanh", bias=True).double()
    cell, generator = modified(net, [Adaptation(B_GAIN, TAU_A)]).cell, torch.Generator().manual_seed(0)
    r, a = (torch.rand(3, N, generator=generator, dtype=torch.float64) for _ in range(2))
    u = torch.rand(3, 3 * N, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        found = cell.drift(torch.cat((r, a), -1), u)
        gates = torch.sigmoid(r @ net.cell.gates.weight.mT + net.cell.gates.bias + u[:, : 2 * N])
        z, g = gates[:, :N], gates[:, N:]
        candidate = torch.tanh((g * r) @ net.cell.candidate.weight.mT + net.cell.candidate.bias + u[:, 2 * N :] - a)
    torch.testing.assert_close(found[:, :N], (1 - z) * (candidate - r) / 0.1)
    torch.testing.assert_close(found[:, N:], (B_GAIN * r - a) / TAU_A)


@pytest.mark.parametrize("values", [{"gain": math.nan, "tau": 1}, {"gain": 1, "tau": 0}, {"gain": 1, "tau": math.inf}])
def test_adaptation_that_makes_no_sense_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=r"^Adaptation\(gain=.*\): (gain|tau)"):
        Adaptation(**values)
