"""What each switch of docs/differences.md does to claims: the same seeds, one setting different.

A switch has protocols of its own. Their results replace those from which a claim's number is otherwise computed, and the
number is computed again.
"""

from collections.abc import Callable, Mapping
import math
from typing import NamedTuple

from paper.claims import CLAIMS
from paper.claims.verdicts import TRAINING, Claim, results_of
from paper.protocols import (
    ABLATED,
    BIASES,
    BY_TEMPLATES,
    GATED,
    GATED_DOUBLED,
    NOISY,
    NOT_DOUBLED,
    PEAK_CELLS,
    SPATIAL,
    UNIFORM_NOISE,
)
from paper.study import Result, Study
from reactivation.analysis.base import renamed

_CLAIMS = {claim.key: claim for claim in CLAIMS}


class Ablation(NamedTuple):
    """One setting that differs, the protocols that measure it, and the claims that it could change."""

    row: str  # of docs/differences.md; "–" for settings that are not listed there
    name: str
    changed: Mapping[str, str]  # protocol → the protocol with the switch changed
    claims: tuple[str, ...]  # keys
    stand_ins: Mapping[str, str] = {}  # run → the run trained with the switch changed
    view: Callable[[Result], Result] = lambda result: result  # applied to the results of changed protocols


class Effect(NamedTuple):
    """A claim's number with the default of a switch and with the change, for each seed that has both."""

    ablation: Ablation
    claim: Claim
    default: tuple[float, ...]
    changed: tuple[float, ...]

    @property
    def differences(self) -> tuple[float, ...]:
        """Changed minus default, one per seed."""
        return tuple(b - a for a, b in zip(self.default, self.changed, strict=True))


def _matched(result: Result) -> Result:
    """A table of divergences at matched bandwidth; rows without a kernel stay as they are."""
    pairs = result["details"]["pairs"]
    table = {
        row: {column: pair and (pair.get("matched_bandwidth") or pair)["kl"] for column, pair in cells.items()}
        for row, cells in pairs.items()
    }
    return {**result, "table": table}


_RANDOM = tuple(f"random_to_{bias}" for bias in BIASES)
_MATCH = tuple(f"noiseless_match_{bias}" for bias in BIASES)
_DIVERGENCES = ("uniform", "unbiased", "biased", *(f"crossed_to_{bias}" for bias in BIASES), *_RANDOM)
_NOT_DOUBLED, _GATED = (tuple(map(rest.key, _DIVERGENCES)) for rest in (NOT_DOUBLED, GATED))
_SAME = {key: key for key in ("kl", NOT_DOUBLED.key("kl"), GATED.key("kl"))}
_KL = (*_DIVERGENCES, "tiling", *_MATCH)
_OF_ACTIVITY = ("head_plane", "ring_hole")  # made from the same files as the bearings of the ring
_OF_DECODED = tuple(
    key for key, claim in _CLAIMS.items() if BY_TEMPLATES.keys() & claim.protocols and key not in _OF_ACTIVITY
)
_EXPLORE = tuple(f"noiseless_explore_less_{bias}" for bias in BIASES)
_ACTIVITY = (
    "low_dimensional_awake",
    "low_dimensional_rest",
    "overlapping",
    "same_subspace",
    "same_plane",
    "tiling_activity",
    "less_activity",
)
_TRAINED = ("learned", *_ACTIVITY, *_DIVERGENCES, "tiling", *(f"smooth_{bias}" for bias in BIASES))


def _trained(row: str, name: str, out: str, variants: tuple[str, ...], *claims: str) -> Ablation:
    """A switch of training: its networks are measured like those that they replace."""
    changed = {protocol.analysis: key for key, protocol in ABLATED.items() if protocol.condition.name == out}
    stand_ins = dict(zip(NOISY, variants, strict=True))
    return Ablation(row, name, {TRAINING: TRAINING, **changed}, (*_TRAINED, *claims), stand_ins)


ABLATIONS = (
    Ablation("–", "draw=1 (other trajectories and noise, nothing else)", {"kl": "kl_redrawn_1"}, _KL),
    Ablation("–", "draw=2 (likewise)", {"kl": "kl_redrawn_2"}, _KL),
    Ablation(
        "1",
        "noise_kind=uniform (at rest and awake, not in training)",
        {"kl": "kl_uniform_noise"},
        (*_DIVERGENCES, "tiling"),  # the other networks of that protocol rest without noise
    ),
    _trained(
        "1",
        "rnn.noise=uniform (in training too)",
        "trained_uniform",
        UNIFORM_NOISE,
        *_EXPLORE,
        *(f"erratic_uniform_{bias}" for bias in BIASES),
    ),
    _trained("2", "task.place_cells_norm=none", "peak_cells", PEAK_CELLS),
    Ablation("8", "uniform_baseline=marginal", {"kl": "kl_marginal"}, ("uniform",)),
    Ablation("9", "clip=1e7", {"kl": "kl_clip"}, (*_DIVERGENCES, *_MATCH)),
    Ablation("10", "matched bandwidth", _SAME, (*_DIVERGENCES, *_MATCH, *_NOT_DOUBLED, *_GATED), view=_matched),
    Ablation("11", "variance_gain=2", {GATED.key("kl"): GATED_DOUBLED.key("kl")}, (*_GATED, GATED.key("tiling"))),
    Ablation("12", "random_network=shared", {"kl": "kl_shared"}, _RANDOM),
    Ablation(
        "13",
        "noise_kind=uniform (put into noiseless networks)",
        {"distance": "distance_uniform"},
        tuple(f"erratic_{bias}" for bias in BIASES),
    ),
    Ablation("17", "trajectory_stream=cells", {"kl": "kl_cells"}, _KL),
    Ablation("–", "decoder=template", {key: one.key for key, one in BY_TEMPLATES.items()}, _OF_DECODED),
    Ablation("–", "start=end_of_active", {"kl": "kl_end_of_active"}, _KL),
    Ablation("–", "start=random", {"kl": "kl_random_start"}, _KL),
    Ablation("–", "t_shift=500 (half of rest dropped)", {"kl": "kl_burn_in"}, _KL),
    Ablation("–", "t_quiescent=1000 t_shift=0 (no burn-in)", {"variance": "variance_no_burn_in"}, _EXPLORE),
)


def effects(study: Study) -> list[Effect]:
    """Return every claim of every switch, with the seeds that have both results (perhaps none)."""
    return [_effect(study, ablation, _CLAIMS[key]) for ablation in ABLATIONS for key in ablation.claims]


def _effect(study: Study, ablation: Ablation, claim: Claim) -> Effect:
    changed = {name: ablation.changed[name] for name in claim.protocols if name in ablation.changed}
    pairs = []
    for seed in study.seeds_of(*(name for name in (*claim.protocols, *changed.values()) if name != TRAINING)):
        before = results_of(claim.protocols, study, seed)
        other = results_of(tuple(changed.values()), study, seed)
        after = {**before, **{name: _in_place(before[name], other[new], ablation) for name, new in changed.items()}}
        pairs.append((claim.value(before), claim.value(after)))
    known = [pair for pair in pairs if not any(map(math.isnan, pair))]
    return Effect(ablation, claim, tuple(a for a, _ in known), tuple(b for _, b in known))


def _in_place(before: Result, other: Result, ablation: Ablation) -> Result:
    """Results in which measurements with the switch changed replace those with its default."""
    if "table" not in before:  # decoding errors: <task>/<run> → error
        names = {f"{SPATIAL}/{run}": f"{SPATIAL}/{variant}" for run, variant in ablation.stand_ins.items()}
        return {**before, **{run: other.get(variant, math.nan) for run, variant in names.items()}}
    seen = renamed(ablation.view(other), {variant: run for run, variant in ablation.stand_ins.items()})
    return {"table": {**before["table"], **seen["table"]}, "details": seen["details"]}
