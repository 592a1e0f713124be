"""Where and how a process computes: its device, decided once, and the arithmetic of its CPU."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
import ctypes
from functools import cache
import os
import sys
from threading import RLock
from typing import Any

import torch

from reactivation.machine import cores
from reactivation.machine.errors import BadInput

_products: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # torch has no types for it
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # mallopt's names of its parameters, in malloc.h
_LARGEST_INT = 2**31 - 1
_SHORTAGE = ("can't allocate memory", "Storage size calculation overflowed", "numel")  # in torch's messages
_EXACT = 1e-5  # relative error; single-precision products have much smaller errors, bfloat16 products much larger ones


def prepare(device: str) -> torch.device:
    """Decide the device that `device=` names (`auto` takes a GPU where there is one) and set up the CPU.

    Raises:
        BadInput: cuda is named and not available, or the name is unknown.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise BadInput(f"device={device} must be auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device=cuda: torch finds no CUDA device here; use device=cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    # A noiseless network at rest decays to denormal rates, on which a CPU is dozens of times slower.
    torch.set_flush_denormal(True)
    # The vector library behind sqrt, sin, exp and others initialises itself at its first call. If that call runs on several
    # threads, one of them computes at low accuracy in about one process of ten.
    torch.ones(1).sqrt()
    use_onednn_if_exact()
    return torch.device(device)


@contextmanager
def arithmetic(device: str) -> Iterator[torch.device]:
    """Compute in this block with the settings of our commands; the caller's settings are restored after it.

    Flushing of denormals is set per thread. Precision is set per process: the first thread in such a block changes it, and
    the last one changes it back.

    Raises:
        BadInput: as `prepare`.
    """
    threads = torch.get_num_threads()
    flushes = bool(torch.full((1,), 1e-40, dtype=torch.float32, device="cpu").mul(1.0) == 0)
    _precision.enter()
    try:
        with cpu_by_default():
            place = prepare(device)
            with torch.autocast(place.type, enabled=False):
                yield place
    finally:
        torch.set_flush_denormal(flushes)
        _precision.leave()
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


@contextmanager
def cpu_by_default() -> Iterator[None]:
    """Make tensors without a named device on the CPU in this block, whatever default device torch has."""
    is_cpu = torch.get_default_device().type == "cpu"
    with nullcontext() if is_cpu else torch.device("cpu"):  # entering one slows every call of torch
        yield


class _Precision:
    """The process's precision of products, with the number of open `arithmetic` blocks."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._blocks = 0
        self._outside: Any = None

    def enter(self) -> None:
        with self.lock:
            if not self._blocks:
                self._outside = _products.fp32_precision
            self._blocks += 1

    def leave(self) -> None:
        with self.lock:
            self._blocks -= 1
            if not self._blocks:
                _products.fp32_precision = self._outside


_precision = _Precision()


def keep_freed_memory() -> None:
    """Let a process that makes the same large arrays again and again keep their memory.

    By default glibc returns the memory of every large array to the system and requests it anew, and the system clears it
    page by page: a quarter of the time of a training step. Does nothing where the C library has no `mallopt`.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if tune is not None:
        tune(_MMAP_MAX, 0)
        tune(_TRIM_THRESHOLD, _LARGEST_INT)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Raise BadInput, on one line, where torch cannot allocate the memory that the sizes need."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_shortage(error):
            reason = f" ({str(error).splitlines()[0]})" if str(error) else ""
            raise BadInput(f"not enough memory for these sizes{reason}; use smaller ones") from error
        raise


def is_shortage(error: Exception) -> bool:
    """Whether an error says that there is not enough memory."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(words in str(error) for words in _SHORTAGE)


def use_onednn_if_exact() -> bool:
    """Let oneDNN compute single-precision products where its products are that exact; returns whether it does.

    With the setting bf16, torch sends products to oneDNN. On CPUs with AVX-512 but without AMX, oneDNN still computes in
    single precision, on some of them faster than the default library. On CPUs with AMX it computes in bfloat16, so a product
    is tested first.
    """
    with _precision.lock:
        if onednn_is_exact():
            _products.fp32_precision = "bf16"
    return onednn_in_use()


@cache  # the test changes the precision of the whole process: it is made once, before any `arithmetic` block computes
def onednn_is_exact() -> bool:
    """Whether products by oneDNN are those of single precision on this CPU."""
    before = _products.fp32_precision
    _products.fp32_precision = "bf16"
    try:
        return product_error() <= _EXACT
    finally:
        _products.fp32_precision = before


def use_threads(wanted: int | None) -> int:
    """Let torch compute with `wanted` threads, or (None) with its own number, at most the granted cores; returns that."""
    usual = torch.get_num_threads() if "OMP_NUM_THREADS" in os.environ else min(torch.get_num_threads(), cores.available())
    number = usual if wanted is None else wanted
    if number != torch.get_num_threads():
        torch.set_num_threads(number)
    return number


def onednn_in_use() -> bool:
    """Whether products go to oneDNN."""
    return bool(_products.fp32_precision == "bf16")


def use_tf32(wanted: bool) -> None:
    """Let a GPU round the factors of single-precision products to 10 bits, which is faster; nothing changes on a CPU."""
    torch.backends.cuda.matmul.fp32_precision = "tf32" if wanted else "ieee"


def product_error() -> float:
    """Largest error of a single-precision product of this process, relative to its largest entry."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=generator, dtype=torch.float32) for _ in range(2))
    exact = a.double() @ b.double()
    return float(((a @ b).double() - exact).abs().max() / exact.abs().max())
