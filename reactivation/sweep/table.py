"""The table of a sweep: a row for each run, analysis and phase, or for each run where nothing was analysed."""

from importlib.util import find_spec
from pathlib import Path

from reactivation.analysis.runs_table import RESULTS_OF_RUNS, RUNS, runs_table
from reactivation.storage.table import Table
from reactivation.sweep.folder import Sweep


def sweep_table(sweep: Sweep) -> Table:
    """Gather what is there so far."""
    return runs_table(sweep.path, RESULTS_OF_RUNS if any(run.analyses for run in sweep.runs.values()) else RUNS)


def write_table(sweep: Sweep) -> tuple[Table, list[Path]]:
    """Write what is there so far into the folder of the sweep; returns the table and its files.

    Raises:
        StorageError: they cannot be written.
    """
    table, files = sweep_table(sweep), [sweep.table_file]
    table.to_csv(sweep.table_file)
    if find_spec("pyarrow"):
        files.append(sweep.table_file.with_suffix(".parquet"))
        table.to_parquet(files[-1])
    return table, files
