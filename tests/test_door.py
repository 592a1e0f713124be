"""The front door: what `import reactivation as ra` gives, each name with an example that runs."""

import doctest
import inspect
from pathlib import Path
import pickle
import re
import subprocess
import sys

from factories import ROOT, SPATIAL, environment
import numpy as np
import pytest
import torch

import reactivation as ra
from reactivation.analysis.runner import declared
from reactivation.network.phases import ACTIVE, QUIESCENT
from reactivation.settings.layers import resolve_analysis
from reactivation.settings.reading import parse_arguments

HEAVY = ("torch", "numpy", "scipy", "matplotlib", "yaml")
OBJECTS = [name for name in ra.__all__ if callable(getattr(ra, name))]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No results of one's own: the networks that come with the project are taken."""
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
    with pytest.raises(AttributeError, match="kull"):
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
    examples = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    parsed = doctest.DocTestParser().get_doctest(examples, {}, "docs/python.md", "docs/python.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    assert runner.run(parsed).failed == 0
    assert len(parsed.examples) > 20
    unnamed = [name for name in ra.__all__ if not re.search(rf"\b{name}\b", page)]
    assert not unnamed


def test_every_measure_has_an_example() -> None:
    measures = ("kl", "variance", "step_length", "explained_variance", "transitions", "load", "Recording")
    for name in measures:
        assert ">>>" in (inspect.getdoc(getattr(ra, name)) or ""), name


@pytest.mark.parametrize("experiment", ["noisy_unbiased", "noisy_unbiased_gru", "no-noise_biased"])
def test_a_recording_is_the_one_that_the_script_makes_its_row_from(experiment: str) -> None:
    from reactivation.analysis.recordings import record

    words = ["seed=0", f"runs=[{experiment}]", "batch_size=5", "t_quiescent=12"]
    settings = resolve_analysis("kl", declared("kl").settings, parse_arguments(words))
    run = ra.load(f"spatial_navigation/{experiment}", seed=0)
    phases = {phase.name: phase for phase in declared("kl").phases(settings)}
    scripted = record(run, phases[QUIESCENT], 5, 0)
    assert np.array_equal(run.record(ra.rest(steps=12), trajectories=5).positions, scripted.positions)
    scripted = record(run, phases[ACTIVE], 5, 0)
    assert np.array_equal(run.record(ra.waking(steps=100), trajectories=5).positions, scripted.positions)


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
    assert np.array_equal(before.positions, after.positions)


def test_phases_and_settings_travel_to_other_processes() -> None:
    phase = ra.rest(steps=12, modify=[ra.Adaptation(gain=0.2, tau=0.5)])
    assert pickle.loads(pickle.dumps(phase)) == phase


def test_what_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ra.BadInput, match=r"did you mean spatial_navigation/noisy_unbiased\?"):
        ra.load("spatial_navigation/noisy_unbiassed")
    with pytest.raises(ra.DamagedData, match=r"train it with: python train\.py .*seed=9"):
        ra.load(SPATIAL, seed=9)


def test_several_seeds_are_several_runs() -> None:
    (run,) = ra.load(SPATIAL, seed=range(1))
    assert run.seed == 0
    assert Path(run.file).exists()


class TestRecordedData:
    """Positions of an animal, not of a network."""

    box = ra.Box(2.0, 2.0)

    def test_a_mask_splits_at_gaps_and_no_step_crosses_one(self) -> None:
        xy = np.zeros((100, 2))
        xy[50:] = 1.0  # one jump
        awake = np.ones(100, dtype=bool)
        awake[45:55] = False
        assert ra.step_length(ra.Recording(xy, 0.1, self.box)).value > 0
        assert ra.step_length(ra.Recording(xy, 0.1, self.box)[awake]).value == 0

    def test_epochs_count_by_their_samples(self) -> None:
        slow, fast = np.arange(11)[:, None] * [0.01, 0.0], np.arange(31)[:, None] * [0.03, 0.0]
        both = ra.Recording([slow, fast], 0.1, self.box)
        assert ra.step_length(both).value == pytest.approx((11 * 0.01 + 31 * 0.03) / 42)

    def test_an_epoch_that_a_slice_leaves_nothing_of_is_gone(self) -> None:
        both = ra.Recording([np.zeros((5, 2)), np.ones((30, 2))], 0.1, self.box)[10:]
        assert (len(both), len(both.flat)) == (1, 20)
        mask = np.zeros(35, dtype=bool)  # over all that were given
        mask[20:25] = True
        assert both[mask].flat.shape == (5, 2)

    @pytest.mark.parametrize(
        ("positions", "space", "told"),
        [
            (np.full((5, 2), np.nan), ra.Box(1, 1), "not finite"),
            (np.array([10.0, 200.0, 350.0, 90.0]), ra.Circle(), "degrees"),
            (np.full((5, 2), 7.0), ra.Box(1, 1), "outside"),
            (np.zeros((5, 3)), ra.Box(1, 1), "3"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_in_one_line(self, positions: np.ndarray, space: object, told: str) -> None:
        with pytest.raises(ra.BadInput, match=told) as refused:
            ra.Recording(positions, 0.1, space)
        assert "\n" not in str(refused.value)

    def test_radians_are_wrapped(self) -> None:
        turning = np.linspace(0, 3 * np.pi, 50)
        recording = ra.Recording(turning, 0.1, ra.Circle())
        assert np.abs(recording.flat).max() <= np.pi

    def test_what_is_saved_is_loaded(self, tmp_path: Path) -> None:
        recording = ra.load(SPATIAL).record(ra.rest(steps=12), trajectories=4)
        recording.save(tmp_path / "rest.npz")
        again = ra.Recording.load(tmp_path / "rest.npz")
        assert np.array_equal(again.positions, recording.positions)
        assert (again.dt, again.space) == (recording.dt, recording.space)


def test_a_network_of_ones_own_rests_and_is_measured() -> None:
    """A linear leak alone: positions are an Ornstein–Uhlenbeck process of known variance σ²τ/(2 − Δt/τ)."""
    network = ra.Network.from_matrices(W_rec=np.zeros((2, 2)), tau=0.1, activation="identity")
    run = ra.Run.of(network, ra.Box(20, 20), dt=0.02, sigma=0.5)
    recording = run.record(ra.rest(steps=400, variance_gain=1, dropped=100), trajectories=100)
    expected = 0.5**2 * 0.1 / (2 - 0.02 / 0.1)
    variances = recording.positions.var(axis=(0, 1))
    # 100 trajectories of 300 steps, correlated over about 10: some 3,000 independent draws, each variance within 2.6 %.
    assert variances == pytest.approx([expected, expected], rel=5 * np.sqrt(2 / 3000))
