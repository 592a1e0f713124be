"""All measures of replay in one call: a measure without an answer gives the reason, and does not affect the others."""

import doctest
import math
import re
from typing import Any

from factories import ROOT, examples_of
import numpy as np
import pytest
from test_replay import BOX, CIRCLE, PLANE, Array, walk

import reactivation as ra
from reactivation.replay.table import _NAMED, ALONE
from reactivation.world.spaces import Axis, Space, Wall


class Cube(Space):
    """A user's own space, in three dimensions."""

    axes = (Axis("x", 0.0, 1.0), Axis("y", 0.0, 1.0), Axis("z", 0.0, 1.0))
    volume = 1.0

    def wall(self, points: Array) -> Wall:
        """The distance to the nearest of six walls, without its direction."""
        return Wall(np.minimum(points, 1 - points).min(-1), np.zeros_like(points))

    def from_unit(self, unit: Array) -> Array:
        """Uniform numbers are positions already."""
        return unit


class TestTable:
    """All in one call."""

    def test_every_measure_takes_every_space_and_epochs_of_any_length(self) -> None:
        rng = np.random.default_rng(0)
        lengths = (60, 90, 45, 70, 50)  # half of the longest at least, or continuity counts too few
        rates = [rng.normal(size=(length, 12)) for length in lengths]
        cube = [0.5 + 0.3 * np.sin(0.1 * rng.normal(size=(length, 3)).cumsum(0)) for length in lengths]
        bearings = [np.angle(np.exp(0.2j * rng.normal(size=length).cumsum())) for length in lengths]
        named = {
            "cube": ra.Recording(cube, 0.02, Cube(), rates, margin=1.0),
            "circle": ra.Recording(bearings, 0.02, CIRCLE, rates),
        }
        measures = tuple(name for name in ra.replay.MEASURES if name != "kl")  # densities have tests of their own
        found = ra.replay.table(named, named, measures=measures)
        assert set(found.reasons) == {"area_rate"}
        assert found.reasons["area_rate"].keys() == {"cube"}
        assert str(found).count("\n") == len(measures)

    def test_no_lag_goes_across_a_gap(self) -> None:
        """Two motionless stretches lie far apart, so every distance is 0 unless its lag crosses the gap."""
        xy = np.zeros((100, 2))
        xy[50:] = 0.9
        awake = np.ones(100, dtype=bool)
        awake[48:52] = False
        halves = ra.Recording(xy + np.random.default_rng(0).normal(0, 1e-6, xy.shape), 0.02, BOX)[awake]
        assert ra.replay.exponent(halves, lags=(1, 2, 8)).curve.max() < 1e-4
        assert ra.replay.diffusion(halves).curve.max() < 1e-8
        assert ra.replay.jumps(halves).value < 0.01
        assert ra.replay.detour(halves, samples=10).value > 5

    def test_what_cannot_be_measured_says_why(self) -> None:
        short = ra.Recording(walk(0.02, (3, 6, 2)), 0.02, PLANE)
        found = ra.replay.table(short, measures=("exponent", "compression", "detour"))
        assert "at least 9 samples" in found.reasons["exponent"]["recording"]
        assert "give waking=" in found.reasons["compression"]["recording"]
        assert "–" in str(found)
        with pytest.raises(ra.BadInput, match="no such measure: exponnent"):
            ra.replay.table(short, measures=("exponnent",))

    def test_an_animal_without_rates_or_movement_has_reasons_beside_a_network_with_both(self) -> None:
        rates = np.random.default_rng(0).normal(size=(3, 60, 5))
        named = {
            "network": ra.Recording(walk(0.005, (3, 60, 2)), 0.02, BOX, rates),
            "animal": ra.Recording(walk(0.005, (3, 60, 2)), 0.02, BOX),
            "still": ra.Recording(np.zeros((3, 60, 2)), 0.02, BOX),
        }
        found = ra.replay.table(named, named["network"], measures=("line_fit", "weighted_correlation", "states"))
        assert all("rates" in found.reasons[name]["animal"] for name in ("line_fit", "weighted_correlation"))
        assert "does anything move" in found.reasons["states"]["still"]

    def test_no_value_is_beyond_a_null_that_has_none(self) -> None:
        """A jump from corner to corner: in shuffled time, distances exceed those of any Brownian motion: no null of D."""
        corners = np.where(np.arange(200) // 100, -0.9, 0.9)[None, :, None] * np.ones((20, 1, 2))
        recording = ra.Recording(corners + walk(1e-4, (20, 200, 2)) / 100, 0.02, BOX)
        found = ra.replay.table(recording, measures="diffusion")
        diffusion = found.found["diffusion"]["recording"]
        assert math.isfinite(diffusion.value)
        assert math.isnan(diffusion.null.low)
        assert "*" not in str(found)

    def test_one_measure_that_fails_leaves_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(*_: object, **__: object) -> None:
            raise MemoryError("too large")

        monkeypatch.setitem(_NAMED, "dwell", failing)
        recording = ra.Recording(walk(0.02, (20, 60, 2)), 0.02, PLANE)
        with pytest.warns(RuntimeWarning, match="dwell failed"):
            found = ra.replay.table(recording, recording, measures=("dwell", "jumps"))
        assert found.reasons["dwell"]["recording"] == "dwell failed: MemoryError: too large"
        assert math.isfinite(found.found["jumps"]["recording"].value)
        assert "failed" in str(found).splitlines()[1]

    def test_cells_that_no_memory_holds_are_refused_before_they_are_made(self) -> None:
        rates = np.random.default_rng(0).normal(size=(20, 60, 5))
        wide = ra.Recording(walk(0.02, (20, 60, 2)), 0.02, ra.Box(200, 200), rates)
        found = ra.replay.table(wide, wide, measures=("line_fit", "weighted_correlation"))
        assert found.found["weighted_correlation"]["recording"].value > 0  # needs the cells alone that waking was in
        assert re.search(r"at least [\d.e+]+ GiB are needed .* a larger width=", found.reasons["line_fit"]["recording"])
        with pytest.raises(ra.BadInput, match="a larger width="):
            ra.replay.coverage(wide, width=1e-6)

    def test_one_name_is_one_measure_and_nothing_is_refused(self) -> None:
        recording = ra.Recording(walk(0.02, (20, 60, 2)), 0.02, PLANE)
        assert ra.replay.table(recording, measures="jumps").found.keys() == {"jumps"}
        wrong: tuple[dict[str, Any], ...] = ({"measures": ()}, {"rng": "x"}, {"measures": "jump"})
        for given in wrong:
            with pytest.raises(ra.BadInput, match=r"needs at least|rng='x'|no such measure: jump; "):
                ra.replay.table(recording, **given)
        with pytest.raises(ra.BadInput, match="at least one recording"):
            ra.replay.table({})

    @pytest.mark.parametrize("name", [name for name in ra.replay.MEASURES if name != "kl"])
    def test_what_is_no_seed_is_refused(self, name: str) -> None:
        rates = np.random.default_rng(0).normal(size=(20, 60, 5))
        recording = ra.Recording(walk(0.02, (20, 60, 2)), 0.02, BOX, rates, margin=9)
        beside = () if name in {one.__name__ for one in ALONE} else (recording,)
        with pytest.raises(ra.BadInput, match=rf"^{name}: rng='x' must be a whole number"):
            getattr(ra.replay, name)(recording, *beside, rng="x")

    def test_the_same_seed_gives_the_same_numbers(self) -> None:
        recording = ra.Recording(walk(0.02, (20, 60, 2)), 0.02, PLANE)
        both = [ra.replay.table(recording, measures=("exponent", "jumps"), rng=3).found for _ in range(2)]
        assert both[0]["exponent"]["recording"].standard_error == both[1]["exponent"]["recording"].standard_error


def test_an_interval_over_epochs_holds_the_truth_as_often_as_it_says() -> None:
    """Of 20 recordings, the true exponent lies within two standard errors in about 19."""
    hits = 0
    for seed in range(20):
        found = ra.replay.exponent(walk(0.02, (30, 40, 2), seed), PLANE, rng=seed)
        assert found.standard_error is not None
        hits += abs(found.value - 0.5) < 2 * found.standard_error
    assert hits >= 16


@pytest.mark.slow
def test_the_page_of_measures_shows_what_is_printed() -> None:
    assert examples_of("docs/replay.md") > 4
    page = (ROOT / "docs/replay.md").read_text()
    unnamed = [name for name in ra.replay.MEASURES if f"`{name}`" not in page and name != "kl"]
    assert not unnamed


@pytest.mark.parametrize("name", ra.replay.__all__)
def test_every_example_gives_what_it_shows(name: str) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(recurse=True).find(getattr(ra.replay, name), name, globs={"ra": ra}):
        runner.run(test)
    assert runner.failures == 0


def test_names_of_recordings_that_are_numbers_are_printed() -> None:
    recordings: Any = {7: ra.Recording(np.zeros((50, 2)), 0.1, ra.Box(1, 1))}
    assert str(ra.replay.table(recordings, measures=["coverage"], rng=0)).split("\n")[0].strip() == "7"
