"""Up to which lag replay is continuous: its displacements differ from those between unrelated samples."""

from collections.abc import Iterable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.recording import as_recording
from reactivation.checks import Count, Rng, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import NULLS, Array, Found, Null, found
from reactivation.replay.lags import binned, checked_lags, closed_in, histograms, spaced
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
        lags: in samples; None: 8 up to a quarter of the longest epoch, evenly spaced in their logarithm, and by halving
            between the last up to which displacements differ and the next. Only epochs of twice the longest lag count.

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
    orders = [draws.permutation(len(epochs)) for _ in range(NULLS)]
    chance = cache(partial(_chance, recording.space, epochs, orders))

    def broken(lag: int) -> bool:
        sums = np.sum([histograms(recording.space, (lag,), block).sum(0) for block in blocks], axis=0)
        return bool(_differences(1, sums, chance(lag).reference)[0] <= chance(lag).most)

    if lags is None:
        chosen = closed_in(chosen, broken)
    by_chance = [chance(lag) for lag in chosen]
    reference = np.concatenate([one.reference for one in by_chance])
    return found(
        partial(_continuous, np.array(chosen) * recording.dt, reference, np.array([one.most for one in by_chance])),
        np.concatenate([histograms(recording.space, chosen, block) for block in blocks]),
        draws=draws,
        null=Null("epochs paired at random", 0.0, 0.0, 0.0),
        unit="s",
        at=np.array(chosen) * recording.dt,
    )


class _Chance(NamedTuple):
    """Distances between epochs that are paired at random, at one lag."""

    reference: Array  # (bins) counts of all pairings
    most: float  # the largest difference of a pairing from the others


def _chance(space: Space, epochs: list[Array], orders: list[NDArray[np.intp]], lag: int) -> _Chance:
    pairings = [_across(space, lag, epochs, order) for order in orders]
    reference = np.sum(pairings, axis=0)
    return _Chance(reference, max(float(_differences(1, reference - one, one)[0]) for one in pairings))


def _across(space: Space, lag: int, epochs: list[Array], order: NDArray[np.intp]) -> Array:
    """As `histograms`, of distances from each epoch (T, P) to the next in an order, a lag later: counts (bins)."""
    flat, lengths = np.concatenate(epochs), np.array([len(epoch) for epoch in epochs])
    starts = np.cumsum(lengths) - lengths
    one, other = order, np.roll(order, 1)  # each epoch is paired with the previous one, none with itself
    pairs = np.minimum(lengths[one], lengths[other]) - lag
    sample = np.arange(pairs.sum()) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    before, after = (np.repeat(starts[which], pairs) + sample for which in (one, other))
    return binned(space, space.distance(flat[after + lag], flat[before])[None])[0]


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
