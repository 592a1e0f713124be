"""Draw the figures on the mechanism, from the tables of `panels.theory` only."""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
import math
from textwrap import wrap
from typing import Any

from paper.panels.theory import Row
from paper.protocols import HEAD, SPATIAL
from reactivation.plotting.style import GREY, LINES, MARKS, MIDDLE, line

_KINDS = {"itself": "o", "untrained": "x", "shuffled": "+"}
_INPUTS = {"still": "still", "brownian": "Brownian inputs", "own": "own inputs"}
_COLUMNS = 3  # of families
DRAWN = (0.0, 0.5, 2.0, 4.0)  # c of points of drift; rules use the first and the last
WINDOW = (0.1, 0.5)  # radii to which α is fitted [m], as `Radius.is_fitted` has them, which loads torch
_PALE = "#f2f2f2"  # of the window
_LINEAR = 1.0  # |drift| [mm per step] and |α| up to which axes are linear; they are logarithmic beyond
_MOST_TICKS = 8  # named ticks of a logarithmic axis
_LONGEST = 100.0  # |α| up to which a panel grows with an error
_LEAST_CONCENTRATION = 0.1  # least κ that a few thousand positions tell from 0
_STEPS = (100, 200, 500, 1000, 2500, 5000, 10_000, 25_000)  # steps of training with a tick
_LEVELS = {0: "-", 1: "--"}  # of α: none, and as Langevin sampling
_NOT_TRAINED = "no network of these is measured"


def families_of(rows: Sequence[Row]) -> list[str]:
    """Return the families of a table, in its order."""
    return list(dict.fromkeys(row["family"] for row in rows))


def looks(names: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each family with the style of its lines; styles differ in grey print and for colour-blind readers, too."""
    return zip(names, map(line, count()), strict=False)


def draw_drift(figure: Any, drift: Sequence[Row], widths: Sequence[Row]) -> None:
    """Draw radial drift over the prediction, family by family, and beside it the width of rest against c."""
    names = families_of(drift)
    lines = max(2, math.ceil(len(names) / _COLUMNS))
    figure.set_size_inches(2.7 * _COLUMNS + 3, 2.5 * lines)
    families, beside = figure.subfigures(1, 2, width_ratios=(2.7 * _COLUMNS, 3))
    axes = families.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axis, name in zip(axes, names, strict=False):
        _draw_radii(axis, name, [row for row in drift if row["family"] == name])
    beside_what = {"loc": "lower left", "fontsize": 6, "handletextpad": 0.2, "title_fontsize": 6}
    axes[0].legend(title="points: measured\nlines: Langevin sampling\ngrey: α is fitted", **beside_what)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    above, below = beside.subplots(2, 1)
    draw_width(above, widths, (0.5, 0.0), "radial sd of rest [m]")
    below.set_axis_off()
    handles, labels = above.get_legend_handles_labels()
    below.legend(handles, [label.replace(", ", ",\n") for label in labels], fontsize=6, loc="upper left")


def _draw_radii(axis: Any, name: str, rows: Sequence[Row]) -> None:
    """Draw points and lines: full and solid where α is fitted, hollow and dotted elsewhere. The panel holds all of them."""
    shown = [row for row in rows if row["c"] in DRAWN]
    for c, colour, mark in zip(DRAWN, LINES, MARKS, strict=False):
        own = [row for row in shown if row["c"] == c]
        for fitted in (True, False):
            some = [row for row in own if _counts(row) is fitted]
            velocity, error = ([1e3 * row[key] for row in some] for key in ("velocity", "error"))
            axis.errorbar(
                [row["radius"] for row in some], velocity, error, fmt=mark, ms=3, lw=1 if fitted else 0.5, mew=0.6,
                color=colour, mfc=colour if fitted else "white", label=f"c = {c:g}" if fitted else None,
            )  # fmt: skip
        for here, there in pairwise(own):
            ends = [here["radius"], there["radius"]], [1e3 * here["predicted"], 1e3 * there["predicted"]]
            axis.plot(*ends, "-" if _counts(here) and _counts(there) else ":", lw=1, color=colour, alpha=0.7)
    axis.axvspan(*WINDOW, color=_PALE, lw=0, zorder=-1)
    axis.axhline(0, color=MIDDLE, lw=0.6, zorder=0)
    most = 1e3 * max([0.0, *(max(abs(row["velocity"]) + row["error"], abs(row["predicted"])) for row in shown)])
    axis.set(xlabel="radius [m]", ylabel="outward drift [mm per step]", xlim=(0, 0.75))
    _bend(axis, -most, most)
    axis.set_title(name, fontsize=7)


def _counts(row: Row) -> bool:
    """Whether α is fitted to a bin, in half of the networks at least."""
    return bool(2 * row["fitted"] >= row["networks"])


def _bend(axis: Any, low: float, high: float) -> None:
    """Give a panel a y axis from low to high that is linear near 0, and logarithmic beyond."""
    axis.set_yscale("symlog", linthresh=_LINEAR)
    powers = [_LINEAR * 10.0**power for power in range(7)]
    named = [0.5 * _LINEAR, *(digit * power for power in powers for digit in (1, 3))]
    ticks = [0.0, *(sign * tick for tick in named for sign in (-1, 1) if low <= sign * tick <= high or tick <= _LINEAR)]
    axis.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    axis.set_yticks([sign * digit * power for power in powers for digit in range(2, 10) for sign in (-1, 1)], minor=True)
    axis.set_ylim(_beyond(low), _beyond(high))


def _beyond(end: float) -> float:
    """An end of an axis a little further out, at least where the axis is linear."""
    return math.copysign(max(1.05 * _LINEAR, 1.2 * abs(end)), end)


def draw_width(axis: Any, rows: Sequence[Row], slopes: Sequence[float], label: str, least: float = 0.0) -> None:
    """Draw the width of rest against c on logarithmic axes, a line a network, with the slopes that mechanisms predict.

    Open dots: rest that has not forgotten its start. Widths below `least` cannot be told from 0, and are left out.
    """
    rows = [row for row in rows if row["width"] > least]
    for name, look in looks(families_of(rows)):
        own = [row for row in rows if row["family"] == name]
        for seed in dict.fromkeys(row["seed"] for row in own):
            network = [row for row in own if row["seed"] == seed]
            axis.plot(
                [row["c"] for row in network], [row["width"] for row in network], ms=3, lw=0.8, **look,
                mfc=look["color"] if network[0]["is_relaxed"] else "white", label=name if seed == own[0]["seed"] else None,
            )  # fmt: skip
    gains = sorted({row["c"] for row in rows})
    low, high = gains[0], gains[-1]
    middle = math.exp(sum(math.log(row["width"]) for row in rows) / len(rows))
    for slope, dash in zip(slopes, ("--", ":"), strict=False):
        ends = [middle * (c / math.sqrt(low * high)) ** slope for c in (low, high)]
        words = "Langevin sampling" if slope else "indifferent to the noise"
        axis.plot([low, high], ends, dash, color=GREY, lw=1, label=f"slope {slope:g}: {words}")
    axis.set(xscale="log", yscale="log", xlabel="gain c of the noise variance", ylabel=label)
    axis.set_xticks(gains, [f"{c:g}" for c in gains])
    axis.minorticks_off()
    _name_ticks(axis.yaxis, [row["width"] for row in rows])


def _name_ticks(axis: Any, values: Sequence[float]) -> None:
    """Name a few ticks of a logarithmic axis: 1, 2 and 5 times powers of ten, or powers only, or every so many powers."""
    low, high = min(values) / 1.5, max(values) * 1.5
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine, whole, small = (
        [value for power in powers for digit in digits if low < (value := digit * 10.0**power) < high]
        for digits in ((1, 2, 5), (1,), range(2, 10))
    )
    if len(fine) <= _MOST_TICKS:
        shown, between = fine, []
    else:
        every = math.ceil(len(whole) / _MOST_TICKS)
        shown, between = whole[::every], small if every == 1 else whole
    is_plain = shown[0] >= 1e-3 and shown[-1] <= 1e4
    axis.set_ticks(shown, [f"{value:g}" if is_plain else f"10$^{{{round(math.log10(value))}}}$" for value in shown])
    axis.set_ticks(between, minor=True)
    axis.set_minor_formatter(lambda value, place: "")


def _name_places(axis: Any, names: Sequence[str]) -> None:
    """Name families along x, broken into short lines."""
    lines = ["\n".join(wrap(name.replace(" of ", "\u00a0of\u00a0"), 16)) for name in names]  # "(2 of 5)" stays whole
    axis.set_xticks(range(len(names)), lines, rotation=60, ha="right", rotation_mode="anchor", fontsize=6)


def draw_inputs(figure: Any, inputs: Sequence[Row], widths: Sequence[Row]) -> None:
    """Draw α on the circle under three kinds of inputs and by their scale, and κ at rest against c."""
    names = families_of(inputs)
    figure.set_size_inches(6 + 0.5 * len(names) + 2.5, 4.2)
    kinds, scales, widest = figure.subplots(1, 3, width_ratios=(1 + 0.5 * len(names), 2.5, 2.5))
    for place, name in enumerate(names):
        for offset, (which, colour, mark) in enumerate(zip(_INPUTS, LINES, MARKS, strict=False)):
            own = [row for row in inputs if row["family"] == name and row["inputs"] == which]
            spread = [0.06 * (number - (len(own) - 1) / 2) / max(1, len(own) - 1) for number in range(len(own))]
            kinds.errorbar(
                [place + 0.25 * (offset - 1) + by for by in spread], [row["alpha"] for row in own],
                [row["error"] for row in own], fmt=mark, ms=3, lw=0.8, color=colour,
                mfc="white" if own and own[0]["is_null"] else colour, label=None if place else _INPUTS[which],
            )  # fmt: skip
    _name_places(kinds, names)
    dots = [row["alpha"] for row in inputs]
    bars = [row["alpha"] + sign * row["error"] for row in inputs if row["inputs"] in _INPUTS for sign in (-1, 1)]
    ends = [*dots, *(min(max(end, -_LONGEST), _LONGEST) for end in bars)]
    for axis in (kinds, scales):
        for level in (0, 1):
            axis.axhline(level, color=GREY, lw=0.8, ls=_LEVELS[level], zorder=0)
        _bend(axis, min(-_LINEAR, *ends), max(_LINEAR, *ends))
        axis.set_ylabel("pull home α")
    kinds.legend(ncols=len(_INPUTS), loc="lower center", bbox_to_anchor=(0.5, 1))
    scale_of = {"still": 0.0, "brownian x 0.5": 0.5, "brownian": 1.0, "brownian x 2": 2.0}
    for name, look in looks(names):
        own = [row for row in inputs if row["family"] == name and row["inputs"] in scale_of]
        for seed in dict.fromkeys(row["seed"] for row in own):
            network = sorted((scale_of[row["inputs"]], row["alpha"]) for row in own if row["seed"] == seed)
            filled = "white" if own[0]["is_null"] else look["color"]
            scales.plot(*zip(*network, strict=True), ms=3, lw=0.8, mfc=filled, **look)
    scales.set_xlabel("size of Brownian inputs (1: the task's)")
    scales.set_title("against the inputs' size", fontsize=7)
    draw_width(widest, widths, (-1.0, 0.0), "concentration κ of rest", _LEAST_CONCENTRATION)
    widest.set_title("against the noise", fontsize=7)
    widest.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))


def draw_training(figure: Any, rows: Sequence[Row]) -> None:
    """Draw α over the control's along training: the box, and the circle, by the noise of training."""
    for axis, task, title in zip(
        figure.subplots(1, 2), (SPATIAL, HEAD), ("the ring in the box", "drawn bearings"), strict=True
    ):
        axis.set_title(title)
        of_task = [row for row in rows if row["task"] == task and row["pull"] is not None]
        if not of_task:
            _say_so(axis)
            continue
        for name, look in looks(families_of(of_task)):
            own = [row for row in of_task if row["family"] == name]
            errors = [row["error"] or 0 for row in own]
            axis.errorbar(
                [row["step"] for row in own], [row["pull"] for row in own], errors, ms=3, lw=0.8, **look,
                mfc="white" if name.startswith("null") else look["color"], label=name,
            )  # fmt: skip
        for level in (0, 1):
            axis.axhline(level, color=MIDDLE, lw=0.6, zorder=0)
        axis.set(xscale="log", xlabel="training step", ylabel="α over that of Langevin sampling, c = 0")
        steps = [row["step"] for row in of_task]
        shown = [step for step in _STEPS if min(steps) <= step <= max(steps)]
        axis.set_xticks(shown, [f"{step:,}" for step in shown])
        axis.minorticks_off()
        axis.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _say_so(axis: Any) -> None:
    """Write words into an empty panel."""
    axis.text(0.5, 0.5, _NOT_TRAINED, ha="center", va="center", transform=axis.transAxes, color=GREY)
    axis.set(xticks=[], yticks=[])
    for side in axis.spines.values():
        side.set_visible(False)


def draw_score(figure: Any, rows: Sequence[Row]) -> None:
    """Draw the slope of drift on score of each network, untrained and shuffled, too, and that of stationarity alone."""
    axis, names = figure.subplots(), families_of(rows)
    for place, name in enumerate(names):
        for offset, (kind, marker) in enumerate(_KINDS.items()):
            own = [row for row in rows if row["family"] == name and row["network"] == kind]
            at, colour = [place + 0.25 * (offset - 1)] * len(own), LINES[offset]
            axis.plot(at, [row["of_stationarity"] for row in own], "_", ms=12, mew=1.5, color=MIDDLE, zorder=1)
            axis.plot(at, [row["slope"] for row in own], marker, ms=4, ls="", color=colour)
    for (kind, marker), colour in zip(_KINDS.items(), LINES, strict=False):
        axis.plot([], [], marker, ms=4, ls="", color=colour, label="as it is" if kind == "itself" else kind)
    axis.plot([], [], "_", ms=12, mew=1.5, color=MIDDLE, label="what stationarity alone gives")
    axis.axhline(0.5, color=MIDDLE, lw=0.6, ls=":", zorder=0)
    axis.set(ylabel="slope of drift on score")
    _name_places(axis, names)
    axis.legend(fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5))


def draw_relaxation(figure: Any, rows: Sequence[Row]) -> None:
    """Draw the correlation with the start, and the size of activity, over 20,000 steps of rest."""
    axes = figure.subplots(2, 2, squeeze=False)
    for column, (task, title) in enumerate(((SPATIAL, "the ring in the box"), (HEAD, "bearings"))):
        of_task = [row for row in rows if row["task"] == task]
        if not of_task:
            for axis in axes[:, column]:
                _say_so(axis)
            continue
        for place, (key, label) in enumerate(
            (("kept", "correlation with the start"), ("amplitude", "size of activity, over its start"))
        ):
            axis = axes[place, column]
            for name, look in looks(families_of(of_task)):
                own = [row for row in of_task if row["family"] == name and row["step"]]
                axis.plot(
                    [row["step"] for row in own], [row[key] for row in own], lw=0.8, label=name, **look | {"marker": ""}
                )
            for step in (200, 1000):
                axis.axvline(step, color=MIDDLE, lw=0.6, ls=":", zorder=0)
            axis.set(xscale="log", xlabel="step of rest, c = 2", ylabel=label, title=title)
            axis.set_xticks([100, 1000, 10_000], ["100", "1,000", "10,000"])
            if key == "amplitude":
                axis.set_yscale("log")
                sizes = [0.5, 2.0, *(row[key] for row in of_task if row["step"])]
                axis.set_ylim(min(sizes) / 1.1, max(sizes) * 1.1)
                _name_ticks(axis.yaxis, sizes)
            else:
                axis.axhline(0, color=MIDDLE, lw=0.6, zorder=0)
        axes[1, column].legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.25))


def draw_kicks(figure: Any, rows: Sequence[Row]) -> None:
    """Draw D along the manifold of pairs of trajectories against D from kicks, a mark a network, c and direction."""
    for axis, task, unit in zip(figure.subplots(1, 2), (SPATIAL, HEAD), ("mm²", "mrad²"), strict=True):
        of_task = [row for row in rows if row["task"] == task and row["measured"] > 0]
        axis.set_title("the ring in the box" if task == SPATIAL else "bearings")
        if not of_task:
            _say_so(axis)
            continue
        for name, look in looks(families_of(of_task)):
            for direction, filled in (("along", look["color"]), ("across", "white")):
                own = [row for row in of_task if row["family"] == name and row["direction"] == direction]
                kicked, found, errors = ([1e6 * row[key] for row in own] for key in ("kicked", "measured", "error"))
                axis.errorbar(
                    kicked, found, None, errors, fmt=look["marker"], ms=3, lw=0.8, color=look["color"], mfc=filled,
                    label=name if direction == "along" else None,
                )  # fmt: skip
        both = [1e6 * row[key] for row in of_task for key in ("kicked", "measured")]
        ends = [min(both) / 1.5, max(both) * 1.5]
        axis.plot(ends, ends, "--", color=GREY, lw=1, label="as predicted")
        axis.set(
            xscale="log", yscale="log", xlabel=f"D from kicks [{unit} per step]", ylabel=f"D/c of pairs [{unit} per step]"
        )
        for each in (axis.xaxis, axis.yaxis):
            _name_ticks(each, both)
        axis.set(xlim=ends, ylim=ends)
        axis.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.2))
