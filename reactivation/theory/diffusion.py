"""Diffusion along the manifold, predicted from kicks (Burak & Fiete, 2012).

A state is kicked by one step of noise and by its opposite. Both go on without noise until they are back on the manifold.
Half the difference of their positions, h, is what a step of noise adds to the position: D = ⟨h²⟩/2 per step and dimension.
"""

from dataclasses import dataclass
import math

import numpy as np
import torch

from reactivation.analysis.run import Run
from reactivation.checks import Positive, Several, Strength, checked
from reactivation.machine.errors import BadInput
from reactivation.theory.probe import Probe, asking

_WARM_UP = 100  # steps at c before the kick, so that the kicked state has the amplitude of rest
_BACK = 40  # steps without noise after it
_OTHERS = (20, 80)  # tried for the sensitivity


@dataclass(frozen=True, eq=False)
class Kicked:
    """Hold the D that kicks predict."""

    value: float  # D [unit² per step], mean over dimensions
    standard_error: float  # over states
    gain: float  # c
    unit: str
    sensitivity: dict[str, float]  # steps without noise after the kick → D

    def __repr__(self) -> str:
        return f"{self.value:.3g} ± {self.standard_error:.2g} {self.unit}² per step at c = {self.gain:g} (from kicks)"


@checked
def diffusion(run: Run, gain: Positive = 1.0, *, states: Several = 400, sigma: Strength | None = None) -> Kicked:
    """Predict the diffusion along the manifold at rest from kicks of one step of noise.

    Args:
        gain: c, of the kick and of the rest before it.
        states: number of kicked states; they start where the task does.
        sigma: σ of c = 1 [s^-1/2]; None for the network's own.

    Raises:
        BadInput: no noise to kick with, or too little memory.
        DamagedData: activity does not stay finite.
    """
    probe = Probe(run, "diffusion", sigma)
    if not probe.noise.sigma:
        raise BadInput("diffusion needs a network with noise, or sigma=")
    probe.require_memory(2 * states, "numbers of states")
    source = probe.source(f"{gain:g}")
    with asking():
        state = probe.network.initial_state(probe.sample(states, 2, source).start)
        state = probe.go(state, _WARM_UP, gain, source)
        state = probe.go(torch.cat((state, state)), 1, gain, source, paired=True)
        squares, gone = {}, 0
        for steps in sorted((_BACK, *_OTHERS)):
            state, gone = probe.go(state, steps - gone, 0.0, source), steps
            one, other = np.split(probe.positions(state), 2)
            squares[steps] = ((probe.task.space.difference(one, other) / 2) ** 2).mean(-1) / 2
    error = float(squares[_BACK].std(ddof=1) / math.sqrt(states))
    others = {f"{steps} steps back": float(own.mean()) for steps, own in squares.items()}
    return Kicked(float(squares[_BACK].mean()), error, gain, probe.task.space.unit, others)
