"""Reactivation: whether units that are active together awake are active together at rest.

Axes: B epochs, T samples, N units.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reactivation.analysis.recording import Recording
from reactivation.checks import Count, Rng, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import NULLS, Array, Draws, Found, found, null_of, ratio


@checked
def pair_correlation(rest: Recording, awake: Recording, *, units: Count = 100, rng: Rng = 0) -> Found:
    """Measure how far pairs of units keep their correlation: Pearson's r over pairs, of correlations at rest and awake.

    Args:
        rest, awake: two `Recording`s with rates, or spike counts, of the same units; each sample is one time bin.
        units: largest number of units; more are sampled at random.

    Returns:
        r over pairs of units that vary in both; 1 for waking itself. The null is the units of rest in random order.

    Raises:
        BadInput: a recording has no rates, or has other units.

    >>> import numpy as np
    >>> rates = np.random.default_rng(0).normal(size=(20, 100, 3)) @ np.random.default_rng(1).normal(size=(3, 30))
    >>> awake = ra.Recording(np.zeros((20, 100, 2)), dt=0.02, space=ra.Box(2, 2), rates=rates)
    >>> ra.replay.pair_correlation(awake, awake, rng=0).value
    1.0
    """
    draws = generator(rng)
    sums = _moments([rest, awake], units, draws)
    asleep, waking = (correlations(one.sum(0)) for one in sums)
    orders = (draws.permutation(len(asleep)) for _ in range(NULLS))
    null = null_of("units shuffled", (_agreement(asleep[np.ix_(order, order)], waking) for order in orders))
    return found(_kept, *sums, draws=draws, null=null)


@checked
def reactivation(before: Recording, awake: Recording, after: Recording, *, units: Count = 100, rng: Rng = 0) -> Found:
    """Measure reactivation as the explained variance of Kudrimoti et al. (1999).

    It is the squared partial correlation, over pairs of units, of their correlations awake with those in the rest after,
    given those in the rest before. Its control is the reverse, with before and after exchanged: `more["reverse"]`.

    Args:
        before, awake, after: three `Recording`s with rates, or spike counts, of the same units. For networks,
            the rest before may be that of an untrained one.

    Returns:
        the explained variance, 0 to 1, and its reverse; the null is the units of the rest after in random order.

    Raises:
        BadInput: a recording has no rates, or has other units.
    """
    draws = generator(rng)
    sums = _moments([before, awake, after], units, draws)
    early, waking, late = (correlations(one.sum(0)) for one in sums)
    orders = (draws.permutation(len(late)) for _ in range(NULLS))
    null = null_of("units shuffled", (_explained(early, waking, late[np.ix_(order, order)]) for order in orders))
    return found(_explained_and_reverse, *sums, draws=draws, null=null, more=["reverse"])


def rates_of(recordings: Sequence[Recording], units: int, draws: Draws) -> list[list[Array]]:
    """The rates of at most `units` units, the same ones of each recording, as blocks (B, T, N).

    Raises:
        BadInput: a recording has no rates, or has other units.
    """
    series = [given_rates(one) for one in recordings]
    blocks = [[one] if isinstance(one, np.ndarray) else [epoch[None] for epoch in one] for one in series]
    sizes = {own[0].shape[-1] for own in blocks}
    if len(sizes) > 1:
        raise BadInput(f"rates are of {sorted(sizes)} units: give recordings of the same ones")
    size = sizes.pop()
    chosen = np.sort(draws.choice(size, min(units, size), replace=False))
    return [[block[..., chosen].astype(np.float64) for block in own] for own in blocks]


def given_rates(recording: Recording) -> Any:
    """The rates of a recording, (K, T, N) or a list of (T, N).

    Raises:
        BadInput: the recording has no rates.
    """
    if recording.rates is None:
        raise BadInput("this needs rates, or spike counts: record with rates=True, or give Recording(..., rates=)")
    return recording.rates


def with_rates(recording: Recording) -> Recording:
    """Return the epochs that have rates, which may be the first ones only.

    Raises:
        BadInput: none has.
    """
    known = len(given_rates(recording))
    return recording if known == len(recording) else recording.take(slice(0, known))


def moments(block: Array) -> Array:
    """Number, sum and products of the rates of each epoch: (B, T, N) → (B, 1 + N + N²)."""
    epochs, samples, _ = block.shape
    products = block.transpose(0, 2, 1) @ block
    return np.concatenate((np.full((epochs, 1), float(samples)), block.sum(1), products.reshape(epochs, -1)), axis=1)


def correlations(sums: Array) -> Array:
    """Correlations (N, N) from summed `moments`; NaN for units that do not vary."""
    units = round((np.sqrt(4 * len(sums) - 3) - 1) / 2)
    mean = sums[1 : units + 1] / sums[0]
    covariance = sums[units + 1 :].reshape(units, units) / sums[0] - np.outer(mean, mean)
    variance = covariance.diagonal()
    still = variance <= 1e-12 * np.maximum(mean**2, variance.max())
    deviation = np.where(still, np.nan, np.sqrt(np.where(still, 1.0, variance)))
    found_between: Array = covariance / np.outer(deviation, deviation)
    return found_between


def _moments(recordings: Sequence[Recording], units: int, draws: Draws) -> list[Array]:
    return [np.concatenate([moments(block) for block in own]) for own in rates_of(recordings, units, draws)]


def _over_pairs(*matrices: Array) -> Array:
    """Entries of matrices (N, N) for the pairs of units at which all matrices are finite: (matrices, pairs)."""
    upper = np.triu_indices(len(matrices[0]), 1)
    pairs = np.stack([matrix[upper] for matrix in matrices])
    return pairs[:, np.isfinite(pairs).all(0)]


def _agreement(one: Array, other: Array) -> float:
    pairs = _over_pairs(one, other)
    return float(np.asarray(np.corrcoef(pairs))[0, 1]) if pairs.shape[1] > 2 else float("nan")


def _kept(rest: Array, awake: Array) -> Array:
    return np.array([_agreement(correlations(rest), correlations(awake))])


def _explained(early: Array, waking: Array, late: Array) -> float:
    pairs = _over_pairs(early, waking, late)
    if pairs.shape[1] < 4:
        return float("nan")
    r: Array = np.asarray(np.corrcoef(pairs))
    partial_r = ratio(r[1, 2] - r[0, 1] * r[0, 2], np.sqrt((1 - r[0, 1] ** 2) * (1 - r[0, 2] ** 2)))
    return float(partial_r**2)


def _explained_and_reverse(*sums: Array) -> Array:
    early, waking, late = map(correlations, sums)
    return np.array([_explained(early, waking, late), _explained(late, waking, early)])
