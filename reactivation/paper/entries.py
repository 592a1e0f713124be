"""Where a number stands in the files of a protocol; claims, ledger and tables read them through this.

An entry takes `table` and `details` of a protocol's files and gives one number, NaN where the file has null.
"""

from collections.abc import Callable, Mapping
import math
from statistics import mean
from typing import Any

Entry = Callable[[Mapping[str, Any]], float]


def at(*path: str) -> Entry:
    """The number under these keys of the table."""

    def entry(result: Mapping[str, Any]) -> float:
        found = result["table"]
        for key in path:
            found = found[key]
        return math.nan if found is None else float(found)

    return entry


def kl(resting: str, waking: str) -> Entry:
    """KL(resting ‖ waking awake) [nats]; `resting` may be "random" or "uniform"."""
    return at(resting, waking)


def matched_kl(resting: str, waking: str) -> Entry:
    """The same with one kernel bandwidth for both densities."""

    def entry(result: Mapping[str, Any]) -> float:
        found = result["details"]["pairs"][resting][waking]["matched_bandwidth"]["kl"]
        return math.nan if found is None else float(found)

    return entry


def step(run: str, phase: str) -> Entry:
    """Distance between consecutive points [m], mean over trajectories."""
    return lambda result: mean(result["table"][run][phase])
