"""Phases: what a network is put through, as values (Eqs. 18, 19). `waking` and `rest` are the paper's.

A phase says how long, under which inputs, under which noise, from which start, and with which changes to the cell. Its name
is for files, labels and names of random streams; nothing else depends on it. Nothing here imports torch.

Axes: B trajectories, T steps, I inputs, S state variables.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
import math
from typing import TYPE_CHECKING, Annotated, ClassVar

from reactivation.checks import Count, Natural, Strength, checked, instance
from reactivation.machine.errors import BadInput
from reactivation.network.inputs import Own, Policy, none
from reactivation.network.modifiers import Modifier
from reactivation.settings.noise import NoiseDistribution

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from reactivation.network.cells.base import Cell
    from reactivation.types import Batch, Noise

ACTIVE, QUIESCENT = "active", "quiescent"  # names of waking and rest in the paper and in result files

# A state (B, S), the phase's noise stream → the state that the phase begins from (B, S).
Start = Annotated[
    Callable[["Tensor", "Generator"], "Tensor"], instance, "a function of states, such as network.phases.shuffled"
]


def unchanged(state: "Tensor", noise_stream: "Generator") -> "Tensor":
    """Return the state as it is."""
    return state


def shuffled(state: "Tensor", noise_stream: "Generator") -> "Tensor":
    """Shuffle each unit's rates over trajectories: the distribution of each unit stays, patterns across units are lost."""
    order = state.new_empty(state.shape).uniform_(generator=noise_stream).argsort(0)
    return state.gather(0, order)


@checked
@dataclass(frozen=True)
class Phase:
    """What a network is put through. `rest` and `waking` make the phases of the paper; `rest` explains each argument.

    It begins from encoded positions of the task, or from the last state of another phase (`after`, run at the network's own
    Δt and not recorded); `start` may change that state. Modifiers change the cell for this phase alone; the variables that
    they add to its state begin at 0.

    Raises:
        BadInput: no step is left to record, `inputs` is no policy, or `modify` holds anything but modifiers with values.
    """

    name: str
    steps: Natural  # including the dropped ones
    dropped: Natural = 0  # steps that are not recorded, at the beginning (burn-in)
    inputs: Policy = Own()
    sigma: Strength | None = None  # σ of the noise on the rates [s^-1/2]; None: the network's own
    variance_gain: Strength | None = 1.0  # factor of that noise's variance; None: the cell's own
    noise_distribution: NoiseDistribution | None = None  # None: the network's own
    after: "Phase | None" = None
    start: Start = unchanged
    modify: tuple[Modifier, ...] = ()
    task_steps: Count | None = None  # steps of the task's batch that starts and inputs come from; None: as many as `steps`

    such_as: ClassVar[str] = "as ra.rest(steps=1000)"

    def __repr__(self) -> str:
        told = [f"{self.name!r}", f"{self.steps} steps"]
        for field in fields(self)[2:]:
            if (value := getattr(self, field.name)) != field.default:
                told.append(f"{field.name}={getattr(value, '__name__', value)}")
        return f"Phase({', '.join(told)})"

    def __post_init__(self) -> None:
        if self.dropped >= self.steps:
            raise BadInput(f"phase {self.name}: dropped={self.dropped} must leave at least 1 of steps={self.steps}")
        for modifier in self.modify:
            modifier.require_said()

    @property
    def follows_task(self) -> bool:
        """Whether the network is told all movements of the task, so that true positions are those of the task."""
        return self.inputs == Own() and self.after is None and self.start is unchanged

    @property
    def all_steps(self) -> int:
        """How many steps are run: those of the phases before it, and its own."""
        return sum(phase.steps for phase in self.all_phases)

    @property
    def all_phases(self) -> "tuple[Phase, ...]":
        """The phases before it, in their order, and itself."""
        return (*(self.after.all_phases if self.after else ()), self)

    def inputs_of(self, batch: "Batch", dt: float, input_stream: "Generator") -> "Tensor":
        """The inputs (..., B, T, I), T = `steps`, changes per Δt = `dt` [s]; a policy draws from `input_stream`.

        Raises:
            BadInput: the policy gives no tensor, or one of another shape.
        """
        inputs = self.inputs(batch, self.steps, dt, input_stream)
        *leading, _, n_inputs = batch.inputs.shape
        wanted = (*leading, self.steps, n_inputs)
        if not isinstance(inputs, type(batch.inputs)):
            raise BadInput(f"phase {self.name}: its inputs are a {type(inputs).__name__}; a tensor {wanted} is wanted")
        if inputs.shape[-2:-1] not in ((), (self.steps,)):
            raise BadInput(
                f"phase {self.name}: its inputs have {inputs.shape[-2]} steps, not {self.steps}; "
                f"for those of the task, give the recorded phase task_steps={self.steps}"
            )
        if inputs.shape != wanted:
            raise BadInput(f"phase {self.name}: its inputs have shape {tuple(inputs.shape)}; {wanted} is wanted")
        return inputs

    def noise_of(self, own: "Noise", cell: "Cell") -> "Noise":
        """The noise of this phase for a network with this cell and this noise of its own (Eq. 19)."""
        gain = cell.rest_variance_gain if self.variance_gain is None else self.variance_gain
        sigma = own.sigma if self.sigma is None else self.sigma
        distribution = self.noise_distribution or own.distribution
        return own._replace(sigma=sigma * math.sqrt(gain), distribution=distribution)


@checked
def waking(
    steps: Natural = 100,
    *,
    modify: Modifier | Iterable[Modifier] = (),
    noise_distribution: NoiseDistribution | None = None,
    name: str = ACTIVE,
) -> Phase:
    """Waking: the inputs of the task under the network's own noise (Eqs. 2, 18).

    Args:
        steps: T, each of the run's Δt.
        modify, noise_distribution, name: as in `rest`.

    >>> ra.waking(steps=100)
    Phase('active', 100 steps)
    """
    return Phase(name, steps, noise_distribution=noise_distribution, modify=_several(modify))


@checked
def rest(
    steps: Natural = 1000,
    variance_gain: Strength | None = None,
    modify: Modifier | Iterable[Modifier] = (),
    *,
    dropped: Natural = 0,
    inputs: Policy = none,
    sigma: Strength | None = None,
    noise_distribution: NoiseDistribution | None = None,
    after: Phase | None = None,
    start: Start = unchanged,
    task_steps: Count | None = 100,
    name: str = QUIESCENT,
) -> Phase:
    """Rest: no input, and the variance of the noise on the rates times `variance_gain` (Eq. 19).

    Args:
        steps: T, each of the run's Δt, including the dropped ones.
        variance_gain: factor c of the noise variance; None for the cell's own: 2 for the vanilla cell, 1 for the GRU (A.3).
        modify: a modifier of the cell, as `ra.Momentum(friction=0.2)`, or several.
        dropped: steps at the beginning that are not recorded (burn-in).
        inputs: a policy of `ra.inputs`.
        sigma: σ of the noise before the gain [s^-1/2]; None for the run's own.
        noise_distribution: gaussian, uniform or pushed (Gaussian with mean and variance of uniform); None for the run's own.
        after: a phase that is run first; rest begins from its last state. None: from encoded positions of the task.
        start: a function of (state (B, S), random stream) → state, such as `network.phases.shuffled`.
        task_steps: T of the batch that the task draws, as in waking; None: as many as `steps`, for inputs of the task.
        name: used in names of random streams and in files.

    Raises:
        BadInput: no step is left to record, `inputs` is no policy, or `modify` holds anything but modifiers with values.

    >>> ra.rest(steps=200, variance_gain=1.0, modify=ra.Momentum(friction=0.2))
    Phase('quiescent', 200 steps, inputs=none, modify=(Momentum(friction=0.2, tau=None),), task_steps=100)
    """
    return Phase(
        name, steps, dropped, inputs, sigma, variance_gain, noise_distribution, after, start, _several(modify), task_steps
    )


def _several(given: Modifier | Iterable[Modifier]) -> tuple[Modifier, ...]:
    return (given,) if isinstance(given, Modifier) else tuple(given)
