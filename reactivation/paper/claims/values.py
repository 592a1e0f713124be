"""What claims are made of: one number from the results of one seed, and what becomes of two of them."""

from collections.abc import Callable
import math

from reactivation.paper.entries import Entry
from reactivation.paper.verdicts import Results

Value = Callable[[Results], float]

SEEN = (0,)  # the seeds whose numbers stood in the results when some rows were written, or their measure changed


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


def size(value: Value) -> Value:
    """|value|."""
    return lambda results: abs(value(results))
