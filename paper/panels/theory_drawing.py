"""The figures on the mechanism, drawn of the tables of `panels.theory` and of nothing else."""

from collections.abc import Sequence
import math
from typing import Any

from paper.panels.theory import SHOWN, Row
from paper.protocols import HEAD, SPATIAL
from reactivation.plotting.style import GREY, LINES, MIDDLE

_KINDS = {"itself": "o", "untrained": "x", "shuffled": "+"}
_INPUTS = ("still", "brownian", "own")
_COLOURS = (*LINES, "#56b4e9", "#cc79a7", "#f0e442", *LINES)


def families_of(rows: Sequence[Row]) -> list[str]:
    """The families of a table, in its order."""
    return list(dict.fromkeys(row["family"] for row in rows))


def draw_drift(figure: Any, drift: Sequence[Row], widths: Sequence[Row]) -> None:
    """Radial drift over the prediction, family by family, and the width of rest against c."""
    names = families_of(drift)
    columns = min(len(names) + 1, 4)
    lines = math.ceil((len(names) + 1) / columns)
    figure.set_size_inches(2.9 * columns, 2.8 * lines)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, name in zip(axes, names, strict=False):
        _draw_radii(axis, name, [row for row in drift if row["family"] == name])
    axes[0].legend(fontsize=6, title="points: measured\nlines: Langevin", title_fontsize=6)
    draw_width(axes[len(names)], widths, (0.5, 0.0), "radial sd of rest [m]")
    for axis in axes[len(names) + 1 :]:
        axis.set_axis_off()


def _draw_radii(axis: Any, name: str, rows: Sequence[Row]) -> None:
    for c, colour in zip(SHOWN, LINES, strict=False):
        own = [row for row in rows if row["c"] == c]
        radius = [row["radius"] for row in own]
        axis.errorbar(
            radius, [1e3 * row["velocity"] for row in own], [1e3 * row["error"] for row in own],
            fmt="o", ms=3, lw=1, color=colour, label=f"c = {c:g}",
        )  # fmt: skip
        axis.plot(radius, [1e3 * row["predicted"] for row in own], "-", lw=1, color=colour, alpha=0.7)
    axis.axhline(0, color=MIDDLE, lw=0.6, zorder=0)
    axis.set(xlabel="radius [m]", ylabel="radial drift [mm per step]", xlim=(0, 0.75), ylim=(-1.6, 1.6), title=name)


def draw_width(axis: Any, rows: Sequence[Row], slopes: Sequence[float], label: str) -> None:
    """Width of rest against c on logarithmic axes, a line a network, with the slopes that mechanisms have."""
    for name, colour in zip(families_of(rows), _COLOURS, strict=False):
        own = [row for row in rows if row["family"] == name]
        for seed in dict.fromkeys(row["seed"] for row in own):
            line = [row for row in own if row["seed"] == seed]
            first = seed == own[0]["seed"]
            axis.plot(
                [row["c"] for row in line], [row["width"] for row in line], "o-", ms=2.5, lw=0.8, color=colour,
                label=name if first else None,
            )  # fmt: skip
    gains = sorted({row["c"] for row in rows})
    low, high = gains[0], gains[-1]
    middle = math.exp(sum(math.log(row["width"]) for row in rows) / len(rows))
    for slope, dash in zip(slopes, ("--", ":"), strict=False):
        ends = [middle * (c / math.sqrt(low * high)) ** slope for c in (low, high)]
        axis.plot([low, high], ends, dash, color=GREY, lw=1, label=f"slope {slope:g}")
    axis.set(xscale="log", yscale="log", xlabel="gain c of the noise variance", ylabel=label)
    axis.set_xticks(gains, [f"{c:g}" for c in gains])
    axis.minorticks_off()
    narrow, wide = min(row["width"] for row in rows), max(row["width"] for row in rows)
    each = [digit * 10.0**power for power in range(-3, 4) for digit in (1, 2, 5)]
    shown = [width for width in each if narrow / 1.5 < width < wide * 1.5]
    axis.set_yticks(shown, [f"{width:g}" for width in shown])
    axis.legend(fontsize=5, loc="upper left", bbox_to_anchor=(1, 1))


def draw_inputs(figure: Any, inputs: Sequence[Row], widths: Sequence[Row]) -> None:
    """α on the circle under three kinds of inputs and by their scale, and κ at rest against c."""
    kinds, scales, widest = figure.subplots(1, 3, width_ratios=(3, 2, 2))
    names = families_of(inputs)
    for place, name in enumerate(names):
        for offset, (which, colour) in enumerate(zip(_INPUTS, LINES, strict=False)):
            own = [row for row in inputs if row["family"] == name and row["inputs"] == which]
            at = [place + 0.22 * (offset - 1)] * len(own)
            kinds.errorbar(
                at, [row["alpha"] for row in own], [row["error"] for row in own], fmt="o", ms=3, lw=0.8,
                color=colour, mfc="none" if own and own[0]["is_null"] else colour, label=which if not place else None,
            )  # fmt: skip
    kinds.set_xticks(range(len(names)), [name.replace(" (", "\n(") for name in names], rotation=60, ha="right")
    for level in (0, 1):
        kinds.axhline(level, color=MIDDLE, lw=0.6, zorder=0)
    kinds.set(ylabel="pull home α (1: Langevin)", title="rest, and inputs that carry no news")
    kinds.legend(title="inputs")
    scale_of = {"still": 0.0, "brownian x 0.5": 0.5, "brownian": 1.0, "brownian x 2": 2.0}
    for name, colour in zip(names, _COLOURS, strict=False):
        own = [row for row in inputs if row["family"] == name and row["inputs"] in scale_of]
        for seed in dict.fromkeys(row["seed"] for row in own):
            line = sorted((scale_of[row["inputs"]], row["alpha"]) for row in own if row["seed"] == seed)
            scales.plot(*zip(*line, strict=True), "o-", ms=2.5, lw=0.8, color=colour)
    scales.set(xlabel="scale of Brownian inputs (1: the task's)", ylabel="pull home α", title="against the input's size")
    draw_width(widest, widths, (-1.0, 0.0), "κ of rest")


def draw_training(figure: Any, rows: Sequence[Row]) -> None:
    """α over the control's along training: the box, and the circle, by the noise of training."""
    for axis, task, title in zip(
        figure.subplots(1, 2), (SPATIAL, HEAD), ("the ring in the box", "drawn bearings"), strict=True
    ):
        of_task = [row for row in rows if row["task"] == task and row["pull"] is not None]
        for name, colour in zip(families_of(of_task), _COLOURS, strict=False):
            own = [row for row in of_task if row["family"] == name]
            errors = [row["error"] or 0 for row in own]
            axis.errorbar(
                [row["step"] for row in own], [row["pull"] for row in own], errors, fmt="o-", ms=2.5, lw=0.8,
                color=colour, label=name,
            )  # fmt: skip
        for level in (0, 1):
            axis.axhline(level, color=MIDDLE, lw=0.6, zorder=0)
        axis.set(xscale="log", xlabel="training step", ylabel="α over the control's, c = 0", title=title)
        if of_task:
            axis.legend(fontsize=5)


def draw_score(figure: Any, rows: Sequence[Row]) -> None:
    """The slope of drift on score against what stationarity alone gives."""
    axis = figure.subplots()
    for name, colour in zip(families_of(rows), _COLOURS, strict=False):
        for kind, marker in _KINDS.items():
            own = [row for row in rows if row["family"] == name and row["network"] == kind]
            axis.plot(
                [row["of_stationarity"] for row in own], [row["slope"] for row in own], marker, ms=4, ls="", color=colour,
                label=f"{name}, {kind}" if own else None,
            )  # fmt: skip
    known = [row["of_stationarity"] for row in rows]
    axis.plot([min(known), max(known)], [min(known), max(known)], ":", color=GREY, label="stationarity alone")
    axis.axhline(0.5, color=MIDDLE, lw=0.6, zorder=0)
    axis.set(xlabel="(1 + ⟨d²⟩/σ²Δt)/2", ylabel="slope of drift on score")
    axis.legend(fontsize=5, loc="center left", bbox_to_anchor=(1, 0.5))


def draw_relaxation(figure: Any, rows: Sequence[Row]) -> None:
    """What is left of the start, and the size of activity, over 20,000 steps of rest."""
    axes = figure.subplots(2, 2, squeeze=False)
    for column, (task, title) in enumerate(((SPATIAL, "the ring in the box"), (HEAD, "bearings"))):
        of_task = [row for row in rows if row["task"] == task]
        for line, (key, label) in enumerate(
            (("kept", "correlation with the start"), ("amplitude", "size of activity, over its start"))
        ):
            axis = axes[line, column]
            for name, colour in zip(families_of(of_task), _COLOURS, strict=False):
                own = [row for row in of_task if row["family"] == name and row["step"]]
                axis.plot([row["step"] for row in own], [row[key] for row in own], lw=0.8, color=colour, label=name)
            for step in (200, 1000):
                axis.axvline(step, color=MIDDLE, lw=0.6, ls=":", zorder=0)
            axis.set(xscale="log", xlabel="step of rest, c = 2", ylabel=label, title=title)
            if key == "amplitude":
                axis.set_yscale("log")
                sizes = [row[key] for row in of_task if row["step"]]
                axis.set_ylim(min([0.5, *sizes]), max([2.0, *sizes]) * 1.1)
            if of_task and not line:
                axis.legend(fontsize=5)
