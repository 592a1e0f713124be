"""What kind of motion each segment of replay is: stationary, diffusive, momentum, jump or uniform.

Five models of a segment of positions, each with decoder jitter of known size, are compared by their likelihood, averaged
over a grid of their free parameters (after Denovellis et al., 2021, and Krause & Drugowitsch, 2022). Simulated segments of
each model, classified in the same way, show which models can be told apart.

Axes: S segments, n samples each, m = n − 1 steps, P dimensions, M models.
"""

from dataclasses import dataclass, replace
from functools import cache, partial
import math
from typing import Any

import numpy as np

from reactivation.analysis.recording import as_recording
from reactivation.checks import Positive, Rng, Several, checked, generator
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import SHUFFLED_TIME, Array, Draws, Found, measured
from reactivation.replay.lags import drawn_pieces, jitter, of_epochs, steps
from reactivation.world.spaces import Space

MODELS = ("stationary", "diffusive", "momentum", "jump", "uniform")
USABLE = 0.8  # smallest share of its own simulated segments that a usable model must be assigned
KEPT = (0.5, 0.7, 0.85, 0.95)  # share of its velocity that momentum keeps from step to step
_JUMPS = (0.1, 0.2, 0.4)  # probability of a jump at each step
_APART = 1.6  # factor between standard deviations of steps on the grid, from half the jitter to a sixth of the space
_SEGMENTS = 300  # at most, drawn at random
_MADE = 200  # simulated segments of each model


@dataclass(frozen=True, eq=False, repr=False)
class States(Found):
    """Hold the share of segments of each kind of motion; the value is that of momentum."""

    shares: dict[str, float]  # of segments
    confusion: Array  # (M, M) simulated model → assigned model, in the order of MODELS; rows sum to 1
    jitter: float  # of decoding, as assumed by the models [unit]
    scale: float  # standard deviation of simulated steps along a dimension [unit]

    @property
    def usable(self) -> dict[str, bool]:
        """Which models are assigned at least 80 % of their own simulated segments, at this jitter and length."""
        return {model: bool(self.confusion[i, i] >= USABLE) for i, model in enumerate(MODELS)}


@checked
def states(
    recording: Any, space: Space | None = None, *, samples: Several = 20, noise: Positive | None = None, rng: Rng = 0
) -> States:
    """Measure the share of segments for which each kind of motion is most likely.

    *stationary*: one place; *diffusive*: independent normal steps; *momentum*: normal steps that keep 50–95 % of the
    previous one; *jump*: one place, replaced by a random one with probability 0.1–0.4 per step; *uniform*: a random place
    at each sample.

    Args:
        recording: a `Recording`, or positions (B, T, P) with their space, taken as 1 s apart.
        samples: number of samples in a segment.
        noise: standard deviation of decoder jitter along each dimension [unit]; None: what `lags.jitter` estimates.

    Returns:
        shares of segments (at most 300), and the confusion of segments simulated at this jitter and length. The share of a
        model that is not `usable` means nothing. The null is time shuffled within segments.

    Raises:
        BadInput: no epoch is as long as a segment, or nothing moves.
    """
    recording, draws = as_recording(recording, space), generator(rng)
    size = jitter(recording) if noise is None else noise
    if not size > 0:
        raise BadInput(f"kinds of motion need a jitter greater than 0, and it is {size}: does anything move?")
    drawn, which = drawn_pieces(recording, samples, _SEGMENTS, draws)
    home, segments = recording.space, drawn.positions
    counts = partial(of_epochs, which, partial(_classified, home, size))
    result = measured([segments], counts, _shares, draws, null=SHUFFLED_TIME, more=MODELS)
    scale = _scale(home, segments, size)
    return States(
        **vars(replace(result, more={})),
        shares=dict(result.more),
        confusion=confusion(home, size, samples, draws, scale),
        jitter=size,
        scale=scale,
    )


def _scale(space: Space, segments: Array, noise: float) -> float:
    """Standard deviation of steps along a dimension without the jitter, but at least the jitter [unit]."""
    squared = float((steps(space, segments) ** 2).mean())
    return math.sqrt(max(squared - 2 * noise**2, noise**2))


def _classified(space: Space, noise: float, segments: Array) -> Array:
    """The most likely model of each segment, as 1 among 0s: (S, n, P) → (S, M)."""
    most_likely = log_likelihoods(space, noise, segments).argmax(1)
    return np.eye(len(MODELS))[most_likely]


def _shares(sums: Array) -> Array:
    shares = sums / sums.sum()
    return np.concatenate((shares[2:3], shares))


def log_likelihoods(space: Space, noise: float, segments: Array) -> Array:
    """Log likelihood of segments under each model, given their first position: (S, n, P) → (S, M) [nats]."""
    moved = steps(space, segments)
    largest = max(axis.high - axis.low for axis in space.axes) / 6
    smallest = min(noise / 2, largest / 2)
    sizes = np.geomspace(smallest, largest, 2 + int(math.log(largest / smallest) / math.log(_APART))).tolist()
    count = moved.shape[1]
    still = _normal(moved, 0.0, 0.0, noise)
    diffusive = _average([_normal(moved, size, 0.0, noise) for size in sizes])
    momentum = _average([_normal(moved, size, kept, noise) for size in sizes for kept in KEPT])
    jumping = _average([_jumping(space, moved, noise, probability) for probability in _JUMPS])
    anywhere = np.full(len(moved), -count * math.log(space.volume))
    return np.stack((still, diffusive, momentum, jumping, anywhere), axis=1)


def _average(values: list[Array]) -> Array:
    return _log_sum(np.stack(values, axis=1)) - math.log(len(values))


def _log_sum(values: Array) -> Array:
    """Log of the sum of exponentials over the last axis."""
    top = values.max(-1)
    total: Array = top + np.log(np.exp(values - top[..., None]).sum(-1))
    return total


def _normal(moved: Array, size: float, kept: float, noise: float) -> Array:
    """Log density of steps that are normal and correlated, with jitter: (S, m, P) → (S)."""
    inverse, log_determinant = _precision(moved.shape[1], size, kept, noise)
    along = moved.transpose(0, 2, 1)
    squares = ((along @ inverse) * along).sum((1, 2))
    dimensions = moved.shape[2]
    return -(squares + dimensions * (log_determinant + moved.shape[1] * math.log(2 * math.pi))) / 2


@cache
def _precision(count: int, size: float, kept: float, noise: float) -> tuple[Array, float]:
    """Inverse covariance of steps along a dimension, and the log determinant of the covariance."""
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    covariance: Array = size**2 * np.where(apart == 0, 1.0, kept**apart if kept else 0.0)
    covariance += noise**2 * (2.0 * (apart == 0) - 1.0 * (apart == 1))
    inverse: Array = np.linalg.inv(covariance).astype(np.float64)
    return inverse, float(np.linalg.slogdet(covariance)[1])


def _jumping(space: Space, moved: Array, noise: float, probability: float) -> Array:
    """Log density of steps of the jump model, summed over the time of the last jump: (S, m, P) → (S)."""
    segments, count, dimensions = moved.shape
    path = np.concatenate((np.zeros((segments, 1, dimensions)), np.cumsum(moved, axis=1)), axis=1)
    sums = np.cumsum(path, axis=1)
    runs = np.zeros((segments, 1))  # log density so far, by the sample at which the run began
    jump, stay, anywhere = math.log(probability), math.log1p(-probability), -math.log(space.volume)
    for now in range(1, count + 1):
        begun = np.arange(now)
        before = np.concatenate((np.zeros((segments, 1, dimensions)), sums), axis=1)[:, begun]
        length = now - begun
        mean = (sums[:, now - 1, None] - before) / length[:, None]
        variance = noise**2 * (1 + 1 / length)
        squares = ((path[:, now, None] - mean) ** 2).sum(-1) / variance
        kept = runs + stay - (squares + dimensions * np.log(2 * math.pi * variance)) / 2
        runs = np.concatenate((kept, _log_sum(runs)[:, None] + jump + anywhere), axis=1)
    return _log_sum(runs)


def confusion(
    space: Space, noise: float, samples: int = 20, rng: Rng = 0, scale: float | None = None, count: int = _MADE
) -> Array:
    """Simulate segments of each model and classify them: shares (M, M), simulated model → assigned model.

    Args:
        noise: standard deviation of decoder jitter along each dimension [unit].
        scale: standard deviation of steps of diffusion and momentum along a dimension [unit]; None: twice the jitter.
        count: segments of each model.
    """
    draws = generator(rng)
    size = 2 * noise if scale is None else scale
    made = [made_segments(space, model, noise, size, samples, count, draws) for model in MODELS]
    return np.stack([_classified(space, noise, segments).mean(0) for segments in made])


def made_segments(space: Space, model: str, noise: float, scale: float, samples: int, count: int, draws: Draws) -> Array:
    """Simulate segments of a model with decoder jitter: (count, samples, P); walls do not stop them."""
    dimensions = space.dimensions
    start = space.sample(count, draws)[:, None]
    shape = (count, samples, dimensions)
    if model == "uniform":
        places = space.sample(count * samples, draws).reshape(shape)
    elif model == "jump":
        probability = draws.choice(_JUMPS, (count, 1))
        jumped = draws.random((count, samples)) < probability
        jumped[:, 0] = True
        last = np.maximum.accumulate(np.where(jumped, np.arange(samples), 0), axis=1)
        places = np.take_along_axis(space.sample(count * samples, draws).reshape(shape), last[..., None], axis=1)
    else:
        kept = draws.choice(KEPT, (count, 1)) if model == "momentum" else np.zeros((count, 1))
        size = 0.0 if model == "stationary" else scale
        places = start + np.cumsum(_correlated(shape, kept, size, draws), axis=1)
    return space.wrap(places + noise * draws.standard_normal(shape))


def _correlated(shape: tuple[int, int, int], kept: Array, size: float, draws: Draws) -> Array:
    """Steps of standard deviation `size` of which each keeps a share of the one before."""
    white = draws.standard_normal(shape)
    moved = white.copy()
    for now in range(1, shape[1]):
        moved[:, now] = kept * moved[:, now - 1] + np.sqrt(1 - kept**2) * white[:, now]
    return size * moved
