"""Numbers from outside: whole ones in text (names of files, environment variables, ...), JSON's null, and those of numpy."""

from collections.abc import Mapping
import math
import os
import re
from typing import Any

WHOLE = r"(?:0|[1-9][0-9]*)"
_MOST_DIGITS = 31  # no setting may have more digits


def whole_number(text: str) -> int | None:
    """Return the number of plain decimal digits; None for other text, such as ²5, 007 or thousands of digits."""
    plain = text.isascii() and len(text) <= _MOST_DIGITS and re.fullmatch(WHOLE, text)
    return int(text) if plain else None


def or_nan(value: float | None) -> float:
    """Return a number that a result may lack, as null in JSON: NaN for None."""
    return math.nan if value is None else float(value)


def plain(value: Any) -> Any:
    """Return a value with numbers of numpy and torch as Python's own, arrays and tuples as lists, and paths as text."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.tolist() if hasattr(value, "tolist") else value
