"""Which measures of replay tell momentum from diffusive rest.

    python benchmarks/separation.py [recordings=8] [friction=0.7] [document=docs/replay.md]

Every network rests several times, from other starts and under other noise: diffusive at c = 2, and with momentum of
friction λ at c = 2λ, which leaves the stationary law as it is to leading order. For each measure, each recording is put with
the kind whose other recordings are nearer on average; told is how many of each kind are put where they belong, and the means
of both kinds. Beside that: which share of segments that are made at a network's jitter is read back by `ra.replay.states` (a
model of which fewer than 80 % are is not usable there), at two lengths, and which share a reader gets back who is told how
large steps and jitter are: no measure of positions can do better on both. recordings=0: that alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any
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
from reactivation.storage.files import write_atomically
from reactivation.world.spaces import Space

STEPS, TRAJECTORIES = 200, 40
LEFT_OUT = ("kl", "exponent_by_first_step", "ensemble_compression", "line_fit", "weighted_correlation")  # slow, or of rates
OF_POSITIONS = tuple(name for name in MEASURES if name not in (*LEFT_OUT, "pair_correlation"))
LENGTHS = (20, 40)  # samples of a segment: the measure's own, and twice that
LONGER = "states of 40 samples"
TOLD = 400  # segments of each model that the reader is given who is told

NETWORKS = {
    "vanilla, box": "spatial_navigation/noisy_unbiased",
    "GRU, box": "spatial_navigation/noisy_unbiased_gru",
    "vanilla, circle": "head_direction/noisy_unbiased",
}
KINDS = ("diffusive", "momentum")
_BLOCK = re.compile(
    r"(?P<begin><!-- made by benchmarks/separation.py: (?P<name>[\w ]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


@dataclass
class Settings:
    """Settings of the script."""

    recordings: int = setting(8, "of each kind and network; 0: only what is read back", low=0)
    friction: float = setting(0.7, "friction λ of momentum", above=0, high=1)
    document: str | None = setting(None, "page whose tables are filled; null: they are printed")


def kinds(run: Run, seed: int, friction: float) -> dict[str, ra.Recording]:
    """Both kinds of rest of a network."""
    kept = [ra.Momentum(friction=friction)]
    rests = (ra.rest(STEPS, variance_gain=2), ra.rest(STEPS, variance_gain=2 * friction, modify=kept))
    return {
        name: run.record(phase, TRAJECTORIES, seed, rates=False, decoder="template")
        for name, phase in zip(KINDS, rests, strict=True)
    }


def told(space: Space, found: States, samples: int) -> dict[str, float]:
    """Share of segments read back, for KINDS, by a reader who knows how large steps and jitter are, but not what is kept."""
    apart = np.abs(np.subtract.outer(np.arange(samples - 1), np.arange(samples - 1)))
    jitter = found.jitter**2 * (2.0 * (apart == 0) - 1.0 * (apart == 1))
    laws = {"diffusive": [apart == 0], "momentum": [kept**apart for kept in KEPT]}
    draws, shares = np.random.default_rng(0), {}
    for made in KINDS:
        moved = steps(space, made_segments(space, made, found.jitter, found.scale, samples, TOLD, draws))
        axes = moved.transpose(2, 0, 1).reshape(-1, samples - 1)  # a dimension after the other: the segments of each

        def likelihood(law: np.ndarray, axes: np.ndarray = axes) -> np.ndarray:
            along = multivariate_normal.logpdf(axes, cov=found.scale**2 * law + jitter).reshape(-1, TOLD)
            total: np.ndarray = along.sum(0)
            return total

        likely = [logsumexp([likelihood(law) for law in of], axis=0) - np.log(len(of)) for of in laws.values()]
        shares[made] = float((np.argmax(likely, axis=0) == KINDS.index(made)).mean())
    return shares


def read_back(name: str, run: Run, friction: float) -> Iterator[list[str]]:
    """Rows of the table of what is read back of a network."""
    for kind, recording in kinds(run, 0, friction).items():
        cells = [name, kind]
        for samples in LENGTHS:
            found = ra.replay.states(recording, samples=samples, rng=0)
            best = told(recording.space, found, samples)
            if samples == LENGTHS[0]:
                cells += [f"{found.jitter:.2g}", f"{found.scale:.2g}"]
            of_model = dict(zip(MODELS, np.diag(found.confusion), strict=True))
            cells += [f"{_marked(of_model[made])} of {best[made]:.0%}" for made in KINDS]
        yield cells


def _marked(share: float) -> str:
    return f"{share:.0%}" if share >= USABLE else f"*{share:.0%}*"


def values(run: Run, recordings: int, friction: float) -> dict[str, np.ndarray]:
    """Every measure (columns) of every recording (rows) of each kind."""
    awake = run.record(ra.waking(100), 200, rates=False, decoder="template")
    rows: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for seed in range(recordings):
        both = kinds(run, seed, friction)
        found = table(both, dict.fromkeys(both, awake), measures=OF_POSITIONS, rng=seed).found
        for kind, ours in rows.items():
            longer = ra.replay.states(both[kind], samples=LENGTHS[1], rng=seed)
            ours.append([float("nan") if one is None else one.value for one in (*_of(found, kind), longer)])
    return {kind: np.array(ours) for kind, ours in rows.items()}


def _of(found: Mapping[str, Mapping[str, Any]], kind: str) -> list[Any]:
    return [found[name][kind] for name in OF_POSITIONS]


def put_right(ours: np.ndarray, others: np.ndarray) -> int:
    """How many values (n) are nearer to the mean of the others of their own kind than to that of the other kind."""
    n = len(ours)
    own_means = (np.nansum(ours) - ours) / (n - 1)
    return int((np.abs(ours - own_means) < np.abs(ours - np.nanmean(others))).sum())


def separated(found: Mapping[str, Mapping[str, np.ndarray]]) -> Iterator[list[str]]:
    """Rows of the table of measures: how many are put right (bold: of both kinds all but one or more), and means."""
    for column, measure in enumerate((*OF_POSITIONS, LONGER)):
        cells = [f"`{measure}`" if measure != LONGER else LONGER]
        for kinds_of in found.values():
            one, other = (kinds_of[kind][:, column] for kind in KINDS)
            if np.isnan(one).all() and np.isnan(other).all():
                cells += ["–", "–"]
                continue
            right = put_right(one, other), put_right(other, one)
            shown = f"{right[0]}, {right[1]}"
            cells.append(f"**{shown}**" if min(right) >= len(one) - 1 else shown)
            cells.append(f"{np.nanmean(one):.3g} → {np.nanmean(other):.3g}".replace("nan", "–"))
        yield cells


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of a page."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def main(words: list[str]) -> None:
    """Measure every network, and print both tables or write them into a page."""
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    warnings.simplefilter("ignore", RuntimeWarning)  # a column without a value has no mean
    back, found = list[list[str]](), dict[str, dict[str, np.ndarray]]()
    for name, experiment in NETWORKS.items():
        run = ra.load(experiment, seed=0)
        back += read_back(name, run, settings.friction)
        if settings.recordings:
            found[name] = values(run, settings.recordings, settings.friction)
    lengths = [f"{made}, {samples} samples" for samples in LENGTHS for made in KINDS]
    tables = {"read back": markdown(["network", "rest", "jitter", "step", *lengths], back)}
    if found:
        header = ["measure", *(cell for name in found for cell in (name, "means"))]
        tables["measures"] = markdown(header, list(separated(found)))
    if settings.document is None:
        print(*tables.values(), sep="\n\n")
    else:
        page = Path(settings.document)
        write_atomically(page, filled(page.read_text(encoding="utf-8"), tables).encode())


def filled(text: str, tables: Mapping[str, str]) -> str:
    """Return a page with these of its tables made anew."""

    def fill(block: re.Match[str]) -> str:
        table = tables.get(block["name"])
        return block[0] if table is None else f"{block['begin']}\n{table}\n\n{block['end']}"

    return _BLOCK.sub(fill, text)


if __name__ == "__main__":
    run_command(main)
