"""How much memory is available, and a refusal of sizes that cannot fit, before any memory is allocated."""

import os
import resource

import torch

from reactivation.machine import control_groups
from reactivation.machine.errors import BadInput
from reactivation.machine.numbers import whole_number

FLOAT = 4  # bytes of a number in single precision
_GIB = 2**30
_GROUP_LIMITS = (("", "memory.max"), ("memory", "memory.limit_in_bytes"))  # of the newer and the older control groups


def available(device: torch.device) -> int:
    """Bytes that computations on a device can use at most: of the GPU, or of the machine and the limits of this process."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    granted = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    granted += [limit] if limit != resource.RLIM_INFINITY else []
    for limit_of in _GROUP_LIMITS:
        told = map(whole_number, control_groups.contents(*limit_of))
        granted += [limit for limit in told if limit is not None]  # "max" is no limit
    return min(granted)


def require(numbers: int, device: torch.device, keys: str) -> None:
    """Refuse sizes that need more memory than is available.

    Args:
        numbers: single-precision numbers that must be held at once, at least: sizes that pass may still not fit.
        keys: the settings that determine this number.

    Raises:
        BadInput: there is less memory than that.
    """
    needed, there = numbers * FLOAT, available(device)
    if needed > there:
        raise BadInput(
            f"not enough memory for these sizes: at least {needed / _GIB:.3g} GiB are needed and there are "
            f"{there / _GIB:.3g}; use smaller {keys}"
        )
