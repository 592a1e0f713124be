"""One function per kind of panel. Axes of arrays: K trajectories, T steps, P dimensions, n points, m networks' mean curves.

Every function takes the Axes first and the numbers as they are drawn, and returns the Axes. Colour scales, frames and bins
come with the numbers, so panels that belong together can share them.
"""

from collections.abc import Sequence
from itertools import pairwise
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reactivation.plotting.style import CYCLIC, DIVERGENCE, GREY, INK, LINES, LOOKS, MIDDLE, SEQUENTIAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

Array = NDArray[np.float64]
Frame = tuple[float, ...]  # left, right, bottom, top

_DECADE = 10.0  # the axis is logarithmic if the largest value is this many times the median
_DEEPEST = 1e-4  # share of the largest value; smaller values are drawn like 0
_NEAR = 0.1  # nats; smaller divergences have the same colour
_LEVELS = 8  # contours between 0 and the top of the scale
_PI_TICKS = {-math.pi: "−π", -math.pi / 2: "−π/2", 0.0: "0", math.pi / 2: "π/2", math.pi: "π"}


def trajectories(ax: "Axes", positions: Array, frame: Frame, labels: Sequence[str]) -> "Axes":
    """Paths through a plane space (Fig. 1d–e): a circle at the start, a triangle at the end.

    Args:
        positions: (K, T, 2).
        frame: the outermost walls.
        labels: of the axes, with units.
    """
    for path, colour in zip(positions, colours(len(positions)), strict=True):
        ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.8, alpha=0.85)
        for marker, point in (("o", path[0]), ("^", path[-1])):
            ax.plot(*point, marker, color=colour, markersize=5, markeredgecolor="white", markeredgewidth=0.6, zorder=3)
    return boxed(ax, frame, labels)


def density(
    ax: "Axes", x: Array, y: Array, values: Array, top: float, frame: Frame, labels: Sequence[str], walls: bool
) -> "Axes":
    """A density over a plane (Fig. 1h–k): image and contours on one scale from 0 to `top`.

    Args:
        x, y: (X), (Y), centres of the grid's cells.
        values: (Y, X).
        labels: of the axes, with units.
        walls: whether the frame is that of a box.
    """
    half_x, half_y = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    extent = (x[0] - half_x, x[-1] + half_x, y[0] - half_y, y[-1] + half_y)
    scale: dict[str, Any] = {"cmap": SEQUENTIAL, "vmin": 0.0, "vmax": top}
    ax.imshow(values, origin="lower", extent=extent, interpolation="bilinear", aspect="equal", **scale)
    levels = np.linspace(0, top, _LEVELS + 1)[1:-1]
    ax.contour(x, y, values, levels=levels, linewidths=0.5, alpha=0.6, **{**scale, "cmap": _white()})
    if walls:
        _wall_ticks(ax, frame)
    else:
        ax.locator_params(nbins=5)
    _frame(ax, frame, labels)
    return _outlined(ax)


def projection(
    ax: "Axes", points: Array, values: Array, limits: tuple[float, float], frame: Frame, cyclic: bool = False
) -> "Axes":
    """Activity in the plane of the first two waking components (Fig. 1f–g, 3c–d).

    Args:
        points: (n, 2) [a.u.].
        values: (n), which give the colours.
        limits: ends of the colour scale.
        cyclic: whether both ends of the scale are the same value.
    """
    # A cyclic map has colours near white and near black; only grey contrasts with both.
    ax.set_facecolor(MIDDLE if cyclic else "white")
    cmap = CYCLIC if cyclic else SEQUENTIAL
    scale: dict[str, Any] = {"cmap": cmap, "vmin": limits[0], "vmax": limits[1]}
    ax.scatter(points[:, 0], points[:, 1], c=values, s=2.5, linewidths=0, rasterized=True, **scale)
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    return _frame(ax, frame, ("PC 1 [a.u.]", "PC 2 [a.u.]"))


def learning(ax: "Axes", steps: Array, loss: Array, loss_sd: Array, error: Array, error_sd: Array, unit: str) -> "Axes":
    """Test loss (grey, left) and decoding error (black, right) while training (Fig. 1b); all (T), SD NaN for no band."""
    right = ax.twinx()
    for axes, mean, sd, colour, line in ((ax, loss, loss_sd, GREY, "--"), (right, error, error_sd, INK, "-")):
        axes.plot(steps, mean, color=colour, linestyle=line)
        axes.fill_between(steps, mean - sd, mean + sd, color=colour, alpha=0.3, linewidth=0)
        axes.set_ylim(0, None)
        axes.tick_params(axis="y", labelcolor=colour)
    right.spines["right"].set_visible(True)
    power = math.floor(math.log10(loss.max()))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value / 10.0**power:g}")
    ax.set_xlabel("training batches")
    ax.set_ylabel(f"test loss (dashed) [10$^{{{power}}}$]", color=GREY)
    right.set_ylabel(f"decoding error [{unit}]", color=INK)
    return ax


def explained_variance(ax: "Axes", curves: dict[str, tuple[Array, Array]]) -> "Axes":
    """Cumulative share of variance by number of components (Fig. 1c): phase → mean and SD (N), SD NaN for no band."""
    for phase, (mean, sd) in curves.items():
        look, count = LOOKS[phase], np.arange(1, len(mean) + 1)
        ax.plot(count, mean, color=look.colour, linestyle=look.line, label=look.name)
        ax.fill_between(count, mean - sd, mean + sd, color=look.colour, alpha=0.3, linewidth=0)
    ax.set_xscale("log")
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300) if tick <= len(count)]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xlim(1, len(count))
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("principal components")
    ax.set_ylabel("cumulative explained variance")
    ax.legend(loc="lower right")
    return ax


def chains(ax: "Axes", columns: dict[str, Sequence[str]]) -> "Axes":
    """Chains of parts, each acting on the next below (Fig. 1a): phase → labels of its parts, "" for an absent part."""
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    for (phase, parts), x in zip(columns.items(), (np.arange(len(columns)) + 0.5) / len(columns), strict=True):
        look, heights = LOOKS[phase], np.linspace(0.78, 0.06, len(parts))
        ax.text(x, 0.93, look.name, ha="center", color=look.colour, fontweight="bold")
        box: dict[str, Any] = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": look.colour}
        drawn = [
            ax.text(x, y, words, ha="center", va="center", fontsize=6.5, bbox=box) if words else None
            for y, words in zip(heights, parts, strict=True)
        ]
        for upper, lower in pairwise(drawn):
            if upper and lower:
                ends: dict[str, Any] = {"patchA": upper.get_bbox_patch(), "patchB": lower.get_bbox_patch()}
                arrow = {"arrowstyle": "->", **ends}
                ax.annotate("", lower.get_position(), upper.get_position(), arrowprops=arrow)
    return ax


def divergences(ax: "Axes", values: Array, rows: Sequence[str], columns: Sequence[str]) -> "Axes":
    """Divergence of resting (rows) from waking (columns) densities (Fig. 2e): (R, C) [nats], NaN where missing.

    Colours are logarithmic from 0.1 nats, so that they show ratios of divergences.
    """
    from matplotlib.colors import LogNorm

    top = float(np.nanmax(values, initial=1.0))
    image = ax.imshow(values, cmap=DIVERGENCE, norm=LogNorm(_NEAR, top, clip=True), aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        shown = f"{value:.2f}" if np.isfinite(value) else "–"
        colour = "white" if _luminance(image.to_rgba(np.array(value))) < 0.5 else INK
        ax.text(column, row, shown, ha="center", va="center", color=colour, fontsize=7)
    ax.set_xticks(range(len(columns)), columns, fontsize=6)
    ax.set_yticks(range(len(rows)), rows, fontsize=6)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("awake")
    ax.set_ylabel("rest")
    return ax


def boxes(
    ax: "Axes", values: Sequence[Array], labels: Sequence[str], phases: Sequence[str], label: str, dots: bool = False
) -> "Axes":
    """Box and whisker plots (Fig. 2f, C.4): median, quartiles, whiskers to 1.5 × the height of the box, outliers as dots.

    The y axis is logarithmic where the largest value is more than ten times the median.

    Args:
        values: one (n) per box.
        labels: one per box.
        phases: the phase of each box, for its colour.
        label: of the y axis, with unit.
        dots: show every value, if there are few.
    """
    drawn = ax.boxplot(
        list(values),
        tick_labels=list(labels),
        widths=0.6,
        patch_artist=True,
        medianprops={"color": INK, "linewidth": 1.2},
        showfliers=not dots,
        flierprops={"marker": ".", "markersize": 2, "markeredgecolor": GREY},
        boxprops={"linewidth": 0.6},
        whiskerprops={"linewidth": 0.6},
        capprops={"linewidth": 0.6},
    )
    for patch, phase in zip(drawn["boxes"], phases, strict=True):
        patch.set_facecolor(_soft(LOOKS[phase].colour))
    if dots:
        places = np.repeat(range(1, len(values) + 1), [len(v) for v in values])
        ax.plot(places, np.concatenate(values), linestyle="", marker="o", markersize=2.5, color=INK)
    _decades(ax, np.concatenate(values))
    ax.set_ylabel(label)
    return ax


def bearing_histogram(ax: "Axes", edges: Array, mean: Array, sd: Array, phase: str, top: float) -> "Axes":
    """How often each bearing is reported (Fig. 3a–b).

    Args:
        edges: (n + 1) [rad].
        mean, sd: (n), density over networks [1/rad]; SD NaN for no whiskers.
        top: of the y axis.
    """
    look, centres = LOOKS[phase], (edges[:-1] + edges[1:]) / 2
    ax.bar(edges[:-1], mean, np.diff(edges), align="edge", color=_soft(look.colour), edgecolor=look.colour, linewidth=0.4)
    if np.isfinite(sd).any():
        ax.errorbar(centres, mean, sd, fmt="none", ecolor=INK, elinewidth=0.6)
    ax.axhline(1 / (2 * math.pi), color=GREY, linestyle=":", linewidth=0.8)
    ax.set_ylim(0, top)
    ax.set_ylabel("density [1/rad]")
    return _bearing_axis(ax, "x", "decoded bearing [rad]")


def bearings(ax: "Axes", times: Array, positions: Array, phase: str) -> "Axes":
    """Bearings over time (Fig. C.5a–c): (T) [s], (T) [rad]; the line breaks where the bearing crosses ±π."""
    colour = LOOKS[phase].colour
    crossings = np.flatnonzero(np.abs(np.diff(positions)) > math.pi) + 1
    ax.plot(np.insert(times, crossings, np.nan), np.insert(positions, crossings, np.nan), color=colour, linewidth=0.9)
    for marker, end in (("o", 0), ("^", -1)):
        ax.plot(times[end], positions[end], marker, color=colour, markersize=5, clip_on=False, zorder=3)
    ax.set_xlim(0, times[-1])
    ax.set_xlabel("time [s]")
    return _bearing_axis(ax, "y", "decoded bearing [rad]")


def turns(ax: "Axes", edges: Array, values: Array, mean: float, beyond: float, phase: str, frame: Frame) -> "Axes":
    """How often each turn is made (Fig. C.5d–f), with the mean dashed.

    Args:
        edges: (n + 1) angular velocities [rad/s].
        values: (n), density over networks [s/rad].
        mean: angular velocity [rad/s].
        beyond: share of the turns outside the frame; written on the panel if at least 1 %.
    """
    look = LOOKS[phase]
    ax.stairs(values, edges, fill=True, color=_soft(look.colour), edgecolor=look.colour, linewidth=0.6)
    ax.axvline(mean, color=INK, linestyle="--", linewidth=0.9)
    note = f"mean {_number(mean, '.2f')} rad/s" + (f"\n{beyond:.0%} beyond" if beyond >= 0.01 else "")
    ax.text(0.03, 0.95, note, transform=ax.transAxes, ha="left", va="top", fontsize=7)
    return _frame(ax, frame, ("angular velocity [rad/s]", "density [s/rad]"))


def colour_bar(ax: "Axes", label: str) -> None:
    """Add a bar of the panel's colour scale at its right, as high as the panel, with the levels of its contours."""
    place = ax.inset_axes((1.05, 0, 0.06, 1))
    image, *contours = scaled(ax)
    bar = ax.figure.colorbar(image, cax=place)
    for lines in contours:
        bar.add_lines(lines)
    bar.set_label(label)
    if image.get_cmap().name == CYCLIC:
        bar.set_ticks(list(_PI_TICKS), labels=list(_PI_TICKS.values()))


def scaled(ax: "Axes") -> list[Any]:
    """The artists with a panel's colour scale: the image first, then contours or points."""
    return [artist for artist in (*ax.images, *ax.collections) if artist.get_array() is not None]


def letter(ax: "Axes", text: str) -> None:
    """A panel's letter, above the labels of its y axis."""
    ax.annotate(
        text,
        (0, 1),
        (-14, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        fontweight="bold",
        fontsize=10,
    )


def networks_note(ax: "Axes", count: int) -> None:
    """Say over how many networks a panel averages."""
    ax.set_title(f"n = {count}", loc="right", fontsize=7, color=GREY)


def boxed(ax: "Axes", frame: Frame, labels: Sequence[str]) -> "Axes":
    """Set up Axes for a plane space: its outline, ticks at its walls, equal scales."""
    left, right, bottom, top = frame
    ax.set_aspect("equal")
    margin = 0.02 * (right - left)
    _wall_ticks(ax, frame)
    _frame(ax, (left - margin, right + margin, bottom - margin, top + margin), labels)
    return _outlined(ax)


def _decades(ax: "Axes", values: Array) -> None:
    """Make the y axis of values ≥ 0 logarithmic if the largest is far above the median; 0 lies below all other values."""
    middle, top = float(np.median(values)), float(values.max())
    if top < _DECADE * middle:
        ax.set_ylim(-0.02 * top, 1.05 * top)
    elif values.min() > 0:
        ax.set_yscale("log")
    else:
        least = max(float(values[values > 0].min(initial=top)), _DEEPEST * top)
        ax.set_yscale("symlog", linthresh=10 ** math.floor(math.log10(least)) if top else 1.0)


def _outlined(ax: "Axes") -> "Axes":
    ax.spines[:].set_visible(True)
    return ax


def _wall_ticks(ax: "Axes", frame: Frame) -> None:
    for axis, (low, high) in ((ax.xaxis, frame[:2]), (ax.yaxis, frame[2:])):
        ticks = (low, (low + high) / 2, high)
        axis.set_ticks(ticks, labels=[_number(tick, "g") for tick in ticks])


def _frame(ax: "Axes", frame: Frame, labels: Sequence[str]) -> "Axes":
    ax.set_xlim(frame[0], frame[1])
    ax.set_ylim(frame[2], frame[3])
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    return ax


def _bearing_axis(ax: "Axes", which: str, label: str) -> "Axes":
    axis: Any = getattr(ax, f"{which}axis")
    axis.set_ticks(list(_PI_TICKS), labels=list(_PI_TICKS.values()))
    axis.set_label_text(label)
    getattr(ax, f"set_{which}lim")(-math.pi, math.pi)
    return ax


def _white() -> "Colormap":
    """A colour map that is all white: contours keep their levels and are visible on every other map."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(["white"])


def colours(count: int) -> list[str]:
    """One colour per trajectory."""
    return [LINES[k % len(LINES)] for k in range(count)]


def spread_colours(count: int) -> list[Any]:
    """That many different colours: those of lines, or a scale of lightness if these are too few."""
    from matplotlib import colormaps

    return list(LINES[:count]) if count <= len(LINES) else list(colormaps[SEQUENTIAL](np.linspace(0, 0.9, count)))


def _number(value: float, form: str) -> str:
    """A number as text, with a minus sign instead of a hyphen."""
    return f"{value:{form}}".replace("-", "−")


def _luminance(rgba: Any) -> float:
    return float(np.dot(rgba[:3], (0.299, 0.587, 0.114)))


def _soft(colour: str) -> tuple[float, float, float, float]:
    from matplotlib.colors import to_rgba

    return to_rgba(colour, 0.55)
