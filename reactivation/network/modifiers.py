"""Changes to a cell for the time of a phase, as values: `rest(modify=[Momentum(friction=0.2), Leak(0.9)])`.

A modifier is a function cell → cell; the cells that it returns are in `modified`. It edits no weight and renames no random
stream. A neutral modifier is dropped before a loop is chosen, so that the fast loop runs and gives the same bits as without
it. Each modifier is also a group of keys of every analysis (`adaptation.gain=0.4 adaptation.tau=0.5`), whose defaults change
nothing. The order is fixed; with the step of a cell written r' = r + F(r)Δt + n, gain, leak, drive and adaptation change F,
then momentum changes the increment, then coloured noise replaces n. Nothing here imports torch: settings are checked first.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields
import math
from typing import TYPE_CHECKING, ClassVar

from reactivation.checks import checked
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import check, setting

if TYPE_CHECKING:
    from reactivation.network.cells.base import Cell
    from reactivation.network.network import Network
    from reactivation.streams import Streams


@dataclass(frozen=True)
class Modifier(ABC):
    """Base of all modifiers, each a frozen dataclass; values are checked against the ranges that its fields declare.

    Raises:
        BadInput: a value of another type, out of its range, or not finite.
    """

    such_as: ClassVar[str] = "as ra.Leak(0.9)"
    order: ClassVar[int]  # the lowest is applied first and ends up innermost

    @property
    def places(self) -> tuple[str, ...]:
        """Keywords of the cell's drift that the modifier needs; `cells.base` lists all of them."""
        return ()

    def __post_init__(self) -> None:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        check(type(self), values, type(self).__name__)

    def require_said(self) -> None:
        """Refuse a modifier that needs a value and was given none.

        Raises:
            BadInput: all its fields have their defaults, and one of these is None.
        """
        if self == type(self)() and any(f.default is None for f in fields(self)):
            raise BadInput(f"{self} changes nothing: give it a value")

    def longest_step(self, tau: float | None) -> float:
        """Return the longest Δt [s] whose Euler steps overshoot no decay of this modifier; τ = `tau` [s] is the cell's."""
        return math.inf

    @property
    @abstractmethod
    def neutral(self) -> bool:
        """Whether it changes nothing."""

    @abstractmethod
    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        """Return the changed cell of N = `units` for steps of Δt = `dt` [s]; the given cell is not changed.

        Args:
            drive_stream: source of the modifier's own draws, or one per network of a stack; the noise has another.
        """


@checked
@dataclass(frozen=True)
class Gain(Modifier):
    """Recurrent weights are multiplied by g = `factor`: g W_rec. With `off_diagonal`, weights of units onto themselves stay.

    Activity of linear units along an eigenvalue of g W_rec below 1 − τ/Δt overshoots at each step, and below 1 − 2τ/Δt it
    grows; eigenvalues are not computed, so that no such gain is refused.

    >>> ra.Gain(0.9)
    Gain(factor=0.9, off_diagonal=False)
    """

    factor: float | None = setting(None, "factor g of the recurrent weights")
    off_diagonal: bool = setting(False, "keep the weights of units onto themselves")

    order = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.off_diagonal:
            _require(self, "factor", "off_diagonal")

    @property
    def places(self) -> tuple[str, ...]:
        return ("gain", "self_gain") if self.off_diagonal else ("gain",)

    @property
    def neutral(self) -> bool:
        return self.factor in (None, 1)

    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        from reactivation.network.modified import Modified

        factor = 1.0 if self.factor is None else self.factor
        return Modified(cell, gain=factor, self_gain=1.0) if self.off_diagonal else Modified(cell, gain=factor)


@checked
@dataclass(frozen=True)
class Leak(Modifier):
    """The leak is −factor·r instead of −r, while the time constant stays.

    >>> ra.Leak(0.9)
    Leak(factor=0.9)
    """

    factor: float = setting(1.0, "factor of the leak −r", low=0)

    order = 1
    places = ("leak",)

    def longest_step(self, tau: float | None) -> float:
        return tau / self.factor if tau and self.factor else math.inf

    @property
    def neutral(self) -> bool:
        return self.factor == 1

    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        from reactivation.network.modified import Modified

        return Modified(cell, leak=self.factor)


@checked
@dataclass(frozen=True)
class Drive(Modifier):
    """A current into every unit, inside the nonlinearity: mean + sigma ξ/√Δt, with ξ ~ N(0, 1) anew for each unit and step.

    `mean` has the unit of a rate, `sigma` the unit of a rate times s^1/2; ξ comes from a random stream of its own.

    >>> ra.Drive(mean=0.05)
    Drive(mean=0.05, sigma=0.0)
    """

    mean: float = setting(0.0, "current into every unit, in units of rate")
    sigma: float = setting(0.0, "strength of white noise in that current, independent for each unit", unit="s^1/2", low=0)

    order = 2
    places = ("inhibition",)

    @property
    def neutral(self) -> bool:
        return self.mean == self.sigma == 0

    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        from reactivation.network.modified import Driven

        return Driven(cell, units, self.mean, self.sigma, dt, drive_stream)


@checked
@dataclass(frozen=True)
class Adaptation(Modifier):
    """Adaptation of each unit: τ_a da/dt = b r − a, and a is subtracted inside the nonlinearity; a = 0 at the start.

    b is `gain`, without a unit, and τ_a is `tau` [s]; both or none are given. Steps beyond (τ + τ_a)/(1 + b), from which on
    oscillations of a linear unit by itself grow, are refused. In a network it is (τ + λτ_a)/(λ + b), where 1 − λ is an
    eigenvalue of its recurrent weights: τ/b for an integrator. These are not computed, and shorter steps not refused.

    >>> ra.Adaptation(gain=0.3, tau=0.16)
    Adaptation(gain=0.3, tau=0.16)
    """

    gain: float | None = setting(None, "adaptation b over rate")
    tau: float | None = setting(None, "time constant τ_a of adaptation", unit="s", above=0)

    order = 3
    places = ("inhibition",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tau is not None:
            _require(self, "gain", "tau")
        if self.gain is not None:
            _require(self, "tau", "gain")

    def longest_step(self, tau: float | None) -> float:
        own, gain = self.tau or math.inf, self.gain or 0.0
        # The steps of (r, a) have the determinant (1 − Δt/τ)(1 − Δt/τ_a) + b Δt²/(τ τ_a); above 1, oscillations grow.
        return min(own, (tau + own) / (1 + gain)) if tau and gain > 0 else own

    @property
    def neutral(self) -> bool:
        return self.gain in (None, 0)

    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        from reactivation.network.modified import Adapting

        return Adapting(cell, units, self.gain or 0.0, self.tau or math.inf)


@checked
@dataclass(frozen=True)
class Momentum(Modifier):
    """Momentum of the rates (underdamped Langevin dynamics), set by a friction or by a time constant: two dynamics.

    λ is `friction`, 0 < λ ≤ 1, where 1 changes nothing; τ_v is `tau` [s]. With s the increment of an ordinary step
    (noise included) and v = 0 at the start:

        friction λ:           r' = r + s + (1 − λ) v,    v' = r' − r
        time constant τ_v:    v' = a v + (1 − a) s / Δt,  r' = r + v' Δt,   a = exp(−Δt/τ_v)

    At c times waking's noise variance, the stationary law is p^(2/c) without momentum and, to leading order, p^(2λ/c) under
    a friction (p itself at c = 2λ); a time constant changes it by O(Δt/τ_v)².

    Raises:
        BadInput: both are given.

    >>> ra.Momentum(friction=0.2)
    Momentum(friction=0.2, tau=None)
    """

    friction: float | None = setting(None, "friction λ per step; 1 for no momentum", above=0, high=1)
    tau: float | None = setting(None, "time constant τ_v of the velocity, instead of a friction", unit="s", low=0)

    order = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.friction is not None and self.tau is not None:
            raise BadInput(f"{self}: friction and tau are two dynamics; give one of them")

    @property
    def neutral(self) -> bool:
        return self.friction in (None, 1) and self.tau in (None, 0)

    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        from reactivation.network.modified import Moving, remaining

        if self.tau is None:
            return Moving(cell, units, dt, kept=1 - (1 if self.friction is None else self.friction), renewed=1.0)
        kept = remaining(dt, self.tau)
        return Moving(cell, units, dt, kept=kept, renewed=1 - kept)


@checked
@dataclass(frozen=True)
class ColouredNoise(Modifier):
    """Noise with a memory: n' = ρ n + (1 − ρ) w, ρ = exp(−Δt/τ_n), w the white noise that it replaces; n = 0 at the start.

    τ_n is `tau` [s]. Summed over a long time, n has the same variance as w.

    >>> ra.ColouredNoise(tau=0.1)
    ColouredNoise(tau=0.1)
    """

    tau: float = setting(0.0, "time constant τ_n of the noise; 0 for white noise", unit="s", low=0)

    order = 5

    @property
    def neutral(self) -> bool:
        return self.tau == 0

    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        from reactivation.network.modified import Coloured, remaining

        return Coloured(cell, units, dt, remaining(dt, self.tau))


@checked
@dataclass(frozen=True)
class FixedAmplitude(Modifier):
    """The norm of each trajectory's rates is held at `norm`, in the unit of a rate. This is another dynamical system."""

    norm: float | None = setting(None, "norm that the rates are held at", above=0)

    order = -1  # the other modifiers see rates of that norm

    @property
    def neutral(self) -> bool:
        return self.norm is None

    def __call__(self, cell: "Cell", units: int, dt: float, drive_stream: "Streams | None") -> "Cell":
        from reactivation.network.modified import Held

        assert self.norm is not None, "neutral: it is dropped"
        return Held(cell, self.norm, dt)


def modified(
    network: "Network", modifiers: Iterable[Modifier], dt: float, drive_stream: "Streams | None" = None
) -> "Network":
    """Return the network with its cell changed, sharing all weights; the network itself if all modifiers are neutral.

    Args:
        dt: Δt of its steps [s].
        drive_stream: source of a noisy `Drive`, or one per network of a stack.

    Raises:
        BadInput: the cell does not support a modifier, Δt is too long for it, or two gains, leaks or momenta are given.
    """
    acting = sorted((modifier for modifier in modifiers if not modifier.neutral), key=lambda modifier: modifier.order)
    if not acting:
        return network
    cell, units = network.cell, network.n_units
    for modifier in acting:
        longest = modifier.longest_step(getattr(network.cell, "tau", None))
        if dt > longest * (1 + 1e-9):
            raise BadInput(f"{modifier}: dt={dt:g} s must not exceed {longest:g} s: Euler steps would overshoot the decay")
        missing = set(modifier.places) - cell.places()
        if missing:
            offered = ", ".join(sorted(cell.places())) or "none"
            raise BadInput(
                f"{modifier} needs a cell whose drift takes {' and '.join(sorted(missing))}; "
                f"{type(network.cell).__name__} takes {offered}"
            )
        cell = modifier(cell, units, dt, drive_stream)
    from reactivation.network.network import Network

    return Network(network.encoder, cell, network.decoder)


def _require(modifier: Modifier, needed: str, given: str) -> None:
    if getattr(modifier, needed) is None:
        raise BadInput(f"{type(modifier).__name__}: {given}={getattr(modifier, given)} needs {needed}: give both or none")
