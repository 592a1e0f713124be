"""What the paper trained and measured: its eight networks per seed, and the measurements that figures and claims rest on.

A protocol is an analysis with its arguments, so each is an ordinary command.
"""

from dataclasses import dataclass, field

SPATIAL = "spatial_navigation"
HEAD = "head_direction"
SEEDS = (0, 1, 2, 3, 4)  # five networks, as in the captions

# In the order of training: head direction, the shortest; the networks that most figures are of; GRUs, the longest.
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
# None of the paper's: networks trained with one switch of docs/differences.md changed, for the ledger there.
UNIFORM_NOISE = tuple(f"{run}_uniform_noise" for run in NOISY)
PEAK_CELLS = tuple(f"{run}_peak_cells" for run in NOISY)
VARIANTS = {HEAD: (), SPATIAL: UNIFORM_NOISE + PEAK_CELLS}


@dataclass(frozen=True)
class Protocol:
    """An analysis of some runs of one seed."""

    analysis: str
    task: str
    runs: tuple[str, ...]
    meaning: str  # for people
    changes: dict[str, str] = field(default_factory=dict, hash=False)  # where it differs from the analysis's defaults

    def arguments(self, seed: int, preset: str | None) -> dict[str, str]:
        """What a user would give to `output_<analysis>.py`."""
        common = {"task": self.task, "seed": str(seed), "runs": f"[{','.join(self.runs)}]"}
        return {**common, **({"preset": preset} if preset else {}), **self.changes}


PROTOCOLS: dict[str, Protocol] = {
    "kl": Protocol("kl", SPATIAL, VANILLA, "Fig. 2e: 200 trajectories, waking 100 steps, rest 1,000"),
    "kl_gain1": Protocol(
        "kl", SPATIAL, NOISY, "Fig. C.1: the same, noise not doubled at rest", {"variance_gain": "1", "out": "gain1"}
    ),
    "kl_gru": Protocol("kl", SPATIAL, GRU, "Fig. C.2: GRUs, noise not doubled at rest", {"out": "gru"}),
    "kl_gru_gain2": Protocol(
        "kl", SPATIAL, GRU, "row 11: the same, noise doubled", {"variance_gain": "2", "out": "gru_gain2"}
    ),
    "kl_head": Protocol("kl", HEAD, NETWORKS[HEAD], "Fig. 3a-b: circular densities, 200 trajectories, rest 1,000 steps"),
    "variance": Protocol("variance", SPATIAL, VANILLA, "Fig. 2f: 500 rests of 2,000 steps, the first 1,000 dropped"),
    "variance_gain1": Protocol(
        "variance", SPATIAL, NOISY, "the same, noise not doubled", {"variance_gain": "1", "out": "gain1"}
    ),
    "distance": Protocol("distance", SPATIAL, VANILLA, "Fig. C.4: 200 trajectories of 100 steps, Gaussian noise"),
    "distance_gain1": Protocol(
        "distance", SPATIAL, VANILLA, "the same, noise not doubled", {"variance_gain": "1", "out": "gain1"}
    ),
    "distance_gru": Protocol("distance", SPATIAL, GRU, "the same for GRUs, noise not doubled", {"out": "gru"}),
    "distance_uniform": Protocol(
        "distance",
        SPATIAL,
        NOISELESS,
        "the same with the released code's uniform noise",
        {"noise_kind": "uniform", "out": "uniform"},
    ),
    "distance_twelfth": Protocol(
        "distance",
        SPATIAL,
        NOISELESS,
        "the same with Gaussian noise of the variance that the uniform noise really has, and no push",
        {"variance_gain": repr(2 / 12), "out": "twelfth"},
    ),
    "distance_late": Protocol(
        "distance",
        SPATIAL,
        NOISY,
        "the same for the second 100 steps of rest, which Figs. 1e and 2b show, too",
        {"t_quiescent": "200", "t_shift": "100", "out": "late"},
    ),
    "manifold": Protocol("manifold", SPATIAL, VANILLA, "Fig. 1c, f, g, j, k: 1,000 trajectories, rest 200 steps"),
    "manifold_gain1": Protocol(
        "manifold", SPATIAL, NOISY, "the same, noise not doubled", {"variance_gain": "1", "out": "gain1"}
    ),
    "manifold_gru": Protocol("manifold", SPATIAL, GRU, "the same for GRUs, noise not doubled", {"out": "gru"}),
    "manifold_head": Protocol("manifold", HEAD, NETWORKS[HEAD], "Fig. 3c-d: 1,000 trajectories, rest 200 steps"),
    **{
        f"manifold{end}_long": Protocol(
            "manifold",
            task,
            NETWORKS[task][:2],
            "the amplitude of activity: 200 trajectories, rest 1,000 steps",
            {"t_quiescent": "1000", "batch_size": "200", "out": "long"},
        )
        for end, task in (("", SPATIAL), ("_head", HEAD))
    },
    "transitions": Protocol(
        "transitions", HEAD, NETWORKS[HEAD], "Fig. 3a-b, C.5: waking 100 steps, rest 500, turns wrapped at π"
    ),
}
# The same with one setting changed, for the ledger of docs/differences.md.
LEDGER: dict[str, Protocol] = {
    **{
        f"kl_{out}": Protocol("kl", SPATIAL, VANILLA, meaning, {**changes, "out": out})
        for out, meaning, changes in (
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
    },
    **{
        f"{analysis}_{out}": Protocol(analysis, SPATIAL, runs, meaning, {"out": out})
        for out, runs, meaning in (
            ("trained_uniform", UNIFORM_NOISE, "row 1: networks trained with uniform noise, and resting with it"),
            ("peak_cells", PEAK_CELLS, "row 2: networks trained with the place cells of Eq. 20"),
        )
        for analysis in ("kl", "distance", "manifold")
    },
    "variance_trained_uniform": Protocol("variance", SPATIAL, UNIFORM_NOISE, "row 1: likewise", {"out": "trained_uniform"}),
    "variance_no_burn_in": Protocol(
        "variance",
        SPATIAL,
        VANILLA,
        "the first 1,000 steps of rest instead of the second",
        {"t_shift": "0", "t_quiescent": "1000", "out": "no_burn_in"},
    ),
}
ALL_PROTOCOLS = PROTOCOLS | LEDGER
