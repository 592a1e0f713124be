"""The recorded mouse: 19 head-direction cells awake, in REM and in slow-wave sleep (Peyrache et al., 2015), as recordings.

Its file has no licence, so the project does not contain it: the environment variable REACTIVATION_MOUSE names it
(docs/recordings.md).

Axes: T bins, N cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from reactivation.analysis.recording import Recording
from reactivation.machine.errors import DamagedData, storing
from reactivation.replay import TuningCurves, pieces
from reactivation.world.spaces import Circle

VARIABLE = "REACTIVATION_MOUSE"
BIN = 0.01  # of the spike counts in the file [s]
TOGETHER = 10  # bins that are decoded together: 0.1 s
PIECE = 10.0  # length of the epochs that the bootstrap resamples [s]
BEARINGS = 60  # cells of the circle
_PHASES = {"awake": "Qrun", "REM sleep": "Qrem", "slow-wave sleep": "Qsws"}

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Mouse:
    """Hold the recordings of the mouse, in epochs of 10 s."""

    tuning: TuningCurves  # of the waking given by `decoded_by`
    true: Recording  # waking: true bearings, with counts per 0.1 s
    decoded: dict[str, Recording]  # bearings decoded from counts per 0.1 s: awake, REM sleep, slow-wave sleep
    fine: dict[str, Recording]  # counts per 0.01 s of the same phases; their positions are all 0


def missing() -> str | None:
    """Return a message if the file is missing, else None."""
    name = os.environ.get(VARIABLE)
    if name and Path(name).exists():
        return None
    return f"{VARIABLE} names no file that is there: the recorded mouse is no part of the project; see docs/recordings.md"


def recorded_mouse(decoded_by: float = 1.0) -> Mouse:
    """Read the file that the environment names.

    Args:
        decoded_by: share of waking, from its beginning, from which tuning curves are found.

    Raises:
        DamagedData: the environment names no file, or one that is not the recorded mouse, or whose arrays do not fit.
        StorageError: the file cannot be read.
    """
    lacking = missing()
    if lacking:
        raise DamagedData(lacking)
    path = Path(os.environ[VARIABLE])
    try:
        with storing(path):
            content = loadmat(path, squeeze_me=True)
        counts = {phase: np.asarray(content[key], dtype=np.float64) for phase, key in _PHASES.items()}
        angles = np.asarray(content["angRun"], dtype=np.float64)
    except (KeyError, ValueError, TypeError, MatReadError, NotImplementedError):  # the last: MATLAB 7.3
        raise DamagedData(f"{path}: is not the recorded mouse of docs/recordings.md") from None
    _require_shapes(path, {**{_PHASES[phase]: one for phase, one in counts.items()}, "angRun": angles})
    coarse = {phase: _by_bins(one).sum(1) for phase, one in counts.items()}
    headings = Circle().mean(_by_bins(angles[:, 1:2]))
    waking = Recording(headings, BIN * TOGETHER, Circle(), coarse["awake"])
    tuning = TuningCurves.of(waking[: int(decoded_by * len(headings))], width=2 * np.pi / BEARINGS)
    return Mouse(
        tuning,
        _in_pieces(waking),
        {phase: _in_pieces(tuning.decode(_undecoded(one, BIN * TOGETHER))) for phase, one in coarse.items()},
        {phase: _in_pieces(_undecoded(one, BIN)) for phase, one in counts.items()},
    )


def _require_shapes(path: Path, arrays: Mapping[str, Counts]) -> None:
    """Refuse arrays (T, N) of the file whose lengths do not fit, by their names.

    Raises:
        DamagedData: one is shorter than a piece, or has other cells or bins than it must.
    """
    for name, array in arrays.items():
        if array.ndim != 2 or len(array) < round(PIECE / BIN):
            raise _misfit(path, name, array, f"at least {round(PIECE / BIN)} bins in rows, and columns")
    bins, cells = arrays["Qrun"].shape
    for name in ("Qrem", "Qsws"):
        if arrays[name].shape[1] != cells:
            raise _misfit(path, name, arrays[name], f"{cells} columns, the cells of Qrun")
    if len(arrays["angRun"]) != bins or arrays["angRun"].shape[1] < 2:
        raise _misfit(path, "angRun", arrays["angRun"], f"{bins} rows, the bins of Qrun, and bearings in a second column")


def _misfit(path: Path, name: str, array: Counts, wanted: str) -> DamagedData:
    shape = " × ".join(map(str, array.shape)) or "a single number"
    return DamagedData(f"{path}: its array {name} is {shape}, not of {wanted}; take the file of docs/recordings.md")


def _by_bins(series: Counts) -> Counts:
    """(T, ...) → (T / TOGETHER, TOGETHER, ...)."""
    whole = len(series) // TOGETHER * TOGETHER
    return series[:whole].reshape(-1, TOGETHER, *series.shape[1:])


def _undecoded(counts: Counts, dt: float) -> Recording:
    return Recording(np.zeros(len(counts)), dt, Circle(), counts)


def _in_pieces(recording: Recording) -> Recording:
    return pieces(recording, round(PIECE / recording.dt))
