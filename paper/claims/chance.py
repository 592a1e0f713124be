"""How many verdicts of all tables are wrong by chance, at most: one in forty, if every true value is an end of its range."""

from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats

from paper.claims import CLAIMS
from paper.claims.mechanism import Judged
from paper.claims.replay import rows
from paper.claims.theory import SURE
from paper.claims.verdicts import can_be_asked
from paper.protocols import HEAD
from paper.study import Study
from paper.theory import BY_NAME, FOLLOWED, SEEDS
from reactivation.analysis.results import LEVEL

TAIL = (1 - LEVEL) / 2  # probability beyond one end of an interval


class Chance(NamedTuple):
    """A table of verdicts, and the greatest expected number of them that is wrong by chance."""

    what: str
    verdicts: int
    wrong: float


def sign_is_wrong(task: str) -> float:
    """Return how often a mean of 0 over the planned networks is more than two standard errors above 0."""
    return float(stats.t.sf(SURE, len(SEEDS[task]) - 1))


def chances(judged: Sequence[Judged]) -> list[Chance]:
    """Return every table of claims of the project, and the questions about the mechanism."""
    questions = [one.question for one in judged]
    mechanisms = questions.count("mechanism")
    looks = [len(FOLLOWED[BY_NAME[one.family].task]) for one in judged if one.question.startswith("when")]
    others = len(questions) - mechanisms - len(looks)
    claims, replay = len(CLAIMS), len(rows(of_noise=True))
    released = sum(can_be_asked(claim, Study((0,)).of_released_code) for claim in CLAIMS)
    return [
        Chance("claims about networks of the paper's text", claims, claims * TAIL),
        Chance("the same claims about networks of its released code", released, released * TAIL),
        Chance("rows on replay, for each family", replay, replay * TAIL),
        Chance("mechanisms of families", mechanisms, mechanisms * max(TAIL, sign_is_wrong(HEAD))),
        Chance("further questions about families", others, others * TAIL),
        # One question at many steps of training: by chance, it may be wrong at each of them.
        Chance("questions of when the pull appears", len(looks), sum(TAIL * steps for steps in looks)),
    ]
