"""The folder of a sweep: its plan, and where everything else is.

results/sweeps/<name>/plan.json               the plan
                      submissions/<n>.json    the runs handed to a launcher
                      states/<run>.json       attempts at a run
                      logs/<run>.log          what the run printed
                      table.csv               of all runs, and table.parquet where pyarrow is installed
                      <task>/<run>/           run folders, and results beside them, as under results/
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from reactivation.machine.errors import BadInput, DamagedData, nearest
from reactivation.settings.layers import RESULTS
from reactivation.storage.claims import claimed, is_left_behind
from reactivation.storage.fields import made
from reactivation.storage.files import damaged, locked, make_folder, read_json, to_json, write_atomically
from reactivation.storage.folder import RunFolder
from reactivation.sweep.grid import Values

CHANGED = "has other settings since a file under configs/ changed"
HEARTBEAT = 10.0  # seconds between the signs of life of a supervisor
SILENCE = 120.0  # seconds without one after which it counts as dead; long, since clocks differ and files are cached


@dataclass(frozen=True)
class PlannedAnalysis:
    """An analysis of one run."""

    name: str
    values: Values  # the arguments of its command
    file: str  # of its results, within the sweep's folder
    settings: str | None = None  # digest of what the values gave with the files under configs/; None in older plans


@dataclass(frozen=True)
class PlannedRun:
    """A run with its analyses."""

    name: str  # <task>/<run folder>
    values: Values  # the arguments of train.py
    analyses: tuple[PlannedAnalysis, ...] = ()
    settings: str | None = None  # as of an analysis

    def lacks(self, other: "PlannedRun") -> str:
        """Return what keeps this plan of a run from holding another, at least in its analyses; "" if nothing does."""
        if {"seed": "0", **self.values} != {"seed": "0", **other.values}:
            return "has other settings there"
        if not set(self.files) >= set(other.files):
            return "has analyses there that this line leaves out"
        own = {analysis.file: analysis.settings for analysis in self.analyses}
        pairs = [(self.settings, other.settings), *((own[one.file], one.settings) for one in other.analyses)]
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            return CHANGED
        return ""

    @property
    def files(self) -> list[str]:
        """The files of its results."""
        return [analysis.file for analysis in self.analyses]


class Hold(NamedTuple):
    """The lock and claim of a run."""

    lock: int  # descriptor of the lock, which a child process may inherit
    touch: Callable[[], None]  # touches the claim


@dataclass(frozen=True)
class Sweep:
    """The folder of a sweep."""

    path: Path

    @property
    def plan_file(self) -> Path:
        return self.path / "plan.json"

    @property
    def table_file(self) -> Path:
        return self.path / "table.csv"

    def submission_file(self, number: int) -> Path:
        """The file of a submission, the runs handed to a launcher."""
        return self.path / "submissions" / f"{number}.json"

    def state_file(self, run: str) -> Path:
        """The file of the attempts at a run."""
        return self.path / "states" / f"{run}.json"

    def log_file(self, run: str) -> Path:
        """The file of what a run printed."""
        return self.path / "logs" / f"{run}.log"

    @contextmanager
    def held(self, run: str) -> Iterator[Hold]:
        """Keep other processes from a run.

        Raises:
            StorageError: another process has the run.
        """
        file = self.state_file(run)
        make_folder(file.parent)
        with (
            locked(file.parent, f".{file.stem}.lock") as descriptor,
            claimed(file.parent, _claim(file), SILENCE) as touch,  # where locks do not reach another machine
        ):
            yield Hold(descriptor, touch)

    def is_left_behind(self, run: str) -> bool:
        """Whether a process of this machine was killed while it worked on a run."""
        file = self.state_file(run)
        return is_left_behind(file.parent, _claim(file))

    def folder(self, run: str) -> RunFolder:
        """The run folder."""
        return RunFolder(self.path / run)

    @cached_property
    def runs(self) -> dict[str, PlannedRun]:
        """The planned runs by their names.

        Raises:
            DamagedData: there is no plan, or a damaged one.
        """
        return self._written()

    def _written(self) -> dict[str, PlannedRun]:
        """As `runs`, read anew."""
        try:
            runs = [made(PlannedRun, run) for run in read_json(self.plan_file)["runs"]]
        except (KeyError, TypeError):
            raise damaged(self.plan_file) from None
        return {run.name: run for run in runs}

    def train_values(self, run: PlannedRun) -> Values:
        """The arguments of train.py for a run, its folder included."""
        return {**run.values, "path": str(self.path / run.name)}

    def take_plan(self, runs: Iterable[PlannedRun]) -> bool:
        """Take a plan, which may extend the written one by runs and analyses; returns whether it differs from that.

        Raises:
            BadInput: the written plan of that name has runs or analyses that this one lacks, or has with other settings.
        """
        new = {run.name: run for run in runs}
        try:
            old = self._written() if self.plan_file.exists() else {}
        except DamagedData:
            old = {}  # a damaged plan is replaced
        for run in old.values():
            lacking = new[run.name].lacks(run) if run.name in new else "is there, and this line leaves it out"
            if lacking:
                raise BadInput(f"{self.path} is another sweep: {run.name} {lacking}; give another name=...")
        self.__dict__["runs"] = new
        return list(old.values()) != list(new.values())

    def write_plan(self) -> None:
        """Write the plan that was taken.

        Raises:
            StorageError: it cannot be written.
        """
        write_atomically(self.plan_file, to_json({"runs": [asdict(run) for run in self.runs.values()]}))


def _claim(state_file: Path) -> str:
    return f".{state_file.stem}.claim"


def sweep_folder(name: str, results: str = RESULTS) -> Path:
    """The folder of a sweep of that name."""
    return Path(results) / "sweeps" / name


def found_sweep(name: str | None, results: str = RESULTS) -> Sweep:
    """The sweep of a name; without a name, the last one.

    Raises:
        BadInput: there is no such sweep.
    """
    plans = sorted(Path(results, "sweeps").glob("*/plan.json"), key=lambda file: file.stat().st_mtime)
    known = [file.parent.name for file in plans]
    if not plans or (name is not None and name not in known):
        others = f"; {nearest(name, known)}" if name and known else "; start one: python sweep.py --help"
        raise BadInput(f"no sweep{f' {name}' if name else ''} in {results}/sweeps{others}")
    return Sweep(sweep_folder(name or known[-1], results))


def run_of(names: Mapping[str, Any], text: str) -> str:
    """The run with that name, or with that part in its name.

    Raises:
        BadInput: no run or several runs match.
    """
    found = [name for name in names if text in (name, name.split("/")[-1])] or [name for name in names if text in name]
    if len(found) != 1:
        listed = f"several: {', '.join(found[:3])}, ..." if found else nearest(text, list(names))
        raise BadInput(f"{text} names no single run of the sweep; {listed}")
    return found[0]
