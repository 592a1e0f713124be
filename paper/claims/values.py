"""What claims are made of: one number from the results of one seed, and what becomes of two; and what both tasks ask."""

from collections.abc import Callable
import math

import numpy as np

from paper.entries import Entry, at
from paper.verdicts import Claim, Results
from paper.words import DOUBLING

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


def size(value: Value) -> Value:
    """|value|."""
    return lambda results: abs(value(results))


def keeps_amplitude(key: str, whose: str, protocol: str, run: str) -> Claim:
    """The claim that rest is as large as waking at its end, in doublings."""

    def doublings(results: Results) -> float:
        with np.errstate(divide="ignore"):
            return float(np.log2(at(run, "amplitude")(results[protocol])))

    return Claim(
        key,
        f"After 1,000 steps of rest, activity is as large as awake ({whose}).",
        "–",
        "log₂ of the norm of the rates at the last step of rest over its mean awake",
        (protocol,),
        doublings,
        low=-DOUBLING,
        high=DOUBLING,
        seen=SEEN_LATER,
        ours=True,
    )
