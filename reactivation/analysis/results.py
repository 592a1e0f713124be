"""The results of measures: named numbers, and the mean of one number over several seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reactivation.checks import checked
from reactivation.machine.errors import BadInput

Array = NDArray[np.float64]
LEVEL = 0.95  # of the interval over seeds


@dataclass(frozen=True, eq=False)
class Measure:
    """Hold a mean over epochs, weighted by their samples; the epoch is the unit of its standard error."""

    value: float
    standard_error: float | None  # None for a single epoch
    unit: str
    each: Array  # (B) of each epoch
    samples: Array  # (B) its weight

    def __repr__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.standard_error is None:
            return f"{self.value:.4g}{unit} (one epoch, so no standard error)"
        return f"{self.value:.4g} ± {self.standard_error:.2g}{unit} (mean ± standard error of {len(self.each)} epochs)"


def mean_of_epochs(each: Array, samples: Array, unit: str) -> Measure:
    """Average the values of epochs (B), weighted by their samples."""
    if (samples == samples[0]).all():
        error = standard_error(each) if len(each) > 1 else None
        return Measure(float(each.mean()), error, unit, each, samples)
    weights = samples / samples.sum()
    value = float((weights * each).sum())
    error = math.sqrt((weights**2 * (each - value) ** 2).sum() * len(each) / (len(each) - 1))
    return Measure(value, error, unit, each, samples)


def standard_error(values: Array) -> float:
    """Return the standard error of the mean of independent values (n): SD / √n."""
    return float(values.std(ddof=1) / math.sqrt(len(values)))


@dataclass(frozen=True, eq=False)
class OverSeeds:
    """Hold a number for each of several seeds, and their mean with its interval: Student's t at 95 %."""

    value: float  # mean
    low: float
    high: float
    each: Array  # one for each seed, in their order
    results: tuple[Any, ...]  # what the measure returned for each

    def __repr__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}] (mean, 95 % t interval of {len(self.each)} seeds)"


@checked
def over_seeds(measure: Callable[..., Any], *recordings: Sequence[Any], **options: Any) -> OverSeeds:
    """Measure each of several seeds, and return their mean with its interval; the seed is the unit of inference.

    Args:
        measure: `kl`, `variance` or any other function whose result has a `.value`, or is a number.
        recordings: for each argument of the measure a list, with one entry for each seed.
        options: keyword arguments of the measure, the same for all seeds.

    Raises:
        BadInput: lists of different lengths, fewer than two seeds, or a measure that gives no number; or what it raises.

    >>> import numpy as np
    >>> seeds = [np.random.default_rng(seed).normal(0, 0.1, (20, 50, 2)) for seed in range(5)]
    >>> recordings = [ra.Recording(positions, dt=0.02, space=ra.Box(2, 2)) for positions in seeds]
    >>> ra.over_seeds(ra.variance, recordings)
    0.01954 [0.01927, 0.01981] (mean, 95 % t interval of 5 seeds)
    """
    lengths = {len(one) if isinstance(one, list | tuple) else 0 for one in recordings}
    if len(lengths) != 1 or lengths.pop() < 2:
        raise BadInput("over_seeds takes lists with one recording for each seed, of two seeds at least and of equal lengths")
    results = tuple(measure(*one, **options) for one in zip(*recordings, strict=True))
    try:
        each = [float(getattr(result, "value", result)) for result in results]
    except (TypeError, ValueError):
        kind = type(results[0]).__name__
        raise BadInput(f"over_seeds takes a measure whose result is a number, or has a .value; it got a {kind}") from None
    low, high = confidence_interval(each) or (-math.inf, math.inf)
    return OverSeeds(float(np.mean(each)), low, high, np.array(each), results)


def confidence_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return Student's t interval of the mean over seeds; None for fewer than two, infinite if a value is not finite."""
    if len(values) < 2:
        return None
    if not all(map(math.isfinite, values)):
        return -math.inf, math.inf
    half = half_width(float(np.std(values, ddof=1)), len(values))
    centre = float(np.mean(values))
    return centre - half, centre + half


def half_width(sd: float, n: int) -> float:
    """Return half the width of Student's t interval of a mean over n seeds of this standard deviation."""
    return float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * sd / math.sqrt(n))
