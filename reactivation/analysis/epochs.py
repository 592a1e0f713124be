"""Reading recorded positions: their shape, their times, missing samples, and samples outside the space.

An epoch is a stretch of samples a time step apart, (T, P). Between epochs there is no step, no lag and no dwell.
"""

from collections.abc import Mapping, Sequence
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reactivation.checks import numbers
from reactivation.machine.errors import BadInput
from reactivation.world.spaces import Space

Array = NDArray[np.float64]
Rates = NDArray[np.float32]

TRUTH = "true positions"  # in messages
_GAP = 1.5  # time steps beyond which two samples are not neighbours
_SAME = 0.5  # time steps by which the times of positions and of true positions may differ
_UNEVEN, _TOLERATED = 0.1, 0.05  # tolerated error of a time step, as a share of it; share of steps that may exceed it
_OTHER_DT = 0.01  # tolerated relative difference between the given Δt and that of the times
_FEW = 10  # an array with fewer columns than this, and than rows, is taken for a table of columns, not for epochs
_AT_ONCE = 1_000_000  # positions whose walls are looked for together
_ROUNDING = 1e-6  # error of single precision, or of a box around its own positions [m, rad]


class Moments(NamedTuple):
    """Of the rates of a phase, over all trajectories and steps."""

    mean: Array  # (N)
    covariance: Array  # (N, N)


class Start(NamedTuple):
    """Where an epoch begins."""

    sample: int  # index of its first sample among the given ones
    seconds: float  # by the given times; without times, as if epochs were recorded one after the other

    def after(self, samples: int, dt: float) -> "Start":
        """Return where samples after that one begin, Δt = `dt` [s] apart."""
        return Start(self.sample + samples, self.seconds + samples * dt)


class Parts(NamedTuple):
    """The parts of a recording, read and checked; `Recording` describes each."""

    space: Space
    dt: float  # [s]
    blocks: tuple[Array, ...]  # (B, T, P) each, all epochs in their order
    truth: tuple[Array, ...]  # true positions, of the shapes of `blocks`; none: not known
    rates: tuple[Rates, ...]  # (B, T, N) each, of the first epochs
    moments: Moments | None  # as given; None: computed from the rates
    starts: tuple[Start, ...]  # of each epoch
    given: int  # number of given samples, dropped ones included; -1: masks over them no longer fit
    outside: int
    dropped: int
    provenance: Mapping[str, Any]


class Epoch(NamedTuple):
    """A stretch of a given series."""

    series: int  # index of the series
    steps: slice  # of that series


def read_series(positions: Any, dimensions: int, name: str = "positions") -> Array | list[Array]:
    """Read positions as (B, T, P), or as a list of (T, P) where lengths differ; they are anything numpy makes an array of.

    Args:
        name: what they are, for messages.

    Raises:
        BadInput: they are not numbers, or have another shape.
    """
    parts = positions if isinstance(positions, list | tuple) else []
    if any(getattr(one, "ndim", 0) or isinstance(one, list | tuple) for one in parts):
        epochs = [numbers(name, one) for one in parts]
        if len({epoch.shape for epoch in epochs}) > 1:
            return [_shaped(epoch, dimensions, name)[0] for epoch in epochs]
        return _shaped(np.stack(epochs), dimensions, name)
    array = numbers(name, positions)
    if dimensions == 1 and array.ndim == 2 and array.shape[1] > 1 and _kind(getattr(positions, "index", None)):
        raise BadInput(f"{name} have {array.shape[1]} columns: give the one that holds the bearings [rad]")
    return _shaped(array, dimensions, name)


def _shaped(array: Array, dimensions: int, name: str) -> Array:
    """Any accepted shape → (B, T, P)."""
    shape = array.shape
    if dimensions == 1 and array.ndim < 3 and shape[-1:] != (1,):
        if array.ndim == 2 and shape[1] < min(shape[0], _FEW):
            raise BadInput(
                f"{name} have shape {shape}, which on a circle is {shape[0]} epochs of {shape[1]} bearings: give the "
                "column that holds the bearings, or shape (B, T, 1) if epochs are meant"
            )
        array = array[..., None]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[-1] != dimensions or not array.size:
        axes = " or (T)" if dimensions == 1 else ""
        raise BadInput(
            f"{name} have shape {shape}; (T, {dimensions}){axes} is wanted, (B, T, {dimensions}), or a list of epochs"
        )
    return array


def read_truth(truth: Any, series: Array | list[Array], times: list[Array] | None, dt: float) -> Array | list[Array]:
    """Read true positions of the samples of `series`, whose times are `times`, in its shape.

    Raises:
        BadInput: they are not numbers, or have another shape; or their index holds other times.
    """
    read = read_series(truth, series[0].shape[-1], TRUTH)
    if len(read) != len(series):
        raise BadInput(f"{TRUTH} are of {len(read)} epochs, positions of {len(series)}: give one for each sample")
    for own, of in zip(read, series, strict=True):
        if own.shape != of.shape:
            raise BadInput(f"{TRUTH} have shape {own.shape} where positions have {of.shape}: give one for each sample")
    brought = read_times(None, truth, [len(one) for one in series], None)
    if times is not None and brought is not None:
        pairs = zip(brought, times, strict=True)
        if any((np.abs(own - of) > _SAME * dt).any() for own, of in pairs):
            raise BadInput(f"{TRUTH} have other times than positions: take those at the times of the positions")
    return read


def read_rates(rates: Any, series: Array | list[Array]) -> Any:
    """Rates as (K, T, N), or as a list of (T, N).

    Raises:
        BadInput: they do not fit the positions.
    """
    if isinstance(rates, list | tuple):
        read: Any = [numbers("rates", one, np.float32) for one in rates]
    else:
        array = numbers("rates", rates, np.float32)
        read = array[None] if array.ndim < 3 else array
    fits = 0 < len(read) <= len(series)
    if not fits or any(one.ndim != 2 or len(one) != len(of) for one, of in zip(read, series, strict=False)):
        raise BadInput(f"rates have shapes {[one.shape for one in read]}; (T, N) is wanted for each epoch, in their order")
    if len(units := sorted({one.shape[1] for one in read})) > 1:
        raise BadInput(f"rates are of {units} units: give those of the same ones in each epoch")
    if isinstance(series, np.ndarray) and isinstance(read, list):
        read = np.stack(read)
    if not all(np.isfinite(one).all() for one in read):
        raise BadInput("rates hold values that are not finite")
    return read


def are_counts(rates: Array | Rates) -> bool:
    """Whether rates are spike counts: whole numbers from 0 on."""
    return bool((rates >= 0).all() and (rates == np.round(rates)).all())


def read_times(times: Any, positions: Any, lengths: Sequence[int], dt: float | None) -> list[Array] | None:
    """Read the times of each series [s]; where none are given, those in the index of the positions.

    Raises:
        BadInput: there are more or fewer times than samples, or they do not increase.
    """
    if times is None:
        series = positions if isinstance(positions, list | tuple) else [positions]
        brought = [found for one in series if (found := _times_of(one, dt)) is not None]
        if [len(one) for one in brought] != list(lengths):
            return None
        times = brought
    parts = times if isinstance(times, list | tuple) and times and np.ndim(times[0]) else [times]
    read = [_seconds(one) for one in parts]
    read = read * len(lengths) if len(read) == 1 else read
    if [one.shape for one in read] != [(length,) for length in lengths]:
        raise BadInput(
            f"times have lengths {[one.shape for one in read]}, positions {list(lengths)}: give one for each sample"
        )
    for one in read:
        steps = np.diff(one)
        if not (np.isfinite(one).all() and (steps > 0).all()):
            raise BadInput(f"times must be finite and increase; they do not at sample {int((~(steps > 0)).argmax()) + 1}")
    return read


def _times_of(values: Any, dt: float | None = None) -> Array | None:
    """The times in the index of a pandas or pynapple object [s]; None where the index holds no times.

    Whole numbers are row numbers: with `dt` they show where rows were left out.
    """
    index: Any = getattr(values, "index", None)
    if _kind(index).startswith(("datetime64", "timedelta64", "float")):
        return _seconds(index)
    if not _kind(index).startswith("int") or dt is None or len(index) < 2:
        return None
    rows = np.asarray(index, dtype=np.float64)
    steps = np.diff(rows)
    return rows / np.median(steps) * dt if (steps > 0).all() else None


def _seconds(times: Any) -> Array:
    """Times as seconds; dates from the first date, since double precision does not hold microseconds since 1970."""
    if _kind(times).startswith("datetime64"):
        dates = np.asarray(times, dtype="datetime64[ns]")
        times = dates - dates[:1]
    if _kind(times).startswith("timedelta64"):
        return np.asarray(np.asarray(times, dtype="timedelta64[ns]") / np.timedelta64(1, "s"), dtype=np.float64)
    try:
        return np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("times are no numbers of seconds, and no dates") from None


def _kind(values: Any) -> str:
    return str(getattr(values, "dtype", ""))


def time_step(times: list[Array] | None, dt: float | None) -> float:
    """Find Δt [s], and check it against the times.

    Raises:
        BadInput: both are missing, they disagree, or the times are uneven.
    """
    if times is None:
        if dt is None:
            raise BadInput("give dt=, the time from one sample to the next [s], or times=")
        return dt
    steps = np.concatenate([np.diff(one) for one in times])
    if not len(steps):
        raise BadInput("times of single samples say no time step: give longer epochs")
    found = float(np.median(steps))
    if dt is not None and abs(found / dt - 1) > _OTHER_DT:
        raise BadInput(f"dt={dt:g} s, but the times are {found:g} s apart: leave dt out, or mend the times")
    uneven = float((np.abs(steps[steps < _GAP * found] / found - 1) > _UNEVEN).mean())
    if uneven > _TOLERATED:
        raise BadInput(f"{uneven:.0%} of the time steps differ from {found:g} s by more than {_UNEVEN:.0%}: resample first")
    return found if dt is None else dt


def read_supports(positions: Any, lengths: Sequence[int]) -> list[NDArray[np.intp]] | None:
    """Number the interval of the time support that each sample of each series is in; None where no series has a support.

    Intervals of pynapple objects may touch, so gaps in times do not always separate them.
    """
    series = positions if isinstance(positions, list | tuple) else [positions]
    supports = [getattr(one, "time_support", None) for one in series]
    if all(support is None for support in supports) or [len(one) for one in series] != list(lengths):
        return None
    return [
        np.zeros(len(one), dtype=np.intp) if support is None else np.searchsorted(support.start, one.t, side="right")
        for one, support in zip(series, supports, strict=True)
    ]


def split(
    kept: list[NDArray[np.bool_]],
    times: list[Array] | None,
    dt: float,
    supports: list[NDArray[np.intp]] | None = None,
) -> list[Epoch]:
    """Cut series (each T) where a sample is not kept, where times have a gap, and where another interval begins."""
    epochs = []
    for series, keep in enumerate(kept):
        indices = np.flatnonzero(keep)
        cut = np.diff(indices) > 1
        if times is not None:
            cut |= np.diff(times[series][indices]) > _GAP * dt
        if supports is not None:
            cut |= np.diff(supports[series][indices]) != 0
        for stretch in np.split(indices, np.flatnonzero(cut) + 1):
            if len(stretch):
                epochs.append(Epoch(series, slice(int(stretch[0]), int(stretch[-1]) + 1)))
    return epochs


def finite(series: Array | list[Array], truth: Array | list[Array] | None, drop: bool) -> list[NDArray[np.bool_]] | None:
    """Find the samples (T) of each series that are finite, with their true positions; None where all are.

    Raises:
        BadInput: some are not finite, and they may not be dropped; or none is finite.
    """
    there = [np.asarray(np.isfinite(one).all(-1)) for one in series]
    name = "positions"
    if truth is not None:
        name = TRUTH if all(one.all() for one in there) else name
        there = [here & np.isfinite(one).all(-1) for here, one in zip(there, truth, strict=True)]
    missing, samples = sum(int((~one).sum()) for one in there), sum(len(one) for one in there)
    if not missing:
        return None
    if not drop:
        raise BadInput(
            f"{missing} of {samples} {name} are not finite: give drop_missing=True to cut them out, or fill them in"
        )
    if missing == samples:
        raise BadInput(f"none of {samples} {name} is finite")
    return there


def in_space(points: Array, space: Space) -> Array:
    """Wrap positions (..., P) into a space; positions already within keep every bit.

    Raises:
        BadInput: they are angles that look like degrees.
    """
    if space.unit == "rad":
        size = np.abs(points)
        if size.size and size.max() > 4 * math.pi and (size > 2 * math.pi).mean() > 0.5:
            raise BadInput(
                f"bearings reach {size.max():.4g} and most lie beyond 2π: they look like degrees; give np.deg2rad(...), "
                "or, of turns that add up, np.angle(np.exp(1j * bearings))"
            )
    low, high = np.array([(axis.low, axis.high) for axis in space.axes]).T
    beyond = (points < low - _ROUNDING) | (points > high + _ROUNDING)
    return np.where(beyond, space.wrap(points), points) if beyond.any() else points


def count_outside(points: Array, space: Space, margin: float, name: str = "positions") -> int:
    """Count the positions (n, P) beyond the walls; `name` says in messages what they are.

    Raises:
        BadInput: some lie more than `margin` beyond.
    """
    parts = np.array_split(points, len(points) // _AT_ONCE + 1)
    gap = np.concatenate([np.asarray(space.wall(part).gap) for part in parts])
    far = gap < -margin - _ROUNDING
    if far.any():
        raise BadInput(
            f"{far.mean():.1%} of the {name} lie more than {margin:g} {space.unit} outside {space}: give the space that "
            "they were recorded in (Box.around(positions) holds all), positions in its unit, or a larger margin="
        )
    return int((gap < -_ROUNDING).sum())


def parts_of(
    series: Array | list[Array],
    there: list[NDArray[np.bool_]] | None,
    times: list[Array] | None,
    dt: float,
    supports: list[NDArray[np.intp]] | None,
) -> list[Epoch] | None:
    """The epochs of series; None where each series is one whole epoch."""
    if there is None and times is None and supports is None:
        return None
    kept = there or [np.ones(len(one), dtype=bool) for one in series]
    parts = split(kept, times, dt, supports)
    return None if [part.steps for part in parts] == [slice(0, len(one)) for one in series] else parts


def cut(series: Any, parts: list[Epoch] | None) -> list[Any]:
    """Series as blocks (B, T, P): one for each part; without parts (None), a single block if all have one length."""
    if parts is not None:
        return [series[part.series][part.steps][None] for part in parts]
    if isinstance(series, np.ndarray):
        return [series]
    return stacked(series, len({len(one) for one in series}) == 1)


def each(blocks: Sequence[Any]) -> list[Any]:
    """The epochs (T, ...) of blocks (B, T, ...), one by one."""
    return [epoch for block in blocks for epoch in block]


def stacked(series: Sequence[Any], whole: bool) -> list[Any]:
    """Epochs as one block (`whole`), or as one block each."""
    return ([np.stack(series)] if series else []) if whole else [one[None] for one in series]


def cut_rates(rates: Any, parts: list[Epoch] | None) -> tuple[Rates, ...]:
    """Rates of the first K epochs as blocks (K, T, N), as `cut` does with positions."""
    if parts is not None:
        return tuple(rates[part.series][part.steps][None] for part in parts if part.series < len(rates))
    return tuple(cut(rates, None))


def range_of(lengths: NDArray[np.int64]) -> str:
    """How long epochs are, for messages."""
    distinct = sorted({int(length) for length in lengths})
    return str(distinct[0]) if len(distinct) == 1 else f"{distinct[0]} to {distinct[-1]}"
