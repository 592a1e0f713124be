"""Recorded paths of animals, as the motion of a task."""

from functools import cache
from pathlib import Path as File

import numpy as np
from numpy.typing import NDArray
import torch

from reactivation import types
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.storage.arrays import read_arrays
from reactivation.storage.files import digest
from reactivation.types import Path
from reactivation.world.spaces import Space

_GAP = 1.5  # times the median time between samples: longer ones are gaps, which no path crosses

Array = NDArray[np.float64]


class RecordedPaths:
    """Pieces of recorded positions, begun at moments drawn uniformly; all positions are centred in a space.

    Positions between samples are interpolated linearly. Axes: S stretches without a gap, n samples.
    """

    n_inputs = 2

    def __init__(self, file: str, space: Space, dt: float):
        """Read an npz file with positions `pos` (n, 2) [m] at times `t` (n) [s].

        Raises:
            BadInput: the space is too small for the positions, or the file has no such arrays.
            DamagedData: the file is missing or damaged, holds numbers that are not finite, or its times do not increase.
            StorageError: the file cannot be read.
        """
        self.file, self.dt, self.content = file, dt, digest(File(file))
        stretches = _stretches(file, dt, self.content)
        every = np.concatenate(stretches)
        low, high = every.min(0), every.max(0)
        spans, sides = high - low, [axis.high - axis.low for axis in space.axes]
        if any(span > side for span, side in zip(spans, sides, strict=True)):
            raise BadInput(
                f"{file}: positions span {spans[0]:.3f} × {spans[1]:.3f} m, and the box is {sides[0]:g} × {sides[1]:g} m; "
                "set task.box_width and task.box_height"
            )
        middle = np.array(space.middle) - (low + high) / 2
        self.positions = torch.as_tensor(every + middle, dtype=types.PRECISION)
        self.lengths = [len(stretch) for stretch in stretches]

    def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Path:
        """Draw `batch_size` pieces of T = `steps`: start (B, 2), inputs (B, T, 2), positions (B, T, 2) [m].

        Raises:
            BadInput: no stretch has so many steps.
        """
        begins = np.cumsum([0, *self.lengths[:-1]])
        there = [np.arange(begin, begin + n - steps) for begin, n in zip(begins, self.lengths, strict=True) if n > steps]
        if not there:
            raise BadInput(f"{self.file}: its longest stretch has {max(self.lengths) - 1} steps, and {steps} are wanted")
        starts = torch.as_tensor(np.concatenate(there), device=generator.device)
        drawn = torch.randint(len(starts), (batch_size,), generator=generator, device=generator.device)
        which = starts[drawn][:, None] + torch.arange(steps + 1, device=generator.device)
        positions = self.positions.to(generator.device)[which]
        return Path(positions[:, 0], positions.diff(dim=1), positions[:, 1:])


@cache
def _stretches(file: str, dt: float, content: str | None) -> list[Array]:
    """Recorded positions every `dt` [s], stretch by stretch; read once for each `content`, the digest of the file."""
    arrays = read_arrays(File(file))
    if not {"t", "pos"} <= arrays.keys() or arrays["pos"].shape != (arrays["t"].size, 2) or arrays["t"].ndim != 1:
        held = ", ".join(f"{name} {one.shape}" for name, one in arrays.items()) or "nothing"
        raise BadInput(f"{file}: positions `pos` (n, 2) [m] at times `t` (n) [s] are wanted; it has {held}")
    times, positions = arrays["t"].astype(np.float64), arrays["pos"].astype(np.float64)
    apart = np.diff(times)
    if len(times) < 2 or not (apart > 0).all():
        raise DamagedData(f"{file}: its times t do not increase")
    ends = np.flatnonzero(apart > _GAP * np.median(apart)) + 1
    pieces = zip(np.split(times, ends), np.split(positions, ends), strict=True)
    return [_every(dt, t, xy) for t, xy in pieces]


def _every(dt: float, times: Array, positions: Array) -> Array:
    moments = times[0] + dt * np.arange(int((times[-1] - times[0]) / dt * (1 + 1e-9)) + 1)
    return np.stack([np.interp(moments, times, along) for along in positions.T], axis=1)
