"""Scale symmetry: bias-free ReLU cells have F(λr) = λF(r), so c changes the size of their activity, not its positions."""

import torch

from reactivation.analysis.run import Run
from reactivation.checks import Count, Strength, checked
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import LARGEST
from reactivation.theory.probe import Probe, asking
from reactivation.world.decoding import TOP3

_FACTOR = 2.0  # of the state; multiplying by a power of two is exact in floating point


@checked
def scale_symmetry(run: Run, gain: Strength = 1.0, *, steps: Count = 200, trajectories: Count = 20) -> float:
    """Return how far apart rests from a state and from twice the state end, where the second has twice the noise [unit].

    It is the greatest distance of decoded positions. For cells whose field is homogeneous it is 0, to the bit.

    Args:
        gain: c of the rest from the state itself; the other has 4c.

    Raises:
        BadInput: the run has no task, the memory is too small, or steps are more than 10⁷.
        DamagedData: activity does not stay finite.
    """
    if steps > LARGEST:  # memory does not limit them, since the last positions alone are kept
        raise BadInput(f"steps={steps} must be at most {LARGEST}")
    probe = Probe(run, "scale")
    probe.require_memory(trajectories, "numbers of trajectories", steps)
    with asking():
        start = probe.network.initial_state(probe.sample(trajectories, 2, probe.source("start")).start)
        ends = [
            probe.positions(probe.go(factor * start, steps, factor**2 * gain, probe.source("noise")), TOP3)
            for factor in (1.0, _FACTOR)
        ]
    return float(torch.as_tensor(probe.task.space.distance(ends[0], ends[1])).max())
