"""Up to which lag replay is continuous: its displacements differ from those between unrelated samples."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.checks import Count, Rng, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import NULLS, Array, Draws, Found, Null, found
from reactivation.replay.lags import binned, checked_lags, histograms, spaced
from reactivation.world.spaces import Space

_FEWEST = 5  # epochs: fewer give too few random pairings


@checked
def continuity(recording: Any, space: Space | None = None, *, lags: Iterable[Count] | None = None, rng: Rng = 0) -> Found:
    """Measure for how long replay is continuous: the largest lag [s] up to which displacements differ from chance.

    At each lag, the distribution of displacements is compared with that between two epochs, by the largest difference of
    their cumulative distributions (Kolmogorov and Smirnov). Chance is 39 random pairings of epochs: a displacement goes
    from a sample of one epoch to the sample of the other that is a lag later, so that each epoch keeps its correlations in
    time. The distribution differs from chance where its difference exceeds those of all pairings.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        lags: in samples; None: up to a quarter of the longest epoch. Only epochs of twice the longest lag count.

    Returns:
        the lag (0 if not even the first differs), with the difference, from 0 to 1, as its curve over lags [s]. The
        null is 0, since no random pairing exceeds all of them.

    Raises:
        BadInput: fewer than two lags, one below 1, or fewer than 5 epochs are long enough.

    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (20, 100, 2)), axis=1)
    >>> ra.replay.continuity(ra.Recording(walk, dt=0.02, space=ra.Box(9, 9)), rng=0).value > 0.2
    True
    """
    recording, draws = as_recording(recording, space), generator(rng)
    chosen = checked_lags(lags) if lags is not None else spaced(int(recording.lengths.max()) // 4, 8)
    blocks = recording.blocks(2 * max(chosen))
    epochs = [epoch for block in blocks for epoch in block]
    if len(epochs) < _FEWEST:
        raise BadInput(
            f"continuity pairs epochs with each other, and {len(epochs)} of at least {2 * max(chosen)} samples are too few: "
            f"give {_FEWEST}, or cut long ones with ra.replay.pieces"
        )
    pairings = [_across(recording.space, chosen, epochs, draws) for _ in range(NULLS)]
    reference = np.sum(pairings, axis=0)
    by_chance = np.stack([_differences(len(chosen), reference - one, one) for one in pairings])
    return found(
        partial(_continuous, np.array(chosen) * recording.dt, reference, by_chance.max(0)),
        np.concatenate([histograms(recording.space, chosen, block) for block in blocks]),
        draws=draws,
        null=Null("epochs paired at random", 0.0, 0.0, 0.0),
        unit="s",
        at=np.array(chosen) * recording.dt,
    )


def _across(space: Space, lags: Sequence[int], epochs: list[Array], draws: Draws) -> Array:
    """As `histograms`, of distances from each epoch (T, P) to another at each lag: counts (L · bins)."""
    flat, lengths = np.concatenate(epochs), np.array([len(epoch) for epoch in epochs])
    starts, circle = np.cumsum(lengths) - lengths, draws.permutation(len(epochs))
    one, other = circle, np.roll(circle, 1)  # each epoch is paired with the previous one, none with itself
    counts = []
    for lag in lags:
        pairs = np.minimum(lengths[one], lengths[other]) - lag
        sample = np.arange(pairs.sum()) - np.repeat(np.cumsum(pairs) - pairs, pairs)
        before, after = (np.repeat(starts[which], pairs) + sample for which in (one, other))
        counts.append(binned(space, space.distance(flat[after + lag], flat[before])[None])[0])
    return np.concatenate(counts)


def _differences(lags: int, one: Array, other: Array) -> Array:
    """The largest difference of two cumulative distributions at each lag, of counts (L · bins)."""
    below = [np.cumsum(counts.reshape(lags, -1), axis=1) for counts in (one, other)]
    difference: Array = np.abs(below[0] / below[0][:, -1:] - below[1] / below[1][:, -1:]).max(1)
    return difference


def _continuous(times: Array, reference: Array, threshold: Array, sums: Array) -> Array:
    curve = _differences(len(times), sums, reference)
    broken = np.flatnonzero(curve <= threshold)
    until = broken[0] if len(broken) else len(times)
    return np.concatenate(([times[until - 1] if until else 0.0], curve))
