"""The tables of the page of the mechanism: verdicts and questions, missing networks, and checks of the measures."""

from collections.abc import Sequence
import math
from statistics import mean, stdev
from typing import Any

from paper.claims.chance import chances
from paper.claims.mechanism import Judged, pull_of
from paper.claims.theory import JUDGED
from paper.panels.theory import BOUNDS, Row
from paper.tables import Table
from paper.theory import ALONG, Part
from reactivation.analysis.results import LEVEL, confidence_interval

NOT_TRAINED, NOT_MEASURED = "not trained", "not measured"
_ABSENT = "–"
_INTERVAL = f"[{LEVEL:.0%} interval]"


def verdicts(judged: Sequence[Judged], planned: Sequence[Part]) -> Table:
    """Return the mechanism of each family, families with a measured network first; of others, whether one is trained."""
    trained = {part.family for part in planned if not part.is_lacking}

    def called(one: Judged) -> str:
        if one.networks:
            return one.ruling.verdict
        return NOT_MEASURED if one.family in trained else NOT_TRAINED

    rows = [
        [
            one.family,
            called(one),
            one.of_planned,
            *(_told(pull_of(one, c)) for c in JUDGED),
            _told([network.exponent for network in one.networks]),
            _told([network.brownian for network in one.networks]),
            one.ruling.reason if one.networks else _ABSENT,
        ]
        for one in sorted(judged, key=lambda one: not one.networks)
        if one.question == "mechanism"
    ]
    pulls = [f"α over the control's at c = {c:g} {_INTERVAL}" for c in JUDGED]
    return Table(["family", "mechanism", "networks", *pulls, f"exponent {_INTERVAL}", "α, Brownian inputs", "reason"], rows)


def measured_verdicts(judged: Sequence[Judged]) -> Table:
    """Return the mechanism of each family with a measured network."""
    return verdicts([one for one in judged if one.networks], ())


def conditions(rows: Sequence[Row]) -> Table:
    """Return the conditions on the places of rest, for each network and for the mean over a family."""
    keys = ("apart", "modes", "away", "uneven", "remembered", "starts_apart")
    told = [[_name(row), *(f"{row[key]:.3g}" for key in keys)] for row in rows]
    header = ["network", "starts apart", "modes at c = 2", "from home [m, rad]", "harmonic of the angle"]
    return Table([*header, "radii or bearings, correlation with the start", "exponents of two starts apart"], told)


def controls(rows: Sequence[Row]) -> Table:
    """Return means and standard deviations over the seeds of each control."""
    columns = list(dict.fromkeys(row["number"] for row in rows))
    told = []
    for (family,), own in _grouped(rows, "family"):
        values = {name: [row["value"] for row in each] for (name,), each in _grouped(own, "number")}
        told.append([family, *(_with_spread(values[name]) for name in columns)])
    return Table(["control", *columns], told)


def _with_spread(values: Sequence[float]) -> str:
    return f"{mean(values):.2f}" + (f" (SD {stdev(values):.2f})" if len(values) > 1 else "")


def gains(rows: Sequence[Row]) -> Table:
    """Return α, D/c, and the drift itself (α times 2 D/c) at each c; means over networks."""
    told = [
        [family, f"{c:g}", *(_mean_of(own, key) for key in ("alpha", "diffusion", "kicked", "pull"))]
        for (family, c), own in _grouped(rows, "family", "c")
    ]
    header = ["network", "c", "α", "D along the gradient over c, of pairs [m², rad²/step]", "D that kicks predict at c = 1"]
    return Table([*header, "drift over the slope of log p"], told)


def lacking(planned: Sequence[Part]) -> Table:
    """Return the networks that are still to be trained, with the command for each."""
    rows = {part.lacking: part.name.removesuffix(ALONG) for part in reversed(planned) if part.is_lacking}
    return Table([NOT_TRAINED, "what trains it"], [[name, command] for command, name in reversed(rows.items())])


def questions(judged: Sequence[Judged]) -> Table:
    """Return the further questions about each family with a measured network, and the answers."""
    rows = [
        [one.question, one.family, one.ruling.verdict, one.of_planned, one.ruling.reason]
        for one in judged
        if one.question != "mechanism" and one.networks
    ]
    return Table(["question", "family", "answer", "networks", "reason"], sorted(rows, key=lambda row: row[0]))


def chance(judged: Sequence[Judged]) -> Table:
    """Return how many verdicts could be wrong by chance, in each table of claims."""
    rows = [[one.what, str(one.verdicts), f"{one.wrong:.1f}"] for one in chances(judged)]
    return Table(["verdicts", "how many", "wrong by chance, at most"], rows)


def sensitivity(rows: Sequence[Row]) -> Table:
    """Return α under other choices, and the share of the drift that its line misses, means over the networks of a family."""
    choices = list(dict.fromkeys(row["choice"] for row in rows))
    told = []
    for (family, c), own in _grouped(rows, "family", "c"):
        by_choice = {row["choice"]: row["value"] for row in own}
        told.append([family, f"{c:g}", *(_number(by_choice.get(choice)) for choice in choices)])
    return Table(["α of", "c", *choices], told)


def metric(rows: Sequence[Row]) -> Table:
    """Return the part of α that is due to the metric of the manifold, means over the networks of a family."""
    told = [
        [family, f"{c:g}", *(_told([row[key] for row in own]) for key in ("slope", "alpha", "of_metric"))]
        for (family, c), own in _grouped(rows, "family", "c")
    ]
    return Table(["network", "c", f"d log √det g [1/unit] {_INTERVAL}", "α", "of which the metric makes"], told)


def nulls(rows: Sequence[Row]) -> Table:
    """Return measures of untrained and shuffled networks, each beside the network that it is made from."""
    told = [
        [
            _name(row),
            "as it is" if row["network"] == "itself" else row["network"],
            *(_with_error(row[f"alpha at c = {c:g}"], row[f"error at c = {c:g}"]) for c in JUDGED),
            _number(row["exponent"]),
            row["why"],
        ]
        for row in rows
    ]
    return Table(["network", "weights", *(f"α at c = {c:g}" for c in JUDGED), "exponent", "why not"], told)


def rests(rows: Sequence[Row]) -> Table:
    """Return numbers of long rests, network by network."""
    told = [
        [
            _name(row),
            _with_error(row["kept"], row["kept_error"]),
            str(row["half"] or "never"),
            *(_with_error(row[key], row[f"{key}_error"]) for key in ("growth", "direction")),
            _number(row["scale"]),
        ]
        for row in rows
    ]
    header = ["network", "positions, correlation with the start after 20,000 steps", "below a half from step"]
    last = ["growth in 1,000 steps", "direction in time, less chance", "scale symmetry broken by"]
    return Table([*header, *last], told)


def bounds(rows: Sequence[Row]) -> Table:
    """Return the loss, its bounds, and how often each step of the derivation holds, at each Δt; means over a family."""
    shares = ("split_holds", "approximated_holds", "l3_holds", "upper_holds", "loss_below_upper")
    told = [
        [
            family,
            f"{dt:g}",
            *(_mean_of(own, key) for key in BOUNDS),
            *(f"{mean(row[key] for row in own):.0%}" for key in shares),
        ]
        for (family, dt), own in _grouped(rows, "family", "dt")
    ]
    header = ["network", "Δt [s]", "L (3)", "L₂ (9)", "L₂ (11)", "L₃ (12)", "L_upper (13)"]
    return Table([*header, "7 ≤ 9", "9 ≤ 11", "11 ≤ 12", "12 ≤ 13", "3 ≤ 13"], told)


def assumptions(rows: Sequence[Row]) -> Table:
    """Return the numbers behind the assumptions of the derivation, means over the networks of a family."""
    keys = ("residual", "seen", "width", "nonstationary", "by_chance")
    told = [[family, *(_mean_of(own, key) for key in keys)] for (family,), own in _grouped(rows, "family")]
    header = ["network", "‖r − D†f(s)‖² over the variance of r", "share of r that the readout sees"]
    last = ["variance around D†f(s) over σ²Δt", "places at the first step against the last", "of which by chance"]
    return Table([*header, *last], told)


def choices(rows: Sequence[Row]) -> Table:
    """Return how measures other than α change with choices of their analysis, means over networks."""
    told = [
        [family, measure, "; ".join(f"{choice}: {_mean_of(own, 'value')}" for (choice,), own in _grouped(each, "choice"))]
        for (family, measure), each in _grouped(rows, "family", "measure")
    ]
    return Table(["network", "measure", "under each choice"], told)


def _mean_of(rows: Sequence[Row], key: str) -> str:
    """A mean over networks with its standard error: over networks, or for one network over its trajectories, if known."""
    known = [row for row in rows if row[key] is not None]
    if not known:
        return _ABSENT
    values = [row[key] for row in known]
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else known[0].get(f"{key}_error")
    return f"{mean(values):.3g}" + ("" if error is None else f" ± {error:.1g}")


def _grouped(rows: Sequence[Row], *keys: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Rows that agree in some columns, in the order of the first of each."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.items())


def _name(row: Row) -> str:
    return f"{row['family']}, seed {row['seed']}"


def _number(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.2g}"


def _with_error(value: float | None, error: float | None) -> str:
    return _number(value) if value is None or error is None else f"{value:.2g} ± {error:.2g}"


def _told(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return _ABSENT
    interval = confidence_interval(known)
    bounds = "" if interval is None else f" [{interval[0]:.2g}, {interval[1]:.2g}]"
    return f"{sum(known) / len(known):.2g}{bounds}"
