"""The least time of a training step: its matrix products, its random numbers and its calls, each timed alone.

    python benchmarks/floor.py [only=vanilla] [steps=20] [json=true]

Products and draws of the sizes that a profiler records in a step are repeated, into allocated memory and with nothing
between them. A call is counted with the time of an operation on a single number. One thread is used, as each of several
seeds trains on a CPU. A step can be faster than this floor only with other products or draws. `of ceiling` is the rate of
arithmetic of the floor, and of the step, over that of a large product, measured in the same run. Other commands on the
machine disturb it; it asserts nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
import json
import os
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch loads

from breakdown import DRAWS, PRODUCTS, WARM_UP, operations, single_threaded
import torch
from training import CASES, cases, features_of

from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.training.work import median_seconds, product_rate, training_flops

CALLS = 10_000  # operations on a single number, to time one


@dataclass
class Settings:
    """Keys of this command."""

    only: str = setting("all", "network", choices=("all", *CASES))
    steps: int = setting(20, "steps that are timed, and times that each part is", low=1)
    json: bool = setting(False, "a line of JSON per network instead of a table")


@dataclass(frozen=True)
class Floor:
    """The parts of the floor of a step, and the step [s]; `of_ceiling`: as shares of the rate of a large product."""

    name: str
    products: float
    draws: float
    calls: float
    step: float
    floor_of_ceiling: float
    step_of_ceiling: float


def factors(event: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of the two factors of a product; a summand comes before them in the event."""
    first = 1 if "add" in event.name else 0
    x, y = event.input_shapes[first : first + 2]
    return tuple(x), tuple(y)


def time_of_products(events: Iterable[Any], times: int) -> float:
    """Return the seconds of all products, each size timed alone."""
    total = 0.0
    for (x, y), count in Counter(factors(event) for event in events).items():
        a, b = torch.randn(x), torch.randn(y)
        out = a @ b
        total += count * median_seconds(partial(torch.matmul, a, b, out=out), times=times)
    return total


def time_of_draws(events: Iterable[Any], times: int) -> float:
    """Return the seconds of all random numbers, drawn as normal ones."""
    shapes = Counter(tuple(event.input_shapes[0]) for event in events)
    return sum(count * median_seconds(torch.empty(shape).normal_, times=times) for shape, count in shapes.items())


def time_of_calls(count: int) -> float:
    """Return the seconds of `count` operations on a single number."""
    one = torch.zeros(1)

    def calls() -> None:
        for _ in range(CALLS):
            one.add_(1.0)

    return count * median_seconds(calls) / CALLS


def floor(name: str, steps: int) -> Floor:
    """Time the parts of a step, and the step."""
    learner = single_threaded(name)
    for _ in range(WARM_UP):
        learner.learn()
    step = median_seconds(learner.learn, times=steps)
    events = [event for event in operations(learner, 1) if event.name.startswith("aten::")]
    of = {kind: [event for event in events if event.name.removeprefix("aten::") in kind] for kind in (PRODUCTS, DRAWS)}
    outer = sum(parent is None or not parent.name.startswith("aten::") for parent in (event.cpu_parent for event in events))
    parts = (time_of_products(of[PRODUCTS], steps), time_of_draws(of[DRAWS], steps), time_of_calls(outer))
    least = training_flops(learner.config, features_of(learner)) / product_rate(4096)
    return Floor(name, *parts, step, least / sum(parts), least / step)


def main(words: list[str]) -> None:
    """Measure and print."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    for case in cases(settings.only):
        found = asdict(floor(case, settings.steps))
        if settings.json:
            print(json.dumps(found), flush=True)
        else:
            print(*(f"{key} {value:.4f}" if key != "name" else value for key, value in found.items()), sep="  ", flush=True)


if __name__ == "__main__":
    run_command(main)
