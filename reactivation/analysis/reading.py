"""Reading recorded positions, with rates and true ones: their shape, missing samples, gaps, and samples outside the space.

A series is what was given as one array or table, (T, P).
"""

from collections.abc import Iterable, Sequence
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.epochs import Array, Epoch, Rates, Start, cut, split
from reactivation.analysis.stamps import Stamps, index_of, is_several, kind_of, require_same
from reactivation.checks import numbers
from reactivation.machine.errors import BadInput
from reactivation.world.spaces import Space

TRUTH = "true positions"  # in messages
_FEW = 10  # an array with fewer columns than this, and than rows, is taken for a table of columns, not for epochs
_AT_ONCE = 1_000_000  # positions whose walls are looked for together
_ROUNDING = 1e-6  # error of single precision, or of a box around its own positions [m, rad]


def read_series(positions: Any, dimensions: int, name: str = "positions") -> Array | list[Array]:
    """Read positions as (B, T, P), or as a list of (T, P) where lengths differ; they are anything numpy makes an array of.

    Args:
        name: what they are, for messages.

    Raises:
        BadInput: they are not numbers, or have another shape.
    """
    parts = positions if isinstance(positions, list | tuple) else []
    if any(is_several(one) for one in parts):
        epochs = [numbers(name, one) for one in parts]
        if dimensions == 1:
            epochs = [epoch[:, None] if epoch.ndim == 1 else epoch for epoch in epochs]
        if len({epoch.shape for epoch in epochs}) > 1:
            return [_one_of(epoch, dimensions, name, place) for place, epoch in enumerate(epochs)]
        return _shaped(np.stack(epochs), dimensions, name)
    array = numbers(name, positions)
    if dimensions == 1 and array.ndim == 2 and array.shape[1] > 1 and kind_of(getattr(positions, "index", None)):
        raise BadInput(f"{name} have {array.shape[1]} columns: give the one that holds the bearings [rad]")
    return _shaped(array, dimensions, name)


def _one_of(array: Array, dimensions: int, name: str, place: int) -> Array:
    """The only epoch, (T, P), of the array at a place of a list."""
    read = _shaped(array, dimensions, name)
    if len(read) > 1:
        raise BadInput(f"{name} hold {len(read)} epochs in array {place} of the list: give each epoch as one array of it")
    return read[0]


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


def read_truth(
    truth: Any, series: Array | list[Array], known: Sequence[Sequence[Stamps | None]], dt: float
) -> Array | list[Array]:
    """Read true positions of the samples of `series`, in its shape.

    Args:
        known: the times of each series that were given, and its index.

    Raises:
        BadInput: they are not numbers, or have another shape; or their index holds other times or row numbers.
    """
    read = read_series(truth, series[0].shape[-1], TRUTH)
    if len(read) != len(series):
        raise BadInput(f"{TRUTH} are of {len(read)} epochs, positions of {len(series)}: give one for each sample")
    for own, of in zip(read, series, strict=True):
        if own.shape != of.shape:
            raise BadInput(f"{TRUTH} have shape {own.shape} where positions have {of.shape}: give one for each sample")
    require_same(TRUTH, index_of(truth, [len(one) for one in series]), known, dt)
    return read


def read_rates(rates: Any, series: Array | list[Array], known: Sequence[Sequence[Stamps | None]], dt: float) -> Any:
    """Read rates as (K, T, N), or as a list of (T, N).

    Args:
        known: the times of each series that were given, and its index.

    Raises:
        BadInput: they do not fit the positions, or their index holds other times or row numbers.
    """
    if isinstance(rates, list | tuple):
        read: Any = [numbers("rates", one, np.float32) for one in rates]
    else:
        array = numbers("rates", rates, np.float32)
        read = array[None] if array.ndim < 3 else array
    fits = 0 < len(read) <= len(series)
    if not fits or any(one.ndim != 2 or len(one) != len(of) for one, of in zip(read, series, strict=False)):
        raise BadInput(f"rates have shapes {[one.shape for one in read]}; (T, N) is wanted for each epoch, in their order")
    require_same("rates", index_of(rates, [len(one) for one in read]), known, dt)
    if len(units := sorted({one.shape[1] for one in read})) > 1:
        raise BadInput(f"rates are of {units} units: give those of the same ones in each epoch")
    if isinstance(series, np.ndarray) and isinstance(read, list):
        read = np.stack(read)
    return read


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


def read_supports(positions: Any, lengths: Sequence[int]) -> list[NDArray[np.intp]] | None:
    """Number the interval of the time support that each sample of each series is in; None where no series has a support.

    Intervals of pynapple objects may touch, so gaps in times do not always separate them.
    """
    series = positions if isinstance(positions, list | tuple) else [positions]
    supports = [getattr(one, "time_support", None) for one in series]
    if all(support is None for support in supports) or len(series) != len(lengths):
        return None
    return [
        np.zeros(length, dtype=np.intp) if support is None else np.searchsorted(support.start, one.t, side="right")
        for one, support, length in zip(series, supports, lengths, strict=True)
    ]


def parts_of(
    series: Array | list[Array],
    there: list[NDArray[np.bool_]] | None,
    times: Sequence[Stamps | None],
    dt: float,
    supports: list[NDArray[np.intp]] | None,
) -> list[Epoch] | None:
    """The epochs of series; None where each series is one whole epoch."""
    if there is None and supports is None and all(one is None for one in times):
        return None
    kept = there or [np.ones(len(one), dtype=bool) for one in series]
    parts = split(kept, times, dt, supports)
    return None if [part.steps for part in parts] == [slice(0, len(one)) for one in series] else parts


def starts_of(
    begins: Iterable[tuple[int, int]], times: Sequence[Stamps | None], lengths: Sequence[int], dt: float
) -> tuple[Start, ...]:
    """Say where epochs begin, by the times of their series; one without times follows the series before, or begins at 0.

    Args:
        begins: the series of each epoch, and the step of that series.
    """
    first = np.cumsum([0, *lengths]).tolist()
    earliest = min((one.first for one in times if one is not None and one.first is not None), default=None)
    zeros, follows = [], 0.0  # follows: the zero of samples that are counted on
    for after, one in zip(first[1:], times, strict=True):
        zeros.append(follows if one is None else one.zero(earliest))
        if one is not None:
            follows = one.zero(earliest) + float(one.values[-1]) + dt - after * dt

    def seconds(series: int, step: int) -> float:
        stamps = times[series]
        return zeros[series] + float((first[series] + step) * dt if stamps is None else stamps.values[step])

    return tuple(Start(first[series] + step, seconds(series, step)) for series, step in begins)


def cut_rates(rates: Any, parts: list[Epoch] | None) -> tuple[Rates, ...]:
    """Cut rates of the first K epochs to blocks (K, T, N), as `cut` does with positions.

    Raises:
        BadInput: they are not finite where positions are kept.
    """
    if parts is None:
        blocks = tuple(cut(rates, None))
    else:
        blocks = tuple(rates[part.series][part.steps][None] for part in parts if part.series < len(rates))
    wrong = sum(int((~np.isfinite(block)).sum()) for block in blocks)
    if wrong:
        raise BadInput(f"{wrong} rates of samples with a position are not finite: leave out these samples or units")
    return blocks


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
