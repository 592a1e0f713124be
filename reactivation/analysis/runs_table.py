"""Tables of many runs: a row for each run, or for each of its results.

    python runs.py [path=results] [of=runs|results] [published=true] [out=table.csv]
    python runs.py sweep=NAME

A run is a folder with a config.yml, at any depth under path. of=runs: a row for each, with its settings, how far it got, and
the measures of its last test. of=results: a row for each run, analysis and phase, with the settings of the run (dotted keys)
and of the analysis, measures and standard errors; seeds are kept apart. Settings that vary over the rows come first. A name
that ends in .parquet makes a Parquet file (pip install pyarrow). sweep=NAME: of the results of a sweep, or of its runs where
it has no analyses, written to results/sweeps/NAME/table.csv, and to table.parquet where pyarrow is installed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import sys
from typing import Any

from reactivation import registry
from reactivation.analysis.base import RANDOM
from reactivation.analysis.result_files import declared
from reactivation.checks import checked
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.machine.places import PUBLISHED, as_typed
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS, flatten
from reactivation.storage.card import Card, read_card
from reactivation.storage.files import make_folder, read_json, require_place
from reactivation.storage.folder import RunFolder
from reactivation.storage.table import Table, table_of

RUNS, RESULTS_OF_RUNS = "runs", "results"
_FORMS = {".csv": Table.to_csv, ".parquet": Table.to_parquet}  # of files
_DETAILS = "_details.json"
_OF_RUNS = ("task", "seed", "runs", "tag")  # settings of analyses that the run of a row says itself


@dataclass
class Settings:
    """Settings of `runs.py`."""

    path: str = setting(RESULTS, "root of the results")
    of: str = setting(RUNS, "a row for each run, or for each of its results", choices=(RUNS, RESULTS_OF_RUNS))
    published: bool = setting(False, "published runs and results, too")
    out: str | None = setting(None, "file.csv or file.parquet to write the table to; null: print what varies")
    sweep: str | None = setting(None, "name of a sweep under path, whose table is written into its folder", file_name=True)


def main(words: list[str]) -> None:
    """Print or write the table that the command line asks for.

    Raises:
        BadInput, StorageError: as everywhere.
    """
    settings: Settings | None = asked_settings(Settings, as_typed(__doc__ or ""), words)
    if settings is None:
        return
    if settings.sweep:
        _of_sweep(settings)
        return
    if settings.out is None:
        print(runs_table(settings.path, settings.of, settings.published))
        return
    out = Path(settings.out)
    if out.suffix not in _FORMS:
        raise BadInput(f"out={out} must be the name of a .csv or .parquet file")
    require_place(out.parent)
    table = runs_table(settings.path, settings.of, settings.published)
    make_folder(out.parent)
    _FORMS[out.suffix](table, out)
    print(f"{out}: {len(table)} rows")


def _of_sweep(settings: Settings) -> None:
    from reactivation.sweep.folder import found_sweep
    from reactivation.sweep.table import write_table

    if settings.out or settings.published or settings.of != RUNS:
        raise BadInput(
            f"sweep={settings.sweep} says itself what its table is of and where it is written; leave the others out"
        )
    table, files = write_table(found_sweep(settings.sweep, settings.path))
    print(table, *(f"{file}: {len(table)} rows" for file in files), sep="\n")


@checked
def runs_table(root: str | os.PathLike[str] = RESULTS, of: str = RUNS, published: bool = False) -> Table:
    """Gather what is under a root of results: a row for each run, or for each of its results.

    Rows are dictionaries; `table.to_pandas()` makes a data frame of them, `table.to_csv(file)` a file. Settings that vary
    come first. What cannot be read is told on stderr and left out.

    Args:
        root: of results, or any folder above run folders.
        of: "runs": settings, state, step, and measures of the last test; "results": a row for each run, analysis and phase,
            with measures and standard errors.
        published: the published runs or results, too.

    Raises:
        BadInput: no such folder, or `of` is neither.

    >>> table = ra.runs_table("results", published=True)
    >>> {"experiment", "seed", "rnn.sigma", "state", "step", "loss"} <= set(table.columns)
    True
    """
    if of not in (RUNS, RESULTS_OF_RUNS):
        raise BadInput(f"of={of!r} must be {RUNS} or {RESULTS_OF_RUNS}")
    roots = [Path(root), *([PUBLISHED] if published else [])]
    if not any(place.is_dir() for place in roots):
        raise BadInput(f"{root}: no such folder; train a run first, or take what is published (published=true)")
    folders, results = _found(roots)
    cards = {folder: card for folder in folders if (card := _card(folder))}
    if of == RUNS:
        rows = [_run_row(folder, card) for folder, card in cards.items()]
        return table_of(
            rows,
            first=("experiment", "seed"),
            measures=("state", "step", *_measured(cards.values())),
            last=("tested", "problem", "run"),
        )
    runs: dict[Any, tuple[RunFolder, Card]] = {card.fingerprint: (folder, card) for folder, card in cards.items()}
    runs |= {(card.fingerprint, folder.path.name): (folder, card) for folder, card in cards.items()}
    rows, names = [], dict[str, None]()
    for file, analysis in results:
        for row, measures in _result_rows(file, analysis, runs):
            rows.append({**row, **measures})
            names |= dict.fromkeys(measures)
    return table_of(
        rows, first=("experiment", "seed", "analysis", "phase"), measures=tuple(names), last=("step", "file", "run")
    )


def _found(roots: Iterable[Path]) -> tuple[list[RunFolder], list[tuple[Path, str]]]:
    """The run folders under some roots, and the files of details with their analyses."""
    analyses = registry.names("analysis")
    folders, results = [], []
    for root in roots:
        for place, below, files in os.walk(root):
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


def _card(folder: RunFolder) -> Card | None:
    try:
        return read_card(folder)
    except DamagedData as problem:
        print(f"left out: {problem}", file=sys.stderr)
        return None


def _measured(cards: Iterable[Card]) -> list[str]:
    return list(dict.fromkeys(name for card in cards for name in card.measures))


def _run_row(folder: RunFolder, card: Card) -> dict[str, Any]:
    about = {"state": card.state, "step": card.step, "tested": card.tested, "problem": card.problem}
    return {**_whose(folder, card), **card.settings, **about, **card.measures}


def _whose(folder: RunFolder, card: Card) -> dict[str, Any]:
    return {"experiment": card.experiment, "seed": card.seed, "tag": card.tag, "run": str(folder.path)}


def _result_rows(
    file: Path, analysis: str, runs: Mapping[Any, tuple[RunFolder, Card]]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What a result says of each run and phase: settings, and measures."""
    try:
        details = read_json(file)
        settings = flatten(details["settings"])
        measured = measures_of(analysis, read_json(file.with_name(file.name.removesuffix(_DETAILS) + ".json")), details)
    except (DamagedData, KeyError, TypeError) as problem:
        print(f"left out: {file}: {problem!r}", file=sys.stderr)
        return
    of_analysis = {key: value for key, value in settings.items() if key not in _OF_RUNS}
    for label, phases in measured.items():
        model = details["models"].get(label, {})
        fingerprint, name = model.get("fingerprint"), Path(model.get("folder") or label).name
        found = runs.get((fingerprint, name)) or runs.get(fingerprint)
        whose = {"experiment": f"{settings['task']}/{label}", "seed": model.get("seed", settings["seed"])}
        if found:
            whose = {**_whose(*found), **found[1].settings}
        for phase, measures in phases.items():
            row = {
                **whose,
                "analysis": analysis,
                "phase": phase,
                **of_analysis,
                "step": model.get("step"),
                "file": str(file),
            }
            yield row, dict(measures)


def measures_of(analysis: str, table: Any, details: Any) -> Mapping[str, Mapping[str, Mapping[str, float | None]]]:
    """Return run → phase → measure → number, of the two files of an analysis.

    One that does not say how has a row for each run with what is a number in its table.
    """
    tabulate = declared(analysis).tabulate
    runs = [run for run in details["models"] if run != RANDOM]
    if tabulate:
        return {run: tabulate(run, details) for run in runs}
    folders = {run: Path(details["models"][run].get("folder") or run).name for run in runs}
    return {run: _plain(analysis, table.get(folders[run], table.get(run))) for run in runs}


def _plain(analysis: str, cell: Any) -> dict[str, dict[str, float | None]]:
    if not isinstance(cell, dict):
        return {"": {analysis: cell}}
    phases = {name: values for name, values in cell.items() if isinstance(values, dict)}
    plain = {name: value for name, value in cell.items() if isinstance(value, int | float | None)}
    return phases or {"": plain}
