"""Every panel of the paper by its key: title, data, and the functions that gather and draw its table.

The modules have the kinds of panels, each as two functions. `kind` gathers a table from a `Study`: the content of the
panel's CSV file, tidy and with units. `draw_kind` draws that table on Axes. A table is made from recordings of one network
(`examples`, `clouds`), or from several, as mean and standard deviation over networks (`measures`, `circle`).

Axes of arrays: K trajectories, T steps, P dimensions, n points, M networks.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from paper.panels import circle, clouds, examples, measures, schematic
from paper.panels.base import Need, Panel, PanelTable
from paper.protocols import DOUBLED, GATED, HEAD, NOT_DOUBLED, SPATIAL, Condition

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNBIASED, BIASED = (DOUBLED.noisy(bias) for bias in ("unbiased", "biased"))


class Kind(NamedTuple):
    """The two functions of a kind of panel."""

    gather: Callable[..., PanelTable]
    draw: "Callable[[Axes, PanelTable], Axes]"
    bar: str = ""  # label of its colour bar


PATHS = Kind(examples.paths, examples.draw_paths)
BEARINGS = Kind(examples.bearings, examples.draw_bearings)
OCCUPANCY = Kind(clouds.occupancy, clouds.draw_occupancy, "density [1/m²]")
PLANE_OCCUPANCY = Kind(clouds.plane_occupancy, clouds.draw_plane_occupancy, "density [1/a.u.²]")
PLACES = Kind(clouds.cloud, clouds.draw_cloud, "from the centre [m]")
RING = Kind(clouds.cloud, clouds.draw_cloud, "decoded bearing [rad]")
HISTOGRAM = Kind(circle.bearing_histogram, circle.draw_bearing_histogram)
TURNS = Kind(circle.turns, circle.draw_turns)
DIVERGENCES = Kind(measures.divergences, measures.draw_divergences, "nats, logarithmic")
SMOOTHNESS = Kind(measures.smoothness, measures.draw_smoothness)


def _panel(need: Need, title: str, kind: Kind, scale: str = "", **which: Any) -> Panel:
    return Panel(title, (need,), partial(kind.gather, **which), kind.draw, kind.bar, scale)


def _shown(title: str, kind: Kind, run: str, phase: str, scale: str = "", **changes: str) -> Panel:
    """A panel of one spatial network in one phase."""
    return _panel(Need("network", f"{SPATIAL}/{run}"), title, kind, scale, run=run, phase=phase, **changes)


def _cloud(title: str, kind: Kind, task: str, phase: str) -> Panel:
    which = {"task": task, "run": UNBIASED, "phase": phase}
    return _panel(Need("network", f"{task}/{UNBIASED}"), title, kind, f"plane {task}", **which)


def _bearings(title: str, run: str, phase: str, steps: int) -> Panel:
    """A panel of the decoded bearings of one head-direction network over time."""
    return _panel(Need("network", f"{HEAD}/{run}"), title, BEARINGS, run=run, phase=phase, steps=steps)


def _results(title: str, kind: Kind, protocol: str, **which: str) -> Panel:
    """A panel of a protocol's results, over all networks that have them."""
    return _panel(Need("results", protocol), title, kind, **which)


def _paths_and_densities(condition: Condition) -> dict[str, Panel]:
    """Fig. C.1 and C.2: trajectories, then densities, of networks trained on the unbiased and on the biased task."""
    figure = condition.figure.replace(".", "")
    found, letters = {}, iter("abcdefgh")
    for kind in (PATHS, OCCUPANCY):
        for bias in ("unbiased", "biased"):
            for phase, word in (("active", "awake"), ("quiescent", "rest")):
                # Waking ignores the settings of rest, but a density needs them, since it shares a scale with rest's.
                changes = condition.changes if kind is OCCUPANCY or phase == "quiescent" else {}
                found[f"{figure}{next(letters)}"] = _shown(
                    f"{word}, {bias}", kind, condition.noisy(bias), phase, f"{figure} {bias}", **changes
                )
    return found


PANELS: dict[str, Panel] = {
    "1a": Panel("network and phases", (), schematic.parts, schematic.draw_parts),
    "1b": _panel(
        Need("training", f"{SPATIAL}/{UNBIASED}"),
        "learning",
        Kind(measures.learning, measures.draw_learning),
        run=UNBIASED,
    ),
    "1c": _results(
        "explained variance",
        Kind(measures.explained_variance, measures.draw_explained_variance),
        "manifold",
        run=UNBIASED,
    ),
    "1d": _shown("awake", PATHS, UNBIASED, "active"),
    "1e": _shown("rest", PATHS, UNBIASED, "quiescent"),
    "1f": _cloud("awake", PLACES, SPATIAL, "active"),
    "1g": _cloud("rest", PLACES, SPATIAL, "quiescent"),
    "1h": _shown("awake", OCCUPANCY, UNBIASED, "active", "1hi"),
    "1i": _shown("rest", OCCUPANCY, UNBIASED, "quiescent", "1hi"),
    "1j": _shown("awake", PLANE_OCCUPANCY, UNBIASED, "active", "1jk"),
    "1k": _shown("rest", PLANE_OCCUPANCY, UNBIASED, "quiescent", "1jk"),
    "2a": _shown("awake, biased", PATHS, BIASED, "active"),
    "2b": _shown("rest, biased", PATHS, BIASED, "quiescent"),
    "2c": _shown("awake, biased", OCCUPANCY, BIASED, "active", "2cd"),
    "2d": _shown("rest, biased", OCCUPANCY, BIASED, "quiescent", "2cd"),
    "2e": _results("KL(rest ‖ awake)", DIVERGENCES, "kl"),
    "2f": _results("exploration at rest", Kind(measures.exploration, measures.draw_exploration), "variance"),
    "3a": _results("awake", HISTOGRAM, "transitions", run=UNBIASED, phase="active"),
    "3b": _results("rest", HISTOGRAM, "transitions", run=UNBIASED, phase="quiescent"),
    "3c": _cloud("awake", RING, HEAD, "active"),
    "3d": _cloud("rest", RING, HEAD, "quiescent"),
    **_paths_and_densities(NOT_DOUBLED),
    **_paths_and_densities(GATED),
    "C3a": _shown("trained with noise,\nrest with noise, unbiased", PATHS, UNBIASED, "quiescent"),
    "C3b": _shown("trained with noise,\nrest with noise, biased", PATHS, BIASED, "quiescent"),
    "C3c": _shown("trained without,\nrest without, unbiased", PATHS, "no-noise_unbiased", "quiescent"),
    "C3d": _shown("trained without,\nrest without, biased", PATHS, "no-noise_biased", "quiescent"),
    "C3e": _shown("trained without,\nrest with noise, unbiased", PATHS, "no-noise_unbiased", "quiescent_noisy"),
    "C3f": _shown("trained without,\nrest with noise, biased", PATHS, "no-noise_biased", "quiescent_noisy"),
    "C4a": _results("unbiased", SMOOTHNESS, "distance", bias="unbiased"),
    "C4b": _results("biased", SMOOTHNESS, "distance", bias="biased"),
    "C5a": _bearings("awake, biased", BIASED, "active", steps=50),
    "C5b": _bearings("rest, biased", BIASED, "quiescent", steps=500),
    "C5c": _bearings("rest, unbiased", UNBIASED, "quiescent", steps=500),
    "C5d": _results("awake, biased", TURNS, "transitions", run=BIASED, phase="active"),
    "C5e": _results("rest, biased", TURNS, "transitions", run=BIASED, phase="quiescent"),
    "C5f": _results("rest, unbiased", TURNS, "transitions", run=UNBIASED, phase="quiescent"),
}
