"""What each switch of docs/differences.md changes: the same seeds and networks, one setting different."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean
from typing import Any

from reactivation.paper.evidence import Evidence
from reactivation.paper.protocols import GRU, NOISELESS, NOISY, PEAK_CELLS, UNIFORM_NOISE, VANILLA

Value = Callable[[dict[str, Any]], float | None]  # from `table` and `details` of a protocol's files


@dataclass(frozen=True)
class Effect:
    """One number with a switch as it is and changed, for each seed that has both."""

    row: str  # of docs/differences.md; "–" for settings that are no difference
    switch: str
    measure: str
    default: tuple[float, ...]
    changed: tuple[float, ...]

    @property
    def differences(self) -> tuple[float, ...]:
        """Changed minus default, one per seed."""
        return tuple(b - a for a, b in zip(self.default, self.changed, strict=True))


def _kl(row: str, column: str) -> Value:
    return lambda result: result["details"]["pairs"][row][column]["kl"]


def _matched(row: str, column: str) -> Value:
    return lambda result: result["details"]["pairs"][row][column]["matched_bandwidth"]["kl"]


def _step(run: str) -> Value:
    return lambda result: mean(result["table"][run]["quiescent_noisy"])


def _variance(run: str) -> Value:
    return lambda result: result["table"][run]


def _own(runs: tuple[str, ...]) -> dict[str, tuple[Value, Value]]:
    return {f"KL(rest ‖ awake), {run} [nats]": (_kl(run, run),) * 2 for run in runs}


def _trained(variants: tuple[str, ...]) -> dict[str, tuple[Value, Value]]:
    """The measures of `_OWN` and `_RANDOM` in networks trained with a switch changed."""
    own = {what: (before, _kl(run, run)) for run, (what, (before, _)) in zip(variants, _OWN.items(), strict=True)}
    return own | {what: (before, _kl("random", variants[0])) for what, (before, _) in _RANDOM.items()}


_OWN = _own(NOISY)
_RANDOM = {"KL(random ‖ awake), noisy_unbiased [nats]": (_kl("random", NOISY[0]),) * 2}
_UNIFORM = {"KL(uniform ‖ awake), noisy_unbiased [nats]": (_kl("uniform", NOISY[0]),) * 2}
# Row, switch, protocol as it is, protocol changed, and the measures: what → (its value before, after).
_SWITCHES: tuple[tuple[str, str, str, str, dict[str, tuple[Value, Value]]], ...] = (
    ("–", "draw=1 (other trajectories and noise, nothing else)", "kl", "kl_redrawn_1", _OWN | _RANDOM),
    ("–", "draw=2 (likewise)", "kl", "kl_redrawn_2", _OWN | _RANDOM),
    ("1", "noise_kind=uniform (at rest and awake, not in training)", "kl", "kl_uniform_noise", _OWN),
    ("1", "rnn.noise=uniform (in training too)", "kl", "kl_trained_uniform", _trained(UNIFORM_NOISE)),
    ("2", "task.place_cells_norm=none", "kl", "kl_peak_cells", _trained(PEAK_CELLS)),
    ("8", "uniform_baseline=marginal", "kl", "kl_marginal", _UNIFORM),
    ("9", "clip=1e7", "kl", "kl_clip", _OWN | _RANDOM),
    (
        "10",
        "matched bandwidth",
        "kl",
        "kl",
        {what: (before, _matched(run, run)) for run, (what, (before, _)) in zip(NOISY, _OWN.items(), strict=True)},
    ),
    ("11", "variance_gain=2", "kl_gru", "kl_gru_gain2", _own(GRU)),
    ("12", "random_network=shared", "kl", "kl_shared", _RANDOM),
    (
        "13",
        "noise_kind=uniform",
        "distance",
        "distance_uniform",
        {f"step, {run} with noise put in [m]": (_step(run),) * 2 for run in NOISELESS},
    ),
    ("17", "trajectory_stream=cells", "kl", "kl_cells", _OWN),
    ("–", "start=end_of_active", "kl", "kl_end_of_active", _OWN),
    ("–", "start=random", "kl", "kl_random_start", _OWN),
    ("–", "t_shift=500 (half of rest dropped)", "kl", "kl_burn_in", _OWN),
    (
        "–",
        "t_quiescent=1000 t_shift=0 (no burn-in)",
        "variance",
        "variance_no_burn_in",
        {f"variance at rest, {run} [m²]": (_variance(run),) * 2 for run in VANILLA},
    ),
)


def effects(evidence: Evidence) -> list[Effect]:
    """Every switch that is measured, with whatever seeds have both results (perhaps none)."""
    return [
        _effect(evidence, row, switch, (default, changed), what, values)
        for row, switch, default, changed, measures in _SWITCHES
        for what, values in measures.items()
    ]


def _effect(
    evidence: Evidence, row: str, switch: str, protocols: tuple[str, str], what: str, values: tuple[Value, Value]
) -> Effect:
    pairs = []
    for seed in evidence.seeds_of(*protocols):
        before, after = (value(evidence.result(name, seed)) for name, value in zip(protocols, values, strict=True))
        if before is not None and after is not None:
            pairs.append((before, after))
    return Effect(row, switch, what, tuple(a for a, _ in pairs), tuple(b for _, b in pairs))
