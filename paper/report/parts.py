"""The parts of pages of results: the document itself, tables, pictures, folds."""

import base64
import html
from pathlib import Path

from paper.claims.verdicts import FAILS, HOLDS, NOT_ASKED, UNDECIDED
from paper.tables import NOT_RUN, Table

# Verdict → its style.
CLASSES = {HOLDS: "holds", FAILS: "fails", UNDECIDED: "undecided", NOT_ASKED: "unasked", NOT_RUN: "lacking"}
_HERE = Path(__file__).parent


def document(title: str, body: str, script: bool = False) -> str:
    """Return a page that needs no other file.

    Args:
        script: whether it has claims to filter, and folds that an address may point into.
    """
    ending = f"<script>\n{_file('report.js')}</script>\n" if script else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{_file('report.css')}</style></head>\n<body>\n{body}\n{ending}</body></html>\n"
    )


def table_html(table: Table) -> str:
    """Return a table in HTML; on narrow screens, where each cell is a line, a cell shows its column's name."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.header)
    rows = "\n".join(f"<tr>{''.join(map(cell, table.header, row))}</tr>" for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'


def cell(label: str, text: str, content: str | None = None) -> str:
    """Return a cell of a table; verdicts have colours.

    Args:
        label: name of its column, for narrow screens.
        content: markup, if it is more than the text.
    """
    kind = next((name for words, name in CLASSES.items() if text.startswith(words)), "")
    marked = f' class="{kind}"' if kind else ""
    return f'<td{marked} data-label="{html.escape(label)}">{html.escape(text) if content is None else content}</td>'


def folded(summary: str, content: str) -> str:
    """Return content that is shown once its summary is clicked."""
    return f"<details><summary>{summary}</summary>\n{content}\n</details>"


def image(title: str, png: bytes) -> str:
    """Return a picture that is part of the page."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<div class="picture"><img alt="{html.escape(title)}" src="{source}"></div>'


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
