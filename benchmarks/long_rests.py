"""Answer what longer rests say of the exponent and of modes, in tables for docs/theory.md.

    python benchmarks/long_rests.py [only=spatial_navigation] [document=docs/theory.md]

The exponent of rest, and whether it has one mode, are measured in the last half of 4,000 steps. Rests of biased GRUs and of
drawn tanh networks have not forgotten their starts by then, so that no exponent counts, and two modes may be those of the
starts. Here the same rests last 10,000 steps in the box and 48,000 on the circle: the whole of `ra.theory.tempering` is
measured again, of controls, too, and the verdict of `paper.claims.theory` found with it. All else in the verdict stays. The
rules, beside those of the verdict:

    rest has forgotten its start: by the rule for *relaxed*; if not, these rests were too short as well
    rest is nearer to waking at c = 8 than at c = 2: ln KL(8)/KL(2) lies below 0 by its 95 % t interval over networks; it is
    not: above 0; undecided otherwise. KL(rest ‖ waking) has the kernel of waking for both, and is of the last 500 steps of
    rests of the same length, which start from shuffled rates

The second asks whether biased GRUs come nearer to waking all the way to c = 8, as in rests of 2,000 steps, since little
noise leaves rest where it began. It is asked of networks, and said of Langevin and flat controls beside.

Nothing is said where a control is wrong by the rules of the verdict. No verdict changes by this, since these networks were
looked at before. Known when it was written: all of docs/theory.md, and nothing of any rest longer than 4,000 steps but
`ra.theory.relaxation` (20,000 steps at c = 2). It takes a quarter of an hour of a core for each GRU, minutes for others.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
import math
from pathlib import Path
from statistics import fmean
import sys
from typing import NamedTuple

import reactivation as ra
from reactivation.analysis.mechanism import Settings as Measuring
from reactivation.analysis.mechanism import awake_of, sigma_of, subject_of
from reactivation.analysis.progress import Progress
from reactivation.machine.errors import run_command
from reactivation.network.phases import shuffled
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS
from reactivation.theory.landscape import waking_positions
from reactivation.theory.tempering import Tempering, tempering
from reactivation.world.decoding import TEMPLATE

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.mechanism import HOME_AT, controls_of, networks_of
from paper.claims.theory import WORDS, Controls, Network, is_relaxed, one_mode_at_home, told, verdict, within
from paper.documents import print_or_fill, require_places
from paper.protocols import HEAD, SPATIAL
from paper.tables import Table
from paper.theory import BY_NAME, CONTROLS, control_name, control_settings, family_settings

SOURCE = "by benchmarks/long_rests.py"
STEPS = {SPATIAL: 10_000, HEAD: 48_000}
ASKED = {SPATIAL: "biased GRU", HEAD: "drawn tanh"}  # the family of each task
COMPARED = (2.0, 8.0)  # c at which rest is held against waking
WINDOW = 500  # last steps of a rest that are held against waking
PUBLISHED_STEPS = Measuring.steps
SAMPLES = 1000  # of each density


@dataclass
class Settings:
    """Settings of the script."""

    only: str = setting("all", "task", choices=("all", *STEPS))
    document: str | None = setting(None, "page whose tables are filled; null: they are printed")


class Asked(NamedTuple):
    """One network, as the rules see it with its short rests and with long ones."""

    short: Network
    long: Network
    divergence: Mapping[float, float]  # c → KL(rest ‖ waking) of the long ones [nats]

    @property
    def nearer(self) -> float:
        """ln KL(8)/KL(2)."""
        first, last = (self.divergence[c] for c in COMPARED)
        return math.log(last / first)


def ask(task: str, short: Network, settings: Measuring) -> Asked:
    """Let one network rest for long; all else is as its results say.

    Raises:
        DamagedData: the network is missing.
    """
    run, steps, count = subject_of(settings), STEPS[task], settings.trajectories
    sigma, awake = sigma_of(run, settings), waking_positions(awake_of(run, settings))
    tempered = tempering(run, settings.tempering_gains, trajectories=count, steps=steps, sigma=sigma, awake=awake)
    divergence = {}
    for c in COMPARED:
        phase = ra.rest(steps, c, dropped=steps - WINDOW, start=shuffled, sigma=sigma)
        rest = run.record(phase, count, rates=False, decoder=TEMPLATE)
        divergence[c] = ra.kl(rest, awake, rng=run.seed, samples=SAMPLES).matched
    return Asked(short, with_rests(task, short, tempered), divergence)


def with_rests(task: str, network: Network, tempered: Tempering) -> Network:
    """Return a network as the rules see it with these rests."""
    home = tempered.homes[tempered.gains.index(HOME_AT)]
    return replace(
        network,
        exponent=tempered.value,
        starts_apart=tempered.of_starts[0] - tempered.of_starts[1],
        remembered=max(tempered.remembered),
        one_mode=one_mode_at_home(task, **home._asdict()),
    )


def block(task: str, groups: Mapping[str, Sequence[Asked]]) -> str:
    """Return the table of one task, with means of the controls, and what the rules say of its family."""
    heads = ["network", "steps of rest", "exponent", "exponents of two starts apart", "correlation with the start"]
    heads += ["one mode at home", *(f"KL at c = {c:g}" for c in COMPARED)]
    rows = []
    for name, each in groups.items():
        told_together = (
            {f"{name}, mean": each} if name != ASKED[task] else {f"{name}, seed {one.short.seed}": [one] for one in each}
        )
        for words, of in told_together.items():
            kl = [f"{fmean(one.divergence[c] for one in of):.2f}" for c in COMPARED]
            rows.append([words, f"{PUBLISHED_STEPS:,}", *seen([one.short for one in of]), *("–" for _ in COMPARED)])
            rows.append([words, f"{STEPS[task]:,}", *seen([one.long for one in of]), *kl])
    return "\n\n".join([Table(heads, rows).markdown(), *answers(task, groups)])


def seen(networks: Sequence[Network]) -> list[str]:
    """Return the means of what the rules read of rests, and how many networks have one mode at home."""
    means = [fmean(getattr(one, name) for one in networks) for name in ("exponent", "starts_apart", "remembered")]
    return [*(f"{mean:.2f}" for mean in means), f"{sum(one.one_mode for one in networks)} of {len(networks)}"]


def answers(task: str, groups: Mapping[str, Sequence[Asked]]) -> list[str]:
    """Return what the rules say of the family of a task."""
    family, own = BY_NAME[ASKED[task]], groups[ASKED[task]]
    controls = Controls(*([one.long for one in groups[control_name(name, task)]] for name in CONTROLS))
    if wrong := controls.problem(task):
        return [f"Nothing is said, since with these rests a control is wrong: {wrong}."]
    networks, null = [one.long for one in own], BY_NAME[str(family.null)]
    scattered = [one.alpha[0.0] for one in networks_of(RESULTS, null) if math.isfinite(one.alpha[0.0])]
    ruling = verdict(task, networks, len(family.seeds), scattered, controls)
    nearer = [one.nearer for one in own]
    return [
        f"*Has rest of {family.name} forgotten its start?* {WORDS[is_relaxed(networks)]}.",
        f"*The verdict with these rests:* {ruling.verdict}; {ruling.reason}.",
        f"*Is rest nearer to waking at c = {COMPARED[1]:g} than at c = {COMPARED[0]:g}?* "
        f"{WORDS[within(nearer, (-math.inf, 0.0))]}: ln of the ratio is {told(nearer)}.",
    ]


def main(words: list[str]) -> None:
    """Measure, and print the tables or write them into a page.

    Raises:
        BadInput: the page has no place for them.
        DamagedData: a network is not there.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    tasks = [task for task in STEPS if settings.only in ("all", task)]
    require_places(settings.document, SOURCE, tasks)
    print_or_fill(settings.document, SOURCE, {task: block(task, measured(task)) for task in tasks})


def measured(task: str) -> dict[str, list[Asked]]:
    """Let the controls of a task and its family rest for long."""
    family, controls = BY_NAME[ASKED[task]], controls_of(RESULTS, task)
    asked = [
        (control_name(name, task), one, control_settings(RESULTS, task, name, one.seed))
        for name, each in zip(CONTROLS, (controls.langevin, controls.attractor), strict=True)
        for one in each
    ]
    own = networks_of(RESULTS, family)
    asked += [(family.name, one, family_settings(RESULTS, family, one.seed)) for one in own]
    groups: dict[str, list[Asked]] = {}
    with closing(Progress(f"long rests, {task}", len(asked), "network")) as progress:
        for name, short, settings in asked:
            groups.setdefault(name, []).append(ask(task, short, settings))
            progress.move()
    return groups


if __name__ == "__main__":
    run_command(main)
