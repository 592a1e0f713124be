"""Answer whether verdicts in the box depend on the first steps of waking, in a table for docs/theory.md.

    python benchmarks/waking.py [document=docs/theory.md]

The biased walk starts all over the box, and takes about 30 steps to its ring. α is measured against the density p of the 100
steps of training. These first steps are a part of it, although sampling (Eq. 16) is about a density that does not change. So
α is measured again, of the same pairs, with p of steps 50 to 100 and of steps 100 to 200. The rule:

    α depends on the first steps: the 95 % t interval over networks of α with p of steps 100 to 200, less α with p of steps
    0 to 100, lies beside 0 at that c
    there is no sign of it: it does not

Beside it stands the verdict of paper.claims.theory with each p, of controls and nulls, too, which also compares the median
radius at rest with that of these steps. When this was written, α of the biased GRUs with all three p was known, and that of
one vanilla network trained without noise. It takes half a minute of a core for each of 25 networks.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
import math
from pathlib import Path
from statistics import fmean
import sys
from typing import Any, NamedTuple

import numpy as np

from reactivation.analysis.mechanism import Settings as Measuring
from reactivation.analysis.mechanism import awake_of, sigma_of, subject_of
from reactivation.analysis.progress import Progress
from reactivation.analysis.recording import Recording
from reactivation.analysis.results import confidence_interval
from reactivation.machine.errors import BadInput, run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS
from reactivation.theory.drift import drift
from reactivation.theory.landscape import waking_positions

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.mechanism import HOME_AT, network_of
from paper.claims.theory import JUDGED, Controls, Network, Ruling, one_mode_at_home, ratios, told, verdict
from paper.documents import print_or_fill, require_places
from paper.protocols import SPATIAL
from paper.tables import Table
from paper.theory import BY_NAME, CONTROL_SEEDS, CONTROLS, control_name, control_settings, counted, family_settings, found

SOURCE, BLOCK = "by benchmarks/waking.py", "waking"
FAMILIES = (
    "biased GRU", "biased GRU, trained without noise", "biased vanilla", "biased vanilla, trained without noise",
)  # fmt: skip
GAINS = (JUDGED[0], 0.5, JUDGED[1])  # c; D at the first is taken from the second
CHOSEN, HALF, LATE = P = ("0 to 100", "50 to 100", "100 to 200")  # steps of waking whose density is p


@dataclass
class Settings:
    """Settings of the script."""

    document: str | None = setting(None, "page whose table is filled; null: it is printed")


class Asked(NamedTuple):
    """One network, as the rules see it with each p, and the median radius of these steps of waking [m]."""

    network: Mapping[str, Network]
    radius: Mapping[str, float]


def ask(settings: Measuring) -> Asked:
    """Measure α of a network with each p; all else is what its published results say.

    Raises:
        BadInput: it has no results.
        DamagedData: the network is missing.
    """
    if (measured := found(settings)) is None:
        raise BadInput(
            f"{settings.run}, seed {settings.seed}, is not measured: python reproduce.py profile=paper only=theory"
        )
    run = subject_of(settings)
    awake = awake_of(run, settings)
    chosen = waking_positions(awake)
    late = waking_positions(awake, steps=200)[100:]
    recordings = {CHOSEN: chosen, HALF: chosen[50:], LATE: late}
    alphas = drift(run, GAINS, sigma=sigma_of(run, settings), awake=chosen, others=recordings).sensitivity
    radius = {steps: _radius(one) for steps, one in recordings.items()}
    own = network_of(SPATIAL, settings.seed, measured, None)
    return Asked(
        {
            steps: replace(
                own,
                alpha={c: alphas[steps][f"{c:g}"] for c in JUDGED},
                one_mode=_one_mode(measured, radius[CHOSEN] - radius[steps]),
            )
            for steps in P
        },
        radius,
    )


def _radius(awake: Recording) -> float:
    return float(np.median(np.linalg.norm(awake.flat, axis=-1)))


def _one_mode(measured: Mapping[str, Any], farther: float) -> bool:
    """Whether rest has one mode at home, if home is `farther` [m] nearer to the middle than in the results."""
    homes = dict(zip(measured["tempering"]["gains"], measured["tempering"]["homes"], strict=True))
    home = homes[HOME_AT]
    return one_mode_at_home(SPATIAL, **{**home, "away": home["away"] + farther})


def depends(networks: Sequence[Asked], c: float) -> str:
    """Return the answer at one c."""
    differences = [one.network[LATE].alpha[c] - one.network[CHOSEN].alpha[c] for one in networks]
    low, high = confidence_interval(differences) or (-math.inf, math.inf)
    words = "yes" if low > 0 or high < 0 else "no sign of it"
    return f"{words} at c = {c:g}, {told(differences)}"


def judged(family: str, networks: Mapping[str, Sequence[Asked]], controls: Controls, steps: str) -> Ruling:
    """Return the verdict on a family with one p."""
    null = BY_NAME[family].null
    scattered = [one.network[steps].alpha[0.0] for one in networks[null]] if null else []
    own = [one.network[steps] for one in networks[family]]
    return verdict(SPATIAL, own, len(BY_NAME[family].seeds), scattered, controls)


def block(networks: Mapping[str, Sequence[Asked]], controls: Mapping[str, Sequence[Asked]]) -> str:
    """Return the table, and the answers."""
    rows, changed = [], []
    first: dict[str, str] = {}
    for steps in P:
        analytic = Controls(*([one.network[steps] for one in controls[name]] for name in CONTROLS))
        for name, of in controls.items():
            alphas = [told([one.network[steps].alpha[c] for one in of]) for c in JUDGED]
            rows.append([steps, f"{control_name(name, SPATIAL)} (α itself)", _mean_radius(of, steps), *alphas, "–"])
        for name in FAMILIES:
            ruling = judged(name, networks, analytic, steps)
            own = [one.network[steps] for one in networks[name]]
            alphas = [told(ratios(own, analytic, c)) for c in JUDGED]
            rows.append([steps, name, _mean_radius(networks[name], steps), *alphas, ruling.verdict])
            if ruling.verdict != first.setdefault(name, ruling.verdict):
                changed.append(f"- *{name}*, p of steps {steps}: {ruling.verdict}; {ruling.reason}.")
    heads = ["steps of p", "networks", "radius awake [m]", *(f"α over control, c = {c:g}" for c in JUDGED), "verdict"]
    answers = [f"- *{name}*: {'; '.join(depends(networks[name], c) for c in JUDGED)}." for name in FAMILIES]
    asked = "*Does α depend on the first steps of waking?* Of α with the last p, less α with the first:"
    verdicts = "Verdicts that change:" if changed else "No verdict changes."
    return "\n\n".join([Table(heads, rows).markdown(), asked, "\n".join(answers), verdicts, "\n".join(changed)]).rstrip()


def _mean_radius(of: Sequence[Asked], steps: str) -> str:
    return f"{fmean(one.radius[steps] for one in of):.2f}"


def main(words: list[str]) -> None:
    """Measure, and print the table or write it into a page.

    Raises:
        BadInput: the page has no place for it.
        DamagedData: a network is not there.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    require_places(settings.document, SOURCE, [BLOCK])
    nulls = dict.fromkeys(null for name in FAMILIES if (null := BY_NAME[name].null))
    asked = {name: [control_settings(RESULTS, SPATIAL, name, seed) for seed in CONTROL_SEEDS] for name in CONTROLS}
    for family in (BY_NAME[name] for name in (*FAMILIES, *nulls)):
        every = [family_settings(RESULTS, family, seed) for seed in counted(RESULTS, family)]
        asked[family.name] = [one for one in every if found(one) is not None]
    answers: dict[str, list[Asked]] = {name: [] for name in asked}
    with closing(Progress(BLOCK, sum(map(len, asked.values())), "network")) as progress:
        for name, each in asked.items():
            for one in each:
                progress.at(name)
                answers[name].append(ask(one))
                progress.move()
    print_or_fill(settings.document, SOURCE, {BLOCK: block(answers, {name: answers[name] for name in CONTROLS})})


if __name__ == "__main__":
    run_command(main)
