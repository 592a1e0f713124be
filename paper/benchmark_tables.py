"""Tables of the output of benchmarks, from results/benchmarks/, a file for each machine."""

from collections.abc import Callable
import json
from typing import Any

from paper.study import Study
from paper.table import Table, three_digits


def speed_table(study: Study) -> Table:
    """What benchmarks/training.py printed, each time it was run: results/benchmarks/training_<machine>_<run>.jsonl."""
    rows = [
        [
            machine,
            timing["name"],
            f"{timing['seconds_per_step']:.4f}",
            f"{timing['flops'] / 1e9:.1f}",
            f"{timing['ceiling_flops_per_s'] / 1e9:.0f}",
            f"{timing['fraction_of_ceiling']:.1%}",
            f"{timing['times_plain_loop']:.2f}",
            f"{timing['peak_rss_mb']:.0f}",
        ]
        for machine, timing in _printed(study, "training")
    ]
    columns = ["machine, run", "network", "s/step", "GFLOP", "ceiling [GFLOP/s]", "of ceiling", "× plain", "peak [MB]"]
    return Table(columns, rows)


def densities_table(study: Study) -> Table:
    """What benchmarks/analysis.py printed: results/benchmarks/analysis_<machine>.jsonl."""
    rows = [
        [name.replace("_", " "), three_digits(value) if isinstance(value, float) else str(value)]
        for _, found in _printed(study, "analysis")
        for name, value in found.items()
        if name != "name"
    ]
    return Table(["divergence table", "measured"], rows)


def breakdown_table(study: Study) -> Table:
    """What benchmarks/breakdown.py printed: results/benchmarks/breakdown_<machine>.jsonl."""
    found = _printed(study, "breakdown")
    kinds = [kind for kind in found[0][1] if kind != "name"] if found else []
    rows = [[kind, *(f"{network.get(kind, 0):.1f} %" for _, network in found)] for kind in kinds]
    return Table(["share of a step", *(f"{network['name']}, {machine}" for machine, network in found)], rows)


def floor_table(study: Study) -> Table:
    """What benchmarks/floor.py printed: results/benchmarks/floor_<machine>.jsonl."""
    times = ("products", "draws", "calls", "step")
    rows = [
        [
            machine,
            row["name"],
            *(f"{row[part]:.4f}" for part in times),
            f"{row['floor_of_ceiling']:.1%}",
            f"{row['step_of_ceiling']:.1%}",
        ]
        for machine, row in _printed(study, "floor")
    ]
    columns = ["machine", "network", *(f"{part} [s]" for part in times), "floor, of ceiling", "step, of ceiling"]
    return Table(columns, rows)


def threads_table(study: Study) -> Table:
    """What benchmarks/threads.py printed: results/benchmarks/threads_<machine>.jsonl."""
    rows = [
        [machine, row["name"], str(row["other_processes"]), str(row["threads"]), f"{row['seconds_per_step']:.3f}"]
        for machine, row in _printed(study, "threads")
    ]
    return Table(["machine", "network", "other processes", "threads", "s/step"], rows)


def scripts_table(study: Study) -> Table:
    """What benchmarks/scripts.py printed: results/benchmarks/scripts_<machine>.jsonl."""
    rows = [
        [machine, row["script"], f"{row['seconds']:.0f}", f"{row['peak_mb']:.0f}"]
        for machine, row in _printed(study, "scripts")
    ]
    return Table(["machine", "script", "seconds", "peak [MB]"], rows)


def history_table(study: Study) -> Table:
    """What benchmarks/history.py printed: results/benchmarks/history_<machine>.jsonl."""
    rows = [[row["commit"], row["name"], f"{row['seconds_per_step']:.3f}"] for _, row in _printed(study, "history")]
    return Table(["commit", "network", "s/step"], rows)


def _printed(study: Study, name: str) -> list[tuple[str, dict[str, Any]]]:
    """The lines of a benchmark, each with the machine that printed it; none if it has not been run."""
    return [
        (file.stem.removeprefix(f"{name}_").replace("_", ", "), json.loads(line))
        for file in study.benchmarks(f"{name}_*")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


OF_BENCHMARKS: dict[str, Callable[[Study], Table]] = {
    "speed": speed_table,
    "breakdown": breakdown_table,
    "floor": floor_table,
    "threads": threads_table,
    "scripts": scripts_table,
    "history": history_table,
    "densities": densities_table,
}
