"""Whole numbers in text that others write: names of files, variables of the environment, what the system tells."""

import re

WHOLE = r"(?:0|[1-9][0-9]*)"
_MOST_DIGITS = 31  # no setting may be larger, and Python reads no more than some thousands


def whole_number(text: str) -> int | None:
    """Return the number that plain decimal digits say; None for other text, such as ²5, 007 or thousands of digits."""
    plain = text.isascii() and len(text) <= _MOST_DIGITS and re.fullmatch(WHOLE, text)
    return int(text) if plain else None
