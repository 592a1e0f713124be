"""Drift along the score of the network's own activity, which is no evidence: anything stationary has half of it or more.

Let x be the state in one direction, d the drift of a step in it, and σ²Δt the noise variance of a step. If ⟨x²⟩ is the same
after the step (stationarity), −⟨x d⟩ = (σ²Δt + ⟨d²⟩)/2. So the slope of d on σ²Δt times the score of a normal density,
−σ²Δt x/⟨x²⟩, is (1 + ⟨d²⟩/σ²Δt)/2 whatever the network has learned. For a leak alone, which keeps a = 1 − Δt/τ per step, it
is 1/(1 + a) (docs/theory.md, 2).
"""

from dataclasses import dataclass
import math

import torch

from reactivation.analysis.run import Run
from reactivation.checks import Count, checked, whole
from reactivation.machine.errors import BadInput
from reactivation.theory.probe import Probe, asking

_SETTLING = 100  # steps of rest before the drift is measured
_COPIES = 20  # trajectories from each start; states are taken around the mean of those


@dataclass(frozen=True, eq=False)
class Score:
    """Hold the slope of a step's drift on σ²Δt times the score, averaged over units."""

    value: float
    standard_error: float  # over units
    of_stationarity: float  # the slope if states are stationary: (1 + ⟨d²⟩/σ²Δt)/2
    of_leak: float  # the slope of a leak alone, 1/(1 + a); NaN where the cell has no τ

    def __repr__(self) -> str:
        return f"slope of drift on score {self.value:.3f} (a stationary cloud: {self.of_stationarity:.3f})"


@checked
def score(run: Run, *, trajectories: Count = 400) -> Score:
    """Regress the drift of the rates in a step on the score of their own density at rest, c = 1, unit by unit.

    Args:
        trajectories: number of rests, 20 from each start.

    Raises:
        BadInput: a network without noise, fewer than 20 trajectories, or too little memory.
        DamagedData: activity does not stay finite.
    """
    whole("trajectories", trajectories, _COPIES)
    probe = Probe(run, "score")
    if not probe.noise.sigma:
        raise BadInput("score needs a network with noise")
    probe.require_memory(trajectories // _COPIES * _COPIES, "numbers of trajectories")
    with asking():
        source = probe.source("cloud")
        start = probe.network.initial_state(probe.sample(trajectories // _COPIES, 2, source).start)
        state = probe.go(start.repeat_interleave(_COPIES, 0), _SETTLING, 1.0, source)
        cell = probe.network.cell
        inputs = cell.project(state.new_zeros(len(state), 1, probe.network.n_inputs))[:, 0]
        rates, change = cell.rates(state), cell.drift(state, inputs) * probe.dt
        moved = change if rates is state else cell.rates(state + change) - rates
        x, d = _within(rates), _within(moved)
    step_variance = probe.noise.sigma**2 * probe.dt * (1 - 1 / _COPIES)
    slopes = -(x * d).mean(0) / step_variance
    error = float(slopes.std() / math.sqrt(len(slopes)))
    tau = getattr(cell, "tau", None)
    leak = math.nan if tau is None else 1 / (2 - probe.dt / tau)
    return Score(float(slopes.mean()), error, float((1 + (d**2).mean() / step_variance) / 2), leak)


def _within(values: torch.Tensor) -> torch.Tensor:
    """Values (B, N) around the mean of the trajectories from the same start, (B, N)."""
    grouped = values.double().reshape(-1, _COPIES, values.shape[-1])
    return (grouped - grouped.mean(1, keepdim=True)).reshape(values.shape)
