"""Metrics of a run: error measures, the rows of `metrics.jsonl`, and the authors' tables keyed by step."""

import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reactivation.machine.errors import storing
from reactivation.storage.files import parse_json, to_json, write_atomically
from reactivation.storage.folder import RunFolder, are_measures, renamed
from reactivation.world.tasks.base import Task

SPLITS = ("train", "test")


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss: mean over batch, time and cells, (..., B, T, O) → (...) (Section 3)."""
    loss: Tensor = _MeanSquare.apply(outputs - targets)  # type: ignore[no-untyped-call]  # torch has no types for it
    return loss


class _MeanSquare(torch.autograd.Function):
    """Mean of squares over the last three axes; torch's own loss reads and writes memory several times more often."""

    @staticmethod
    def forward(ctx: Any, difference: Tensor) -> Tensor:
        ctx.save_for_backward(difference)
        ctx.count = difference.shape[-3:].numel()
        return torch.linalg.vector_norm(difference, dim=(-3, -2, -1)) ** 2 / ctx.count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (difference,) = ctx.saved_tensors
        return difference * (gradient * (2 / ctx.count))[..., None, None, None]


def error_measures(task: Task, outputs: Tensor, targets: Tensor, positions: Tensor) -> dict[str, Tensor]:
    """Compare outputs (B, T, O) with targets (B, T, O) of positions (B, T, P); values () stay on the device.

    Returns:
        The fraction of the targets' variance left unexplained, the mean decoding error [unit of the space], and its
        mean square per coordinate, under the task's names.
    """
    unexplained = mean_squared_error(outputs, targets) / mean_squared_error(targets.mean((0, 1)).expand_as(targets), targets)
    error = task.decoding_error(task.decode(outputs), positions)
    return {
        "fraction_unexplained": unexplained,
        task.error_name: error.norm(dim=-1).mean(),
        task.mse_name: (error**2).mean(),
    }


class MetricsLog:
    """The metrics of one run. Every row reaches the disk at once, so a kill loses none."""

    def __init__(self, folder: RunFolder, tensorboard: bool, step: int):
        """Open the log of a run at `step`: later rows, of steps that were lost, are removed.

        Rows that are missing in the file are restored from the tables.

        Raises:
            DamagedData: a table is damaged.
            StorageError: a table cannot be read, or the log cannot be written.
        """
        self.folder = folder
        found = {_place(row): row for row in [*_table_rows(folder), *read_rows(folder.metrics_file)] if row["step"] <= step}
        self.rows = [found[place] for place in sorted(found)]
        lines = "".join(f"{json.dumps(row)}\n" for row in self.rows)
        write_atomically(folder.metrics_file, lines.encode())
        with storing(folder.path):
            self._board = _summary_writer(folder.path, step) if tensorboard else None

    def has(self, step: int, split: str) -> bool:
        """Whether there is a row of that step."""
        return any(row["step"] == step and row["split"] == split for row in self.rows)

    def add(self, step: int, split: str, values: dict[str, float]) -> None:
        """Append one row; values that are not finite, such as a share of a variance of 0, become null."""
        row = {"step": step, "split": split, **{k: v if math.isfinite(v) else None for k, v in values.items()}}
        self.rows.append(row)
        # Opened for each row, since a stack would otherwise keep one file open per run.
        with storing(self.folder.metrics_file), open(self.folder.metrics_file, "a", encoding="utf-8") as stream:
            stream.write(f"{json.dumps(row)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(f"{split}/{name}", value, step)

    def write_tables(self) -> None:
        """Bring train_metrics.json and test_metrics.json up to date."""
        for split in SPLITS:
            rows = [row for row in self.rows if row["split"] == split]
            table = {str(row["step"]): {k: v for k, v in row.items() if k not in ("step", "split")} for row in rows}
            write_atomically(self.folder.table_file(split), to_json(table))

    def close(self) -> None:
        """Release the files."""
        if self._board:
            self._board.close()


def _place(row: dict[str, Any]) -> tuple[int, int]:
    """Sort key of a row: at each step, the row of training comes before that of the test."""
    return row["step"], SPLITS.index(row["split"])


def _table_rows(folder: RunFolder) -> list[dict[str, Any]]:
    """The rows that the tables were made from."""
    return [{"step": step, "split": split, **row} for split in SPLITS for step, row in folder.table(split).items()]


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Read the rows of a metrics.jsonl up to the first invalid line, such as a last line cut short by a kill."""
    rows = []
    with storing(file):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    for line in lines:
        try:
            row = parse_json(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(row, dict) or not _is_step(row.get("step")) or row.get("split") not in SPLITS:
            break
        if not are_measures({**row, "split": None}):
            break
        rows.append(renamed(row))
    return rows


def _is_step(value: Any) -> bool:
    return type(value) is int and value >= 0


def _summary_writer(path: Path, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # slow to load, and rarely needed

    return SummaryWriter(path / "tensorboard", purge_step=step + 1)
