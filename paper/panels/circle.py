"""Head direction over networks: how often each bearing and each angular velocity is reported."""

from collections.abc import Iterable, Mapping, Sequence
import math
from typing import TYPE_CHECKING

import numpy as np

from paper.panels.base import PHASES, Array, Columns, PanelTable, Spread, every_result, over_networks, time_step
from paper.protocols import HEAD
from paper.study import Study
from reactivation.plotting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADROOM = 1.25  # upper limit over the highest bar, with room for the mean
REACH = 0.02  # share of the highest bar at which the flanks of a histogram of turns end
TURNS_SHOWN = (  # on one scale
    ("noisy_biased", "active"),
    ("noisy_biased", "quiescent"),
    ("noisy_unbiased", "quiescent"),
)


def bearing_histogram(study: Study, run: str, phase: str) -> PanelTable:
    """How often each bearing is reported, awake and at rest on one scale (Fig. 3a–b)."""
    found = [result["details"][run] for result in every_result(study, "transitions")]
    edges = np.array(found[0][phase]["bearings"]["edges"])
    spreads = {name: _densities(one[name]["bearings"] for one in found) for name in PHASES}
    top = 1.1 * max(float((spread.mean + np.nan_to_num(spread.sd)).max()) for spread in spreads.values())
    columns: Columns = {
        "bearing_from_rad": edges[:-1],
        "bearing_to_rad": edges[1:],
        **spreads[phase].columns("density", "per_rad"),
        "networks": len(found),
    }
    return PanelTable(columns, frame=(-math.pi, math.pi, 0.0, top), phase=phase)


def draw_bearing_histogram(ax: "Axes", table: PanelTable) -> "Axes":
    """Bars in the colour of the phase."""
    edges = _edges(table, "bearing_from_rad", "bearing_to_rad")
    mean, sd = table["density_mean_per_rad"], table["density_sd_per_rad"]
    return drawing.bearing_histogram(ax, edges, mean, sd, table.phase, table.frame[3])


def turns(study: Study, run: str, phase: str) -> PanelTable:
    """How often each turn is made, wrapped at π, as angular velocity (Fig. C.5d–f); on one scale for all panels."""
    results, dt = every_result(study, "transitions"), time_step(study, HEAD, run)
    edges = np.array(results[0]["details"][run][phase]["turns"]["edges"]) / dt
    densities = {}
    for r, p in dict.fromkeys((*TURNS_SHOWN, (run, phase))):
        spread = _densities(result["details"][r][p]["turns"] for result in results)
        densities[r, p] = Spread(spread.mean * dt, spread.sd * dt)
    reach = max(float(np.abs(edges[list(flanks(spread.mean))]).max()) for spread in densities.values())
    highest = max(float(spread.mean.max()) for spread in densities.values())
    columns: Columns = {
        "velocity_from_rad_per_s": edges[:-1],
        "velocity_to_rad_per_s": edges[1:],
        **densities[run, phase].columns("density", "s_per_rad"),
        "velocity_mean_rad_per_s": np.mean([result["table"][run][phase]["mean_turn"] / dt for result in results]),
        "networks": len(results),
    }
    return PanelTable(columns, frame=(-reach, reach, 0.0, HEADROOM * highest), phase=phase)


def draw_turns(ax: "Axes", table: PanelTable) -> "Axes":
    """Bars in the colour of the phase, with the mean turn, and the share of turns that the frame leaves out."""
    edges = _edges(table, "velocity_from_rad_per_s", "velocity_to_rad_per_s")
    density, mean = table["density_mean_s_per_rad"], table["velocity_mean_rad_per_s"]
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    beyond = (np.abs(middles) > table.frame[1]) @ (density * widths)
    return drawing.turns(ax, edges, density, float(mean), float(beyond), table.phase, table.frame)


def flanks(bars: Array) -> tuple[int, int]:
    """Return the edges of the bars around the highest, up to the first on either side that is below REACH of it."""
    low, peak = np.flatnonzero(bars < REACH * bars.max()), int(bars.argmax())
    return int(max(low[low < peak], default=-1)) + 1, int(min(low[low > peak], default=len(bars)))


def _densities(histograms: Iterable[Mapping[str, Sequence[float]]]) -> Spread:
    """Densities of angles [1/rad], from the shares of several networks in the same bins."""
    return over_networks([np.array(one["shares"]) / np.diff(one["edges"]) for one in histograms])


def _edges(table: PanelTable, low: str, high: str) -> Array:
    """Edges of neighbouring bins, (n + 1)."""
    return np.append(table[low], table[high][-1])
