"""What a recording holds, and the choice of some of its samples: steps, masks over time, stretches.

An epoch is a stretch of samples a time step apart, (T, P). Between epochs there is no step, no lag and no dwell.
Axes: B epochs, T samples, P dimensions, N units.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.stamps import GAP, Stamps, is_several
from reactivation.checks import whole
from reactivation.machine.errors import BadInput
from reactivation.world.spaces import Space

Array = NDArray[np.float64]
Rates = NDArray[np.float32]
_TELLING = 20  # counts above 0 that are hardly all multiples of one number by chance
_ROUNDING = 1e-3  # how far counts may be from whole numbers, once made from counts per second in single precision


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


class Epoch(NamedTuple):
    """A stretch of a given series."""

    series: int  # index of the series
    steps: slice  # of that series


def sliced(parts: Parts, which: slice) -> Parts:
    """Choose a slice of steps in every epoch, as `Recording.__getitem__` tells."""
    every = 1 if which.step is None else whole("every", which.step, 1)
    if every > 1 and any(are_counts(rates, parts.dt) and rates.any() for rates in parts.rates):
        raise BadInput(
            f"every sample has the spikes of {parts.dt:g} s, too few for samples {every} times as far apart: count "
            "spikes in wider bins first, or leave them out: recording.replaced(rates=[])[...]"
        )
    begins = [which.indices(length)[0] for length in lengths_of(parts.blocks)]
    starts = [start.after(begin, parts.dt) for start, begin in zip(parts.starts, begins, strict=True)]
    chosen = _chosen(parts, lambda blocks: [block[:, which] for block in blocks], starts)
    return chosen if every == 1 else chosen._replace(dt=parts.dt * every, given=-1)


def masked(parts: Parts, which: Any) -> Parts:
    """Choose samples by a mask over time, as `Recording.__getitem__` tells."""
    return stretches(parts, split(_masks(parts, which), None, parts.dt), together=False)


def stretches(parts: Parts, chosen: Sequence[Epoch], together: bool) -> Parts:
    """Choose stretches of epochs, as `Recording.stretches` tells."""

    def cut_out(blocks: Sequence[Any]) -> list[Any]:
        epochs = each(blocks)
        known = takewhile(lambda one: one.series < len(epochs), chosen)  # the first epochs alone may have rates
        return stacked([epochs[one.series][one.steps] for one in known], together)

    return _chosen(parts, cut_out, [parts.starts[one.series].after(one.steps.start, parts.dt) for one in chosen])


def _chosen(parts: Parts, choose: Callable[[Sequence[Any]], list[Any]], starts: Sequence[Start]) -> Parts:
    """Choose of positions, true positions and rates alike; blocks of which no sample is left are left out.

    Raises:
        BadInput: all are.
    """
    chosen = [choose(blocks) for blocks in (parts.blocks, parts.truth, parts.rates)]
    is_left = [block.size > 0 for block in chosen[0] for _ in block]  # of each epoch
    if not any(is_left):
        raise BadInput("no sample is left: choose more")
    blocks, truth, rates = (tuple(block for block in some if block.size) for some in chosen)
    left = tuple(start for start, there in zip(starts, is_left, strict=True) if there)
    return parts._replace(blocks=blocks, truth=truth, rates=rates, moments=None, starts=left)


def _masks(parts: Parts, which: Any) -> list[NDArray[np.bool_]]:
    """A mask over time as one for each epoch."""
    if hasattr(which, "start") and hasattr(which, "end"):  # an IntervalSet
        raise BadInput(
            "recording[...] takes a slice of steps or a mask over time; intervals of pynapple go with the data: "
            "Recording.from_pynapple(positions, space, epochs=...)"
        )
    lengths = lengths_of(parts.blocks)
    is_listed = isinstance(which, list | tuple) and any(map(is_several, which))
    masks = [np.asarray(one) for one in which] if is_listed else [np.asarray(which)]
    if any(mask.dtype != np.bool_ for mask in masks):
        raise BadInput("recording[...] takes a slice of steps or a mask of booleans over time; epochs: recording.take(...)")
    if is_listed and [mask.shape for mask in masks] == [(length,) for length in lengths]:
        return masks
    if not is_listed and (split := _split(parts, masks[0], lengths)):
        return split
    shape = [mask.shape for mask in masks] if is_listed else masks[0].shape
    raise BadInput(f"the mask has {shape} entries; this recording has epochs of {range_of(lengths)} samples")


def _split(parts: Parts, mask: NDArray[np.bool_], lengths: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """A mask of any accepted shape as one for each epoch; no masks if it does not fit."""
    if mask.ndim == 1 and mask.size not in (parts.given, int(lengths.sum())) and (lengths == mask.size).all():
        mask = np.tile(mask, len(lengths))
    flat, ends, starts = mask.reshape(-1), np.cumsum(lengths), [start.sample for start in parts.starts]
    if mask.ndim == 1 and flat.size == parts.given == ends[-1] and starts != [0, *ends[:-1]]:
        raise BadInput(
            f"epochs were taken in another order, so a mask of {flat.size} entries could be over the samples as they are or "
            "as they were given: choose samples first, or give a list with a mask for each epoch"
        )
    rows = len(mask) if mask.ndim > 1 else 1
    if flat.size == ends[-1] and np.isin(flat.size // rows * np.arange(1, rows + 1), ends).all():
        return np.split(flat, ends[:-1])
    if flat.size == parts.given != ends[-1]:
        return [flat[at : at + length] for at, length in zip(starts, lengths, strict=True)]
    return []


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
            cut |= np.diff(stamps.values[indices]) > GAP * dt
        if supports is not None:
            cut |= np.diff(supports[series][indices]) != 0
        for stretch in np.split(indices, np.flatnonzero(cut) + 1):
            if len(stretch):
                epochs.append(Epoch(series, slice(int(stretch[0]), int(stretch[-1]) + 1)))
    return epochs


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


def lengths_of(blocks: Sequence[Array]) -> NDArray[np.int64]:
    """Samples of each epoch, (B), of blocks (B, T, ...)."""
    return np.repeat([block.shape[1] for block in blocks], [len(block) for block in blocks])


def range_of(lengths: NDArray[np.int64]) -> str:
    """How long epochs are, for messages."""
    distinct = sorted({int(length) for length in lengths})
    return str(distinct[0]) if len(distinct) == 1 else f"{distinct[0]} to {distinct[-1]}"


def are_counts(rates: Array | Rates, dt: float) -> bool:
    """Whether rates are spike counts per sample, Δt = `dt` [s]: whole numbers from 0 on, but no counts per second.

    These are whole, too, where 1/Δt is; but then all are multiples of it.
    """
    if not ((rates >= 0).all() and (rates == np.round(rates)).all()):
        return False
    if 1 / dt < 1 + _ROUNDING or np.count_nonzero(rates) < _TELLING:
        return True
    counts = rates * dt
    return not np.allclose(counts, np.round(counts), rtol=0, atol=_ROUNDING)
