"""A network asked directly: put at a position, let go under some noise and input, and read out when wanted.

Axes: B trajectories, T steps, S state variables, P dimensions, I inputs; pairs are two trajectories of opposite noise, the
second half of B behind the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import math

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from reactivation.analysis.run import Run
from reactivation.machine.device import arithmetic
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.network.dynamics import rollout
from reactivation.streams import of_theory, stream
from reactivation.theory.course import course_of
from reactivation.types import Noise
from reactivation.world.decoding import TEMPLATE, decoder
from reactivation.world.own import Decode
from reactivation.world.tasks.base import Task

Array = NDArray[np.float64]

_BLOCK = 10  # steps whose noise is drawn at once


class Probe:
    """A run at rest, step by step; nothing of it changes, so any state may be let go again."""

    def __init__(self, run: Run, measure: str, sigma: float | None = None, substeps: int = 1):
        """Probe a run.

        Args:
            measure: who asks; part of the names of the random streams.
            sigma: σ of the noise at c = 1 [s^-1/2]; None for the run's own.
            substeps: each step is made in so many, of Δt / `substeps`; σ, τ and the inputs' rate stay.

        Raises:
            BadInput: its world has no encoder of positions.
        """
        if not isinstance(run.task, Task):
            raise BadInput(f"{run.name}: theory puts networks at positions, so the run needs a task: Run.of(..., task=...)")
        self.run, self.task, self.network, self.dt = run, run.task, run.network, run.dt
        self.course = course_of(run.task.space)
        self.noise = Noise(run.noise.sigma if sigma is None else sigma)
        self._measure, self._substeps = measure, substeps
        self._decoders: dict[str, Decode] = {}

    def source(self, part: str) -> torch.Generator:
        """Return the random stream of a part of the measure."""
        return stream(self.run.seed, of_theory(self._measure, f"{self.run.name}/{part}"))

    def at(self, positions: Tensor) -> Tensor:
        """Positions (B, P) → the states that the encoder has for them (B, S)."""
        return self.network.initial_state(self.task.encode(positions))

    def go(
        self,
        state: Tensor,
        steps: int,
        gain: float,
        source: torch.Generator,
        inputs: Tensor | None = None,
        paired: bool = False,
        copies: int = 1,
    ) -> Tensor:
        """Let states go for some steps under noise of c = `gain`, and return where they are.

        Args:
            inputs: (B, steps, I); None for none.
            paired: the second half of the trajectories gets the noise of the first, of opposite sign.
            copies: so many blocks of trajectories, one behind the other, get the same noise.

        Raises:
            DamagedData: activity does not stay finite.
        """
        noise = self.noise._replace(sigma=self.noise.sigma * math.sqrt(gain))
        still = state.new_zeros(len(state), 1, self.network.n_inputs)
        for first in range(0, steps, _BLOCK):
            length = min(_BLOCK, steps - first)
            given = still.expand(-1, length, -1) if inputs is None else inputs[:, first : first + length]
            if self._substeps > 1:
                given, length = given.repeat_interleave(self._substeps, 1), length * self._substeps
            drawn = None
            if noise.sigma:
                count = len(state) // (2 if paired else copies)
                drawn = torch.randn(count, length, self.network.n_units, generator=source, dtype=state.dtype)
                drawn = torch.cat((drawn, -drawn)) if paired else drawn.repeat(copies, 1, 1)
            state = rollout(self.network, state, given, noise, self.dt / self._substeps, source, injected=drawn).state
        if not state.isfinite().all():
            raise DamagedData(f"{self.run.name}: activity does not stay finite at {gain:g} times its noise")
        return state

    def positions(self, state: Tensor, by: str = TEMPLATE) -> Array:
        """States (B, S) → what they report (B, P)."""
        if by not in self._decoders:
            self._decoders[by] = decoder(by, self.task, self.network.decoder.weight)
        outputs = self.network.decoder(self.network.cell.rates(state))
        decoded: Array = self._decoders[by](outputs).double().numpy()
        return decoded


@contextmanager
def asking() -> Iterator[None]:
    """Compute as a recording does, and without gradients."""
    with torch.no_grad(), arithmetic("cpu"):
        yield
