"""Figures of the study of the mechanism can be read: ticks, windows, axes and marks, from published and made-up tables."""

from collections.abc import Iterator, Mapping, Sequence
import csv
from itertools import combinations
import math
from pathlib import Path
from typing import Any

from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
import numpy as np
import pytest

from paper.claims.gain import GAINS, Curve
from paper.claims.theory import JUDGED
from paper.panels import diagram, gain, theory
from paper.panels.base import PanelTable
from paper.panels.theory import Measured, Row, drift_table
from paper.panels.theory_drawing import DRAWN, WINDOW
from paper.protocols import SPATIAL
from paper.theory_figures import FIGURES
from reactivation.machine.places import PUBLISHED
from reactivation.plotting.style import style
from reactivation.theory.course import BINS, Radius
from reactivation.world.spaces import Box

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
            "fitted": 3 if WINDOW[0] < radius < WINDOW[1] else 1,
        }
        for family, most in (("a control", 1.0), ("of no noise", steepest / 0.38))
        for c in (*DRAWN, 8.0)
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


def panels(canvas: Canvas) -> dict[str, Any]:
    return {axes.get_title(): axes for axes in canvas.axes if axes.get_title()}


@pytest.mark.parametrize("steepest", [0.3, 6.0, 50.0])
def test_drift_outside_of_the_fit_is_hollow_and_dotted_and_nothing_is_cut_off(steepest: float) -> None:
    shown = panels(drawn("drift", {"drift": drift(steepest), "width": published("width")}))
    for title in ("a control", "of no noise"):
        axes = shown[title]
        (window,) = axes.patches
        edges = window.get_extents().transformed(axes.transData.inverted()).intervalx
        assert edges == pytest.approx(WINDOW)
        low, high = axes.get_ylim()
        marks = [one for bars in axes.containers for one in bars[:1]]
        for line in (*axes.lines, *marks):
            assert low < min(line.get_ydata(), default=0) <= max(line.get_ydata(), default=0) < high
        assert low < -0.38 - 0.2 < 0.22 + 0.2 < high, "velocities, less and more their errors"
        for mark in marks:
            inside = [WINDOW[0] < radius < WINDOW[1] for radius in mark.get_xdata()]
            assert set(inside) == {mark.get_markerfacecolor() != "white"}
        dotted = {round(float(np.mean(line.get_xdata())), 9) for line in axes.lines if line.get_linestyle() == ":"}
        assert dotted == {0.13, 0.53, 0.63}
        assert sum(len(mark.get_xdata()) for mark in marks) == len(DRAWN) * len(PLACES), "c = 8 is in the table only"
        assert axes.get_yscale() == "symlog"
    assert {*JUDGED} < {*DRAWN}
    course = Radius(Box(2.2, 2.2))
    for edge, inwards in zip(WINDOW, (1, -1), strict=True):
        assert course.is_fitted(np.array([edge - inwards * 1e-6, edge + inwards * 1e-6])).tolist() == [False, True]


def test_the_table_of_drift_tells_how_many_networks_are_fitted_in_a_bin(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(gain: float, first: float, error: float) -> dict[str, Any]:
        place = [first, *PLACES[1:]]
        assert len(place) == BINS
        same = {"velocity": [1e-3] * BINS, "spread_drift": [0.0] * BINS, "predicted": [1e-3] * BINS}
        return {"gain": gain, "place": place, "velocity_error": [1e-4, error, *[1e-4] * (BINS - 2)], **same}

    results = [
        {"drift": {"still": {"fits": [fit(gain, *bins) for gain in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)]}}}
        for bins in ((0.08, 1e-4), (0.11, 1e-4), (0.12, 0.0))
    ]
    monkeypatch.setattr(theory, "measured", lambda path, task: [Measured("one", SPATIAL, tuple(results), 3)])
    rows = drift_table("anywhere")
    assert {row["c"] for row in rows} == {0.0, 0.5, 2.0, 4.0, 8.0}
    assert [row["fitted"] for row in rows if row["c"] == 4] == [2, 2, 3, 3, 3, 0, 0]


def test_a_pull_between_none_and_sampling_is_seen_beside_large_ones() -> None:
    tables = tables_of("inputs")
    kinds, scales, _ = drawn("inputs", tables).axes
    pulls = [row["alpha"] for row in tables["inputs"]]
    for axes in (kinds, scales):
        assert axes.get_yscale() == "symlog"
        low, high = axes.get_ylim()
        assert low < min(pulls) < max(pulls) < high
        (_, none), (_, half), (_, sampling) = axes.transAxes.inverted().transform(
            axes.transData.transform([(0, 0), (0, 0.5), (0, 1)])
        )
        assert half - none == pytest.approx(sampling - half), "linear between them"
        assert sampling - none > 0.2, "of the height"
        levels = {line.get_linestyle(): line.get_ydata()[0] for line in axes.lines if set(line.get_xdata()) == {0, 1}}
        assert levels == {"-": 0, "--": 1}
    assert kinds.get_ylim() == scales.get_ylim()


def test_inputs_of_different_kinds_differ_in_grey_and_their_legend_covers_no_panel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[Any] = []
    monkeypatch.setattr(gain, "write_pictures", lambda page, *_: pages.append(page))
    families = {name: {kind: [Curve(dict.fromkeys(GAINS, 0.5), 2)] for kind in ("none", "query")} for name in "abcde"}
    gain.draw(families, PanelTable({}), tmp_path)
    (page,) = pages
    page.draw_without_rendering()
    (legend,) = page.legends
    for axes in page.axes:
        assert not legend.get_window_extent().overlaps(axes.get_window_extent())
    curves = page.axes[0].get_legend_handles_labels()[0]
    assert len({curve.get_linestyle() for curve in curves}) == len({curve.get_marker() for curve in curves}) == 2


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "0.00"), (4.4, "4.40"), (46.54, "46.5"), (241.2, "241"), (math.nan, "–")]
)
def test_numbers_fit_into_the_cells_of_the_diagram(value: float, words: str) -> None:
    assert diagram.number(value) == words


def test_squares_of_the_diagram_are_as_legible_as_its_numbers() -> None:
    with style():
        axes: Any = Canvas().subplots()
        rows = [
            {"modifier": "momentum", "strength": strength, "gain": 2 * other, "kl": 4 * strength}
            for strength in (0.25, 0.5, 1.0)
            for other in (0.25, 0.5, 1.0)
        ]
        diagram._draw_map(axes, rows, "kl")
    inks = {text.get_position(): to_hex(text.get_color()) for text in axes.texts}
    squares = {(square.get_xdata()[0], square.get_ydata()[0]): to_hex(square.get_markeredgecolor()) for square in axes.lines}
    assert squares == {place: inks[place] for place in ((0, 0), (1, 1), (2, 2))}
    assert len(set(squares.values())) == 2
