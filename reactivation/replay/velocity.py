"""How long steps keep their direction."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.checks import Count, Rng, checked, generator
from reactivation.replay.inference import Array, Change, Draws, Found, measured, ratio
from reactivation.replay.lags import LAGS, checked_lags, counted, means, steps
from reactivation.world.spaces import Space


@checked
def velocity_autocorrelation(
    recording: Any, space: Space | None = None, *, lags: Iterable[Count] = LAGS, rng: Rng = 0
) -> Found:
    """Measure how steps keep their direction: the mean product ⟨d(t) · d(t + lag)⟩ of displacements, over that at lag 0.

    White steps give 0; steps with friction λ give (1 − λ)^lag if nothing else drives them. Decoder jitter lowers the product
    at lag 1 and does not change those at later lags, so the value is that at lag 2.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        lags: in samples; 2 is added.

    Returns:
        the correlation at lag 2, with those at all lags [s] as its curve; the null is the order of steps shuffled within
        epochs.

    Raises:
        BadInput: no lag beside 2, one below 1, or no epoch has two samples more than the longest.

    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (50, 200, 2)), axis=1)
    >>> abs(ra.replay.velocity_autocorrelation(walk, ra.Box(9, 9), rng=0).value) < 0.02
    True
    """
    recording, chosen = as_recording(recording, space), checked_lags({*lags, 2})
    return measured(
        recording.blocks(max(chosen) + 2),
        lambda block: _products(chosen, steps(recording.space, block)),
        partial(_correlation, chosen.index(2)),
        generator(rng),
        null=Change("shuffled steps", partial(_shuffled_steps, recording.space)),
        at=np.array(chosen) * recording.dt,
    )


def _products(lags: Sequence[int], moved: Array) -> Array:
    """Sum and number of products of steps (B, T − 1, P), at lag 0 and the others: (B, 2 (L + 1))."""
    pairs = [(moved, moved), *((moved[:, lag:], moved[:, :-lag]) for lag in lags)]
    return np.concatenate([counted((one * other).sum(-1)) for one, other in pairs], axis=1)


def _correlation(headline: int, sums: Array) -> Array:
    products = means(sums)
    curve = ratio(products[1:], products[:1])
    return np.concatenate((curve[headline : headline + 1], curve))


def _shuffled_steps(space: Space, block: Array, draws: Draws) -> Array:
    """The same steps in random order, from the same start; the walls are ignored."""
    moved = steps(space, block)
    order = np.argsort(draws.random(moved.shape[:2]), axis=1)
    path = np.cumsum(np.take_along_axis(moved, order[..., None], axis=1), axis=1)
    return space.wrap(np.concatenate((block[:, :1], block[:, :1] + path), axis=1))
