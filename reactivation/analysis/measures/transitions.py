"""How a bearing moves from moment to moment (Fig. C.5): turns, reversals, and how long a bearing is kept.

    python output_transitions.py [seed=0] [key=value ...]

Writes results/head_direction/transitions_<noise>_<seed>.json (run folder → phase → mean turn, reversals, dwell) and
transitions_<noise>_<seed>_details.json: settings, and the histograms of turns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.base import (
    Analysis,
    AnalysisSettings,
    NamedStreams,
    Recorded,
    Recording,
    Result,
    both_phases,
)
from reactivation.analysis.recording import as_recording
from reactivation.analysis.results import mean_of_epochs
from reactivation.analysis.survival import median_survival, until_away
from reactivation.checks import Count, Positive, checked
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import LARGEST, setting
from reactivation.world.spaces import Space, at_least

_STRIDE = 5  # steps between the moments from which dwelling is timed
_OFF_GRID = 1e-4  # rad; far less than two cells are apart

Array = NDArray[np.float64]


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_transitions.py`."""

    task: str = setting("head_direction", "task whose runs are analysed; one on a circle")
    dwell_arc: Positive = setting(
        math.pi / 6,
        "a bearing is kept while it is nearer; turning back by half of it is a lasting reversal",
        unit="rad",
        above=0,
        high=math.pi,
    )
    window: Count = setting(25, "steps, half a second, over which a lasting reversal is looked for", low=1, high=LARGEST)
    turn_bins: int = setting(171, "bins of turns over [-π, π]; odd, about a third of the output cells", low=1, high=LARGEST)
    bearing_bins: int = setting(32, "bins of bearings; a divisor of the number of output cells", low=1, high=LARGEST)

    def check_space(self, space: Space) -> None:
        """Refuse a space without bearings.

        Raises:
            BadInput: the space has none.
        """
        _require_bearings(space, f"task={self.task}")


def _require_bearings(space: Space, whose: str) -> None:
    if space.bearing(np.array(space.middle)) is None:
        raise BadInput(
            f"transitions need bearings, and {whose} has none: take a circle, as task=head_direction or ra.Circle()"
        )


@dataclass(frozen=True, eq=False)
class Transitions:
    """Hold how a bearing moves from sample to sample; counter-clockwise is positive."""

    value: float  # mean turn [rad per step]
    standard_error: float | None  # over epochs, weighted by their steps; None for a single one
    mean_absolute_turn: float  # [rad per step]
    reversals: float  # share of the moving steps that go clockwise
    # Share of windows in which the bearing moves clockwise by half the arc; None where all epochs are shorter.
    lasting_reversals: float | None
    dwell: float  # median number of steps that a bearing is kept
    dwell_cut_off: float  # share of dwell times censored by the end of an epoch
    turns: Array  # (n) of every step [rad]

    def __repr__(self) -> str:
        return f"turns of {self.mean_absolute_turn:.4g} rad a step, {self.value:.4g} on average; kept {self.dwell:g} steps"


@checked
def transitions(
    recording: Any, space: Space | None = None, *, dwell_arc: Positive = math.pi / 6, window: Count = 25
) -> Transitions:
    """Measure how a bearing moves from sample to sample (Fig. C.5): turns, reversals, and how long it is kept.

    Args:
        recording: a `Recording` on a circle, or bearings (B, T) [rad] with `Circle()`.
        dwell_arc: a bearing counts as kept while the current one is nearer than this [rad].
        window: steps over which a lasting reversal is looked for.

    Returns:
        `.value`, the mean turn per step [rad], counter-clockwise positive, with `.standard_error` over epochs; `.reversals`,
        the share of the moving steps that go clockwise; `.lasting_reversals`, the share of the windows in which the bearing
        moves clockwise by half the arc; `.dwell`, the median number of steps that a bearing is kept; `.turns`, the turn of
        every step [rad].

    Raises:
        BadInput: the space is no circle, or no epoch has two samples.

    >>> import numpy as np
    >>> ra.transitions(np.angle(np.exp(1j * 0.1 * np.arange(500))), ra.Circle())
    turns of 0.1 rad a step, 0.1 on average; kept 6 steps
    """
    recording = as_recording(recording, space)
    _require_bearings(recording.space, str(recording.space))
    by_epoch, samples = recording.per_epoch(lambda bearings: turns_of(recording.space, bearings).mean(-1), 2)
    blocks = [turns_of(recording.space, block) for block in recording.blocks(2)]
    turns = np.concatenate([block.reshape(-1) for block in blocks])
    moving = turns[turns != 0]
    since_first = [np.pad(np.cumsum(block, axis=1), ((0, 0), (1, 0))) for block in blocks]  # 0 at the first sample
    moved = np.concatenate([(turned[:, window:] - turned[:, :-window]).reshape(-1) for turned in since_first])
    mean = mean_of_epochs(by_epoch, samples - 1, "rad per step")
    dwell, cut_off = _dwell(recording, dwell_arc)
    return Transitions(
        float(turns.mean()),
        mean.standard_error,
        float(np.abs(turns).mean()),
        float((moving < 0).mean()) if len(moving) else 0.0,
        float(at_least(-moved, dwell_arc / 2).mean()) if moved.size else None,
        dwell,
        cut_off,
        turns,
    )


def turns_of(space: Space, bearings: Array) -> Array:
    """Return the turn of every step, (B, T, 1) → (B, T − 1) [rad], wrapped at π, counter-clockwise positive."""
    turns: Array = space.difference(bearings[:, 1:], bearings[:, :-1])[..., 0]
    return turns


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return how bearings move in every phase.

    Args:
        recorded: run → phase → recording on a circle.

    Returns:
        table[run][phase]: mean turn and mean absolute turn [rad per step], the share of moving steps that go clockwise
        (reversals, for networks trained to turn counter-clockwise), the share of windows in which the bearing moves
        clockwise by half of `dwell_arc` or more (lasting reversals, None for recordings shorter than a window; jitter about
        one bearing reverses in half of its steps, and in no window), the median number of steps that a bearing is kept
        (dwell), and the share of dwell times censored by the end of the trajectory. Details: the histograms of turns and of
        bearings. Reported bearings lie on the grid of preferred angles, so every bin must hold equally many grid points:
        otherwise uniform bearings would not look uniform.

    Raises:
        BadInput: the space is no circle.
    """
    table: dict[str, dict[str, dict[str, float | None]]] = {run: {} for run in recorded}
    details: dict[str, dict[str, Any]] = {run: {} for run in recorded}
    for run, phases in recorded.items():
        for phase, recording in phases.items():
            found = transitions(recording, dwell_arc=settings.dwell_arc, window=settings.window)
            table[run][phase] = {
                "mean_turn": found.value,
                "mean_absolute_turn": found.mean_absolute_turn,
                "reversals": found.reversals,
                "lasting_reversals": found.lasting_reversals,
                "dwell": found.dwell,
                "dwell_cut_off": found.dwell_cut_off,
            }
            details[run][phase] = {
                "turns": _histogram(found.turns, settings.turn_bins),
                # Edges are points of the grid; rounding must not decide on which side of them a bearing falls.
                "bearings": _histogram(recording.space.wrap(recording.flat + _OFF_GRID), settings.bearing_bins),
            }
    summary = {f"{run} {phase}": measures for run, phases in table.items() for phase, measures in phases.items()}
    return Result(table, details, summary)


def _histogram(angles: Array, bins: int) -> dict[str, list[float]]:
    """Share of the steps in each bin; its edges [rad]."""
    counts, edges = np.histogram(angles, bins=bins, range=(-math.pi, math.pi))
    return {"edges": edges.tolist(), "shares": (counts / angles.size).tolist()}


def _dwell(recording: Recording, arc: float) -> tuple[float, float]:
    """Median of the steps until a bearing has moved by `arc`, from the first half of each epoch; the share censored."""
    times, moved = [], []
    for bearings in recording.blocks(2):
        for first in range(0, bearings.shape[1] // 2, _STRIDE):
            until, away = until_away(recording.space, bearings, first, arc)
            times.append(until)
            moved.append(away)
    ended = np.concatenate(moved)
    return median_survival(np.concatenate(times), ended), float(1 - ended.mean())


def tabulate(run: str, entry: Any, details: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return a run's measures in each phase; dwell is in steps here, that of `replay` in seconds."""
    names = {"dwell": "dwell_steps"}
    return {phase: {names.get(name, name): value for name, value in own.items()} for phase, own in entry.items()}


ANALYSIS = Analysis(Settings, both_phases, analyse, format=3, tabulate=tabulate)
