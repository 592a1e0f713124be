"""The front door: what `import reactivation as ra` gives, each name with an example that runs."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import copy
import dataclasses
import doctest
import inspect
import math
from multiprocessing import get_context
from pathlib import Path
import pickle
import re
import shutil
import subprocess
import sys
from typing import Any

from factories import ROOT, SPATIAL, call, environment, examples_of
from matplotlib.figure import Figure
import numpy as np
import pytest
import torch

import reactivation as ra
from reactivation.analysis.densities import Estimate, estimate
from reactivation.analysis.measures import kl
from reactivation.network.phases import shuffled
from reactivation.settings.reading import flatten
from reactivation.streams import NOISE, TRAJECTORIES, of_phase, stream
from reactivation.training.metrics import error_measures

HEAVY = ("torch", "numpy", "scipy", "matplotlib", "omegaconf", "yaml")
OBJECTS = [name for name in ra.__all__ if callable(getattr(ra, name))]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without results, where the networks that come with the project are loaded."""
    monkeypatch.chdir(tmp_path)


def test_the_door_loads_nothing_heavy() -> None:
    loaded = f"import sys, reactivation; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_are_few_and_all_there() -> None:
    assert dir(ra) == sorted(ra.__all__)
    assert len(dir(ra)) <= 40
    for name in ra.__all__:
        assert getattr(ra, name).__doc__, name
    with pytest.raises(AttributeError, match="no kull; did you mean kl"):
        _ = ra.kull


@pytest.mark.parametrize("name", OBJECTS)
def test_every_example_gives_what_it_shows(name: str) -> None:
    finder = doctest.DocTestFinder(recurse=True)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=options)
    for test in finder.find(getattr(ra, name), name, globs={"ra": ra, "np": np, "torch": torch}):
        runner.run(test)
    assert runner.failures == 0


def test_the_page_of_the_library_shows_what_is_printed() -> None:
    page = (ROOT / "docs/python.md").read_text()
    assert examples_of("docs/python.md", doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL) > 20
    unnamed = [name for name in ra.__all__ if not re.search(rf"\b{name}\b", page)]
    assert not unnamed


def test_the_tutorial_shows_what_is_printed() -> None:
    assert examples_of("docs/tutorial.md") > 10


def test_every_measure_has_an_example() -> None:
    measures = ("kl", "variance", "step_length", "explained_variance", "transitions", "decoding_error", "load", "Recording")
    for name in measures:
        assert ">>>" in (inspect.getdoc(getattr(ra, name)) or ""), name


@pytest.mark.parametrize("experiment", ["noisy_unbiased", "noisy_unbiased_gru", "no-noise_biased"])
def test_a_recording_is_the_one_that_the_script_makes_its_row_from(
    experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = list[np.ndarray]()  # what the script estimates densities of: rest, the untrained network's rest, waking

    def estimated(space: ra.Box, points: np.ndarray) -> Estimate:
        measured.append(points)
        return estimate(space, points)

    monkeypatch.setattr(kl, "estimate", estimated)
    done = call(tmp_path, "output_kl.py", "seed=0", f"runs=[{experiment}]", "batch_size=5", "t_quiescent=12", "n_samples=2")
    assert done.returncode == 0, done.stderr
    copied = tmp_path / "by another name"
    shutil.copytree(ra.load(f"spatial_navigation/{experiment}", seed=0).file.parent, copied)
    run = ra.load(copied)
    rest, _, awake = measured
    assert np.array_equal(run.record(ra.rest(steps=12), trajectories=5).flat, rest)
    assert np.array_equal(run.record(ra.waking(steps=100), trajectories=5).flat, awake)


@pytest.mark.parametrize("experiment", ["spatial_navigation/noisy_unbiased", "head_direction/noisy_biased"])
def test_the_error_of_waking_is_that_of_the_metrics_along_training(experiment: str) -> None:
    run = ra.load(experiment)
    phase, drawn = ra.waking(steps=30), (run.seed, run.name, "active")
    recording = run.record(phase, trajectories=8)
    batch = run.task.sample(8, 30, stream(drawn[0], of_phase(*drawn[1:], TRAJECTORIES)))
    noise = stream(drawn[0], of_phase(*drawn[1:], NOISE))
    with torch.no_grad():
        state = run.network.initial_state(batch.start)
        outputs = ra.rollout(run.network, state, batch.inputs, run.noise, run.dt, noise).outputs
        known = error_measures(run.task, outputs, batch.targets, batch.positions)[run.task.error_name]
    assert ra.decoding_error(recording).value == pytest.approx(float(known), rel=1e-5)
    late = run.record(dataclasses.replace(phase, dropped=20), trajectories=8)
    assert np.array_equal(late.true_positions, recording.true_positions[:, 20:])


def test_a_rest_under_inputs_of_the_task_has_the_true_positions_of_its_own_steps() -> None:
    run = ra.load(SPATIAL)
    long, short = (run.record(ra.rest(steps, inputs=ra.inputs.Own()), trajectories=3) for steps in (100, 30))
    assert short.true_positions.shape == short.positions.shape == (3, 30, 2)
    assert np.array_equal(short.true_positions, long.true_positions[:, :30])


@pytest.mark.parametrize(
    "phase",
    [
        ra.rest(5),
        ra.rest(5, inputs=ra.inputs.Own(0.5)),
        ra.rest(5, inputs=ra.inputs.Query()),
        ra.rest(5, inputs=ra.inputs.Own(), after=ra.waking(3)),
        ra.rest(5, inputs=ra.inputs.Own(), start=shuffled),
    ],
)
def test_a_phase_that_is_not_told_the_movements_has_no_true_positions(phase: ra.Phase) -> None:
    with pytest.raises(ra.BadInput, match=r"no true positions: record ra.waking\(...\) in a task"):
        ra.decoding_error(ra.load(SPATIAL).record(phase, trajectories=3))


def test_defaults_of_the_process_change_no_number() -> None:
    run, phase = ra.load(SPATIAL), ra.rest(steps=12)
    before = run.record(phase, trajectories=4)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002 (the global state is what must not matter)
    torch.set_default_dtype(torch.float64)
    try:
        after = ra.load(SPATIAL).record(phase, trajectories=4)
    finally:
        torch.set_default_dtype(torch.float32)
    torch.set_default_device("meta")  # no device at all: nothing may be made there
    try:
        elsewhere = ra.load(SPATIAL).record(phase, trajectories=4)
    finally:
        torch.set_default_device(None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = run.record(phase, trajectories=4)
    assert np.array_equal(before.positions, after.positions)
    assert np.array_equal(before.positions, cast.positions)
    assert np.array_equal(before.positions, elsewhere.positions)


@pytest.mark.parametrize("phase", [ra.waking, ra.rest])
def test_a_phase_takes_one_modifier_or_several_and_nothing_else(phase: Any) -> None:
    leak = ra.Leak(0.9)
    assert phase(steps=3, modify=leak) == phase(steps=3, modify=[leak])
    for other in ("leak", ra.Leak, [leak, 3], None):
        with pytest.raises(ra.BadInput, match=r"must be a Modifier \(as ra.Leak"):
            phase(steps=3, modify=other)


def test_phases_and_single_epochs_read_well() -> None:
    assert repr(ra.rest(3, 4.0, ra.Leak(0.5))) == (
        "Phase('quiescent', 3 steps, inputs=none, variance_gain=4.0, modify=(Leak(factor=0.5),), task_steps=100)"
    )
    one = ra.Recording(np.zeros((5, 2)), dt=0.02, space=ra.Box(1, 1))
    assert repr(one).startswith("Recording of 1 epoch, ")
    assert repr(ra.step_length(one)) == "0 m (one epoch, so no standard error)"


def test_help_shows_kinds_and_no_addresses_of_checks() -> None:
    shown = [str(inspect.signature(one)) for one in (ra.rest, ra.load, ra.replay.exponent, ra.Run.of)]
    assert not [text for text in shown if "Annotated" in text]


STILL = ra.Recording(np.zeros((5, 2)), 0.1, ra.Box(2, 2))
LEAK = ra.Run.of(ra.Network.from_matrices(W_rec=np.zeros((2, 2)), tau=0.1), ra.Box(2, 2), dt=0.02, sigma=0.1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: ra.rest(3, variance_gain="2"), "variance_gain='2' must be a number"),
        (lambda: ra.rest(3, sigma=-1), "sigma=-1 must be at least 0"),
        (lambda: ra.rest(3, inputs="query"), "inputs='query' must be a policy"),
        (lambda: ra.rest(3, after="waking"), "after='waking' must be a Phase"),
        (lambda: ra.Recording(np.zeros((5, 2)), dt=0.02, space=ra.Box), "must be a Space"),
        (lambda: ra.rest(3, noise_distribution="cauchy"), "'cauchy' must be one of gaussian, uniform"),
        (lambda: ra.rest(3, modify=ra.Momentum()), "changes nothing: give it a value"),
        (lambda: ra.inputs.Query(scale="a"), "scale='a' must be a number"),
        (lambda: ra.load(SPATIAL, path=3), "path=3 must be text or a path"),
        (lambda: ra.stream("a", "noise"), "seed='a' must be a whole number"),
        (lambda: ra.replay.exponent(np.zeros((2, 20, 2)), ra.Box(1, 1), rng="x"), "rng='x' must be a whole number or"),
        (lambda: ra.waking(name=3), "name=3 must be text"),
        (lambda: ra.train(SPATIAL, 0, "trainer.n_epochs=3"), "looks like a setting"),
        (lambda: ra.train(SPATIAL, settings={"rnn.nrec": 64}), "^unknown key rnn.nrec; did you mean rnn.n_rec"),
        (lambda: ra.train(SPATIAL, settings={"seed": 3}), r"^settings hold seed: give ra.train\(..., seed=...\)"),
        (lambda: ra.train(SPATIAL, settings={"config": SPATIAL}), r"give ra.train\(..., experiment=...\)"),
        (lambda: ra.train("spatial_navigation/noisy"), "^config=spatial_navigation/noisy is no file"),
        (lambda: ra.load(SPATIAL, settings={"seed": 3}), r"^settings hold seed: give ra.load\(..., seed=...\)"),
        (lambda: ra.load(ra.load(SPATIAL).file.parent, settings={"tag": "x"}), "has its own settings: leave settings= out"),
        (lambda: ra.load("noisy_biased"), "did you mean head_direction/noisy_biased or spatial_navigation/noisy_biased"),
        (
            lambda: ra.Network.from_matrices(np.eye(2), tau=0.1, activation="softplus"),
            "must be one of relu, .*, or a function",
        ),
        (lambda: LEAK.record(ra.waking(3), 2), "this run has no inputs and only rests"),
        (lambda: LEAK.record(ra.rest(3, after=ra.waking(3)), 2), "this run has no inputs and only rests"),
        (lambda: LEAK.record(ra.rest(3, inputs=ra.inputs.Replayed(np.zeros(4))), 2), r"have shape \(4,\); at least 3 steps"),
        (lambda: dataclasses.replace(LEAK, dt=0.19).record(ra.rest(3), 2), "dt=0.19 s must not exceed τ=0.1 s"),
        (lambda: ra.train(SPATIAL, path="x", settings={"path": "y"}), "give one of them"),
    ],
)
def test_what_a_stranger_gets_wrong_is_one_line(wrong: Any, told: str) -> None:
    with pytest.raises(ra.BadInput, match=told) as refused:
        wrong()
    assert "\n" not in str(refused.value)


def test_phases_settings_and_runs_travel_to_other_processes() -> None:
    phase, run = ra.rest(steps=12, modify=[ra.Adaptation(gain=0.2, tau=0.5)]), ra.load(SPATIAL)
    again, other = pickle.loads(pickle.dumps((phase, run)))
    assert again == phase
    assert other.config == run.config
    assert np.array_equal(other.record(again, 4).positions, run.record(phase, 4).positions)


def test_threads_record_what_one_alone_records() -> None:
    run, phase = ra.load(SPATIAL), ra.rest(steps=40)
    alone = [run.record(phase, 8, seed=seed).positions for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: run.record(phase, 8, seed=seed).positions, range(4)))
    assert np.array_equal(alone, together)


@pytest.mark.slow
def test_a_spawned_process_records_what_this_one_does() -> None:
    run, phase = ra.load(SPATIAL), ra.rest(steps=12)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        other = pool.submit(run.record, phase, 4).result()
    assert np.array_equal(other.positions, run.record(phase, 4).positions)


def test_what_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ra.BadInput, match=r"did you mean spatial_navigation/noisy_unbiased\?"):
        ra.load("spatial_navigation/noisy_unbiassed")
    with pytest.raises(ra.DamagedData, match=r"train it with: python train\.py .*seed=9"):
        ra.load(SPATIAL, seed=9)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda run: ra.load(SPATIAL, seed="0"), "seed='0' must be a whole number"),
        (lambda run: ra.load(3), "experiment=3 must be text or a path"),
        (lambda run: ra.load("/nowhere/at_all"), "no run folder"),
        (lambda run: run.record("rest"), "ra.rest"),
        (lambda run: run.record(ra.rest(2.5)), "whole number"),
        (lambda run: run.record(ra.rest(5), 0), "trajectories=0"),
        (lambda run: run.record(ra.rest(5), 2, seed=-1), "seed=-1"),
        (lambda run: run.record(ra.rest(5), 2, dt=0), "dt=0"),
        (lambda run: run.record(ra.rest(5), 2, device="gpu"), "auto, cpu or cuda"),
        (lambda run: run.record(ra.rest(5, variance_gain=-1), 2), "variance_gain=-1"),
        (lambda run: ra.rest(5, modify=["leak"]), "modify[0]='leak' must be a Modifier"),
        (lambda run: ra.rest(5, inputs=ra.inputs.Query), "Query is a class"),
        (lambda run: ra.Recording(np.zeros((5, 2)), dt=1, space=ra.Box), "space=<class"),
        (lambda run: ra.Recording(np.zeros((5, 2)), dt=1), "give space="),
        (lambda run: ra.Recording(np.zeros((5, 2)), dt=1, space=ra.Box(1, 1))[np.zeros(5, dtype=bool)], "no sample is left"),
        (lambda run: ra.Box(-1, 2), "width=-1"),
        (lambda run: ra.Box.around(np.zeros((0, 2))), "(..., 2) is wanted"),
        (lambda run: ra.kl([0.0, 1.0], [0.0, 1.0], rng="a", space=ra.Circle()), "rng='a'"),
        (lambda run: ra.explained_variance(np.zeros((5, 2))), "must be a Recording"),
        (lambda run: ra.kl(run, run), "give what its record(...) returns"),
        (lambda run: ra.variance([run.record(ra.rest(5), 2)] * 2), "ra.over_seeds(measure, recordings)"),
        (lambda run: ra.over_seeds(ra.variance, run.record(ra.rest(5), 2)), "must be a list"),
        (lambda run: ra.over_seeds(lambda one: one, [run, run]), "it got a TrainedRun"),
        (lambda run: ra.plot.density(Figure().add_subplot(), STILL), "has no density"),
        (lambda run: run.record(ra.rest(5, start=lambda state, noise: state[:, :3]), 2), "start returns (2, 3)"),
        (lambda run: run.record(ra.rest(5), 2, dt=0.5), "dt=0.5 s must not exceed τ"),
    ],
)
def test_what_is_typed_wrongly_is_refused_in_one_line(call: Callable[[ra.Run], object], told: str) -> None:
    with pytest.raises(ra.BadInput, match=re.escape(told)) as refused:
        call(ra.load(SPATIAL))
    assert "\n" not in str(refused.value)


def test_numpys_whole_numbers_are_numbers() -> None:
    run = ra.load(SPATIAL, seed=np.int64(0))
    assert len(run.record(ra.rest(np.int64(5)), np.int64(2))) == 2
    for truth in (True, np.bool_(True)):
        with pytest.raises(ra.BadInput, match=r"sigma=.*True.* must be a number"):
            ra.rest(5, sigma=truth)


SMALL = {"rnn.n_rec": 4, "task.place_cells_num": 8, "task.sequence_length": 3, "task.batch_size": 2, "trainer.n_epochs": 1}


PLAIN = {int, float, bool, str, list, dict, type(None)}


def test_settings_may_be_numbers_of_numpy_and_are_saved_as_plain_ones() -> None:
    group = {"place_cells_num": np.int64(8)}
    given = {
        "rnn.n_rec": np.int64(4), "rnn.sigma": np.float64(0.07), "rnn.tau": np.float32(0.25), "rnn.bias": np.bool_(True),
        "rnn.model": np.str_("gru"), "task": group, "task.biased": torch.tensor(True), "task.sequence_length": np.array(3),
        "task.anchor_point": np.array([0.0, 0.5]), "trainer.n_epochs": np.uint8(1), "path": Path("here"),
    }  # fmt: skip
    run = ra.train(np.str_(SPATIAL), np.int64(3), settings=given)
    config = run.config
    assert (config.seed, config.rnn.n_rec, config.rnn.sigma, config.rnn.tau) == (3, 4, 0.07, 0.25)
    assert (config.rnn.bias, config.rnn.model, config.task.biased, config.task.anchor_point) == (True, "gru", True, [0, 0.5])
    assert {type(value) for value in flatten(dataclasses.asdict(config)).values()} <= PLAIN
    assert ra.train(SPATIAL, 3, settings={**given, "rnn.n_rec": 4}).config == config, "the same run, trained already"
    assert group == {"place_cells_num": np.int64(8)}, "what was given stays as it was"
    assert ra.load("here").seed == 3


def test_a_network_is_loaded_by_the_settings_that_it_was_trained_with() -> None:
    given = {**SMALL, "tag": "small", "rnn.tau": 0.25}
    with pytest.raises(ra.DamagedData, match=r"train it with: .* rnn.tau=0.25"):
        ra.load(SPATIAL, seed=3, settings=given)
    trained = ra.train(SPATIAL, seed=3, settings=given)
    loaded, *_ = ra.load(SPATIAL, seed=[3], settings=given)
    assert (loaded.file, loaded.config.tag) == (trained.file, "small")
    with pytest.raises(ra.BadInput, match=r"holds another run than .*rnn.tau 0.25 → 0.1"):
        ra.load(SPATIAL, seed=3, settings={**given, "rnn.tau": 0.1})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rnn.sigma": np.complex128(0.1)}, r"rnn.sigma=\(0.1\+0j\) must be of type float"),
        ({"rnn.n_rec": np.float64(4)}, "rnn.n_rec=4.0 must be of type int"),
        ({"rnn.n_rec": np.array([4])}, r"rnn.n_rec=\[4\] must be of type int"),
        ({"rnn.sigma": np.float32("nan")}, "rnn.sigma=nan must be finite"),
        ({3: 4}, "key 3 must be text"),
    ],
)
def test_settings_of_another_kind_are_refused_in_one_line(settings: Any, told: str) -> None:
    with pytest.raises(ra.BadInput, match=told):
        ra.train(SPATIAL, settings={**SMALL, **settings})


def test_fewer_steps_than_a_run_was_trained_for_are_refused_before_anything_is_printed(capsys: Any) -> None:
    def to(step: int) -> ra.Run:
        return ra.train(SPATIAL, settings={**SMALL, "path": "here", "trainer.save_freq": 2, "trainer.n_epochs": step})

    assert (to(5).step, to(4).step) == (5, 4), "of step 4 there is a network"
    capsys.readouterr()
    shutil.copytree("here", "whole")
    for lost, cure in (("none", r"ra.load\("), ("resume*", r"ra.load\("), ("model*", "give trainer.n_epochs=5 or more")):
        shutil.rmtree("here")
        shutil.copytree("whole", "here")
        for file in Path("here").glob(lost):
            file.unlink()
        with pytest.raises(ra.BadInput, match=rf"^here: was trained to step 5 already, and kept .* step 3: {cure}.*tag="):
            to(3)
        assert capsys.readouterr().out == ""


def test_seeds_may_be_those_of_numpy() -> None:
    for seeds in (np.arange(1), [np.int64(0)], (np.uint8(0),), torch.arange(1)):
        (run,) = ra.load(SPATIAL, seed=seeds)
        assert type(run.seed) is int
    for wrong in (range(3), np.arange(3), np.float64(3), np.bool_(True)):
        with pytest.raises(ra.BadInput, match=r"seed=.* must be a whole number$"):
            ra.train(SPATIAL, wrong)


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A policy of one's own, with a number."""

    steps: Any

    def __call__(self, batch: Any, steps: int, dt: float, input_stream: torch.Generator) -> torch.Tensor:
        return ra.inputs.none(batch, steps, dt, input_stream)


def test_a_provenance_holds_plain_numbers(tmp_path: Path) -> None:
    phase = ra.rest(np.int64(5), variance_gain=np.float32(2), inputs=Waiting(np.int64(3)), sigma=np.float64(0.1))
    rest = LEAK.record(phase, np.int64(2), seed=np.int64(4))
    told = {"steps": 5, "variance_gain": 2.0, "inputs": {"kind": "Waiting", "steps": 3}, "sigma": 0.1}
    assert told.items() <= rest.provenance["phase"].items()
    kinds = {type(one) for one in (*rest.provenance["phase"].values(), rest.provenance["seed"])}
    assert kinds <= PLAIN
    own = {"day": np.int64(3), "gain": np.float32(1.5), "awake": np.bool_(True), "cells": [np.uint8(1)]}
    saved = ra.Recording(np.zeros((5, 2)), 0.1, ra.Box(2, 2), provenance=own).save(tmp_path / "own.npz")
    assert ra.Recording.load(saved).provenance == {"day": 3, "gain": 1.5, "awake": True, "cells": [1]}


def test_several_seeds_are_several_runs() -> None:
    (run,) = ra.load(SPATIAL, seed=range(1))
    assert run.seed == 0
    assert Path(run.file).exists()


def test_a_network_of_ones_own_rests_and_is_measured() -> None:
    """With a linear leak alone, positions are an Ornstein–Uhlenbeck process of known variance σ²τ/(2 − Δt/τ)."""
    network = ra.Network.from_matrices(W_rec=np.zeros((2, 2)), tau=0.1, activation="identity")
    run = ra.Run.of(network, ra.Box(20, 20), dt=0.02, sigma=0.5)
    recording = run.record(ra.rest(steps=400, variance_gain=1, dropped=100), trajectories=100)
    expected = 0.5**2 * 0.1 / (2 - 0.02 / 0.1)
    variances = recording.positions.var(axis=(0, 1))
    # 100 trajectories of 300 steps, correlated over about 10: some 3,000 independent draws, each variance within 2.6 %.
    assert variances == pytest.approx([expected, expected], rel=5 * np.sqrt(2 / 3000))


def test_a_network_of_numpys_precision_takes_the_task_of_a_loaded_one() -> None:
    task, rng = ra.load(SPATIAL).task, np.random.default_rng(0)
    sizes = {"W_in": (8, 2), "D": (task.n_outputs, 8), "encoder": (8, task.n_outputs)}
    network = ra.Network.from_matrices(
        np.zeros((8, 8)), tau=0.1, **{name: rng.normal(0, 1, size) for name, size in sizes.items()}
    )
    run = ra.Run.of(network, dt=0.02, sigma=0.1, task=task)
    assert run.record(ra.waking(5), 4, decoder="template").positions.shape == (4, 5, 2)
    found = ra.theory.score(run, trajectories=80)
    assert found.value == pytest.approx(found.of_leak, rel=0.2)
    assert network.decoder.weight.dtype == torch.float64, "the caller's own stays as it is"


@pytest.mark.parametrize("given", [{"start": np.zeros((1, 8))}, {"inputs": np.zeros((1, 5, 2))}, {"decode": lambda o: o}])
def test_what_a_task_has_is_not_given_beside_it(given: dict[str, object]) -> None:
    """It would be ignored."""
    loaded = ra.load(SPATIAL)
    with pytest.raises(ra.BadInput, match=f"leave {next(iter(given))} out"):
        ra.Run.of(loaded.network, dt=0.02, task=loaded.task, **given)


def test_a_network_without_an_encoder_does_not_start_where_a_task_does() -> None:
    task = ra.load(SPATIAL).task
    network = ra.Network.from_matrices(np.zeros((8, 8)), np.zeros((8, 2)), np.zeros((task.n_outputs, 8)), tau=0.1)
    with pytest.raises(ra.BadInput, match=rf"an encoder of shape \(8, {task.n_outputs}\)"):
        ra.Run.of(network, dt=0.02, task=task)


@pytest.mark.parametrize("kind", ["vanilla", "gru"])
def test_weights_of_the_released_code_may_be_numpys(kind: str) -> None:
    gates = {f"{name}.weight": (4, 2 if name[0] == "w" else 4) for name in ("w_z", "w_r", "w_h", "u_z", "u_r", "u_h")}
    known: dict[str, dict[str, tuple[int, ...]]] = {
        "vanilla": {"encoder.weight": (4, 3), "w_in.weight": (4, 2), "w_rec.weight": (4, 4), "w_out.weight": (3, 4)},
        "gru": {"encoder.weight": (4, 3), **gates, "decoder.weight": (3, 4)},
    }
    bias = {"vanilla": ("w_in.bias", "w_rec.bias"), "gru": ("w_h.bias", "u_h.bias")}[kind]
    shapes = known[kind] | dict.fromkeys(bias, (4,))
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    tensors = {name: torch.as_tensor(values) for name, values in weights.items()}
    one, other = (ra.Network.from_weights(given, tau=0.1).state_dict() for given in (weights, tensors))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    flipped = {name: values[::-1].copy()[::-1].astype(">f8") for name, values in weights.items()}
    again = ra.Network.from_weights(flipped, tau=0.1).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one), "a reversed axis, and bytes of another machine"
    single = {name: values.astype(np.float32) for name, values in weights.items()} | {"encoder.bias": np.zeros(4)}
    network = ra.Network.from_weights(single, tau=0.1)
    assert {values.dtype for values in network.state_dict().values()} == {torch.float32}
    refused: list[tuple[str, Any, str]] = [
        *((name, np.zeros(5), r"has shape \(5,\), not \(4,\)") for name in (*bias, "encoder.bias")),
        ("encoder.weight", weights["encoder.weight"] + 1j, "is complex"),
    ]
    for name, values, told in refused:
        with pytest.raises(ra.BadInput, match=rf"{name.split('.')[0]}.* {told}"):
            ra.Network.from_weights({key: one for key, one in weights.items() if key not in bias} | {name: values}, tau=0.1)
    with pytest.raises(ra.BadInput, match="there are 0"):
        ra.Network.from_weights({0: np.zeros(2)}, tau=0.1)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_a_network_in_half_precision_is_refused_with_what_to_do(precision: torch.dtype) -> None:
    run = ra.load(SPATIAL)
    half = dataclasses.replace(run, network=copy.deepcopy(run.network).to(precision))
    with pytest.raises(ra.BadInput, match=r"cannot be run: take network.float\(\)"):
        half.record(ra.rest(3), 2)


def summing(**world: Any) -> ra.Run:
    """A network that adds its inputs up, in a world of its own with three sequences of 20 steps."""
    network = ra.Network.from_step(lambda state, u: state + u, units=2, inputs=2, dt=0.02)
    moves = np.random.default_rng(0).normal(0, 0.1, (3, 20, 2))
    given = {"start": np.zeros((3, 2)), "inputs": moves, "positions": np.cumsum(moves, axis=1), **world}
    return ra.Run.of(network, ra.Box(99, 99), dt=0.02, **given)


def test_a_network_from_elsewhere_has_an_error_where_its_true_positions_are_given() -> None:
    exact = ra.decoding_error(summing().record(ra.waking(20), 50))
    assert exact.each == pytest.approx(np.zeros(50), abs=1e-5), "each trajectory with the positions of its own sequence"
    away = summing(start=np.full((3, 2), (0.3, 0.4))).record(ra.waking(12), 50)
    assert away.true_positions.shape == (50, 12, 2)
    assert ra.decoding_error(away).each == pytest.approx(0.5, abs=1e-5)
    for run, phase in ((summing(), ra.rest(30)), (summing(positions=None), ra.waking(12))):
        with pytest.raises(ra.BadInput, match=r"no true positions.*Run.of\(..., positions=...\)"):
            ra.decoding_error(run.record(phase, 4))


@pytest.mark.parametrize(
    ("world", "told"),
    [
        ({"positions": np.zeros((3, 19, 2))}, r"positions have shape \(3, 19, 2\); \(3, 20, 2\) is wanted"),
        ({"positions": np.full((3, 20, 2), np.nan)}, "positions holds numbers that are not finite"),
        ({"inputs": None}, "positions say where the agent is after each step of inputs"),
    ],
)
def test_true_positions_that_fit_no_inputs_are_refused(world: dict[str, Any], told: str) -> None:
    with pytest.raises(ra.BadInput, match=told):
        summing(**world)
    task = ra.load(SPATIAL).task
    with pytest.raises(ra.BadInput, match="leave positions out"):
        ra.Run.of(ra.load(SPATIAL).network, dt=0.02, task=task, positions=np.zeros((3, 20, 2)))


@pytest.mark.parametrize("returned", [None, np.zeros((2, 2)), (torch.zeros(2, 2), torch.zeros(2, 2))])
def test_a_step_that_returns_no_tensor_is_refused_in_one_line(returned: object) -> None:
    network = ra.Network.from_step(lambda state, u: returned, units=2, dt=0.02)
    with pytest.raises(ra.BadInput, match=f"step returns a {type(returned).__name__}: it must"):
        ra.Run.of(network, ra.Box(4, 4), dt=0.02).record(ra.rest(5), 2)


@pytest.mark.parametrize(
    ("activation", "told"),
    [
        (lambda z: z.mean(), r"activation returns \(\) for drives \(3, 2\): it must return a rate for each"),
        (lambda z: z[:, :1], r"activation returns \(3, 1\) for drives"),
        (lambda z: z.double().relu().numpy(), "activation returns a ndarray: it must return a rate for each, a tensor"),
        (torch.nn.ReLU, "activation returns a ReLU: it must"),
        (lambda z: z.float(), "activation returns torch.float32 for drives in torch.float64"),
        (lambda z: z > 0, "activation returns torch.bool for drives in torch.float64"),
        (torch.sqrt, "activation returns nan for -1: it must return a finite rate for every drive"),
        (lambda z: 1 / z, "activation returns inf for 0: it must"),
        (math.tanh, "activation fails on a tensor: "),
    ],
)
def test_an_activation_that_returns_no_rates_is_refused_in_one_line(activation: Any, told: str) -> None:
    with pytest.raises(ra.BadInput, match=told) as refused:
        ra.Network.from_matrices(np.eye(2), tau=0.1, activation=activation)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("activation", [torch.nn.Softplus(), torch.nn.PReLU(2).double(), lambda z: z.clamp(0, 1)])
def test_any_function_of_tensors_that_returns_rates_is_an_activation(activation: Any) -> None:
    network = ra.Network.from_matrices(np.eye(2), tau=0.1, activation=activation)
    assert ra.Run.of(network, ra.Box(9, 9), dt=0.02, sigma=0.1).record(ra.rest(5), 3).positions.std() > 0


def test_an_activation_is_checked_in_the_precision_that_a_task_gives_its_network() -> None:
    """Thresholds of the function's own stay in double precision when the weights are copied into the task's."""
    task, thresholds = ra.load(SPATIAL).task, torch.zeros(8, dtype=torch.float64)
    matrices = {"W_in": np.zeros((8, 2)), "D": np.ones((task.n_outputs, 8)), "encoder": np.zeros((8, task.n_outputs))}
    network = ra.Network.from_matrices(np.eye(8), tau=0.1, activation=lambda z: (z - thresholds).relu(), **matrices)
    run = ra.Run.of(network, dt=0.02, task=task)
    with pytest.raises(ra.BadInput, match=r"activation returns torch.float64 for drives in torch.float32"):
        run.record(ra.rest(3), 2)


def test_a_function_of_the_library_is_the_activation_of_that_name() -> None:
    network = ra.Network.from_matrices(np.eye(2), tau=0.1, activation=torch.relu)
    assert network.cell.phi is torch.relu  # and so its loop is as fast


def test_a_step_is_made_at_most_once_in_a_time_step() -> None:
    """What a longer time step would make of it overshoots: here, −1.5 times the state."""
    forgetting = ra.Network.from_step(lambda state, u: 0 * state, units=2, dt=0.02)
    run = ra.Run.of(forgetting, ra.Box(4, 4), dt=0.05)
    for one, dt in ((run, None), (run, 0.03), (ra.control("brownian"), 0.05)):
        with pytest.raises(ra.BadInput, match=r"^dt=0.0[35] s must not exceed 0.02 s, which one step of this network lasts"):
            one.record(ra.rest(3), 2, dt=dt)
    assert run.record(ra.rest(3), 2, dt=0.01).dt == 0.01


def test_a_step_of_another_precision_is_refused_in_one_line() -> None:
    network = ra.Network.from_step(lambda state, u: state.double(), units=2, dt=0.02)
    with pytest.raises(ra.BadInput, match=r"step returns torch.float64 for states in torch.float32: it must return"):
        ra.Run.of(network, ra.Box(4, 4), dt=0.02).record(ra.rest(5), 2)


@pytest.mark.parametrize(
    ("decode", "told"),
    [
        (lambda outputs: "left", "no array of numbers"),
        (lambda outputs: [["left"]], "no array of numbers"),
        (lambda outputs: None, "no array of numbers"),
        (lambda outputs: [outputs[..., 0], outputs[..., 1]], "no array of numbers"),
        (lambda outputs: outputs.numpy() + 1j, "is complex"),
        (lambda outputs: outputs * math.nan, "holds numbers that are not finite"),
        (lambda outputs: outputs[0], r"has shape \(10, 2\)"),
        (lambda outputs: outputs[..., :1], r"become positions \(2, 10, 1\).*: mend decode"),
    ],
)
def test_a_decode_that_returns_no_positions_is_refused_in_one_line(decode: Any, told: str) -> None:
    run = ra.Run.of(LEAK.network, ra.Box(4, 4), dt=0.02, decode=decode)
    with pytest.raises(ra.BadInput, match=told) as refused:
        run.record(ra.rest(10), 2)
    assert "decode" in str(refused.value)
    assert "drop_missing" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_decode_may_return_anything_that_is_numbers() -> None:
    kinds = (lambda outputs: outputs.tolist(), lambda outputs: outputs.numpy().astype(int), lambda outputs: outputs.half())
    for decode in kinds:
        run = ra.Run.of(LEAK.network, ra.Box(4, 4), dt=0.02, decode=decode)
        assert run.record(ra.rest(5), 2).positions.shape == (2, 5, 2)


def test_a_task_that_decodes_into_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    run = ra.load(SPATIAL)
    monkeypatch.setattr(type(run.task.tuning), "decode", lambda self, outputs: outputs[..., :2] * math.nan)
    with pytest.raises(ra.BadInput, match=r"decodes finite outputs into positions that are not finite: mend its decode$"):
        run.record(ra.rest(3), 2)


def test_a_recording_of_a_changed_network_does_not_name_the_weights_of_its_file() -> None:
    run = ra.load(SPATIAL)
    lesioned = copy.deepcopy(run.network)
    lesioned.cell.recurrent.weight.data[:, :100] = 0
    changed = dataclasses.replace(run, network=lesioned)
    assert [one.record(ra.rest(3), 2).provenance["weights"] for one in (run, changed)] == [run.weights, None]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"network": "x"}, "network='x' must be a Network"),
        ({"noise": 0.1}, "noise=0.1 must be a Noise"),
        ({"dt": 0}, "dt=0 is a time"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"step": "last"}, "step='last' must be a whole number"),
        ({"dt": 0.01}, "dt=0.01 s, and the task's inputs are changes per 0.02 s"),
        ({"network": LEAK.network}, "the task has 2 inputs and 512 outputs, the network 1 and 2"),
        ({"task": "head"}, "the task has 1 inputs and 512 outputs, the network 2 and 512"),
        ({"task": LEAK.task}, "task=<.* must be a Task"),
    ],
)
def test_a_part_of_a_run_is_replaced_by_one_that_fits(changes: dict[str, Any], told: str) -> None:
    if changes.get("task") == "head":
        changes = {"task": ra.load("head_direction/noisy_biased").task}
    with pytest.raises(ra.BadInput, match=told) as refused:
        dataclasses.replace(ra.load(SPATIAL), **changes)
    assert "\n" not in str(refused.value)


def test_a_part_of_a_run_of_ones_own_is_replaced_by_one_that_fits() -> None:
    for network in (ra.Network.from_matrices(np.eye(3), tau=0.1), ra.load(SPATIAL).network):
        with pytest.raises(ra.BadInput, match="starts have 2 numbers a trajectory; this network begins from"):
            dataclasses.replace(LEAK, network=network)
    told = ra.Network.from_step(lambda state, u: state, units=2, inputs=3, dt=0.02)
    with pytest.raises(ra.BadInput, match="inputs are 1 numbers a step; this network takes 3"):
        dataclasses.replace(LEAK, network=told)
    assert dataclasses.replace(LEAK, noise=ra.Noise()).record(ra.rest(3), 2).positions.std() == 0


def test_a_task_moves_by_the_time_step_of_its_run() -> None:
    """Inputs of another time step would be integrated as if the animal moved faster or slower."""
    loaded = ra.load(SPATIAL)
    with pytest.raises(ra.BadInput, match=r"dt=0.05 s.* per 0.02 s.*record\(..., dt=...\)"):
        ra.Run.of(loaded.network, dt=0.05, task=loaded.task)


def test_a_recording_with_the_cells_of_another_network_does_not_name_the_weights_of_its_file() -> None:
    run = ra.load(SPATIAL)
    task = copy.deepcopy(run.task)
    task.tuning.centres.data += 0.01
    assert dataclasses.replace(run, task=task).provenance()["weights"] is None


def test_a_noise_is_replaced_by_one_that_is_possible() -> None:
    for wrong in ({"sigma": -1}, {"sigma": "x"}, {"distribution": "cauchy"}):
        with pytest.raises(ra.BadInput, match=f"Noise: {next(iter(wrong))}="):
            ra.Noise()._replace(**wrong)
    assert pickle.loads(pickle.dumps(ra.Noise(0.1)))._replace(sigma_in=0.2) == ra.Noise(0.1, 0.2)


THEIR_CODE = """
import torch

class RNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        shapes = {"encoder": (3, 8), "w_in": (2, 8), "w_rec": (8, 8), "w_out": (8, 3)}
        for name, shape in shapes.items():
            setattr(self, name, torch.nn.Linear(*shape, bias=False))
"""


@pytest.mark.slow
def test_a_pickled_model_comes_in_by_the_documented_lines(tmp_path: Path) -> None:
    """The model is as the released code saves it: a whole module, of a class in a folder of its own."""
    lines = re.search(r"```\n(model = .*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL)
    assert lines is not None
    (tmp_path / "their_code.py").write_text(THEIR_CODE)
    made = "import torch, their_code; torch.manual_seed(0); torch.save(their_code.RNN(), 'model_2500.pt')"
    for code in (made, f"import torch\n{lines[1]}"):
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    with pytest.raises(ra.DamagedData, match="nothing is unpickled here"):
        ra.Network.from_weights(tmp_path / "model_2500.pt", tau=0.1)
    network = ra.Network.from_weights(tmp_path / "weights.pt", tau=0.1)
    assert (network.n_starts, network.n_inputs, network.n_units, network.n_outputs) == (3, 2, 8, 3)
    run = ra.Run.of(network, ra.Box(4, 4), dt=0.02, sigma=0.1, start=np.eye(3), decode=lambda outputs: outputs[..., :2])
    assert run.record(ra.rest(5), 4).positions.shape == (4, 5, 2)


def test_a_module_with_a_step_rests_on_inputs_of_any_precision() -> None:
    """numpy's numbers have double precision, the module's weights single precision."""
    cell = torch.nn.RNNCell(2, 30)
    network = ra.Network.from_step(lambda state, u: cell(u, state), units=30, inputs=2, dt=0.02, D=np.ones((2, 30)))
    run = ra.Run.of(network, ra.Box(99, 99), dt=0.02, sigma=0.1, inputs=np.ones((1, 20, 2)))
    assert run.record(ra.waking(20), 3).rates.dtype == np.float32
