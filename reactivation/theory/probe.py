"""Put a network at a position, run it under some noise and input, and decode its position at any step.

Axes: B trajectories, T steps, S state variables, P dimensions, I inputs. A pair is two trajectories of opposite noise, one
in the first half of B and one in the second.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import math

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from reactivation.analysis.run import Run
from reactivation.machine import memory
from reactivation.machine.device import arithmetic, enough_memory
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.network.dynamics import rollout
from reactivation.streams import numpy_stream, of_theory, stream
from reactivation.theory.course import course_of
from reactivation.types import Batch, Noise
from reactivation.world.decoding import TEMPLATE, decoder
from reactivation.world.own import Decode
from reactivation.world.tasks.base import Task

Array = NDArray[np.float64]

_BLOCK = 10  # steps whose noise is drawn at once


class Probe:
    """A run at rest, step by step. States are passed in and returned, so rest can begin again from any of them.

    Of the run's noise its σ on the rates counts alone: the noise is Gaussian, since pairs need noise of both signs.
    """

    def __init__(self, run: Run, measure: str, sigma: float | None = None, substeps: int = 1):
        """Probe a run.

        Args:
            measure: name of the measure, a part of the names of the random streams.
            sigma: σ of the noise at c = 1 [s^-1/2]; None for the run's own.
            substeps: number of substeps of Δt / `substeps` per step; σ, τ and the inputs' rate stay.

        Raises:
            BadInput: the run has no task, whose encoder puts networks at positions; its Δt is too long for its network; or
                that is in neither single nor double precision.
        """
        if not isinstance(run.task, Task):
            raise BadInput(f"{run.name}: theory puts networks at positions, so the run needs a task: Run.of(..., task=...)")
        run.network.require_step(run.dt / substeps)
        self.run, self.task, self.network, self.dt = run, run.task, run.network, run.dt
        self.precision = run.network.precision
        self.course = course_of(run.task.space)
        self.noise = Noise(run.noise.sigma if sigma is None else sigma)
        self._measure, self._substeps = measure, substeps
        self._decoders: dict[str, Decode] = {}

    def source(self, part: str) -> torch.Generator:
        """Return the random stream of a part of the measure."""
        return stream(self.run.seed, self._name(part))

    def draws(self, part: str) -> np.random.Generator:
        """Return the random stream of numpy of a part of the measure."""
        return numpy_stream(self.run.seed, self._name(part))

    def require_memory(self, states: int, keys: str, steps: int = _BLOCK, others: int = 0) -> None:
        """Refuse sizes whose rates need more memory than there is.

        Args:
            states: number of states that are run together, each for some `steps`.
            keys: the arguments that determine these sizes.
            others: numbers in double precision that are held beside the rates.

        Raises:
            BadInput: there is too little memory.
        """
        at_once = min(steps, _BLOCK) * self._substeps
        memory.require(states * at_once * self.network.n_units + 2 * others, torch.device("cpu"), keys)

    def sample(self, trajectories: int, steps: int, source: torch.Generator) -> Batch:
        """Draw a batch of the task, in the network's precision."""
        return self.task.sample(trajectories, steps, source).in_precision(self.precision)

    def encode(self, positions: Tensor) -> Tensor:
        """Return activities f(s) of the task, (..., P) → (..., O), in the network's precision."""
        return self.task.encode(positions.to(self.precision)).to(self.precision)

    def at(self, positions: Tensor) -> Tensor:
        """Return the states in which the network starts at positions, (B, P) → (B, S)."""
        return self.network.initial_state(self.encode(positions))

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
        """Run states for some steps under noise of c = `gain`, and return the states reached.

        Args:
            inputs: (B, steps, I); None for none.
            paired: the second half of the trajectories gets the noise of the first, of opposite sign.
            copies: number of equal blocks of trajectories along B that get the same noise.

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

    def _name(self, part: str) -> str:
        return of_theory(self._measure, f"{self.run.name}/{part}")

    def positions(self, state: Tensor, by: str = TEMPLATE) -> Array:
        """Return the decoded positions of states, (B, S) → (B, P)."""
        if by not in self._decoders:
            self._decoders[by] = decoder(by, self.task, self.network.decoder.weight)
        outputs = self.network.decoder(self.network.cell.rates(state))
        decoded: Array = self._decoders[by](outputs).double().numpy()
        return decoded


@contextmanager
def asking() -> Iterator[None]:
    """Compute with the arithmetic of recordings, and without gradients.

    Raises:
        BadInput: the memory is too small.
    """
    with torch.no_grad(), arithmetic("cpu"), enough_memory():
        yield
