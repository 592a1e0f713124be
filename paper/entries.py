"""Where a number stands in the files of a protocol; claims and tables read them through this.

An entry takes `table` and `details` of a protocol's files and gives one number, NaN where the file has null.
"""

from collections.abc import Callable, Mapping
import math
from statistics import mean
from typing import Any

Entry = Callable[[Mapping[str, Any]], float]


def at(*path: str) -> Entry:
    """The number under these keys of the table."""
    return _number("table", *path)


def kl(resting: str, waking: str) -> Entry:
    """KL(resting ‖ waking awake) [nats]; `resting` may be "random" or "uniform"."""
    return at(resting, waking)


def entropy_awake(run: str) -> Entry:
    """Differential entropy of the density of reported states, awake [nats]."""
    return _number("details", "entropy_awake", run)


def entropy_at_rest(run: str) -> Entry:
    """The same at rest, with the kernel bandwidth of waking."""
    return _number("details", "pairs", run, run, "matched_bandwidth", "entropy")


def step(run: str, phase: str) -> Entry:
    """Distance between consecutive points [m], mean over trajectories."""
    return lambda result: mean(result["table"][run][phase])


def growth(run: str) -> Entry:
    """Norm of the rates at the last step of rest over that halfway: 1 where activity has settled, more where it grows."""

    def entry(result: Mapping[str, Any]) -> float:
        norms = result["details"][run]["quiescent_norm"]
        halfway = norms[len(norms) // 2]
        return norms[-1] / halfway if halfway else math.nan

    return entry


def _number(*path: str) -> Entry:
    def entry(result: Mapping[str, Any]) -> float:
        found: Any = result
        for key in path:
            if found is None:
                return math.nan
            found = found[key]
        return math.nan if found is None else float(found)

    return entry
