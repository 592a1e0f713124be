"""Shares of the time of a training step, in percent, at full size and single-threaded, as several seeds train on a CPU.

    python benchmarks/breakdown.py [only=vanilla] [steps=6] [json=true]

Products of a step (rows: trajectories) run one after the other, each needing the one before; products of a rollout (rows:
trajectories times steps) are the readout and the gradients of weights.
"""

from collections import Counter
from dataclasses import dataclass
import json
import os
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch loads

import torch
from torch.profiler import ProfilerActivity, profile, schedule
from training import CASES, cases

from reactivation.machine.device import keep_freed_memory, prepare
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import train_config
from reactivation.training.learner import Learner, new_learner

PRODUCTS, DRAWS = ("mm", "addmm", "bmm", "baddbmm"), ("normal_", "uniform_", "exponential_")
WARM_UP = 6  # steps until the process has allocated its memory


@dataclass
class Settings:
    """Keys of this command."""

    only: str = setting("all", "network", choices=("all", *CASES))
    steps: int = setting(6, "steps that are counted", low=1)
    json: bool = setting(False, "a line of JSON per network instead of a table")


def kind_of(event: Any, batch_size: int) -> str:
    """Return the kind of work that an operation does."""
    name, shapes = event.name.removeprefix("aten::"), event.input_shapes
    if name in PRODUCTS:
        return "products of a step" if max(shapes[0] or [0]) <= 4 * batch_size else "products of a rollout"
    if name in DRAWS:
        return "random numbers"
    if name in ("_softmax", "sin", "cos", "exp", "linalg_vector_norm", "atan2", "topk"):
        return "targets and loss"
    if "Adam" in name or name.startswith("_foreach"):
        return "Adam"
    if name in ("select", "as_strided", "empty", "slice", "transpose", "t", "view", "unsqueeze", "expand", "chunk", "split"):
        return "bookkeeping"
    return "elementwise" if event.name.startswith("aten::") else "bookkeeping"


def operations(learner: Learner, steps: int) -> list[Any]:
    """Return the operations that a profiler records in some training steps, after a warm-up."""
    found: list[Any] = []
    plan = schedule(wait=0, warmup=WARM_UP, active=steps)

    def collect(recording: Any) -> None:
        found.extend(recording.events())

    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, schedule=plan, on_trace_ready=collect) as recording:
        for _ in range(WARM_UP + steps):
            learner.learn()
            recording.step()
    return found


def single_threaded(name: str) -> Learner:
    """Return a network of the paper before its first step, as each of several trains on a CPU."""
    torch.set_num_threads(1)
    device = prepare("cpu")
    keep_freed_memory()
    return new_learner(train_config({"config": CASES[name]}), device)


def shares(name: str, steps: int) -> dict[str, float]:
    """Return percents of a step's time by kind."""
    learner, times = single_threaded(name), Counter[str]()
    for event in operations(learner, steps):
        times[kind_of(event, learner.config.task.batch_size)] += event.self_cpu_time_total
    total = sum(times.values())
    return {kind: 100 * time / total for kind, time in times.most_common()}


def main(words: list[str]) -> None:
    """Measure and print."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    for case in cases(settings.only):
        found = shares(case, settings.steps)
        if settings.json:
            print(json.dumps({"name": case, **found}), flush=True)
        else:
            print(case, *(f"  {share:5.1f} %  {kind}" for kind, share in found.items()), sep="\n", flush=True)


if __name__ == "__main__":
    run_command(main)
