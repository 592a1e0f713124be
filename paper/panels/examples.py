"""Example trajectories of one network: paths in the box, a bearing over time."""

from typing import TYPE_CHECKING

import numpy as np

from paper.panels.base import PanelTable, points, time_step
from paper.protocols import HEAD, SPATIAL
from paper.study import Study
from reactivation.plotting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXAMPLES = 5  # trajectories shown of the recorded 200


def paths(study: Study, run: str, phase: str, **changes: str) -> PanelTable:
    """The decoded paths of a network (Fig. 1d–e): the first few trajectories of the first seed."""
    recording = study.recording(SPATIAL, run, phase, study.seeds[0], **changes)
    return PanelTable(points(recording.positions[:EXAMPLES], "x_m", "y_m"), frame=recording.space.frame)


def draw_paths(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw each trajectory in a colour of its own."""
    positions = np.stack((table["x_m"], table["y_m"]), axis=-1)
    positions = positions.reshape(len(np.unique(table["trajectory"])), -1, 2)
    return drawing.trajectories(ax, positions, table.frame, ("x [m]", "y [m]"))


def bearings(study: Study, run: str, phase: str, steps: int, **changes: str) -> PanelTable:
    """The decoded bearings of a network over time (Fig. C.5a–c): the first trajectory of the first seed."""
    length = "t_active" if phase == "active" else "t_quiescent"
    recording = study.recording(HEAD, run, phase, study.seeds[0], **{length: str(steps)}, **changes)
    times = np.arange(1, steps + 1, dtype=np.float64) * time_step(study, HEAD, run)
    return PanelTable({"time_s": times, "bearing_rad": recording.positions[0, :, 0]}, phase=phase)


def draw_bearings(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a line in the colour of the phase."""
    return drawing.bearings(ax, table["time_s"], table["bearing_rad"], table.phase)
