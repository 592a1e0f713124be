"""Named random streams: every draw comes from `stream(seed, name)`, so adding a draw to one name never shifts another."""

from collections.abc import Iterator
import hashlib

import numpy as np
import torch
from torch import Tensor

Streams = torch.Generator | tuple[torch.Generator, ...]  # of one network, or one per network of a stack


def stream_seed(seed: int, name: str) -> int:
    """A 63-bit seed that depends on both arguments; neighbouring seeds and names share nothing."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def stream(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """The torch generator of stream `name` of a run."""
    return torch.Generator(device=device).manual_seed(stream_seed(seed, name))


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """The numpy generator of stream `name` of a run."""
    return np.random.Generator(np.random.PCG64(stream_seed(seed, name)))


def streams_of(streams: Streams) -> tuple[torch.Generator, ...]:
    """One or several, as several."""
    return streams if isinstance(streams, tuple) else (streams,)


def shares(drawn: Tensor, streams: Streams) -> Iterator[tuple[Tensor, torch.Generator]]:
    """Which part of an array each stream fills: all of it, or one entry of its first axis each."""
    return zip(drawn, streams, strict=True) if isinstance(streams, tuple) else iter([(drawn, streams)])
