"""Recordings in and out of pynapple, where it is installed: pip install pynapple."""

from datetime import UTC, datetime
from pathlib import Path
import sys

from factories import SPATIAL
import numpy as np
import pytest

import reactivation as ra

BOX = ra.Box(2.0, 2.0)
DT = 0.02


class WithSupport:
    """Numbers with times and a time support, as pynapple has them."""

    def __init__(self, values: np.ndarray, times: np.ndarray, starts: list[float]):
        self._values, self.t, self.index = values, times, times
        self.time_support = type("Intervals", (), {"start": np.array(starts)})()

    def __array__(self, dtype: type | None = None, copy: bool | None = None) -> np.ndarray:
        return self._values.astype(dtype)

    def __len__(self) -> int:
        return len(self._values)


def test_epochs_that_touch_stay_apart() -> None:
    """Two intervals of a time support, without a gap in time between them, and a jump from one to the other."""
    xy = np.zeros((100, 2))
    xy[50:] = 1.0
    recording = ra.Recording(WithSupport(xy, np.arange(100) * DT, [0.0, 50 * DT]), space=BOX)
    assert recording.lengths.tolist() == [50, 50]
    assert recording.starts == pytest.approx([0.0, 1.0])
    assert ra.step_length(recording).value == 0


def test_an_epoch_without_a_time_support_leaves_the_others_theirs() -> None:
    touching = WithSupport(np.zeros((100, 2)), np.arange(100) * DT, [0.0, 50 * DT])
    for other in (np.zeros((30, 2)), np.zeros((1, 30, 2))):
        recording = ra.Recording([touching, other], space=BOX)
        assert recording.lengths.tolist() == [50, 50, 30]
        assert recording.starts == pytest.approx([0.0, 1.0, 2.0])


def test_starts_are_kept_by_whatever_chooses_samples(tmp_path: Path) -> None:
    times = 100 + np.delete(np.arange(100), slice(40, 60)) * DT
    recording = ra.Recording(np.zeros((80, 2)), times=times, space=BOX)
    assert recording.starts == pytest.approx([100, 101.2])
    assert recording[10:].starts == pytest.approx([100.2, 101.4])
    assert recording.take(1).starts == pytest.approx([101.2])
    mask = np.arange(80) > 20
    assert recording[mask].starts == pytest.approx([100.42, 101.2])
    assert ra.Recording.load(recording.save(tmp_path / "x.npz")).starts == pytest.approx([100, 101.2])
    assert ra.Recording(np.zeros((3, 50, 2)), DT, BOX).starts == pytest.approx([0, 1, 2])


def test_without_pynapple_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynapple", None)
    with pytest.raises(ra.BadInput, match="pip install pynapple"):
        ra.Recording(np.zeros((5, 2)), DT, BOX).to_pynapple()
    with pytest.raises(ra.BadInput, match="no object of pynapple but a ndarray"):
        ra.Recording.from_pynapple(np.zeros((5, 2)), BOX)


try:
    import pynapple as nap
except ImportError:
    nap = None

installed = pytest.mark.skipif(nap is None, reason="pynapple is not installed: pip install pynapple")
lenient = pytest.mark.filterwarnings("ignore")  # what pynapple warns of is its own


@installed
@lenient
def test_intervals_are_epochs_and_spikes_are_counted() -> None:
    times = np.arange(500) * DT
    bearings = nap.Tsd(t=times, d=np.linspace(0, 6, 500))
    spikes = nap.TsGroup({0: nap.Ts(np.sort(np.repeat(times, 2))), 1: nap.Ts(times[::5])})
    sleep = nap.IntervalSet([1.0, 3.0, 6.0], [3.0, 4.0, 7.0])  # the first two touch
    recording = ra.Recording.from_pynapple(bearings, ra.Circle(), epochs=sleep, rates=spikes)
    assert len(recording) == 3
    assert recording.starts == pytest.approx([1.0, 3.0, 6.0])
    assert recording.lengths.sum() == len(bearings.restrict(sleep))
    assert np.allclose(recording.flat[:, 0], ra.Circle().wrap(np.asarray(bearings.restrict(sleep).d)))
    counts = np.concatenate(recording.rates)
    assert (counts[:, 0] == 2).all()
    assert counts[:, 1].mean() == pytest.approx(0.2, abs=0.01)


@installed
@lenient
def test_intervals_choose_no_samples_of_a_recording() -> None:
    with pytest.raises(ra.BadInput, match=r"Recording\.from_pynapple\(positions, space, epochs=\.\.\.\)$"):
        ra.Recording(np.zeros((50, 2)), DT, BOX)[nap.IntervalSet([0.1], [0.3])]


@installed
@lenient
def test_what_goes_out_comes_in_again(tmp_path: Path) -> None:
    rest = ra.load(SPATIAL).record(ra.rest(steps=30), trajectories=4)
    out = rest.to_pynapple()
    assert out.spikes is None
    again = ra.Recording.from_pynapple(out.positions, rest.space, rates=out.rates, margin=np.inf)
    assert again.dt == pytest.approx(rest.dt)
    assert again.starts == pytest.approx(rest.starts)
    assert np.array_equal(again.flat, rest.flat)
    assert np.array_equal(np.concatenate(again.rates), np.concatenate(rest.rates))
    out.positions.save(str(tmp_path / "rest.npz"))
    read = ra.Recording.from_pynapple(nap.load_file(str(tmp_path / "rest.npz")), rest.space, margin=np.inf)
    assert (len(read), ra.step_length(read).value) == (4, pytest.approx(ra.step_length(rest).value))


@installed
@lenient
def test_spikes_go_out_and_are_counted_again() -> None:
    counts = ra.replay.poisson_spikes(ra.load(SPATIAL).record(ra.rest(steps=30), trajectories=4), 20.0, rng=0)
    out = counts.to_pynapple(rng=1)
    again = ra.Recording.from_pynapple(out.positions, counts.space, rates=out.spikes, margin=np.inf)
    assert np.array_equal(np.concatenate(again.rates), np.concatenate(counts.rates))
    assert sum(len(out.spikes[unit]) for unit in out.spikes) == counts.rates.sum()


@installed
@lenient
def test_other_times_are_refused() -> None:
    xy = nap.TsdFrame(t=np.arange(50) * DT, d=np.zeros((50, 2)))
    with pytest.raises(ra.BadInput, match="other times"):
        ra.Recording.from_pynapple(xy, BOX, rates=nap.TsdFrame(t=np.arange(25) * DT, d=np.zeros((25, 3))))
    middles = nap.TsdFrame(t=12.34 + (np.arange(50) + 0.5) * DT, d=np.zeros((50, 3)))
    late = nap.TsdFrame(t=12.34 + np.arange(50) * DT, d=np.zeros((50, 2)))
    assert len(ra.Recording.from_pynapple(late, BOX, rates=middles)) == 1
    with pytest.raises(ra.BadInput, match="rates have other times than positions at sample 0"):
        ra.Recording(xy, space=BOX, rates=nap.TsdFrame(t=3.0 + np.arange(50) * DT, d=np.zeros((50, 3))))


@installed
@lenient
def test_true_positions_go_out_and_come_in_again() -> None:
    awake = ra.load(SPATIAL).record(ra.waking(steps=30), trajectories=4)
    out = awake.to_pynapple()
    assert list(out.true_positions.columns) == list(out.positions.columns)
    late = nap.IntervalSet(0.1, 10.0)
    for epochs, known in ((None, awake), (late, awake[np.arange(120) * DT >= 0.1 - 1e-9])):
        again = ra.Recording.from_pynapple(
            out.positions, awake.space, epochs=epochs, true_positions=out.true_positions, margin=np.inf
        )
        assert np.array_equal(np.concatenate([*again.true_epochs]), np.concatenate([*known.true_epochs]))
        assert ra.decoding_error(again).value == pytest.approx(ra.decoding_error(known).value)
    assert awake[:10].to_pynapple().true_positions.shape == (40, 2)
    assert ra.Recording(np.zeros((5, 2)), DT, BOX).to_pynapple().true_positions is None


@installed
@lenient
def test_a_tracked_path_is_taken_at_the_times_of_decoded_bearings() -> None:
    decoded = nap.Tsd(t=np.arange(50) * DT, d=np.full(50, 3.1))
    tracked = nap.Tsd(t=np.arange(200) * DT / 4, d=np.full(200, -3.1))
    with pytest.raises(ra.BadInput, match=r"^true positions have other times than positions: give positions\.value_from"):
        ra.Recording.from_pynapple(decoded, ra.Circle(), true_positions=tracked)
    recording = ra.Recording.from_pynapple(decoded, ra.Circle(), true_positions=decoded.value_from(tracked))
    assert ra.decoding_error(recording).value == pytest.approx(2 * np.pi - 6.2)
    with pytest.raises(ra.BadInput, match=r"^true positions are no object of pynapple but a ndarray"):
        ra.Recording.from_pynapple(decoded, ra.Circle(), true_positions=np.zeros(50))


@installed
@lenient
def test_an_nwb_file_is_read_through_pynapple(tmp_path: Path) -> None:
    nwb = pytest.importorskip("pynwb", reason="pynwb, which writes NWB files, is not installed")
    file = nwb.NWBFile("a walk", "one", datetime(2024, 1, 1, tzinfo=UTC))
    walk = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (200, 2)), axis=0)
    series = nwb.behavior.SpatialSeries(name="position", data=walk, rate=50.0, reference_frame="corner", unit="m")
    file.create_processing_module("behavior", "where it was").add(nwb.behavior.Position(spatial_series=series))
    with nwb.NWBHDF5IO(tmp_path / "walk.nwb", "w") as to:
        to.write(file)
    rat = ra.Recording.from_pynapple(nap.load_file(str(tmp_path / "walk.nwb"))["position"], ra.Box.around(walk))
    assert rat.dt == pytest.approx(0.02)
    assert np.allclose(rat.flat, walk)
