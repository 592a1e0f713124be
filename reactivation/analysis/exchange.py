"""Recordings from pynapple objects, and as pynapple objects. pynapple is an optional extra, imported only when needed.

Axes: B epochs, T samples, P dimensions, N units.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.epochs import Array, Parts, are_counts, each, lengths_of
from reactivation.analysis.reading import TRUTH
from reactivation.analysis.stamps import SAME
from reactivation.machine.errors import BadInput


class Given(NamedTuple):
    """Positions with their times; rates and true positions at the same times."""

    positions: Any  # a pynapple object
    rates: Array | None  # (T, N)
    true_positions: Any  # a pynapple object; None where they are not known


class Pynapple(NamedTuple):
    """A recording as pynapple objects."""

    positions: Any  # a Tsd of bearings, or a TsdFrame of coordinates
    rates: Any  # a TsdFrame; None where there are none
    spikes: Any  # a TsGroup, where rates are spike counts; otherwise None
    true_positions: Any  # as `positions`; None where they are not known


def from_pynapple(positions: Any, epochs: Any, rates: Any, truth: Any) -> Given:
    """See `Recording.from_pynapple`."""
    _require("positions", positions, "t", "d", "time_support")
    if epochs is not None:
        _require("epochs", epochs, "start", "end")
        positions = positions.restrict(epochs)
    times = np.asarray(positions.t)
    if truth is not None:
        # The value of the nearest time, since what lies between two bearings may be the long way round.
        truth = _at_times(times, TRUTH, truth, epochs, "positions.value_from(true_positions)")
    if rates is None:
        return Given(positions, None, truth)
    if isinstance(rates, Mapping):  # a TsGroup
        return Given(positions, _counts(times, [np.asarray(rates[unit].t) for unit in rates]), truth)
    values = np.asarray(_at_times(times, "rates", rates, epochs, "rates.interpolate(positions)").d)
    return Given(positions, values[:, None] if values.ndim == 1 else values, truth)


def to_pynapple(parts: Parts, draws: np.random.Generator) -> Pynapple:
    """See `Recording.to_pynapple`."""
    try:
        import pynapple as nap  # an extra
    except ImportError:
        raise BadInput("to_pynapple needs pynapple: pip install pynapple; or use positions, rates and starts") from None
    lengths, dt = lengths_of(parts.blocks), parts.dt
    starts = _in_order(np.array([start.seconds for start in parts.starts]), lengths, dt)
    support = nap.IntervalSet(starts, starts + (lengths - 1) * dt)
    times = _times(starts, lengths, dt)
    names = [axis.name for axis in parts.space.axes]

    def in_time(blocks: Sequence[Array]) -> Any:
        points = np.concatenate(each(blocks))
        if len(names) == 1:
            return nap.Tsd(t=times, d=points[:, 0], time_support=support)
        return nap.TsdFrame(t=times, d=points, columns=names, time_support=support)

    positions, truth = in_time(parts.blocks), in_time(parts.truth) if parts.truth else None
    if not parts.rates:
        return Pynapple(positions, None, None, truth)
    values = np.concatenate(each(parts.rates))
    known = len(each(parts.rates))  # epochs with rates, which may be the first ones only
    rates = nap.TsdFrame(t=times[: len(values)], d=values, time_support=support[:known])
    spikes = _spikes(nap, starts[:known], lengths[:known], values, dt, draws) if are_counts(values, dt) else None
    return Pynapple(positions, rates, spikes, truth)


def _require(name: str, value: Any, *attributes: str) -> None:
    if not all(hasattr(value, attribute) for attribute in attributes):
        raise BadInput(f"{name} are no object of pynapple but a {type(value).__name__}: Recording(...) takes arrays")


def _at_times(times: Array, name: str, value: Any, epochs: Any, how: str) -> Any:
    """An object of pynapple, restricted to epochs, whose times are those of the positions.

    Args:
        how: what makes such an object, for the message.

    Raises:
        BadInput: it is none, or has other times.
    """
    _require(name, value, "t", "d", "time_support")
    value = value if epochs is None else value.restrict(epochs)
    own = np.asarray(value.t)
    if times.shape != own.shape or not np.allclose(times, own, rtol=0, atol=SAME * _step(times)):
        raise BadInput(f"{name} have other times than positions: give {how}, for example")
    return value


def _step(times: Array) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _counts(times: Array, spikes: list[Array]) -> Array:
    """Spikes around each sample, half a time step to either side: (T, N)."""
    half = _step(times) / 2
    counts = [np.searchsorted(unit, times + half) - np.searchsorted(unit, times - half) for unit in spikes]
    return np.stack(counts, axis=1).astype(np.float64)


def _in_order(starts: Array, lengths: NDArray[np.int64], dt: float) -> Array:
    """When each epoch begins [s]: as recorded, or end to end where epochs overlap."""
    lasting = lengths * dt
    if (starts[1:] > starts[:-1] + lasting[:-1] - dt / 2).all():
        return starts
    return np.concatenate(([0.0], np.cumsum(lasting)[:-1]))


def _times(starts: Array, lengths: Any, dt: float) -> Array:
    return np.concatenate([start + np.arange(length) * dt for start, length in zip(starts, lengths, strict=True)])


def _spikes(nap: Any, starts: Array, lengths: Any, counts: Array, dt: float, draws: np.random.Generator) -> Any:
    """Spike times, uniform within half a time step around their samples; consecutive epochs form one interval."""
    times, units = _times(starts, lengths, dt), {}
    for unit, count in enumerate(counts.astype(int).T):
        at = np.repeat(times, count)
        units[unit] = nap.Ts(np.sort(at + dt * (draws.random(len(at)) - 0.5)))
    ends = starts + (lengths - 1) * dt
    apart = starts[1:] - ends[:-1] > 1.5 * dt
    begun, ended = np.concatenate(([True], apart)), np.concatenate((apart, [True]))
    return nap.TsGroup(units, time_support=nap.IntervalSet(starts[begun] - dt / 2, ends[ended] + dt / 2))
