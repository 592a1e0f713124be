"""Decide whether a network has learned its task. One that has not is named, and counts in no family.

The rule was committed before any network that it may leave out was measured; docs/theory.md says what was known then.
"""

from collections.abc import Iterable

from reactivation.storage.folder import RunFolder

UNLEARNED = 0.5  # share of the targets' variance: a network that misses more at the last test has not learned the task


def has_learned(folder: RunFolder) -> bool:
    """Return whether a network has learned by its last test; True where no test is kept, as when the run was deleted.

    Raises:
        DamagedData: the table of tests is damaged.
    """
    tests = folder.table("test")
    if not tests:
        return True
    missed = tests[max(tests)]["fraction_unexplained"]
    return missed is not None and missed <= UNLEARNED


def left_out(seeds: Iterable[int]) -> str:
    """Return how a table names seeds that have not learned, behind the number of networks; "" for no seeds."""
    listed = ", ".join(map(str, seeds))
    return f"; not learned: seed {listed}" if listed else ""


def line_on(family: str, seed: int) -> str:
    """Return the line that a command prints about a network that it leaves out."""
    return f"left out {family}, seed {seed}: it has not learned its task"
