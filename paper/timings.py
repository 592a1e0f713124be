"""Tables of docs/performance.md, from what the scripts in benchmarks/ printed: results/benchmarks/."""

import json
from pathlib import Path
from typing import Any

from paper.evidence import Evidence
from paper.tables import Table, number


def speed_table(evidence: Evidence) -> Table:
    """What benchmarks/training.py printed, each time it was run: results/benchmarks/training_<run>.jsonl."""
    files = sorted((Path(evidence.path) / "benchmarks").glob("training_*.jsonl"))
    rows = [
        [
            file.stem.removeprefix("training_"),
            timing["name"],
            f"{timing['seconds_per_step']:.4f}",
            f"{timing['flops'] / 1e9:.1f}",
            f"{timing['ceiling_flops_per_s'] / 1e9:.0f}",
            f"{timing['fraction_of_ceiling']:.1%}",
            f"{timing['times_plain_loop']:.2f}",
            f"{timing['peak_rss_mb']:.0f}",
        ]
        for file in files
        for timing in _printed(evidence, file.stem)
    ]
    columns = ["run", "network", "s/step", "GFLOP", "ceiling [GFLOP/s]", "of ceiling", "× plain", "peak [MB]"]
    return Table(columns, rows)


def densities_table(evidence: Evidence) -> Table:
    """What benchmarks/analysis.py printed: results/benchmarks/analysis.jsonl."""
    rows = [
        [name.replace("_", " "), number(value) if isinstance(value, float) else str(value)]
        for found in _printed(evidence, "analysis")
        for name, value in found.items()
        if name != "name"
    ]
    return Table(["divergence table", "measured"], rows)


def breakdown_table(evidence: Evidence) -> Table:
    """What benchmarks/breakdown.py printed: results/benchmarks/breakdown.jsonl."""
    found = _printed(evidence, "breakdown")
    kinds = [kind for kind in found[0] if kind != "name"] if found else []
    rows = [[kind, *(f"{network.get(kind, 0):.1f} %" for network in found)] for kind in kinds]
    return Table(["share of a step", *(network["name"] for network in found)], rows)


def history_table(evidence: Evidence) -> Table:
    """What benchmarks/history.py printed: results/benchmarks/history.jsonl."""
    rows = [[row["commit"], row["name"], f"{row['seconds_per_step']:.3f}"] for row in _printed(evidence, "history")]
    return Table(["commit", "network", "s/step"], rows)


def _printed(evidence: Evidence, name: str) -> list[dict[str, Any]]:
    """The lines of a benchmark, none if it has not been run."""
    file = Path(evidence.path) / "benchmarks" / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
