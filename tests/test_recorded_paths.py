"""Recorded positions as a task: stretches of what was recorded, around the middle of the box, across no gap."""

from pathlib import Path
from typing import Any

from factories import SPATIAL, Command, tiny
import numpy as np
import pytest
import torch

import reactivation as ra
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.settings.layers import train_config
from reactivation.storage.networks import build
from reactivation.world.recorded import RecordedPaths
from reactivation.world.spaces import Box

BOX = Box(2.0, 1.0)


def written(folder: Path, **changed: Any) -> str:
    """A file of two runs to the right, each sample a step farther, with a gap between."""
    times = np.concatenate((0.02 * np.arange(200), 10 + 0.02 * np.arange(50)))
    along = np.concatenate((0.005 * np.arange(200), 0.5 + 0.005 * np.arange(50)))
    arrays = {"t": times, "pos": np.stack((along + 7.0, np.full(250, -3.0)), axis=1), **changed}
    np.savez(folder / "rat.npz", **arrays)
    return str(folder / "rat.npz")


def drawn(motion: RecordedPaths, steps: int, count: int = 500) -> Any:
    return motion.paths(count, steps, torch.Generator().manual_seed(0))


def test_stretches_are_those_of_the_file_around_the_middle(tmp_path: Path) -> None:
    path = drawn(RecordedPaths(written(tmp_path), BOX, 0.02), 30)
    torch.testing.assert_close(path.inputs, torch.tensor([0.005, 0.0]).expand(500, 30, 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(path.start + path.inputs.sum(1), path.positions[:, -1])
    low, high = path.start[:, 0].min(), path.positions[..., 0].max()
    assert float(low + high) == pytest.approx(0, abs=0.02)
    assert float(high - low) == pytest.approx(0.995, abs=0.02)


def test_no_stretch_crosses_a_gap_or_is_longer_than_what_was_recorded(tmp_path: Path) -> None:
    motion = RecordedPaths(written(tmp_path), BOX, 0.02)
    assert float(drawn(motion, 100).inputs.abs().max()) < 0.006
    with pytest.raises(BadInput, match="its longest stretch has 199 steps, and 200 are wanted"):
        drawn(motion, 200)


def test_another_time_step_walks_at_the_same_speed(tmp_path: Path) -> None:
    fine = drawn(RecordedPaths(written(tmp_path), BOX, 0.01), 100)
    assert float(fine.inputs[..., 0].mean()) == pytest.approx(0.0025, rel=1e-3)


def test_another_recording_of_the_same_name_is_read_and_no_network_goes_on_or_is_analysed_with_it(tmp_path: Path) -> None:
    values = {
        "config": "spatial_navigation/noisy_unbiased", "rnn.n_rec": 16, "task.place_cells_num": 24, "task.batch_size": 8,
        "task.sequence_length": 10, "trainer.save_freq": 2, "task.paths": written(tmp_path),
    }  # fmt: skip
    config = values.pop("config")
    folder = ra.train(config, 0, path=tmp_path / "runs", settings={**values, "trainer.n_epochs": 2}).file.parent
    right = drawn(RecordedPaths(written(tmp_path), BOX, 0.02), 30).inputs
    times = np.arange(250)
    file = written(tmp_path, t=0.02 * times, pos=np.stack((7.0 - 0.002 * times, np.full(250, -3.0)), axis=1))
    assert float(drawn(RecordedPaths(file, BOX, 0.02), 30).inputs[..., 0].mean()) == pytest.approx(-0.002, rel=1e-3)
    assert float(right[..., 0].mean()) == pytest.approx(0.005, rel=1e-3)
    refused = r"the file of task.paths has changed since this network learned from it; restore it"
    with pytest.raises(BadInput, match=rf"resume\.pt: {refused}"):
        ra.train(config, 0, path=tmp_path / "runs", settings={**values, "trainer.n_epochs": 4})
    with pytest.raises(BadInput, match=rf"model_2\.pt: {refused}"):
        ra.load(folder)
    written(tmp_path)
    assert ra.load(folder).step == 2


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"pos": np.zeros((3, 2))}, BadInput, r"it has t \(250,\), pos \(3, 2\)"),
        ({"t": np.zeros(250)}, DamagedData, "its times t do not increase"),
        ({"pos": np.full((250, 2), np.nan)}, DamagedData, "its array pos holds what is no finite number"),
        ({"pos": np.stack((np.arange(250.0), np.zeros(250)), axis=1)}, BadInput, "set task.box_width and task.box_height"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, changed: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=rf"rat\.npz: .*{said}"):
        RecordedPaths(written(tmp_path, **changed), BOX, 0.02)


def test_a_task_walks_the_recorded_paths_and_takes_no_settings_of_others(tmp_path: Path) -> None:
    values = {"config": "spatial_navigation/noisy_unbiased", "task.paths": written(tmp_path), "task.box_width": 2.0}
    for dt in (0.02, 0.01):
        task, _ = build(train_config({**values, "task.dt": dt}), torch.device("cpu"))
        assert isinstance(task.motion, RecordedPaths)
    batch = task.sample(3, 20, torch.Generator().manual_seed(0))
    assert batch.targets.shape == (3, 20, 512)
    with pytest.raises(BadInput, match=r"walks what was recorded, and task\.biased is of walks that are made"):
        train_config({**values, "task.biased": True})


def test_a_network_trains_on_a_path_and_stands_beside_it(tmp_path: Path, command: Command) -> None:
    """As docs/recordings.md says: train, then the table of the animal, the task, and the network awake and at rest."""
    steps = np.random.default_rng(0).normal(0, 0.01, (1500, 2))
    path = Box(2.0, 2.0, hard_walls=True).reflected(np.cumsum(steps, axis=0))
    written(tmp_path, t=0.02 * np.arange(1500), pos=path)
    trained = command("train.py", *tiny(SPATIAL, "task.paths=rat.npz", "trainer.n_epochs=2", "path=run"))
    assert trained.returncode == 0, trained.stderr
    page, block = tmp_path / "page.md", "<!-- made by benchmarks/rats.py: rats -->\n{}<!-- end -->\n"
    page.write_text("Before.\n" + block.format("old\n"))
    done = command("benchmarks/rats.py", "files=[rat.npz]", "runs=[run]", "document=page.md")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    header, _, *rows = page.read_text().split("-->")[1].strip().splitlines()[:6]
    assert "exponent, 0.8–6.4 s" in header
    assert [row.split("|")[1].strip() for row in rows] == [
        "rat",
        "the task (released code's speed)",
        "run, awake",
        "run, at rest",
    ]
    assert 0.4 < float(rows[0].split("|")[4].split("±")[0]) < 0.55  # a random walk in its box
    page.write_text("No place.")
    done = command("benchmarks/rats.py", "files=[rat.npz]", "document=page.md")
    assert done.returncode == 2
    assert done.stderr.startswith("page.md has no place for what is made: put <!-- made by benchmarks/rats.py: rats -->")
    assert page.read_text() == "No place."
