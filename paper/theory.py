"""The study of the mechanism: the networks of its families, their measurements, and which of both are missing.

    python reproduce.py profile=paper only=theory [dry_run=true] [seeds=1,2,3]

Networks are trained by `train.py`, by the command that the plan prints for each missing one: training takes hours, the
measurements minutes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from paper.learned import has_learned
from paper.protocols import HEAD, SPATIAL
from reactivation.analysis.mechanism import Settings, has, is_control, is_whole, result_file, training_values
from reactivation.machine.places import PUBLISHED
from reactivation.settings.layers import train_config
from reactivation.storage.files import read_json
from reactivation.storage.finding import command, own_or_published
from reactivation.storage.folder import RunFolder

TAG = "theory"
SEEDS = {SPATIAL: (1, 2, 3), HEAD: (0, 1, 2, 3, 4)}
_OF_STUDY = (0, 5, 6, 7)  # seeds of the study's unbiased networks whose weights are kept, or will be
CONTROL_SEEDS = (0, 1, 2, 3, 4)
DENSITY = {SPATIAL: "ring", HEAD: "bearings"}  # of the controls of a task
ALONG = ", along training"
LAST = 20  # checkpoints at the end of training over which α on the circle is averaged
# Checkpoints at which α is measured: along training, and at its end (the box: the last step; the circle: the last 20).
FOLLOWED = {
    SPATIAL: (100, 200, 400, 700, 1000, 1500, 2000, 2500),
    HEAD: (500, 1000, 2000, 4000, 8000, 14000, 20000, *range(25000 - 100 * (LAST - 1), 25001, 100)),
}
_PAIRS = {SPATIAL: 200, HEAD: 100}  # pairs of trajectories at each checkpoint
# Time on one core for a GRU of 512 units (half or less for others): for all measures, for α along training, and for the
# measures that older results lack.
_SECONDS, _FEWER, _COMPLETING = 170.0, 45.0, 40.0


@dataclass(frozen=True)
class Family:
    """Networks that are judged together: an experiment, under one noise of training."""

    name: str
    task: str
    experiment: str
    noise: float | None = None  # σ²Δt in training, or given to networks trained without noise; None: the experiment's
    followed: bool = False  # whether α is measured along training, too
    against: str | None = None  # of a null family: the experiment whose waking density its α is measured against
    null: str | None = None  # the family of the same cell, trained without a gradient, which says how α scatters
    of_study: bool = False  # whether its networks are the study's own, and not of tag=theory

    @property
    def seeds(self) -> tuple[int, ...]:
        return _OF_STUDY if self.of_study else SEEDS[self.task]


def _biased(name: str, experiment: str, null: str, noise: float | None = None) -> Family:
    return Family(name, SPATIAL, experiment, noise, followed="GRU" in name, null=null)


def _unbiased(name: str, experiment: str, noise: float | None = None) -> Family:
    return Family(name, SPATIAL, experiment, noise, against=f"{SPATIAL}/noisy_biased", of_study=True)


def _drawn(name: str, experiment: str, cell: str, noise: float | None = None) -> Family:
    return Family(name, HEAD, experiment, noise, followed=True, null=f"undrawn {cell}")


def _undrawn(cell: str) -> Family:
    words = cell.lower()
    return Family(f"undrawn {cell}", HEAD, f"noisy_undrawn_{words}", followed=True, against=f"{HEAD}/noisy_drawn_{words}")


FAMILIES = (
    _biased("biased GRU", "noisy_biased_gru", "unbiased GRU"),
    _biased("biased GRU, trained without noise", "no-noise_biased_gru", "unbiased GRU", 1e-4),
    _biased("biased vanilla", "noisy_biased", "unbiased vanilla"),
    _biased("biased vanilla, trained without noise", "no-noise_biased", "unbiased vanilla, trained without noise", 1e-4),
    _biased("biased GRU, half σ", "noisy_biased_gru", "unbiased GRU", 2.5e-5),
    _biased("biased GRU, double σ", "noisy_biased_gru", "unbiased GRU", 4e-4),
    _drawn("drawn GRU", "noisy_drawn_gru", "GRU"),
    _drawn("drawn tanh", "noisy_drawn_tanh", "tanh"),
    _drawn("drawn GRU without pauses", "noisy_drawn_gru_no_pauses", "GRU"),
    _drawn("drawn tanh without pauses", "noisy_drawn_tanh_no_pauses", "tanh"),
    _drawn("drawn GRU, trained without noise", "no-noise_drawn_gru", "GRU", 0.01),
    _drawn("drawn ReLU", "noisy_drawn_relu", "ReLU"),
    _drawn("drawn tanh, T = 200", "noisy_drawn_tanh_long", "tanh"),
    _unbiased("unbiased GRU", "noisy_unbiased_gru"),
    _unbiased("unbiased vanilla", "noisy_unbiased"),
    _unbiased("unbiased vanilla, trained without noise", "no-noise_unbiased", 1e-4),
    _undrawn("GRU"),
    _undrawn("tanh"),
    _undrawn("ReLU"),
)
BY_NAME = {family.name: family for family in FAMILIES}


@dataclass(frozen=True)
class Part:
    """One network or control to measure."""

    name: str
    settings: Settings
    lacking: str = ""  # the command that trains it; "" if it is trained
    family: str = ""  # name of the network's family

    @cached_property
    def found(self) -> dict[str, Any] | None:
        """Its measurement so far."""
        return found(self.settings)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to measure: results are complete, or cannot be completed as the network is missing."""
        return self.found is not None and (is_whole(self.found) or bool(self.lacking))

    @property
    def is_lacking(self) -> bool:
        """Whether its network has to be trained first."""
        return bool(self.lacking) and not self.is_done

    @property
    def seconds(self) -> float:
        """The time on one core: for all measures, for α along training, or for the measures that older results lack."""
        if self.settings.checkpoints:
            return _FEWER
        return _COMPLETING if self.found else _SECONDS


def parts(path: str, seeds: Sequence[int] | None = None) -> Iterator[Part]:
    """Yield the controls first, since no verdict is given without them, then the families, seed by seed.

    Args:
        path: root of the results.
        seeds: of the families of tag=theory; None for those that count: 1 to 3 in the box, where seed 0 was measured before
            the rules were written, and 0 to 4 on the circle.
    """
    for task, name, seed in ((task, name, seed) for seed in CONTROL_SEEDS for task in DENSITY for name in CONTROLS):
        yield Part(f"control {name}, {DENSITY[task]}, seed {seed}", control_settings(path, task, name, seed))
    for family in FAMILIES:
        for seed in family.seeds if family.of_study else seeds or family.seeds:
            settings = family_settings(path, family, seed)
            yield Part(f"{family.name}, seed {seed}", settings, lacking_of(settings), family.name)
            if family.followed:
                training = training_settings(path, family, seed)
                yield Part(f"{family.name}, seed {seed}{ALONG}", training, lacking_of(training), family.name)


_CONTROL_NAMES = {"langevin": "Langevin sampling", "attractor": "flat attractor"}
CONTROLS = tuple(_CONTROL_NAMES)


def control_name(name: str, task: str) -> str:
    """Return what tables call an analytic network of a task."""
    return f"control: {_CONTROL_NAMES[name]}, {DENSITY[task]}"


def control_settings(path: str, task: str, name: str, seed: int) -> Settings:
    """Return the settings that measure an analytic control."""
    return Settings(run=f"control:{name}:{DENSITY[task]}", seed=seed, path=path)


def family_settings(path: str, family: Family, seed: int) -> Settings:
    """Return the settings that measure a network of a family."""
    tag = None if family.of_study else TAG
    run = f"{family.task}/{family.experiment}"
    return Settings(run=run, seed=seed, tag=tag, noise=family.noise, against=family.against, path=path)


def training_settings(path: str, family: Family, seed: int) -> Settings:
    """Return the settings that measure its α along training."""
    checkpoints, pairs = list(FOLLOWED[family.task]), _PAIRS[family.task]
    return replace(family_settings(path, family, seed), checkpoints=checkpoints, gains=[0.0, 4.0], pairs=pairs)


def unlearned(path: str, family: Family) -> tuple[int, ...]:
    """Return the seeds of a family whose networks have not learned their task."""
    return tuple(seed for seed in family.seeds if not has_learned(run_of(family_settings(path, family, seed))))


def counted(path: str, family: Family) -> tuple[int, ...]:
    """Return the seeds of a family that are judged and drawn: all but those that have not learned."""
    left_out = unlearned(path, family)
    return tuple(seed for seed in family.seeds if seed not in left_out)


def run_of(settings: Settings) -> RunFolder:
    """Return the folder in which the network of some settings is trained.

    Raises:
        BadInput: the folder has a network of other settings, which would count in a family.
    """
    return own_or_published(train_config(training_values(settings)), settings.path, settings.run)


def found(settings: Settings) -> dict[str, Any] | None:
    """Return the measurement with exactly these settings; None if there is none.

    It is the one below the root or, of a control or a network that is not trained there, the published one. A copy of a
    published network counts as trained there.
    """
    place = settings
    if not has(place) and (is_control(settings) or run_of(settings).path.is_relative_to(PUBLISHED)):
        place = replace(settings, path=str(PUBLISHED))
    if not has(place):
        return None
    content: dict[str, Any] = read_json(result_file(place))
    return content


def lacking_of(settings: Settings) -> str:
    """Return the command that trains a missing network; "" if it is trained, and for controls."""
    if is_control(settings):
        return ""
    values = training_values(settings)
    needed = settings.checkpoints or [train_config(values).trainer.n_epochs]
    is_there = set(needed) <= set(run_of(settings).steps())
    return "" if is_there else command("train.py", values)


def show(path: str, seeds: Sequence[int] | None = None) -> list[Part]:
    """Print the plan, and return it."""
    planned = list(parts(path, seeds))
    for part in planned:
        state = "there" if part.is_done else "lacking" if part.lacking else f"{part.seconds / 60:.1g} min"
        print(f"theory   {state:<8} {part.name}: {part.lacking if state == 'lacking' else result_file(part.settings)}")
    to_do = [part.seconds for part in planned if not part.is_done and not part.lacking]
    lacking = sum(part.is_lacking for part in planned)
    print(f"to do: {len(to_do)} measures, about {sum(to_do) / 60:.0f} min; lacking: {lacking}")
    return planned


def published_files(path: str) -> list[Path]:
    """Return the files to publish below a root: results, verdicts, page and figures; of runs, all but checkpoints.

    Of runs of tag=theory, the network of the last step is published; measures of earlier checkpoints are in the results.
    """
    root = Path(path)
    files = [root / "theory_claims.json", root / "report_theory.html", *sorted((root / "figures").glob("theory_*"))]
    for part in parts(path):
        if has(part.settings):
            files.append(result_file(part.settings))
        if not (part.lacking or is_control(part.settings) or part.settings.checkpoints) and part.settings.tag == TAG:
            run = run_of(part.settings)
            tables = (run.table_file(split) for split in ("train", "test"))
            last = train_config(training_values(part.settings)).trainer.n_epochs
            files += [run.config_file, run.environment_file, *tables, run.model_file(last)]
    return [file for file in files if file.exists() and file.is_relative_to(root)]
