"""A network beside the recorded mouse: the same measures of waking, of rests of the network, and of sleep.

The network reports every 0.02 s and the mouse is decoded every 0.1 s, so every fifth step of the network is taken.
"""

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from paper.mouse import recorded_mouse
from paper.panels.base import Need, Panel, PanelTable
from paper.protocols import HEAD
from paper.study import Study
from reactivation.analysis.measures.kl import kl
from reactivation.analysis.recording import Recording
from reactivation.plotting.style import GREY, LINES, MIDDLE
from reactivation.replay import Found, dwell, exponent, pair_correlation, velocity_autocorrelation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUN = "noisy_unbiased"
_EVERY = 5
_SHARED = {"t_active": "500", "t_quiescent": "500", "batch_size": "100", "decoder": "template"}
_CHANGES = {  # of rest; noise variance at momentum's c = 2λ
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


@cache
def recordings(study: Study) -> dict[str, tuple[Recording, Recording]]:
    """Every recording by its label, with the waking that it is compared with.

    Raises:
        DamagedData: the network, or the recorded mouse, is not there.
    """
    mouse = recorded_mouse().decoded
    awake = _thinned(study.recording(HEAD, RUN, "active", study.seeds[0], **_SHARED))
    found = {"network, awake": (awake, awake)}
    for label, changes in _CHANGES.items():
        resting = study.recording(HEAD, RUN, "quiescent", study.seeds[0], **_SHARED, **changes)
        found[label] = (_thinned(resting), awake)
    return found | {f"mouse, {phase}": (one, mouse["awake"]) for phase, one in mouse.items()}


def _thinned(recording: Recording) -> Recording:
    thinned = slice(None, None, _EVERY)
    positions, rates = recording.positions[:, thinned], recording.rates[:, thinned]
    return Recording(positions, recording.dt * _EVERY, recording.space, rates)


def _curves(study: Study, measure: str) -> PanelTable:
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


def _draw_curves(ax: "Axes", table: PanelTable, label: str = "", logarithmic: bool = False) -> "Axes":
    """A line for each recording; dots of the other panels tell which is which."""
    names = np.asarray(table.columns["recording"])
    for name, (colour, line) in _LOOKS.items():
        rows = names == name
        lags, values, errors = (table[column][rows] for column in ("lag_s", "value", "standard_error"))
        ax.errorbar(lags, values, errors, color=colour, linestyle=line, label=name)
    if logarithmic:
        ax.loglog()
        for axis, ticks in ((ax.xaxis, (0.1, 0.2, 0.4, 0.8)), (ax.yaxis, (0.1, 0.2, 0.5, 1.0))):
            axis.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
            axis.set_ticks([], minor=True)
    ax.set_xlabel("lag [s]")
    ax.set_ylabel(label)
    return ax


def _values(study: Study, measure: str) -> PanelTable:
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
    if measure == "exponent":
        return exponent(one, rng=0)
    if measure == "dwell":
        return dwell(one, rng=0)
    beside: Any = {"kl": kl, "pairs": pair_correlation}[measure]
    return beside(one, awake, rng=0)


def _draw_values(ax: "Axes", table: PanelTable, label: str = "", named: bool = True) -> "Axes":
    """A dot with its standard error for each recording (filled: the network), over the range of its null in grey."""
    for row, (name, (colour, line)) in enumerate(_LOOKS.items()):
        ax.plot([table["null_low"][row], table["null_high"][row]], [row, row], color=MIDDLE, linewidth=4)
        error = np.nan_to_num(table["standard_error"][row])
        face = colour if line == "-" else "white"
        ax.errorbar(
            table["value"][row], row, xerr=error, fmt="o", color=colour, markerfacecolor=face, label=name, markersize=4
        )
    ax.set_yticks(range(len(_LOOKS)), list(_LOOKS) if named else [])
    ax.invert_yaxis()
    ax.set_xlabel(label)
    return ax


_NEEDS = (Need("network", f"{HEAD}/{RUN}"), Need("mouse", f"{HEAD}/{RUN}"))


def _of_lags(title: str, measure: str, label: str, logarithmic: bool = False) -> Panel:
    draw = partial(_draw_curves, label=label, logarithmic=logarithmic)
    return Panel(title, _NEEDS, partial(_curves, measure=measure), draw)


def _of_values(title: str, measure: str, label: str, named: bool = False) -> Panel:
    return Panel(title, _NEEDS, partial(_values, measure=measure), partial(_draw_values, label=label, named=named))


PANELS: dict[str, Panel] = {
    "Ma": _of_lags("distance", "distance", "mean distance [rad]", logarithmic=True),
    "Mb": _of_lags("direction of steps", "velocity", "autocorrelation"),
    "Mc": _of_values("exponent of distance", "exponent", "exponent", named=True),
    "Md": _of_values("from waking occupancy", "kl", "KL [nats]"),
    "Me": _of_values("time within π/6", "dwell", "median [s]", named=True),
    "Mf": _of_values("pairs of units", "pairs", "r with waking"),
}
