"""The inputs and outputs of the network, awake and at rest (Fig. 1a): its parts as a table, drawn as boxes with arrows."""

from typing import TYPE_CHECKING

import numpy as np

from paper.panels.base import PHASES, PanelTable
from paper.study import Study
from reactivation.plotting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NONE = "none"
_PARTS = {  # awake, then at rest, where the noise has twice the variance (Section 4)
    "input": ("input: changes Δs", _NONE),
    "network": ("rates r, noise σ", "rates r, noise √2 σ"),
    "output": ("cells Dr: position", "cells Dr: position"),
    "target": ("error, while training", _NONE),
}


def parts(study: Study) -> PanelTable:
    """Return a row for each phase."""
    return PanelTable({"phase": PHASES, **_PARTS})


def draw_parts(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw a column of boxes for each phase, with arrows between the parts that the phase has."""
    phases, *columns = (np.asarray(column).tolist() for column in table.columns.values())
    chains = [["" if words == _NONE else words for words in chain] for chain in zip(*columns, strict=True)]
    return drawing.chains(ax, dict(zip(phases, chains, strict=True)))
