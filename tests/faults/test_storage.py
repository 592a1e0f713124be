"""Storage: places that refuse, calls of the system that fail, disks that are full. A file is whole, or as it was."""

from collections.abc import Callable
from dataclasses import dataclass, field
import errno
import fcntl
import json
import os
from pathlib import Path
import stat
import subprocess
import sys
from typing import Any

from factories import ROOT, SPATIAL, Command, contents, environment, tiny, train
import numpy as np
import pytest

from paper import diagram, gain
import reactivation as ra
from reactivation.analysis import mechanism
from reactivation.machine.errors import BadInput, DamagedData, StorageError
from reactivation.machine.places import PUBLISHED
from reactivation.storage import files
from reactivation.storage.fields import made
from reactivation.storage.files import beside, clear_leftovers, read_json, write_together


@pytest.mark.parametrize(("call", "failing"), [("fsync", 0), ("fsync", 1), ("replace", 0)])
def test_files_that_belong_together_are_replaced_together(
    call: str, failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = {tmp_path / "details": b"old details", tmp_path / "table": b"old table"}
    write_together(pair)
    honest, calls = getattr(os, call), list[object]()

    def fail(*words: object) -> None:
        calls.append(words)
        if len(calls) > failing:
            raise OSError(errno.ENOSPC, "no space")
        honest(*words)

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageError):
        write_together(dict.fromkeys(pair, b"new"))
    monkeypatch.undo()
    assert contents(tmp_path) == pair


def test_a_system_without_locks_is_told_once_and_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no module fcntl."""
    files._warn.cache_clear()
    monkeypatch.setattr(files, "fcntl", None)
    folder = train(tmp_path / "run")
    train(tmp_path / "run", "trainer.n_epochs=6")
    assert folder.steps() == [2, 4, 6]
    assert capsys.readouterr().err.count("no locks") == 1


def test_what_killed_writes_left_goes_at_the_next_start(tmp_path: Path) -> None:
    folder = train(tmp_path / "run", "trainer.n_epochs=2")
    (folder.path / ".resume.pt.another.123.tmp").write_bytes(b"half")
    train(tmp_path / "run")
    assert not list(folder.path.glob(".*.tmp"))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    elsewhere, here = tmp_path / ".table.json.another.123.tmp", beside(tmp_path / "table.json")
    gone = here.with_name(here.name.replace(str(os.getpid()), str(ended.pid)))
    for file in (elsewhere, here, gone):
        file.write_bytes(b"half")
    clear_leftovers(tmp_path)
    assert set(tmp_path.glob(".*.tmp")) == {elsewhere, here}, "these may be written just now"
    os.utime(elsewhere, (0, 0))
    clear_leftovers(tmp_path)
    assert set(tmp_path.glob(".*.tmp")) == {here}


def test_a_file_that_another_command_puts_in_its_place_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "glob", lambda *_: [tmp_path / ".table.json.another.123.tmp"])
    clear_leftovers(tmp_path)


@pytest.mark.parametrize(("number", "goes_on"), [(errno.ENOSYS, True), (errno.EINVAL, True), (errno.EIO, False)])
@pytest.mark.parametrize("call", ["flock", "fsync of folders"])
def test_a_file_system_that_lacks_a_call_is_told_once_and_one_that_fails_stops(
    number: int,
    goes_on: bool,
    call: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    honest = os.fsync

    def fail(descriptor: int, *how: int) -> None:
        if call == "flock" or stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        honest(descriptor)

    files._warn.cache_clear()
    monkeypatch.setattr(*((fcntl, "flock") if call == "flock" else (os, "fsync")), fail)
    if goes_on:
        train(tmp_path / "run")
        assert capsys.readouterr().err.count("a file system here") == 1
    else:
        with pytest.raises(StorageError):
            train(tmp_path / "run")


def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = command("output_variance.py", "runs=[noisy_unbiased]", "seed=99", "path=file/results")
    assert done.returncode == StorageError.exit_code, "the network of seed 99, which is not there, was looked for first"


def test_a_link_that_leads_to_itself_is_no_place(tmp_path: Path, command: Command) -> None:
    (tmp_path / "circle").symlink_to("circle")
    done = command("train.py", *tiny(SPATIAL), "path=circle")
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
    assert "circle: part of that path" in done.stderr


@pytest.mark.parametrize(
    "measure",
    [
        lambda path: diagram.measure(next(diagram.parts(diagram.Settings(path=path)))),
        lambda path: next(iter(gain.controls())).measure(path),
        lambda path: mechanism.measure(mechanism.Settings(run=SPATIAL, seed=99, path=path)),
    ],
)
def test_the_place_of_what_takes_minutes_is_asked_for_first(measure: Callable[[str], object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="part of that path is a file"):
        measure(str(tmp_path / "file"))
    with pytest.raises(BadInput, match="published results are read-only"):
        measure(str(PUBLISHED))


NONSENSE: list[Any] = [3, [], "x", [float("nan")], [[[1j, 1j]]], [[[1.0, 2.0]]], b"x", "null", "[" * 100_000]


@pytest.mark.parametrize("name", ["about", "positions_0", "rates_0", "mean", "covariance"])
def test_a_recording_of_other_arrays_is_named(name: str, tmp_path: Path) -> None:
    xy = np.cumsum(np.random.default_rng(0).normal(0, 0.1, (3, 30, 2)), 1)
    file = ra.Recording(xy, dt=0.02, space=ra.Box(9, 9), rates=np.ones((2, 30, 4))).save(tmp_path / "recording.npz")
    assert len(ra.Recording.load(file)) == 3
    arrays = {**np.load(file), "mean": np.zeros(4), "covariance": np.eye(4)}
    np.savez(file, **arrays)
    assert ra.Recording.load(file).moments is not None
    for wrong in NONSENSE:
        np.savez(file, **{**arrays, name: np.array(wrong)})
        with pytest.raises(DamagedData, match=r"recording\.npz: is no whole recording"):
            ra.Recording.load(file)


def edited(key: str, value: Any) -> Any:
    about = {"format": 1, "dt": 0.1, "space": {"name": "Circle"}, "given": 2, "outside": 0, "dropped": 0, "provenance": {}}
    return {**about, key: value} if key else value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("", None), ("", []), ("dt", "x"), ("dt", -1), ("space", {}), ("space", {"name": []}), ("given", None)),
        *(("provenance", []), ("first", [1, 2]), ("starts", [0.0, "x"]), ("starts", [0.0, 1.0]), ("other", 1)),
    ],
)
def test_a_recording_that_says_something_else_of_itself_is_named(key: str, value: Any, tmp_path: Path) -> None:
    def put(about: Any) -> None:
        np.savez(tmp_path / "recording.npz", about=np.array(json.dumps(about)), positions_0=np.zeros((1, 2, 1)))

    put(edited("dt", 0.1))
    assert len(ra.Recording.load(tmp_path / "recording.npz")) == 1
    put(edited(key, value))
    with pytest.raises(DamagedData, match=r"recording\.npz: is no whole recording"):
        ra.Recording.load(tmp_path / "recording.npz")


@pytest.mark.parametrize("ask", [ra.load, ra.runs_table, ra.Recording.load, ra.inputs.replayed])
def test_a_name_that_no_file_system_takes_is_refused(ask: Callable[[str], object]) -> None:
    with pytest.raises(StorageError, match="File name too long"):
        ask("a" * 300)


@pytest.mark.parametrize("edited", [[], {}, {"settings": None}, {"settings": {}}, {"models": []}])
def test_results_that_were_edited_are_named_and_left_out_of_tables(
    edited: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("variance_0.0001_0.json", "variance_0.0001_0_details.json"):
        (tmp_path / file).write_bytes((PUBLISHED / "spatial_navigation" / file).read_bytes())
    assert len(ra.runs_table(tmp_path, of="results")) > 0
    details = tmp_path / "variance_0.0001_0_details.json"
    details.write_text(json.dumps({**json.loads(details.read_text()), **edited} if edited else edited))
    assert len(ra.runs_table(tmp_path, of="results")) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"left out: {details}")
    assert len(said.splitlines()) == 1


EDITED: list[Any] = [None, [], [1], [{}], {"a": 1}, [{"modifier": 1}], "x"]


@pytest.mark.parametrize("edited", EDITED)
def test_what_is_measured_and_then_edited_is_named(edited: Any, tmp_path: Path) -> None:
    part = next(diagram.parts(diagram.Settings(path=str(tmp_path))))
    control = next(iter(gain.controls()))
    for file, content, read in (
        (part.file, {"settings": part.science, "points": edited}, lambda: part.found),
        (control.file(str(tmp_path)), {"rests": control._rests(), "rows": edited}, lambda: control.rows(str(tmp_path))),
    ):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
        if (edited, file) == ([], control.file(str(tmp_path))):
            continue  # nothing is measured yet
        with pytest.raises(DamagedData, match=file.name):
            read()


def test_the_place_of_a_run_that_failed_at_once_is_free_again(tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match="the loss is"):
        train(tmp_path / "run", "trainer.lr=1e30", "trainer.n_epochs=20")
    straight, folder = train(tmp_path / "straight"), train(tmp_path / "run")
    assert set(contents(folder.path)) == {folder.path / file.name for file in contents(straight.path)}
    with pytest.raises(BadInput, match="holds another run"):
        train(tmp_path / "run", "trainer.lr=0.5")


def test_nesting_that_no_reader_follows_is_damage(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(DamagedData, match="not valid JSON"):
        read_json(tmp_path / "deep.json")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 8, 30])
def test_a_figure_that_cannot_be_written_leaves_the_old_one(limit: int, tmp_path: Path) -> None:
    """Under a limit of file size [KiB] that none, one or two of PDF, PNG and CSV pass; one line, and no file beside."""
    line = f"{sys.executable} {ROOT / 'figures.py'} fig=2e out=."
    subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment(), check=True, capture_output=True)
    before = contents(tmp_path)
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f {limit}; {line}"], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == StorageError.exit_code
    assert "File too large" in done.stderr.splitlines()[-1]
    assert contents(tmp_path) == before


@dataclass(frozen=True)
class Inner:
    number: float
    text: str | None = None


@dataclass(frozen=True)
class Outer:
    count: int
    pairs: tuple[tuple[str, ...], ...] = ()
    inner: tuple[Inner, ...] = ()
    named: dict[str, float | None] = field(default_factory=dict)


def test_dataclasses_are_made_of_json_that_has_their_fields() -> None:
    content = {"count": 1, "pairs": [["a"], []], "inner": [{"number": 2}], "named": {"b": None, "c": 0.5}}
    assert made(Outer, content) == Outer(1, (("a",), ()), (Inner(2),), {"b": None, "c": 0.5})


@pytest.mark.parametrize(
    "content",
    [
        *(None, [], {}, {"count": True}, {"count": 1.0}, {"count": None}, {"count": 1, "other": 2}),
        *({"count": 1, "pairs": [[1]]}, {"count": 1, "pairs": ["a"]}, {"count": 1, "pairs": None}),
        *({"count": 1, "inner": [{}]}, {"count": 1, "inner": [{"number": 10**400}]}, {"count": 1, "inner": {}}),
        *({"count": 1, "inner": [{"number": 1, "text": 2}]}, {"count": 1, "named": {"b": "x"}}, {"count": 1, "named": [1]}),
    ],
)
def test_json_of_another_shape_makes_no_dataclass(content: object) -> None:
    with pytest.raises(TypeError):
        made(Outer, content)
