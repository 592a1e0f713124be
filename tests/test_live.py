"""The live page in real browsers: its networks agree with torch, its measures with the library; every control works."""

import base64
from functools import cache
import json
from pathlib import Path
import re
import time
from typing import Any

from factories import started
import numpy as np
from numpy.typing import NDArray
import pytest
import torch

from paper.live.browser import BROWSERS, Browser, Chromium
from paper.live.networks import NETWORKS, described, put_back, rows, unpacked
from paper.live.page import assembled
from paper.study import Study
import reactivation as ra
from reactivation.analysis.densities import GaussianKDE, VonMisesKDE
from reactivation.network.dynamics import rollout
from reactivation.network.modifiers import Adaptation, Modifier, Momentum, modified
from reactivation.types import Noise

Floats = NDArray[np.float32]

SHOWN = {shown.key: shown for shown in NETWORKS}
VANILLA, GRU, HEAD = "noisy_biased", "noisy_biased_gru", "head_noisy_unbiased"
# Runs a simulation in the page and returns what was drawn and what came of it, each as base64 of all steps.
TRACE = """
const data = live.networks.find(({{ key }}) => key === "{key}"), told = {{ noise: [], change: [], rates: [], position: [] }};
const simulation = new live.Simulation(data, {seed}, {script});
told.start = [...simulation.network.rates];
for (let i = 0; i < {steps}; i++) {{
  simulation.step();
  const {{ noise, change, rates }} = simulation.network, {{ position }} = simulation;
  const step = {{ noise, change: change.subarray(0, data.inputs), rates: rates.subarray(0, data.units), position }};
  for (const [name, values] of Object.entries(step)) told[name].push(...values);
}}
const text = (values) => live.textOf(Float32Array.from(values));
return {{
  ...Object.fromEntries(Object.entries(told).map(([name, values]) => [name, text(values)])),
  divergence: simulation.divergence(), exponent: simulation.distances.exponent(),
  compiled: simulation.network.arithmetic.compiled,
}};
"""
# Walks the animal 300 times from new starts, 100 steps each, and returns its movements.
WALKS = """
const simulation = new live.Simulation(live.networks.find(({{ key }}) => key === "{key}"), 1, []), movements = [];
for (let i = 0; i < 30000; i++) {{
  if (i % 100 === 0) {{ simulation.start(); simulation.walker = {{}}; }}
  const change = simulation.change();
  simulation.animal = simulation.world.moved(simulation.animal, change);
  movements.push(...change);
}}
return live.textOf(Float32Array.from(movements));
"""
SECONDS = 60  # that a test waits for what a page does


@cache
def study() -> Study:
    """The networks that come with the project."""
    return Study((0,), path="nowhere", device="cpu")


@cache
def description(key: str) -> dict[str, Any]:
    return described(SHOWN[key], study())


def page_with(folder: Path, *keys: str) -> str:
    """The address of a page with some of the networks."""
    file = folder / "live.html"
    file.write_text(assembled(json.dumps([description(key) for key in keys])))
    return file.as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_with(tmp_path_factory.mktemp("page"), VANILLA, GRU, HEAD)


def traced(browser: Browser, key: str, steps: int, script: list[Any], seed: int = 1) -> dict[str, Any]:
    """Some steps of a network as the page computes them, as arrays with time first."""
    told = browser.run(TRACE.format(key=key, seed=seed, script=json.dumps(script), steps=steps))
    assert told.pop("compiled"), "the page makes do without WebAssembly"
    arrays = ("noise", "change", "rates", "position", "start")
    return {
        name: floats(value, steps if name != "start" else 1) if name in arrays else value for name, value in told.items()
    }


def floats(text: str, steps: int) -> Floats:
    """Numbers of the page, (T, n)."""
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(steps, -1).copy()


def in_torch(key: str, told: dict[str, Any], asleep: slice, gain: float, *modifiers: Modifier) -> Floats:
    """The rates that torch computes with the page's weights, noise and inputs: awake until rest begins, then at rest."""
    shown, data = SHOWN[key], description(key)
    run = study().network(shown.task, shown.run, 0)
    put_back(data, run)
    state, found = run.network.cell.initial(torch.from_numpy(told["start"])), []
    noise, change = (torch.from_numpy(told[name])[None] for name in ("noise", "change"))
    for steps, sigma, network in (
        (slice(0, asleep.start), data["sigmaAwake"], run.network),
        (asleep, data["sigma"] * gain**0.5, modified(run.network, modifiers, run.dt)),
    ):
        state = network.cell.extended(state)
        done = rollout(network, state, change[:, steps], Noise(sigma), run.dt, injected=noise[:, steps], plain=True)
        state = network.cell.reduced(done.state)
        found.append(done.rates.detach().numpy()[0])
    return np.concatenate(found)


def wait_for(browser: Browser, condition: str) -> None:
    """Wait until something is true of the page."""
    deadline = time.monotonic() + SECONDS
    while not browser.run(f"return Boolean({condition})"):
        assert time.monotonic() < deadline, f"never: {condition}"
        time.sleep(0.05)


def set_to(browser: Browser, control: str, value: object, event: str) -> None:
    """Set a control to a value, as a user does."""
    found = f"const control = document.getElementById('{control}'); control.value = {json.dumps(value)};"
    browser.run(f"{found} control.dispatchEvent(new Event('{event}'))")


def state(browser: Browser) -> dict[str, Any]:
    found = browser.run(
        "const { key, seed, speed, paused, simulation } = live.page, { steps, phase, settings, began } = simulation;"
        "return { key, seed, speed, paused, steps, phase, settings, began, rates: live.textOf(simulation.network.rates) }"
    )
    return dict(found)


def test_the_page_is_one_file_that_asks_for_nothing() -> None:
    page = assembled("[]")
    assert not re.search(r"\{\{ \w+ \}\}|https?:|\b(src|href)=|@import|url\(|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page
    labelled = set(re.findall(r'for="([\w-]+)"', page))
    unlabelled = [
        i for i in re.findall(r'<input id="(\w+)"', page) if i not in labelled and f'Seed <input id="{i}"' not in page
    ]
    assert not unlabelled, "each has words for those who hear the page"


@pytest.mark.parametrize("bits", [8, 16])
def test_a_row_is_kept_to_half_a_level(bits: int) -> None:
    matrix = torch.randn(5, 33, generator=torch.Generator().manual_seed(1)) * torch.tensor([[1e-3], [1], [1e3], [0], [1]])
    off, level = (unpacked(rows(matrix, bits)) - matrix).abs().amax(1), matrix.abs().amax(1) / (2 ** (bits - 1) - 1)
    assert (off <= level / 2 * (1 + 1e-2)).all()


def test_the_page_is_the_network_of_torch(tmp_path: Path) -> None:
    with started(Chromium) as chromium:
        chromium.open(page_with(tmp_path, HEAD))
        told = traced(chromium, HEAD, 60, [[30, "phase", "rest"]])
    np.testing.assert_allclose(told["rates"], in_torch(HEAD, told, slice(30, 60), 2), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("key", [VANILLA, GRU, HEAD])
def test_200_steps_are_those_of_torch(browser: Browser, key: str) -> None:
    rest: list[Any] = [[80, "phase", "rest"], [80, "gain", 4]]
    told = traced(browser, key, 200, rest)
    np.testing.assert_allclose(told["rates"], in_torch(key, told, slice(80, 200), 4), atol=1e-4)
    told = traced(browser, key, 200, [*rest, [80, "adaptation", 0.4], [80, "momentum", 0.6]])
    modifiers = Adaptation(gain=0.4, tau=0.5), Momentum(friction=0.4)
    np.testing.assert_allclose(told["rates"], in_torch(key, told, slice(80, 200), 4, *modifiers), atol=1e-4)


@pytest.mark.slow
def test_both_products_give_the_same_bits(browser: Browser) -> None:
    assert browser.run("""
        const both = [false, true].map((plain) => new live.Simulation(live.networks[0], 3, undefined, plain));
        for (let i = 0; i < 150; i++) for (const one of both) one.step();
        return both[0].network.arithmetic.compiled && both[0].network.rates.every((r, i) => r === both[1].network.rates[i]);
    """)


@pytest.mark.slow
@pytest.mark.parametrize("key", [VANILLA, HEAD])
def test_measures_are_those_of_the_library(browser: Browser, key: str) -> None:
    told = traced(browser, key, 500, [[0, "phase", "rest"]])
    shown, circular = SHOWN[key], key == HEAD
    awake = study().recording(shown.task, shown.run, "active", 0).flat
    positions = told["position"].astype(np.float64)
    p = (VonMisesKDE if circular else GaussianKDE)(awake)
    q = type(p)(positions).with_kernel(p.kernel)  # each takes its own
    drawn = q.sample(20000, np.random.default_rng(1))
    terms = q.log_density(drawn) - p.log_density(drawn)
    assert told["divergence"] == pytest.approx(terms.mean(), abs=5 * terms.std() / 20000**0.5 + 0.01)
    space, lags = ra.Circle() if circular else ra.Box(2.2, 2.2), np.arange(1, 9)
    means = [space.distance(positions[lag:], positions[:-lag]).mean() for lag in lags]
    assert told["exponent"] == pytest.approx(np.polyfit(np.log(lags), np.log(means), 1)[0], abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("key", [VANILLA, HEAD])
def test_walks_are_those_of_the_task(browser: Browser, key: str) -> None:
    made = floats(browser.run(WALKS.format(key=key)), 300 * 100)
    shown = SHOWN[key]
    task = study().network(shown.task, shown.run, 0).task
    drawn = task.sample(2000, 100, ra.stream(1, "walks")).inputs.flatten(0, 1).numpy()
    for measure in (np.abs, np.square):
        assert float(measure(made).mean()) == pytest.approx(float(measure(drawn).mean()), rel=0.05)
    assert float(made.mean()) == pytest.approx(float(drawn.mean()), abs=0.05 * float(made.std()))


@pytest.mark.slow
def test_every_control_does_what_it_says(browser: Browser) -> None:
    wait_for(browser, "live.page.simulation.phase === 'rest'")
    browser.click("#pause")
    before = state(browser)
    assert before["paused"], "Pause"
    browser.click("#step")
    assert state(browser)["steps"] == before["steps"] + 1
    browser.click("#kick")
    kicked = state(browser)
    assert kicked["steps"] == before["steps"] + 1
    assert kicked["rates"] != before["rates"]
    browser.click("[data-gain='1']")
    assert state(browser)["settings"]["gain"] == 1
    for name, moved in (("gain", 1.1), ("momentum", 0.05), ("adaptation", 0.05)):
        browser.run(f"document.getElementById('{name}').focus()")
        browser.type("ArrowRight")
        assert state(browser)["settings"][name] == pytest.approx(moved)
    browser.run("document.getElementById('speed').focus()")
    browser.type("ArrowRight")
    assert state(browser)["speed"] > before["speed"]
    browser.click("#walk")
    assert state(browser)["phase"] == "walk"
    browser.click("#rest")
    assert state(browser)["phase"] == "rest"
    wanted: dict[str, object] = {"network": HEAD, "seed": 7}
    for name, value in wanted.items():
        set_to(browser, name, value, "change")
        found = state(browser)
        assert found["key" if name == "network" else name] == value
        assert found["steps"] == 0
    browser.click("#again")
    browser.click("#pause")
    wait_for(browser, "!live.page.paused && live.page.simulation.steps > 5")
    assert "step=" in browser.run("document.querySelector('#link').click(); return location.hash")


@pytest.mark.slow
def test_a_hand_and_arrow_keys_wake_the_animal(browser: Browser) -> None:
    wait_for(browser, "live.page.simulation.phase === 'rest'")
    left, top, width, height = browser.box("#world")
    browser.press([(left + width * x, top + height * 0.5) for x in (0.5, 0.6, 0.7)])
    wait_for(browser, "live.page.simulation.phase === 'drag' && live.page.simulation.animal[0] > 0.4")
    assert browser.run("return live.page.simulation.position[0]") > 0, "the network follows"
    browser.release()
    assert state(browser)["phase"] == "rest"
    browser.run("document.getElementById('world').focus(); live.held = live.page.simulation.position")
    browser.key("ArrowLeft", True)
    wait_for(browser, "live.page.simulation.phase === 'drag' && live.page.simulation.animal[0] < live.held[0] - 0.2")
    browser.key("ArrowLeft", False)
    assert state(browser)["phase"] == "rest"
    for key, phase in (("w", "walk"), ("r", "rest")):
        browser.type(key)
        assert state(browser)["phase"] == phase
    browser.type(" ")
    paused = state(browser)
    assert paused["paused"]
    browser.type("s")
    assert state(browser)["steps"] == paused["steps"] + 1


@pytest.mark.slow
def test_a_link_brings_back_what_was_on_the_screen(browser: Browser, address: str) -> None:
    left, top, width, height = browser.box("#world")
    browser.press([(left + width * x, top + height * 0.6) for x in (0.5, 0.7)])
    wait_for(browser, "live.page.simulation.steps > 60")
    browser.release()
    browser.click("#kick")
    set_to(browser, "gain", 5, "input")
    wait_for(browser, "live.page.simulation.steps > 200")
    browser.click("#pause")
    before, link = state(browser), browser.run("return live.address()")
    browser.open(address)
    browser.open(link)
    wait_for(browser, f"live.page.simulation.steps >= {before['steps']}")
    assert state(browser) == before
    browser.open(f"{address}#network=none&seed=-1&speed=x&step=9e9&do=5!gain!99_zzz_7!hand!%25_3!phase!fly")
    found = state(browser)
    assert (found["key"], found["seed"], found["settings"]["gain"]) == (VANILLA, 0, 2), (
        "words that mean nothing are passed over"
    )


@pytest.mark.slow
def test_numbers_and_picture_can_be_taken_along(browser: Browser) -> None:
    wait_for(browser, "live.page.simulation.phase === 'rest' && live.page.simulation.steps > 130")
    browser.click("#pause")
    about, *table = (line for line in browser.run("return live.numbersOf()").splitlines() if not line.startswith("# noise"))
    assert description(VANILLA)["weights"] in about
    names, *lines = (line.split(",") for line in table if not line.startswith("#"))
    found = state(browser)
    assert len(lines) == found["steps"] - found["began"]
    assert all(len(line) == len(names) for line in lines)
    assert [float(x) for x in lines[-1][3:5]] == browser.run("return live.page.simulation.position")
    assert browser.run("return live.pictureOf().toDataURL('image/png').length") > 20000


@pytest.mark.slow
def test_activity_that_dies_is_said_to_have(browser: Browser) -> None:
    browser.run("live.page.simulation.act('phase', 'rest'); live.page.simulation.act('gain', 0)")
    browser.run("live.page.simulation.network.begin(); live.page.simulation.network.rates.fill(0)")
    wait_for(
        browser, "live.page.failed && live.page.paused && document.getElementById('said').textContent.includes('died out')"
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", BROWSERS)
def test_a_narrow_dark_still_page(kind: type[Browser], address: str) -> None:
    backgrounds = []
    for dark in (False, True):
        with started(kind, width=360, height=740, dark=dark, still=True) as browser:
            browser.open(address)
            found = state(browser)
            assert found["paused"], "little motion is wanted"
            assert found["steps"] == 1000
            time.sleep(0.3)
            assert state(browser)["steps"] == 1000
            wide, window = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
            assert window == 360
            assert wide <= window, "nothing lies beyond the edge"
            sizes = browser.run("""return [...document.querySelectorAll("button, select, input")].map((one) =>
                Math.min(one.getBoundingClientRect().width, one.getBoundingClientRect().height))""")
            assert min(sizes) >= 24, "a finger finds every control"
            tops = []
            for phase in ("rest", "walk"):
                browser.click(f"#{phase}")
                tops.append(browser.run("return document.getElementById('world').offsetTop"))
            left, top, width, height = browser.box("#world")
            browser.press([(left + width * x, top + height / 2) for x in (0.4, 0.6)])
            wait_for(browser, "live.page.simulation.phase === 'drag'")
            tops.append(browser.run("return document.getElementById('world').offsetTop"))
            browser.release()
            assert len(set(tops)) == 1, "the picture stays under the finger"
            backgrounds.append(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] != backgrounds[1]
