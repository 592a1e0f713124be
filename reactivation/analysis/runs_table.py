"""Tables of many runs: a row for each run, or for each of its results; `sweep.table` has the command."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
import os
from pathlib import Path
import sys
from typing import Any

from reactivation import registry
from reactivation.analysis.base import RANDOM, UNCHANGED
from reactivation.analysis.result_files import declared
from reactivation.checks import checked
from reactivation.machine.errors import BadInput, DamagedData, StorageError, storage_error, storing
from reactivation.machine.places import PUBLISHED
from reactivation.settings.layers import RESULTS
from reactivation.settings.reading import flatten
from reactivation.storage.card import Card, read_card
from reactivation.storage.files import damaged, read_json
from reactivation.storage.folder import RunFolder, are_measures
from reactivation.storage.table import Table, table_of

RUNS, RESULTS_OF_RUNS = "runs", "results"
_DETAILS = "_details.json"
Found = tuple[RunFolder, Card]
_OF_RUNS = ("task", "seed", "runs", "tag")  # settings of analyses that the run of a row also has


@checked
def runs_table(root: str | os.PathLike[str] = RESULTS, of: str = RUNS, published: bool = False) -> Table:
    """Gather the runs under a root of results: a row for each run, or for each of its results.

    Rows are dictionaries; `table.to_pandas()` makes a data frame of them, `table.to_csv(file)` a file. Settings that vary
    come first. Files that cannot be read are named on stderr and left out.

    Args:
        root: of results, or any folder above run folders.
        of: "runs": settings, state, step, and measures of the last test; "results": a row for each run, analysis and phase,
            with measures and standard errors.
        published: whether to add the published runs or results.

    Raises:
        BadInput: no such folder, or another `of`.

    >>> table = ra.runs_table("results", published=True)
    >>> {"experiment", "seed", "rnn.sigma", "state", "step", "loss"} <= set(table.columns)
    True
    """
    if of not in (RUNS, RESULTS_OF_RUNS):
        raise BadInput(f"of={of!r} must be {RUNS} or {RESULTS_OF_RUNS}")
    roots = [Path(root), *([PUBLISHED] if published else [])]
    with storing(root):
        there = any(place.is_dir() for place in roots)
    if not there:
        raise BadInput(
            f"{root}: no such folder; train a run first, or take what is published (published=True, on a command line "
            "published=true)"
        )
    folders, results = _found(roots)
    cards = _cards(folders)
    if of == RUNS:
        rows = [_run_row(folder, card) for folder, card in cards.items()]
        return table_of(
            rows,
            first=("experiment", "seed"),
            measures=("state", "step", *_measured(cards.values())),
            last=("tested", "problem", "run"),
        )
    runs = _Runs(cards)
    rows, names = [], dict[str, None]()
    for file, analysis in results:
        for row, measures in _result_rows(file, analysis, runs):
            rows.append({**row, **measures})
            names |= dict.fromkeys(measures)
    return table_of(
        _on_axes(rows),
        first=("experiment", "seed", "analysis", "phase"),
        measures=tuple(names),
        last=("step", "file", "run"),
    )


def _on_axes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where some rows have a modifier, give rows without it its neutral value, so that they lie on the same axis.

    Momentum by a time constant gets no friction.
    """
    changed = {key: number for key, number in UNCHANGED.items() if any(row.get(key) is not None for row in rows)}
    return [
        row
        | {
            key: number
            for key, number in changed.items()
            if row.get(key, number) is None and (key != "momentum.friction" or row.get("momentum.tau") is None)
        }
        for row in rows
    ]


def _found(roots: Iterable[Path]) -> tuple[list[RunFolder], list[tuple[Path, str]]]:
    """The run folders under some roots, and the files of details with their analyses."""
    analyses = registry.names("analysis")
    folders, results = [], []
    for root in roots:
        for place, below, files in _walked(root):
            below.sort()
            if "config.yml" in files:
                folders.append(RunFolder(Path(place)))
                below.clear()
                continue
            for name in sorted(files):
                analysis = name.split("_")[0]
                if name.endswith(_DETAILS) and analysis in analyses:
                    results.append((Path(place, name), analysis))
    return folders, results


def _walked(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, following links, each folder once and no hidden one; unreadable folders are named on stderr."""
    seen = set[tuple[int, int]]()
    for place, below, files in os.walk(root, onerror=_leave_out, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")]
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield place, below, files


def _leave_out(problem: Exception) -> None:
    """Print what the table leaves out."""
    told = storage_error(problem, problem.filename) if isinstance(problem, OSError) else problem
    print(f"left out: {told}", file=sys.stderr)


def _cards(folders: Iterable[RunFolder]) -> dict[RunFolder, Card]:
    return {folder: card for folder in folders if (card := _card(folder))}


class _Runs:
    """Runs by their fingerprints: those under the roots, else published ones, whose cards are read only when needed."""

    def __init__(self, cards: Mapping[RunFolder, Card]):
        self._own = _by_fingerprint(cards)

    @cached_property
    def _published(self) -> dict[str, list[Found]]:
        return _by_fingerprint(_cards(_found([PUBLISHED])[0]))

    def of(self, fingerprint: str | None) -> Sequence[Found]:
        """The runs with that fingerprint, which differ in their tags alone."""
        if fingerprint is None:
            return ()
        return self._own[fingerprint] if fingerprint in self._own else self._published.get(fingerprint, ())


def _by_fingerprint(cards: Mapping[RunFolder, Card]) -> dict[str, list[Found]]:
    runs: dict[str, list[Found]] = {}
    for folder, card in cards.items():
        runs.setdefault(card.fingerprint, []).append((folder, card))
    return runs


def _card(folder: RunFolder) -> Card | None:
    try:
        return read_card(folder)
    except (DamagedData, StorageError) as problem:
        _leave_out(problem)
        return None


def _measured(cards: Iterable[Card]) -> list[str]:
    return list(dict.fromkeys(name for card in cards for name in card.measures))


def _run_row(folder: RunFolder, card: Card) -> dict[str, Any]:
    about = {"state": card.state, "step": card.step, "tested": card.tested, "problem": card.problem}
    return {**_whose(folder, card), **card.settings, **about, **card.measures}


def _whose(folder: RunFolder, card: Card) -> dict[str, Any]:
    return {"experiment": card.experiment, "seed": card.seed, "tag": card.tag, "run": str(folder.path)}


def _result_rows(file: Path, analysis: str, runs: _Runs) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The settings and measures of each run and phase in a result. An unreadable result is named on stderr and left out."""
    try:
        return list(_rows(file, analysis, runs))
    except (DamagedData, StorageError) as problem:
        _leave_out(problem)
    except (KeyError, TypeError, AttributeError, ValueError):  # it was edited, or written by another program
        _leave_out(damaged(file))
    return []


def _rows(file: Path, analysis: str, runs: _Runs) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    details = read_json(file)
    if not isinstance(details["models"], dict):
        raise damaged(file)
    settings = flatten(details["settings"])
    table = read_json(file.with_name(file.name.removesuffix(_DETAILS) + ".json"))
    of_analysis = {key: value for key, value in settings.items() if key not in _OF_RUNS}
    for label, phases in measures_of(analysis, table, details, runs).items():
        model, found = details["models"].get(label, {}), _run_of(label, table, details, runs)
        whose = {"experiment": f"{settings['task']}/{label}", "seed": model.get("seed", settings["seed"])}
        if found:
            whose = {**_whose(*found), **found[1].settings}
        for phase, measures in phases.items():
            if not are_measures(measures):
                raise damaged(file)
            row = {
                **whose,
                "analysis": analysis,
                "phase": phase,
                **of_analysis,
                "step": model.get("step"),
                "file": str(file),
            }
            yield row, dict(measures)


def _run_of(label: str, table: Any, details: Any, runs: _Runs) -> Found | None:
    """The run that a row of a result belongs to; None if its folder is not found.

    If several runs have its fingerprint: the folder that details name, else one that the table names.
    """
    model = details["models"].get(label, {})
    name, alike = Path(model.get("folder") or label).name, runs.of(model.get("fingerprint"))
    by_name = {folder.path.name: (folder, card) for folder, card in alike}
    named = [name, *(other for other in by_name if other in table), *by_name]
    return next((by_name[one] for one in named if one in by_name), None)


def measures_of(
    analysis: str, table: Any, details: Any, runs: _Runs
) -> Mapping[str, Mapping[str, Mapping[str, float | None]]]:
    """Return run → phase → measure → number, of the two files of an analysis.

    An analysis without `tabulate` has one row for each run, with the numbers in its table. Tables name run folders; older
    files name experiments, and their details do not say which folder.
    """
    tabulate, measured = declared(analysis).tabulate, {}
    for run in (run for run in details["models"] if run != RANDOM):
        found = _run_of(run, table, details, runs)
        folder = Path(details["models"][run].get("folder") or (found[0].path if found else run)).name
        entry = table.get(folder, table.get(run))
        measured[run] = tabulate(run, entry, details) if tabulate else _plain(analysis, entry)
    return measured


def _plain(analysis: str, cell: Any) -> dict[str, dict[str, float | None]]:
    if not isinstance(cell, dict):
        return {"": {analysis: cell}}
    phases = {name: values for name, values in cell.items() if isinstance(values, dict)}
    plain = {name: value for name, value in cell.items() if isinstance(value, int | float | None)}
    return phases or {"": plain}
