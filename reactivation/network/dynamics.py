"""The one loop over time (Eqs. 1, 2): training, waking and rest are `rollout` under other inputs and noise.

The noise enters in `step`; √Δt stands in `brownian`. `phases` defines the inputs and the noise of a phase.

Axes: B trajectories, T steps, I inputs, S state variables, N units, O outputs; `...` may be a stack of networks.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
import math

import torch
from torch import Tensor

from reactivation.checks import Seconds, checked
from reactivation.machine.errors import BadInput
from reactivation.network.cells.base import Cell
from reactivation.network.kernels import fast_loop
from reactivation.network.network import Network
from reactivation.streams import Streams, shares
from reactivation.types import Noise, NoiseDistribution, Trajectory

Draw = Callable[[Tensor], Tensor]  # like → standard noise of the same shape, dtype and device

_FILLS: dict[NoiseDistribution, Callable[..., Tensor]] = {
    "gaussian": Tensor.normal_,
    "uniform": Tensor.uniform_,
    "pushed": partial(Tensor.normal_, mean=1 / 2, std=math.sqrt(1 / 12)),
}


def brownian(sigma: float, dt: float, standard: Tensor) -> Tensor:
    """The noise of one step, σ η with η ~ N(0, Δt), from standard noise (Eq. 2)."""
    return sigma * math.sqrt(dt) * standard


def step(cell: Cell, state: Tensor, u: Tensor, dt: float, noise: Tensor) -> Tensor:
    """One Euler–Maruyama step (Eqs. 1, 2): state (..., B, S), projected input u (..., B, H), noise (..., B, N)."""
    return state + cell.drift(state, u) * dt + cell.noise_on_state(noise)


def plain_loop(cell: Cell, state: Tensor, projected: Tensor, noises: Iterable[Tensor], dt: float) -> tuple[Tensor, Tensor]:
    """Run step after step: the definition that every faster loop is tested against.

    Args:
        state: (..., B, S).
        projected: the cell's inputs (..., B, T, H).
        noises: for each step, the noise of the rates (..., B, N).

    Returns:
        The rates after each step (..., B, T, N), and the last state.
    """
    rates = []
    for u, noise in zip(projected.unbind(-2), noises, strict=True):  # unbind: indexing would copy all gradients per step
        state = step(cell, state, u, dt, noise)
        rates.append(cell.rates(state))
    return torch.stack(rates, dim=-2), state


def standard_noise(distribution: NoiseDistribution, noise_stream: Streams | None) -> Draw:
    """Return a function that draws standard noise.

    gaussian is N(0, 1); uniform is on [0, 1), as in the released code (differences, row 1); pushed is Gaussian with the mean
    and variance of uniform. A network in a stack draws the same numbers from its own stream as it draws alone. Drawing
    without a stream raises BadInput.
    """
    fill = _FILLS[distribution]

    def like(array: Tensor) -> Tensor:
        if noise_stream is None:
            raise BadInput("noise is drawn from a noise_stream: give one, as ra.stream(0, 'noise'), or noise with every σ 0")
        drawn = array.new_empty(array.shape)
        for share, source in shares(drawn, noise_stream):
            fill(share, generator=source)
        return drawn

    return like


@dataclass(frozen=True)
class Response:
    """A network's rates under inputs and noise, and its outputs."""

    rates: Tensor  # (..., B, T, N) r(t) after each step
    state: Tensor  # (..., B, S) the last full state
    read: Callable[[Tensor], Tensor]  # rates → outputs, under the noise of the outputs

    @cached_property
    def outputs(self) -> Tensor:
        """o(t) = D r(t), (..., B, T, O); made when first asked for, since a fast loss may not need them."""
        return self.read(self.rates)


def respond(
    network: Network,
    state: Tensor,
    inputs: Tensor,
    noise: Noise,
    dt: float,
    noise_stream: Streams | None = None,
    injected: Tensor | None = None,
    plain: bool = False,
) -> Response:
    """Run a network; outputs are computed only when asked for. Arguments are those of `rollout`."""
    draw = standard_noise(noise.distribution, noise_stream)
    if noise.sigma_in:
        inputs = inputs + brownian(noise.sigma_in, dt, draw(inputs))
    still = torch.zeros_like(network.cell.rates(state))
    steps = inputs.shape[-2]
    standard = (draw(still) if noise.sigma else still for _ in range(steps)) if injected is None else injected.unbind(-2)
    noises = (brownian(noise.sigma, dt, drawn) for drawn in standard)
    loop = (None if plain else fast_loop(network.cell)) or plain_loop
    rates, last = loop(network.cell, state, network.cell.project(inputs), noises, dt)

    def read(rates: Tensor) -> Tensor:
        outputs = network.readout(rates)
        return outputs + brownian(noise.sigma_out, dt, draw(outputs)) if noise.sigma_out else outputs

    return Response(rates, last, read)


def _check_given(network: Network, state: Tensor, inputs: Tensor, injected: Tensor | None) -> None:
    """Check the arrays of `rollout`.

    Raises:
        BadInput: one has another shape, precision or device than the network and the inputs ask for.
    """
    asked = getattr(network.cell, "n_inputs", inputs.shape[-1])  # a cell of one's own need not say how many it takes
    if inputs.ndim < 3 or not inputs.shape[-2]:
        raise BadInput(f"inputs has shape {tuple(inputs.shape)}: (B, T, {asked}) is wanted, with at least one step")
    weights, ahead, steps = network.decoder.weight, inputs.shape[:-2], inputs.shape[-2]
    variables = network.cell.initial(weights.new_zeros(1, network.n_units)).shape[-1]
    wanted = {
        "inputs": (*ahead, steps, asked), "state": (*ahead, variables), "injected": (*ahead, steps, network.n_units),
    }  # fmt: skip
    for name, array in {"inputs": inputs, "state": state, "injected": injected}.items():
        if array is None:
            continue
        if array.shape != wanted[name]:
            raise BadInput(f"{name} has shape {tuple(array.shape)}: {wanted[name]} is wanted")
        if (array.dtype, array.device) != (network.precision, weights.device):
            raise BadInput(
                f"{name} is {array.dtype} on {array.device}, the network {weights.dtype} on {weights.device}: "
                f"give {name}.to(network.decoder.weight)"
            )


@checked
def rollout(
    network: Network,
    state: Tensor,
    inputs: Tensor,
    noise: Noise,
    dt: Seconds,
    noise_stream: Streams | None = None,
    injected: Tensor | None = None,
    plain: bool = False,
) -> Trajectory:
    """Run a network under inputs and noise (Eqs. 1, 2) and read it out; training, waking and resting are this same call.

    Args:
        network: one, or a stack, whose axes in front of B are kept.
        state: (..., B, S) where to start: `network.initial_state(batch.start)`, or an earlier trajectory's `state`.
        inputs: (..., B, T, I).
        noise: its strength on rates, inputs and outputs, and its distribution.
        dt: Δt [s].
        noise_stream: source of the noise, or one per network of a stack; needed if noise is drawn.
        injected: (..., B, T, N) standard noise to use for the rates instead of drawing it.
        plain: use `plain_loop` even where the cell has a faster one.

    Returns:
        Trajectory with rates (..., B, T, N), outputs (..., B, T, O) and the last state (..., B, S).

    Raises:
        BadInput: noise is to be drawn, and there is no stream; or what is given fits neither the network nor the inputs.
    """
    _check_given(network, state, inputs, injected)
    response = respond(network, state, inputs, noise, dt, noise_stream, injected, plain)
    return Trajectory(response.rates, response.outputs, response.state)
