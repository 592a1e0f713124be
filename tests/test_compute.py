"""The CPU's arithmetic: the fast product library only where it is exact, and no slow denormals."""

from collections.abc import Iterator
import subprocess
import sys
from typing import Any

from factories import environment
import pytest
import torch

from reactivation.machine import device as compute


def test_products_are_single_precision_whatever_the_switch_says() -> None:
    assert compute.prepare("cpu") == torch.device("cpu")
    assert compute.product_error() < 1e-5


@pytest.fixture
def switch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The switch of the process, on a CPU whose products have this error while bfloat16 is on."""
    own: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # torch has no types for it
    own.fp32_precision = "none"
    monkeypatch.setattr(compute, "product_error", lambda: request.param if own.fp32_precision == "bf16" else 4e-7)
    compute.onednn_is_exact.cache_clear()
    yield own
    compute.onednn_is_exact.cache_clear()


@pytest.mark.parametrize("switch", [4e-3], indirect=True)
def test_the_switch_goes_back_where_its_product_is_not_exact(switch: Any) -> None:
    assert compute.use_onednn_if_exact() is False
    assert switch.fp32_precision == "none"


@pytest.mark.parametrize("switch", [4e-7], indirect=True)
def test_the_switch_stays_where_its_product_is_exact(switch: Any) -> None:
    assert compute.use_onednn_if_exact() is True
    assert switch.fp32_precision == "bf16"


@pytest.mark.parametrize("switch", [4e-3, 4e-7], indirect=True)
def test_threads_that_compute_at_the_same_time_leave_the_precision_as_it_was(switch: Any) -> None:
    """Two blocks that overlap: the first ends while the second still computes."""
    with compute.arithmetic("cpu"):
        within = switch.fp32_precision
    first, second = compute.arithmetic("cpu"), compute.arithmetic("cpu")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert switch.fp32_precision == within
    second.__exit__(None, None, None)
    assert switch.fp32_precision == "none"


def test_denormals_are_flushed() -> None:
    tiny = torch.full((8,), 1e-30)
    compute.prepare("cpu")
    assert float((tiny * 1e-10).abs().max()) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has the switch")
def test_freed_memory_is_kept_for_the_next_array() -> None:
    """It runs in a process of its own, since the switch cannot be turned back."""
    faults = """
import resource, torch
from reactivation.machine.device import keep_freed_memory
def step(): return [torch.ones(10_000_000) for _ in range(4)]
def pages():
    for _ in range(3): step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5): step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
as_ever = pages()
keep_freed_memory()
print(as_ever, pages())
"""
    words = [sys.executable, "-c", faults]
    printed = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True).stdout
    as_ever, kept = map(int, printed.split())
    assert kept < as_ever / 2


FIRST_CALL = """
import hashlib, torch
from reactivation.machine.device import prepare
prepare("cpu")
values = torch.linspace(0.1, 9, 20_000)
print(*(hashlib.md5(call(values).numpy().tobytes()).hexdigest() for call in (torch.sqrt, torch.sin, torch.exp)))
"""


@pytest.mark.slow
def test_the_first_vector_call_of_a_process_is_as_exact_as_the_next() -> None:
    """Without `prepare`'s call on one thread, one process in ten differs; this test detects that about half the time."""
    threads = {key: value for key, value in environment().items() if key != "OMP_NUM_THREADS"}
    words = [sys.executable, "-c", FIRST_CALL]
    printed = {subprocess.run(words, env=threads, capture_output=True, check=True).stdout for _ in range(6)}
    assert len(printed) == 1


def test_preparing_calls_the_vector_library_on_one_thread_first(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[object]()
    monkeypatch.setattr(torch.Tensor, "sqrt", lambda tensor: calls.append(tensor.numel()))
    monkeypatch.setattr(compute, "use_onednn_if_exact", lambda: calls.append("product"))
    compute.prepare("cpu")
    assert calls == [1, "product"]
