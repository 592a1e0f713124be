"""Answer whether rest pulls drawn tanh networks home, from even starts and without dD/ds, in tables for docs/theory.md.

    python benchmarks/drawn.py [document=docs/theory.md]

*Starts.* Rests begin at bearings spread evenly over the circle, and at home, as the network's own encoder puts them there,
and last 10,000 steps. M is the mean of cos(s − home): 0 for even bearings, 1 at home, without bias. From step 100 on, when
rates have come to the manifold, M is held against that of bearings that go on from the same places with the network's own
D: *flat*, M e^(−Dt), and *sampling*, ds = −(2/c) D κ sin(s − home) dt + √(2D) dW, κ being that of waking. The pull is what M
at the end has more than flat. Null networks, trained on undrawn bearings, are asked for the home of their seed.

    rest gathers (even starts) or holds (starts at home) at c: the 95 % t intervals over networks of the pull less a quarter
    of sampling's, and of the pull less that of the null of the same seed, lie above 0
    it does not: the first of the two lies below 0; undecided otherwise
    rest pulls home at c: it gathers and, above c = 0, where anything flat does, holds; it does not, if one of them is not so
    starts meet at c: M at the end from even starts, less M from home, lies within ±0.1 by its interval; they do not: outside
    rest is as close as waking at c: M at the end from even starts, less M awake, lies within ±0.1; it is not: outside

*dD/ds.* α is found with D₀ + D₁ cos(s − home) + D₂ sin(s − home) in place of one D, fitted to the same pairs, and the slope
of D taken off the drift:

    a pull is left at c: α over that of the Langevin control lies above a quarter by its interval; none is left: below

Nothing is said unless the controls come out right, in the mean over five networks: at each c Langevin networks come from
both starts within 0.1 of Eq. (1), that is of the M of 2κ/c, and M of flat ones from even starts stays within ±0.2; without
dD/ds, at c = 0 and 4, α of Langevin networks lies within 0.5 to 1.5 and that of flat ones within ±0.2.

This explores: these networks were looked at before. Known when it was written: all of docs/theory.md (α of drawn tanh is
near 0 at c = 0, near 1 at c = 2 and above from 4 on; after 150 steps even starts are 0.36 to 0.71 as wide as they should be,
at c = 0; rest of 4,000 steps has not forgotten its start; nulls scatter widely at c = 4), and pilots on the controls of
seeds 0 and 1. No trained network had been rested for this script. It takes half a minute of a core for each of the 20.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
import math
from pathlib import Path
from statistics import fmean
import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive
import torch

from reactivation import types
from reactivation.analysis.mechanism import Settings as Measuring
from reactivation.analysis.mechanism import awake_of, subject_of
from reactivation.analysis.progress import Progress
from reactivation.machine.errors import run_command
from reactivation.network.dynamics import rollout
from reactivation.replay.inference import Draws
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS
from reactivation.theory.drift import WINDOW, alpha_of, fits_of
from reactivation.theory.landscape import Bearings, waking_positions
from reactivation.theory.pairs import STILL, read_pairs, run_pairs
from reactivation.theory.probe import Probe, asking
from reactivation.types import Noise
from reactivation.world.decoding import TEMPLATE

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.theory import JUDGED, NEAR_ONE, OF_FLAT_CONTROL, WEAKEST, WORDS, told, within
from paper.documents import print_or_fill, require_places
from paper.protocols import HEAD
from paper.tables import Table
from paper.theory import BY_NAME, CONTROL_SEEDS, CONTROLS, control_name, control_settings, counted, family_settings

SOURCE, STARTS_BLOCK, ALPHA_BLOCK = "by benchmarks/drawn.py", "starts", "uneven diffusion"
OWN, NULL = "drawn tanh", "undrawn tanh"
LANGEVIN, FLAT = (control_name(name, HEAD) for name in CONTROLS)
GAINS = (0.0, 2.0, 4.0, 8.0)  # c; D/c at the first is that of the second
AT = (0, 100, 1000, 10_000)  # steps at which rests are decoded; the second is that from which rest is compared
STARTS = 40  # trajectories from each kind of starts, at each c
PAIRS = 500  # for α
CLOSE = 0.1  # differences of M that count as none
ABOVE = (0.0, math.inf)
_BLOCK, _COPIES, _STRIDE = 100, 25, 10  # steps run at once; copies of each bearing, and steps at once, of `moved_on`
Array = NDArray[np.float64]


@dataclass
class Settings:
    """Settings of the script."""

    document: str | None = setting(None, "page whose tables are filled; null: they are printed")


class Rest(NamedTuple):
    """M of rests from one kind of starts."""

    seen: Array  # at each of the steps `AT`
    flat: float  # at the last, of bearings that diffuse
    sampling: float  # at the last, of bearings that sample the waking density

    @property
    def pull(self) -> float:
        return self.seen[-1] - self.flat

    @property
    def beyond(self) -> float:
        """The pull less a quarter of that of sampling."""
        return self.pull - WEAKEST * (self.sampling - self.flat)


class Asked(NamedTuple):
    """One network at one c."""

    awake: float  # M of waking
    expected: float  # M of Eq. (1)
    rests: tuple[Rest, ...]  # from even starts, and from home
    alpha: float
    alpha_left: float  # with dD/ds taken off


Group = Mapping[int, Mapping[float, Asked]]  # seed → c → its answers
EVEN, HOME = 0, 1  # kinds of starts


def expected_at(gain: float, concentration: float) -> float:
    """M of p^(2/c), p ∝ exp(κ cos s): that of a concentration 2κ/c (Eq. 1); 1 without noise."""
    return float(ive(1, 2 * concentration / gain) / ive(0, 2 * concentration / gain)) if gain else 1.0


def moved_on(bearings: Array, pull: float, diffusion: float, steps: int, draws: Draws) -> Array:
    """Let bearings (n) take ds = −pull sin s dt + √(2D) dW for some steps, several copies of each; rates are per step."""
    moved = np.tile(bearings, _COPIES)
    for _ in range(0, steps, _STRIDE):
        moved = moved - _STRIDE * pull * np.sin(moved) + draws.normal(0, math.sqrt(2 * diffusion * _STRIDE), moved.shape)
    return moved


def rests(probe: Probe, home: float) -> Array:
    """Bearings from home (T, c, 2, B) at the steps `AT`, of rests from even starts and from home."""
    even = 2 * math.pi * (torch.arange(STARTS, dtype=types.PRECISION) + 0.5) / STARTS
    source, shape = probe.source("rests"), (len(GAINS), 2, STARTS)
    starts = (home + torch.stack((even, torch.zeros_like(even)))).expand(shape).reshape(-1, 1)
    scale = torch.tensor(GAINS).sqrt()[:, None, None, None]
    noise, read = Noise(probe.noise.sigma), []
    with asking():
        state = probe.at(starts)
        still = state.new_zeros(len(state), _BLOCK, probe.network.n_inputs)
        for steps in np.diff(AT, prepend=0):
            for _ in range(steps // _BLOCK):
                drawn = torch.randn(2 * STARTS, _BLOCK, probe.network.n_units, generator=source, dtype=state.dtype)
                drawn = (scale * drawn).flatten(0, 1)  # the same at every c, which saves most of the time
                state = rollout(probe.network, state, still, noise, probe.dt, source, injected=drawn).state
            read.append(probe.positions(state).reshape(shape) - home)
    return np.stack(read)


def ask(settings: Measuring) -> dict[float, Asked]:
    """Measure one network at each c."""
    run = subject_of(settings)
    awake, probe = waking_positions(awake_of(run, settings)), Probe(run, "drawn")
    prior, draws = Bearings(awake), probe.draws("moved on")
    with asking():
        pairs = {gain: run_pairs(probe, gain, PAIRS, STILL, 1.0) for gain in GAINS}
    readings = read_pairs(pairs, None, probe.course, prior, WINDOW, TEMPLATE)
    fits = {fit.gain: fit for fit in fits_of(readings, tuple(pairs), probe.course, uneven=True)}
    bearings = rests(probe, prior.home)

    def rest(reported: Array, gain: float) -> Rest:
        """M of bearings (T, B) at one c."""
        diffusion, steps = max(fits[gain].diffusion, 0.0) if gain else 0.0, AT[-1] - AT[1]
        noisy = gain or GAINS[1]
        pull = 2 * prior.concentration * fits[noisy].diffusion / noisy
        seen, sampling = np.cos(reported).mean(-1), np.cos(moved_on(reported[1], pull, diffusion, steps, draws)).mean()
        return Rest(seen, seen[1] * math.exp(-diffusion * steps), sampling)

    return {
        gain: Asked(
            float(np.cos(awake.flat - prior.home).mean()),
            expected_at(gain, prior.concentration),
            tuple(rest(bearings[:, number, kind], gain) for kind in (EVEN, HOME)),
            alpha_of(fits[gain].predicted, fits[gain].velocity, fits[gain].velocity_error),
            fits[gain].alpha,
        )
        for number, gain in enumerate(GAINS)
    }


def at(group: Group, c: float) -> list[Asked]:
    """Return the answers of each network at one c, in the order of the seeds."""
    return [group[seed][c] for seed in sorted(group)]


def problem(langevin: Group, flat: Group) -> str:
    """Return which control is wrong; "" if all are right."""
    for c in GAINS:
        missed = [fmean(one.rests[kind].seen[-1] - one.expected for one in at(langevin, c)) for kind in (EVEN, HOME)]
        if max(map(abs, missed)) > CLOSE:
            return f"rest of the Langevin control at c = {c:g}"
        if abs(fmean(one.rests[EVEN].seen[-1] for one in at(flat, c))) > OF_FLAT_CONTROL:
            return f"rest of the flat control at c = {c:g}"
    for c in JUDGED:
        sampled, none = (fmean(one.alpha_left for one in at(of, c)) for of in (langevin, flat))
        if not (NEAR_ONE[0] <= sampled <= NEAR_ONE[1] and abs(none) <= OF_FLAT_CONTROL):
            return f"α of a control without dD/ds at c = {c:g}"
    return ""


def pulled(own: Group, null: Group, c: float, kind: int) -> bool | None:
    """Return whether rest gathers or holds, by the rule."""
    beyond = within([one.rests[kind].beyond for one in at(own, c)], ABOVE)
    pairs = [(own[seed][c].rests[kind].pull, null[seed][c].rests[kind].pull) for seed in sorted(own) if seed in null]
    over_null = within([one - other for one, other in pairs], ABOVE)
    return False if beyond is False else (beyond and over_null) or None


def answers(own: Group, null: Group) -> Table:
    """Return what the rules about starts say at each c."""
    rows = []
    for c in GAINS:
        of, both = at(own, c), [pulled(own, null, c, kind) for kind in (EVEN, HOME)]
        asked = both if c else both[:1]
        home = False if False in asked else all(asked) or None
        pulls = ", ".join(f"{one.rests[EVEN].pull:.2f}" for one in of)
        ends = [[one.rests[kind].seen[-1] for one in of] for kind in (EVEN, HOME)]
        apart = [np.subtract(ends[EVEN], other).tolist() for other in (ends[HOME], [one.awake for one in of])]
        close = [f"{WORDS[within(each, (-CLOSE, CLOSE))]}: {told(each)}" for each in apart]
        rows.append([f"{c:g}", pulls, *(WORDS[one] for one in both), WORDS[home], *close])
    return Table(["c", "pull from even starts, by seed", "gathers", "holds", "pulls home", "starts meet", "as awake"], rows)


def starts_block(groups: Mapping[str, Group], wrong: str) -> str:
    """Return M of all groups, means over networks, and the answers."""
    rows = []
    for name, c, of in ((name, c, at(group, c)) for name, group in groups.items() for c in GAINS):
        early = np.mean([one.rests[EVEN].seen[:-1] for one in of], axis=0)
        means = [fmean(one.awake for one in of), fmean(one.expected for one in of), *early]
        rows.append([name, f"{c:g}", *(f"{mean:.2f}" for mean in means)])
        for rests in zip(*(one.rests for one in of), strict=True):
            models = np.mean([(rest.flat, rest.sampling) for rest in rests], axis=0)
            rows[-1] += [told([rest.seen[-1] for rest in rests]), *(f"{mean:.2f}" for mean in models)]
    heads = ["networks", "c", "awake", "Eq. (1)", *(f"even, step {step:,}" for step in AT), "flat", "sampling"]
    heads += [f"home, step {AT[-1]:,}", "flat", "sampling"]
    said = f"Nothing is said, since {wrong} is wrong." if wrong else answers(groups[OWN], groups[NULL]).markdown()
    return "\n\n".join([Table(heads, rows).markdown(), "*Does rest pull drawn tanh networks home?*", said])


def alpha_block(groups: Mapping[str, Group], wrong: str) -> str:
    """Return α with one D and without dD/ds, and whether a pull is left."""
    rows = []
    for name, c, of in ((name, c, at(group, c)) for name, group in groups.items() for c in GAINS):
        control = fmean(one.alpha_left for one in at(groups[LANGEVIN], c))
        left = WORDS[within([one.alpha_left / control for one in of], (WEAKEST, math.inf))]
        both = [told([one.alpha for one in of]), told([one.alpha_left for one in of])]
        rows.append([name, f"{c:g}", *both, left if name == OWN and not wrong else "–"])
    return Table(["networks", "c", "α, one D", "α, dD/ds taken off", "a pull is left"], rows).markdown()


def main(words: list[str]) -> None:
    """Measure, and print the tables or write them into a page.

    Raises:
        BadInput: the page has no place for them.
        DamagedData: a network is not there.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    require_places(settings.document, SOURCE, [STARTS_BLOCK, ALPHA_BLOCK])
    asked = [
        (control_name(name, HEAD), control_settings(RESULTS, HEAD, name, seed))
        for name in CONTROLS
        for seed in CONTROL_SEEDS
    ]
    for family in (BY_NAME[name] for name in (OWN, NULL)):
        asked += [(family.name, family_settings(RESULTS, family, seed)) for seed in counted(RESULTS, family)]
    groups: dict[str, dict[int, Mapping[float, Asked]]] = {}
    with closing(Progress("drawn", len(asked), "network")) as progress:
        for name, one in asked:
            groups.setdefault(name, {})[one.seed] = ask(one)
            progress.move()
    wrong = problem(groups[LANGEVIN], groups[FLAT])
    blocks = {STARTS_BLOCK: starts_block(groups, wrong), ALPHA_BLOCK: alpha_block(groups, wrong)}
    print_or_fill(settings.document, SOURCE, blocks)


if __name__ == "__main__":
    run_command(main)
