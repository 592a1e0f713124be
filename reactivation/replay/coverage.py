"""How much of its space replay visits, and how soon."""

from functools import partial
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.checks import Positive, Rng, checked, generator
from reactivation.replay.cells import Cells, counts_of, width_of
from reactivation.replay.inference import NULLS, Array, Found, measured, null_of
from reactivation.replay.survival import at_moments, median_and_cut_off
from reactivation.world.spaces import Space


@checked
def coverage(recording: Any, space: Space | None = None, *, width: Positive | None = None, rng: Rng = 0) -> Found:
    """Measure how unevenly occupancy covers a space: log of the number of cells minus the entropy of occupancy [nats].

    This is the divergence of occupancy from the uniform one, over cells of about a tuning width: 0 if all cells are visited
    alike, the log of their number if only one is. Few samples look uneven: n uniform samples give about (cells − 1) / 2n.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        width: of the cells [unit], at most half of the longest axis; None: 0.2 m, or π/6 on a circle.

    Returns:
        the divergence; the null is the same number of independent uniform points.

    >>> import numpy as np
    >>> ra.replay.coverage(np.random.default_rng(0).uniform(-1, 1, (20, 500, 2)), ra.Box(2, 2), rng=0)
    0.00713... ± 0.0018 nats (uniform points: 0.00315 to 0.00713)
    """
    recording, draws = as_recording(recording, space), generator(rng)
    cells = Cells(recording.space, width_of(recording.space, width))
    samples = len(recording.flat)
    drawn = (cells.of(recording.space.sample(samples, draws)) for _ in range(NULLS))
    counts = (np.bincount(which, minlength=len(cells)).astype(np.float64) for which in drawn)
    null = null_of("uniform points", (_unevenness(one)[0] for one in counts))
    visits = partial(_visits, len(cells))
    return measured(cells.blocks(recording, 1), visits, _unevenness, draws, null=null, unit="nats")


def _visits(cells: int, block: Any) -> Array:
    """Samples in each cell, (B, T, 1) → (B, G)."""
    return counts_of(block[..., 0], cells)


def _unevenness(counts: Array) -> Array:
    shares = counts[counts > 0] / counts.sum()
    return np.array([np.log(len(counts)) + (shares * np.log(shares)).sum()])


@checked
def time_to_cover_half(recording: Any, space: Space | None = None, *, width: Positive | None = None, rng: Rng = 0) -> Found:
    """Measure how long an epoch takes to visit half of all cells [s]: median over epochs (Kaplan and Meier).

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        width: of the cells [unit], at most half of the longest axis; None: 0.2 m, or π/6 on a circle.

    Returns:
        the median, NaN if fewer than half of the epochs get there, with the share of epochs that end before as
        `more["cut_off"]`; the null is time shuffled within epochs.
    """
    recording = as_recording(recording, space)
    cells = Cells(recording.space, width_of(recording.space, width))
    return measured(
        cells.blocks(recording),
        partial(_until_half, len(cells), int(recording.lengths.max())),
        partial(median_and_cut_off, recording.dt),
        generator(rng),
        unit="s",
        more=["cut_off"],
    )


def _until_half(cells: int, longest: int, block: Any) -> Array:
    """When each epoch has visited half of the cells or ends, counted by `at_moments`: (B, T, 1) → (B, 2 (longest + 1))."""
    which, half = block[..., 0], (cells + 1) // 2
    times, ended = np.full(len(which), block.shape[1] - 1), np.zeros(len(which), dtype=bool)
    for epoch, visited in enumerate(which):
        _, first = np.unique(visited, return_index=True)
        if len(first) >= half:
            times[epoch], ended[epoch] = np.sort(first)[half - 1], True
    return at_moments(times[:, None], ended[:, None], longest)
