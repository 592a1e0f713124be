"""Reading recorded positions: their shape, their times, missing samples, and samples outside the space.

An epoch is a stretch of samples a time step apart, (T, P). Between epochs there is no step, no lag and no dwell.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
SAME = 0.5 + 1e-6  # steps by which stamps of the same samples may differ: those of bins are their middles or their edges
_UNEVEN, _TOLERATED = 0.1, 0.05  # tolerated error of a time step, as a share of it; share of steps that may exceed it
_OTHER_DT = 0.01  # tolerated relative difference between the given Δt and that of the times
_FEW = 10  # an array with fewer columns than this, and than rows, is taken for a table of columns, not for epochs
_AT_ONCE = 1_000_000  # positions whose walls are looked for together
_ROUNDING = 1e-6  # error of single precision, or of a box around its own positions [m, rad]
_SECONDS, _ROWS = "seconds", "row numbers"  # kinds of stamps, as messages name them
_NAIVE, _ZONED = "dates without a time zone", "dates with a time zone"


class Moments(NamedTuple):
    """Of the rates of a phase, over all trajectories and steps."""

    mean: Array  # (N)
    covariance: Array  # (N, N)


class Start(NamedTuple):
    """Where an epoch begins."""

    sample: int  # index of its first sample among the given ones
    seconds: float  # by the given times, dates from the earliest; without times, as if epochs followed each other

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


class Stamps(NamedTuple):
    """What tells the samples of a series apart: when they were taken, or which rows of a table they are."""

    kind: str
    values: Array  # (T) [s], of dates since `first`, as double precision does not hold microseconds since 1970; or rows
    first: np.datetime64 | None  # the date of the first sample, in UTC if dates have a time zone; None: no dates

    def zero(self, date: np.datetime64 | None) -> float:
        """Return when the zero of `values` is, counted from a date [s]; without dates there is one zero only."""
        return 0.0 if self.first is None or date is None else float(_in_seconds(self.first - date))


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
    if any(_is_several(one) for one in parts):
        epochs = [numbers(name, one) for one in parts]
        if len({epoch.shape for epoch in epochs}) > 1:
            return [_one_of(epoch, dimensions, name, place) for place, epoch in enumerate(epochs)]
        return _shaped(np.stack(epochs), dimensions, name)
    array = numbers(name, positions)
    if dimensions == 1 and array.ndim == 2 and array.shape[1] > 1 and _kind(getattr(positions, "index", None)):
        raise BadInput(f"{name} have {array.shape[1]} columns: give the one that holds the bearings [rad]")
    return _shaped(array, dimensions, name)


def _one_of(array: Array, dimensions: int, name: str, place: int) -> Array:
    """The only epoch, (T, P), of the array at a place of a list."""
    read = _shaped(array, dimensions, name)
    if len(read) > 1:
        raise BadInput(f"{name} hold {len(read)} epochs in array {place} of the list: give each epoch as one array of it")
    return read[0]


def _is_several(value: Any) -> bool:
    return bool(getattr(value, "ndim", 0)) or isinstance(value, list | tuple)


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
    _require_same(TRUTH, index_of(truth, [len(one) for one in series]), known, dt)
    return read


def _require_same(name: str, index: Sequence[Stamps | None], known: Sequence[Sequence[Stamps | None]], dt: float) -> None:
    """Compare the index of what came with positions with what is known of these.

    Raises:
        BadInput: it can be compared with some of it, and agrees with none of that.
    """
    for epoch, own in enumerate(index):
        if own is None:
            continue
        both = [of for of in (one[epoch] for one in known) if of is not None and _can_be_compared(own, of)]
        compared = [(of, _differing(own, of, dt)) for of in both]
        if compared and all(differing.any() for _, differing in compared):
            of, differing = compared[0]
            raise BadInput(_difference(name, own, of, _where(int(differing.argmax()), epoch, len(known[0]))))


def _can_be_compared(one: Stamps, other: Stamps) -> bool:
    """Whether both are times, or both are rows that were not numbered anew."""
    return (one.kind == _ROWS) == (other.kind == _ROWS) and not _is_plain(one) and not _is_plain(other)


def _differing(own: Stamps, of: Stamps, dt: float) -> NDArray[np.bool_]:
    """Find the samples (T) whose stamps lie more than half a step from those of positions, `of`."""
    if {own.kind, of.kind} == {_NAIVE, _ZONED}:
        return np.ones(len(of.values), dtype=bool)
    # Dates and seconds have no zero in common, so only the time since the first sample is compared.
    shift = own.zero(of.first) if own.kind == of.kind else of.values[0] - own.values[0]
    step = _step_of_rows(of.values) if of.kind == _ROWS else dt
    return np.asarray(~(np.abs(own.values - of.values + shift) <= SAME * step))


def _step_of_rows(rows: Array) -> float:
    """The usual step from one row number to the next; 0 where they do not increase."""
    steps = np.diff(rows)
    return float(np.median(steps)) if len(steps) and (steps > 0).all() else 0.0


def _difference(name: str, own: Stamps, of: Stamps, where: str) -> str:
    if own.kind == _ROWS:
        return (
            f"{name} have other row numbers than positions{where}: take those of the same rows, or, if they belong together "
            "in their order, give them after reset_index(drop=True)"
        )
    if {own.kind, of.kind} == {_NAIVE, _ZONED}:
        return f"{name} have {own.kind}, positions {of.kind}: give both with a time zone, or both without"
    return f"{name} have other times than positions{where}: take those at the times of the positions"


def _where(sample: int, epoch: int, epochs: int) -> str:
    return f" at sample {sample}" + (f" of epoch {epoch}" if epochs > 1 else "")


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
    _require_same("rates", index_of(rates, [len(one) for one in read]), known, dt)
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


def read_times(times: Any, lengths: Sequence[int]) -> list[Stamps]:
    """Read the times of each series, whose lengths are `lengths`: (T) of all alike, (B, T), or a list of (T).

    Raises:
        BadInput: they are neither seconds nor dates, or there are more or fewer than samples.
    """
    parts: Any = [times]
    if getattr(times, "ndim", 0) == 2:
        parts = np.asanyarray(times)
    elif isinstance(times, list | tuple) and times and _is_several(times[0]):
        parts = times
    read = [_of_times(one) for one in parts]
    read = read * len(lengths) if len(read) == 1 else read
    if len(read) != len(lengths):
        raise BadInput(
            f"times are of {len(read)} epochs, positions of {len(lengths)}: give (T), (B, T), or a list of (T), one each"
        )
    for epoch, (one, length) in enumerate(zip(read, lengths, strict=True)):
        if one.values.shape != (length,):
            where = f" of epoch {epoch}" if len(lengths) > 1 else ""
            raise BadInput(
                f"times have shape {one.values.shape} where positions have {length} samples{where}: give one for each sample"
            )
    return read


def _of_times(times: Any) -> Stamps:
    try:
        return _stamps(times, whole=_SECONDS) or Stamps(_SECONDS, np.asarray(times, dtype=np.float64), None)
    except (TypeError, ValueError):
        raise BadInput("times are neither seconds nor dates") from None


def index_of(values: Any, lengths: Sequence[int]) -> list[Stamps | None]:
    """Read the index of each series that is an object of pandas or pynapple; None where it holds no times and no rows.

    Raises:
        BadInput: an index mixes dates with a time zone and dates without, or lacks some.
    """
    series = values if isinstance(values, list | tuple) else [values]
    if len(series) != len(lengths):
        return [None] * len(lengths)
    read = [_of_index(getattr(one, "index", None)) for one in series]
    return [
        one if one is not None and one.values.shape == (length,) else None for one, length in zip(read, lengths, strict=True)
    ]


def _of_index(index: Any) -> Stamps | None:
    return None if _kind(index) in ("", "category") else _stamps(index, whole=_ROWS)


def _stamps(values: Any, whole: str) -> Stamps | None:
    """Read dates, time differences or numbers; None of anything else.

    Args:
        whole: what whole numbers are.
    """
    kind = _kind(values)
    if kind.startswith("datetime64"):  # asked for no kind, numpy makes objects of dates with a time zone
        return _of_dates(np.asanyarray(values, dtype="datetime64[ns]"), _ZONED if "," in kind else _NAIVE)
    array: Any = np.asanyarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if array.dtype == object:
        return _of_objects(array.ravel().tolist())
    if array.dtype.kind == "M":
        return _of_dates(array, _NAIVE)
    if array.dtype.kind == "m":
        return Stamps(_SECONDS, _in_seconds(np.ma.filled(array, np.timedelta64("NaT"))), None)
    if array.dtype.kind in "fiuc":
        return Stamps(whole if array.dtype.kind in "iu" else _SECONDS, numbers("times", array), None)
    return None


def _of_objects(values: list[Any]) -> Stamps | None:
    """Read dates and time differences that are objects of Python or pandas; None of anything else."""
    if values and all(isinstance(one, timedelta) for one in values):
        return Stamps(_SECONDS, _in_seconds(np.array(values, dtype="timedelta64[ns]")), None)
    if not values or not all(isinstance(one, datetime) for one in values):
        return None
    missing = [one != one for one in values]  # of pandas, and equal to nothing
    if any(missing):
        raise BadInput(f"times hold no date at sample {missing.index(True)}: leave out the samples that have none")
    if len({one.tzinfo is None for one in values}) > 1:
        raise BadInput(f"times hold {_ZONED} and dates without: give all with one, or all without")
    return _of_dates([_in_utc(one) for one in values], _NAIVE if values[0].tzinfo is None else _ZONED)


def _in_utc(date: Any) -> Any:
    """A date as numpy takes it, which knows no time zones."""
    if hasattr(date, "to_datetime64"):  # of pandas, to the nanosecond
        return date.to_datetime64()
    return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)


def _of_dates(dates: Any, kind: str) -> Stamps:
    dates = np.ma.filled(np.asanyarray(dates, dtype="datetime64[ns]"), np.datetime64("NaT"))
    first = dates.flat[0] if dates.size else np.datetime64("NaT", "ns")
    return Stamps(kind, _in_seconds(dates - first), first)


def _in_seconds(differences: Any) -> Any:
    return np.asarray(differences, dtype="timedelta64[ns]") / np.timedelta64(1, "s")


def _kind(values: Any) -> str:
    return str(getattr(values, "dtype", ""))


def in_order(stamps: Sequence[Stamps | None], dt: float | None) -> list[Stamps | None]:
    """Make times of the stamps of each series; None where they say none.

    Row numbers show where rows were left out; they become seconds with `dt`, the time from one row to the next.

    Raises:
        BadInput: times are not finite, or they or row numbers do not increase; or series have stamps of different kinds.
    """
    kind = _kind_of_all(stamps)
    times = [one if one is not None and one.kind == kind else None for one in stamps]
    for epoch, one in enumerate(times):
        if one is not None:
            _require_order(one, epoch, len(times))
    return _times_of_rows(times, dt) if kind == _ROWS else times


def _kind_of_all(stamps: Sequence[Stamps | None]) -> str:
    """Find the kind of stamps that have something to tell; empty where none has.

    Raises:
        BadInput: they are of several kinds, which have no zero in common.
    """
    kinds: dict[str, int] = {}  # the first epoch of each
    for epoch, one in enumerate(stamps):
        if one is not None and not _is_plain(one) and not (one.kind == _ROWS and len(one.values) == 1):
            kinds.setdefault(one.kind, epoch)
    if len(kinds) > 1:
        told = " and ".join(f"{kind} (epoch {epoch})" for kind, epoch in kinds.items())
        raise BadInput(f"epochs have times of different kinds, {told}: give times= of one kind")
    return next(iter(kinds), "")


def _is_plain(stamps: Stamps) -> bool:
    """Whether rows are numbered from 0, as those of any new table are."""
    return stamps.kind == _ROWS and np.array_equal(stamps.values, np.arange(len(stamps.values)))


def _require_order(stamps: Stamps, epoch: int, epochs: int) -> None:
    wrong = ~np.isfinite(stamps.values)
    wrong[1:] |= ~(stamps.values[1:] > stamps.values[:-1])
    if not wrong.any():
        return
    where = _where(int(wrong.argmax()), epoch, epochs)
    if stamps.kind == _ROWS:
        raise BadInput(
            f"row numbers in the index of positions do not increase{where}: sort the rows, or, if samples follow each other "
            "as they stand, give positions.reset_index(drop=True)"
        )
    raise BadInput(f"times must be finite and increase; they do not{where}")


def _times_of_rows(rows: Sequence[Stamps | None], dt: float | None) -> list[Stamps | None]:
    if dt is None:
        return [None] * len(rows)
    steps = np.concatenate([np.diff(one.values) for one in rows if one is not None])

    def step(row: Array) -> Any:
        return np.median(np.diff(row) if len(row) > 1 else steps)

    return [None if one is None else Stamps(_SECONDS, one.values / step(one.values) * dt, None) for one in rows]


def time_step(times: Sequence[Stamps | None], dt: float | None) -> float:
    """Find Δt [s], and check it against the times.

    Raises:
        BadInput: both are missing, they disagree, or the times are uneven.
    """
    known = [np.diff(one.values) for one in times if one is not None]
    if not known and dt is None:
        raise BadInput("give dt=, the time from one sample to the next [s], or times=")
    steps = np.concatenate([*known, []])
    if not len(steps):
        if dt is None:
            raise BadInput("times of single samples say no time step: give dt=, or longer epochs")
        return dt
    found = float(np.median(steps))
    if dt is not None and abs(found / dt - 1) > _OTHER_DT:
        raise BadInput(f"dt={dt:g} s, but the times are {found:g} s apart: leave dt out, or mend the times")
    uneven = float((np.abs(steps[steps < _GAP * found] / found - 1) > _UNEVEN).mean())
    if uneven > _TOLERATED:
        raise BadInput(f"{uneven:.0%} of the time steps differ from {found:g} s by more than {_UNEVEN:.0%}: resample first")
    return found if dt is None else dt


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


def split(
    kept: list[NDArray[np.bool_]],
    times: Sequence[Stamps | None] | None,
    dt: float,
    supports: list[NDArray[np.intp]] | None = None,
) -> list[Epoch]:
    """Cut series (each T) where a sample is not kept, where times have a gap, and where another interval begins."""
    epochs = []
    for series, keep in enumerate(kept):
        indices = np.flatnonzero(keep)
        cut = np.diff(indices) > 1
        stamps = None if times is None else times[series]
        if stamps is not None:
            cut |= np.diff(stamps.values[indices]) > _GAP * dt
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
