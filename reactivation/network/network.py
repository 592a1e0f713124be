"""A network: encoder (where to start), cell (how the state changes), readout (o = D r)."""

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn

from reactivation import registry
from reactivation.checks import Count, Seconds, checked
from reactivation.machine.errors import BadInput
from reactivation.network import own
from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear
from reactivation.settings.declaring import CellSettings


@checked
class Network(nn.Module):
    """Hold encoder, cell and readout: r(0) = E f(s(0)), then the cell's dynamics, then o = D r (Eqs. A.2, A.6).

    Networks from elsewhere come in by `from_matrices`, `from_step` and `from_weights`; `Run.of` makes runs of them.

    >>> import numpy as np
    >>> ra.Network.from_matrices(W_rec=np.zeros((5, 5)), tau=0.1).n_units
    5
    """

    such_as = "as ra.Network.from_matrices(...)"

    def __init__(self, encoder: nn.Module, cell: Cell, readout: Linear):
        super().__init__()
        self.encoder = encoder
        self.cell = cell
        self.decoder = readout  # D; checkpoints call it decoder. `world.decoding` turns outputs into positions

    def require_step(self, dt: float) -> None:
        """Refuse a Δt of which Euler steps would be wrong.

        Raises:
            BadInput: Δt = `dt` [s] is beyond τ, or beyond what one step of the network lasts.
        """
        tau = getattr(self.cell, "tau", None)
        if isinstance(tau, int | float) and dt > tau:
            raise BadInput(f"dt={dt:g} s must not exceed τ={tau:g} s: Euler steps would overshoot the decay")
        if dt > self.cell.step_lasts:
            raise BadInput(f"dt={dt:g} s must not exceed {self.cell.step_lasts:g} s, which one step of this network lasts")

    @classmethod
    @checked
    def from_matrices(
        cls,
        W_rec: Any,
        W_in: Any = None,
        D: Any = None,
        *,
        tau: Seconds,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        encoder: Any = None,
        bias: Any = None,
    ) -> "Network":
        """Make a vanilla network, dr/dt = (−r + φ(W_rec r + W_in u + b)) / τ and o = D r (Eq. A.1), of its matrices.

        Args:
            W_rec: (N, N), from the unit of a column to the unit of a row.
            W_in: (N, I); None for a network without input.
            D: (O, N); None where the rates are the outputs.
            tau: τ [s].
            activation: φ: relu, tanh, sigmoid, identity, or a function of a tensor of drives (..., N) → rates (..., N).
            encoder: (N, E), maps the start of a trajectory to its first rates; None: a trajectory starts with rates.
            bias: b (N).

        Raises:
            BadInput: shapes that do not fit, numbers that are not finite, or a function that does not return a finite rate
                for every drive.

        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> network = ra.Network.from_matrices(rng.normal(0, 0.1, (50, 50)), D=rng.normal(0, 1, (2, 50)), tau=0.1)
        >>> network.n_units, network.n_outputs
        (50, 2)
        """
        return cls(*own.vanilla(W_rec, W_in, D, tau, activation, encoder, bias))

    @classmethod
    @checked
    def from_step(
        cls,
        step: Any,
        units: Count,
        *,
        dt: Seconds,
        inputs: Count = 1,
        D: Any = None,
        encoder: Any = None,
    ) -> "Network":
        """Make a network of any step (state (B, N), input (B, I)) → next state (B, N); the state is the rates.

        Args:
            step: a function, or an object with a method `step`; weights of a torch module then belong to the network.
            units: N.
            dt: duration of one step [s].
            inputs: I.
            D: (O, N); None where the rates are the outputs.
            encoder: as of `from_matrices`.

        Raises:
            BadInput: shapes that do not fit.

        >>> import torch
        >>> cell = torch.nn.RNNCell(2, 30)
        >>> ra.Network.from_step(lambda state, u: cell(u, state), units=30, inputs=2, dt=0.02).n_inputs
        2
        """
        return cls(*own.stepping(step, units, dt, inputs, D, encoder))

    @classmethod
    @checked
    def from_weights(
        cls, weights: str | PathLike[str] | Mapping[str, Any], *, tau: Seconds, activation: str = ""
    ) -> "Network":
        """Make a network, vanilla or GRU, of weights of the paper's released code.

        Nothing is unpickled here. Take the weights out of the pickled file in another process that can import that code:

            model = torch.load("model_2500.pt", weights_only=False)
            torch.save(model.state_dict(), "weights.pt")

        Args:
            weights: the file that the second line writes, or its content, as tensors or as anything numpy makes an array of.
            tau: τ [s].
            activation: φ; empty for relu, or tanh in a GRU.

        Raises:
            BadInput: names or shapes of weights do not fit a vanilla network or GRU of that code.
            DamagedData: the file is missing, or holds anything but tensors.

        >>> import torch
        >>> names = {"encoder.weight": (8, 5), "w_in.weight": (8, 2), "w_rec.weight": (8, 8), "w_out.weight": (5, 8)}
        >>> ra.Network.from_weights({name: torch.zeros(shape) for name, shape in names.items()}, tau=0.1).n_units
        8
        """
        return cls(*own.released(weights, tau, activation))

    @property
    def n_units(self) -> int:
        """N."""
        return self.decoder.weight.shape[-1]

    @property
    def n_outputs(self) -> int:
        """O."""
        return self.decoder.weight.shape[-2]

    @property
    def n_inputs(self) -> int:
        """I."""
        return self.cell.n_inputs

    @property
    def precision(self) -> torch.dtype:
        """Of its linear maps: float32, or float64.

        Raises:
            BadInput: they have several, or another.
        """
        kinds = {one.weight.dtype for one in self.modules() if isinstance(one, Linear)}
        if len(kinds) > 1 or not kinds <= {torch.float32, torch.float64}:
            names = " and ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
            raise BadInput(f"a network in {names} cannot be run: take network.float()")
        return self.decoder.weight.dtype

    @property
    def n_starts(self) -> int:
        """How many numbers the encoder takes."""
        return self.encoder.weight.shape[-1] if isinstance(self.encoder, Linear) else self.n_units

    def initial_state(self, start: Tensor) -> Tensor:
        """Encoded initial states of a task (..., B, O) → states of the cell (..., B, S)."""
        return self.cell.initial(self.encoder(start))

    def readout(self, rates: Tensor) -> Tensor:
        """o = D r at every step: (..., B, T, N) → (..., B, T, O)."""
        return self.decoder.over_time(rates)


def build_network(settings: CellSettings, n_inputs: int, n_outputs: int, generator: torch.Generator) -> Network:
    """An untrained network for a task with `n_inputs` inputs and `n_outputs` output cells.

    Raises:
        BadInput: no cell of the name `settings.model`.
    """
    cell = registry.load("cells", settings.model).build(settings, n_inputs, generator)
    encoder = Linear(n_outputs, settings.n_rec, generator, settings.bias)
    readout = Linear(settings.n_rec, n_outputs, generator, settings.bias)
    return Network(encoder, cell, readout)
