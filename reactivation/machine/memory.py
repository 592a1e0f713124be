"""How much memory is available, and a refusal of sizes that cannot fit, before any memory is allocated."""

import os
import resource
from typing import TYPE_CHECKING

from reactivation.machine import control_groups
from reactivation.machine.errors import BadInput
from reactivation.machine.numbers import whole_number

if TYPE_CHECKING:
    import torch

FLOAT, _DOUBLE = 4, 8  # bytes of a number in single and in double precision
_GIB = 2**30
_GROUP_LIMITS = (("", "memory.max"), ("memory", "memory.limit_in_bytes"))  # of the newer and the older control groups


def available(device: "torch.device") -> int:
    """Bytes that computations on a device can use at most: of the GPU, or of the machine and the limits of this process."""
    if device.type == "cuda":
        import torch  # loaded by whoever has such a device

        return torch.cuda.mem_get_info(device)[1]
    return _granted()


def _granted() -> int:
    """Bytes that the machine and the limits of this process grant."""
    granted = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    granted += [limit] if limit != resource.RLIM_INFINITY else []
    for limit_of in _GROUP_LIMITS:
        told = map(whole_number, control_groups.contents(*limit_of))
        granted += [limit for limit in told if limit is not None]  # "max" is no limit
    return min(granted)


def require(numbers: int, device: "torch.device", keys: str) -> None:
    """Refuse sizes that need more memory than is available.

    Args:
        numbers: single-precision numbers that must be held at once, at least: sizes that pass may still not fit.
        keys: the settings that determine this number.

    Raises:
        BadInput: there is less memory than that.
    """
    _refuse_beyond(available(device), numbers * FLOAT, keys)


def require_doubles(numbers: int, keys: str) -> None:
    """As `require`, of numbers in double precision in the memory of the machine; torch is not loaded."""
    _refuse_beyond(_granted(), numbers * _DOUBLE, keys)


def _refuse_beyond(there: int, needed: int, keys: str) -> None:
    if needed > there:
        raise BadInput(
            f"not enough memory for these sizes: at least {needed / _GIB:.3g} GiB are needed and there are "
            f"{there / _GIB:.3g}; use smaller {keys}"
        )
