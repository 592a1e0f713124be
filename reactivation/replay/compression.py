"""How much faster replay is than waking: by decoded positions, or by the activity of ensembles alone."""

from collections.abc import Sequence
from functools import partial
import math
from typing import Any

import numpy as np

from reactivation.analysis.recording import Recording, both_recordings
from reactivation.checks import Count, Rng, Seconds, Strength, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import NULLS, Array, Draws, Formula, Found, Null, found, null_of
from reactivation.replay.lags import histograms, jitter, means, medians, spaced, unrelated
from reactivation.replay.pairs import correlations, moments, rates_of
from reactivation.world.spaces import Space

_LEVELS = 20  # displacements at which lags are compared
_TOGETHER = 0.75  # quantile of waking correlation above which two units count as an ensemble


@checked
def compression(rest: Any, awake: Any, space: Space | None = None, *, lowest: Strength | None = None, rng: Rng = 0) -> Found:
    """Measure how much faster rest moves than waking: the ratio of the lags at which the median displacement is equal.

    Lags are compared at displacements above those that decoder jitter gives a still point, and below half of the median
    distance between independent samples, in both recordings. The ratio is the geometric mean over these displacements.
    Lags go up to half of the longest epoch, and each epoch counts at those that it is longer than.

    Args:
        rest, awake: two `Recording`s, or positions (B, T, P) with their space.
        lowest: smallest displacement at which lags are compared [unit]; None: that of the jitter from `lags.jitter`.

    Returns:
        seconds awake over seconds at rest: 1 for waking itself, 2 for waking with every second sample; NaN where no
        displacement qualifies. The null is the ratio between two random halves of the waking epochs.

    Raises:
        BadInput: the recordings have different spaces.

    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (50, 400, 2)), axis=1)
    >>> ra.replay.compression(walk[:, ::2], walk, ra.Box(9, 9), rng=0)
    2.007 ± 0.065 (halves of waking: 0.928 to 1.08)
    """
    both = both_recordings(rest, awake, space)
    draws = generator(rng)
    at = both[0].space
    if lowest is None:
        lowest = max(jitter(one) for one in both) * math.sqrt(2 * at.dimensions)
    highest = min(float(np.median(unrelated(one, draws))) for one in both) / 2
    lags = [spaced(int(one.lengths.max()) // 2) for one in both]
    sums = [_histograms(one, own) for one, own in zip(both, lags, strict=True)]
    times = [np.array(own) * one.dt for one, own in zip(both, lags, strict=True)]
    formula = partial(_ratio, at, times[0], times[1], lowest, highest)
    halves = partial(_ratio, at, times[1], times[1], lowest, highest)
    return found(formula, *sums, draws=draws, null=_between_halves(halves, sums[1], draws))


def _histograms(recording: Recording, lags: Sequence[int]) -> Array:
    return np.concatenate([histograms(recording.space, lags, block) for block in recording.blocks(2)])


def _ratio(space: Space, rest_times: Array, awake_times: Array, lowest: float, highest: float, *sums: Array) -> Array:
    curves = [_risen(space, times, one) for one, times in zip(sums, (rest_times, awake_times), strict=True)]
    low = max(lowest, *(float(curve[0]) for _, curve in curves))
    high = min(highest, *(float(curve[-1]) for _, curve in curves))
    if not 0 < low < high:
        return np.array([np.nan])
    levels = np.linspace(math.log(low), math.log(high), _LEVELS)
    at = [_log_time(levels, *curve) for curve in curves]
    return np.array([math.exp((at[1] - at[0]).mean())])


def _risen(space: Space, times: Array, sums: Array) -> tuple[Array, Array]:
    """The lags [s] that any epoch is longer than, and the largest median displacement up to each of them."""
    counts = sums.reshape(len(times), -1)
    known = counts.sum(1) > 0
    return times[known], np.maximum.accumulate(medians(space, counts[known]))


def _log_time(levels: Array, times: Array, curve: Array) -> Array:
    """Log of the times at which a curve that never falls reaches levels; levels are logarithms."""
    moved = curve > 0
    found_at: Array = np.interp(levels, np.log(curve[moved]), np.log(times[moved]))
    return found_at


def _between_halves(formula: Formula, sums: Array, draws: Draws) -> Null | None:
    """The null of a formula applied to two random halves of the epochs (B, K)."""
    if len(sums) < 2:
        return None
    orders = (draws.permutation(len(sums)) for _ in range(NULLS))
    halves = ((sums[order[::2]].sum(0), sums[order[1::2]].sum(0)) for order in orders)
    return null_of("halves of waking", (formula(*two)[0] for two in halves))


@checked
def ensemble_compression(
    rest: Recording, awake: Recording, *, longest: Seconds | None = None, units: Count = 100, rng: Rng = 0
) -> Found:
    """Measure how much faster rest is than waking by activity alone: the ratio of the widths of cross-correlograms.

    The correlogram is the mean over the quarter of pairs of units that are most correlated awake, of rates around their mean
    over all epochs; its width is twice the lag at which it has fallen to half of its value at lag 0. Nothing is decoded, so
    that decoder jitter has no effect.

    Args:
        rest, awake: two `Recording`s with rates, or spike counts, of the same units.
        longest: lag [s] of both correlograms; None: half of the longest epoch of each. Each epoch counts at the lags
            that it is longer than.
        units: largest number of units; more are sampled at random.

    Returns:
        the width awake over that at rest, with `more["width"]` at rest and `more["width_awake"]` [s], and the correlogram at
        rest as its curve over lags [s]; 1 for waking itself, NaN if one does not fall by half up to the longest lag. The
        null is the ratio of two random halves of waking.

    Raises:
        BadInput: a recording has no rates or other units, no two units are active in both, or `longest` exceeds the epochs.
    """
    draws = generator(rng)
    both = rates_of([rest, awake], units, draws)
    sums = [np.concatenate([moments(block) for block in blocks]).sum(0) for blocks in both]
    awake_pairs = correlations(sums[1])
    there = np.isfinite(awake_pairs) & np.isfinite(correlations(sums[0])) & ~np.eye(len(awake_pairs), dtype=bool)
    if not there.any():
        raise BadInput("no two units are active both awake and at rest")
    together = (there & (awake_pairs >= np.quantile(awake_pairs[there], _TOGETHER))).astype(np.float64)
    lengths = [max(block.shape[1] for block in blocks) for blocks in both]  # of the longest epoch with rates
    lags = [_lags(longest, one.dt, length) for one, length in zip((rest, awake), lengths, strict=True)]
    products = [
        np.concatenate([_products(together, _scales(total), own, block) for block in blocks])
        for blocks, total, own in zip(both, sums, lags, strict=True)
    ]
    times = [np.array(own) * one.dt for own, one in zip(lags, (rest, awake), strict=True)]
    formula, halves = partial(_width_ratio, times[0], times[1]), partial(_width_ratio, times[1], times[1])
    null = _between_halves(halves, products[1], draws)
    return found(formula, *products, draws=draws, null=null, more=["width", "width_awake"], at=times[0])


def _lags(longest: float | None, dt: float, samples: int) -> tuple[int, ...]:
    """Lags of a correlogram up to `longest` [s], or half of `samples`, those of the longest epoch."""
    last = max(2, round(samples / 2 if longest is None else longest / dt))
    if last >= samples:
        raise BadInput(f"no epoch is longer than {last * dt:g} s: give a smaller longest=")
    return (0, *spaced(last, 40))


def _scales(sums: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (N) of rates, of summed `moments`."""
    units = round((math.sqrt(4 * len(sums) - 3) - 1) / 2)
    mean = sums[1 : units + 1] / sums[0]
    squares = sums[units + 1 :].reshape(units, units).diagonal() / sums[0]
    deviation = np.sqrt(np.maximum(squares - mean**2, 0.0))
    return mean, np.where(deviation > 0, deviation, 1.0)


def _products(together: Array, scales: tuple[Array, Array], lags: Sequence[int], block: Array) -> Array:
    """Sum and number of products of pairs at each lag, (B, T, N) → (B, 2 L)."""
    white = (block - scales[0]) / scales[1]
    partners = white @ (together / together.sum())
    columns = []
    for lag in lags:
        samples = max(block.shape[1] - lag, 0)
        columns += [
            (white[:, :samples] * partners[:, lag:]).sum((1, 2)),
            np.full(len(block), float(samples)),
        ]
    return np.stack(columns, axis=1)


def _width_ratio(rest_times: Array, awake_times: Array, rest: Array, awake: Array) -> Array:
    curve = means(rest)
    widths = _width(rest_times, curve), _width(awake_times, means(awake))
    return np.concatenate(([widths[1] / widths[0], *widths], curve))


def _width(times: Array, curve: Array) -> float:
    """Twice the time at which a correlogram has fallen by half; NaN if it does not fall so far."""
    times, curve = times[np.isfinite(curve)], curve[np.isfinite(curve)]
    half = curve[0] / 2
    below = np.flatnonzero(curve <= half)
    if half <= 0 or not len(below):
        return float("nan")
    after = below[0]
    share = (curve[after - 1] - half) / (curve[after - 1] - curve[after])
    return float(2 * (times[after - 1] + share * (times[after] - times[after - 1])))
