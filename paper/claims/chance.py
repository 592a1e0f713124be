"""How many verdicts of all tables would be wrong by chance: were every truth at the very end of its range, one in forty."""

from collections.abc import Iterable
from typing import NamedTuple

from scipy import stats

from paper.claims import CLAIMS
from paper.claims.mechanism import Judged
from paper.claims.replay import rows
from paper.claims.theory import SURE
from paper.protocols import HEAD, SPATIAL
from paper.theory import FOLLOWED, SEEDS
from reactivation.analysis.results import LEVEL

TAIL = (1 - LEVEL) / 2  # of one side of an interval


class Chance(NamedTuple):
    """A table of verdicts, and how many of them are wrong by chance at most, in the mean."""

    what: str
    verdicts: int
    wrong: float


def sign_is_wrong(task: str) -> float:
    """How often two standard errors over the networks that are planned tell a sign that is not there."""
    return float(stats.t.sf(SURE, len(SEEDS[task]) - 1))


def chances(judged: Iterable[Judged]) -> list[Chance]:
    """Every table of claims of the project, and what is asked of the mechanism."""
    questions = [one.question for one in judged]
    mechanisms = questions.count("mechanism")
    followed = sum(question.startswith("when") for question in questions)
    others = len(questions) - mechanisms - followed
    claims, replay = len(CLAIMS), len(rows(of_noise=True))
    return [
        Chance("claims about networks of the paper's text", claims, claims * TAIL),
        Chance("the same claims about networks of its released code", claims, claims * TAIL),
        Chance("rows on replay, for each family", replay, replay * TAIL),
        Chance("mechanisms of families", mechanisms, mechanisms * max(TAIL, sign_is_wrong(HEAD))),
        Chance("further questions about families", others, others * TAIL),
        # Steps of training share their networks, and are many.
        Chance("questions of when the pull appears", followed, followed * TAIL * len(FOLLOWED[SPATIAL])),
    ]
