"""Mean squared displacement, and a diffusion coefficient corrected for walls and circles."""

from collections.abc import Iterable
from functools import partial
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from reactivation.analysis.recording import as_recording
from reactivation.checks import Count, Rng, checked, generator
from reactivation.replay.inference import Array, Found, measured
from reactivation.replay.lags import checked_lags, closed_in, means, powers, size, spaced, unrelated
from reactivation.world.spaces import Space

_LAGS = (2, 4, 8)  # samples; decoder jitter cancels in differences between them
_SATURATED = 0.9  # share of the limit at which mean squared displacement counts as saturated


@checked
def diffusion(recording: Any, space: Space | None = None, *, lags: Iterable[Count] = _LAGS, rng: Rng = 0) -> Found:
    """Measure the diffusion coefficient D [unit²/s], corrected for walls and for the circle.

    The mean squared displacement at each lag is converted to the Dt after which Brownian motion in this space moves as far
    (`Space.brownian_square`; free space: 2 P D t). D is the slope of these values over lags, so that decoder jitter, which
    raises all of them alike, does not change it.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        lags: in samples; choose them well below saturation.

    Returns:
        D, with mean squared displacement over twice the dimensions and the lag [unit²/s] as its curve over lags [s]; the
        null is time shuffled within epochs.

    Raises:
        BadInput: fewer than two lags, one below 1, or no epoch is longer than the longest.

    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (50, 200, 2)), axis=1)
    >>> recording = ra.Recording(walk, dt=0.02, space=ra.Box(9, 9))
    >>> ra.replay.diffusion(recording, rng=0)  # 0.01² / (2 · 0.02 s) = 0.0025 m²/s
    0.00264... ± 7.9e-05 m²/s (shuffled time: -0.000742 to 0.00119)
    """
    recording, chosen = as_recording(recording, space), checked_lags(lags)
    times = np.array(chosen) * recording.dt
    return measured(
        recording.blocks(max(chosen) + 1),
        partial(powers, recording.space, chosen, 2),
        partial(_coefficient, recording.space, times),
        generator(rng),
        unit=f"{recording.space.unit}²/s",
        at=times,
    )


def _coefficient(space: Space, times: Array, sums: Array) -> Array:
    squares = means(sums)
    spreads = [spread_of(space, float(square)) for square in squares]
    return np.concatenate(([np.polyfit(times, spreads, 1)[0]], squares / (2 * space.dimensions * times)))


def spread_of(space: Space, square: float) -> float:
    """Return the Dt [unit²] after which Brownian motion in a space has a mean squared distance; NaN beyond saturation."""
    largest = size(space) ** 2
    if not 0 < square < space.brownian_square(largest) * (1 - 1e-9):
        return 0.0 if square == 0 else math.nan
    return float(brentq(lambda spread: space.brownian_square(spread) - square, 0.0, largest, xtol=1e-12 * largest))


@checked
def saturation(recording: Any, space: Space | None = None, *, rng: Rng = 0) -> Found:
    """Measure when displacement saturates: the first lag [s] at which it reaches 90 % of that of independent samples.

    Mean squared displacement is compared with that between samples drawn at random from all epochs, at 12 lags up to half of
    the longest epoch, evenly spaced in their logarithm, and by halving between the first that reaches 90 % and the one
    before. The lag is NaN if none reaches 90 %, since epochs are too short, and if nothing moves.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.

    Returns:
        the lag, with mean squared displacement [unit²] as its curve over lags [s], each of the epochs that are longer than
        it; the null is time shuffled within epochs: the first lag, if each epoch goes everywhere.
    """
    recording = as_recording(recording, space)
    blocks, draws = recording.blocks(2), generator(rng)
    enough = _SATURATED * float((unrelated(recording, draws) ** 2).mean())

    def saturated(lag: int) -> bool:
        sums = sum(powers(recording.space, (lag,), 2, block).sum(0) for block in blocks)
        return bool(_is_saturated(enough, means(np.asarray(sums)))[0])

    lags = closed_in(spaced(int(recording.lengths.max()) // 2, 12), saturated)
    times = np.array(lags) * recording.dt
    return measured(
        blocks,
        partial(powers, recording.space, lags, 2),
        partial(_when_saturated, times, enough),
        draws,
        unit="s",
        at=times,
    )


def _is_saturated(enough: float, curve: Array) -> NDArray[np.bool_]:
    return (curve >= enough) & (enough > 0)


def _when_saturated(times: Array, enough: float, sums: Array) -> Array:
    curve = means(sums)
    reached = np.flatnonzero(_is_saturated(enough, curve))
    return np.concatenate(([times[reached[0]] if len(reached) else np.nan], curve))
