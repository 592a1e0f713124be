"""What the network is given and gives, awake and at rest (Fig. 1a): its parts as a table, drawn as boxes with arrows."""

from typing import TYPE_CHECKING

import numpy as np

from paper.panels.base import PHASES, PanelTable
from paper.study import Study
from reactivation.plotting import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NONE = "none"
_PARTS = {  # of awake, then at rest: the noise of rest has twice the variance of waking's (Section 4)
    "input": ("input: changes Δs", _NONE),
    "network": ("rates r, noise σ", "rates r, noise √2 σ"),
    "output": ("cells Dr: position", "cells Dr: position"),
    "target": ("error, while training", _NONE),
}


def parts(study: Study) -> PanelTable:
    """A row for each phase."""
    return PanelTable({"phase": PHASES, **_PARTS})


def draw_parts(ax: "Axes", table: PanelTable) -> "Axes":
    """A column of boxes for each phase, with arrows between parts that there are."""
    phases, *columns = (np.asarray(column).tolist() for column in table.columns.values())
    chains = [["" if words == _NONE else words for words in chain] for chain in zip(*columns, strict=True)]
    return drawing.chains(ax, dict(zip(phases, chains, strict=True)))
