"""Scale symmetry: bias-free ReLU cells have F(λr) = λF(r), so c changes the size of their activity, not what it reports."""

import torch

from reactivation.analysis.run import Run
from reactivation.checks import Count, Strength, checked
from reactivation.theory.probe import Probe, asking
from reactivation.world.decoding import TOP3

_FACTOR = 2.0  # of the state; a power of two, with which rounding commutes


@checked
def scale_symmetry(run: Run, gain: Strength = 1.0, *, steps: Count = 200, trajectories: Count = 20) -> float:
    """Return how far rest from twice the state, under four times the variance of the same noise, is from rest [unit].

    0, to the bit, for cells whose field is homogeneous; the greatest distance of decoded positions otherwise.

    Args:
        gain: c of the rest from the state itself.

    Raises:
        DamagedData: activity does not stay finite.
    """
    probe = Probe(run, "scale")
    with asking():
        start = probe.network.initial_state(probe.task.sample(trajectories, 2, probe.source("start")).start)
        ends = [
            probe.positions(probe.go(factor * start, steps, factor**2 * gain, probe.source("noise")), TOP3)
            for factor in (1.0, _FACTOR)
        ]
    return float(torch.as_tensor(probe.task.space.distance(ends[0], ends[1])).max())
