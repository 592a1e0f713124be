"""The data of each network on the live page: its weights as whole numbers, its starts, and its waking.

Axes: N units, O output cells, I inputs, P dimensions, n points.
"""

import base64
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from paper.protocols import HEAD, SPATIAL
from paper.study import Study
from reactivation.analysis.densities import estimate
from reactivation.analysis.measures.manifold import Plane
from reactivation.analysis.recording import Recording
from reactivation.analysis.run import TrainedRun
from reactivation.machine.errors import BadInput
from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear
from reactivation.world.motion import Turns, Walk
from reactivation.world.tuning import HeadDirectionCells, PlaceCells

Array = NDArray[np.float64]

_WHOLE: dict[int, np.dtype[Any]] = {
    8: np.dtype("<i1"),
    16: np.dtype("<i2"),
}  # bits → kind of whole numbers
_STARTS = 64
_CLOUD = 1500  # points of waking in the plane
_CELL = 0.05  # of the grid of positions [m]
_BEARINGS = 90  # of the grid on the circle
_BEYOND = 3.0  # how far the grid reaches beyond the walls [standard deviations of the kernel]


@dataclass(frozen=True)
class Shown:
    """A network on the page."""

    task: str
    run: str
    title: str
    note: str  # how it was trained
    bits: int = 8  # of a weight
    noise_of: str = ""  # the network whose σ is the unit of noise at rest; "": its own

    @property
    def key(self) -> str:
        """Its name in links."""
        return f"{'head_' if self.task == HEAD else ''}{self.run}"


_DRAWN = "on walks that are drawn to the centre and keep to a ring around it"
_UNTOUCHED = "without noise; at rest, c is in units of the noise of others"
# Networks of head direction are small, and drift so slowly that 8 bits would change their occupancy.
NETWORKS = (
    Shown(SPATIAL, "noisy_biased", "Space, biased", f"Trained with noise, {_DRAWN}."),
    Shown(SPATIAL, "noisy_unbiased", "Space, unbiased", "Trained with noise, on walks that go everywhere."),
    Shown(SPATIAL, "no-noise_biased", "Space, biased, no noise", f"Trained {_UNTOUCHED}.", noise_of="noisy_biased"),
    Shown(SPATIAL, "no-noise_unbiased", "Space, unbiased, no noise", f"Trained {_UNTOUCHED}.", noise_of="noisy_unbiased"),
    Shown(SPATIAL, "noisy_biased_gru", "Space, biased, GRU", f"GRU, trained with noise, {_DRAWN}."),
    Shown(HEAD, "noisy_unbiased", "Head direction, unbiased", "Trained with noise, on turns either way.", bits=16),
    Shown(HEAD, "noisy_biased", "Head direction, biased", "Trained with noise, on turns to the left only.", bits=16),
)


def described(shown: Shown, study: Study) -> dict[str, Any]:
    """Return a network as plain values, which the page's JavaScript reads.

    Raises:
        DamagedData: the network is missing.
        BadInput: it has biases, or a cell, motion or tuning that the page does not support.
    """
    seed = study.seeds[0]
    run = study.network(shown.task, shown.run, seed)
    awake = study.recording(shown.task, shown.run, "active", seed)
    unit = study.network(shown.task, shown.noise_of, seed) if shown.noise_of else run
    starts = run.task.space.grid(math.ceil(_STARTS ** (1 / run.task.space.dimensions))).points
    rates = run.network.initial_state(run.task.encode(torch.as_tensor(starts, dtype=torch.float32)))
    return {
        "key": shown.key,
        "title": shown.title,
        "note": shown.note,
        "run": run.config.config,
        "seed": seed,
        "weights": run.weights,
        "cell": run.config.rnn.model,
        "activation": run.config.rnn.activation_fn,
        "units": run.network.n_units,
        "inputs": run.network.n_inputs,
        "outputs": run.network.n_outputs,
        "tau": run.config.rnn.tau,
        "dt": run.dt,
        "sigma": unit.noise.sigma,
        "sigmaAwake": run.noise.sigma,
        "restGain": run.network.cell.rest_variance_gain if run.noise.sigma else 0.0,
        "matrices": matrices(run, shown.bits),
        "starts": rows(rates, shown.bits),
        "startPositions": floats(starts),
        "frame": None if shown.task == HEAD else run.task.space.frame,
        "centres": floats(_centres(run)),
        "motion": _motion(run),
        "waking": {**_waking(awake), **(_on_circle if shown.task == HEAD else _in_box)(awake)},
    }


def matrices(run: TrainedRun, bits: int) -> dict[str, dict[str, Any]]:
    """Return the weights of the cell and of the readout by name, each in rows.

    Raises:
        BadInput: there are biases, which the page does not support.
    """
    maps: dict[str, Linear] = {**_maps(run.network.cell), "readout": run.network.decoder}
    if any(one.bias is not None for one in maps.values()):
        raise BadInput(f"{run}: has biases, and networks on the live page have none")
    return {name: rows(one.weight, bits) for name, one in maps.items()}


def _maps(cell: Cell) -> dict[str, Linear]:
    return {name: one for name, one in cell.named_children() if isinstance(one, Linear)}


def rows(matrix: Tensor, bits: int) -> dict[str, Any]:
    """Return a matrix as whole numbers of 8 or 16 bits, with a scale for each row: W ≈ scale · number."""
    values, whole = matrix.detach().numpy(), _WHOLE[bits]
    scales = (np.abs(values).max(1, keepdims=True) / (2 ** (bits - 1) - 1)).astype("<f4")
    levels = np.rint(values / np.where(scales > 0, scales, 1)).astype(whole)
    shape = {"rows": len(values), "columns": values.shape[1]}
    return {**shape, "bits": bits, "scales": floats(scales), "values": _text(levels)}


def unpacked(packed: dict[str, Any]) -> Tensor:
    """Return the matrix from its packed rows, as the page computes it."""
    levels = np.frombuffer(base64.b64decode(packed["values"]), _WHOLE[packed["bits"]])
    scales = np.frombuffer(base64.b64decode(packed["scales"]), "<f4")
    return torch.from_numpy(scales[:, None] * levels.reshape(packed["rows"], packed["columns"]).astype(np.float32))


def put_back(description: dict[str, Any], run: TrainedRun) -> None:
    """Give a run the rounded weights of the page."""
    maps = {**_maps(run.network.cell), "readout": run.network.decoder}
    with torch.no_grad():
        for name, one in maps.items():
            one.weight.copy_(unpacked(description["matrices"][name]))


def floats(values: Any) -> str:
    """Return numbers as base64 text of single precision."""
    return _text(np.asarray(values, dtype="<f4"))


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _centres(run: TrainedRun) -> Tensor:
    """Return the preferred position of each output cell, (O, P)."""
    tuning = run.task.tuning
    if isinstance(tuning, PlaceCells):
        return tuning.centres
    if isinstance(tuning, HeadDirectionCells):
        return tuning.angles[:, None]
    raise BadInput(f"{run}: reports {type(tuning).__name__}, and networks on the live page report cells")


def _motion(run: TrainedRun) -> dict[str, Any]:
    """Return the parameters of the walks, with which the page continues them."""
    motion = run.task.motion
    if isinstance(motion, Walk):
        return {
            "turnMean": motion.turn_mean,
            "turnSd": motion.turn_std,
            "speedScale": motion.speed_scale,
            "borderRegion": motion.border_region,
            "borderSlowFactor": motion.border_slow_factor,
            "anchor": motion.anchor,
            "pull": motion.drift,
        }
    if isinstance(motion, Turns):
        return {"turnMean": motion.turn_mean, "turnSd": motion.turn_std, "biased": motion.biased}
    raise BadInput(f"{run}: moves by {type(motion).__name__}, which the live page does not know")


def _waking(awake: Recording) -> dict[str, Any]:
    """Return the amplitude of waking, and its points in the plane of its first two components."""
    assert awake.moments is not None  # recordings of a study have rates
    plane = Plane(awake.moments)
    points, positions = plane.project(awake.rates).reshape(-1, 2), awake.flat
    chosen = np.linspace(0, len(points) - 1, _CLOUD).astype(int)
    return {
        "norm": float(np.linalg.norm(awake.rates, axis=-1).mean()),
        "mean": floats(plane.mean),
        "axes": floats(plane.axes.T),
        "cloud": floats(points[chosen]),
        "cloudPositions": floats(positions[chosen]),
    }


def _on_circle(awake: Recording) -> dict[str, Any]:
    """Return the log density of bearings on a grid, and its kernel."""
    density = estimate(awake.space, awake.flat)
    cells: Array = (np.arange(_BEARINGS, dtype=np.float64) + 0.5) * (2 * math.pi / _BEARINGS) - math.pi
    return {
        "cells": [_BEARINGS],
        "precision": [1 / density.kernel],
        "logDensity": floats(density.log_density(cells[:, None])),
    }


def _in_box(awake: Recording) -> dict[str, Any]:
    """Return the log density of positions on a grid that reaches beyond the walls as far as the kernel, and its kernel."""
    density = estimate(awake.space, awake.flat)
    xx, xy, yy = np.linalg.inv(density.kernel)[[0, 0, 1], [0, 1, 1]].tolist()
    spread = float(np.sqrt(np.linalg.eigvalsh(density.kernel)[-1]))
    columns, corners = [], []
    for axis in awake.space.axes:
        over = math.ceil(_BEYOND * spread / _CELL)
        columns.append(math.ceil((axis.high - axis.low) / _CELL) + 2 * over)
        corners.append((axis.low + axis.high) / 2 - columns[-1] * _CELL / 2)
    x, y = (low + _CELL * (np.arange(n) + 0.5) for low, n in zip(corners, columns, strict=True))
    grid: Array = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)  # row by row upwards
    return {
        "cells": columns,
        "cellSize": _CELL,
        "corner": corners,
        "precision": [xx, xy, yy],
        "kernelSd": spread,
        "logDensity": floats(density.log_density(grid)),
    }
