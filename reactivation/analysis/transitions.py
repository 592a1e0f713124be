"""How a bearing moves from moment to moment (Fig. C.5): turns, reversals, and how long a bearing is kept."""

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.base import AnalysisSettings, Recorded, Result, Streams
from reactivation.errors import BadInput
from reactivation.settings import setting
from reactivation.spaces import Space

PHASES = ("active", "quiescent")
RANDOM_PHASES = ()
RATES = 0
_STRIDE = 5  # steps between the moments from which dwelling is timed
_BINS = 201  # of the histogram over [-π, π]; odd, so that no turn at all lies in the middle of one

Array = NDArray[np.float64]


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_transitions.py`."""

    task: str = setting("head_direction", "task whose runs are analysed; one on a circle")
    dwell_arc: float = setting(
        math.pi / 6, "a bearing is kept while it is nearer than this", unit="rad", above=0, high=math.pi
    )


def analyse(recorded: Recorded, space: Space, settings: Settings, streams: Streams) -> Result:
    """Turns per step, wrapped at π (`Circle.difference`), counter-clockwise positive.

    Args:
        recorded: run → "active", "quiescent" → recording.
        space: a circle.

    Returns:
        table[run][phase]: mean turn and mean absolute turn [rad per step], the share of moving steps that go clockwise
        (reversals, for networks trained to turn counter-clockwise), and the median number of steps that a bearing is kept
        (dwell). Details: the histogram of turns.

    Raises:
        BadInput: the space is no circle.
    """
    if space.dimensions != 1:
        raise BadInput(
            f"transitions are those of bearings, and task={settings.task} lives on no circle; use a task that does"
        )
    table, details = {}, {}
    for run, phases in recorded.items():
        turns = {
            phase: space.difference(recording.states[:, 1:], recording.states[:, :-1])[..., 0]
            for phase, recording in phases.items()
        }
        table[run] = {
            phase: {**_summary(turns[phase]), "dwell": _dwell(space, recording.states, settings.dwell_arc)}
            for phase, recording in phases.items()
        }
        details[run] = {phase: _histogram(values) for phase, values in turns.items()}
    summary = {f"{run} {phase}": measures for run, phases in table.items() for phase, measures in phases.items()}
    return Result(table, details, summary)


def _summary(turns: Array) -> dict[str, float]:
    moving = turns[turns != 0]
    return {
        "mean_turn": float(turns.mean()),
        "mean_absolute_turn": float(np.abs(turns).mean()),
        "reversals": float((moving < 0).mean()) if len(moving) else 0.0,
    }


def _histogram(turns: Array) -> dict[str, list[float]]:
    """Share of the steps in each bin; its edges [rad]."""
    counts, edges = np.histogram(turns, bins=_BINS, range=(-math.pi, math.pi))
    return {"edges": edges.tolist(), "shares": (counts / turns.size).tolist()}


def _dwell(space: Space, states: Array, arc: float) -> float:
    """Median steps until a bearing has moved by `arc`, from moments in the first half of each trajectory.

    Where it never does, the time to the trajectory's end counts; a median bears that while fewer than half are so.
    """
    steps = states.shape[1]
    times = []
    for first in range(0, steps // 2, _STRIDE):
        away = space.distance(states[:, first + 1 :], states[:, first : first + 1]) >= arc  # (B, T − first − 1)
        times.append(np.where(away.any(1), away.argmax(1) + 1, steps - first))
    return float(np.median(times))
