"""Example trajectories of one network: paths in the box, a bearing over time, and both for a film."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from paper.evidence import Evidence
from paper.panels.base import Array, Columns, both_phases, indices, time_step
from paper.protocols import HEAD, SPATIAL
from reactivation.plotting import drawing as draw
from reactivation.world.spaces import Space

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXAMPLES = 5  # trajectories shown of the recorded 200


class Paths(NamedTuple):
    """Example trajectories in a plane space."""

    states: Array  # (K, T, 2) [m]
    space: Space

    def columns(self) -> Columns:
        trajectory, step = indices(self.states)
        x, y = self.states.reshape(-1, 2).T
        return {"x_m": x, "y_m": y, "trajectory": trajectory, "step": step}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.trajectories(ax, self.states, self.space.frame, self.space.labels)


def paths(evidence: Evidence, run: str, phase: str, **changes: str) -> Paths:
    """What a network reports in space (Fig. 1d–e): the first few trajectories of the first seed."""
    seed = evidence.seeds[0]
    recording = evidence.recording(SPATIAL, run, phase, seed, **changes)
    return Paths(recording.positions[:EXAMPLES], evidence.space(SPATIAL, seed))


class Bearings(NamedTuple):
    """A bearing over time."""

    times: Array  # (T) [s]
    states: Array  # (T) [rad]
    phase: str

    def columns(self) -> Columns:
        return {"time_s": self.times, "bearing_rad": self.states}

    def draw(self, ax: "Axes") -> "Axes":
        return draw.bearings(ax, self.times, self.states, self.phase)


def bearings(evidence: Evidence, run: str, phase: str, steps: int, **changes: str) -> Bearings:
    """What a network reports over time (Fig. C.5a–c): the first trajectory of the first seed."""
    seed, length = evidence.seeds[0], "t_active" if phase == "active" else "t_quiescent"
    recording = evidence.recording(HEAD, run, phase, seed, **{length: str(steps)}, **changes)
    times = np.arange(1, steps + 1, dtype=np.float64) * time_step(evidence, HEAD, run)
    return Bearings(times, recording.positions[0, :, 0], phase)


class Moving(NamedTuple):
    """Example trajectories for a film."""

    states: dict[str, Array]  # phase → (K, T, P) [m or rad]
    dt: float  # [s]
    space: Space


def moving(evidence: Evidence, task: str, run: str) -> Moving:
    """The first few trajectories of the first seed, awake and at rest."""
    states = {phase: recording.positions[:EXAMPLES] for phase, recording in both_phases(evidence, task, run, {}).items()}
    return Moving(states, time_step(evidence, task, run), evidence.space(task, evidence.seeds[0]))
