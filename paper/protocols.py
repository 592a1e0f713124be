"""The paper's trainings and measurements: eight networks per seed, and the measurements behind figures and claims.

A condition says which networks rest, and with which settings. A protocol is an analysis of some runs under a condition, so
an ordinary command runs it. Its key, its files and the claims about it end in the name of the condition.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reactivation.world.decoding import TEMPLATE, TOP3

SPATIAL = "spatial_navigation"
HEAD = "head_direction"
BIASES = ("unbiased", "biased")
SEEDS = (0, 1, 2, 3, 4)  # five networks, as in the captions
# Of networks of the text, to decide what five leave undecided. A claim counts all of them or none (docs/claims.md).
FURTHER_SEEDS = (5, 6, 7)

# In the order of training: head direction, the shortest; the networks of most figures; GRUs, the longest.
NETWORKS: dict[str, tuple[str, ...]] = {
    HEAD: ("noisy_unbiased", "noisy_biased"),
    SPATIAL: (
        "noisy_unbiased",
        "noisy_biased",
        "no-noise_unbiased",
        "no-noise_biased",
        "noisy_unbiased_gru",
        "noisy_biased_gru",
    ),
}
VANILLA = NETWORKS[SPATIAL][:4]
NOISY = NETWORKS[SPATIAL][:2]
NOISELESS = NETWORKS[SPATIAL][2:4]
GRU = NETWORKS[SPATIAL][4:]
# Not in the paper: networks trained with one switch of docs/differences.md changed, for the ablations there.
UNIFORM_NOISE = tuple(f"{run}_uniform_noise" for run in NOISY)
PEAK_CELLS = tuple(f"{run}_peak_cells" for run in NOISY)
VARIANTS = {HEAD: (), SPATIAL: UNIFORM_NOISE + PEAK_CELLS}


@dataclass(frozen=True)
class Condition:
    """Which networks rest, and with which settings. Protocols and claims are made for each condition."""

    name: str = ""  # end of the keys of protocols and claims, and of names of result files; "": the paper's usual condition
    changes: Mapping[str, str] = field(default_factory=dict, hash=False)  # settings that are not the analysis's defaults
    run_suffix: str = ""  # end of the names of its networks trained with noise
    figure: str = ""  # the paper's figure of it; "": each claim names its own
    words: str = ""  # end of sentences about it
    # Settings that it has by default, but not under the preset of the released code.
    released: Mapping[str, str] = field(default_factory=dict, hash=False)

    def key(self, name: str) -> str:
        """Return the key of a protocol or claim under this condition."""
        return f"{name}_{self.name}" if self.name else name

    def noisy(self, bias: str) -> str:
        """Return its network that was trained with noise, on the task of that bias."""
        return f"noisy_{bias}{self.run_suffix}"


DOUBLED = Condition()
NOT_DOUBLED = Condition("gain1", {"variance_gain": "1"}, figure="C.1", words=", without doubled noise")
GATED = Condition("gru", run_suffix="_gru", figure="C.2", words=", in GRUs")
GATED_DOUBLED = Condition("gru_gain2", {"variance_gain": "2"}, run_suffix="_gru")
AUTHORS_CODE = "authors_code"  # the preset with the settings of the released code
LONG = Condition("long", {"t_quiescent": "1000", "batch_size": "200"})
# The same rests under the released code's uniform noise, under Gaussian noise of the variance that it really has, and under
# this Gaussian noise with the mean push of the uniform noise. All settings are given, since a preset may change defaults.
PUSH = {
    name: Condition(f"long_{name}", {**LONG.changes, "noise_kind": kind, "variance_gain": gain})
    for name, kind, gain in (
        ("uniform", "uniform", "2"),
        ("twelfth", "gaussian", repr(2 / 12)),
        ("pushed", "pushed", "2"),
    )
}


@dataclass(frozen=True)
class Protocol:
    """An analysis of some runs of one seed."""

    analysis: str
    runs: tuple[str, ...]
    meaning: str  # in words
    condition: Condition = DOUBLED
    task: str = SPATIAL
    of_kept: bool = False  # whether it was added after weights were deleted: it leaves out networks without weights
    decoder: str = TOP3

    @property
    def key(self) -> str:
        """Its name in claims and panels."""
        on_both_tasks = self.analysis in ("kl", "manifold")
        key = self.condition.key(f"{self.analysis}_head" if self.task == HEAD and on_both_tasks else self.analysis)
        return key if self.decoder == TOP3 else f"{key}_{self.decoder}"

    def arguments(self, seed: int, preset: str | None) -> dict[str, str]:
        """Return the arguments of `output_<analysis>.py` that run it."""
        common = {"task": self.task, "seed": str(seed), "runs": f"[{','.join(self.runs)}]"}
        name = self.condition.name
        decoder = None if self.decoder == TOP3 else self.decoder
        changes = {**self.condition.changes, **(self.condition.released if preset == AUTHORS_CODE else {})}
        told = {**common, "preset": preset, "decoder": decoder, **changes, "out": name}
        return {key: value for key, value in told.items() if value}


def _by_key(*protocols: Protocol) -> dict[str, Protocol]:
    return {protocol.key: protocol for protocol in protocols}


PROTOCOLS: dict[str, Protocol] = _by_key(
    Protocol("kl", VANILLA, "Fig. 2e: 200 trajectories, waking 100 steps, rest 1,000"),
    Protocol("kl", NOISY, "Fig. C.1: the same, noise not doubled at rest", NOT_DOUBLED),
    Protocol("kl", GRU, "Fig. C.2: GRUs, noise not doubled at rest", GATED),
    Protocol("kl", GRU, "row 11: the same, noise doubled", GATED_DOUBLED),
    Protocol("kl", NETWORKS[HEAD], "Fig. 3a-b: circular densities, 200 trajectories, rest 1,000 steps", task=HEAD),
    Protocol("variance", VANILLA, "Fig. 2f: 500 rests of 2,000 steps, the first 1,000 dropped"),
    Protocol("variance", NOISY, "the same, noise not doubled", NOT_DOUBLED),
    Protocol("distance", VANILLA, "Fig. C.4: 200 trajectories of 100 steps, Gaussian noise"),
    Protocol("distance", VANILLA, "the same, noise not doubled", NOT_DOUBLED),
    Protocol("distance", GRU, "the same for GRUs, noise not doubled", GATED),
    Protocol(
        "distance",
        NOISELESS,
        "the same with the released code's uniform noise",
        Condition("uniform", {"noise_kind": "uniform"}),
    ),
    Protocol(
        "distance",
        NOISELESS,
        "the same with Gaussian noise of the variance that the uniform noise really has, and no push",
        Condition("twelfth", {"variance_gain": repr(2 / 12)}, released={"noise_kind": "gaussian"}),
    ),
    Protocol(
        "distance",
        NOISY,
        "the same for the second 100 steps of rest, which Figs. 1e and 2b show, too",
        Condition("late", {"t_quiescent": "200", "t_shift": "100"}),
    ),
    Protocol("manifold", VANILLA, "Fig. 1c, f, g, j, k: 1,000 trajectories, rest 200 steps"),
    Protocol("manifold", NOISY, "the same, noise not doubled", NOT_DOUBLED),
    Protocol("manifold", GRU, "the same for GRUs, noise not doubled", GATED),
    Protocol("manifold", NETWORKS[HEAD], "Fig. 3c-d: 1,000 trajectories, rest 200 steps", task=HEAD),
    *(
        Protocol("manifold", NOISY, "the amplitude of activity: 200 trajectories, rest 1,000 steps", LONG, task)
        for task in (SPATIAL, HEAD)
    ),
    *(
        Protocol("manifold", NOISY, f"the same rests, {noise}", PUSH[name], task, of_kept=True)
        for task in (SPATIAL, HEAD)
        for name, noise in (
            ("uniform", "the released code's uniform noise"),
            ("twelfth", "Gaussian noise of the variance that the uniform noise really has"),
            ("pushed", "the same with the mean of the uniform noise, its push"),
        )
    ),
    Protocol("transitions", NETWORKS[HEAD], "Fig. 3a-b, C.5: waking 100 steps, rest 500, turns wrapped at π", task=HEAD),
)
# Protocols of decoded states (of activity: only bearings of the ring), decoded by templates; by the key of that with top-3.
BY_TEMPLATES = {
    key: replace(protocol, decoder=TEMPLATE, of_kept=True, meaning=f"{protocol.meaning}; decoded by templates")
    for key, protocol in PROTOCOLS.items()
    if protocol.analysis != "manifold" or (protocol.task == HEAD and protocol.condition is DOUBLED)
}
# Protocols with one setting changed, for the ablations of docs/differences.md.
ABLATED: dict[str, Protocol] = _by_key(
    *(
        Protocol("kl", VANILLA, meaning, Condition(name, changes))
        for name, meaning, changes in (
            ("uniform_noise", "row 1: uniform noise, in networks trained with Gaussian noise", {"noise_kind": "uniform"}),
            ("marginal", "row 8: the density of one dimension as uniform baseline", {"uniform_baseline": "marginal"}),
            ("clip", "row 9: density ratios clipped", {"clip": "1e7"}),
            ("shared", "row 12: the random network shares task and cells", {"random_network": "shared"}),
            ("end_of_active", "rest starts where waking ended", {"start": "end_of_active"}),
            ("random_start", "rest starts from shuffled rates", {"start": "random"}),
            ("burn_in", "the first half of rest dropped", {"t_shift": "500"}),
            ("redrawn_1", "nothing but other trajectories and noise", {"draw": "1"}),
            ("redrawn_2", "nothing but other trajectories and noise, again", {"draw": "2"}),
            ("cells", "row 17: start positions from the draws of the place cells", {"trajectory_stream": "cells"}),
        )
    ),
    *(
        Protocol(analysis, runs, meaning, Condition(name))
        for name, runs, meaning in (
            ("trained_uniform", UNIFORM_NOISE, "row 1: networks trained with uniform noise, and resting with it"),
            ("peak_cells", PEAK_CELLS, "row 2: networks trained with the place cells of Eq. 20"),
        )
        for analysis in ("kl", "distance", "manifold")
    ),
    Protocol("variance", UNIFORM_NOISE, "row 1: likewise", Condition("trained_uniform")),
    Protocol(
        "variance",
        VANILLA,
        "the first 1,000 steps of rest instead of the second",
        Condition("no_burn_in", {"t_shift": "0", "t_quiescent": "1000"}),
    ),
    *BY_TEMPLATES.values(),
)
ALL_PROTOCOLS = PROTOCOLS | ABLATED
