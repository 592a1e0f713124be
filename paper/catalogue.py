"""Every panel and every figure of the paper by its key: title, caption, what it is made from, how its numbers are gathered.

A panel is a key ("2e"), what it needs, and the function of `paper.panels` that gathers its numbers, which know
how to draw themselves. A figure is rows of panels. `paper.figures` puts them on pages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from paper import panels
from paper.evidence import OTHERS, Evidence
from paper.panels import Numbers
from paper.protocols import HEAD, PROTOCOLS, SPATIAL
from reactivation.analysis.runner import command, how_to_train, result_file
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.settings.declaring import nearest
from reactivation.settings.layers import RESULTS
from reactivation.settings.reading import COMMAND_LINE, to_words


@dataclass(frozen=True)
class Need:
    """What a panel is made from: a network, the measures of its training, or a protocol's results."""

    kind: Literal["network", "training", "results"]
    name: str  # <task>/<run>, or the protocol
    seeds: Literal["first", "any"] = "first"  # which seed must have it

    @property
    def task(self) -> str:
        return PROTOCOLS[self.name].task if self.kind == "results" else self.name.split("/")[0]

    def lacking(self, evidence: Evidence) -> str | None:
        """One line that says what to run; None if nothing is."""
        seeds = evidence.seeds[:1] if self.seeds == "first" else evidence.seeds
        try:
            return None if any(self._there(evidence, seed) for seed in seeds) else self._advice(evidence, seeds[0])
        except DamagedData as problem:
            return str(problem)

    def _there(self, evidence: Evidence, seed: int) -> bool:
        if self.kind == "results":
            return evidence.has(self.name, seed)
        task, run = self.name.split("/")
        return (evidence.has_network if self.kind == "network" else evidence.has_training)(task, run, seed)

    def _advice(self, evidence: Evidence, seed: int) -> str:
        if self.kind == "results":
            protocol = PROTOCOLS[self.name]
            arguments = protocol.arguments(seed, evidence.preset)
            if evidence.path != RESULTS:
                arguments["path"] = evidence.path
            file = result_file(protocol.analysis, evidence.settings(protocol, seed))
            problem = f"is {OTHERS}" if file.exists() else "is not there; make it"
            return f"{file} {problem} with: {command(f'output_{protocol.analysis}.py', to_words(arguments))}"
        task, run = self.name.split("/")
        return f"{self.name} of seed {seed} is not there; {how_to_train(run, evidence.settings_of_task(task, seed))}"


@dataclass(frozen=True)
class Panel:
    """One panel."""

    title: str
    needs: tuple[Need, ...]
    gather: Callable[[Evidence], Numbers]
    scale: str = ""  # panels of the same scale share a colour bar


def _shown(kind: Callable[..., Numbers], title: str, run: str, phase: str, *scale: str, **changes: str) -> Panel:
    """A panel of one spatial network in one phase."""
    needs = (Need("network", f"{SPATIAL}/{run}"),)
    return Panel(title, needs, partial(kind, run=run, phase=phase, **changes), *scale)


def _plane(title: str, task: str, run: str, phase: str) -> Panel:
    gather = partial(panels.cloud, task=task, run=run, phase=phase)
    return Panel(title, (Need("network", f"{task}/{run}"),), gather, scale=f"plane {task}")


def _measured(title: str, protocol: str, kind: Callable[..., Numbers], **which: str) -> Panel:
    """A panel of a protocol's results, over all networks that have them."""
    return Panel(title, (Need("results", protocol, "any"),), partial(kind, **which))


def _bearings(title: str, run: str, phase: str, steps: int) -> Panel:
    """A panel of what one head-direction network reports over time."""
    return Panel(title, (Need("network", f"{HEAD}/{run}"),), partial(panels.bearings, run=run, phase=phase, steps=steps))


def _paths_and_densities(name: str, end: str = "", **rest: str) -> dict[str, Panel]:
    """Fig. C.1 and C.2: trajectories, then densities, of networks trained on the unbiased and on the biased task."""
    found, letters = {}, iter("abcdefgh")
    for kind, scaled in ((panels.paths, False), (panels.occupancy, True)):
        for bias in ("unbiased", "biased"):
            for phase, word in (("active", "awake"), ("quiescent", "rest")):
                scale = [f"{name} {bias}"] if scaled else []
                # Waking has no use for the settings of rest, but a density needs them for the scale it shares with rest.
                changes = rest if scaled or phase == "quiescent" else {}
                found[f"{name}{next(letters)}"] = _shown(
                    kind, f"{word}, {bias}", f"noisy_{bias}{end}", phase, *scale, **changes
                )
    return found


PANELS: dict[str, Panel] = {
    "1b": Panel(
        "learning",
        (Need("training", f"{SPATIAL}/noisy_unbiased", "any"),),
        partial(panels.learning, run="noisy_unbiased"),
    ),
    "1c": _measured("explained variance", "manifold", panels.explained_variance, run="noisy_unbiased"),
    "1d": _shown(panels.paths, "awake", "noisy_unbiased", "active"),
    "1e": _shown(panels.paths, "rest", "noisy_unbiased", "quiescent"),
    "1f": _plane("awake", SPATIAL, "noisy_unbiased", "active"),
    "1g": _plane("rest", SPATIAL, "noisy_unbiased", "quiescent"),
    "1h": _shown(panels.occupancy, "awake", "noisy_unbiased", "active", "1hi"),
    "1i": _shown(panels.occupancy, "rest", "noisy_unbiased", "quiescent", "1hi"),
    "1j": _shown(panels.plane_occupancy, "awake", "noisy_unbiased", "active", "1jk"),
    "1k": _shown(panels.plane_occupancy, "rest", "noisy_unbiased", "quiescent", "1jk"),
    "2a": _shown(panels.paths, "awake, biased", "noisy_biased", "active"),
    "2b": _shown(panels.paths, "rest, biased", "noisy_biased", "quiescent"),
    "2c": _shown(panels.occupancy, "awake, biased", "noisy_biased", "active", "2cd"),
    "2d": _shown(panels.occupancy, "rest, biased", "noisy_biased", "quiescent", "2cd"),
    "2e": _measured("KL(rest ‖ awake) [nats]", "kl", panels.divergences),
    "2f": _measured("exploration at rest", "variance", panels.exploration),
    "3a": _measured("awake", "transitions", panels.bearing_histogram, run="noisy_unbiased", phase="active"),
    "3b": _measured("rest", "transitions", panels.bearing_histogram, run="noisy_unbiased", phase="quiescent"),
    "3c": _plane("awake", HEAD, "noisy_unbiased", "active"),
    "3d": _plane("rest", HEAD, "noisy_unbiased", "quiescent"),
    **_paths_and_densities("C1", variance_gain="1"),
    **_paths_and_densities("C2", end="_gru"),
    "C3a": _shown(panels.paths, "trained with noise,\nrest with noise, unbiased", "noisy_unbiased", "quiescent"),
    "C3b": _shown(panels.paths, "trained with noise,\nrest with noise, biased", "noisy_biased", "quiescent"),
    "C3c": _shown(panels.paths, "trained without,\nrest without, unbiased", "no-noise_unbiased", "quiescent"),
    "C3d": _shown(panels.paths, "trained without,\nrest without, biased", "no-noise_biased", "quiescent"),
    "C3e": _shown(panels.paths, "trained without,\nrest with noise, unbiased", "no-noise_unbiased", "quiescent_noisy"),
    "C3f": _shown(panels.paths, "trained without,\nrest with noise, biased", "no-noise_biased", "quiescent_noisy"),
    "C4a": _measured("unbiased", "distance", panels.smoothness, bias="unbiased"),
    "C4b": _measured("biased", "distance", panels.smoothness, bias="biased"),
    "C5a": _bearings("awake, biased", "noisy_biased", "active", steps=50),
    "C5b": _bearings("rest, biased", "noisy_biased", "quiescent", steps=500),
    "C5c": _bearings("rest, unbiased", "noisy_unbiased", "quiescent", steps=500),
    "C5d": _measured("awake, biased", "transitions", panels.turns, run="noisy_biased", phase="active"),
    "C5e": _measured("rest, biased", "transitions", panels.turns, run="noisy_biased", phase="quiescent"),
    "C5f": _measured("rest, unbiased", "transitions", panels.turns, run="noisy_unbiased", phase="quiescent"),
}


@dataclass(frozen=True)
class Figure:
    """A whole figure."""

    title: str
    caption: str
    rows: tuple[tuple[str, ...], ...]  # of panel keys

    @property
    def panels(self) -> tuple[str, ...]:
        return tuple(key for row in self.rows for key in row)


def _keys(figure: str, *rows: str) -> tuple[tuple[str, ...], ...]:
    """("C3", "abc") → (("C3a", "C3b", "C3c"),)."""
    return tuple(tuple(f"{figure}{letter}" for letter in row) for row in rows)


_EXAMPLES = (
    f"{panels.EXAMPLES} example trajectories that one network reports (a circle at the start of each, a triangle at its end)"
)
_CLOUD = f"{panels.CLOUD} trajectories with as many points awake as at rest"
_SPACE_ROWS = (
    f"(a–d) {_EXAMPLES}: awake and at rest after unbiased training (a, b), and after biased training (c, d). (e–h) "
    "Densities of the positions reported in 200 trajectories, in the same order; a pair shares one scale."
)

FIGURES: dict[str, Figure] = {
    "1": Figure(
        "Waking and rest in space",
        "Vanilla networks trained with noise on unbiased walks. (b) Loss, and distance between true and reported position, "
        "on test trajectories while training. (c) Share of the variance of activity in its first principal components, "
        f"awake and at rest. (d, e) {_EXAMPLES}, awake and at rest. (f, g) Activity in the plane of the first two waking "
        f"components, {_CLOUD}; colour tells how far from the centre the reported position is. (h, i) Densities of the "
        "positions reported in 200 trajectories. (j, k) Densities of activity in that plane. Pairs share frame and scale. "
        "Bands: ±1 standard deviation over n networks.",
        _keys("1", "bc", "defg", "hijk"),
    ),
    "2": Figure(
        "Biased waking and rest, and exploration",
        f"(a, b) {_EXAMPLES}, after training on walks that are drawn to the centre, awake and at rest. "
        "(c, d) Densities over 200 trajectories, on one scale. (e) How far resting densities (rows) are from waking ones "
        "(columns), mean over n seeds: networks trained unbiased (U) and biased (B), with noise (σ) or without, untrained "
        "networks (R), and a truly uniform density (𝒰). (f) Variance over time of 500 resting "
        "trajectories, averaged: a dot is a network; boxes are quartiles over networks, whiskers reach the farthest network "
        "that is at most 1.5 heights of the box away from it.",
        _keys("2", "abcd", "ef"),
    ),
    "3": Figure(
        "Waking and rest on the circle",
        "Trained on unbiased turns. (a, b) How often each bearing is reported, awake and at rest: mean and ±1 standard "
        "deviation over n networks; dotted, a uniform density. (c, d) Activity of one network in the plane of the first two "
        f"waking components, {_CLOUD}, coloured by the bearing that it reports.",
        _keys("3", "ab", "cd"),
    ),
    "C1": Figure("Rest with the noise of waking, not doubled", _SPACE_ROWS, _keys("C1", "abcd", "efgh")),
    "C2": Figure("Gated networks (GRUs)", _SPACE_ROWS, _keys("C2", "abcd", "efgh")),
    "C3": Figure(
        "Noise in training and noise at rest",
        f"{_EXAMPLES}, at rest, after unbiased (top) and biased training (bottom). (a, b) Trained and resting with noise. "
        "(c, d) Trained and resting without. (e, f) Trained without, resting with the noise of (a, b).",
        _keys("C3", "ace", "bdf"),
    ),
    "C4": Figure(
        "Noise at rest after training with it and without",
        "Mean distance between consecutive points of each of 200 trajectories, of all n networks, trained with noise (NT) "
        "or deterministically (DT), on the unbiased (a) and the biased task (b). The last box: noise "
        "put in at rest only. Boxes are quartiles over all these trajectories, whiskers as in Fig. 2f, dots lie beyond. "
        "The two panels have scales of their own.",
        _keys("C4", "ab"),
    ),
    "C5": Figure(
        "From moment to moment",
        "(a–c) Bearing over time of the first seed's network trained to turn counter-clockwise, awake (a) and at rest (b), "
        "and of its network trained on unbiased turns, at rest (c); a circle at the start, a triangle at the end; other "
        "networks can be unlike these. (d–f) How often each turn is "
        "made, as angular velocity, each turn taken the shorter way round, mean over n networks; dashed, the mean turn. "
        "Beyond the axis lie faint tails and, where a share is noted, jumps across the circle.",
        _keys("C5", "abc", "def"),
    ),
}


def missing(key: str, evidence: Evidence) -> list[str]:
    """What a panel or figure needs and what is not there yet, one line each, with the command that makes it."""
    needs = dict.fromkeys(need for panel in panel_keys(key) for need in PANELS[panel].needs)
    lines = (need.lacking(evidence) for need in needs)
    return [line for line in lines if line]


def tasks_of(key: str) -> set[str]:
    """The tasks that a panel or figure is about."""
    return {need.task for panel in panel_keys(key) for need in PANELS[panel].needs}


def name_of(key: str) -> str:
    """What the paper calls a panel or figure: "C.1" for C1."""
    return key.replace("C", "C.")


def known_key(text: str) -> str:
    """The key that a user means: "2e", "C.1a", "c1", "Fig. 3".

    Raises:
        BadInput: there is none; names the nearest.
    """
    plain = text.lower().removeprefix("fig").replace(".", "").strip()
    known = {key.lower(): key for key in (*FIGURES, *PANELS)}
    if plain not in known:
        raise BadInput(f"{COMMAND_LINE}: fig={text} is no figure; {nearest(plain, list(known)) if plain else _KNOWN}")
    return known[plain]


_KNOWN = f"known: all, {', '.join(FIGURES)}, and panels such as 2e"


def panel_keys(key: str) -> tuple[str, ...]:
    """The keys of the panels of a panel or figure.

    Raises:
        BadInput: there is none of that name.
    """
    key = known_key(key)
    return FIGURES[key].panels if key in FIGURES else (key,)
