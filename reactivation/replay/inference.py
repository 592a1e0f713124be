"""Standard errors and nulls of measures.

Each measure is a formula of sums over epochs (trajectories), so that epochs can be resampled. Its standard error comes from
a bootstrap over epochs. Its null is the same formula of the same data with one property removed, such as the order in time.

Axes: B epochs, T samples, P dimensions, K sums, V values.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Draws = np.random.Generator

BOOTSTRAPS = 200  # resamples for a standard error, which is then known to 5 %
NULLS = 39  # draws of a null: by chance, one value in 20 lies outside all of them

Statistics = Callable[[Array], Array]  # positions or rates of a block (B, T, ...) → sums of each epoch (B, K)
Formula = Callable[..., Array]  # sums over epochs (K), of one recording or several → values (V)


class Null(NamedTuple):
    """The values of a measure for data from which a property was removed."""

    name: str  # how the property was removed
    value: float  # mean of 39 draws
    low: float  # the lowest of them
    high: float  # the highest; by chance, one value in 20 lies outside


@dataclass(frozen=True, eq=False)
class Found:
    """Hold the value of a measure, its standard error and its null."""

    value: float  # NaN where it is not defined
    standard_error: float | None  # of a bootstrap over epochs; None for one epoch, or if resamples have no value
    unit: str
    null: Null | None
    more: Mapping[str, float]  # further values by name
    at: Array  # (L) lags [s], or other abscissa of the curve; empty without a curve
    curve: Array  # (L)
    curve_errors: Array | None  # (L)

    def __repr__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
        beside = "" if self.null is None else f" ({self.null.name}: {self.null.low:.3g} to {self.null.high:.3g})"
        return f"{self.value:.4g}{error}{f' {self.unit}' if self.unit else ''}{beside}"


class Change(NamedTuple):
    """A way to remove a property from epochs."""

    name: str
    of: Callable[[Array, Draws], Array]  # a block (B, T, ...) → another of its shape


def _shuffled_time(block: Array, draws: Draws) -> Array:
    order = np.argsort(draws.random(block.shape[:2]), axis=1)
    return np.take_along_axis(block, order[..., None], axis=1)


def _reversed(block: Array, draws: Draws) -> Array:
    return np.where(draws.random(len(block))[:, None, None] < 0.5, block[:, ::-1], block)


SHUFFLED_TIME = Change("shuffled time", _shuffled_time)
REVERSED = Change("epochs reversed at random", _reversed)


def measured(
    blocks: list[Array],
    statistics: Statistics,
    formula: Formula,
    draws: Draws,
    *,
    null: Change | Null | None = SHUFFLED_TIME,
    unit: str = "",
    more: Sequence[str] = (),
    at: Sequence[float] | Array = (),
) -> Found:
    """Measure blocks of epochs (B, T, ...): apply a formula to sums over epochs, and add its standard error and its null."""

    def sums(changed: Iterable[Array]) -> Array:
        return np.concatenate([statistics(block) for block in changed])

    if isinstance(null, Change):
        changed = ([null.of(block, draws) for block in blocks] for _ in range(NULLS))
        null = null_of(null.name, (formula(sums(one).sum(0))[0] for one in changed))
    return found(formula, sums(blocks), draws=draws, null=null, unit=unit, more=more, at=at)


def found(
    formula: Formula,
    *statistics: Array,
    draws: Draws,
    null: Null | None = None,
    unit: str = "",
    more: Sequence[str] = (),
    at: Sequence[float] | Array = (),
) -> Found:
    """Apply a formula to sums of epochs (B, K), of one recording or of several; resample the epochs of each.

    Args:
        formula: its first value is the measure; the next ones have the names `more`, the rest is the curve.
        at: (L) lags or other abscissa of the curve.
    """
    values = formula(*(one.sum(0) for one in statistics))
    errors = None
    if np.isfinite(values[0]) and all(len(one) > 1 for one in statistics):
        errors = _spread(np.stack([formula(*(_drawn_again(one, draws) for one in statistics)) for _ in range(BOOTSTRAPS)]))
    return Found(
        float(values[0]),
        None if errors is None or np.isnan(errors[0]) else float(errors[0]),
        unit,
        null,
        dict(zip(more, values[1:].tolist(), strict=False)),
        np.asarray(at, dtype=np.float64),
        values[1 + len(more) :],
        None if errors is None else errors[1 + len(more) :],
    )


def null_of(name: str, drawn: Iterable[Any]) -> Null:
    """Summarise values of a null; values that are not finite are left out."""
    values = np.array([float(value) for value in drawn])
    values = values[np.isfinite(values)]
    if not len(values):
        return Null(name, *[float("nan")] * 3)
    return Null(name, float(values.mean()), float(values.min()), float(values.max()))


def _drawn_again(statistics: Array, draws: Draws) -> Array:
    """The sum (K) over a resample of the epochs, of the same number and with replacement."""
    counts = np.bincount(draws.integers(len(statistics), size=len(statistics)), minlength=len(statistics))
    drawn: Array = counts @ statistics
    return drawn


def _spread(values: Array) -> Array:
    """Standard deviation of each column (R, V) over the draws in which it is defined; NaN for fewer than two."""
    there = np.isfinite(values)
    count = np.where(there.sum(0) < 2, np.nan, there.sum(0))
    filled = np.where(there, values, 0.0)
    mean = filled.sum(0) / count
    spread: Array = np.sqrt((np.where(there, filled - mean, 0.0) ** 2).sum(0) / (count - 1))
    return np.where(spread <= 1e-12 * np.abs(mean), 0.0, spread)  # equal values differ by rounding only


def ratio(above: Array, below: Array) -> Array:
    """Divide, NaN where the divisor is 0."""
    return np.divide(above, below, out=np.full(np.broadcast_shapes(above.shape, below.shape), np.nan), where=below != 0)
