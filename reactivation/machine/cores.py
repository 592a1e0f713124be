"""How many cores this process may use."""

import os


def available() -> int:
    """Cores of this process, which may be fewer than the machine's (taskset, SLURM); quotas of containers do not count."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
