"""Numbers in documents: blocks between two comments, made from the results and never typed by hand.

<!-- made from results: claims -->
...
<!-- end -->
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
import re

from paper.claims import CLAIMS
from paper.evidence import Evidence
from paper.protocols import NETWORKS, SEEDS
from paper.tables import (
    activity_table,
    claims_table,
    effects_table,
    networks_table,
    protocols_table,
    seeds_table,
    tally,
    words_table,
)
from paper.timings import breakdown_table, densities_table, history_table, speed_table
from paper.verdicts import judge_all
from reactivation.machine.errors import BadInput
from reactivation.storage.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/claims.md", "docs/differences.md", "docs/performance.md")
_BLOCK = re.compile(r"(?P<begin><!-- made from results: (?P<name>[\w ]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def _networks(task: str, evidence: Evidence) -> str:
    return networks_table(evidence, task).markdown()


BLOCKS: dict[str, Callable[[Evidence], str]] = {
    "words": lambda _: words_table().markdown(),
    "seeds": lambda evidence: seeds_table(evidence).markdown(),
    "tally": lambda evidence: tally(judge_all(CLAIMS, evidence)),
    "claims": lambda evidence: claims_table(evidence).markdown(),
    "activity": lambda evidence: activity_table(evidence).markdown(),
    "speed": lambda evidence: speed_table(evidence).markdown(),
    "breakdown": lambda evidence: breakdown_table(evidence).markdown(),
    "history": lambda evidence: history_table(evidence).markdown(),
    "densities": lambda evidence: densities_table(evidence).markdown(),
    "protocols": lambda _: protocols_table().markdown(),
    "effects": lambda evidence: effects_table(evidence).markdown(),
    **{f"networks {task}": partial(_networks, task) for task in NETWORKS},
}


def committed(root: Path = ROOT) -> Evidence:
    """The results that are in the repository."""
    return Evidence(SEEDS, path=str(root / "results"), device="cpu")


def filled(text: str, evidence: Evidence) -> str:
    """A document with its blocks made anew.

    Raises:
        BadInput: a block of unknown name.
    """

    def fill(block: re.Match[str]) -> str:
        name = block["name"]
        if name not in BLOCKS:
            raise BadInput(f"<!-- made from results: {name} -->: no such block; known: {', '.join(BLOCKS)}")
        return f"{block['begin']}\n{BLOCKS[name](evidence)}\n\n{block['end']}"

    return _BLOCK.sub(fill, text)


def fill_documents(evidence: Evidence, root: Path = ROOT) -> None:
    """Bring every document up to date with the results."""
    for name in PAGES:
        file = root / name
        write_atomically(file, filled(file.read_text(), evidence).encode())
