"""Whether replay has a direction in time; a reversible process, such as Langevin dynamics, has none.

The null reverses whole epochs at random, which leaves everything else about them as it is. Epochs are of one network
or one animal: whether networks in general have a direction takes several seeds (`ra.over_seeds`).

Axes: B epochs, T samples, E embedding coordinates.
"""

from functools import partial
import math
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.checks import Count, Natural, Positive, Rng, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.cells import Cells, counts_of, visited, width_of
from reactivation.replay.inference import REVERSED, Array, Found, measured, ratio
from reactivation.replay.pairs import rates_of
from reactivation.world.spaces import Space


@checked
def antisymmetric_share(
    recording: Any, space: Space | None = None, *, lag: Count = 1, components: Natural = 0, rng: Rng = 0
) -> Found:
    """Measure the share of the lagged covariance that changes sign when time is reversed.

    C = ⟨x(t) x(t + lag)ᵀ⟩ − ⟨x⟩⟨x⟩ᵀ has a symmetric part S and an antisymmetric part A; the share is |A|² / (|S|² + |A|²).

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space; bearings count as points of the unit circle.
        lag: in samples.
        components: number of first principal components of rates to take instead of positions; 0: positions.

    Returns:
        the share, 0 to 1; the null is epochs reversed at random. With one coordinate it is always 0.

    Raises:
        BadInput: `components` is given and there are no rates; or no epoch is longer than the lag.
    """
    recording, draws = as_recording(recording, space), generator(rng)
    if components:
        (blocks,) = rates_of([recording], 10**9, draws)
        blocks = _principal(blocks, components)
        if all(block.shape[1] <= lag for block in blocks):
            raise BadInput(f"no epoch with rates is longer than lag={lag} samples")
    else:
        blocks = [recording.space.embed(block) for block in recording.blocks(lag + 1)]
    mean = np.concatenate([block.reshape(-1, block.shape[-1]) for block in blocks]).mean(0)
    return measured([block - mean for block in blocks], partial(_products, lag), _share, draws, null=REVERSED)


def _principal(blocks: list[Array], components: int) -> list[Array]:
    flat = np.concatenate([block.reshape(-1, block.shape[-1]) for block in blocks])
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(flat, rowvar=False)))
    return [block @ vectors[:, -components:] for block in blocks]


def _products(lag: int, block: Array) -> Array:
    """(B, T, E) → (B, E²)."""
    return (block[:, :-lag].transpose(0, 2, 1) @ block[:, lag:]).reshape(len(block), -1)


def _share(sums: Array) -> Array:
    lagged = sums.reshape(math.isqrt(len(sums)), -1)
    turned_over, kept = ((lagged - lagged.T) ** 2).sum(), ((lagged + lagged.T) ** 2).sum()
    return ratio(np.array([turned_over]), np.array([turned_over + kept]))


@checked
def area_rate(recording: Any, space: Space | None = None, *, rng: Rng = 0) -> Found:
    """Measure the area that replay sweeps out around its mean, counter-clockwise positive: ½⟨x × dx/dt⟩ [unit²/s].

    On a circle, bearings count as points of the unit circle [1/s]: there ½⟨sin(turn)⟩/Δt.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, a plane or a circle.

    Returns:
        the rate; 0 for reversible motion. The null is epochs reversed at random.

    Raises:
        BadInput: the space is neither a plane nor a circle.

    >>> import numpy as np
    >>> turning = np.tile(0.1 * np.arange(200), (10, 1)) % (2 * np.pi) - np.pi
    >>> ra.replay.area_rate(ra.Recording(turning, dt=0.02, space=ra.Circle()), rng=0).value  # ½ sin(0.1) / 0.02 s
    2.4958...
    """
    recording = as_recording(recording, space)
    blocks = [recording.space.embed(block) for block in recording.blocks(2)]
    if blocks[0].shape[-1] != 2:
        raise BadInput(f"an area is swept out in a plane or on a circle, not in {recording.space}")
    pivot = recording.space.pivot(recording.space.embed(recording.flat))
    return measured(
        [block - pivot for block in blocks],
        _areas,
        lambda sums: sums[:1] / (sums[1:] * recording.dt),
        generator(rng),
        null=REVERSED,
        unit=f"{recording.space.variance_unit or 1}/s",
    )


def _areas(block: Array) -> Array:
    before, after = block[:, :-1], block[:, 1:]
    swept = (before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]).sum(1) / 2
    return np.stack((swept, np.full(len(block), float(block.shape[1] - 1))), axis=1)


@checked
def entropy_production(
    recording: Any, space: Space | None = None, *, width: Positive | None = None, lag: Count = 1, rng: Rng = 0
) -> Found:
    """Measure the entropy that fluxes between cells produce: Σ_{i<j} (n_ij − n_ji) ln(n_ij / n_ji) over time [nats/s].

    Schnakenberg's sum over pairs of cells of about a tuning width, with n_ij moves from i to j and half a move added to
    each. It is never negative, so that counting noise alone makes it positive: compare it with its null.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        width: of the cells [unit], at most half of the longest axis; None: 0.2 m, or π/6 on a circle.
        lag: of a move, in samples.

    Returns:
        the production; the null is epochs reversed at random.
    """
    recording = as_recording(recording, space)
    cells = Cells(recording.space, width_of(recording.space, width))
    (blocks,), count = visited(cells.blocks(recording, lag + 1))
    return measured(
        blocks,
        partial(moves, count, lag),
        partial(_production, count, lag * recording.dt),
        generator(rng),
        null=REVERSED,
        unit="nats/s",
    )


def moves(cells: int, lag: int, block: Any) -> Array:
    """How often each epoch goes from each cell to each other after a lag, (B, T, 1) → (B, G²)."""
    which = block[..., 0]
    return counts_of(which[:, :-lag] * cells + which[:, lag:], cells**2)


def _production(cells: int, step: float, sums: Array) -> Array:
    there = sums.reshape(cells, cells)
    one, other = there[np.triu_indices(cells, 1)], there.T[np.triu_indices(cells, 1)]
    return np.array([((one - other) * np.log((one + 0.5) / (other + 0.5))).sum() / (sums.sum() * step)])
