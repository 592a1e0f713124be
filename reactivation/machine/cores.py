"""How many cores this process may use."""

from collections.abc import Iterator
import os

from reactivation.machine import control_groups
from reactivation.machine.numbers import whole_number

# What SLURM grants a task or, where nothing is said of tasks, a job on this machine.
_GRANTED = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE")


def available() -> int:
    """Cores granted to this process: the least that affinity, control groups and the batch system say."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [cores for name in _GRANTED if (cores := whole_number(os.environ.get(name, ""))) is not None][:1]
    return max(1, min([there, *granted, *map(int, _quotas())]))


def _quotas() -> Iterator[float]:
    """Cores' worth of time per time."""
    told = [text.split() for text in control_groups.contents("", "cpu.max")]  # "200000 100000", or "max 100000"
    quotas, periods = (control_groups.contents("cpu", f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    told += [list(pair) for pair in zip(quotas, periods, strict=False)]
    for quota, period in (map(whole_number, pair) for pair in told if len(pair) == 2):
        if quota is not None and period:  # "max" and -1 are no limits
            yield quota / period


def is_busy() -> bool:
    """Whether more processes want to compute on this machine than it has cores."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)
