"""The tables behind the figures on the mechanism: one row a point, made from result files only.

Networks of tag=theory are shown by family. A number of a family is the mean over its networks, with the standard error over
networks if there are at least two. Controls are shown as families of their own.
"""

from collections.abc import Iterator, Sequence
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from paper.claims.mechanism import HOME_AT, controls_of, network_of, pulls
from paper.claims.theory import JUDGED, direction_in_time, is_relaxed
from paper.protocols import HEAD, SPATIAL
from paper.theory import (
    CONTROL_SEEDS,
    CONTROLS,
    FAMILIES,
    LAST,
    Family,
    control_name,
    control_settings,
    counted,
    family_settings,
    found,
)
from reactivation.machine.numbers import or_nan
from reactivation.world.spaces import Box, Circle

if TYPE_CHECKING:
    from reactivation.theory.course import Course

_EVERY = 500  # steps of a long rest between those that are shown, after the first so many
_ASSUMED = ("residual", "seen", "width", "nonstationary")
BOUNDS = ("loss", "split", "approximated", "l3", "upper")
_WITH_CHOICES = {  # measure → where it stands
    "direction in time, less chance": "relaxation",
    "D that kicks predict": "diffusion",
    "‖r − D†f(s)‖² over the variance of r": "bound",
}
_KICKED = (0.5, 2.0)  # c of pairs that kicks are held against
MISSED = "drift that the line misses"  # a share, listed among the choices of the analysis of α
SHOWN = (0.0, 0.5, 2.0, 4.0, 8.0)  # c of the table of drift
Row = dict[str, Any]
Result = dict[str, Any]


class Measured(NamedTuple):
    """The measurements of the networks of a family, or of a control."""

    name: str
    task: str
    results: tuple[Result, ...]
    planned: int
    is_null: bool = False
    is_control: bool = False

    @property
    def label(self) -> str:
        if self.is_control:
            return self.name
        return f"{'null: ' if self.is_null else ''}{self.name} ({len(self.results)} of {self.planned})"


def measured(path: str, task: str) -> list[Measured]:
    """Return the controls of a task, then its families, leaving out those without a measurement."""
    return [one for one in (*_controls(path, task), *_families(path, task)) if one.results]


def _controls(path: str, task: str) -> Iterator[Measured]:
    for name in CONTROLS:
        each = (found(control_settings(path, task, name, seed)) for seed in CONTROL_SEEDS)
        yield Measured(
            control_name(name, task),
            task,
            tuple(one for one in each if one),
            len(CONTROL_SEEDS),
            is_control=True,
        )


def _families(path: str, task: str) -> Iterator[Measured]:
    for family in FAMILIES:
        if family.task == task:
            each = (found(family_settings(path, family, seed)) for seed in counted(path, family))
            results = tuple(one for one in each if one)
            yield Measured(family.name, task, results, len(family.seeds), is_null=family.null is None)


def drift_table(path: str) -> list[Row]:
    """Return radial velocity less the drift due to spreading, and that of Langevin sampling: a row a family, c and bin.

    `fitted` is the number of networks whose α was fitted to the bin.
    """
    rows = []
    for one in measured(path, SPATIAL):
        for gain in SHOWN:
            fits = [fit for result in one.results for fit in result["drift"]["still"]["fits"] if fit["gain"] == gain]
            for number in range(len(fits[0]["place"]) if fits else 0):
                known = [(fit, found) for fit in fits if (found := _bin(fit, number))]
                bins = [found for _, found in known]
                if bins:
                    place, velocity, error, predicted = (_mean([each[key] for each in bins]) for key in range(4))
                    scatter = _error([each[1] for each in bins]) if len(bins) > 1 else error
                    rows.append(
                        {
                            "family": one.label, "c": gain, "radius": place, "velocity": velocity, "error": scatter,
                            "predicted": predicted, "networks": len(bins),
                            "fitted": sum(_is_fitted(fit, SPATIAL)[number] for fit, _ in known),
                        }
                    )  # fmt: skip
    return rows


def _bin(fit: Result, number: int) -> tuple[float, ...]:
    """Place, velocity less the drift due to spreading, its error, prediction; () where a bin has no pairs."""
    place, velocity, spread, error, predicted = (
        fit[key][number] for key in ("place", "velocity", "spread_drift", "velocity_error", "predicted")
    )
    return () if None in (place, velocity, spread, error, predicted) else (place, velocity - spread, error, predicted)


def _is_fitted(fit: Result, task: str) -> list[bool]:
    """Return which bins α was fitted to: those in the window whose velocity has an error."""
    near = _course(task).is_fitted(np.array([or_nan(place) for place in fit["place"]]))
    return [bool(one and error) for one, error in zip(near, fit["velocity_error"], strict=True)]


def width_table(path: str, task: str) -> list[Row]:
    """Return the width of rest against c, the exponent, and whether rest had forgotten its start: a row a network and c."""
    return [
        {
            "family": one.label, "seed": result["settings"]["seed"], "c": gain, "width": width,
            "exponent": result["tempering"]["value"],
            "is_relaxed": is_relaxed([network_of(task, result["settings"]["seed"], result, None)]),
        }
        for one in measured(path, task)
        for result in one.results
        for gain, width in zip(result["tempering"]["gains"], result["tempering"]["widths"], strict=True)
    ]  # fmt: skip


def conditions_table(path: str) -> list[Row]:
    """Return the numbers behind conditions on places of rest, for families that are judged: a row a network."""
    rows = []
    for one in (one for task in (SPATIAL, HEAD) for one in measured(path, task)):
        for result in () if one.is_null or one.is_control else one.results:
            still, tempered = result["drift"]["still"], result["tempering"]
            homes = dict(zip(tempered["gains"], tempered["homes"], strict=True))
            rows.append(
                {
                    "family": one.label, "seed": result["settings"]["seed"],
                    "apart": next(fit["spread"] for fit in still["fits"] if fit["gain"] == 0), **homes[HOME_AT],
                    "remembered": max(tempered["remembered"]),
                    "starts_apart": tempered["of_starts"][0] - tempered["of_starts"][1],
                }
            )  # fmt: skip
    return rows


def controls_table(path: str) -> list[Row]:
    """Return the numbers of controls that the rules check: a row a control and number."""
    rows = []
    for one in (one for task in (SPATIAL, HEAD) for one in measured(path, task) if one.is_control):
        for result in one.results:
            fits = {fit["gain"]: fit["alpha"] for fit in result["drift"]["still"]["fits"]}
            numbers = {f"α at c = {c:g}": fits[c] for c in JUDGED} | {"exponent": result["tempering"]["value"]}
            still = (fit for fit in result["drift"]["still"]["fits"] if fit["gain"] == JUDGED[-1])
            numbers |= {f"{MISSED}, c = {JUDGED[-1]:g}": missed(fit, one.task) for fit in still}
            rows += [{"family": one.label, "number": name, "value": value} for name, value in numbers.items()]
    return rows


def gains_table(path: str) -> list[Row]:
    """Return α, D along the gradient over c, and the drift itself, without null families: a row a network and c."""
    return [
        {
            "family": one.label, "seed": result["settings"]["seed"], "c": fit["gain"], "alpha": fit["alpha"],
            "diffusion": fit["diffusion"] / fit["gain"] if fit["gain"] else None,
            "kicked": result["diffusion"]["value"],
            "pull": None if fit["alpha"] is None else 2 * fit["alpha"] * diffusion_over_gain(fit, result),
        }
        for task in (SPATIAL, HEAD)
        for one in measured(path, task) if not one.is_null or one.is_control
        for result in one.results
        for fit in result["drift"]["still"]["fits"]
    ]  # fmt: skip


def inputs_table(path: str) -> list[Row]:
    """Return α on the circle for each kind of inputs, at c = 1 (still: at the c nearest to 1): a row a network with an α."""
    rows = []
    for one in measured(path, HEAD):
        for result in one.results:
            for inputs, drift in result["drift"].items():
                fit = min(drift["fits"], key=lambda fit: abs(math.log2(fit["gain"] or 1e-9)))
                if fit["alpha"] is None:
                    continue
                rows.append(
                    {
                        "family": one.label, "is_null": one.is_null, "seed": result["settings"]["seed"], "inputs": inputs,
                        "alpha": fit["alpha"], "error": fit["standard_error"],
                    }
                )  # fmt: skip
    return rows


def training_table(path: str) -> list[Row]:
    """Return α over the control's at c = 0 along training: a row a family and step; on the circle, the last 20 are one."""
    rows = []
    for family in FAMILIES:
        by_step = pulls(path, family, controls_of(path, family.task)) if family.followed else {}
        for step, values in (_last_as_one(by_step) if family.task == HEAD else by_step).items():
            known = [value for value in values if math.isfinite(value)]
            rows.append(
                {
                    "family": _label_of(family, len(values)), "task": family.task, "step": step, "networks": len(known),
                    "pull": _mean(known) if known else None, "error": _error(known) if len(known) > 1 else None,
                }
            )  # fmt: skip
    return rows


def _last_as_one(by_step: dict[int, list[float]]) -> dict[int, list[float]]:
    """Replace the last checkpoints by their mean, which the rules use, network by network."""
    steps = sorted(by_step)
    if not steps:
        return {}
    of_networks = zip(*(by_step[step] for step in steps[-LAST:]), strict=True)
    return {step: by_step[step] for step in steps[:-LAST]} | {steps[-1]: [_mean([*values]) for values in of_networks]}


def _label_of(family: Family, count: int) -> str:
    return f"{'' if family.null else 'null: '}{family.name} ({count} of {len(family.seeds)})"


def score_table(path: str) -> list[Row]:
    """Return the slope of drift on score, and that of stationarity alone: a row a network, itself untrained and shuffled."""
    return [
        {
            "family": one.label, "seed": result["settings"]["seed"], "network": twin, "slope": score["value"],
            "of_stationarity": score["of_stationarity"],
        }
        for task in (SPATIAL, HEAD)
        for one in measured(path, task)
        for result in one.results
        for twin, score in result["scores"].items()
    ]  # fmt: skip


def kicks_table(path: str) -> list[Row]:
    """Return the D that kicks predict at c = 1, and D of pairs over c: a row a network, c and direction."""
    rows = []
    for task in (SPATIAL, HEAD):
        for one in measured(path, task):
            for result in one.results:
                kicked = result["diffusion"]
                for fit in result["drift"]["still"]["fits"]:
                    if fit["gain"] not in _KICKED:
                        continue
                    directions = ("diffusion", "diffusion_across") if task == SPATIAL else ("diffusion",)
                    rows += [
                        {
                            "family": one.label, "task": task, "seed": result["settings"]["seed"], "c": fit["gain"],
                            "direction": "across" if name.endswith("across") else "along",
                            "kicked": kicked["value"], "error": kicked["standard_error"],
                            "measured": fit[name] / fit["gain"],
                        }
                        for name in directions
                    ]  # fmt: skip
    return rows


def metric_table(path: str) -> list[Row]:
    """Return the part of α that is due to the metric, where it is measured: a row a network and c."""
    return [
        {
            "family": one.label, "seed": result["settings"]["seed"], "slope": result["metric"]["value"],
            "error": result["metric"]["standard_error"], "c": fit["gain"], "alpha": fit["alpha"],
            "of_metric": of_metric(fit, result),
        }
        for task in (SPATIAL, HEAD)
        for one in measured(path, task)
        for result in one.results
        if "value" in result.get("metric", {})
        for fit in result["drift"]["still"]["fits"]
        if fit["gain"] in JUDGED
    ]  # fmt: skip


def of_metric(fit: Result, result: Result) -> float:
    """Return the part of α due to (1 − 2/c) D d/ds log √det g, with the weights of the fit of α; NaN for no bins."""
    term = (fit["gain"] - 2) * diffusion_over_gain(fit, result)
    bins = [
        (error**-2, predicted, term * slope)
        for error, predicted, slope in zip(fit["velocity_error"], fit["predicted"], result["metric"]["slope"], strict=True)
        if error and None not in (predicted, slope)
    ]
    square = sum(weight * x**2 for weight, x, _ in bins)
    return sum(weight * x * y for weight, x, y in bins) / square if square else math.nan


def diffusion_over_gain(fit: Result, result: Result) -> float:
    """Return the D/c with which α was fitted: at c = 0, that of the least c above 0 [unit² per step]."""
    noisy = min((one for one in result["drift"]["still"]["fits"] if one["gain"] > 0), key=lambda one: one["gain"])
    diffusing = fit if fit["gain"] > 0 else noisy
    return float(diffusing["diffusion"] / diffusing["gain"])


def nulls_table(path: str) -> list[Row]:
    """Return α and exponent of networks as trained, before training, and with shuffled weights: a row a network."""
    rows = []
    for task in (SPATIAL, HEAD):
        for one in measured(path, task):
            for result in one.results:
                tempered = result["tempering"]["value"]
                itself = {"fits": result["drift"]["still"]["fits"], "exponent": tempered} if result.get("nulls") else None
                for kind, null in ({"itself": itself} | result["nulls"] if itself else {}).items():
                    fits = {fit["gain"]: fit for fit in null.get("fits", ())}
                    rows.append(
                        {
                            "family": one.label, "seed": result["settings"]["seed"], "network": kind,
                            **{f"alpha at c = {c:g}": fits[c]["alpha"] if c in fits else None for c in JUDGED},
                            **{f"error at c = {c:g}": fits[c]["standard_error"] if c in fits else None for c in JUDGED},
                            "exponent": null.get("exponent"), "why": null.get("why", ""),
                        }
                    )  # fmt: skip
    return rows


def sensitivity_table(path: str) -> list[Row]:
    """Return α by kernel, window and decoder, and the drift that its line misses: means for a family, choice and c."""
    rows = []
    for task in (SPATIAL, HEAD):
        for one in measured(path, task):
            each = [result["drift"]["still"] for result in one.results]
            for c in JUDGED:
                for choice in each[0]["sensitivity"]:
                    alphas = [drift["sensitivity"][choice].get(f"{c:g}") for drift in each]
                    rows.append({"family": one.label, "choice": choice, "c": c, "value": _mean_of_known(alphas)})
                shares = [missed(fit, task) for drift in each for fit in drift["fits"] if fit["gain"] == c]
                rows.append({"family": one.label, "choice": MISSED, "c": c, "value": _mean_of_known(shares)})
    return rows


def _course(task: str) -> "Course":
    """The course of a task; imported here, since it loads torch, which making documents must not wait for."""
    from reactivation.theory.course import Bearing, Radius

    return Radius(Box(2.2, 2.2)) if task == SPATIAL else Bearing(Circle())


def missed(fit: Result, task: str) -> float | None:
    """Return the share of the drift's weighted squares that α times the prediction leaves: 0 on the line, 1 if unrelated."""
    columns = ("velocity_error", "predicted", "velocity", "spread_drift")
    bins = [
        (error**-2, predicted, velocity - spread)
        for *values, fitted in zip(*(fit[key] for key in columns), _is_fitted(fit, task), strict=True)
        if fitted and None not in values
        for error, predicted, velocity, spread in (values,)
    ]
    square = sum(weight * y**2 for weight, _, y in bins)
    if not square or fit["alpha"] is None:
        return None
    return float(sum(weight * (y - fit["alpha"] * x) ** 2 for weight, x, y in bins) / square)


def relaxation_table(path: str) -> list[Row]:
    """Return the correlation of a rest at c = 2 with its start, and its amplitude over that at the start: a row a step."""
    rows = []
    for task in (SPATIAL, HEAD):
        for one in measured(path, task):
            rests = [result["relaxation"] for result in one.results]
            for number, step in enumerate(rests[0]["step"]):
                if step > _EVERY and step % _EVERY:
                    continue
                kept = _mean([rest["correlation"][number] for rest in rests])
                sizes = [rest["amplitude"][number] / rest["amplitude"][0] for rest in rests]
                rows.append({"family": one.label, "task": task, "step": step, "kept": kept, "amplitude": _mean(sizes)})
    return rows


def rest_table(path: str) -> list[Row]:
    """Return numbers of long rests, and by how much scale symmetry is broken [unit]: a row a network."""
    return [
        {
            "family": one.label, "seed": result["settings"]["seed"], "kept": result["relaxation"]["value"],
            "half": result["relaxation"]["half"], "growth": result["relaxation"]["growth"],
            "direction": direction_in_time(result["relaxation"]["share"], result["relaxation"]["share_reversed"]),
            "scale": result["scale_symmetry"],
            **{
                f"{column}_error": result["relaxation"].get("errors", {}).get(name)
                for column, name in (("kept", "value"), ("growth", "growth"), ("direction", "direction"))
            },
        }
        for task in (SPATIAL, HEAD)
        for one in measured(path, task)
        for result in one.results
    ]  # fmt: skip


def assumptions_table(path: str) -> list[Row]:
    """Return the numbers behind the assumptions of the derivation: a row a network."""
    return [
        {
            "family": one.label, "seed": result["settings"]["seed"], **{key: result["bound"][key] for key in _ASSUMED},
            **_errors_of(result["bound"], _ASSUMED), "by_chance": result["bound"].get("by_chance"),
        }
        for task in (SPATIAL, HEAD)
        for one in measured(path, task)
        for result in one.results
    ]  # fmt: skip


def bound_table(path: str) -> list[Row]:
    """Return the loss, its bounds and how often each step of their derivation holds: a row a network and Δt."""
    return [
        {
            "family": one.label, "seed": result["settings"]["seed"],
            **{name: value for name, value in chain.items() if name != "errors"}, **_errors_of(chain, BOUNDS),
        }
        for task in (SPATIAL, HEAD)
        for one in measured(path, task)
        for result in one.results
        for chain in result["bound"]["chains"]
    ]  # fmt: skip


def _errors_of(found: Result, names: Sequence[str]) -> Row:
    """Standard errors over trajectories; None in results of a version that did not compute them."""
    return {f"{name}_error": found.get("errors", {}).get(name) for name in names}


def choices_table(path: str) -> list[Row]:
    """Return how the other measures change with choices of their analysis: a row a network, measure and choice."""
    return [
        {"family": one.label, "seed": result["settings"]["seed"], "measure": measure, "choice": choice, "value": value}
        for task in (SPATIAL, HEAD)
        for one in measured(path, task)
        for result in one.results
        for measure, of in _WITH_CHOICES.items()
        for choice, value in result[of].get("sensitivity", {}).items()
    ]


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if known else None


def _mean(values: list[float]) -> float:
    return float(np.mean(values))


def _error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))
