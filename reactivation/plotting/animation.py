"""Animations of waking and resting trajectories, side by side; they need no program beside Python."""

from collections.abc import Mapping
import io
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reactivation.plotting.drawing import boxed, colours
from reactivation.plotting.style import GREY, LOOKS
from reactivation.world.spaces import Space

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

_SCREEN = 90  # dots per inch: all frames together are a few MB
_COLOURS = 16  # colours of an animated picture
_STRIDE = 2  # steps from frame to frame
_TAIL = 15  # steps that stay visible behind a position


def animate(positions: Mapping[str, Array], dt: float, space: Space, slower: float = 2.0) -> "FuncAnimation":
    """Trajectories with their latest steps, one pair of Axes per phase; the shortest phase gives the length.

    Args:
        positions: phase → (K, T, P) [unit of the space].
        dt: time step [s].
        space: a plane or a circle, whose positions are drawn on the unit circle.
        slower: factor by which it is slower than real time.
    """
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure

    page = Figure(figsize=(2.6 * len(positions), 2.8), layout="constrained")
    axes = page.subplots(1, len(positions), squeeze=False)[0]
    drawn = [_Moving(ax, path, phase, space) for ax, (phase, path) in zip(axes, positions.items(), strict=True)]
    steps = min(path.shape[1] for path in positions.values())
    page.suptitle("0.0 s")
    page.draw_without_rendering()
    page.set_layout_engine("none")  # laid out once: a layout for every frame would take most of the time

    def show(step: int) -> list[Any]:
        page.suptitle(f"{step * dt:.1f} s")
        return [artist for moving in drawn for artist in moving.show(step)]

    return FuncAnimation(page, show, frames=range(0, steps, _STRIDE), interval=1000 * dt * slower * _STRIDE)


def to_html(film: "FuncAnimation") -> str:
    """An HTML page that plays the animation and holds every frame."""
    from matplotlib import rc_context

    with rc_context({"savefig.dpi": _SCREEN}):
        page: str = film.to_jshtml()
    return page


def to_gif(film: "FuncAnimation") -> bytes:
    """An animated GIF; all frames share a few colours, so that it is small."""
    from PIL import Image, ImageSequence

    with TemporaryDirectory() as folder:
        file = Path(folder) / "film.gif"
        film.save(file, writer="pillow", dpi=_SCREEN)
        with Image.open(file) as whole:
            frames, lasting = [frame.convert("RGB") for frame in ImageSequence.Iterator(whole)], whole.info["duration"]
    palette = frames[-1].quantize(_COLOURS)  # the last frame shows all colours
    first, *others = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    content = io.BytesIO()
    first.save(content, "GIF", save_all=True, append_images=others, duration=lasting, loop=0, optimize=True)
    return content.getvalue()


class _Moving:
    """The trajectories of one phase on their Axes."""

    def __init__(self, ax: "Axes", paths: Array, phase: str, space: Space):
        self._paths: Array = space.embed(paths)
        ax.set_title(LOOKS[phase].name)
        if space.compass:
            self._paths *= np.linspace(1, 0.8, len(paths))[:, None, None]  # each circle a little within the previous one
            _compass(ax, space.compass)
        else:
            boxed(ax, space.frame, space.labels)
        shades = colours(len(paths))
        self._tails = [ax.plot([], [], color=shade, linewidth=1, alpha=0.7)[0] for shade in shades]
        self._heads = [ax.plot([], [], "o", color=shade, markersize=5)[0] for shade in shades]

    def show(self, step: int) -> list[Any]:
        """Draw the positions at a step; returns what changed."""
        for path, tail, head in zip(self._paths, self._tails, self._heads, strict=True):
            tail.set_data(*path[max(0, step - _TAIL) : step + 1].T)
            head.set_data(*path[step : step + 1].T)
        return [*self._tails, *self._heads]


def _compass(ax: "Axes", marks: Mapping[float, str]) -> None:
    angles = np.linspace(-math.pi, math.pi, 181)
    ax.plot(np.cos(angles), np.sin(angles), color=GREY, linewidth=0.6)
    for bearing, mark in marks.items():
        ax.text(1.2 * math.cos(bearing), 1.2 * math.sin(bearing), mark, ha="center", va="center", fontsize=7)
    ax.set_xlim(-1.4, 1.4)
    ax.set_ylim(-1.4, 1.4)
    ax.set_aspect("equal")
    ax.set_axis_off()
