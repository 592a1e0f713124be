"""Tables of many runs: a row for each run, or for each of its results.

    python runs.py [path=results] [of=runs|results] [published=true] [out=table.csv]
    python runs.py sweep=NAME

A run is a folder with a config.yml, at any depth under path. of=runs: a row for each, with its settings, how far it got, and
the measures of its last test. of=results: a row for each run, analysis and phase, with the settings of the run (dotted keys)
and of the analysis, measures and standard errors; seeds are kept apart. Settings that vary over the rows come first. A name
that ends in .parquet makes a Parquet file (pip install pyarrow). sweep=NAME: of the results of a sweep, or of its runs where
it has no analyses, written to results/sweeps/NAME/table.csv, and to table.parquet where pyarrow is installed.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from reactivation.analysis.runs_table import RESULTS_OF_RUNS, RUNS, runs_table
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS
from reactivation.settings.reading import refuse_idle
from reactivation.storage.files import make_folder, require_place
from reactivation.storage.table import Table
from reactivation.sweep.folder import Sweep, found_sweep

_FORMS = {".csv": Table.to_csv, ".parquet": Table.to_parquet}  # of files


@dataclass
class Settings:
    """Settings of `runs.py`."""

    path: str = setting(RESULTS, "root of the results", folder=True)
    of: str = setting(RUNS, "a row for each run, or for each of its results", choices=(RUNS, RESULTS_OF_RUNS))
    published: bool = setting(False, "published runs and results, too")
    out: str | None = setting(None, "file.csv or file.parquet to write the table to; null: print what varies")
    sweep: str | None = setting(None, "name of a sweep under path, whose table is written into its folder", file_name=True)


def main(words: list[str]) -> None:
    """Print or write the table that the command line asks for.

    Raises:
        BadInput, StorageError: as everywhere.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    if settings.sweep:
        refuse_idle(words, ("sweep", "path"), "the table of a sweep")
        table, files = write_table(found_sweep(settings.sweep, settings.path))
        print(table, *(f"{file}: {len(table)} rows" for file in files), sep="\n")
        return
    if settings.out is None:
        table = runs_table(settings.path, settings.of, settings.published)
        print(table if len(table) else f"no {settings.of} in {settings.path} yet; published=true shows the published ones")
        return
    out = Path(settings.out)
    if out.suffix not in _FORMS:
        raise BadInput(f"out={out} must be the name of a .csv or .parquet file")
    require_place(out.parent)
    table = runs_table(settings.path, settings.of, settings.published)
    make_folder(out.parent)
    _FORMS[out.suffix](table, out)
    print(f"{out}: {len(table)} rows")


def sweep_table(sweep: Sweep) -> Table:
    """Gather the results of a sweep so far, or its runs if it has no analyses."""
    return runs_table(sweep.path, RESULTS_OF_RUNS if any(run.analyses for run in sweep.runs.values()) else RUNS)


def write_table(sweep: Sweep) -> tuple[Table, list[Path]]:
    """Write the table of the results so far into the folder of the sweep; returns the table and its files.

    Raises:
        StorageError: they cannot be written.
    """
    table, files = sweep_table(sweep), [sweep.table_file]
    table.to_csv(sweep.table_file)
    if find_spec("pyarrow"):
        files.append(sweep.table_file.with_suffix(".parquet"))
        table.to_parquet(files[-1])
    return table, files
