"""Numbers in documents: they stand in blocks between two comments, made from the results and never typed by hand.

<!-- made from results: claims -->
...
<!-- end -->
"""

from pathlib import Path
import re

from paper.claims import CLAIMS
from paper.claims.verdicts import judge_all
from paper.protocols import SEEDS
from paper.study import Study
from paper.tables import TABLES, released, tally
from reactivation.machine.errors import BadInput
from reactivation.machine.places import PUBLISHED
from reactivation.storage.files import write_together

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/claims.md", "docs/differences.md", "docs/performance.md")
_BLOCK = re.compile(r"(?P<begin><!-- made from results: (?P<name>[\w ]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
_SENTENCES = {"tally": lambda study: tally(judge_all(CLAIMS, study)), "released": released}
_BLOCKS = (*TABLES, *_SENTENCES)


def committed() -> Study:
    """The results that are in the repository."""
    return Study(SEEDS, path=str(PUBLISHED), device="cpu", fallback=False)


def filled(text: str, study: Study) -> str:
    """A document with its blocks made anew.

    Raises:
        BadInput: a block of unknown name.
    """

    def fill(block: re.Match[str]) -> str:
        name = block["name"]
        if name not in _BLOCKS:
            raise BadInput(f"<!-- made from results: {name} -->: no such block; known: {', '.join(_BLOCKS)}")
        made = _SENTENCES[name](study) if name in _SENTENCES else TABLES[name](study).markdown()
        return f"{block['begin']}\n{made}\n\n{block['end']}"

    return _BLOCK.sub(fill, text)


def fill_documents(study: Study, root: Path = ROOT) -> None:
    """Bring every document up to date with the results."""
    pages = [root / name for name in PAGES]
    write_together({file: filled(file.read_text(encoding="utf-8"), study).encode() for file in pages})
