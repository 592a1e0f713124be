"""Time the training of the paper's networks on a GPU: the five seeds of each configuration as one stack.

    python benchmarks/gpu.py [only=<task>/<experiment>] [steps=200] [paired=2500] [full=true] [json=true] [key=value ...]

It prints for each of the eight configurations: seconds until its step is captured; seconds per step of the stack (data,
noise, loss, Adam, losses and measures read at the log interval; neither tests nor checkpoints); the total for the whole
training that follows from these, and with full=true the measured total; share of the ceiling; peak memory. Then it compares
TF32 with single precision: `paired` steps of the same seeds in both, and the difference of their final test losses. The
ceilings, a large product in both precisions and a large copy, are measured in the same run. Other keys are those of
train.py, for all configurations; device=cpu with small sizes tests the script itself. It asserts nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
import gc
import json
import math
from pathlib import Path
import statistics
import sys
import time
from typing import Any

import torch
from training import features_of, peak_rss_mb

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.protocols import NETWORKS, SEEDS
from reactivation.analysis.results import confidence_interval
from reactivation.machine.device import keep_freed_memory, prepare, use_tf32
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import resolve_train
from reactivation.settings.reading import parse_arguments
from reactivation.training.cuda_graph import WARM_UP
from reactivation.training.learner import Learner, Trainee, new_learner, read
from reactivation.training.stack import stacked
from reactivation.training.work import copy_rate, product_rate, training_flops

CONFIGS = [f"{task}/{name}" for task, names in NETWORKS.items() for name in names]
PAIRED = "spatial_navigation/noisy_unbiased"  # whose seeds are trained in both precisions


@dataclass
class Settings:
    """This command's own keys."""

    only: str | None = setting(None, "<task>/<experiment>; null: all eight")
    steps: int = setting(200, "steps that are counted", low=1)
    paired: int = setting(2500, "steps of the same seeds in both precisions", low=1)
    size: int = setting(8192, "rows and columns of the large product", low=1)
    full: bool = setting(False, "also train every configuration to its last step")
    json: bool = setting(False, "a line of JSON per row instead of a table")
    device: str = setting("cuda", "where to compute", choices=("cpu", "cuda"))


def wait(device: torch.device) -> float:
    """Wait until the device has finished all its work, and return the time [s]."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def product_ceiling(device: torch.device, size: int, tf32: bool) -> float:
    """Rate of a large product [flop/s]."""
    use_tf32(tf32)
    rate = product_rate(size, device.type, partial(wait, device))
    use_tf32(False)
    return rate


def new_stack(config: str, device: torch.device, words: dict[str, str]) -> tuple[Trainee, list[Learner]]:
    """Return the paper's seeds of a configuration before their first step, as a stack and one by one."""
    configs = [resolve_train({**words, "config": config, "seed": str(seed)}) for seed in SEEDS]
    members = [new_learner(one, device) for one in configs]
    return stacked(members), members


def train(trainee: Trainee, steps: int, device: torch.device) -> float:
    """Return the seconds of some steps, run as in training: numbers are read at the log interval."""
    trainer, losses = trainee.config.trainer, []
    began = wait(device)
    for _ in range(steps):
        logged = (trainee.step + 1) % trainer.log_freq == 0
        loss, measures = trainee.learn(measured=logged and trainer.compute_all_metrics)
        losses.append(loss)
        if logged:
            torch.stack(losses).tolist()
            losses.clear()
            list(map(read, measures))
    return wait(device) - began


def begin(trainee: Trainee, device: torch.device) -> float:
    """Return the seconds until the step is captured, without measures and with them; these steps train the network, too."""
    began = wait(device)
    for measured in (False, True):
        for _ in range(WARM_UP + 1):
            trainee.learn(measured)
    return wait(device) - began


def time_configuration(name: str, device: torch.device, steps: int, full: bool, words: dict[str, str]) -> dict[str, Any]:
    """Return time and memory of one configuration's five networks."""
    gc.collect()  # frees the memory held by captures of an earlier configuration
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    trainee, _ = new_stack(name, device, words)
    last = trainee.config.trainer.n_epochs
    starting = begin(trainee, device)
    seconds = train(trainee, steps, device) / steps
    row = {
        "name": name,
        "networks": len(SEEDS),
        "seconds_to_record": starting,
        "seconds_per_step": seconds,
        "extrapolated_seconds": starting + seconds * last,
        "flops": len(SEEDS) * training_flops(trainee.config, features_of(trainee)),
        "peak_memory_mb": peak_memory_mb(device),
    }
    return row | ({"measured_seconds": whole_training(name, device, words)} if full else {})


def whole_training(name: str, device: torch.device, words: dict[str, str]) -> float:
    """Return the seconds from the untrained networks to their last step."""
    began = wait(device)
    trainee, _ = new_stack(name, device, words)
    train(trainee, trainee.config.trainer.n_epochs, device)
    return wait(device) - began


def compare_tf32(name: str, device: torch.device, steps: int, words: dict[str, str]) -> dict[str, Any]:
    """Return final test losses of the same seeds in both precisions, and their paired difference with its 95% t interval."""
    losses = {}
    for tf32 in (False, True):
        use_tf32(tf32)
        trainee, members = new_stack(name, device, words)
        train(trainee, steps, device)
        losses[tf32] = [member.test()["loss"] for member in members]
        use_tf32(False)
    mean, half = paired_difference(losses[False], losses[True])
    return {
        "name": f"TF32 against single precision, {name}, {steps} steps",
        "losses_single": losses[False],
        "losses_tf32": losses[True],
        "difference": mean,
        "half_width_95": half,
    }


def paired_difference(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """Return the mean of after − before, and half the width of its 95% t interval."""
    differences = [b - a for a, b in zip(before, after, strict=True)]
    low, high = confidence_interval(differences) or (math.nan, math.nan)
    return statistics.fmean(differences), (high - low) / 2


def peak_memory_mb(device: torch.device) -> float:
    """Return the peak memory of the device since the last reset [MB]; on a CPU, that of the process."""
    return torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else peak_rss_mb()


def measure(settings: Settings, words: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield ceilings, one row per configuration, their sum, TF32; `words` are settings of all trainings."""
    device = prepare(settings.device)
    keep_freed_memory()
    names = [settings.only] if settings.only else CONFIGS
    words = {**words, "device": settings.device}
    for name in names:
        resolve_train({**words, "config": name})  # a slip in a key is found before anything is measured
    described = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    single, tf32 = (product_ceiling(device, settings.size, wanted) for wanted in (False, True))
    yield {
        "name": "ceiling",
        "device": f"{described}, torch {torch.__version__}",
        "single_flops_per_s": single,
        "tf32_flops_per_s": tf32,
        "copy_bytes_per_s": copy_rate(settings.size**2, device.type, partial(wait, device)),
    }
    rows = []
    for name in names:
        row = time_configuration(name, device, settings.steps, settings.full, words)
        rows.append({**row, "fraction_of_ceiling": row["flops"] / row["seconds_per_step"] / single})
        yield rows[-1]
    totals = [key for key in ("networks", "extrapolated_seconds", "measured_seconds") if key in rows[0]]
    yield {"name": "all", **{key: sum(row[key] for row in rows) for key in totals}}
    yield compare_tf32(settings.only or PAIRED, device, settings.paired, words)


def show(row: dict[str, Any]) -> None:
    """Print a row as readable lines."""
    if row["name"] == "ceiling":
        single, tf32, copy = (row[f"{k}_per_s"] / 1e12 for k in ("single_flops", "tf32_flops", "copy_bytes"))
        print(f"{row['device']}: large product {single:.1f} TFLOP/s, in TF32 {tf32:.1f}; large copy {copy:.2f} TB/s")
        print(f"{'':<40}{'record s':>9}{'s/step':>10}{'of ceiling':>11}{'total s':>9}{'measured':>9}{'peak MB':>9}")
    elif "difference" in row:
        print(f"{row['name']}: final loss {row['difference']:+.3g} ± {row['half_width_95']:.2g} (95%, paired)")
    else:
        cells = (
            ("seconds_to_record", 9, ".1f"),
            ("seconds_per_step", 10, ".5f"),
            ("fraction_of_ceiling", 11, ".1%"),
            ("extrapolated_seconds", 9, ".1f"),
            ("measured_seconds", 9, ".1f"),
            ("peak_memory_mb", 9, ".0f"),
        )
        shown = (f"{format(row[key], form) if key in row else '':>{width}}" for key, width, form in cells)
        print(f"{row['name']:<40}{''.join(shown)}", flush=True)


def main(words: list[str]) -> None:
    """Measure and print."""
    own = {f.name for f in fields(Settings)}
    trainings = [word for word in words if word.partition("=")[0] not in own and not word.startswith("-")]
    settings = asked_settings(Settings, __doc__ or "", [word for word in words if word not in trainings])
    if settings is None:
        return
    for row in measure(settings, parse_arguments(trainings)):
        if settings.json:
            print(json.dumps(row), flush=True)
        else:
            show(row)


if __name__ == "__main__":
    run_command(main)
