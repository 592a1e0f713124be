"""Checks of what callers pass from Python: each refuses on one line, and returns the value as what it was checked to be."""

import math
import operator
from typing import TYPE_CHECKING, Any

from reactivation.machine.errors import BadInput

if TYPE_CHECKING:
    import numpy as np


def whole(name: str, value: Any, low: int = 0) -> int:
    """Return a whole number, of numpy's kinds too.

    Raises:
        BadInput: it is none, or less than `low`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise BadInput(f"{name}={value!r} must be a whole number") from None
    if number < low:
        raise BadInput(f"{name}={number} must be at least {low}")
    return number


def duration(name: str, value: Any) -> float:
    """Return a time in seconds.

    Raises:
        BadInput: it is no number, not finite, or not greater than 0.
    """
    seconds = _number(name, value)
    if not 0 < seconds < math.inf:
        raise BadInput(f"{name}={value} is a time [s] and must be greater than 0")
    return seconds


def strength(name: str, value: Any) -> float:
    """Return how strong something is, from 0 on.

    Raises:
        BadInput: it is no number, not finite, or negative.
    """
    number = _number(name, value)
    if not 0 <= number < math.inf:
        raise BadInput(f"{name}={value} must be at least 0, and finite")
    return number


def generator(rng: Any) -> "np.random.Generator":
    """Return the generator that is given, or that of a seed.

    Raises:
        BadInput: it is neither.
    """
    import numpy as np

    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(whole("rng", rng))


def _number(name: str, value: Any) -> float:
    try:
        if not isinstance(value, str):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise BadInput(f"{name}={value!r} must be a number")
