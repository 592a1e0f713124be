"""Numbers in documents: a script writes them into blocks between two comments; none is typed by hand.

<!-- made from results: claims -->
...
<!-- end -->
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
import re

from paper import diagram, gain
from paper import theory_tables as mechanism
from paper.claims import CLAIMS
from paper.claims.mechanism import judge_mechanism
from paper.claims.verdicts import judge_all
from paper.panels.theory import conditions_table, controls_table, gains_table
from paper.protocols import SEEDS
from paper.study import Study
from paper.tables import TABLES, Table, released, tally
from reactivation.machine.errors import BadInput, storing
from reactivation.machine.places import PUBLISHED
from reactivation.storage.files import write_atomically, write_together

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/claims.md", "docs/differences.md", "docs/performance.md", "docs/replay.md", "docs/theory.md")
FROM_RESULTS = "from results"
_SENTENCES = {"tally": lambda study: tally(judge_all(CLAIMS, study)), "released": released}
_BESIDE: Mapping[str, Callable[[str], Table]] = {
    "mechanism verdicts": lambda path: mechanism.measured_verdicts(judge_mechanism(path)),
    "mechanism questions": lambda path: mechanism.questions(judge_mechanism(path)),
    "mechanism conditions": lambda path: mechanism.conditions(conditions_table(path)),
    "mechanism controls": lambda path: mechanism.controls(controls_table(path)),
    "mechanism gains": lambda path: mechanism.gains(gains_table(path)),
    "gain verdicts": gain.verdicts_drawn,
    "gain curves": lambda path: gain.curve_table(gain.drawn(path)),
    "diagram": lambda path: diagram.verdict_table(diagram.measured_below(path), diagram.unlearned_below(path)),
}  # blocks from measurements that are no protocol's results, by the root of the results
_BLOCKS = (*TABLES, *_SENTENCES, *_BESIDE)


def committed() -> Study:
    """The results that are in the repository."""
    return Study(SEEDS, path=str(PUBLISHED), device="cpu", fallback=False).with_further_seeds


def filled(text: str, study: Study) -> str:
    """Return a document with its blocks made anew.

    Raises:
        BadInput: a block of unknown name.
    """

    def made(name: str) -> str:
        if name not in _BLOCKS:
            raise BadInput(f"<!-- made {FROM_RESULTS}: {name} -->: no such block; known: {', '.join(_BLOCKS)}")
        if name in _SENTENCES:
            return _SENTENCES[name](study)
        return (_BESIDE[name](study.path) if name in _BESIDE else TABLES[name](study)).markdown()

    return with_blocks(text, FROM_RESULTS, made)


def with_blocks(text: str, source: str, made: Callable[[str], str | None]) -> str:
    """Return a document with its blocks of one source made anew, by name; a block for which `made` gives None stays."""

    def fill(block: re.Match[str]) -> str:
        content = made(block[2])
        return block[0] if content is None else f"{block[1]}\n{content}\n\n{block[3]}"

    return _blocks_of(source).sub(fill, text)


def _blocks_of(source: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- made {re.escape(source)}: ([\w. ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def require_places(page: str | None, source: str, names: Iterable[str]) -> None:
    """Refuse a document without a place for each of these blocks of a script; without a document they are printed.

    Raises:
        BadInput: a block has no place.
        StorageError: the document cannot be read.
    """
    if page is not None:
        _read_page(page, source, names)


def _read_page(page: str, source: str, names: Iterable[str]) -> str:
    with storing(page):
        text = Path(page).read_text(encoding="utf-8")
    there = {block[2] for block in _blocks_of(source).finditer(text)}
    for name in names:
        if name not in there:
            raise BadInput(
                f"{page} has no place for what is made: put <!-- made {source}: {name} --> and <!-- end --> there"
            )
    return text


def print_or_fill(page: str | None, source: str, blocks: Mapping[str, str]) -> None:
    """Put the blocks of a script, by name, into a document; print them if no document is named.

    Raises:
        BadInput, StorageError: as of `require_places`.
    """
    if page is None:
        print(*blocks.values(), sep="\n\n")
    else:
        text = _read_page(page, source, blocks)
        write_atomically(Path(page), with_blocks(text, source, blocks.get).encode())


def fill_documents(study: Study, root: Path = ROOT) -> None:
    """Bring every document up to date with the results."""
    pages = [root / name for name in PAGES]
    write_together({file: filled(file.read_text(encoding="utf-8"), study).encode() for file in pages})
