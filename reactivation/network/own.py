"""Networks from elsewhere, as the parts of a `Network`: from matrices, from a step, from the released code's weights."""

from collections.abc import Callable, Mapping
import os
from pathlib import Path
import pickle
from typing import Any

import torch
from torch import Tensor, nn

from reactivation.checks import finite_tensor, in_precision
from reactivation.machine import memory
from reactivation.machine.device import cpu_by_default
from reactivation.machine.errors import BadInput, DamagedData, in_one_line, nearest, storing
from reactivation.network.cells import gru
from reactivation.network.cells import vanilla as vanilla_cell
from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear

Parts = tuple[nn.Module, Cell, Linear]  # encoder, cell and readout

_GATES = ("w_z", "w_r", "w_h")  # the released code's input maps of update gate, reset gate and candidate
_RECURRENT_GATES = ("u_z", "u_r", "u_h")
_TRIED = (0.0, -1.0, 1.0)  # drives on which an activation of one's own is tried


@cpu_by_default()
def vanilla(
    W_rec: Any, W_in: Any, D: Any, tau: float, activation: str | Callable[[Tensor], Tensor], encoder: Any, bias: Any
) -> Parts:
    """See `Network.from_matrices`."""
    recurrent = finite_tensor("W_rec", W_rec, 2)
    units, like = len(recurrent), recurrent
    recurrent = _matrix("W_rec", recurrent, (units, units), like)
    inputs = torch.zeros(units, 1) if W_in is None else W_in
    cell = vanilla_cell.Vanilla(vanilla_cell.Settings(n_rec=1, tau=tau), 1, torch.Generator())
    cell.phi = _nonlinearity(activation, torch.zeros(1, units, dtype=like.dtype))
    offset = None if bias is None else _matched("bias", finite_tensor("bias", bias, 1), (units,), like)
    cell.recurrent = Linear.of(recurrent, offset)
    cell.input = Linear.of(_matrix("W_in", inputs, (units, None), like))
    return _encoder(encoder, units, like), cell, _readout(D, units, like)


class Stepping(Cell):
    """A cell defined by a step (state, input) → state: its field is the change in one step, divided by Δt."""

    def __init__(self, step: Any, inputs: int, dt: float):
        super().__init__()
        self.step = step  # if a module, it becomes a submodule of this cell
        self.inputs, self.step_lasts = inputs, dt  # I, [s]

    @property
    def n_inputs(self) -> int:
        return self.inputs

    def project(self, inputs: Tensor) -> Tensor:
        """The inputs themselves."""
        return inputs

    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        """The change in one step, per second."""
        step: Callable[[Tensor, Tensor], Tensor] = getattr(self.step, "step", self.step)
        after = require_like("step", step(state, u), "states", state, "the next states")
        return (after - state) / self.step_lasts


@cpu_by_default()
def stepping(step: Any, units: int, dt: float, inputs: int, D: Any, encoder: Any) -> Parts:
    """See `Network.from_step`."""
    if not callable(getattr(step, "step", step)):
        raise BadInput("step is no function of (state, input), and has no method step")
    weights = step.parameters() if isinstance(step, nn.Module) else ()
    like = next(iter(weights), torch.zeros(1, dtype=torch.float32))
    cell = Stepping(step, inputs, dt)
    return _encoder(encoder, units, like), cell, _readout(D, units, like)


@cpu_by_default()
def released(weights: str | os.PathLike[str] | Mapping[str, Any], tau: float, activation: str) -> Parts:
    """See `Network.from_weights`."""
    state = dict(weights) if isinstance(weights, Mapping) else _read(Path(weights))
    if "w_rec.weight" in state:
        found = _named(state, ("encoder", "w_in", "w_rec", "w_out"))
        recurrent = finite_tensor("w_rec.weight", found["w_rec.weight"], 2)
        bias = _bias(found, ("w_in", "w_rec"), recurrent[:, 0])
        encoder, cell, readout = vanilla(
            recurrent, found["w_in.weight"], found["w_out.weight"], tau, activation or "relu",
            found["encoder.weight"], bias,
        )  # fmt: skip
        name_of_readout = "w_out"
    else:
        found = _named(state, ("encoder", *_GATES, *_RECURRENT_GATES, "decoder"))
        (encoder, cell, readout), name_of_readout = _gru(found, tau, activation or "tanh"), "decoder"
    for name, linear in (("encoder", encoder), (name_of_readout, readout)):
        bias = _bias(found, (name,), linear.get_parameter("weight")[:, 0])
        if bias is not None:
            linear.bias = nn.Parameter(bias[None])
    return encoder, cell, readout


def _gru(found: Mapping[str, Any], tau: float, activation: str) -> Parts:
    """The parts of a GRU: its update gate is z and its reset gate g (Eqs. A.3, A.4)."""
    recurrent = [finite_tensor(name, found[f"{name}.weight"], 2) for name in _RECURRENT_GATES]
    units, like = len(recurrent[0]), recurrent[0]
    recurrent = [_matrix(name, one, (units, units), like) for name, one in zip(_RECURRENT_GATES, recurrent, strict=True)]
    inputs = [_matrix(name, found[f"{name}.weight"], (units, None), like) for name in _GATES]
    pairs = zip(_GATES, _RECURRENT_GATES, strict=True)
    biases = [_bias(found, pair, like[:, 0]) for pair in pairs]
    known = [bias if bias is not None else like.new_zeros(units) for bias in biases]
    biased = any(bias is not None for bias in biases)
    cell = gru.GRU(gru.Settings(n_rec=1, tau=tau), 1, torch.Generator())
    cell.phi = _named_activation(activation)
    cell.gates = Linear.of(torch.cat(recurrent[:2]), torch.cat(known[:2]) if biased else None)
    cell.candidate = Linear.of(recurrent[2], known[2] if biased else None)
    cell.input = Linear.of(torch.cat(inputs))
    encoder, readout = found["encoder.weight"], found["decoder.weight"]
    return _encoder(encoder, units, like), cell, _readout(readout, units, like)


def _named(state: Mapping[str, Any], maps: tuple[str, ...]) -> dict[str, Any]:
    """Weights of linear maps by name, and their biases or None.

    Raises:
        BadInput: a weight is missing, or a name is unknown.
    """
    weights = [f"{name}.weight" for name in maps]
    both = [*weights, *(f"{name}.bias" for name in maps)]
    for name in weights:
        if name not in state:
            raise BadInput(
                f"weights have no {name}; {', '.join(weights)} are wanted, and there are {', '.join(map(str, state))}"
            )
    for name in state:
        if name not in both:
            raise BadInput(f"weights hold {name}, which no such network has; {nearest(str(name), both)}")
    return {name: state.get(name) for name in both}


def _read(file: Path) -> dict[str, Tensor]:
    with storing(file):
        if not file.exists():
            raise DamagedData(f"{file}: missing")
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError):
            state = None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DamagedData(
            f"{file}: holds more than weights, or is damaged; nothing is unpickled here: write them with "
            "torch.save(model.state_dict(), ...) where the model's code is"
        )
    return dict(state)


def _encoder(encoder: Any, units: int, like: Tensor) -> nn.Module:
    return nn.Identity() if encoder is None else Linear.of(_matrix("encoder", encoder, (units, None), like))


def _readout(D: Any, units: int, like: Tensor) -> Linear:
    if D is None:
        memory.require(units**2, like.device, "numbers of units, or give a D")
        D = torch.eye(units)
    return Linear.of(_matrix("D", D, (None, units), like))


def _matrix(name: str, values: Any, shape: tuple[int | None, ...], like: Tensor) -> Tensor:
    return _matched(name, finite_tensor(name, values, 2), shape, like)


def _matched(name: str, tensor: Tensor, shape: tuple[int | None, ...], like: Tensor) -> Tensor:
    """A tensor of a shape (None: any length), in the precision of another.

    Raises:
        BadInput: it has another shape, or numbers that are too large for that precision.
    """
    if any(wanted not in (None, length) for wanted, length in zip(shape, tensor.shape, strict=True)):
        raise BadInput(f"{name} has shape {tuple(tensor.shape)}, not {tuple('any' if n is None else n for n in shape)}")
    return in_precision(name, tensor, like.dtype)


def require_like(what: str, values: Any, of: str, given: Tensor, must: str) -> Tensor:
    """Return what a function of one's own returns for a given tensor.

    Raises:
        BadInput: it is no tensor, or has another shape or precision.
    """
    if not isinstance(values, Tensor):
        raise BadInput(f"{what} returns a {type(values).__name__}: it must return {must}, a tensor")
    if values.shape != given.shape:
        raise BadInput(f"{what} returns {tuple(values.shape)} for {of} {tuple(given.shape)}: it must return {must}")
    if values.dtype != given.dtype:
        raise BadInput(f"{what} returns {values.dtype} for {of} in {given.dtype}: it must return {must} in that precision")
    return values


class Activation(nn.Module):
    """A function of one's own as φ; what it returns is checked at each call, since the network may change its precision."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function  # if a module, it becomes a submodule

    def forward(self, drives: Tensor) -> Tensor:
        """(..., N) → (..., N).

        Raises:
            BadInput: the function returns no tensor of that shape and precision.
        """
        return require_like("activation", self.function(drives), "drives", drives, "a rate for each")


def _nonlinearity(activation: str | Callable[[Tensor], Tensor], still: Tensor) -> Callable[[Tensor], Tensor]:
    """Return φ by its name, or a function that is tried on a few drives; `still` are drives of 0, (1, N).

    Raises:
        BadInput: no such name, or the function fails, or does not return a finite rate for each drive.
    """
    if isinstance(activation, str):
        return _named_activation(activation)
    if activation in vanilla_cell.ACTIVATIONS.values():
        return activation
    tried, phi = torch.cat([still + drive for drive in _TRIED]), Activation(activation)
    try:
        with torch.no_grad():
            rates = phi(tried.clone())
    except (TypeError, ValueError, RuntimeError) as problem:
        raise BadInput(f"activation fails on a tensor: {in_one_line(problem)}") from problem
    if not rates.isfinite().all():
        drive, rate = next(pair for pair in zip(tried.flatten(), rates.flatten(), strict=True) if not pair[1].isfinite())
        raise BadInput(f"activation returns {rate:g} for {drive:g}: it must return a finite rate for every drive")
    return phi


def _named_activation(activation: str) -> Callable[[Tensor], Tensor]:
    if activation not in vanilla_cell.ACTIVATIONS:
        known = ", ".join(vanilla_cell.ACTIVATIONS)
        raise BadInput(f"activation={activation} must be one of {known}, or a function of tensors")
    return vanilla_cell.ACTIVATIONS[activation]


def _bias(found: Mapping[str, Any], maps: tuple[str, ...], like: Tensor) -> Tensor | None:
    """The sum of the biases of maps, in the shape and the precision of another tensor (N); None where there are none.

    Raises:
        BadInput: they are no numbers, or have another shape.
    """
    names = [name for name in (f"{one}.bias" for one in maps) if found[name] is not None]
    biases = [_matched(name, finite_tensor(name, found[name], 1), tuple(like.shape), like) for name in names]
    return torch.stack(biases).sum(0) if biases else None
