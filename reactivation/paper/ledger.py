"""What each switch of docs/differences.md changes: the same seeds and networks, one setting different."""

from dataclasses import dataclass
import math
from typing import NamedTuple

from reactivation.paper.entries import Entry, at, kl, matched_kl, step
from reactivation.paper.evidence import Evidence
from reactivation.paper.protocols import GRU, NOISELESS, NOISY, PEAK_CELLS, UNIFORM_NOISE, VANILLA

Measures = dict[str, tuple[Entry, Entry]]  # what → its value before, after


@dataclass(frozen=True)
class Effect:
    """One number with a switch as it is and changed, for each seed that has both."""

    row: str
    switch: str
    measure: str
    default: tuple[float, ...]
    changed: tuple[float, ...]

    @property
    def differences(self) -> tuple[float, ...]:
        """Changed minus default, one per seed."""
        return tuple(b - a for a, b in zip(self.default, self.changed, strict=True))


class Switch(NamedTuple):
    """One setting that differs between two protocols, and what it may change."""

    row: str  # of docs/differences.md; "–" for settings that are no difference
    name: str
    default: str  # protocol with the switch as it is
    changed: str  # protocol with it changed
    measures: Measures


def _same(entries: dict[str, Entry]) -> Measures:
    return {what: (entry, entry) for what, entry in entries.items()}


def _own(runs: tuple[str, ...]) -> Measures:
    return _same({f"KL(rest ‖ awake), {run} [nats]": kl(run, run) for run in runs})


def _trained(variants: tuple[str, ...]) -> Measures:
    """The measures of `_OWN` and `_RANDOM` in networks trained with a switch changed."""
    own = {what: (before, kl(run, run)) for run, (what, (before, _)) in zip(variants, _OWN.items(), strict=True)}
    return own | {what: (before, kl("random", variants[0])) for what, (before, _) in _RANDOM.items()}


_OWN = _own(NOISY)
_RANDOM = _same({"KL(random ‖ awake), noisy_unbiased [nats]": kl("random", NOISY[0])})
_UNIFORM = _same({"KL(uniform ‖ awake), noisy_unbiased [nats]": kl("uniform", NOISY[0])})
_MATCHED = {what: (before, matched_kl(run, run)) for run, (what, (before, _)) in zip(NOISY, _OWN.items(), strict=True)}
_STEPS = _same({f"step, {run} with noise put in [m]": step(run, "quiescent_noisy") for run in NOISELESS})
_VARIANCES = _same({f"variance at rest, {run} [m²]": at(run) for run in VANILLA})

SWITCHES = (
    Switch("–", "draw=1 (other trajectories and noise, nothing else)", "kl", "kl_redrawn_1", _OWN | _RANDOM),
    Switch("–", "draw=2 (likewise)", "kl", "kl_redrawn_2", _OWN | _RANDOM),
    Switch("1", "noise_kind=uniform (at rest and awake, not in training)", "kl", "kl_uniform_noise", _OWN),
    Switch("1", "rnn.noise=uniform (in training too)", "kl", "kl_trained_uniform", _trained(UNIFORM_NOISE)),
    Switch("2", "task.place_cells_norm=none", "kl", "kl_peak_cells", _trained(PEAK_CELLS)),
    Switch("8", "uniform_baseline=marginal", "kl", "kl_marginal", _UNIFORM),
    Switch("9", "clip=1e7", "kl", "kl_clip", _OWN | _RANDOM),
    Switch("10", "matched bandwidth", "kl", "kl", _MATCHED),
    Switch("11", "variance_gain=2", "kl_gru", "kl_gru_gain2", _own(GRU)),
    Switch("12", "random_network=shared", "kl", "kl_shared", _RANDOM),
    Switch("13", "noise_kind=uniform", "distance", "distance_uniform", _STEPS),
    Switch("17", "trajectory_stream=cells", "kl", "kl_cells", _OWN),
    Switch("–", "start=end_of_active", "kl", "kl_end_of_active", _OWN),
    Switch("–", "start=random", "kl", "kl_random_start", _OWN),
    Switch("–", "t_shift=500 (half of rest dropped)", "kl", "kl_burn_in", _OWN),
    Switch("–", "t_quiescent=1000 t_shift=0 (no burn-in)", "variance", "variance_no_burn_in", _VARIANCES),
)


def effects(evidence: Evidence) -> list[Effect]:
    """Every switch that is measured, with whatever seeds have both results (perhaps none)."""
    return [_effect(evidence, switch, what) for switch in SWITCHES for what in switch.measures]


def _effect(evidence: Evidence, switch: Switch, what: str) -> Effect:
    before, after = switch.measures[what]
    pairs = [
        (before(evidence.result(switch.default, seed)), after(evidence.result(switch.changed, seed)))
        for seed in evidence.seeds_of(switch.default, switch.changed)
    ]
    known = [pair for pair in pairs if not any(map(math.isnan, pair))]
    return Effect(switch.row, switch.name, what, tuple(a for a, _ in known), tuple(b for _, b in known))
