"""Tables: rows of plain values under named columns, to print, to write to files and for pandas."""

from collections.abc import Iterator, Mapping, Sequence
import csv
from dataclasses import dataclass
import io
import os
from pathlib import Path
from typing import Any, overload

from reactivation.machine.errors import BadInput
from reactivation.storage.files import write_atomically

Row = dict[str, Any]
_SHOWN = 200  # rows that are printed


@dataclass(frozen=True, eq=False)
class Table(Sequence[Row]):
    """Hold rows, each a dictionary with all columns; None where a row has no such value."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    telling: tuple[str, ...]  # the columns that are printed: the first, those that vary, and measures
    varying: tuple[str, ...]  # columns of settings that vary

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def to_csv(self, file: str | os.PathLike[str]) -> None:
        """Write a CSV file; None becomes an empty cell.

        Raises:
            StorageError: it cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(Path(file), text.getvalue().encode())

    def to_parquet(self, file: str | os.PathLike[str]) -> None:
        """Write a Parquet file: numbers, truth values and text as they are, anything else as in a CSV file.

        Raises:
            BadInput: pyarrow is not installed.
            StorageError: it cannot be written.
        """
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise BadInput("to_parquet needs pyarrow: pip install pyarrow; or use to_csv") from None
        content = io.BytesIO()
        columns = {name: _of_one_kind([row[name] for row in self.rows]) for name in self.columns}
        pyarrow.parquet.write_table(pyarrow.table(columns), content)
        write_atomically(Path(file), content.getvalue())

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`.

        Raises:
            BadInput: pandas is not installed.
        """
        try:
            import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]  # no requirement of ours
        except ImportError:
            raise BadInput("to_pandas needs pandas: pip install pandas; or use the rows, or to_csv") from None
        return pandas.DataFrame(list(self.rows), columns=list(self.columns))

    def __repr__(self) -> str:
        lines = [list(self.telling), *([_shown(row[column]) for column in self.telling] for row in self.rows[:_SHOWN])]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        more = len(self.rows) - _SHOWN
        return "\n".join(text + ([f"... and {more} more rows"] if more > 0 else []))


def _of_one_kind(values: list[Any]) -> list[Any]:
    """A column of one type, as Parquet needs it: ints among floats become floats, other mixtures and lists become text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1 and kinds <= {int, float, bool, str}:
        return values
    return [None if value is None else str(value) for value in values]


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table_of(rows: Sequence[Mapping[str, Any]], first: Sequence[str], measures: Sequence[str], last: Sequence[str]) -> Table:
    """Return rows as a table: the columns `first`, those that vary, `measures`, those that do not vary, and `last`."""
    names = dict.fromkeys(name for row in rows for name in row)
    others = [name for name in names if name not in (*first, *measures, *last)]
    varying = [name for name in others if len({repr(row[name]) for row in rows if name in row}) > 1]
    constant = [name for name in others if name not in varying]
    columns = tuple(dict.fromkeys([*first, *varying, *measures, *constant, *last]))
    filled = tuple({name: row.get(name) for name in columns} for row in rows)
    return Table(filled, columns, telling=(*first, *varying, *measures), varying=tuple(varying))
