"""The recorded mouse through the same calls as networks, where the environment names its file."""

from pathlib import Path

from factories import ROOT, call, examples_of
import numpy as np
import pytest
from scipy.io import savemat

from paper.mouse import VARIABLE, missing, recorded_mouse
import reactivation as ra
from reactivation.replay import Found, Table
from reactivation.world.spaces import Circle

there = pytest.mark.skipif(missing() is not None, reason=f"{VARIABLE} names no file: the recorded mouse is not here")


def test_without_its_file_the_figure_says_why_it_is_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    done = call(tmp_path, "figures.py", "fig=M", "seeds=0")
    assert done.returncode == 3
    assert f"{VARIABLE} names no file" in done.stderr
    assert not list(tmp_path.rglob("fig_M*"))


OF_MATLAB_7_3 = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"  # the head of a file in HDF5, which scipy does not read


@pytest.mark.parametrize("content", [b"nothing of the kind", OF_MATLAB_7_3])
def test_another_file_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.mat").write_bytes(content)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other.mat"))
    with pytest.raises(ra.DamagedData, match="is not the recorded mouse"):
        recorded_mouse()


FITTING = {"Qrun": (1200, 3), "Qrem": (1000, 3), "Qsws": (1100, 3), "angRun": (1200, 2)}


@pytest.mark.parametrize(
    ("name", "shape", "why"),
    [
        ("angRun", (1190, 2), "1190 × 2, not of 1200 rows, the bins of Qrun"),
        ("angRun", (1200, 1), "not of at least 1000 bins in rows, and columns"),  # squeezed to (1200)
        ("Qrem", (1000, 4), "1000 × 4, not of 3 columns, the cells of Qrun"),
        ("Qsws", (90, 3), "90 × 3, not of at least 1000 bins"),
    ],
)
def test_an_array_of_another_length_is_named_with_its_file(
    name: str, shape: tuple[int, ...], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "other.mat"
    arrays = {key: rng.poisson(1.0, size).astype(float) for key, size in FITTING.items()}
    monkeypatch.setenv(VARIABLE, str(file))
    savemat(file, arrays)
    assert len(recorded_mouse().true) == 1, "what fits is read"
    savemat(file, arrays | {name: np.ones(shape)})
    with pytest.raises(ra.DamagedData) as refused:
        recorded_mouse()
    told = str(refused.value)
    assert told.startswith(f"{file}: its array {name} is ")
    assert why in told
    assert "\n" not in told


@there
@pytest.mark.slow
def test_waking_is_decoded_and_sleep_keeps_its_pairs() -> None:
    """Known values: an error of about 0.3 rad on the other half, r about 0.96, slow-wave sleep compressed about tenfold."""
    mouse = recorded_mouse(decoded_by=0.5)
    half = slice(len(mouse.true) // 2, None)
    error = np.abs(Circle().difference(mouse.decoded["awake"].positions[half], mouse.true.positions[half]))
    assert 0.2 < np.median(error) < 0.4
    for sleep in ("REM sleep", "slow-wave sleep"):
        assert ra.replay.pair_correlation(mouse.decoded[sleep], mouse.decoded["awake"]).value > 0.9
    fine = [mouse.fine[phase].take(slice(0, 100)) for phase in ("slow-wave sleep", "awake")]
    assert 5 < ra.replay.ensemble_compression(*fine, longest=2.5).value < 20


@there
@pytest.mark.slow
def test_the_page_of_recorded_data_shows_what_is_printed() -> None:
    assert examples_of("docs/recordings.md") > 8


def test_sleep_is_unlike_networks_whose_intervals_it_overlaps_none_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from mouse import sentences

    def found(value: float, error: float | None = 0.1) -> Found:
        return Found(value, error, "", None, {}, np.empty(0), np.empty(0), None)

    rows = {
        "overlaps one": (found(0), found(1), None, found(1.3), found(2)),
        "apart": (found(0), found(1), None, found(1.5), found(0.5)),
        "of sleep alone": (None, found(np.nan), None, found(1), found(1)),
        "of no interval": (found(0), found(1), None, found(5, None), None),
    }
    names = ("unbiased", "biased", "langevin", "REM sleep", "slow-wave sleep")
    table = Table({measure: dict(zip(names, row, strict=True)) for measure, row in rows.items()}, {})
    rem, slow = (" ".join(told.split()) for told in sentences(table))
    assert rem.endswith("in 1 of the 3 rows that it has a value in: `apart`; and no network has `of sleep alone`.")
    assert slow.endswith(
        "in 2 of the 3 rows that it has a value in: `overlaps one`, `apart`; and no network has `of sleep alone`."
    )
