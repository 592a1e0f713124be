"""Phase diagrams of rest: rests of networks over adaptation and noise, and over momentum and noise.

    python -m paper.diagram [dry_run=true] [families=[biased GRU]] [seeds=[1]] [path=results]

Measures every trained network of the families that has no measurement yet, here or published (5 minutes each on a busy core,
less for vanilla networks and for bearings), draws PATH/figures/fig_diagram.png with its table, each family in maps of its
own, and prints each row of `paper/claims/replay.py` with its verdict. Every measurement is a file,
PATH/diagram/<task>_<experiment>_<seed>[_<tag>].json. Other trajectories or steps end its name, and that of the figure,
which some families or seeds end, too: fig_diagram_biased-GRU_100_500.png.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any

from paper.claims.replay import rows
from paper.claims.verdicts import Claim, Verdict, judge
from paper.learned import has_learned, left_out, line_on
from paper.panels.diagram import KEY, draw
from paper.pictures import picture
from paper.protocols import HEAD, SPATIAL
from paper.tables import Table
from reactivation.analysis.mechanism import Settings as OfTheory
from reactivation.analysis.mechanism import training_values
from reactivation.machine.errors import BadInput, DamagedData, nearest, run_command
from reactivation.machine.places import PUBLISHED, refuse_published
from reactivation.network.modifiers import Adaptation, Modifier, Momentum
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS, train_config
from reactivation.storage.fields import made
from reactivation.storage.files import damaged, make_folder, read_json, require_place, to_json, write_atomically
from reactivation.storage.finding import command, own_or_published
from reactivation.storage.folder import RunFolder

if TYPE_CHECKING:
    from reactivation.analysis.recording import Recording
    from reactivation.analysis.run import Run

TAG = "theory"
ADAPTATION, MOMENTUM = "adaptation", "momentum"
GAINS = (0.25, 0.5, 1.0, 2.0, 4.0)  # c
STRENGTHS = {ADAPTATION: (0.0, 0.15, 0.3, 0.6), MOMENTUM: (1.0, 0.5, 0.25)}  # b, and λ
PLAIN = {ADAPTATION: 0.0, MOMENTUM: 1.0}
ADAPTATION_TIME = 0.16  # τ_a [s]: eight steps
MEASURES = ("exponent", "kl", "coverage", "faster")
FORMAT = 1
TRAJECTORIES, STEPS = 100, 1000  # of a rest


@dataclass(frozen=True)
class Family:
    """Networks that are judged together."""

    name: str
    experiment: str
    seeds: tuple[int, ...]  # those that count
    of_noise: bool = True  # whether the noise gain can matter: it cannot for bias-free ReLU units
    tag: str | None = TAG

    @property
    def points(self) -> tuple[tuple[str, float, float], ...]:
        """Modifier, strength and gain of each rest."""
        if not self.of_noise:
            return tuple((ADAPTATION, b, 2.0) for b in STRENGTHS[ADAPTATION])
        return tuple((kind, strength, c) for kind, strengths in STRENGTHS.items() for strength in strengths for c in GAINS)


FAMILIES = (
    Family("biased GRU", f"{SPATIAL}/noisy_biased_gru", (1, 2, 3)),
    Family("drawn tanh", f"{HEAD}/noisy_drawn_tanh", (0, 1, 2, 3, 4)),
    Family("undrawn tanh", f"{HEAD}/noisy_undrawn_tanh", (0, 1, 2, 3, 4)),
    Family("biased vanilla", f"{SPATIAL}/noisy_biased", (1, 2, 3), of_noise=False),
    Family("published GRU (does not count)", f"{SPATIAL}/noisy_biased_gru", (0,), tag=None),
    Family("published vanilla (does not count)", f"{SPATIAL}/noisy_biased", (0,), of_noise=False, tag=None),
)


@dataclass
class Settings:
    """Keys of this command."""

    families: list[str] = setting([one.name for one in FAMILIES], "which families")
    seeds: list[int] = setting([], "which of their seeds; []: all")
    trajectories: int = setting(TRAJECTORIES, "of a rest", low=10)
    steps: int = setting(STEPS, "of a rest, the last half of which is measured", low=100)
    dry_run: bool = setting(False, "say what is there, what is lacking, and the rules, and measure nothing")
    path: str = setting(RESULTS, "root of the results", folder=True)

    def __post_init__(self) -> None:
        """Refuse unknown families, and seeds that none of the families has.

        Raises:
            BadInput: a family is unknown, or a seed.
        """
        known = [one.name for one in FAMILIES]
        for name in self.families:
            if name not in known:
                raise BadInput(f"families: {name} is none; {nearest(name, known)}")
        theirs = sorted({seed for one in FAMILIES if one.name in self.families for seed in one.seeds})
        for seed in self.seeds:
            if seed not in theirs:
                raise BadInput(f"seeds: {seed} is of none of these families; known: {', '.join(map(str, theirs))}")

    @property
    def sizes(self) -> list[str]:
        """The trajectories and steps of a rest, as ends of names; none for the usual ones."""
        sizes = self.trajectories, self.steps
        return [] if sizes == (TRAJECTORIES, STEPS) else [str(size) for size in sizes]

    @property
    def figure(self) -> str:
        """The name of the figure, so that one of some networks, or of other sizes, does not replace that of all."""
        chosen = [one.name for one in FAMILIES if one.name in self.families]
        families = [] if len(chosen) == len(FAMILIES) else [re.sub(r"[^\w.]+", "-", name).strip("-") for name in chosen]
        seeds = [f"seed{'-'.join(map(str, sorted(self.seeds)))}"] if self.seeds else []
        return "_".join([KEY, *families, *seeds, *self.sizes])


@dataclass(frozen=True)
class Part:
    """One network."""

    family: Family
    seed: int
    settings: Settings

    @property
    def file(self) -> Path:
        ends = [str(self.seed), *filter(None, [self.family.tag]), *self.settings.sizes]
        return Path(self.settings.path) / "diagram" / f"{'_'.join([self.family.experiment.replace('/', '_'), *ends])}.json"

    @property
    def training(self) -> dict[str, Any]:
        """The settings that train it, by the keys of train.py."""
        return training_values(OfTheory(run=self.family.experiment, seed=self.seed, tag=self.family.tag))

    @property
    def is_trained(self) -> bool:
        return train_config(self.training).trainer.n_epochs in self.run.steps()

    @property
    def run(self) -> RunFolder:
        """The folder of its training.

        Raises:
            BadInput: the folder has a network of other settings, which would count in this family.
        """
        return own_or_published(train_config(self.training), self.settings.path, self.family.name)

    @property
    def is_left_out(self) -> bool:
        """Whether it is trained, but has not learned its task."""
        return (self.found is not None or self.is_trained) and not has_learned(self.run)

    @property
    def found(self) -> dict[str, Any] | None:
        """Its measurement with exactly these settings; None if there is none.

        It is the one below the root or, of a network that is not trained there, the published one. A copy of a published
        network counts as trained there.

        Raises:
            DamagedData: a file is damaged.
        """
        if self.run.path.is_relative_to(PUBLISHED):
            return self.own or replace(self, settings=replace(self.settings, path=str(PUBLISHED))).own
        return self.own

    @property
    def own(self) -> dict[str, Any] | None:
        """Its measurement below the root; see `found`."""
        if not self.file.exists():
            return None
        found: dict[str, Any] = read_json(self.file)
        if found.get("settings") != self.science:
            return None
        try:
            points = tuple(
                (point.modifier, point.strength, point.gain) for point in (made(_Point, one) for one in found["points"])
            )
        except (KeyError, TypeError):
            points = ()
        if points != self.family.points:
            raise damaged(self.file)
        return found

    @property
    def science(self) -> dict[str, Any]:
        """The settings on which the numbers depend."""
        points = [list(point) for point in self.family.points]
        return {"format": FORMAT, "trajectories": self.settings.trajectories, "steps": self.settings.steps, "points": points}


@dataclass(frozen=True)
class _Point:
    """The entry of one rest in a file."""

    modifier: str
    strength: float
    gain: float
    exponent: float | None
    kl: float | None
    coverage: float | None
    faster: float | None
    reason: str | None = None


def parts(settings: Settings) -> Iterator[Part]:
    """Yield the networks of the families and seeds of the settings; seeds that a family does not judge are not its own."""
    for family in FAMILIES:
        if family.name in settings.families:
            yield from (Part(family, seed, settings) for seed in family.seeds if seed in (settings.seeds or family.seeds))


def measure(part: Part) -> dict[str, Any]:
    """Measure all rests of a network, and write the file.

    Raises:
        DamagedData: the network is missing.
        StorageError: the file cannot be written.
    """
    from reactivation.analysis.run import load_run
    from reactivation.machine.device import prepare
    from reactivation.network.phases import waking
    from reactivation.storage.finding import found_run

    require_place(part.file.parent)
    run = load_run(found_run(train_config(part.training), part.settings.path), prepare("cpu"))
    awake = run.record(waking(100), 200, rates=False, decoder="template")
    plain = {c: _rest(run, PLAIN_POINT, c, part.settings) for c in sorted({2.0, *(c for *_, c in part.family.points)})}
    points = [_measured(run, awake, plain, point, part.settings) for point in part.family.points]
    found = {"settings": part.science, "model": run.provenance(), "points": points}
    make_folder(part.file.parent)
    write_atomically(part.file, to_json(found))
    return found


PLAIN_POINT = (ADAPTATION, PLAIN[ADAPTATION])


def changed(kind: str, strength: float) -> Modifier:
    """The modifier of a point."""
    return Adaptation(gain=strength, tau=ADAPTATION_TIME) if kind == ADAPTATION else Momentum(friction=strength)


def _rest(run: "Run", point: tuple[str, float], gain: float, settings: Settings) -> "Recording | str":
    """A rest, or the reason why it failed."""
    from reactivation.network.phases import rest

    phase = rest(settings.steps, gain, changed(*point), dropped=settings.steps // 2)
    try:
        return run.record(phase, settings.trajectories, rates=False, decoder="template")
    except DamagedData as problem:  # activity that grows beyond all bounds
        return str(problem)


def _measured(
    run: "Run", awake: Any, plain: Mapping[float, Any], point: tuple[str, float, float], settings: Settings
) -> Any:
    """Every measure of one rest; None for a measure without a value."""
    from reactivation.analysis.measures.kl import kl
    from reactivation.replay import compression, coverage, exponent

    kind, strength, gain = point
    told = {"modifier": kind, "strength": strength, "gain": gain}
    resting = plain[gain] if strength == PLAIN[kind] else _rest(run, (kind, strength), gain, settings)
    usual = plain[2.0]
    if isinstance(resting, str) or isinstance(usual, str):
        return {**told, **dict.fromkeys(MEASURES), "reason": resting if isinstance(resting, str) else usual}
    values = {
        "exponent": exponent(resting, rng=0).value,
        "kl": kl(resting, awake, rng=0).value,
        "coverage": coverage(resting, rng=0).value,
        "faster": compression(resting, usual, rng=0).value,
    }
    return {**told, **{name: value if math.isfinite(value) else None for name, value in values.items()}}


def verdicts(family: Family, found: Mapping[int, Any]) -> dict[Claim, Verdict]:
    """Return the verdict on every row of a family, over the measured seeds."""
    return {claim: judge(claim, {seed: claim.value(one) for seed, one in found.items()}) for claim in rows(family.of_noise)}


def verdict_table(measured: Mapping[Family, Mapping[int, Any]], unlearned: Mapping[Family, Sequence[int]]) -> Table:
    """Return every row of the families with its verdict; seeds that have not learned stand beside the number that count."""
    header = ["networks", "row", "measure", "rule", "mean", "95 % interval", "n", "verdict"]
    rows = []
    for family in (one for one in FAMILIES if one in measured or one in unlearned):
        for claim, verdict in verdicts(family, measured.get(family, {})).items():
            interval = "–" if verdict.interval is None else "{:.3g} to {:.3g}".format(*verdict.interval)
            mean = "–" if math.isnan(verdict.mean) else f"{verdict.mean:.3g}"
            told = [family.name, claim.sentence, claim.measure, claim.rule, mean, interval]
            rows.append([*told, f"{len(verdict.seeds)}{left_out(unlearned.get(family, ()))}", verdict.verdict])
    return Table(header, rows)


def measured_below(path: str) -> dict[Family, dict[int, Any]]:
    """Return families → seed → measurement below a root of results, of networks that have learned their task only."""
    found: dict[Family, dict[int, Any]] = {}
    for part in parts(Settings(path=path)):
        if part.found is not None and has_learned(part.run):
            found.setdefault(part.family, {})[part.seed] = part.found
    return found


def unlearned_below(path: str) -> dict[Family, tuple[int, ...]]:
    """Return families → seeds whose networks are trained below a root of results, but have not learned their task."""
    found: dict[Family, tuple[int, ...]] = {}
    for part in parts(Settings(path=path)):
        if part.is_left_out:
            found[part.family] = (*found.get(part.family, ()), part.seed)
    return found


def published_files(path: str) -> list[Path]:
    """Return the files to publish below a root: measurements, the figure and its table."""
    measured = [part.file for part in parts(Settings(path=path)) if part.own is not None]
    drawn = [picture(Path(path) / "figures", KEY, form) for form in ("pdf", "png", "csv")]
    return [*measured, *(file for file in drawn if file.exists())]


def main(words: Sequence[str]) -> None:
    """The command line of this module.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
    """
    settings = asked_settings(Settings, __doc__ or "", list(words))
    if settings is None:
        return
    refuse_published(Path(settings.path))
    measured: dict[Family, dict[int, Any]] = {}
    unlearned: dict[Family, tuple[int, ...]] = {}
    for part in parts(settings):
        found = part.found
        if found is None and not part.is_trained:
            print(f"lacking  {part.family.name}, seed {part.seed}: {command('train.py', part.training)}")
        elif part.is_left_out:
            print(line_on(part.family.name, part.seed))
            unlearned[part.family] = (*unlearned.get(part.family, ()), part.seed)
        elif found is None and settings.dry_run:
            print(f"to do    {part.family.name}, seed {part.seed}: {part.file}")
        else:
            print(f"{'there' if found else 'measure':<8} {part.family.name}, seed {part.seed}: {part.file}", flush=True)
            measured.setdefault(part.family, {})[part.seed] = found or measure(part)
        measured.setdefault(part.family, {})
    if any(measured.values()) and not settings.dry_run:
        print(*draw(measured, unlearned, Path(settings.path) / "figures", settings.figure), sep="\n")
    print(verdict_table(measured, unlearned).markdown())


if __name__ == "__main__":
    run_command(main)
