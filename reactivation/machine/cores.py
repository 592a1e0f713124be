"""How many cores this process may use."""

from collections.abc import Iterator
import os

from reactivation.machine import control_groups
from reactivation.machine.numbers import whole_number

# Cores that SLURM grants to a task or, if the task has no such limit, to the job on this machine.
_GRANTED = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE")


def available() -> int:
    """Cores granted to this process: the smallest of the limits by affinity, control groups and the batch system."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [cores for name in _GRANTED if (cores := whole_number(os.environ.get(name, ""))) is not None][:1]
    return max(1, min([there, *granted, *map(int, _quotas())]))


def _quotas() -> Iterator[float]:
    """The quotas of control groups, as numbers of cores."""
    told = [text.split() for text in control_groups.contents("", "cpu.max")]  # "200000 100000", or "max 100000"
    quotas, periods = (control_groups.contents("cpu", f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    told += [list(pair) for pair in zip(quotas, periods, strict=False)]
    for quota, period in (map(whole_number, pair) for pair in told if len(pair) == 2):
        if quota is not None and period:  # "max" and -1 are no limits
            yield quota / period


def is_busy() -> bool:
    """Whether the load of this machine exceeds its number of cores."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)
