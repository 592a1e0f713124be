"""Whether replay repeats sequences of waking: lines through decoded posteriors, and transitions between cells.

Axes: S segments, n samples each, N units, G cells, V cells that waking visited, P dimensions.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.recording import Recording, both_recordings
from reactivation.checks import Count, Positive, Rng, Several, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.asymmetry import moves
from reactivation.replay.cells import Cells, require_memory, visited, width_of
from reactivation.replay.decoding import TuningCurves
from reactivation.replay.inference import NULLS, SHUFFLED_TIME, Array, Draws, Found, found, measured, null_of
from reactivation.replay.lags import drawn_pieces, of_epochs
from reactivation.replay.pairs import with_rates
from reactivation.world.spaces import Space

_SEGMENTS = 100  # at most, drawn at random
_OTHER_TIME = 0.01  # largest relative difference of two lags that count as the same time


@checked
def transition_similarity(
    rest: Any, awake: Any, space: Space | None = None, *, width: Positive | None = None, lag: Count = 1, rng: Rng = 0
) -> Found:
    """Measure how similar transitions are at rest and awake: Pearson's r between matrices of transition probabilities.

    Probabilities are those of going from one cell to another after a lag; staying does not count. Pairs of cells count if
    either recording goes from the first to the second, and both recordings leave the first.

    Args:
        rest, awake: two `Recording`s, or positions (B, T, P) with their space.
        width: of the cells [unit], at most half of the longest axis; None: 0.2 m, or π/6 on a circle.
        lag: in samples of waking. Rest is compared at the same time lag: half as many samples if its Δt is twice that of
            waking.

    Returns:
        r; 1 for waking itself. The null is time shuffled within epochs of rest.

    Raises:
        BadInput: the spaces differ, no epoch is longer than the lag, or the lag is no whole number of samples of rest.
    """
    both, draws = both_recordings(rest, awake, space), generator(rng)
    cells, lags = Cells(both[1].space, width_of(both[1].space, width)), (_lag_at_rest(*both, lag), lag)
    blocks, number = visited(*(cells.blocks(one, own + 1) for one, own in zip(both, lags, strict=True)))
    counts_of = [partial(moves, number, own) for own in lags]
    sums = [np.concatenate([count(block) for block in own]) for count, own in zip(counts_of, blocks, strict=True)]
    formula = partial(_likeness, number)
    shuffles = ([SHUFFLED_TIME.of(block, draws) for block in blocks[0]] for _ in range(NULLS))
    counts = (sum(counts_of[0](block).sum(0) for block in one) for one in shuffles)
    null = null_of(SHUFFLED_TIME.name, (formula(one, sums[1].sum(0))[0] for one in counts))
    return found(formula, *sums, draws=draws, null=null)


def _lag_at_rest(rest: Recording, awake: Recording, lag: int) -> int:
    """The number of samples of rest that last as long as `lag` samples of waking."""
    samples = lag * awake.dt / rest.dt
    nearest = round(samples)
    if nearest < 1 or abs(samples / nearest - 1) > _OTHER_TIME:
        raise BadInput(
            f"lag={lag} of waking is {lag * awake.dt:g} s, and rest has a sample every {rest.dt:g} s: give a lag= that is a "
            "whole number of samples of both, or every n-th sample of one (recording[::n])"
        )
    return nearest


def _likeness(cells: int, *sums: Array) -> Array:
    matrices = [one.reshape(cells, cells) * (1 - np.eye(cells)) for one in sums]
    left = [matrix.sum(1, keepdims=True) for matrix in matrices]
    compared = (left[0] > 0) & (left[1] > 0) & (matrices[0] + matrices[1] > 0)
    if compared.sum() < 3:
        return np.array([np.nan])
    one, other = ((matrix / np.maximum(total, 1))[compared] for matrix, total in zip(matrices, left, strict=True))
    if one.std() == 0 or other.std() == 0:
        return np.array([np.nan])
    return np.array([np.corrcoef(one, other)[0, 1]])


@checked
def line_fit(
    rest: Recording, awake: Recording, *, samples: Several = 20, width: Positive | None = None, rng: Rng = 0
) -> Found:
    """Measure how well straight runs fit decoded posteriors: the mean probability within a tuning width of the best line.

    Posteriors are decoded from rates, or spike counts, with the tuning curves of waking (`TuningCurves`), in segments of
    `samples`. Candidate lines have constant velocity and go through the most likely places of every second sample, paired
    with those at least half a segment later; on a circle, the shorter way round.

    Args:
        rest, awake: two `Recording`s with rates, or spike counts, of the same units.
        samples: number of samples in a segment.
        width: half width of the band around a line [unit]; None: 0.2 m, or π/6 on a circle. The cells of the posteriors
            stay as wide as half of that default.

    Returns:
        the mean over at most 100 segments, 0 to 1; the null is samples shuffled within segments.

    Raises:
        BadInput: no rates, or no epoch is as long as a segment.
    """
    draws, tuning = generator(rng), TuningCurves.of(awake)
    require_memory(float(_SEGMENTS * samples * len(tuning.cells)))
    near = tuning.cells.within(width_of(awake.space, width), tuning.visited).astype(np.float64)
    posteriors, which = _posteriors(rest, tuning, samples, draws)
    centres = tuning.cells.centres[tuning.visited]
    scores = partial(of_epochs, which, partial(_line_scores, tuning.cells, centres, near))
    return measured([posteriors], scores, _mean, draws)


@checked
def weighted_correlation(rest: Recording, awake: Recording, *, samples: Several = 20, rng: Rng = 0) -> Found:
    """Measure how place changes with time in decoded posteriors: the multiple correlation of time and place.

    Places are weighted by their probability. Bearings count as points of the unit circle, so that whole turns give no
    correlation. Posteriors are those of `line_fit`.

    Args:
        rest, awake: two `Recording`s with rates, or spike counts, of the same units.
        samples: number of samples in a segment.

    Returns:
        the mean over at most 100 segments, 0 to 1; the null is samples shuffled within segments.

    Raises:
        BadInput: no rates, or no epoch is as long as a segment.
    """
    draws, tuning = generator(rng), TuningCurves.of(awake)
    posteriors, which = _posteriors(rest, tuning, samples, draws)
    places: Array = tuning.cells.space.embed(tuning.cells.centres[tuning.visited])
    return measured([posteriors], partial(of_epochs, which, partial(_correlations, places)), _mean, draws)


def _posteriors(rest: Recording, tuning: TuningCurves, samples: int, draws: Draws) -> tuple[Array, NDArray[np.intp]]:
    """Posteriors of segments of rest over the cells that waking visited, (S, n, V), and the number of their epoch (S)."""
    segments, which = drawn_pieces(with_rates(rest), samples, _SEGMENTS, draws)
    return tuning.posterior(segments.rates, rest.dt, everywhere=False), which


def _mean(sums: Array) -> Array:
    return sums[:1] / sums[1:]


def _line_scores(cells: Cells, centres: Array, near: Array, posteriors: Array) -> Array:
    """Score and count of each segment, (S, n, V), (V, P), (V, G) → (S, 2)."""
    segments, samples, _ = posteriors.shape
    places = centres[posteriors.argmax(-1)]  # (S, n, P)
    mass = posteriors @ near  # probability within the band around each cell
    times, best = np.arange(samples), np.zeros(segments)
    for first in range(0, samples - samples // 2, 2):
        for last in range(first + samples // 2, samples, 2):
            # Lifted, so that rounding does not decide which way round half a turn goes.
            way = cells.space.difference(places[:, last] + cells.lift, places[:, first]) - cells.lift
            velocity = way / (last - first)
            line = cells.space.wrap(places[:, first, None] + velocity[:, None] * (times - first)[:, None])
            score = np.take_along_axis(mass, cells.of(line)[..., None], axis=-1)[..., 0].mean(1)
            best = np.maximum(best, score)
    return np.stack((best, np.ones(segments)), axis=1)


def _correlations(places: Array, posteriors: Array) -> Array:
    """Multiple correlation and count of each segment, (S, n, V), (V, E) → (S, 2)."""
    samples = posteriors.shape[1]
    time = np.arange(samples) - (samples - 1) / 2
    means = posteriors @ places  # (S, n, E)
    second = np.einsum("snv,ve,vf->sef", posteriors, places, places, optimize=True) / samples
    middle = means.mean(1)
    covariance = second - middle[:, :, None] * middle[:, None, :]
    with_time = (time[:, None] * means).mean(1)  # (S, E)
    solved = np.einsum("sef,sf->se", np.linalg.pinv(covariance, hermitian=True), with_time)
    squares = (with_time * solved).sum(1) / (time**2).mean()
    return np.stack((np.sqrt(np.clip(squares, 0, 1)), np.ones(len(posteriors))), axis=1)
