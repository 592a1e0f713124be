"""Which gain of the noise makes rest match waking: networks of a sweep, their controls, and the verdicts.

    python sweep.py file=configs/sweep/gain_at_rest.yml name=gain_at_rest trained=results allow_missing=true
    python -m paper.gain [dry_run=true] [path=results]

The first command rests the networks that are trained here or published. The second rests the analytic controls that are
measured neither here nor in published/, each into PATH/gain/control_<name>_<density>_<seed>_<inputs>.json (3 minutes of a
core in the box, 1 on the circle). For networks that the sweep has not rested here, it takes the published rests. It writes
PATH/figures/fig_gain.csv, with a row for each network, kind of inputs and gain, fig_gain.png and .pdf, and
PATH/gain_claims.json: the gain at which each family matches waking best, by the rule in `paper/claims/gain.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import csv
from dataclasses import dataclass, replace
from functools import cache
import io
from itertools import product
import math
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from paper.claims.gain import GAINS, Controls, Curve, matching, verdict
from paper.claims.theory import Ruling
from paper.learned import has_learned, left_out, line_on
from paper.panels import gain as panel
from paper.panels.base import PanelTable
from paper.pictures import picture
from paper.protocols import HEAD, SPATIAL
from paper.tables import Table
from paper.theory import CONTROLS, DENSITY, FAMILIES, control_name
from reactivation.analysis.base import both_phases
from reactivation.analysis.measures import kl
from reactivation.analysis.results import confidence_interval
from reactivation.machine.errors import DamagedData, run_command, storing
from reactivation.machine.places import CONFIGS, PUBLISHED, refuse_published
from reactivation.network.phases import QUIESCENT
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS, resolve_analysis
from reactivation.storage.fields import made
from reactivation.storage.files import damaged, make_folder, read_json, require_place, to_json, write_atomically
from reactivation.storage.folder import RunFolder
from reactivation.streams import numpy_stream, of_analysis
from reactivation.sweep.folder import PlannedRun, Sweep, sweep_folder
from reactivation.sweep.grid import grid_of
from reactivation.sweep.plan import plan
from reactivation.sweep.table import sweep_table

FILE = CONFIGS / "sweep/gain_at_rest.yml"
SWEEP = "gain_at_rest"
STILL, BROWNIAN = "none", "query"
INPUTS = {STILL: "no inputs", BROWNIAN: "Brownian inputs"}
CLAIMS = "gain_claims.json"
_UNLEARNED = "unlearned"  # key, in the file of verdicts, of the seeds that have not learned
CONTROL_SEEDS = (0, 1, 2)
LANGEVIN = CONTROLS[0]
SCALE_FREE = "the paper's ReLU networks"
_NAMES = {(f"{one.task}/{one.experiment}", one.noise): one.name for one in FAMILIES} | {
    (f"{HEAD}/noisy_drawn_relu", None): "drawn ReLU"
}


Unlearned = Mapping[str, tuple[int, ...]]  # family → seeds of its networks that have not learned their task


class Row(NamedTuple):
    """The divergence of one rest from waking [nats]."""

    family: str
    network: str
    inputs: str
    gain: float
    kl: float | None  # None where it is infinite, or a density is degenerate
    error: float | None  # standard error of the Monte Carlo estimate


@dataclass(frozen=True)
class Control:
    """An analytic network."""

    name: str
    task: str
    seed: int
    inputs: str

    @property
    def family(self) -> str:
        return control_name(self.name, self.task)

    @property
    def network(self) -> str:
        return f"{self.family}, seed {self.seed}"

    def file(self, path: str) -> Path:
        """Return the file of its measurement."""
        return Path(path) / "gain" / f"control_{self.name}_{DENSITY[self.task]}_{self.seed}_{self.inputs}.json"

    def rows(self, path: str) -> list[Row]:
        """Return its measurement in exactly these rests, a row for each; no rows if it was not measured.

        Raises:
            DamagedData: the file is damaged.
        """
        file = self.file(path)
        found = read_json(file) if file.exists() else {}
        try:
            return [made(Row, row) for row in found["rows"]] if found.get("rests") == self._rests() else []
        except (KeyError, TypeError):
            raise damaged(file) from None

    def measure(self, path: str) -> None:
        """Rest it, and write the file.

        Raises:
            StorageError: the file cannot be written.
        """
        from reactivation.controls.control import control

        run, file, rows = control(self.name, DENSITY[self.task], self.seed), self.file(path), []
        require_place(file.parent)
        for values in self._rests():
            settings = resolve_analysis("kl", kl.Settings, values)
            phases = both_phases(settings)
            recorded = {
                phase.name: run.record(phase, settings.batch_size, rates=False, decoder=settings.decoder) for phase in phases
            }
            found = kl.analyse({run.name: recorded}, settings, lambda part: numpy_stream(self.seed, of_analysis("kl", part)))
            measured = kl.tabulate(run.name, None, found.details)[QUIESCENT]
            row = Row(self.family, self.network, self.inputs, float(values["variance_gain"]), *_told(measured))
            rows.append(row._asdict())
        make_folder(file.parent)
        write_atomically(file, to_json({"rests": self._rests(), "rows": rows}))

    def _rests(self) -> list[dict[str, str]]:
        """The settings of its rests."""
        return [rest for rest in _rests(self.task) if rest["inputs"] == self.inputs]


def _told(measures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return measures["kl_matched"], measures["kl_matched_standard_error"]


def controls() -> Iterator[Control]:
    """Yield the controls of both tasks without inputs, and the Langevin ones under Brownian inputs, too."""
    still = [Control(name, task, seed, STILL) for task, name, seed in product(DENSITY, CONTROLS, CONTROL_SEEDS)]
    yield from still
    yield from (replace(one, inputs=BROWNIAN) for one in still if one.name == LANGEVIN)


@cache
def planned() -> tuple[PlannedRun, ...]:
    """Return the networks of the sweep, with their rests."""
    return tuple(run for run, _ in plan(grid_of({}, str(FILE), None)))


def _rests(task: str) -> list[dict[str, str]]:
    """The rests of each network of a task: settings of the analysis, as text."""
    ours = ("runs", "out", "seed")
    analyses = next(run.analyses for run in planned() if run.name.startswith(task))
    return [{key: value for key, value in one.values.items() if key not in ours} for one in analyses]


def family_of(run: PlannedRun) -> str:
    """Return the name of the family of a network of the sweep."""
    noise = float(run.values["rnn.sigma2_rec"]) if "rnn.sigma2_rec" in run.values else None
    return _NAMES[run.values["config"], noise] if "tag" in run.values else SCALE_FREE


@dataclass(frozen=True)
class Family:
    """Networks of one kind in the plan of the sweep."""

    name: str
    task: str
    planned: int


def families() -> list[Family]:
    """Return the families to judge, in the order of the plan."""
    names = [(family_of(run), run.name.split("/")[0]) for run in planned()]
    return [Family(name, task, names.count((name, task))) for name, task in dict.fromkeys(names) if name != SCALE_FREE]


def measured(path: str) -> list[Row]:
    """Return the measurements below a root of results: controls, then networks of the sweep that have learned their task."""
    rows = [row for control in controls() for row in control.rows(path)]
    sweep = Sweep(sweep_folder(SWEEP, path))
    if not sweep.plan_file.exists():
        return rows
    learned = [run for run in planned() if has_learned(RunFolder(sweep.path / run.name))]
    families = {str(sweep.path / run.name): (family_of(run), run.name) for run in learned}
    known = [row for row in sweep_table(sweep) if row["run"] in families]
    return rows + [Row(*families[row["run"]], row["inputs"], row["variance_gain"], *_told(row)) for row in known]


def with_published(path: str) -> list[Row]:
    """Return the measurements below a root of results, and the published ones of networks and controls without any there.

    So a figure with the networks of this machine needs no new rests of networks that another machine measured.
    """
    own, sweep = measured(path), Sweep(sweep_folder(SWEEP, path))
    known = {(row.network, row.inputs) for row in own}
    unlearned_here = {run.name for run in planned() if not has_learned(RunFolder(sweep.path / run.name))}
    published = [row for row in drawn(str(PUBLISHED)) if row.network not in unlearned_here]
    rows = [row for row in published if (row.network, row.inputs) not in known] + own
    order = {(control.network, control.inputs): number for number, control in enumerate(controls())}
    return sorted(rows, key=lambda row: (order.get((row.network, row.inputs), len(order)), row.network.split("/")[0]))


def unlearned(path: str) -> Unlearned:
    """Return families of the sweep → seeds whose networks have not learned their task."""
    sweep, found = Sweep(sweep_folder(SWEEP, path)), dict[str, tuple[int, ...]]()
    for run in planned():
        if not has_learned(RunFolder(sweep.path / run.name)):
            found[family_of(run)] = (*found.get(family_of(run), ()), int(run.values["seed"]))
    return found


def curves(rows: Sequence[Row], family: str, inputs: str) -> list[Curve]:
    """Return the complete curves of a family; a rest without a number leaves its network's curve incomplete."""
    found: dict[str, dict[float, float]] = {}
    for row in rows:
        if (row.family, row.inputs) == (family, inputs) and row.kl is not None:
            found.setdefault(row.network, {})[row.gain] = row.kl
    return [Curve(kl, _dimensions(name)) for name, kl in found.items() if set(GAINS) <= kl.keys()]


def _dimensions(network: str) -> int:
    """Dimensions of the space of a network or control."""
    of_the_box = (SPATIAL, *(control_name(name, SPATIAL) for name in CONTROLS))
    return 2 if network.startswith(of_the_box) else 1


def controls_of(rows: Sequence[Row], task: str) -> Controls:
    """Return the controls of a task, on which it depends whether its families are judged."""
    langevin, attractor = (curves(rows, control_name(name, task), STILL) for name in CONTROLS)
    return Controls(langevin, attractor, curves(rows, SCALE_FREE, STILL))


@dataclass(frozen=True)
class Judged:
    """The gain at which a family matches waking best, under one kind of inputs."""

    family: str
    inputs: str
    planned: int
    curves: Sequence[Curve]
    ruling: Ruling
    unlearned: tuple[int, ...] = ()  # seeds that do not count

    @property
    def of_planned(self) -> str:
        """How many of the planned networks are judged, and which seeds are left out."""
        return f"{len(self.curves)} of {self.planned}{left_out(self.unlearned)}"

    @property
    def best(self) -> str:
        """The best gain, as the geometric mean over networks; "" where there is none."""
        bests = [curve.best for curve in self.curves if curve.best is not None]
        ends = confidence_interval(bests)
        interval = f" [{2 ** ends[0]:.2g}, {2 ** ends[1]:.2g}]" if ends else ""
        return f"{2 ** fmean(bests):.2g}{interval}" if bests and len(bests) == len(self.curves) else ""

    @property
    def matching(self) -> str:
        """The gains at which rest matches waking."""
        return ", ".join(f"{gain:g}" for gain in matching(self.curves)) if len(self.curves) > 1 else ""

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        about = {"family": self.family, "inputs": self.inputs, "networks": len(self.curves), "planned": self.planned}
        about |= {_UNLEARNED: list(self.unlearned)} if self.unlearned else {}
        return about | {
            "verdict": self.ruling.verdict,
            "reason": self.ruling.reason,
            "best": self.best,
            "matches": self.matching,
        }


def judge(rows: Sequence[Row], unlearned: Unlearned) -> list[Judged]:
    """Judge every family under both kinds of inputs, and name the seeds of its networks that have not learned."""
    judged = []
    for family, inputs in product(families(), INPUTS):
        own = curves(rows, family.name, inputs)
        ruling = verdict(own, family.planned, controls_of(rows, family.task))
        judged.append(Judged(family.name, inputs, family.planned, own, ruling, unlearned.get(family.name, ())))
    return judged


def verdict_table(judged: Iterable[Judged]) -> Table:
    """Return the verdicts as a table."""
    header = ["family", "inputs", "networks", "verdict", "best c [95% interval]", "c at which rest matches waking", "why"]
    rows = [
        [one.family, INPUTS[one.inputs], one.of_planned, one.ruling.verdict, one.best or "–", one.matching or "–",
         one.ruling.reason]
        for one in judged
    ]  # fmt: skip
    return Table(header, rows)


def curve_table(rows: Sequence[Row]) -> Table:
    """Return the divergence of rest from waking at each gain, means over the networks with any rests."""
    told = []
    for family, inputs in product(dict.fromkeys(row.family for row in rows), INPUTS):
        if found := curves(rows, family, inputs):
            means = (f"{fmean(one.kl[gain] for one in found):.2f}" for gain in GAINS)
            told.append([family, INPUTS[inputs], str(len(found)), *means])
    return Table(["networks", "inputs", "n", *(f"c = {gain:g}" for gain in GAINS)], told)


def verdicts_drawn(path: str) -> Table:
    """Return the verdicts on the families in the figure below a root of results; see `drawn`."""
    judged = judge(drawn(path), _unlearned_of_claims(Path(path) / CLAIMS))
    return verdict_table(one for one in judged if one.curves or one.unlearned)


def _unlearned_of_claims(file: Path) -> Unlearned:
    """Families → seeds that have not learned, from a file of verdicts, as the networks themselves may be missing here."""
    told = read_json(file, list) if file.exists() else []
    try:
        return {one["family"]: tuple(one[_UNLEARNED]) for one in told if _UNLEARNED in one}
    except (KeyError, TypeError):
        raise damaged(file) from None


def drawn(path: str) -> list[Row]:
    """Return the rows from which the figure below a root of results is drawn.

    Raises:
        DamagedData: its table is missing or damaged.
        StorageError: the table cannot be read.
    """
    file = figure_file(Path(path), "csv")
    if not file.exists():
        raise DamagedData(f"{file}: missing")
    try:
        with storing(file):
            return list(_rows_of(file.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError, csv.Error):
        raise damaged(file) from None


def _rows_of(table: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(table), strict=True)
    if tuple(next(reader, ())) != Row._fields:
        raise ValueError("these are no columns of the figure")
    for family, network, inputs, *numbers in reader:
        gain, kl, error = map(_number, numbers)
        if inputs not in INPUTS or gain not in GAINS:
            raise ValueError("no rest of the plan")
        yield Row(family, network, inputs, gain, kl, error)


def _number(cell: str) -> float | None:
    """The number in a cell; None in an empty one."""
    if cell and not math.isfinite(float(cell)):
        raise ValueError(f"{cell} is not finite")
    return float(cell) if cell else None


def figure_file(root: Path, form: str = "png") -> Path:
    """Return the file of the figure, or of its table, below a root of results."""
    return picture(root / "figures", panel.KEY, form)


def draw(rows: Sequence[Row], unlearned: Unlearned, folder: Path) -> list[Path]:
    """Draw every measured family, and name the seeds of its networks that have not learned; returns the files.

    Raises:
        StorageError: the files cannot be written.
    """
    found = {
        name + left_out(unlearned.get(name, ())): {label: curves(rows, name, inputs) for inputs, label in INPUTS.items()}
        for name in dict.fromkeys(row.family for row in rows)
    }
    table = PanelTable({name: [getattr(row, name) for row in rows] for name in Row._fields})
    return panel.draw(found, table, folder)


@dataclass
class Settings:
    """Keys of this command."""

    dry_run: bool = setting(False, "say what is there, and measure nothing")
    path: str = setting(RESULTS, "root of the results", folder=True)


def main(words: list[str]) -> None:
    """Measure the missing controls, draw, judge, and print the verdicts.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    refuse_published(Path(settings.path))
    if not settings.dry_run:
        require_place(Path(settings.path))
    for control in controls():
        is_known = control.rows(settings.path) or control.rows(str(PUBLISHED))
        if not is_known and not settings.dry_run:
            print(f"{control.file(settings.path)} ...", flush=True)
            control.measure(settings.path)
    rows = with_published(settings.path)
    left = {**_unlearned_of_claims(PUBLISHED / CLAIMS), **unlearned(settings.path)}
    for family, seed in ((family, seed) for family, seeds in left.items() for seed in seeds):
        print(line_on(family, seed))
    judged = judge(rows, left)
    print(verdict_table(judged).text())
    if not settings.dry_run:
        pictures = draw(rows, left, Path(settings.path) / "figures")
        write_atomically(Path(settings.path) / CLAIMS, to_json([one.plain() for one in judged]))
        print(*pictures, Path(settings.path) / CLAIMS, sep="\n")


def published_files(path: str) -> list[Path]:
    """Return the files to publish below a root: controls, the figure with its table, verdicts."""
    root = Path(path)
    drawn = [figure_file(root, form) for form in ("pdf", "png", "csv")]
    return [file for file in (*(control.file(path) for control in controls()), *drawn, root / CLAIMS) if file.exists()]


if __name__ == "__main__":
    run_command(main)
