"""Which measures of replay tell momentum from diffusive rest.

    python benchmarks/separation.py [recordings=8] [frictions=[0.7,0.2]] [document=docs/replay.md]

Every network rests several times, from different starts and under different noise: diffusive at c = 2, and with momentum of
each friction λ at c = 2λ, which keeps the stationary density to leading order. By each measure alone, a recording is
assigned to the kind, diffusive or with this momentum, whose other recordings are nearer on average. A first table has the
number of each kind that is assigned correctly, and the means of both kinds. A second table is about segments generated with
a network's jitter, at three lengths: the share of them that `ra.replay.states` classifies correctly (a model below 80 % is
not usable there), and the share for a reader who knows the sizes of steps and jitter, which no measure of positions can
exceed for both models. recordings=0 makes the second table alone. A recording and its measures take 17 s of a core, less
for bearings.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
import sys
import warnings

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import reactivation as ra
from reactivation.analysis.run import Run
from reactivation.machine.errors import run_command
from reactivation.replay import MEASURES, table
from reactivation.replay.lags import steps
from reactivation.replay.states import KEPT, MODELS, USABLE, States, made_segments
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.world.spaces import Space

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.documents import print_or_fill, require_places
from paper.tables import Table

STEPS, TRAJECTORIES = 200, 40
LENGTHS = (20, 40, 60)  # samples of a segment: the length in `ra.replay.states`, and longer ones
LONGER = "states of 40 samples"
TOLD = 400  # segments of each model for the reader who knows the sizes of steps and jitter

NETWORKS = {
    "vanilla, box": "spatial_navigation/noisy_unbiased",
    "GRU, box": "spatial_navigation/noisy_unbiased_gru",
    "vanilla, circle": "head_direction/noisy_unbiased",
}
SOURCE = "by benchmarks/separation.py"
DIFFUSIVE = "diffusive"
MADE = (DIFFUSIVE, "momentum")  # models of segments


@dataclass
class Settings:
    """Settings of the script."""

    recordings: int = setting(8, "of each kind and network; 0: only what is read back", low=0)
    frictions: list[float] = setting([0.7, 0.2], "frictions λ of momentum", above=0, high=1)
    processes: int = setting(1, "that share the work", low=1)
    document: str | None = setting(None, "page whose tables are filled; null: they are printed")


def with_momentum(friction: float) -> str:
    """Return the name of rest with momentum of a friction."""
    return f"momentum, λ = {friction:g}"


def kinds(run: Run, seed: int, frictions: Sequence[float]) -> dict[str, ra.Recording]:
    """Record every kind of rest of a network."""
    rests = {DIFFUSIVE: ra.rest(STEPS, variance_gain=2)}
    for friction in frictions:
        rests[with_momentum(friction)] = ra.rest(STEPS, variance_gain=2 * friction, modify=[ra.Momentum(friction=friction)])
    return {name: run.record(phase, TRAJECTORIES, seed, decoder="template") for name, phase in rests.items()}


def told(space: Space, found: States, samples: int) -> dict[str, float]:
    """Return the share of segments of each model in MADE that is recognised knowing the sizes of steps and jitter, not λ."""
    apart = np.abs(np.subtract.outer(np.arange(samples - 1), np.arange(samples - 1)))
    jitter = found.jitter**2 * (2.0 * (apart == 0) - 1.0 * (apart == 1))
    laws = {"diffusive": [apart == 0], "momentum": [kept**apart for kept in KEPT]}
    draws, shares = np.random.default_rng(0), {}
    for made in MADE:
        moved = steps(space, made_segments(space, made, found.jitter, found.scale, samples, TOLD, draws))
        axes = moved.transpose(2, 0, 1).reshape(-1, samples - 1)  # the segments of one dimension after those of the other

        def likelihood(law: np.ndarray, axes: np.ndarray = axes) -> np.ndarray:
            along = multivariate_normal.logpdf(axes, cov=found.scale**2 * law + jitter).reshape(-1, TOLD)
            total: np.ndarray = along.sum(0)
            return total

        likely = [logsumexp([likelihood(law) for law in of], axis=0) - np.log(len(of)) for of in laws.values()]
        shares[made] = float((np.argmax(likely, axis=0) == MADE.index(made)).mean())
    return shares


def read_back(name: str, frictions: Sequence[float]) -> list[list[str]]:
    """Return the rows of a network in the table of segments."""
    rows = []
    for kind, recording in kinds(ra.load(NETWORKS[name], seed=0), 0, frictions).items():
        cells = [name, kind]
        for samples in LENGTHS:
            found = ra.replay.states(recording, samples=samples, rng=0)
            best = told(recording.space, found, samples)
            if samples == LENGTHS[0]:
                cells += [f"{found.jitter:.2g}", f"{found.scale:.2g}"]
            of_model = dict(zip(MODELS, np.diag(found.confusion), strict=True))
            cells += [f"{_marked(of_model[made])} of {best[made]:.0%}" for made in MADE]
        rows.append(cells)
    return rows


def _marked(share: float) -> str:
    return f"{share:.0%}" if share >= USABLE else f"*{share:.0%}*"


def values(name: str, seed: int, frictions: Sequence[float]) -> dict[str, list[float]]:
    """Return every measure of one recording of each kind of a network."""
    warnings.simplefilter("ignore", RuntimeWarning)  # a column without a value has no mean
    run = ra.load(NETWORKS[name], seed=0)
    awake, each = run.record(ra.waking(100), 200, decoder="template"), kinds(run, seed, frictions)
    found = table(each, awake, rng=seed).found
    longer = {kind: ra.replay.states(one, samples=LENGTHS[1], rng=seed) for kind, one in each.items()}
    return {
        kind: [np.nan if one is None else one.value for one in (*(found[m][kind] for m in MEASURES), longer[kind])]
        for kind in each
    }


def put_right(ours: np.ndarray, others: np.ndarray) -> int:
    """Count the values (n) that are nearer to the mean of the others of their own kind than to that of the other kind."""
    known, others = ours[np.isfinite(ours)], others[np.isfinite(others)]
    if len(known) < 2 or not len(others):
        return 0
    own_means = (known.sum() - known) / (len(known) - 1)
    return int((np.abs(known - own_means) < np.abs(known - others.mean())).sum())


def separated(found: Mapping[str, Mapping[str, np.ndarray]], friction: float) -> Iterator[list[str]]:
    """Yield rows of the table of measures: numbers assigned correctly (bold: at most one wrong of each kind), and means."""
    for column, measure in enumerate((*MEASURES, LONGER)):
        cells = [f"`{measure}`" if measure != LONGER else LONGER]
        for kinds_of in found.values():
            one, other = (kinds_of[kind][:, column] for kind in (DIFFUSIVE, with_momentum(friction)))
            right = put_right(one, other), put_right(other, one)
            shown = f"{right[0]}, {right[1]}"
            is_known = all(np.isfinite(values).any() for values in (one, other))
            cells.append("–" if not is_known else f"**{shown}**" if min(right) >= len(one) - 1 else shown)
            cells.append(f"{np.nanmean(one):.3g} → {np.nanmean(other):.3g}".replace("nan", "–"))
        yield cells


def main(words: list[str]) -> None:
    """Measure every network, and print the tables or write them into a page.

    Raises:
        BadInput: the page has no place for them.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    frictions = settings.frictions if settings.recordings else []
    blocks = ["read back", *(f"measures at {friction:g}" for friction in frictions)]
    require_places(settings.document, SOURCE, blocks)
    warnings.simplefilter("ignore", RuntimeWarning)  # a column without a value has no mean
    with ProcessPoolExecutor(settings.processes, get_context("spawn")) as pool:
        asked = [(name, seed) for seed in range(settings.recordings) for name in NETWORKS]
        measured = [pool.submit(values, *one, settings.frictions) for one in asked]
        back = [pool.submit(read_back, name, settings.frictions) for name in NETWORKS]
        each = [one.result() for one in measured]
        read = [row for rows in back for row in rows.result()]
    lengths = [f"{made}, {samples} samples" for samples in LENGTHS for made in MADE]
    tables = [Table(["network", "rest", "jitter", "step", *lengths], read)]
    found = {name: _stacked([one for (of, _), one in zip(asked, each, strict=True) if of == name]) for name in NETWORKS}
    header = ["measure", *(cell for name in found for cell in (name, "means"))]
    tables += [Table(header, list(separated(found, friction))) for friction in frictions]
    print_or_fill(settings.document, SOURCE, {name: made.markdown() for name, made in zip(blocks, tables, strict=True)})


def _stacked(recordings: Sequence[Mapping[str, list[float]]]) -> dict[str, np.ndarray]:
    """Measures (columns) of recordings (rows) of each kind."""
    return {kind: np.array([one[kind] for one in recordings]) for kind in (recordings[0] if recordings else ())}


if __name__ == "__main__":
    run_command(main)
