"""Time training, beside a plain loop and beside the ceilings of the machine.

    python benchmarks/training.py [only=vanilla] [steps=12] [json=true]

Each network of the paper is trained at full size in two ways: by a plain loop in one process with all cores, and by the fast
path of `train.py seed=0,1,...`, one single-threaded process per core. Whole steps are timed (data, noise, loss, Adam, the
loss read at the log interval). Seconds are per training step of one network: with several processes, the median step
divided by their number. Both ceilings, a large product and a large copy, are measured in the same run. It asserts nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import json
import multiprocessing
import os
from pathlib import Path
import platform
import resource
from statistics import median
import time
from typing import Any

import torch

from reactivation.machine import cores
from reactivation.machine.device import keep_freed_memory, prepare
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import train_config
from reactivation.training.learner import Trainee, new_learner
from reactivation.training.objective import RingError
from reactivation.training.work import copy_rate, product_rate, training_flops

CASES = {
    "vanilla": "spatial_navigation/noisy_unbiased",
    "gru": "spatial_navigation/noisy_unbiased_gru",
    "head_direction": "head_direction/noisy_unbiased",
}
WARM_UP = 3  # steps that are not counted


@dataclass
class Settings:
    """Keys of this command."""

    only: str = setting("all", "network", choices=("all", *CASES))
    steps: int = setting(12, "steps that are counted; five times as many for head direction", low=1)
    json: bool = setting(False, "a line of JSON per row instead of a table")


def cases(only: str) -> list[str]:
    """Return the networks to measure."""
    return list(CASES) if only == "all" else [only]


@dataclass
class Timing:
    """The time and memory of one way of training."""

    seconds_per_step: float
    peak_rss_mb: float  # of the largest process


def features_of(trainee: Trainee) -> int | None:
    """Return the number of Fourier features of a fast head-direction loss; None where outputs are formed."""
    return trainee.objective.ring.cells.shape[-1] if isinstance(trainee.objective, RingError) else None


def time_steps(name: str, seed: int, plain: bool, threads: int, steps: int, start: Any) -> tuple[list[float], float]:
    """Return the seconds of each of `steps` training steps, and this process's peak memory [MB]."""
    torch.set_num_threads(threads)
    device = prepare("cpu")
    if not plain:  # a plain loop leaves the settings of the C library unchanged
        keep_freed_memory()
    config = train_config({"config": CASES[name], "seed": seed})
    learner = new_learner(config, device, plain=plain)
    seconds = []
    for number in range(WARM_UP + steps):
        if number == WARM_UP:
            start.wait()
        began = time.perf_counter()
        loss, _ = learner.learn()
        if learner.step % config.trainer.log_freq == 0:
            float(loss)
        seconds.append(time.perf_counter() - began)
    return seconds[WARM_UP:], peak_rss_mb()


def peak_rss_mb() -> float:
    """Return the peak memory of this process alone [MB]; getrusage would include memory of its parent before the start."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _worker(queue: Any, *arguments: Any) -> None:
    queue.put(time_steps(*arguments))


def run_processes(name: str, plain: bool, processes: int, threads: int, steps: int) -> Timing:
    """Train in several processes at once, all timed from the same moment."""
    context = multiprocessing.get_context("spawn")
    queue, start = context.Queue(), context.Barrier(processes)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    workers = [
        context.Process(target=_worker, args=(queue, name, seed, plain, threads, steps, start)) for seed in range(processes)
    ]
    for worker in workers:
        worker.start()
    results = [queue.get() for _ in workers]
    for worker in workers:
        worker.join()
    return Timing(median(s for seconds, _ in results for s in seconds) / processes, max(rss for _, rss in results))


def measure(names: list[str], steps: int) -> Iterator[dict[str, Any]]:
    """Yield one row per network and way of training."""
    count = cores.available()
    prepare("cpu")
    torch.set_num_threads(count)
    ceiling = product_rate(4096)
    device = f"cpu: {count} cores, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    copy = copy_rate(100_000_000)
    for name in names:
        config = train_config({"config": CASES[name]})
        features = features_of(new_learner(config, torch.device("cpu")))
        repeats = steps * (5 if name == "head_direction" else 1)
        plain = run_processes(name, plain=True, processes=1, threads=count, steps=repeats)
        fast = run_processes(name, plain=False, processes=count, threads=1, steps=repeats)
        for way, timing, work in (
            ("plain", plain, training_flops(config)),
            ("fast", fast, training_flops(config, features)),
        ):
            yield {
                "name": f"{name} {way}",
                "seconds_per_step": timing.seconds_per_step,
                "flops": work,
                "ceiling_flops_per_s": ceiling,
                "copy_bytes_per_s": copy,
                "fraction_of_ceiling": work / timing.seconds_per_step / ceiling,
                "times_plain_loop": plain.seconds_per_step / timing.seconds_per_step,
                "peak_rss_mb": timing.peak_rss_mb,
                "device": device,
            }


def show_heading(row: dict[str, Any]) -> None:
    """Print the numbers that all rows share, and the names of the columns."""
    product, copy = row["ceiling_flops_per_s"] / 1e9, row["copy_bytes_per_s"] / 1e9
    print(f"{row['device']}: large product {product:.0f} GFLOP/s, large copy {copy:.1f} GB/s")
    print(f"{'':<22}{'s/step':>9}{'GFLOP':>8}{'of ceiling':>12}{'× plain':>9}{'peak MB':>9}")


def show(row: dict[str, Any]) -> None:
    """Print a row as one readable line."""
    print(
        f"{row['name']:<22}{row['seconds_per_step']:>9.4f}{row['flops'] / 1e9:>8.1f}"
        f"{row['fraction_of_ceiling']:>12.1%}{row['times_plain_loop']:>9.2f}{row['peak_rss_mb']:>9.0f}",
        flush=True,
    )


def main(words: list[str]) -> None:
    """Measure and print."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    for number, row in enumerate(measure(cases(settings.only), settings.steps)):
        if settings.json:
            print(json.dumps(row), flush=True)
            continue
        if number == 0:
            show_heading(row)
        show(row)


if __name__ == "__main__":
    run_command(main)
