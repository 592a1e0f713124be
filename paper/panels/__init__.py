"""The numbers behind each kind of panel, gathered from an `Evidence`, and what draws them.

A kind is a named tuple of arrays. Its `columns()` are the panel's CSV file, tidy and with units; its `draw(ax)` puts the
same numbers on Axes. The function below each kind makes it: from recordings of one network (`examples`, `clouds`), or from
several, as mean and standard deviation over networks (`measures`, `circle`).

Axes of arrays: K trajectories, T steps, P dimensions, n points, M networks.
"""

from paper.panels.base import Columns, Numbers
from paper.panels.circle import bearing_histogram, turns
from paper.panels.clouds import CLOUD, cloud, occupancy, plane_occupancy
from paper.panels.examples import EXAMPLES, bearings, moving, paths
from paper.panels.measures import divergences, explained_variance, exploration, learning, smoothness

__all__ = [
    "CLOUD",
    "EXAMPLES",
    "Columns",
    "Numbers",
    "bearing_histogram",
    "bearings",
    "cloud",
    "divergences",
    "explained_variance",
    "exploration",
    "learning",
    "moving",
    "occupancy",
    "paths",
    "plane_occupancy",
    "smoothness",
    "turns",
]
