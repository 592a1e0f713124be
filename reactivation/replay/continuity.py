"""Up to which lag replay is continuous: moves less far than samples do that have nothing to do with each other."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.replay.inference import NULLS, SHUFFLED_TIME, Array, Found, Rng, found, null_of
from reactivation.replay.lags import histograms, spaced
from reactivation.world.spaces import Space


def continuity(recording: Any, space: Space | None = None, *, lags: Iterable[int] | None = None, rng: Rng = 0) -> Found:
    """Measure for how long replay is continuous: the largest lag [s] up to which displacements differ from chance.

    At each lag, the distribution of displacements is compared with that of the same epochs under shuffled time, by the
    largest difference of their cumulative distributions (Kolmogorov and Smirnov). It differs where it exceeds all of 39
    shuffles.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space.
        lags: in samples; None: up to half of the shortest epoch that counts, which is half of the longest.

    Returns:
        the lag (0 where not even the first differs), with the difference, from 0 to 1, as its curve over lags [s]; the
        null is the difference of shuffled time at any lag, by its largest value over lags.

    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (20, 100, 2)), axis=1)
    >>> ra.replay.continuity(ra.Recording(walk, dt=0.02, space=ra.Box(9, 9)), rng=0).value > 0.2
    True
    """
    recording, draws = as_recording(recording, space), np.random.default_rng(rng)
    chosen = tuple(lags) if lags is not None else spaced(int(recording.lengths.max()) // 4, 8)
    blocks = recording.blocks(2 * max(chosen))
    sums = partial(_histograms, recording.space, chosen)
    shuffles = [sums([SHUFFLED_TIME.of(block, draws) for block in blocks]).sum(0) for _ in range(NULLS)]
    reference = np.sum(shuffles, axis=0)
    by_chance = np.stack([_differences(len(chosen), reference - one, one) for one in shuffles])
    return found(
        partial(_continuous, np.array(chosen) * recording.dt, reference, by_chance.max(0)),
        sums(blocks),
        draws=draws,
        null=null_of("largest difference of shuffled time", by_chance.max(1)),
        unit="s",
        at=np.array(chosen) * recording.dt,
    )


def _histograms(space: Space, lags: Sequence[int], blocks: list[Array]) -> Array:
    return np.concatenate([histograms(space, lags, block) for block in blocks])


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
