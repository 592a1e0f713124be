"""Head direction over networks: how often each bearing and each angular velocity is reported."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from paper.evidence import Evidence
from paper.panels.base import PHASES, Array, Columns, Spread, details_of, over_networks, tables_of, time_step
from paper.protocols import HEAD
from reactivation.plotting import drawing as draw
from reactivation.plotting.drawing import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADROOM = 1.25  # over the highest bar, for the mean that is written there
REACH = 0.02  # share of its highest bar at which the flanks of a histogram of turns end
TURNS_SHOWN = (  # on one scale
    ("noisy_biased", "active"),
    ("noisy_biased", "quiescent"),
    ("noisy_unbiased", "quiescent"),
)


class BearingHistogram(NamedTuple):
    """How often each bearing is reported, over M networks."""

    edges: Array  # (n + 1) [rad]
    spread: Spread  # (n) [1/rad]
    phase: str
    top: float  # of the y axis, the same awake and at rest
    networks: int

    def columns(self) -> Columns:
        return {
            "bearing_from_rad": self.edges[:-1],
            "bearing_to_rad": self.edges[1:],
            "density_mean_per_rad": self.spread.mean,
            "density_sd_per_rad": self.spread.sd,
            "networks": np.full(len(self.edges) - 1, self.networks),
        }

    def draw(self, ax: "Axes") -> "Axes":
        return draw.bearing_histogram(ax, self.edges, *self.spread, self.phase, self.top)


def bearing_histogram(evidence: Evidence, run: str, phase: str) -> BearingHistogram:
    """Bearings awake and at rest (Fig. 3a–b)."""
    details = details_of(evidence, "transitions")
    edges = np.array(details[0][run][phase]["bearings"]["edges"])
    spreads = {name: _densities([found[run][name]["bearings"] for found in details]) for name in PHASES}
    top = 1.1 * max(float((spread.mean + np.nan_to_num(spread.sd)).max()) for spread in spreads.values())
    return BearingHistogram(edges, spreads[phase], phase, top, len(details))


def _densities(histograms: Sequence[Mapping[str, Sequence[float]]]) -> Spread:
    """Of angles [1/rad], from the shares of several networks in the same bins."""
    return over_networks([np.array(one["shares"]) / np.diff(one["edges"]) for one in histograms])


class Turns(NamedTuple):
    """How often each angular velocity is reported, over M networks."""

    edges: Array  # (n + 1) [rad/s]
    spread: Spread  # (n) [s/rad]
    mean: Spread  # () [rad/s]
    phase: str
    frame: Frame  # shared with the panels beside it
    networks: int

    def columns(self) -> Columns:
        count = len(self.edges) - 1
        return {
            "velocity_from_rad_per_s": self.edges[:-1],
            "velocity_to_rad_per_s": self.edges[1:],
            "density_mean_s_per_rad": self.spread.mean,
            "density_sd_s_per_rad": self.spread.sd,
            "velocity_mean_rad_per_s": np.full(count, self.mean.mean),
            "networks": np.full(count, self.networks),
        }

    def draw(self, ax: "Axes") -> "Axes":
        middles, widths = (self.edges[1:] + self.edges[:-1]) / 2, np.diff(self.edges)
        beyond = (np.abs(middles) > self.frame[1]) @ (self.spread.mean * widths)
        return draw.turns(ax, self.edges, self.spread.mean, float(self.mean.mean), float(beyond), self.phase, self.frame)


def flanks(bars: Array) -> tuple[int, int]:
    """Edges of the bars around the highest, as far as none is below REACH of it; bars elsewhere do not count."""
    low, peak = np.flatnonzero(bars < REACH * bars.max()), int(bars.argmax())
    return int(max(low[low < peak], default=-1)) + 1, int(min(low[low > peak], default=len(bars)))


def turns(evidence: Evidence, run: str, phase: str) -> Turns:
    """Turns per step, wrapped at π, as angular velocities (Fig. C.5d–f)."""
    details, tables = details_of(evidence, "transitions"), tables_of(evidence, "transitions")
    dt = time_step(evidence, HEAD, run)
    edges = np.array(details[0][run][phase]["turns"]["edges"]) / dt
    spreads = {
        (r, p): _densities([found[r][p]["turns"] for found in details])
        for r, p in dict.fromkeys((*TURNS_SHOWN, (run, phase)))
    }
    densities = {key: Spread(spread.mean * dt, spread.sd * dt) for key, spread in spreads.items()}
    mean = over_networks([table[run][phase]["mean_turn"] / dt for table in tables])
    reach = max(float(np.abs(edges[list(flanks(spread.mean))]).max()) for spread in densities.values())
    highest = max(float(spread.mean.max()) for spread in densities.values())
    frame = (-reach, reach, 0.0, HEADROOM * highest)
    return Turns(edges, densities[run, phase], mean, phase, frame, len(details))
