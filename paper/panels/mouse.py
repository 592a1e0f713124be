"""Movement awake, at rest and in sleep: a head-direction network beside the recorded mouse, and a spatial network alone.

The head-direction network is decoded every 0.02 s, the mouse every 0.1 s, so every fifth step of the network is taken.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from paper.mouse import recorded_mouse
from paper.panels.base import Need, Panel, PanelTable
from paper.protocols import HEAD, SPATIAL
from paper.study import Study
from reactivation.analysis.measures.kl import kl
from reactivation.analysis.recording import Recording
from reactivation.plotting.style import GREY, LINES, MIDDLE
from reactivation.replay import Found, coverage, diffusion, dwell, exponent, pair_correlation, velocity_autocorrelation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUN = "noisy_unbiased"
_EVERY = 5
_SHARED = {"t_active": "500", "t_quiescent": "500", "batch_size": "100", "decoder": "template"}
_IN_SPACE = {"t_active": "200", "t_quiescent": "200", "batch_size": "200", "decoder": "template"}
_CHANGES = {  # modifiers of rest; with momentum, c = 2λ
    "network, rest": {},
    "network, adaptation": {"adaptation.gain": "0.3", "adaptation.tau": "0.16"},
    "network, momentum": {"momentum.friction": "0.7", "variance_gain": "1.4"},
}
_LOOKS = {  # colour and line; waking is black, the mouse is dashed
    "network, awake": (LINES[0], "-"),
    "network, rest": (LINES[1], "-"),
    "network, adaptation": (LINES[3], "-"),
    "network, momentum": (LINES[4], "-"),
    "mouse, awake": (LINES[0], "--"),
    "mouse, REM sleep": (LINES[2], "--"),
    "mouse, slow-wave sleep": (GREY, "--"),
}

Recordings = Callable[[Study], Mapping[str, tuple[Recording, Recording]]]  # label → a recording, and waking beside it


@cache
def in_space(study: Study) -> dict[str, tuple[Recording, Recording]]:
    """Return waking and rests of a spatial network by label, each with the waking that it is compared with.

    Raises:
        DamagedData: the network is missing.
    """
    seed = study.seeds[0]
    awake = study.recording(SPATIAL, RUN, "active", seed, **_IN_SPACE)
    rests = {label: study.recording(SPATIAL, RUN, "quiescent", seed, **_IN_SPACE, **one) for label, one in _CHANGES.items()}
    return {"network, awake": (awake, awake), **{label: (one, awake) for label, one in rests.items()}}


@cache
def beside_the_mouse(study: Study) -> dict[str, tuple[Recording, Recording]]:
    """Return recordings of the network and the mouse by label, each with the waking that it is compared with.

    Raises:
        DamagedData: the network, or the recorded mouse, is missing.
    """
    mouse = recorded_mouse().decoded
    awake = study.recording(HEAD, RUN, "active", study.seeds[0], **_SHARED)[::_EVERY]
    found = {"network, awake": (awake, awake)}
    for label, changes in _CHANGES.items():
        resting = study.recording(HEAD, RUN, "quiescent", study.seeds[0], **_SHARED, **changes)
        found[label] = (resting[::_EVERY], awake)
    return found | {f"mouse, {phase}": (one, mouse["awake"]) for phase, one in mouse.items()}


def _curves(study: Study, recordings: Recordings, measure: str) -> PanelTable:
    """A measure over lags, a row for each lag of each recording."""
    measured = {"distance": exponent, "velocity": velocity_autocorrelation}[measure]
    found = {label: measured(one, rng=0) for label, (one, _) in recordings(study).items()}
    return PanelTable(
        {
            "recording": np.concatenate([[label] * len(one.at) for label, one in found.items()]),
            "lag_s": np.concatenate([one.at for one in found.values()]),
            "value": np.concatenate([one.curve for one in found.values()]),
            "standard_error": np.concatenate([_errors(one) for one in found.values()]),
        }
    )


def _errors(found: Found) -> np.ndarray:
    return np.full(len(found.at), np.nan) if found.curve_errors is None else found.curve_errors


_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def _draw_curves(ax: "Axes", table: PanelTable, label: str = "", logarithmic: bool = False) -> "Axes":
    """Draw a line for each recording; the labels stand at the dots of the other panels."""
    names = np.asarray(table.columns["recording"])
    for name in dict.fromkeys(names.tolist()):
        (colour, line), rows = _LOOKS[name], names == name
        lags, values, errors = (table[column][rows] for column in ("lag_s", "value", "standard_error"))
        ax.errorbar(lags, values, errors, color=colour, linestyle=line, label=name)
    if logarithmic:
        ax.loglog()
        lags = np.unique(table["lag_s"])[[0, 1, 3, 7]]
        for axis, ticks in ((ax.xaxis, lags), (ax.yaxis, [t for t in _TICKS if ax.get_ylim()[0] < t < ax.get_ylim()[1]])):
            axis.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
            axis.set_ticks([], minor=True)
    ax.set_xlabel("lag [s]")
    ax.set_ylabel(label)
    return ax


def _values(study: Study, recordings: Recordings, measure: str) -> PanelTable:
    """The value of a measure, a row for each recording, with its standard error and the ends of its null."""
    found = {label: _value(measure, one, awake) for label, (one, awake) in recordings(study).items()}
    nulls = [getattr(one, "null", None) for one in found.values()]
    return PanelTable(
        {
            "recording": np.array(list(found)),
            "value": np.array([one.value for one in found.values()]),
            "standard_error": np.array([one.standard_error for one in found.values()], dtype=float),
            "null_low": np.array([np.nan if null is None else null.low for null in nulls]),
            "null_high": np.array([np.nan if null is None else null.high for null in nulls]),
        }
    )


def _value(measure: str, one: Recording, awake: Recording) -> Any:
    alone: dict[str, Callable[..., Found]] = {
        "exponent": exponent,
        "dwell": dwell,
        "diffusion": diffusion,
        "coverage": coverage,
    }
    if measure in alone:
        return alone[measure](one, rng=0)
    beside: Any = {"kl": kl, "pairs": pair_correlation}[measure]
    return beside(one, awake, rng=0)


def _draw_values(ax: "Axes", table: PanelTable, label: str = "", named: bool = True) -> "Axes":
    """Draw a dot with its standard error for each recording (filled: the network), over the range of its null in grey."""
    names = np.asarray(table.columns["recording"]).tolist()
    for row, name in enumerate(names):
        colour, line = _LOOKS[name]
        ax.plot([table["null_low"][row], table["null_high"][row]], [row, row], color=MIDDLE, linewidth=4)
        error = np.nan_to_num(table["standard_error"][row])
        face = colour if line == "-" else "white"
        ax.errorbar(
            table["value"][row], row, xerr=error, fmt="o", color=colour, markerfacecolor=face, label=name, markersize=4
        )
    ax.set_yticks(range(len(names)), names if named else [])
    ax.invert_yaxis()
    ax.set_xlabel(label)
    return ax


_NEEDS: dict[Recordings, tuple[Need, ...]] = {
    beside_the_mouse: (Need("network", f"{HEAD}/{RUN}"), Need("mouse", f"{HEAD}/{RUN}")),
    in_space: (Need("network", f"{SPATIAL}/{RUN}"),),
}


def _of_lags(recordings: Recordings, title: str, measure: str, label: str, logarithmic: bool = False) -> Panel:
    draw = partial(_draw_curves, label=label, logarithmic=logarithmic)
    return Panel(title, _NEEDS[recordings], partial(_curves, recordings=recordings, measure=measure), draw)


def _of_values(recordings: Recordings, title: str, measure: str, label: str, named: bool = False) -> Panel:
    gather = partial(_values, recordings=recordings, measure=measure)
    return Panel(title, _NEEDS[recordings], gather, partial(_draw_values, label=label, named=named))


PANELS: dict[str, Panel] = {
    "Ma": _of_lags(beside_the_mouse, "distance", "distance", "mean distance [rad]", logarithmic=True),
    "Mb": _of_lags(beside_the_mouse, "direction of steps", "velocity", "autocorrelation"),
    "Mc": _of_values(beside_the_mouse, "exponent of distance", "exponent", "exponent", named=True),
    "Md": _of_values(beside_the_mouse, "from waking occupancy", "kl", "KL [nats]"),
    "Me": _of_values(beside_the_mouse, "time within π/6", "dwell", "median [s]", named=True),
    "Mf": _of_values(beside_the_mouse, "pairs of units", "pairs", "r with waking"),
    "Ra": _of_lags(in_space, "distance", "distance", "mean distance [m]", logarithmic=True),
    "Rb": _of_lags(in_space, "direction of steps", "velocity", "autocorrelation"),
    "Rc": _of_values(in_space, "exponent of distance", "exponent", "exponent", named=True),
    "Rd": _of_values(in_space, "diffusion", "diffusion", "D [m²/s]"),
    "Re": _of_values(in_space, "from uniform occupancy", "coverage", "divergence [nats]", named=True),
    "Rf": _of_values(in_space, "time within 0.2 m", "dwell", "median [s]"),
}
