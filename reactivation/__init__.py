"""Offline reactivation in noisy recurrent networks (Krishna et al., ICLR 2024).

Networks are trained to track a state under noise. Left alone, at rest, they wander through the states of waking. Five lines
load such a network, record it awake and at rest, and measure how far the two recordings are apart:

    import reactivation as ra

    run = ra.load("spatial_navigation/noisy_unbiased", seed=0)
    awake = run.record(ra.waking(steps=100), trajectories=200)
    rest = run.record(ra.rest(steps=1000), trajectories=200)
    ra.kl(rest, awake).value          # nats

Networks    load, train, Run, Network, Noise, rollout; control, networks whose answers are known
Phases      waking, rest, Phase; changes to a phase: Momentum, Adaptation, Leak, Gain, Drive, ColouredNoise, inputs
Recordings  Recording, of networks and of animals alike; Box and Circle, the spaces that they live in
Measures    kl, variance, step_length, explained_variance, transitions, decoding_error; over_seeds; plot; the modules replay
            and theory
Tables      runs_table, a row for each run or each result
Randomness  stream
Errors      UserError and its subclasses BadInput, DamagedData, StorageError; each message is one line that says what to do

A *task* makes the world, a *cell* is a vector field, a *phase* (waking, rest) is what a network is put through, and
`rollout` is the only loop over time. docs/python.md shows every name at work. Nothing heavy is loaded before it is used.
"""

import importlib
from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "analysis.decoding_error": ("decoding_error",),
    "analysis.loading": ("load",),
    "analysis.recording": ("Recording",),
    "analysis.measures.distance": ("step_length",),
    "analysis.measures.kl": ("kl",),
    "analysis.measures.manifold": ("explained_variance",),
    "analysis.measures.transitions": ("transitions",),
    "analysis.measures.variance": ("variance",),
    "analysis.results": ("over_seeds",),
    "analysis.run": ("Run",),
    "analysis.runs_table": ("runs_table",),
    "controls.control": ("control",),
    "machine.errors": ("BadInput", "DamagedData", "StorageError", "UserError"),
    "network.dynamics": ("rollout",),
    "network.modifiers": ("Adaptation", "ColouredNoise", "Drive", "Gain", "Leak", "Momentum"),
    "network.network": ("Network",),
    "network.phases": ("Phase", "rest", "waking"),
    "streams": ("stream",),
    "training.one": ("train",),
    "types": ("Noise",),
    "world.spaces": ("Box", "Circle"),
}
_MODULES = {"inputs": "network.inputs", "plot": "plotting.recordings", "replay": "replay", "theory": "theory"}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    if name in _HOME_OF:
        return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    from reactivation.machine.errors import nearest

    raise AttributeError(f"module {__name__} has no {name}; {nearest(name, __all__)}")


def __dir__() -> list[str]:
    return __all__
