"""Which measures of replay tell momentum from diffusive rest: python benchmarks/separation.py [recordings] [friction]

Every network rests several times, from other starts and under other noise: diffusive at c = 2, and with momentum of
friction λ at c = 2λ, which leaves the stationary law as it is to leading order. For each measure, each recording is put with
the kind whose other recordings are nearer on average. Printed: how many of each kind are put where they belong, and the
means of both kinds; and of each network how segments that are made at its jitter are read back by `ra.replay.states` (a
model of which fewer than 80 % are is not usable there). 0 recordings: that alone.
"""

import sys
import warnings

import numpy as np

import reactivation as ra
from reactivation.analysis.run import Run
from reactivation.replay import MEASURES, table

STEPS, TRAJECTORIES = 200, 40
LEFT_OUT = ("kl", "exponent_by_first_step", "ensemble_compression", "line_fit", "weighted_correlation")  # slow, or of rates

NETWORKS = {
    "vanilla, box": "spatial_navigation/noisy_unbiased",
    "GRU, box": "spatial_navigation/noisy_unbiased_gru",
    "vanilla, circle": "head_direction/noisy_unbiased",
}


def kinds(run: Run, seed: int, friction: float) -> dict[str, ra.Recording]:
    """Both kinds of rest of a network."""
    kept = [ra.Momentum(friction=friction)]
    rests = {
        "diffusive": ra.rest(STEPS, variance_gain=2),
        "momentum": ra.rest(STEPS, variance_gain=2 * friction, modify=kept),
    }
    return {name: run.record(phase, TRAJECTORIES, seed, rates=False, decoder="template") for name, phase in rests.items()}


def read_back(run: Run, friction: float) -> list[str]:
    """Which share of segments made of each model is read back, at the jitter of each kind of rest: lines to print."""
    lines = []
    for kind, recording in kinds(run, 0, friction).items():
        found = ra.replay.states(recording, rng=0)
        lines.append(f"{kind}: read back at a jitter of {found.jitter:.3g} {recording.space.unit}")
        for model, row in zip(found.usable, found.confusion, strict=True):
            usable = "" if found.usable[model] else "  not usable"
            lines.append(f"  {model:12}{''.join(f'{share:6.2f}' for share in row)}{usable}")
    return lines


def values(run: Run, recordings: int, friction: float) -> tuple[list[str], dict[str, np.ndarray]]:
    """Every measure (columns) of every recording (rows) of each kind."""
    awake = run.record(ra.waking(100), 200, rates=False, decoder="template")
    measures = tuple(name for name in MEASURES if name not in (*LEFT_OUT, "pair_correlation"))
    rows: dict[str, list[list[float]]] = {"diffusive": [], "momentum": []}
    for seed in range(recordings):
        both = kinds(run, seed, friction)
        found = table(both, dict.fromkeys(both, awake), measures=measures, rng=seed).found
        for kind, ours in rows.items():
            ours.append([float("nan") if found[name][kind] is None else found[name][kind].value for name in measures])
    return list(measures), {kind: np.array(ours) for kind, ours in rows.items()}


def put_right(ours: np.ndarray, others: np.ndarray) -> int:
    """How many values (n) are nearer to the mean of the others of their own kind than to that of the other kind."""
    n = len(ours)
    own_means = (np.nansum(ours) - ours) / (n - 1)
    return int((np.abs(ours - own_means) < np.abs(ours - np.nanmean(others))).sum())


def main(recordings: int, friction: float) -> None:
    """Print a table for each network."""
    warnings.simplefilter("ignore", RuntimeWarning)  # a column without a value has no mean
    for name, experiment in NETWORKS.items():
        run = ra.load(experiment, seed=0)
        print(f"{name}, λ = {friction:g}", *read_back(run, friction), sep="\n", flush=True)
        if not recordings:
            continue
        measures, found = values(run, recordings, friction)
        print(f"of {recordings} recordings of each kind")
        print(f"{'':24}  diffusive as diffusive  momentum as momentum  mean diffusive  mean momentum")
        for column, measure in enumerate(measures):
            one, other = (found[kind][:, column] for kind in ("diffusive", "momentum"))
            right = put_right(one, other), put_right(other, one)
            print(f"{measure:24}  {right[0]:>22}  {right[1]:>20}  {np.nanmean(one):14.4g}  {np.nanmean(other):13.4g}")


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    main(int(given[0]) if given else 8, given[1] if given[1:] else 0.7)
