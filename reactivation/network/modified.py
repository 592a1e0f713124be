"""Cells changed by modifiers: wrappers with another drift, with another map of the noise, or with a further state variable.

Wrappers are ordinary cells and make the step r + F(r)Δt + n of `dynamics.step`. A change that a wrapper makes per step, and
not per second, is divided by Δt in its drift.

Axes: B trajectories, T steps, I inputs, N units, S state variables, H projected inputs; `...` may be a stack of networks.
"""

from collections.abc import Callable
import math
from typing import Any

import torch
from torch import Tensor

from reactivation.machine.errors import BadInput
from reactivation.network.cells.base import Cell
from reactivation.network.dynamics import brownian, standard_noise
from reactivation.streams import Streams


def remaining(dt: float, tau: float) -> float:
    """Return the share that a decay with time constant τ leaves after one step, exp(−Δt/τ); 0 for τ = 0."""
    return math.exp(-dt / tau) if tau else 0.0


class Modified(Cell):
    """A cell with other values for keywords of its drift: `Modified(cell, leak=0.9)`. Subclasses override other methods.

    Raises:
        BadInput: the given cell already has another value for one of these keywords.
    """

    def __init__(self, inner: Cell, **changes: float):
        super().__init__()
        if isinstance(inner, Modified) and (twice := set(changes) & set(inner.changes)):
            raise BadInput(f"{' and '.join(sorted(twice))} of a cell can be changed once; leave the other modifier out")
        self.inner = inner
        self.changes: dict[str, float] = changes
        self.rest_variance_gain = inner.rest_variance_gain

    @property
    def n_inputs(self) -> int:
        return self.inner.n_inputs

    def places(self) -> frozenset[str]:
        return self.inner.places()

    def project(self, inputs: Tensor) -> Tensor:
        return self.inner.project(inputs)

    def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
        field: Callable[..., Tensor] = self.inner.drift  # its keywords were checked by `modifiers.modified`
        return field(state, u, **self.changes, **changes)

    def initial(self, rates: Tensor) -> Tensor:
        return self.inner.initial(rates)

    def extended(self, state: Tensor) -> Tensor:
        return self.inner.extended(state)

    def reduced(self, state: Tensor) -> Tensor:
        return self.inner.reduced(state)

    def rates(self, state: Tensor) -> Tensor:
        return self.inner.rates(state)

    def noise_on_state(self, noise: Tensor) -> Tensor:
        return self.inner.noise_on_state(noise)


class Driven(Modified):
    """A current inside the nonlinearity. A noisy current is drawn step by step and appended to the projected inputs."""

    def __init__(self, inner: Cell, units: int, mean: float, sigma: float, dt: float, drive_stream: Streams | None):
        super().__init__(inner)
        self.units, self.mean, self.sigma, self.dt = units, mean, sigma, dt
        self._draw = standard_noise("gaussian", drive_stream)

    def project(self, inputs: Tensor) -> Tensor:
        """(..., B, T, I) → (..., B, T, H + N) with noise, else (..., B, T, H)."""
        u = super().project(inputs)
        if not self.sigma:
            return u
        *leading, steps, inner = u.shape
        both = u.new_empty(steps, *leading, inner + self.units)  # each step is contiguous, as loops read it
        both[..., :inner] = u.movedim(-2, 0)
        step = u.new_empty(*leading, self.units)
        for now in range(steps):
            both[now, ..., inner:] = brownian(self.sigma, self.dt, self._draw(step)).div_(self.dt).add_(self.mean)
        return both.movedim(0, -2)

    def drift(self, state: Tensor, u: Tensor, *, inhibition: Tensor | float = 0.0, **others: Any) -> Tensor:
        current: Tensor | float = self.mean
        if self.sigma:
            u, current = u[..., : -self.units], u[..., -self.units :]
        return super().drift(state, u, inhibition=inhibition - current, **others)


class Held(Modified):
    """The norm of the rates is held: each step starts from r·norm/|r|, and these rates are read out."""

    def __init__(self, inner: Cell, norm: float, dt: float):
        super().__init__(inner)
        self.norm, self.dt = norm, dt

    def held(self, state: Tensor) -> Tensor:
        """Return the state with rates of that norm."""
        rates = self.inner.rates(state)
        return state + self.inner.noise_on_state(rates * (self.norm / rates.norm(dim=-1, keepdim=True) - 1))

    def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
        held = self.held(state)
        return super().drift(held, u, **changes) + (held - state) / self.dt

    def reduced(self, state: Tensor) -> Tensor:
        return super().reduced(self.held(state))

    def rates(self, state: Tensor) -> Tensor:
        return super().rates(self.held(state))


class WithVariable(Modified):
    """A further variable per unit, (..., B, N), after the state of the inner cell: state (..., B, S + N).

    It begins at 0. It receives no noise unless a subclass overrides `noise_on_state`. A subclass must define `drift`.
    """

    def __init__(self, inner: Cell, units: int):
        super().__init__(inner)
        self.units = units

    def split(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the state of the inner cell, (..., B, S), and the further variable, (..., B, N)."""
        # Contiguous, because libraries promise the same bits of a product only for the same layout in memory.
        return state[..., : -self.units].contiguous(), state[..., -self.units :]

    def _beside_zeros(self, within: Tensor) -> Tensor:
        return torch.cat((within, within.new_zeros(*within.shape[:-1], self.units)), dim=-1)

    def initial(self, rates: Tensor) -> Tensor:
        return self._beside_zeros(super().initial(rates))

    def extended(self, state: Tensor) -> Tensor:
        return self._beside_zeros(super().extended(state))

    def reduced(self, state: Tensor) -> Tensor:
        return super().reduced(self.split(state)[0])

    def rates(self, state: Tensor) -> Tensor:
        return super().rates(self.split(state)[0])

    def noise_on_state(self, noise: Tensor) -> Tensor:
        return self._beside_zeros(super().noise_on_state(noise))


class Adapting(WithVariable):
    """Adaptation a as the further variable, subtracted inside the nonlinearity."""

    def __init__(self, inner: Cell, units: int, gain: float, tau: float):
        super().__init__(inner, units)
        self.gain, self.tau = gain, tau

    def drift(self, state: Tensor, u: Tensor, *, inhibition: Tensor | float = 0.0, **others: Any) -> Tensor:
        within, a = self.split(state)
        change = super().drift(within, u, inhibition=inhibition + a, **others)
        return torch.cat((change, (self.gain * self.inner.rates(within) - a) / self.tau), dim=-1)


class Moving(WithVariable):
    """The velocity v of the rates [1/s] as the further variable: v' = kept·v + renewed·(F(r)Δt + n)/Δt, and r' = r + v'Δt.

    Raises:
        BadInput: the noise is not added to the cell's rates, so that they have no velocity in its state; or the cell has
            momentum already.
    """

    def __init__(self, inner: Cell, units: int, dt: float, kept: float, renewed: float):
        super().__init__(inner, units)
        self.dt, self.kept, self.renewed = dt, kept, renewed
        if kept and any(isinstance(one, Moving) and one.kept for one in inner.modules()):
            raise BadInput("momentum can be given once; leave the other out")
        kick = torch.linspace(-1, 1, units)[None]
        if not torch.equal(inner.rates(inner.noise_on_state(kick)), kick):
            what = "with a fixed amplitude they are not" if isinstance(inner, Held) else f"{type(inner).__name__} is none"
            raise BadInput(f"momentum needs a cell whose rates are what its noise is added to; {what}")

    def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
        within, v = self.split(state)
        field = super().drift(within, u, **changes)
        own = self.inner.rates(field)
        push = self.kept * v - (1 - self.renewed) * own
        return torch.cat((field + self.inner.noise_on_state(push), (own + push - v) / self.dt), dim=-1)

    def noise_on_state(self, noise: Tensor) -> Tensor:
        kick = self.renewed * noise
        return torch.cat((self.inner.noise_on_state(kick), kick / self.dt), dim=-1)


class Coloured(WithVariable):
    """The coloured noise n as the further variable: n' = ρ n + (1 − ρ) w enters the inner cell instead of the white w.

    Raises:
        BadInput: the cell's `noise_on_state` is not linear, so that the two terms of n' cannot be added separately.
    """

    def __init__(self, inner: Cell, units: int, dt: float, rho: float):
        super().__init__(inner, units)
        self.dt, self.rho = dt, rho
        one = (torch.arange(units) % 2.0)[None]
        parts = inner.noise_on_state(one) + inner.noise_on_state(1 - one)
        if not torch.equal(inner.noise_on_state(torch.ones(1, units)), parts):
            raise BadInput(f"coloured noise needs a cell whose noise is added; {type(inner).__name__} is none")

    def drift(self, state: Tensor, u: Tensor, **changes: Any) -> Tensor:
        within, n = self.split(state)
        lasting = self.rho * n
        field = super().drift(within, u, **changes) + self.inner.noise_on_state(lasting) / self.dt
        return torch.cat((field, (lasting - n) / self.dt), dim=-1)

    def noise_on_state(self, noise: Tensor) -> Tensor:
        new = (1 - self.rho) * noise
        return torch.cat((self.inner.noise_on_state(new), new), dim=-1)
