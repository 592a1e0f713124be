"""Networks in double precision are measured as those in single precision are; other precisions are refused in one line."""

from collections.abc import Callable
import copy
import dataclasses
import functools
import importlib
from typing import Any

from factories import SPATIAL
import numpy as np
import pytest
import torch

import reactivation as ra
from reactivation.analysis.run import Run

RUNS: dict[str, Callable[[], Run]] = {
    "box": lambda: ra.load(SPATIAL),
    "circle": lambda: ra.load("head_direction/noisy_biased"),
    "control": lambda: ra.control("langevin", density="gaussian"),
}
MEASURES: dict[str, Callable[[Run], Any]] = {
    "bound": lambda run: ra.theory.bound(run, trajectories=4),
    "diffusion": lambda run: ra.theory.diffusion(run, states=20),
    "drift": lambda run: ra.theory.drift(run, (2.0,), pairs=30, awake=briefly(run)),
    "drift, brownian": lambda run: ra.theory.drift(run, (2.0,), pairs=30, inputs="brownian", awake=briefly(run)),
    "drift, own": lambda run: ra.theory.drift(run, (2.0,), pairs=60, inputs="own", awake=briefly(run)),
    "metric": lambda run: ra.theory.metric(run, points=60, awake=briefly(run)),
    "relaxation": lambda run: ra.theory.relaxation(run, steps=200, trajectories=4),
    "scale_symmetry": lambda run: ra.theory.scale_symmetry(run, steps=5, trajectories=2),
    "score": lambda run: ra.theory.score(run, trajectories=40),
    "tempering": lambda run: ra.theory.tempering(run, (1.0, 2.0), trajectories=20, steps=100, awake=briefly(run)),
}


@functools.cache
def single(kind: str) -> Run:
    return RUNS[kind]()


def briefly(run: Run) -> ra.Recording:
    """Waking of a few steps, whose density takes little time."""
    return run.record(ra.waking(10), 20, rates=False, decoder="template")


def in_precision(run: Run, precision: torch.dtype) -> Run:
    return dataclasses.replace(run, network=copy.deepcopy(run.network).to(precision))


@pytest.mark.parametrize("decoder", ["top3", "template"])
@pytest.mark.parametrize("kind", RUNS)
def test_a_network_in_double_precision_reports_what_it_does_in_single(kind: str, decoder: str) -> None:
    one = dataclasses.replace(single(kind), noise=ra.Noise())
    phase = ra.waking(12)
    reports = [run.record(phase, 20, decoder=decoder).positions for run in (one, in_precision(one, torch.float64))]
    apart = np.asarray(one.task.space.distance(*reports))
    assert np.median(apart) < 1e-3, "top3 may jump where two cells are all but equally active"


@pytest.mark.parametrize("name", MEASURES)
def test_the_theory_measures_a_network_in_double_precision(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("reactivation.theory.drift"), "BOOTSTRAPS", 4)
    found = MEASURES[name](in_precision(single("control"), torch.float64))
    value = getattr(found, "value", found)
    assert np.isfinite(value)


@pytest.mark.parametrize("name", ["scale_symmetry", "score"])
def test_the_theory_measures_a_trained_network_in_double_precision(name: str) -> None:
    one, other = (MEASURES[name](run) for run in (single("box"), in_precision(single("box"), torch.float64)))
    values = [getattr(found, "value", found) for found in (one, other)]
    assert values[1] == pytest.approx(values[0], rel=0.05)


@pytest.mark.parametrize(
    ("mixed", "told"),
    [
        (lambda network: network.half(), "a network in float16 cannot be run"),
        (lambda network: network.cell.double(), "a network in float32 and float64 cannot be run"),
        (lambda network: network.decoder.double(), "a network in float32 and float64 cannot be run"),
    ],
)
def test_other_and_mixed_precisions_are_refused_in_one_line(mixed: Callable[[Any], object], told: str) -> None:
    run = in_precision(single("box"), torch.float32)
    mixed(run.network)
    asked = (lambda: run.record(ra.rest(3), 2), lambda: ra.theory.score(run), lambda: ra.theory.drift(run))
    for ask in asked:
        with pytest.raises(ra.BadInput, match=rf"{told}: take network.float\(\)$"):
            ask()
    state, inputs = torch.zeros(2, run.network.n_units), torch.zeros(2, 3, 2)
    with pytest.raises(ra.BadInput, match=told):
        ra.rollout(run.network, state, inputs, ra.Noise(), run.dt)


def test_movements_and_networks_of_a_step_have_the_precision_of_what_they_are_made_of() -> None:
    step = torch.nn.RNNCell(2, 4, dtype=torch.float64)
    network = ra.Network.from_step(lambda state, u: step(u, state), units=4, inputs=2, dt=0.02).double()
    assert network.n_inputs == 2
    run = ra.Run.of(network, ra.Box(4, 4), dt=0.02, decode=lambda outputs: outputs[..., :2])
    assert run.record(ra.rest(5), 3).rates.shape == (3, 5, 4)
    assert ra.Network.from_step(step, units=4, inputs=2, dt=0.02).precision == torch.float64
    assert ra.control("spectral").network.precision == torch.float64


def test_the_default_precision_of_the_process_changes_no_number_of_the_theory() -> None:
    run = single("control")
    awake = briefly(run)

    def measured() -> list[str]:
        points = ra.theory.metric(run, points=60, awake=awake)
        widths = ra.theory.tempering(run, (1.0, 2.0), trajectories=20, steps=100, awake=awake)
        rest = ra.control("ornstein_uhlenbeck", seed=3).record(ra.rest(3), 4).positions
        return [repr(points), repr(widths), rest.tobytes().hex(), repr(ra.theory.bound(run, trajectories=2))]

    before = measured()
    torch.set_default_dtype(torch.float64)
    try:
        after = measured()
    finally:
        torch.set_default_dtype(torch.float32)
    assert after == before


def exploding(**phase: Any) -> ra.Recording:
    """A rest of a network in double precision, whose rates pass the end of single precision at step 64."""
    network = ra.Network.from_matrices(20 * np.eye(2), tau=0.1, activation="identity")
    run = ra.Run.of(network, ra.Box(4, 4), dt=0.02, start=np.ones((1, 2)))
    return run.record(ra.rest(70), 2, **phase)


def test_rates_beyond_single_precision_are_named_with_their_step() -> None:
    step = next(step for step in range(1, 70) if 4.8**step > float(np.finfo(np.float32).max))
    with pytest.raises(ra.DamagedData, match=rf"rates grow beyond 3.4e\+38 from step {step} on.*rates=False$"):
        exploding()
    assert len(exploding(rates=False)) == 2


SINGLE, LARGE = np.eye(2, dtype=np.float32), 1e39


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (lambda: ra.Recording(np.zeros((2, 5, 2)), 0.1, ra.Box(1, 1), rates=np.full((2, 5, 3), LARGE)), "rates"),
        (lambda: ra.Recording(np.zeros((5, 2)), 0.1, ra.Box(1, 1), rates=np.full((5, 3), LARGE, dtype=object)), "rates"),
        (lambda: ra.Network.from_matrices(SINGLE, np.full((2, 1), LARGE), tau=0.1), "W_in"),
        (lambda: ra.Network.from_matrices(SINGLE, bias=np.full(2, LARGE), tau=0.1), "bias"),
        (lambda: resting(inputs=np.full((1, 5, 1), LARGE)).record(ra.waking(3), 2), "inputs"),
        (lambda: resting(start=np.full((1, 2), LARGE)).record(ra.rest(3), 2), "start"),
        (lambda: resting().record(ra.rest(3, inputs=ra.inputs.Replayed(np.full((3, 1), LARGE))), 2), "inputs to replay"),
        (lambda: ra.Run.of(with_a_large_weight(), dt=0.02, task=single("box").task), "cell.recurrent.weight"),
    ],
)
def test_numbers_beyond_single_precision_are_named(wrong: Callable[[], object], what: str) -> None:
    with pytest.raises(ra.BadInput, match=rf"^{what}: 1e\+39 is too large for single precision, which ends at 3.4e\+38"):
        wrong()


def resting(**world: Any) -> Run:
    return ra.Run.of(ra.Network.from_matrices(SINGLE, tau=0.1), ra.Box(4, 4), dt=0.02, **world)


def with_a_large_weight() -> ra.Network:
    network = copy.deepcopy(single("box").network).double()
    network.cell.recurrent.weight.data[0, 0] = LARGE  # type: ignore[union-attr, operator]
    return network


def test_whole_numbers_beyond_double_precision_are_refused_in_one_line() -> None:
    with pytest.raises(ra.BadInput, match=r"^positions hold a whole number that is too large for double"):
        ra.Recording([[10**400, 0], [0, 0]], 0.1, ra.Box(1, 1))
