"""The named tuples that pass between task, network and rollout.

Axes: B trajectories, T steps, I inputs, N units, O output cells, P dimensions of a position. Every array may carry
further axes in front of these (one per stacked network).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from reactivation.checks import Strength, checked, in_precision
from reactivation.settings.noise import NoiseDistribution as NoiseDistribution

PRECISION = torch.float32  # of every draw and weight, whatever the default of the process is
Measures = dict[str, Tensor]  # scalars () by name, left on their device until they are read


class Path(NamedTuple):
    """Start, movements and positions of a batch of agents."""

    start: Tensor  # (B, P) position before the first step [m or rad]
    inputs: Tensor  # (B, T, I) change of position per step, Δs(t) [m or rad]
    positions: Tensor  # (B, T, P) position after each step, s(t) [m or rad]


@dataclass(frozen=True)
class Batch:
    """One batch of a task, ready for a network."""

    start: Tensor  # (B, O) encoded position before the first step
    inputs: Tensor  # (B, T, I) change of position per step, Δs(t) [m or rad]
    positions: Tensor  # (B, T, P) s(t) [m or rad]
    encode: Callable[[Tensor], Tensor]  # the task's f

    def in_precision(self, precision: torch.dtype) -> "Batch":
        """The same batch with what a network takes, start and inputs, in that network's precision.

        Raises:
            BadInput: a number is too large for it.
        """
        start, inputs = in_precision("start", self.start, precision), in_precision("inputs", self.inputs, precision)
        return replace(self, start=start, inputs=inputs)

    @cached_property
    def targets(self) -> Tensor:
        """Encoded positions f(s(t)), (B, T, O); made when first asked for, since a fast loss may not need them.

        Time is first in memory, as in the outputs of a rollout: a loss then reads both in order.
        """
        return self.encode(self.positions.movedim(-2, 0).contiguous()).movedim(0, -2)


@checked
class Noise(NamedTuple):
    """How strong a network's noise is, and how it is distributed.

    Each σ is an intensity: the noise added in one step has variance σ²Δt (Eq. 2).

    >>> ra.Noise(sigma=0.1)
    Noise(sigma=0.1, sigma_in=0.0, sigma_out=0.0, distribution='gaussian')
    """

    sigma: Strength = 0.0  # on the rates [s^-1/2]
    sigma_in: Strength = 0.0  # on the inputs
    sigma_out: Strength = 0.0  # on the outputs
    distribution: NoiseDistribution = "gaussian"


class Trajectory(NamedTuple):
    """What a rollout returns."""

    rates: Tensor  # (B, T, N) r(t) after each step
    outputs: Tensor  # (B, T, O) o(t) = D r(t)
    state: Tensor  # (B, S) the last full state, from which a rollout can go on
