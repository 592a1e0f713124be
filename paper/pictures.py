"""Write pictures together with the tables that they are drawn from, and check that they agree."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import csv
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from paper.panels.base import PanelTable
from reactivation.storage.files import make_folder, write_together

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Page

_FORMATS = ("pdf", "png")
_KEYWORD = {"pdf": "Subject", "png": "Description"}  # the field of metadata with the digest of a picture's tables
_WITHOUT_DATE: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "png": {}}  # the same bytes each time
_NUMBERS = "numbers: sha256 "


def write_pictures(page: "Page", key: str, tables: Mapping[str, PanelTable], folder: Path) -> list[Path]:
    """Write a page as PDF and PNG, and the tables that it is drawn from as CSV; returns the files.

    Raises:
        StorageError: the files cannot be written.
    """
    files = {picture(folder, name, "csv"): _csv(table) for name, table in tables.items()}
    contents = {picture(folder, key, form): _saved(page, form, _digest(files.values())) for form in _FORMATS} | files
    make_folder(folder)
    write_together(contents)
    return list(contents)


def picture(folder: Path, key: str, form: str = "png") -> Path:
    """The file of a panel or figure."""
    return folder / f"fig_{key}.{form}"


def shows(file: Path, tables: Sequence[Path]) -> bool:
    """Whether a PNG was drawn from these tables."""
    from PIL import Image, UnidentifiedImageError

    if not all(table.exists() for table in tables):
        return False
    try:
        with Image.open(file) as image:
            shown = image.info.get(_KEYWORD["png"])
    except UnidentifiedImageError:
        return False
    return bool(shown == f"{_NUMBERS}{_digest(table.read_bytes() for table in tables)}")


def _saved(page: "Page", form: str, digest: str) -> bytes:
    content, kept = io.BytesIO(), {_KEYWORD[form]: f"{_NUMBERS}{digest}"}
    page.savefig(content, format=form, metadata=kept | _WITHOUT_DATE[form])
    return content.getvalue()


def _digest(tables: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(tables)).hexdigest()


def _csv(table: PanelTable) -> bytes:
    """The columns with a header; numbers have 7 digits, and NaN or None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    columns = np.broadcast_arrays(*map(np.asarray, table.columns.values()))
    writer.writerows(zip(*map(_cells, columns), strict=True))
    return text.getvalue().encode()


def _cells(column: Any) -> Iterator[str]:
    for value in column.tolist():
        yield "" if value is None or value != value else f"{value:.7g}" if isinstance(value, float) else str(value)
