"""Figures of the study of the mechanism can be read: ticks, windows, axes and marks, from published and made-up tables."""

from collections.abc import Iterator, Mapping, Sequence
import csv
from itertools import combinations
import math
from typing import Any

from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
import pytest

from paper.panels.theory import Row
from paper.protocols import SPATIAL
from paper.theory_figures import FIGURES
from reactivation.machine.places import PUBLISHED
from reactivation.plotting.style import style

BY_KEY = {figure.key: figure for figure in FIGURES}
PLACES = (0.08, 0.18, 0.28, 0.38, 0.48, 0.58, 0.68)  # of bins


def published(name: str) -> list[Row]:
    """A published table, with numbers as numbers."""

    def value(text: str) -> Any:
        if text in ("", "True", "False"):
            return text == "True" if text else None
        try:
            return float(text)
        except ValueError:
            return text

    with (PUBLISHED / f"figures/theory_{name}.csv").open(encoding="utf-8") as file:
        return [{key: value(text) for key, text in row.items()} for row in csv.DictReader(file)]


def drift(steepest: float = 50.0) -> list[Row]:
    """Drift of two families; lines of the second reach `steepest` [mm per step]."""
    return [
        {
            "family": family, "c": c, "radius": radius, "velocity": 1e-3 * (0.3 - radius), "error": 2e-4,
            "predicted": 1e-3 * most * (0.3 - radius), "networks": 3,
            "fitted": 3 if 0.1 < radius < 0.5 else 1,
        }
        for family, most in (("a control", 1.0), ("of no noise", steepest / 0.38))
        for c in (0.0, 0.5, 2.0, 8.0)
        for radius in PLACES
    ]  # fmt: skip


def drawn(key: str, tables: Mapping[str, Sequence[Row]]) -> Any:
    with style():
        canvas = Canvas(figsize=BY_KEY[key].size, layout="constrained")
        BY_KEY[key].draw(canvas, *(tables[name] for name in BY_KEY[key].tables))
        canvas.draw_without_rendering()
    return canvas


def tables_of(key: str) -> dict[str, list[Row]]:
    return {name: drift() if name == "drift" else published(name) for name in BY_KEY[key].tables}


def names(axis: Any) -> list[Text]:
    """The tick labels of an axis that are seen."""
    low, high = sorted(axis.get_view_interval())
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    return [tick.label1 for tick in ticks if tick.label1.get_text() and low <= tick.get_loc() <= high]


def overlapping(canvas: Canvas) -> Iterator[tuple[str, str]]:
    for axes in canvas.axes:
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            upright = [label for label in names(axis) if label.get_rotation() == 0]
            for one, other in combinations(upright, 2):
                if one.get_window_extent().overlaps(other.get_window_extent()):
                    yield one.get_text(), other.get_text()


@pytest.mark.parametrize("key", BY_KEY)
def test_no_two_tick_labels_overlap(key: str) -> None:
    assert list(overlapping(drawn(key, tables_of(key)))) == []


@pytest.mark.parametrize("largest", [3.0, 400.0, 1e4, 5e14])
def test_activity_that_grows_has_named_ticks_up_to_its_end(largest: float) -> None:
    rows = [
        {"family": "one", "task": SPATIAL, "step": step, "kept": 0.5, "amplitude": max(1.0, largest * step / 20_000)}
        for step in (0, 50, 500, 20_000)
    ]
    canvas = drawn("relaxation", {"relaxation": rows})
    axes = next(one for one in canvas.axes if one.get_yscale() == "log")
    named = names(axes.yaxis)
    assert list(overlapping(canvas)) == []
    assert 3 <= len(named) <= 8
    highest = max(tick for tick in axes.get_yticks() if tick <= axes.get_ylim()[1])
    assert math.log10(axes.get_ylim()[1] / highest) < 2, "no curve runs far past the last label"
