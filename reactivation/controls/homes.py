"""Homes of drawn bearings: they differ between seeds, so that structure which networks share is not taken for a pull."""

import math

HOMES = 5  # the home of a seed is 2π seed/5


def home_of(seed: int) -> float:
    """Return the home of drawn bearings, 2π seed/5 [rad]."""
    return 2 * math.pi * (seed % HOMES) / HOMES
