"""Numbers from outside: whole ones in text (names of files, environment variables, files of the system), and JSON's null."""

import math
import re

WHOLE = r"(?:0|[1-9][0-9]*)"
_MOST_DIGITS = 31  # no setting may have more digits


def whole_number(text: str) -> int | None:
    """Return the number of plain decimal digits; None for other text, such as ²5, 007 or thousands of digits."""
    plain = text.isascii() and len(text) <= _MOST_DIGITS and re.fullmatch(WHOLE, text)
    return int(text) if plain else None


def or_nan(value: float | None) -> float:
    """Return a number that a result may lack, as null in JSON: NaN for None."""
    return math.nan if value is None else float(value)
