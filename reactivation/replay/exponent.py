"""How distance grows with time: an exponent that differs between jitter, diffusion and straight runs."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.checks import Count, Rng, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import NULLS, SHUFFLED_TIME, Array, Found, found, measured, null_of
from reactivation.replay.lags import LAGS, checked_lags, distances, edges, histograms, means, medians, powers
from reactivation.world.spaces import ROUNDING, Space


@checked
def exponent(
    recording: Any,
    space: Space | None = None,
    *,
    lags: Iterable[Count] = LAGS,
    average: Literal["mean", "median"] = "mean",
    rng: Rng = 0,
) -> Found:
    """Measure the exponent of distance: the slope of log mean distance, not squared, on log lag (Stella et al., 2019).

    It is 0.5 for Brownian motion, 1 for a straight run, and tends to 0 in confinement. Decoder jitter and walls lower it.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        lags: in samples.
        average: mean of distances, as in the literature, or median, which is robust to rare long jumps (it is read from
            bins 2.5 % wide, which begin at 1/10,000 of the space's diagonal).
        rng: a seed, or the generator of the bootstrap and the null.

    Returns:
        the slope, with average distances [unit] over lags [s] as its curve; the null, about 0, is time shuffled in epochs.

    Raises:
        BadInput: fewer than two lags, one below 1, or no epoch is longer than the longest.

    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (50, 200, 2)), axis=1)
    >>> ra.replay.exponent(walk, ra.Box(9, 9), rng=0)
    0.5105 ± 0.0053 (shuffled time: -0.00655 to 0.00425)
    """
    recording, chosen = as_recording(recording, space), checked_lags(lags)
    at = recording.space
    if average == "mean":
        statistics, averages = partial(powers, at, chosen, 1), means
    else:
        statistics, averages = partial(histograms, at, chosen), partial(_medians, at, len(chosen))
    return measured(
        recording.blocks(max(chosen) + 1),
        statistics,
        partial(_slope_and_curve, chosen, averages),
        generator(rng),
        at=np.array(chosen) * recording.dt,
    )


@checked
def exponent_by_first_step(
    recording: Any, space: Space | None = None, *, lags: Iterable[Count] = LAGS, groups: Count = 5, rng: Rng = 0
) -> Found:
    """Measure the exponent of distance separately for starts grouped by the length of their first step, short to long.

    If steps have no memory, ordinary steps follow a long first step, and the exponent falls from group to group. If speed
    persists, all groups have the same exponent. Starts with equal first steps, as on a grid of positions, are shared:
    where their ranks belong to several groups, each start counts in all of these, in part.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        lags: in samples.
        groups: number of groups, each with the same number of starts; the last samples of an epoch, fewer than the longest
            lag before its end, are none.

    Returns:
        the exponent of the last group minus that of the first, with the exponents as its curve over groups; the null is time
        shuffled within epochs, grouped anew.

    Raises:
        BadInput: fewer than two lags, one below 1, no epoch is longer than the longest, or more groups than starts.
    """
    recording, chosen, draws = as_recording(recording, space), checked_lags(lags), generator(rng)
    blocks, formula = recording.blocks(max(chosen) + 1), partial(_slopes, chosen, groups)
    starts = sum(len(block) * (block.shape[1] - max(chosen)) for block in blocks)
    if groups > starts:
        raise BadInput(f"groups={groups}: there are {starts} starts, and each group needs one")
    sums = partial(_grouped, recording.space, chosen, groups)
    shuffles = ([SHUFFLED_TIME.of(block, draws) for block in blocks] for _ in range(NULLS))
    null = null_of(SHUFFLED_TIME.name, (formula(sums(one).sum(0))[0] for one in shuffles))
    return found(formula, sums(blocks), draws=draws, null=null, at=np.arange(1.0, groups + 1))


def _grouped(space: Space, lags: Sequence[int], groups: int, blocks: list[Array]) -> Array:
    """As `_by_first_step`, over all blocks."""
    first = [distances(space, block, 1)[:, : block.shape[1] - max(lags)] for block in blocks]
    every = np.concatenate([lengths.reshape(-1) for lengths in first])
    alike = ROUNDING * float(every.mean()) or 1.0  # lengths that round to the same multiple of it count as equal
    ranked = np.sort(np.round(every / alike))
    sums = [
        _by_first_step(space, lags, groups, ranked, np.round(lengths / alike), block)
        for lengths, block in zip(first, blocks, strict=True)
    ]
    return np.concatenate(sums)


def _by_first_step(space: Space, lags: Sequence[int], groups: int, ranked: Array, first: Array, block: Array) -> Array:
    """Sum and number of distances at each lag, of the starts of each group: (B, T, P) → (B, groups · 2 L).

    Args:
        ranked: first steps of all starts of all epochs, in ascending order.
        first: those of the epochs of this block (B, starts).
    """
    low, high = (np.searchsorted(ranked, first, side) * (groups / len(ranked)) for side in ("left", "right"))
    away = [distances(space, block, lag)[:, : first.shape[1]] for lag in lags]
    columns = []
    for group in range(groups):
        share = (np.clip(high, group, group + 1) - np.clip(low, group, group + 1)) / (high - low)
        columns += [one.sum(1) for lengths in away for one in (share * lengths, share)]
    return np.stack(columns, axis=1)


def _slopes(lags: Sequence[int], groups: int, sums: Array) -> Array:
    slopes = [slope(lags, means(part)) for part in sums.reshape(groups, -1)]
    return np.array([slopes[-1] - slopes[0], *slopes])


def _medians(space: Space, lags: int, sums: Array) -> Array:
    """Medians at each lag (L); 0 if in the first bin, which holds 0 and everything too small to tell from it."""
    of_lags = medians(space, sums.reshape(lags, -1))
    return np.where(of_lags > edges(space)[1], of_lags, 0.0)


def _slope_and_curve(lags: Sequence[int], averages: Callable[[Array], Array], sums: Array) -> Array:
    curve = averages(sums)
    return np.concatenate(([slope(lags, curve)], curve))


def slope(lags: Sequence[int], values: Array) -> float:
    """Slope of log values (L) on log lags; NaN where a value is not positive."""
    if not (values > 0).all():
        return float("nan")
    return float(np.polyfit(np.log(lags), np.log(values), 1)[0])
