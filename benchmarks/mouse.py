"""Compare every measure of the recorded mouse's sleep with rests of three head-direction networks.

    python benchmarks/mouse.py [document=docs/recordings.md]

In a row, sleep is unlike the networks if its value ± two standard errors overlaps that of none of them; rows in which no
network has a value are listed separately. The environment names the mouse's file (docs/recordings.md). It takes half a
minute of a core.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import math
from pathlib import Path
import sys
import textwrap
from typing import Any
import warnings

import reactivation as ra
from reactivation.machine.errors import run_command
from reactivation.replay import Table
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.documents import print_or_fill, require_places
from paper.mouse import recorded_mouse

SOURCE, BLOCKS = "by benchmarks/mouse.py", ("every measure", "unlike")
NETWORKS = ("unbiased", "biased", "langevin")
SLEEP = ("REM sleep", "slow-wave sleep")
EVERY = 5  # steps of 0.02 s: the mouse is decoded every 0.1 s
_LINE = 128  # characters


@dataclass
class Settings:
    """Settings of the script."""

    document: str | None = setting(None, "page whose blocks are filled; null: they are printed")


def table() -> Table:
    """Return all measures of rests and sleep, each beside its own waking."""
    mouse = recorded_mouse().decoded
    awake, rest = dict.fromkeys(SLEEP, mouse["awake"]), {sleep: mouse[sleep] for sleep in SLEEP}
    for name in NETWORKS:
        langevin = name == "langevin"
        run = ra.control(name, density="bearings") if langevin else ra.load(f"head_direction/noisy_{name}", seed=0)
        awake[name] = run.record(ra.waking(500), 50, decoder="template")[::EVERY]
        rest[name] = run.record(ra.rest(500, variance_gain=2), 50, decoder="template")[::EVERY]
    return ra.replay.table({name: rest[name] for name in (*NETWORKS, *SLEEP)}, awake, rng=0)


def interval(found: Any) -> tuple[float, float] | None:
    """Return the value ± two standard errors; None for no value."""
    if found is None or found.standard_error is None or not math.isfinite(found.value):
        return None
    return found.value - 2 * found.standard_error, found.value + 2 * found.standard_error


def unlike(found: Table, sleep: str, networks: Sequence[str] = NETWORKS) -> tuple[list[str], list[str]]:
    """Return measures for which sleep's interval overlaps none of the networks', and those for which no network has one."""
    apart, alone = [], []
    for measure, each in found.found.items():
        own, others = interval(each[sleep]), [one for name in networks if (one := interval(each[name]))]
        if own and not others:
            alone.append(measure)
        elif own and all(own[1] < low or high < own[0] for low, high in others):
            apart.append(measure)
    return apart, alone


def sentences(found: Table) -> Iterator[str]:
    """Yield sentences on the measures in which each sleep is unlike every network."""
    for sleep in SLEEP:
        apart, alone = ([f"`{name}`" for name in names] for names in unlike(found, sleep))
        valued = sum(interval(each[sleep]) is not None for each in found.found.values())
        words = f"- *{sleep[0].upper()}{sleep[1:]}* in {len(apart)} of the {valued} rows that it has a value in: "
        words += ", ".join(apart) + (f"; and no network has {', '.join(alone)}." if alone else ".")
        yield textwrap.fill(words, _LINE, subsequent_indent="  ")


def main(words: list[str]) -> None:
    """Measure, and print or fill the page.

    Raises:
        BadInput: the page has no place for the table.
        DamagedData: the environment names no recorded mouse.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    require_places(settings.document, SOURCE, BLOCKS)
    warnings.simplefilter("ignore", RuntimeWarning)
    found = table()
    made = f"```\n{found}\n```", "\n".join(sentences(found))
    print_or_fill(settings.document, SOURCE, dict(zip(BLOCKS, made, strict=True)))


if __name__ == "__main__":
    run_command(main)
