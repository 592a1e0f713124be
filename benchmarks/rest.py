"""Time rests with modifiers over plain rest: each modifier's rollout beside the fast loop of the same network.

    python benchmarks/rest.py [units=[128,512]] [rounds=7] [steps=20] [json=true]

One thread, no gradient, 200 trajectories, 512 outputs. Rollouts take turns. The number printed is the median over rounds of
the processor time of a modified rollout over that of the plain one in the same round, so that other work on the machine
matters little. It asserts nothing; a modifier is meant to stay below 1.5 at 512 units and 2.5 at 128.
"""

from dataclasses import dataclass
import json
import os
from statistics import median
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before torch loads

import torch

from reactivation import registry
from reactivation.machine.errors import run_command
from reactivation.network.dynamics import rollout
from reactivation.network.modifiers import (
    Adaptation,
    ColouredNoise,
    Drive,
    FixedAmplitude,
    Gain,
    Leak,
    Modifier,
    Momentum,
    modified,
)
from reactivation.network.network import Network, build_network
from reactivation.settings.declaring import DT, setting
from reactivation.settings.describing import asked_settings
from reactivation.types import Noise

INPUTS, OUTPUTS = 2, 512  # of spatial navigation
CASES: dict[str, tuple[Modifier, ...]] = {
    "plain": (),
    "gain": (Gain(0.9),),
    "gain, off-diagonal": (Gain(0.9, off_diagonal=True),),
    "leak": (Leak(0.9),),
    "drive": (Drive(mean=0.05),),
    "drive, noisy": (Drive(mean=0.05, sigma=0.1),),
    "adaptation": (Adaptation(gain=0.3, tau=0.16),),
    "momentum, friction": (Momentum(friction=0.2),),
    "momentum, tau": (Momentum(tau=0.1),),
    "coloured noise": (ColouredNoise(tau=0.1),),
    "fixed amplitude": (FixedAmplitude(norm=1.0),),
    "momentum and adaptation": (Momentum(friction=0.2), Adaptation(gain=0.3, tau=0.16)),
}


@dataclass
class Settings:
    """Keys of this command."""

    units: list[int] = setting([128, 512], "sizes of networks", low=1)
    rounds: int = setting(7, "rounds that the median is taken over", low=1)
    steps: int = setting(20, "steps of a rollout", low=1)
    trajectories: int = setting(200, "trajectories of a rollout", low=1)
    json: bool = setting(False, "a line of JSON per network instead of a table")


@torch.no_grad()
def seconds(network: Network, steps: int, trajectories: int, noise_stream: torch.Generator) -> float:
    """Return the processor time of a rest [s]."""
    state = network.initial_state(torch.full((trajectories, OUTPUTS), 1 / OUTPUTS))
    inputs = torch.zeros(trajectories, steps, INPUTS)
    began = time.process_time()
    rollout(network, state, inputs, Noise(0.1), DT, noise_stream)
    return time.process_time() - began


def ratios(model: str, units: int, settings: Settings) -> dict[str, float]:
    """Return the time of each rest over that of the plain one, by name, and that of a plain step [ms]."""
    cell = registry.load("cells", model).Settings(model=model, n_rec=units)
    plain = build_network(cell, INPUTS, OUTPUTS, torch.Generator().manual_seed(0))
    networks = {name: modified(plain, modify, DT, torch.Generator()) for name, modify in CASES.items()}
    noise_stream = torch.Generator().manual_seed(0)
    rounds = [
        {name: seconds(network, settings.steps, settings.trajectories, noise_stream) for name, network in networks.items()}
        for _ in range(settings.rounds + 1)
    ][1:]  # the first warms up
    found = {name: median(times[name] / times["plain"] for times in rounds) for name in CASES}
    return {"ms per plain step": median(times["plain"] for times in rounds) / settings.steps * 1e3, **found}


def main(words: list[str]) -> None:
    """Measure and print."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    torch.set_num_threads(1)
    pairs = [(model, units) for model in ("vanilla", "gru") for units in settings.units]
    table = {f"{model} {units}": ratios(model, units, settings) for model, units in pairs}
    if settings.json:
        print(*(json.dumps({"name": name, **found}) for name, found in table.items()), sep="\n")
        return
    print(f"| time over plain rest | {' | '.join(table)} |", "|---" * (len(table) + 1) + "|", sep="\n")
    for row in next(iter(table.values())):
        print(f"| {row} | {' | '.join(f'{found[row]:.2f}' for found in table.values())} |")


if __name__ == "__main__":
    run_command(main)
