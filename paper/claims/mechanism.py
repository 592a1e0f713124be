"""Judge the mechanism from result files: apply the rules of `claims.theory` to the measurements of its families."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
import math
from typing import Any

import numpy as np

from paper.claims.theory import (
    JUDGED,
    Controls,
    Network,
    Ruling,
    balance_is_broken,
    direction_in_time,
    gain_matters,
    noise_makes_the_drift,
    one_mode_at_home,
    ratios,
    verdict,
    when_it_appears,
)
from paper.learned import left_out
from paper.protocols import HEAD, SPATIAL
from paper.theory import (
    CONTROL_SEEDS,
    CONTROLS,
    FAMILIES,
    LAST,
    Family,
    control_settings,
    counted,
    family_settings,
    found,
    training_settings,
    unlearned,
)
from reactivation.machine.numbers import or_nan

HOME_AT = 2.0  # c of the rest whose modes count, as in Eq. 19
_BOTH_NOISES = (  # the same networks trained with noise, and without
    ("biased GRU", "biased GRU, trained without noise"),
    ("biased vanilla", "biased vanilla, trained without noise"),
    ("drawn GRU", "drawn GRU, trained without noise"),
)


@dataclass(frozen=True)
class Judged:
    """A question about a family, and its present answer."""

    family: str
    networks: tuple[Network, ...]
    planned: int
    question: str
    ruling: Ruling
    controls: Controls
    unlearned: tuple[int, ...]  # seeds that do not count

    @property
    def of_planned(self) -> str:
        """How many of the planned networks are judged, and which seeds are left out."""
        return f"{len(self.networks)} of {self.planned}{left_out(self.unlearned)}"


def judge_mechanism(path: str) -> list[Judged]:
    """Answer every question about every family, from the measurements below a root of results or published.

    On the circle, α is the mean over the last 20 checkpoints; a network without these is not judged.
    """
    controls = {task: controls_of(path, task) for task in (SPATIAL, HEAD)}
    networks = {family.name: networks_of(path, family) for family in FAMILIES}
    for noisy, noiseless in _BOTH_NOISES:
        networks[noiseless] = _as_scale_free_as(networks[noisy], networks[noiseless])
    judged = []
    for family in FAMILIES:
        if family.null is None:
            continue
        own, of_task = networks[family.name], controls[family.task]
        null = [one.alpha[0.0] for one in networks[family.null] if math.isfinite(one.alpha[0.0])]
        answer = partial(Judged, family.name, own, len(family.seeds), controls=of_task, unlearned=unlearned(path, family))

        judged += [
            answer("mechanism", verdict(family.task, own, len(family.seeds), null, of_task)),
            answer("does the gain of the noise matter to the width of rest?", gain_matters(own)),
            answer("has rest a direction in time?", balance_is_broken(own, of_task)),
        ]
        if family.followed:
            judged.append(answer("when in training does the pull appear?", when_it_appears(pulls(path, family, of_task))))
        for noisy, noiseless in _BOTH_NOISES:
            if noisy == family.name:
                makes = noise_makes_the_drift(own, networks[noiseless], of_task)
                judged.append(answer("does noise in training make the pull?", makes))
    return judged


def _as_scale_free_as(noisy: Sequence[Network], noiseless: Sequence[Network]) -> tuple[Network, ...]:
    """Networks trained without noise, as scale-free as those trained with it.

    Scale symmetry is measured under a network's own noise, so it is not measured of one without. But whether a field is
    homogeneous is a matter of the cell, whatever its weights, and both have one cell.
    """
    is_scale_free = bool(noisy) and all(one.is_scale_free for one in noisy)
    return tuple(replace(one, is_scale_free=is_scale_free) for one in noiseless)


def controls_of(path: str, task: str) -> Controls:
    """Return the numbers of the analytic networks of a task."""
    langevin, attractor = (
        [
            network_of(task, seed, measured, None)
            for seed in CONTROL_SEEDS
            if (measured := found(control_settings(path, task, name, seed))) is not None
        ]
        for name in CONTROLS
    )
    return Controls(langevin, attractor)


def networks_of(path: str, family: Family) -> tuple[Network, ...]:
    """Return the numbers of the networks of a family that count, seed by seed."""
    networks = []
    for seed in counted(path, family):
        measured = found(family_settings(path, family, seed))
        training = found(training_settings(path, family, seed)) if family.task == HEAD else None
        if measured is not None and (training is not None or family.task != HEAD):
            networks.append(network_of(family.task, seed, measured, training))
    return tuple(networks)


def network_of(task: str, seed: int, measured: dict[str, Any], training: dict[str, Any] | None) -> Network:
    """Return the numbers of one network that the rules use."""
    still, tempered, rest = measured["drift"]["still"], measured["tempering"], measured["relaxation"]
    homes = dict(zip(tempered["gains"], tempered["homes"], strict=True))
    brownian = measured["drift"].get("brownian")
    return Network(
        seed,
        _alphas(still["fits"]) if training is None else _late_alphas(training),
        tempered["value"],
        tempered["of_starts"][0] - tempered["of_starts"][1],
        max(tempered["remembered"]),
        still["is_along"],
        one_mode_at_home(task, **homes[HOME_AT]),
        or_nan(None if brownian is None else brownian["fits"][0]["alpha"]),
        direction_in_time(rest["share"], rest["share_reversed"]),
        measured["scale_symmetry"] == 0,
    )


def _alphas(fits: Sequence[dict[str, Any]]) -> dict[float, float]:
    """c → α; NaN where no pairs could tell it."""
    return {fit["gain"]: or_nan(fit["alpha"]) for fit in fits if fit["gain"] in JUDGED}


def _late_alphas(training: dict[str, Any]) -> dict[float, float]:
    """Means over the last checkpoints, since the field of a network still changes from one checkpoint to the next."""
    each = [_alphas(one["fits"]) for one in training["training"][-LAST:]]
    return {c: float(np.mean([alphas.get(c, math.nan) for alphas in each])) for c in JUDGED}


def pulls(path: str, family: Family, controls: Controls, c: float = 0.0) -> dict[int, list[float]]:
    """Return step of training → α over the control's at a c, one a network; NaN for one that decodes no positions yet."""
    if not controls.langevin:
        return {}
    followed = [training for seed in counted(path, family) if (training := found(training_settings(path, family, seed)))]
    by_step: dict[int, list[float]] = {}
    for training in followed:
        for one in training["training"]:
            by_step.setdefault(one["step"], []).append(_alphas(one["fits"]).get(c, math.nan) / controls.alpha(c))
    return by_step


def pull_of(judged: Judged, c: float) -> list[float]:
    """Return α over the control's at a c, network by network."""
    return ratios(judged.networks, judged.controls, c) if judged.controls.langevin else []
