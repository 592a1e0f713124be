"""When samples were taken: the times that were given and the index of tables, read, put in order and compared.

A series is what was given as one array or table, (T, P); its stamps tell its samples apart.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reactivation.checks import numbers
from reactivation.machine.errors import BadInput, in_one_line

Array = NDArray[np.float64]

SAME = 0.5 + 1e-6  # steps by which stamps of the same samples may differ: those of bins are their middles or their edges
GAP = 1.5  # time steps beyond which two samples are not neighbours
_UNEVEN, _TOLERATED = 0.1, 0.05  # tolerated error of a time step, as a share of it; share of steps that may exceed it
_OTHER_DT = 0.01  # tolerated relative difference between the given Δt and that of the times
_SECONDS, _ROWS = "seconds", "row numbers"  # kinds of stamps, as messages name them
_OF_TIMES = set("0123456789.:/+- TZ")  # characters of text that tells dates, times of day or seconds
_NAIVE, _ZONED = "dates without a time zone", "dates with a time zone"


class Stamps(NamedTuple):
    """What tells the samples of a series apart: when they were taken, or which rows of a table they are."""

    kind: str
    values: Array  # (T) [s], of dates since `first`, as double precision does not hold microseconds since 1970; or rows
    first: np.datetime64 | None  # the date of the first sample, in UTC if dates have a time zone; None: no dates

    def zero(self, date: np.datetime64 | None) -> float:
        """Return when the zero of `values` is, counted from a date [s]; without dates there is one zero only."""
        return 0.0 if self.first is None or date is None else float(_in_seconds(self.first - date))


def read_times(times: Any, lengths: Sequence[int]) -> list[Stamps]:
    """Read the times of each series, whose lengths are `lengths`: (T) of all alike, (B, T), or a list of (T).

    Raises:
        BadInput: they are neither seconds nor dates, or there are more or fewer than samples.
    """
    parts: Any = [times]
    if getattr(times, "ndim", 0) == 2:
        parts = np.asanyarray(times)
    elif isinstance(times, list | tuple) and times and is_several(times[0]):
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
        BadInput: an index mixes dates with a time zone and dates without, or lacks some; or it tells times in another way.
    """
    series = values if isinstance(values, list | tuple) else [values]
    if len(series) != len(lengths):
        return [None] * len(lengths)
    read = [_of_index(getattr(one, "index", None)) for one in series]
    return [
        one if one is not None and one.values.shape == (length,) else None for one, length in zip(read, lengths, strict=True)
    ]


def _of_index(index: Any) -> Stamps | None:
    if kind_of(index) in ("", "category"):
        return None
    read = _stamps(index, whole=_ROWS)
    if read is None:
        _require_names(np.asanyarray(index).ravel()[:1].tolist())
    return read


def _require_names(first: list[Any]) -> None:
    """Raise BadInput where an index that is not read begins with what tells a time, and is no name of a row."""
    for one in first:
        is_period = hasattr(one, "to_timestamp")  # of pandas
        is_text = isinstance(one, str) and set(one) <= _OF_TIMES and any(map(str.isdigit, one))
        if is_period or is_text or isinstance(one, date | time):
            cure = "index.to_timestamp()" if is_period else "pandas.to_datetime(index), or numbers [s]"
            raise BadInput(
                f"an index begins with {in_one_line(repr(one))}, which is not read as a time: make it {cure}; or, if "
                "samples follow each other as they stand, give reset_index(drop=True)"
            )


def _stamps(values: Any, whole: str) -> Stamps | None:
    """Read dates, time differences or numbers; None of anything else.

    Args:
        whole: what whole numbers are.
    """
    kind = kind_of(values)
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


def kind_of(values: Any) -> str:
    """Return the name of the dtype of values that have one; empty otherwise."""
    return str(getattr(values, "dtype", ""))


def is_several(value: Any) -> bool:
    """Whether a value holds several numbers."""
    return bool(getattr(value, "ndim", 0)) or isinstance(value, list | tuple)


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
    uneven = float((np.abs(steps[steps < GAP * found] / found - 1) > _UNEVEN).mean())
    if uneven > _TOLERATED:
        raise BadInput(f"{uneven:.0%} of the time steps differ from {found:g} s by more than {_UNEVEN:.0%}: resample first")
    return found if dt is None else dt


def require_same(name: str, index: Sequence[Stamps | None], known: Sequence[Sequence[Stamps | None]], dt: float) -> None:
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
