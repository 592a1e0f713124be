"""How long a table of many runs takes: makes fake run folders, reads them, and prints one line.

    python benchmarks/tables.py [folders=10000] [path=FOLDER]

The folders are those of finished runs of many seeds, each with its configuration, measures and card, and no network.
A second reading finds the files in the machine's memory; for a cold one, drop its caches in between.
"""

from dataclasses import dataclass
import json
from pathlib import Path
import sys
import tempfile
import time

from reactivation.analysis.runs_table import runs_table
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import to_yaml, train_config
from reactivation.storage.card import card_content
from reactivation.storage.finding import run_path
from reactivation.storage.folder import RunFolder


@dataclass
class Settings:
    """Settings of this script."""

    folders: int = setting(10_000, "fake run folders", low=1)
    path: str | None = setting(None, "where to make them, and to leave them; null: in a folder that is thrown away")


def main(words: list[str]) -> None:
    """Make, read, print."""
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    with tempfile.TemporaryDirectory() as thrown_away:
        root = settings.path or thrown_away
        for number in range(settings.folders):
            make(root, number)
        for reading in ("first", "second"):
            began = time.perf_counter()
            table = runs_table(root)
            seconds = time.perf_counter() - began
            print(json.dumps({"reading": reading, "folders": len(table), "seconds": round(seconds, 2)}))
        sys.stdout.flush()


def make(root: str, seed: int) -> None:
    """Make one finished run, but for its network."""
    sigma = 0.05 + 0.01 * (seed % 6)
    config = train_config({"config": "spatial_navigation/noisy_unbiased", "seed": seed, "rnn.sigma": sigma})
    folder = RunFolder(Path(run_path(config, root)))
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.config_file.write_text(to_yaml(config))
    measures = {"loss": 6e-6, "fraction_unexplained": 0.13, "position_error": 0.09, "pos_mse": 0.005}
    folder.table_file("test").write_text(json.dumps({str(step): measures for step in range(0, 2501, 100)}, indent=2))
    folder.card_file.write_bytes(card_content(folder, config, step=2500))


if __name__ == "__main__":
    run_command(main)
