"""What claims are made of: one number from the results of one seed, and what becomes of two of them."""

from collections.abc import Callable
import math

import numpy as np

from reactivation.paper.entries import Entry
from reactivation.paper.verdicts import Results

Value = Callable[[Results], float]

# The seeds whose numbers were known when some rows were written, or their measure changed.
SEEN = (0,)
SEEN_LATER = (0, 1, 2)


def of(protocol: str, entry: Entry) -> Value:
    """An entry of the results of a protocol."""
    return lambda results: entry(results[protocol])


def difference(a: Value, b: Value) -> Value:
    """a − b."""
    return lambda results: a(results) - b(results)


def ratio(a: Value, b: Value) -> Value:
    """a / b, infinite where b is 0."""

    def value(results: Results) -> float:
        below = b(results)
        return a(results) / below if below else math.inf

    return value


def doublings(value: Value) -> Value:
    """log₂ of a value."""

    def logarithm(results: Results) -> float:
        with np.errstate(divide="ignore"):
            return float(np.log2(value(results)))

    return logarithm


def size(value: Value) -> Value:
    """|value|."""
    return lambda results: abs(value(results))
