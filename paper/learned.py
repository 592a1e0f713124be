"""Whether a network has learned its task: one that has not is named, and counts in no family.

Written, and committed, before any network that it may leave out was measured; docs/theory.md says what was known then.
"""

from collections.abc import Iterable

from reactivation.storage.folder import RunFolder

UNLEARNED = 0.5  # share of its targets' variance: who misses more at the last test has not learned the task


def has_learned(folder: RunFolder) -> bool:
    """Return whether a network has learned by its last test; also where none is kept, as of results that outlive their run.

    Raises:
        DamagedData: the table of tests is not what was written.
    """
    tests = folder.table("test")
    if not tests:
        return True
    missed = tests[max(tests)]["fraction_unexplained"]
    return missed is not None and missed <= UNLEARNED


def left_out(seeds: Iterable[int]) -> str:
    """Return what a table says of these, behind how many networks count; "" where there are none."""
    listed = ", ".join(map(str, seeds))
    return f"; not learned: seed {listed}" if listed else ""


def line_on(family: str, seed: int) -> str:
    """Return what a command prints of a network that it leaves out."""
    return f"left out {family}, seed {seed}: it has not learned its task"
