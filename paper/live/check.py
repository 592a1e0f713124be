"""Measure the live page: its size, its speed in the browsers of this machine, and the effect of its rounded weights.

    python -m paper.live.check [page=live.html]

Prints a table in Markdown, for a page that exists or for a new one. The effect of rounding is measured in 200 rests of 1,000
steps under the same noise, with the weights as trained and as rounded on the page: the distance of their paths, and the
divergence of each from waking.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from paper.live.browser import BROWSERS, Browser, Chromium
from paper.live.networks import NETWORKS, Shown, described, put_back
from paper.live.page import page_of
from paper.study import Study
import reactivation as ra
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS

_SLOWED = 6  # times
_STEPS = (100, 1000)  # of rest, after which paths are compared
_TRAJECTORIES = 200
# Steps a second of each network at rest, measured for half a second after a tenth of warming up.
_SPEEDS = """
const speeds = {};
live.page.paused = true;
for (const data of live.networks) {
  const simulation = new live.Simulation(data, 0, [[0, "phase", "rest"]]);
  const run = (time) => {
    const began = performance.now();
    let steps = 0;
    for (; performance.now() - began < time; steps++) simulation.step();
    return Math.round((1000 * steps) / (performance.now() - began));
  };
  run(100);
  speeds[data.key] = run(500);
}
return speeds;
"""


@dataclass
class Settings:
    """Keys of this command."""

    page: str | None = setting(None, "a live.html that is there already; null: one is written")


def main(words: list[str]) -> None:
    """The command line of this module.

    Raises:
        BadInput: the page is missing.
        DamagedData: a network is missing.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    study = Study((0,), path=RESULTS, device="cpu")
    with TemporaryDirectory() as folder:
        page = page_of(settings.page, study, Path(folder))
        speeds = dict(_speeds(page.resolve().as_uri()))
        print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB\n")
    columns = ["bits", *(f"steps/s, {name}" for name in speeds), *(f"apart after {n} steps" for n in _STEPS)]
    header = ["network", *columns, "KL rest ‖ awake [nats]", "on the page"]
    print(_row(header), _row(["---"] * len(header)), sep="\n")
    for shown in NETWORKS:
        print(
            _row(
                [
                    shown.title,
                    str(shown.bits),
                    *(f"{found[shown.key]:,}" for found in speeds.values()),
                    *_changes(shown, study),
                ]
            )
        )


def _speeds(address: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the browsers that are installed, and how fast each runs the networks."""
    for kind in BROWSERS:
        if kind.program() is None:
            continue
        with kind() as browser:
            yield kind.__name__, _speed(browser, address)
            if isinstance(browser, Chromium):
                browser.slow_down(_SLOWED)
                yield f"{kind.__name__} slowed {_SLOWED} ×", _speed(browser, address)


def _speed(browser: Browser, address: str) -> dict[str, int]:
    browser.open(address)
    found: dict[str, int] = browser.run(_SPEEDS)
    return found


def _changes(shown: Shown, study: Study) -> list[str]:
    """How far rounded weights move paths, and the divergence of rest from waking before and after rounding."""
    run = study.network(shown.task, shown.run, study.seeds[0])
    awake = run.record(ra.waking(steps=100), trajectories=_TRAJECTORIES)
    exact = run.record(ra.rest(steps=max(_STEPS)), trajectories=_TRAJECTORIES)
    put_back(described(shown, study), run)
    coarse = run.record(ra.rest(steps=max(_STEPS)), trajectories=_TRAJECTORIES)
    apart = run.task.space.distance(exact.positions, coarse.positions).mean(0)
    unit = run.task.space.unit
    divergences: list[Any] = [ra.kl(one, awake, rng=0).value for one in (exact, coarse)]
    return [*(f"{float(np.asarray(apart)[n - 1]):.3f} {unit}" for n in _STEPS), *(f"{value:.3f}" for value in divergences)]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    run_command(main)
