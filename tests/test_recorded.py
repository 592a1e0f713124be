"""Recorded data: positions of an animal go through what those of networks go through."""

from datetime import UTC, datetime, timedelta, timezone
from importlib.util import find_spec
import json
import os
from pathlib import Path
import re
from typing import Any

from factories import SPATIAL
import numpy as np
import pytest
import scipy.io
import torch

import reactivation as ra

BOX = ra.Box(2.0, 2.0)
MOUSE = os.environ.get("REACTIVATION_MOUSE", "")


def test_a_mask_splits_at_gaps_and_no_step_crosses_one() -> None:
    xy = np.zeros((100, 2))
    xy[50:] = 1.0  # one jump
    awake = np.ones(100, dtype=bool)
    awake[45:55] = False
    assert ra.step_length(ra.Recording(xy, 0.1, BOX)).value > 0
    assert ra.step_length(ra.Recording(xy, 0.1, BOX)[awake]).value == 0


def test_positions_of_several_epochs_that_a_mask_made_are_a_list() -> None:
    trials = ra.Recording(np.zeros((3, 10, 2)), 0.1, BOX, np.zeros((2, 10, 4)))
    whole, gaps = np.ones(10, bool), np.arange(10) != 4
    for recording, shapes in ((trials, (3, 10)), (trials.take([0, 2]), (2, 10)), (trials.take(1)[whole], (1, 10))):
        assert recording.positions.shape == (*shapes, 2)
    for recording, lengths in ((trials[whole], [10, 10, 10]), (trials.take(0)[gaps], [4, 5])):
        assert isinstance(recording.positions, list)
        assert isinstance(recording.rates, list)
        assert [len(one) for one in recording.positions] == [len(one) for one in recording.epochs] == lengths


def test_epochs_count_by_their_samples() -> None:
    slow, fast = np.arange(11)[:, None] * [0.01, 0.0], np.arange(31)[:, None] * [0.03, 0.0]
    both = ra.Recording([slow, fast], 0.1, BOX)
    assert ra.step_length(both).value == pytest.approx((11 * 0.01 + 31 * 0.03) / 42)


def test_an_epoch_that_a_slice_leaves_nothing_of_is_gone() -> None:
    both = ra.Recording([np.zeros((5, 2)), np.ones((30, 2))], 0.1, BOX)[10:]
    assert (len(both), len(both.flat)) == (1, 20)
    mask = np.zeros(35, dtype=bool)  # over all that were given
    mask[20:25] = True
    assert both[mask].flat.shape == (5, 2)


def test_every_third_sample_is_three_time_steps_from_the_next() -> None:
    xy, rates = np.arange(20)[:, None] * [0.01, 0.0], np.arange(20.0)[:, None] + 0.5
    thinned = ra.Recording([xy, xy[:8]], 0.1, BOX, [rates, rates[:8]])[1::3]
    assert thinned.dt == pytest.approx(0.3)
    assert thinned.lengths.tolist() == [7, 3]
    assert [one.ravel().tolist() for one in thinned.rates] == [[1.5, 4.5, 7.5, 10.5, 13.5, 16.5, 19.5], [1.5, 4.5, 7.5]]
    assert thinned.starts == pytest.approx([0.1, 2.1])
    late = np.arange(10) > 1
    assert thinned[late].starts == pytest.approx([0.7, 2.1])
    with pytest.raises(ra.BadInput, match="the mask has"):  # over all that were given
        thinned[np.ones(28, dtype=bool)]
    with pytest.raises(ra.BadInput, match="every=-1 must be at least 1"):
        thinned[::-1]


def test_rates_are_finite_where_positions_are_kept() -> None:
    positions, rates = np.zeros((5, 2)), np.ones((5, 3))
    positions[1] = rates[1] = np.nan
    assert [len(one) for one in ra.Recording(positions, 0.1, BOX, rates, drop_missing=True).rates] == [1, 3]
    rates[3, 0] = np.inf
    with pytest.raises(ra.BadInput, match=r"^1 rates of samples with a position are not finite"):
        ra.Recording(positions, 0.1, BOX, rates, drop_missing=True)


def test_spike_counts_are_not_thinned() -> None:
    """Every fifth count is of a fifth of the time that its sample would stand for."""
    counts = np.random.default_rng(0).poisson(0.5, (20, 3))
    recording = ra.Recording(np.zeros((20, 2)), 0.1, BOX, counts)
    assert recording[2:].rates.tolist() == [counts[2:].tolist()]
    with pytest.raises(
        ra.BadInput, match=r"^every sample has the spikes of 0.1 s, too few for samples 5 times as far apart"
    ):
        recording[::5]
    assert recording.replaced(rates=[])[::5].rates is None
    assert ra.Recording(np.zeros((20, 2)), 0.1, BOX, 0 * counts)[::5].rates.tolist() == [[[0, 0, 0]] * 4]


@pytest.mark.parametrize(
    ("positions", "space", "told"),
    [
        (np.full((5, 2), np.nan), ra.Box(1, 1), "not finite"),
        (np.array([10.0, 200.0, 350.0, 90.0]), ra.Circle(), "degrees"),
        (np.full((5, 2), 7.0), ra.Box(1, 1), "outside"),
        (np.zeros((5, 3)), ra.Box(1, 1), "3"),
        (np.zeros((500, 2)), ra.Circle(), "500 epochs of 2 bearings"),
        (np.exp(1j * np.arange(5)), ra.Circle(), "complex"),
        (np.ma.masked_equal([0.0, 1.0, 2.0], 1.0), ra.Circle(), "1 of 3 positions are not finite"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(positions: np.ndarray, space: object, told: str) -> None:
    with pytest.raises(ra.BadInput, match=told) as refused:
        ra.Recording(positions, 0.1, space)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        (np.ma.masked_less(np.ones((5, 3)), 2.0), "not finite"),
        ([np.ones((5, 3)), np.ones((5, 4))], "of [3, 4] units"),
        (np.exp(1j * np.ones((5, 3))), "complex"),
        ([["x"]], "no array of numbers"),
    ],
)
def test_rates_that_cannot_be_meant_are_refused_in_one_line(rates: Any, told: str) -> None:
    with pytest.raises(ra.BadInput, match=re.escape(told)):
        ra.Recording(np.zeros((2, 5, 2)), 0.1, BOX, rates)


def test_true_positions_stay_beside_those_that_were_decoded_from_activity(tmp_path: Path) -> None:
    decoded = np.random.default_rng(0).uniform(-0.8, 0.8, (60, 2))
    true, mask = decoded + np.array([0.03, -0.04]), np.arange(60) % 20 > 4
    true[50] = np.nan  # the tracker lost the animal
    recording = ra.Recording(decoded, 0.1, BOX, true_positions=true, drop_missing=True)
    assert (len(recording), recording.dropped) == (2, 1)
    kept = {
        "all": recording,
        "slice": recording[7::2],
        "mask": recording[mask],
        "take": recording.take([1, 0]),
        "file": ra.Recording.load(recording[mask].save(tmp_path / "awake.npz")),
        "pieces": ra.replay.pieces(recording, 4),
        "one length": ra.Recording(np.zeros((2, 5, 2)), 0.1, BOX, true_positions=np.full((2, 5, 2), [0.03, 0.04])).take(1),
    }
    for name, part in kept.items():
        assert [one.shape for one in part.true_positions] == [one.shape for one in part.positions], name
        assert ra.decoding_error(part).each == pytest.approx(0.05), name


@pytest.mark.parametrize(("space", "axes"), [(BOX, (2,)), (ra.Circle(), ()), (ra.Circle(), (1,))])
def test_a_list_of_arrays_that_hold_several_epochs_each_is_refused(space: Any, axes: tuple[int, ...]) -> None:
    """All epochs but the first one of each array were lost."""
    one, two = np.zeros((30, *axes)), np.zeros((2, 40, *axes))
    with pytest.raises(ra.BadInput, match=r"positions hold 2 epochs in array 1 of the list: give each epoch as one array"):
        ra.Recording([one, two], 0.1, space)
    assert ra.Recording([one, two[:1]], 0.1, space).lengths.tolist() == [30, 40]


def test_a_mask_whose_rows_are_no_epochs_is_refused() -> None:
    recording = ra.Recording(np.zeros((4, 10, 2)), dt=0.1, space=ra.Box(1, 1))
    mask = np.zeros((4, 10), dtype=bool)
    mask[1, 2:6] = True
    for fitting in (mask, mask[..., None], mask.ravel()):
        assert (len(recording[fitting]), recording[fitting].lengths.tolist()) == (1, [4])
    for other in (mask.T, mask.reshape(8, 5)):
        with pytest.raises(ra.BadInput, match="the mask has"):
            recording[other]


def test_a_mask_over_all_samples_is_refused_where_epochs_were_taken_in_another_order() -> None:
    recording = ra.Recording([np.zeros((3, 2)), np.full((3, 2), 0.5)], dt=0.1, space=BOX)
    mask = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    for order in ([1, 0], [0, 0]):
        with pytest.raises(ra.BadInput, match="taken in another order"):
            recording.take(order)[mask]
    assert recording.take([1, 0])[list(np.split(mask, 2))].flat.tolist() == [[0.5, 0.5]] * 3
    assert recording.take([0, 1])[mask].flat.tolist() == [[0.0, 0.0]] * 3


def test_epochs_of_unequal_length_take_a_list_of_masks() -> None:
    recording = ra.Recording([np.zeros((3, 2)), np.full((2, 2), 0.5)], dt=0.1, space=BOX)
    masks = [np.array([True, False, False]), np.array([False, True])]
    assert recording[masks].flat.tolist() == [[0.0, 0.0], [0.5, 0.5]]
    with pytest.raises(ra.BadInput, match="the mask has"):
        recording[masks[::-1]]


@pytest.mark.parametrize("lengths", [[5] * 20, [6, *[5] * 19], [3, 1], [1]])
def test_a_list_of_bearings_has_an_epoch_for_each_array(lengths: list[int]) -> None:
    bearings = [np.full(length, 0.1 * place) for place, length in enumerate(lengths)]
    recording = ra.Recording(bearings, dt=0.1, space=ra.Circle())
    assert recording.lengths.tolist() == lengths
    assert recording.flat[:, 0].tolist() == np.concatenate(bearings).tolist()


@pytest.mark.parametrize("other", [ra.Box(0.5, 0.5), ra.Box(2, 2, centre=(1, 0)), ra.Circle()])
def test_a_file_is_not_loaded_into_another_space(tmp_path: Path, other: Any) -> None:
    file = ra.Recording(np.zeros((5, 2)), dt=0.1, space=ra.Box(2, 2)).save(tmp_path / "box.npz")
    with pytest.raises(ra.BadInput, match="was recorded in Box"):
        ra.Recording.load(file, space=other)
    assert ra.Recording.load(file, space=ra.Box(2, 2)).space == ra.Box(2, 2)


def test_one_sample_has_no_covariance_and_is_saved(tmp_path: Path) -> None:
    rates = np.ones((1, 1, 3))
    recording = ra.Recording(np.zeros((1, 1, 2)), dt=0.1, space=ra.Box(1, 1), rates=rates)
    assert recording.moments is None
    loaded = ra.Recording.load(recording.save(tmp_path / "one.npz"))
    assert np.array_equal(loaded.rates, rates)
    leak = ra.Network.from_matrices(W_rec=np.zeros((2, 2)), tau=0.1)
    rest = ra.Run.of(leak, BOX, dt=0.02, sigma=0.1).record(ra.rest(1), 1)
    assert rest.moments is None
    assert len(ra.Recording.load(rest.save(tmp_path / "rest.npz"))) == 1


def test_what_is_made_of_a_recording_keeps_its_times_masks_and_provenance() -> None:
    times = 100 + np.delete(np.arange(100), slice(40, 60)) * 0.1
    bearings = np.linspace(-3, 3, 80)
    bearings[10] = np.nan  # dropped
    counts = np.random.default_rng(0).poisson(3.0, (80, 4))
    recording = ra.Recording(
        bearings,
        times=times,
        space=ra.Circle(),
        rates=counts,
        drop_missing=True,
        provenance={"animal": "12", "decoder": "none"},
    )
    late = np.arange(80) > 30  # over all that were given
    made = {
        "decoded": ra.replay.TuningCurves.of(recording).decode(recording),
        "spikes": ra.replay.poisson_spikes(recording),
        "pieces": ra.replay.pieces(recording, 5),
    }
    assert recording.starts == pytest.approx([100, 101.1, 106])
    assert made["decoded"].starts.tolist() == made["spikes"].starts.tolist() == recording.starts.tolist()
    assert made["pieces"].starts[:4] == pytest.approx([100, 100.5, 101.1, 101.6])
    for name, one in made.items():
        assert one.dropped == 1, name
        assert one.provenance["animal"] == "12", name
        assert one[late].starts[0] == pytest.approx(103.1), name
    assert made["decoded"].provenance["decoder"] == "tuning curves"


def test_the_error_of_bearings_goes_the_short_way_and_long_epochs_count_more() -> None:
    decoded, true = [np.full(30, 3.1), np.zeros(10)], [np.full(30, -3.1), np.full(10, 0.4)]
    error = ra.decoding_error(ra.Recording(decoded, 0.1, ra.Circle(), true_positions=true))
    assert error.each == pytest.approx([2 * np.pi - 6.2, 0.4])
    assert error.value == pytest.approx((3 * error.each[0] + error.each[1]) / 4)


@pytest.mark.parametrize(
    ("true", "told"),
    [
        (np.zeros((300, 4, 2)), r"^true positions have shape \(4, 2\) where positions have \(5, 2\)"),
        (np.zeros((2, 5, 2)), "^true positions are of 2 epochs, positions of 300"),
        (np.zeros((300, 5, 3)), r"^true positions have shape \(300, 5, 3\)"),
        (np.full((300, 5, 2), np.nan), "of 1500 true positions are not finite"),
        (np.full((300, 5, 2), 7.0), "of the true positions lie more than 0.2 m outside"),
    ],
)
def test_true_positions_that_do_not_fit_are_refused(true: np.ndarray, told: str) -> None:
    with pytest.raises(ra.BadInput, match=told) as refused:
        ra.Recording(np.zeros((300, 5, 2)), 0.1, BOX, true_positions=true)
    assert len(str(refused.value)) < 300, "not a shape for each epoch"


def test_a_file_whose_true_positions_are_of_other_epochs_is_damaged(tmp_path: Path) -> None:
    file = ra.Recording(np.zeros((5, 2)), 0.1, BOX, true_positions=np.zeros((5, 2))).save(tmp_path / "awake.npz")
    arrays = dict(np.load(file))
    np.savez(file, **arrays | {"true_positions_0": np.zeros((1, 4, 2))})
    with pytest.raises(ra.DamagedData, match="no whole recording"):
        ra.Recording.load(file)


def test_epochs_that_are_taken_in_another_order_keep_their_own_rates() -> None:
    rates = np.arange(2 * 5 * 3).reshape(2, 5, 3)
    recording = ra.Recording(np.zeros((3, 5, 2)), 0.1, BOX, rates)
    assert recording.take([1, 0, 2]).rates.tolist() == rates[::-1].tolist()
    assert recording.take([1, 2, 0]).rates.tolist() == rates[1:].tolist(), "the second one has none, so the third cannot"
    assert recording.take([-1, 0]).rates is None


def test_rates_come_from_what_a_network_was_trained_with() -> None:
    rates = torch.arange(15.0).reshape(5, 3).requires_grad_()
    assert ra.Recording(np.zeros((5, 2)), 0.1, BOX, rates).rates.tolist() == [rates.tolist()]


def test_samples_outside_are_counted_whatever_the_margin() -> None:
    xy = np.array([[0.0, 0.0], [1.5, 0.0], [0.5, 0.5], [0.0, -7.0]])
    recording = ra.Recording(xy, 0.1, BOX, margin=np.inf)
    assert (recording.outside, recording[:3].outside, recording[:1].outside) == (2, 1, 0)


def test_radians_are_wrapped() -> None:
    turning = np.linspace(0, 3 * np.pi, 50)
    recording = ra.Recording(turning, 0.1, ra.Circle())
    assert np.abs(recording.flat).max() <= np.pi


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    recording = ra.load(SPATIAL).record(ra.rest(steps=12), trajectories=4)
    recording.save(tmp_path / "rest.npz")
    again = ra.Recording.load(tmp_path / "rest.npz")
    assert np.array_equal(again.positions, recording.positions)
    assert (again.dt, again.space) == (recording.dt, recording.space)


def test_bearings_come_back_from_files(tmp_path: Path) -> None:
    """Files of a circle also held the marks that all circles share, and were then refused as damaged."""
    recording = ra.Recording(np.linspace(-3, 3, 50), 0.1, ra.Circle())
    arrays = dict(np.load(recording.save(tmp_path / "mouse.npz")))
    about = json.loads(str(arrays["about"]))
    assert about["space"] == {"name": "Circle"}
    about["space"]["compass"] = {}
    np.savez(tmp_path / "older.npz", **{**arrays, "about": json.dumps(about)})
    for name in ("mouse.npz", "older.npz"):
        again = ra.Recording.load(tmp_path / name)
        assert again.space == ra.Circle()
        assert np.array_equal(again.flat, recording.flat)


@pytest.mark.parametrize("note", [np.arange(3), Path("mouse.nwb"), float("nan")])
def test_a_provenance_that_no_file_holds_is_refused_when_it_is_saved(tmp_path: Path, note: object) -> None:
    """NaN was written, and the file then refused as damaged."""
    recording = ra.Recording(np.zeros((5, 2)), 0.1, BOX, provenance={"note": note})
    with pytest.raises(ra.BadInput, match="the provenance"):
        recording.save(tmp_path / "mouse.npz")
    assert not any(tmp_path.iterdir())


class Table:
    """Numbers with an index, as pandas and pynapple have them."""

    def __init__(self, values: Any, index: Any):
        self._values, self.index = np.asarray(values), index
        self.ndim = self._values.ndim

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._values.astype(dtype)

    def __len__(self) -> int:
        return len(self._values)


@pytest.mark.parametrize("times", [None, np.arange(100) * 0.02])
def test_true_positions_of_other_times_are_refused(times: Any) -> None:
    values, seconds = np.zeros((100, 2)), np.arange(100) * 0.02
    decoded = values if times is not None else Table(values, seconds)
    for index in (seconds + 0.002, np.arange(100), np.arange(100) + 7):  # whole numbers are row numbers
        ra.Recording(decoded, space=BOX, times=times, true_positions=Table(values, index))
    with pytest.raises(ra.BadInput, match="true positions have other times than positions"):
        ra.Recording(decoded, space=BOX, times=times, true_positions=Table(values, seconds + 2.0))


ROWS = np.delete(np.arange(100), slice(40, 60))


@pytest.mark.parametrize(
    ("index", "dt"),
    [
        (ROWS * 0.02, None),
        (np.datetime64("2024-05-01T12:00", "ms") + ROWS * np.timedelta64(20, "ms"), None),
        (ROWS * np.timedelta64(20, "ms"), None),
        (ROWS, 0.02),
    ],
)
def test_the_times_of_an_index_are_used_and_a_gap_begins_an_epoch(index: np.ndarray, dt: float | None) -> None:
    recording = ra.Recording(Table(np.zeros((80, 2)), index), dt, BOX)
    assert recording.dt == pytest.approx(0.02)
    assert recording.lengths.tolist() == [40, 40]
    with pytest.raises(ra.BadInput, match="columns"):
        ra.Recording(Table(np.zeros((80, 12)), index), dt, ra.Circle())
    if dt is None:
        with pytest.raises(ra.BadInput, match=r"the times are 0\.02 s apart"):
            ra.Recording(Table(np.zeros((80, 2)), index), 0.04, BOX)


class Zoned:
    """Dates of a time zone, as pandas has them: numpy makes none of them by itself."""

    dtype, ndim = "datetime64[ns, Europe/Berlin]", 1

    def __init__(self, dates: np.ndarray):
        self._dates = dates

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._dates.astype(dtype or object)

    def __len__(self) -> int:
        return len(self._dates)


NOON, HOUR = np.datetime64("2024-05-01T12:00", "ms"), np.timedelta64(3_600_000, "ms")
DATES = NOON + np.arange(50) * np.timedelta64(20, "ms")
STILL = np.zeros((50, 2))


@pytest.mark.parametrize("as_dates", [np.asarray, Zoned, lambda dates: dates.astype(object).tolist()])
@pytest.mark.parametrize(("later", "starts"), [(HOUR, [0, 3600]), (-HOUR, [3600, 0])])
def test_the_dates_of_all_epochs_count_from_the_earliest(as_dates: Any, later: np.timedelta64, starts: list[int]) -> None:
    both = [as_dates(DATES), as_dates(DATES + later)]
    given = [ra.Recording([STILL, STILL], space=BOX, times=both)]
    if not isinstance(both[0], list):
        given.append(ra.Recording([Table(STILL, dates) for dates in both], space=BOX))
    for recording in given:
        assert recording.starts.tolist() == starts
        assert recording.dt == ra.Recording(STILL, space=BOX, times=both[0]).dt, "not rounded by the hour between"


@pytest.mark.parametrize("as_dates", [np.asarray, Zoned])
def test_true_positions_of_another_hour_are_refused(as_dates: Any) -> None:
    decoded = Table(STILL, as_dates(DATES))
    for given in ({"positions": decoded}, {"positions": STILL, "times": as_dates(DATES)}):
        ra.Recording(**given, space=BOX, true_positions=Table(STILL, as_dates(DATES + np.timedelta64(2, "ms"))))
        for true in (DATES + HOUR, DATES - HOUR):
            with pytest.raises(ra.BadInput, match="true positions have other times than positions at sample 0: take"):
                ra.Recording(**given, space=BOX, true_positions=Table(STILL, as_dates(true)))
    late = [Table(STILL, as_dates(DATES + HOUR)), Table(STILL, as_dates(DATES + 2 * HOUR))]
    with pytest.raises(ra.BadInput, match="true positions have other times than positions at sample 0 of epoch 1"):
        ra.Recording(late, space=BOX, true_positions=[late[0], Table(STILL, as_dates(DATES + 3 * HOUR))])


def test_dates_with_a_time_zone_and_dates_without_are_not_set_against_each_other() -> None:
    naive, zoned = Table(STILL, DATES), Table(STILL, Zoned(DATES))
    for positions, true in ((naive, zoned), (zoned, naive)):
        with pytest.raises(ra.BadInput, match=r"true positions have dates with.*: give both with a time zone, or"):
            ra.Recording(positions, space=BOX, true_positions=true)
        with pytest.raises(ra.BadInput, match=r"\(epoch 0\) and .*\(epoch 1\): give times= of one kind"):
            ra.Recording([positions, true], space=BOX)


def test_dates_and_seconds_share_no_zero_so_only_their_steps_are_compared() -> None:
    seconds = 100 + np.arange(50) * 0.02
    for positions, true in ((seconds, DATES), (DATES, seconds)):
        ra.Recording(Table(STILL, positions), space=BOX, true_positions=Table(STILL, true))
        with pytest.raises(ra.BadInput, match="other times than positions at sample 30"):
            ra.Recording(
                Table(STILL, positions),
                space=BOX,
                true_positions=Table(STILL, np.where(np.arange(50) < 30, true, true + (true[9] - true[0]))),
            )
    with pytest.raises(ra.BadInput, match=r"seconds \(epoch 0\) and dates without a time zone \(epoch 1\)"):
        ra.Recording([Table(STILL, seconds), Table(STILL, DATES)], space=BOX)


SECONDS = np.arange(50) * 0.02


@pytest.mark.parametrize(
    "times",
    [
        DATES.astype(object).tolist(),
        [*DATES],
        [date.replace(tzinfo=UTC) for date in DATES.astype(object).tolist()],
        [date.replace(tzinfo=timezone(timedelta(hours=2))) for date in DATES.astype(object).tolist()],
        (DATES - NOON).astype(object).tolist(),
        [*(DATES - NOON)],
        [*SECONDS],
        torch.tensor(SECONDS, requires_grad=True),
        SECONDS[None],
        DATES[None],
    ],
)
def test_times_are_dates_differences_or_seconds_one_by_one_too(times: Any) -> None:
    recording = ra.Recording(STILL, space=BOX, times=times)
    assert recording.starts.tolist() == [0]
    assert recording.dt == pytest.approx(0.02)
    lists = ra.Recording([STILL, STILL[:20]], space=BOX, times=[times, times[:20]] if len(times) > 1 else None, dt=0.02)
    assert lists.lengths.tolist() == [50, 20]


def test_dates_of_several_time_zones_are_moments() -> None:
    in_utc = [date.replace(tzinfo=UTC) for date in DATES.astype(object).tolist()]
    in_summer = [date.replace(tzinfo=timezone(timedelta(hours=2))) for date in DATES.astype(object).tolist()]
    assert ra.Recording([STILL, STILL], space=BOX, times=[in_utc, in_summer]).starts.tolist() == [7200, 0]
    changing = [*in_utc[:25], *(date.astimezone(timezone(timedelta(hours=2))) for date in in_utc[25:])]
    assert ra.Recording(STILL, space=BOX, times=changing).lengths.tolist() == [50]


@pytest.mark.parametrize("rows", [np.stack([SECONDS, 5 + SECONDS]), np.stack([DATES, DATES + np.timedelta64(5, "s")])])
def test_times_of_two_axes_have_a_row_for_each_epoch(rows: np.ndarray) -> None:
    for times in (rows, rows.tolist(), [*rows]):
        recording = ra.Recording(np.zeros((2, 50, 2)), space=BOX, times=times)
        assert recording.starts.tolist() == [0, 5]
        assert recording.dt == pytest.approx(0.02)


def test_dates_of_pandas_are_read() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
    berlin = pandas.DatetimeIndex(DATES).tz_localize("Europe/Berlin")
    frame, later = (pandas.DataFrame(STILL, index=index) for index in (berlin, berlin + pandas.Timedelta("1h")))
    assert ra.Recording([frame, later], space=BOX).starts.tolist() == [0, 3600]
    assert ra.Recording([STILL, STILL], space=BOX, times=[[*berlin], [*later.index]]).starts.tolist() == [0, 3600]
    assert ra.Recording(STILL, space=BOX, times=[*berlin.tz_localize(None)]).dt == pytest.approx(0.02)
    ra.Recording(frame, space=BOX, true_positions=frame.tz_convert("UTC"))  # the same moments
    mixed = frame.set_axis(pandas.Index([*berlin[:25], *berlin[25:].tz_convert("UTC")]))
    assert ra.Recording(mixed, space=BOX).dt == pytest.approx(0.02)
    with pytest.raises(ra.BadInput, match="other times than positions"):
        ra.Recording(frame, space=BOX, true_positions=frame.set_axis(berlin.tz_localize(None).tz_localize("UTC")))
    with pytest.raises(ra.BadInput, match="true positions have dates without a time zone"):
        ra.Recording(frame, space=BOX, true_positions=frame.tz_localize(None))
    with pytest.raises(ra.BadInput, match="times hold no date at sample 3: leave out"):
        ra.Recording(STILL, space=BOX, times=[*berlin[:3], pandas.NaT, *berlin[4:]])
    periods = pandas.period_range("2024-05-01", periods=50, freq="20ms")
    with pytest.raises(ra.BadInput, match=r"^an index begins with Period\(.*make it index\.to_timestamp\(\)"):
        ra.Recording(frame.set_axis(periods), 0.02, BOX)
    assert ra.Recording(frame.set_axis(periods.to_timestamp()), space=BOX).dt == pytest.approx(0.02)
    for names in (pandas.interval_range(0, 50), pandas.CategoricalIndex([1, 2] * 25)):  # neither times nor row numbers
        assert ra.Recording(frame.set_axis(names), 0.02, BOX).starts.tolist() == [0]


@pytest.mark.parametrize(
    "index", [np.array(DATES.astype(str), dtype=object), np.array([f"10:00:{i:02}" for i in range(50)])]
)
def test_an_index_that_tells_times_in_another_way_is_refused(index: np.ndarray) -> None:
    for given in ({"positions": Table(STILL, index)}, {"positions": STILL, "rates": Table(STILL, index)}):
        with pytest.raises(
            ra.BadInput, match=r"^an index begins with '.*', which is not read as a time: make it pandas\.to_"
        ):
            ra.Recording(**given, dt=0.02, space=BOX)


def test_rows_may_have_names() -> None:
    names = np.array([f"sample {i}" for i in range(50)], dtype=object)
    assert ra.Recording(Table(STILL, names), 0.02, BOX).starts.tolist() == [0]


ZONES = [*DATES.astype(object)[:49].tolist(), datetime(2024, 5, 1, 13, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (ZONES, "times hold dates with a time zone and dates without: give all with one, or all without"),
        (["one"] * 50, "times are neither seconds nor dates"),
        ([[0.0], [0.0, 1.0]], "times are of 2 epochs, positions of 1: give (T), (B, T), or a list of (T), one each"),
        (SECONDS[:, None], "times are of 50 epochs, positions of 1"),
        (SECONDS[:40], "times have shape (40,) where positions have 50 samples: give one for each sample"),
        (NOON, "times have shape () where"),
        (3.0, "times have shape () where"),
        (np.ma.masked_equal(SECONDS, SECONDS[7]), "times must be finite and increase; they do not at sample 7"),
        (np.ma.masked_equal(DATES, DATES[7]), "times must be finite and increase; they do not at sample 7"),
        (np.ma.masked_equal(DATES - NOON, DATES[7] - NOON), "finite and increase; they do not at sample 7"),
        (SECONDS + 1j, "times are complex"),
        ([*DATES[:9], np.datetime64("NaT"), *DATES[10:]], "finite and increase; they do not at sample 9"),
        ([np.datetime64("NaT"), *DATES[1:]], "finite and increase; they do not at sample 0"),
        (SECONDS[::-1], "finite and increase; they do not at sample 1"),
    ],
)
def test_times_that_cannot_be_meant_are_refused_in_one_line(times: Any, told: str) -> None:
    with pytest.raises(ra.BadInput, match=re.escape(told)):
        ra.Recording(STILL, 0.02, BOX, times=times)


def test_a_refused_time_is_named_with_its_epoch() -> None:
    with pytest.raises(ra.BadInput, match="they do not at sample 1 of epoch 2"):
        ra.Recording(np.zeros((3, 50, 2)), space=BOX, times=[SECONDS, SECONDS, SECONDS[::-1]])
    with pytest.raises(ra.BadInput, match=r"times have shape \(9,\) where positions have 50 samples of epoch 1"):
        ra.Recording(np.zeros((3, 50, 2)), space=BOX, times=[SECONDS, SECONDS[:9], SECONDS])


def test_one_sample_with_a_time_needs_a_time_step_beside_it() -> None:
    one = ra.Recording(Table(STILL[:1], SECONDS[5:6]), 0.02, BOX)
    assert one.starts.tolist() == [SECONDS[5]]
    with pytest.raises(ra.BadInput, match="times of single samples say no time step: give dt="):
        ra.Recording(STILL[:1], space=BOX, times=[3.0])
    with pytest.raises(ra.BadInput, match="they do not at sample 0"):
        ra.Recording(STILL[:1], 0.02, space=BOX, times=[np.nan])


GAPPED = np.delete(np.arange(60), slice(20, 30))  # 20 samples, a gap of 10, and 30 samples
BY_SECONDS, BY_DATES = 4 + GAPPED * 0.02, DATES[0] + GAPPED * np.timedelta64(20, "ms")


@pytest.mark.parametrize(("index", "zero"), [(BY_SECONDS, 4.0), (BY_DATES, 0.0), (200 + GAPPED, 4.0)])
@pytest.mark.parametrize("other", [STILL[:20], STILL[None, :20], Table(STILL[:20], np.array(["left", "right"] * 10))])
def test_an_epoch_without_times_follows_another_and_leaves_it_its_gaps(other: Any, index: np.ndarray, zero: float) -> None:
    timed = Table(STILL, index)
    recording = ra.Recording([other, timed, other, other, timed], 0.02, BOX)
    assert recording.lengths.tolist() == [20, 20, 30, 20, 20, 20, 30]
    end = zero + 1.2
    assert recording.starts == pytest.approx([0, zero, zero + 0.6, end, end + 0.4, zero, zero + 0.6])


@pytest.mark.parametrize("other", [Table(STILL[:20], np.arange(20)), Table(STILL[:1], np.array([7]))])
def test_row_numbers_that_tell_of_no_gap_go_with_times(other: Table) -> None:
    recording = ra.Recording([Table(STILL, BY_SECONDS), other], space=BOX)
    assert recording.lengths.tolist() == [20, 30, len(other)]
    assert recording.starts == pytest.approx([4.0, 4.6, 5.2])


def test_frames_that_are_numbered_from_0_follow_each_other_as_arrays_do() -> None:
    frames = [Table(STILL, np.arange(50)), Table(STILL[:20], np.arange(20)), Table(STILL[:1], np.array([0]))]
    assert ra.Recording(frames, 0.02, BOX).starts == pytest.approx([0, 1.0, 1.4])
    assert ra.Recording(Table(STILL[:1], np.array([7])), 0.02, BOX).starts.tolist() == [0]


def test_slices_of_one_table_begin_where_their_rows_do() -> None:
    slices = [Table(STILL, 300 + 3 * np.arange(50)), Table(STILL[:1], np.array([600])), Table(STILL[:20], 3 * np.arange(20))]
    assert ra.Recording(slices, 0.02, BOX).starts == pytest.approx([2.0, 4.0, 0])
    later_first = [Table(STILL, 100 + np.arange(50)), Table(STILL, np.arange(50))]
    assert ra.Recording(later_first, 0.02, BOX).starts.tolist() == [2, 0]


@pytest.mark.parametrize("rows", [[*range(25), *range(25)], [12] * 50, [*range(50, 0, -1)]])
def test_row_numbers_that_do_not_increase_are_refused_unless_there_are_times(rows: list[int]) -> None:
    sample = int((np.diff(rows) <= 0).argmax()) + 1
    frame = Table(STILL, np.array(rows))
    for positions, where in ((frame, f"sample {sample}"), ([STILL, frame], f"sample {sample} of epoch 1")):
        with pytest.raises(ra.BadInput, match=f"row numbers in the index of positions do not increase at {where}: sort"):
            ra.Recording(positions, 0.02, BOX)
        assert ra.Recording(positions, space=BOX, times=SECONDS).lengths.max() == 50


def test_row_numbers_and_times_have_no_zero_in_common() -> None:
    told = r"seconds \(epoch 0\) and row numbers \(epoch 1\): give times= of one kind"
    with pytest.raises(ra.BadInput, match=told):
        ra.Recording([Table(STILL, SECONDS), Table(STILL, 200 + GAPPED)], 0.02, BOX)


ROWS_100 = 100 + np.arange(50)
LATER = {"seconds": (SECONDS, SECONDS + 2.0), "dates": (DATES, DATES + HOUR), "rows": (ROWS_100, ROWS_100 + 2)}


@pytest.mark.parametrize("kind", LATER)
@pytest.mark.parametrize("name", ["true_positions", "rates"])
def test_what_comes_with_positions_is_of_their_times_or_rows(name: str, kind: str) -> None:
    index, later = LATER[kind]
    told = f"^{name.replace('_', ' ')} have other {'row numbers' if kind == 'rows' else 'times'} than positions at sample"
    frame, same, other = (Table(STILL, one) for one in (index, index, later))
    ra.Recording(frame, 0.02, BOX, **{name: same})
    ra.Recording([frame, STILL, frame], 0.02, BOX, **{name: [same, other, same]})
    with pytest.raises(ra.BadInput, match=f"{told} 0: take") as refused:
        ra.Recording(frame, 0.02, BOX, **{name: other})
    assert "\n" not in str(refused.value)
    late = np.where(np.arange(50) < 30, index, index + (later[0] - index[0]))
    with pytest.raises(ra.BadInput, match=f"{told} 30 of epoch 2: take"):
        ra.Recording([frame, STILL, frame], 0.02, BOX, **{name: [same, STILL, Table(STILL, late)]})


@pytest.mark.parametrize("name", ["true_positions", "rates"])
def test_rows_that_are_numbered_from_0_and_no_index_are_compared_with_nothing(name: str) -> None:
    of_all = [STILL, Table(STILL, np.arange(50)), Table(STILL, np.array(["left", "right"] * 25))]
    for positions in (*of_all, Table(STILL, SECONDS), Table(STILL, 100 + np.arange(50))):
        for beside in of_all:
            assert len(ra.Recording(positions, 0.02, BOX, **{name: beside})) == 1
    for positions in (of_all[1], Table(STILL, 100 + np.arange(50))):
        for beside in (Table(STILL, 5 + SECONDS), Table(STILL, 100 + np.arange(50))):
            assert len(ra.Recording(positions, 0.02, BOX, **{name: beside})) == 1


@pytest.mark.parametrize("name", ["true_positions", "rates"])
def test_beside_times_an_index_of_positions_counts_too(name: str) -> None:
    """Frames of one table keep its index, which may hold milliseconds or row numbers."""
    for index in (SECONDS * 1000, np.arange(50)[::-1]):
        given = {"positions": Table(STILL, index), "space": BOX, "times": SECONDS}
        for known in (index, SECONDS):
            ra.Recording(**given, **{name: Table(STILL, known)})
        with pytest.raises(ra.BadInput, match="have other"):
            ra.Recording(**given, **{name: Table(STILL, index + 1)})


def test_rates_of_the_first_epochs_are_compared_with_these() -> None:
    frames = [Table(STILL, start + SECONDS) for start in (0.0, 5.0, 9.0)]
    assert len(ra.Recording(frames, space=BOX, rates=frames[:2]).rates) == 2
    with pytest.raises(ra.BadInput, match="rates have other times than positions at sample 0 of epoch 1"):
        ra.Recording(frames, space=BOX, rates=[frames[0], frames[2]])


def test_rates_of_bins_may_have_the_times_of_their_middles() -> None:
    for start in (0.0, 12.34, 1e6):
        ra.Recording(Table(STILL, start + SECONDS), 0.02, BOX, rates=Table(STILL, start + SECONDS + 0.01))


def test_row_numbers_may_differ_by_less_than_half_a_step() -> None:
    """They may be time stamps in whole microseconds."""
    stamps = 20_000 * np.arange(1, 51)
    ra.Recording(Table(STILL, stamps), 0.02, BOX, rates=Table(STILL, stamps + 9000))
    with pytest.raises(ra.BadInput, match=r"rates have other row numbers than positions at sample 0: .*reset_index"):
        ra.Recording(Table(STILL, stamps), 0.02, BOX, rates=Table(STILL, stamps + 11_000))


@pytest.mark.skipif(not MOUSE, reason="REACTIVATION_MOUSE does not say where dataHD.mat is")
def test_the_bearings_of_a_mouse_awake() -> None:
    bearings = scipy.io.loadmat(MOUSE, squeeze_me=True)["angRun"][::20, 1]  # of 10 ms
    mouse = ra.Recording(bearings, dt=0.2, space=ra.Circle())
    late = np.arange(len(bearings)) > len(bearings) / 2
    assert 0 < ra.kl(mouse[late], mouse[~late], rng=0, samples=500).value < 0.2
    assert 0.1 < ra.step_length(mouse).value < 0.5
    assert abs(ra.transitions(mouse).value) < 0.01  # it turns either way


@pytest.mark.skipif(find_spec("ratinabox") is None, reason="ratinabox, which brings a rat's path, is not installed")
def test_the_path_of_a_rat() -> None:
    (folder,) = find_spec("ratinabox").submodule_search_locations  # type: ignore[union-attr, misc]  # it is a package
    path = np.load(Path(folder, "data/sargolini.npz"))
    rat = ra.Recording(path["pos"], times=path["t"], space=ra.Box(1, 1, centre=(0.5, 0.5)))
    assert rat.dt == pytest.approx(0.02)
    assert ra.step_length(rat).value / rat.dt == pytest.approx(0.12, abs=0.03)  # m/s
    assert ra.variance(rat).value > 0.01
