"""A table of text, as Markdown and as columns; numbers in it have three digits."""

from collections.abc import Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """Hold a header and rows of text; numbers are formatted already."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return a table of Markdown."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)

    def text(self) -> str:
        """Return aligned columns for a terminal."""
        widths = [max(len(row[column]) for row in (self.header, *self.rows)) for column in range(len(self.header))]
        lines = (
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            for row in (self.header, *self.rows)
        )
        return "\n".join(line.rstrip() for line in lines)


def three_digits(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}"
