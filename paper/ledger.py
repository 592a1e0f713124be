"""What each switch of docs/differences.md does to claims: the same seeds, one setting different.

A switch has protocols of its own. Their numbers take the place of those that a claim is otherwise made from, and the claim's
number is worked out again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import math
from typing import Any, NamedTuple

from paper.claims import CLAIMS
from paper.evidence import Evidence
from paper.protocols import LEDGER, NOISY, PEAK_CELLS, SPATIAL, UNIFORM_NOISE
from paper.verdicts import TRAINING, Claim, Results, results_of

_CLAIMS = {claim.key: claim for claim in CLAIMS}


class Switch(NamedTuple):
    """One setting that differs, where it was measured, and what it could change."""

    row: str  # of docs/differences.md; "–" for settings that are no difference
    name: str
    changed: Mapping[str, str]  # protocol → the one with the switch changed
    claims: tuple[str, ...]
    stand_ins: Mapping[str, str] = {}  # run → the one trained with the switch changed
    view: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda result: result  # what is taken from the changed files


@dataclass(frozen=True)
class Effect:
    """A claim's number with a switch as it is and changed, for each seed that has both."""

    row: str
    switch: str
    claim: Claim
    default: tuple[float, ...]
    changed: tuple[float, ...]

    @property
    def differences(self) -> tuple[float, ...]:
        """Changed minus default, one per seed."""
        return tuple(b - a for a, b in zip(self.default, self.changed, strict=True))


def _matched(result: Mapping[str, Any]) -> dict[str, Any]:
    """A table of divergences at matched bandwidth; rows that have no kernel stay as they are."""
    pairs = result["details"]["pairs"]
    table = {
        row: {column: pair and (pair.get("matched_bandwidth") or pair)["kl"] for column, pair in cells.items()}
        for row, cells in pairs.items()
    }
    return {**result, "table": table}


_CROSSED = ("crossed_to_unbiased", "crossed_to_biased")
_RANDOM = ("random_to_unbiased", "random_to_biased")
_MATCH = ("noiseless_match_unbiased", "noiseless_match_biased")
_DIVERGENCES = ("uniform", "unbiased", "biased", *_CROSSED, *_RANDOM)
_GAIN1, _GRU = (tuple(f"{key}_{rest}" for key in _DIVERGENCES) for rest in ("gain1", "gru"))
_SAME = {name: name for name in ("kl", "kl_gain1", "kl_gru")}
_KL = (*_DIVERGENCES, "tiling", *_MATCH)
_EXPLORE = ("noiseless_explore_less_unbiased", "noiseless_explore_less_biased")
_ERRATIC_UNIFORM = ("erratic_uniform_unbiased", "erratic_uniform_biased")
_SMOOTH = ("smooth_unbiased", "smooth_biased")
_ACTIVITY = (
    "low_dimensional_awake",
    "low_dimensional_rest",
    "overlapping",
    "same_subspace",
    "same_plane",
    "tiling_activity",
    "less_activity",
)
_TRAINED = ("learned", *_ACTIVITY, *_DIVERGENCES, "tiling", *_SMOOTH)


def _trained(row: str, name: str, out: str, variants: tuple[str, ...], *claims: str) -> Switch:
    """A switch of training: networks of its own, measured like those whose place they take."""
    analyses = {name: f"{name}_{out}" for name in ("kl", "distance", "manifold", "variance") if f"{name}_{out}" in LEDGER}
    stand_ins = dict(zip(NOISY, variants, strict=True))
    return Switch(row, name, {TRAINING: TRAINING, **analyses}, (*_TRAINED, *claims), stand_ins)


SWITCHES = (
    Switch("–", "draw=1 (other trajectories and noise, nothing else)", {"kl": "kl_redrawn_1"}, _KL),
    Switch("–", "draw=2 (likewise)", {"kl": "kl_redrawn_2"}, _KL),
    Switch(
        "1",
        "noise_kind=uniform (at rest and awake, not in training)",
        {"kl": "kl_uniform_noise"},
        (*_DIVERGENCES, "tiling"),  # the other networks of that protocol rest without noise
    ),
    _trained("1", "rnn.noise=uniform (in training too)", "trained_uniform", UNIFORM_NOISE, *_EXPLORE, *_ERRATIC_UNIFORM),
    _trained("2", "task.place_cells_norm=none", "peak_cells", PEAK_CELLS),
    Switch("8", "uniform_baseline=marginal", {"kl": "kl_marginal"}, ("uniform",)),
    Switch("9", "clip=1e7", {"kl": "kl_clip"}, (*_DIVERGENCES, *_MATCH)),
    Switch("10", "matched bandwidth", _SAME, (*_DIVERGENCES, *_MATCH, *_GAIN1, *_GRU), view=_matched),
    Switch("11", "variance_gain=2", {"kl_gru": "kl_gru_gain2"}, (*_GRU, "tiling_gru")),
    Switch("12", "random_network=shared", {"kl": "kl_shared"}, _RANDOM),
    Switch(
        "13",
        "noise_kind=uniform (put into noiseless networks)",
        {"distance": "distance_uniform"},
        ("erratic_unbiased", "erratic_biased"),
    ),
    Switch("17", "trajectory_stream=cells", {"kl": "kl_cells"}, _KL),
    Switch("–", "start=end_of_active", {"kl": "kl_end_of_active"}, _KL),
    Switch("–", "start=random", {"kl": "kl_random_start"}, _KL),
    Switch("–", "t_shift=500 (half of rest dropped)", {"kl": "kl_burn_in"}, _KL),
    Switch("–", "t_quiescent=1000 t_shift=0 (no burn-in)", {"variance": "variance_no_burn_in"}, _EXPLORE),
)


def effects(evidence: Evidence) -> list[Effect]:
    """Every claim that a switch is measured for, with whatever seeds have both results (perhaps none)."""
    return [_effect(evidence, switch, _CLAIMS[key]) for switch in SWITCHES for key in switch.claims]


def _effect(evidence: Evidence, switch: Switch, claim: Claim) -> Effect:
    changed = {name: switch.changed[name] for name in claim.protocols if name in switch.changed}
    pairs = []
    for seed in evidence.seeds_of(*(name for name in (*claim.protocols, *changed.values()) if name != TRAINING)):
        before = results_of(claim.protocols, evidence, seed)
        other = results_of(tuple(changed.values()), evidence, seed)
        after = {**before, **{name: _in_place(before[name], other[new], switch) for name, new in changed.items()}}
        pairs.append((claim.value(before), claim.value(after)))
    known = [pair for pair in pairs if not any(map(math.isnan, pair))]
    return Effect(switch.row, switch.name, claim, tuple(a for a, _ in known), tuple(b for _, b in known))


def _in_place(before: Results, other: Results, switch: Switch) -> Results:
    """Results in which what was measured with the switch changed stands in for what it is compared with."""
    if "table" not in before:  # decoding errors: <task>/<run> → error
        names = {f"{SPATIAL}/{run}": f"{SPATIAL}/{variant}" for run, variant in switch.stand_ins.items()}
        return {**before, **{run: other.get(variant, math.nan) for run, variant in names.items()}}
    seen = _renamed(switch.view(other), {variant: run for run, variant in switch.stand_ins.items()})
    return {"table": {**before["table"], **seen["table"]}, "details": seen["details"]}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Nested mappings with some keys renamed."""
    if not isinstance(value, Mapping):
        return value
    return {names.get(key, key): _renamed(inner, names) for key, inner in value.items()}
