"""Named random streams: every draw comes from `stream(seed, name)`, so adding a draw to one name never shifts another."""

import hashlib

import numpy as np
import torch


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
