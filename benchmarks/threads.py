"""Time a training step with one thread and with one thread per core, on this machine as it is and beside other work.

    python benchmarks/threads.py [only=vanilla] [steps=12] [json=true]

One thread per core is the default of `threads=`, for a machine without other work; on a busy one, one thread is advised.
Other work is one process per core that multiplies matrices without end. Seconds are the median whole step of one network.
It asserts nothing, and prints the load before it began, since a machine that is busy already gives no idle numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import json
import multiprocessing
import os
from typing import Any

import torch
from training import CASES, cases, run_processes

from reactivation.machine import cores
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings

_SIZE = 1000  # rows of the matrices of the other work


@dataclass
class Settings:
    """Keys of this command."""

    only: str = setting("all", "network", choices=("all", *CASES))
    steps: int = setting(12, "steps that are counted", low=1)
    json: bool = setting(False, "a line of JSON per row instead of a table")


@contextmanager
def other_work(processes: int) -> Iterator[None]:
    """Keep as many cores busy during this block."""
    context = multiprocessing.get_context("spawn")
    begun = context.Barrier(processes + 1)
    workers = [context.Process(target=_multiply, args=(begun,), daemon=True) for _ in range(processes)]
    for worker in workers:
        worker.start()
    begun.wait()
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _multiply(begun: Any) -> None:
    torch.set_num_threads(1)
    matrix = torch.ones(_SIZE, _SIZE)
    begun.wait()
    while True:
        torch.mm(matrix, matrix)


def measure(names: list[str], steps: int) -> Iterator[dict[str, Any]]:
    """Yield one row per network, load and number of threads."""
    count = cores.available()
    for name in names:
        for load in (0, count):
            for threads in sorted({1, count}):
                with other_work(load):
                    timing = run_processes(name, plain=False, processes=1, threads=threads, steps=steps)
                yield {
                    "name": name,
                    "other_processes": load,
                    "threads": threads,
                    "seconds_per_step": timing.seconds_per_step,
                }


def main(words: list[str]) -> None:
    """Measure and print."""
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    if not settings.json:
        print(f"{cores.available()} cores; load before: {os.getloadavg()[0]:.1f}")
        print(f"{'':<16}{'other processes':>16}{'threads':>9}{'s/step':>9}")
    for row in measure(cases(settings.only), settings.steps):
        if settings.json:
            print(json.dumps(row), flush=True)
        else:
            name, *numbers, seconds = row.values()
            print(f"{name:<16}{numbers[0]:>16}{numbers[1]:>9}{seconds:>9.4f}", flush=True)


if __name__ == "__main__":
    run_command(main)
