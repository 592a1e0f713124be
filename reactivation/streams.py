"""Named random streams: every draw comes from `stream(seed, name)`, so adding a draw to one name never shifts another.

All names are listed here. A name says what is drawn, and for which experiment and phase. It never depends on a position in
a list, on a modifier or on Δt, since another name gives other random numbers.
"""

from collections.abc import Iterator
import hashlib
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from reactivation.checks import Natural, checked
from reactivation.machine.errors import BadInput

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Streams = Union["torch.Generator", "tuple[torch.Generator, ...]"]  # of one network, or one per network of a stack

CELLS = "cells"  # what a task draws once: centres of place cells
WEIGHTS = "weights"  # of an untrained network
TRAJECTORIES, NOISE = "trajectories", "noise"  # of training
TEST_TRAJECTORIES, TEST_NOISE = "test/trajectories", "test/noise"
INPUTS, DRIVE = "inputs", "drive"  # of a recorded phase: what its inputs draw, and a noisy drive


def of_untrained(name: str) -> str:
    """Return the name of CELLS or WEIGHTS of the untrained network that trained ones are compared with."""
    return f"random/{name}"


def of_control(name: str) -> str:
    """Return the name of a draw that a control makes once: CELLS, WEIGHTS, "manifold" or the like."""
    return f"control/{name}"


def of_phase(experiment: str, phase: str, name: str, draw: int = 0) -> str:
    """Return the name of TRAJECTORIES, NOISE, INPUTS or DRIVE of a recorded phase; `draw` numbers repetitions."""
    return "/".join(["analysis", *([str(draw)] if draw else []), experiment, phase, name])


def of_theory(measure: str, part: str) -> str:
    """Return the name of the draws of a measure of the theory; `part` says for which network or noise."""
    return f"theory/{measure}/{part}"


def of_analysis(analysis: str, part: str) -> str:
    """Return the name of an analysis's own draws; `part` says for which experiments."""
    return f"{analysis}/{part}"


def stream_seed(seed: int, name: str) -> int:
    """Return a 63-bit seed that depends on both arguments; neighbouring seeds and names share nothing."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@checked
def stream(seed: Natural, name: str, device: Any = "cpu") -> "torch.Generator":
    """Return the torch generator of stream `name` of a run.

    Raises:
        BadInput: torch knows no such device here.
    """
    import torch  # callers that draw with numpy alone do not need it

    try:
        generator = torch.Generator(device=device)
    except (RuntimeError, TypeError):
        raise BadInput(f"device={device!r} is no device that torch finds here: cpu, or cuda") from None
    return generator.manual_seed(stream_seed(seed, name))


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """Return the numpy generator of stream `name` of a run."""
    return np.random.Generator(np.random.PCG64(stream_seed(seed, name)))


def streams_of(streams: Streams) -> "tuple[torch.Generator, ...]":
    """Return one stream, or several, as a tuple."""
    return streams if isinstance(streams, tuple) else (streams,)


def shares(drawn: "Tensor", streams: Streams) -> "Iterator[tuple[Tensor, torch.Generator]]":
    """Yield the part of an array that each stream fills, and the stream: the whole array, or one entry of its first axis."""
    return zip(drawn, streams, strict=True) if isinstance(streams, tuple) else iter([(drawn, streams)])
