"""Explained variance, rings and turns, on activity whose answers are known."""

import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA  # type: ignore[import-untyped]  # it has no types

import reactivation as ra
from reactivation.analysis import survival
from reactivation.analysis.base import Moments, Recording, Result
from reactivation.analysis.measures import manifold, transitions
from reactivation.machine.errors import BadInput
from reactivation.storage.files import to_json
from reactivation.streams import numpy_stream
from reactivation.world.spaces import Box, Circle

BOX = Box(2.2, 2.2)


def streams(name: str) -> np.random.Generator:
    return numpy_stream(0, name)


def recording(rates: np.ndarray, positions: np.ndarray, space: Box | Circle = BOX) -> Recording:
    flat = rates.reshape(-1, rates.shape[-1]).astype(float)
    moments = Moments(flat.mean(0), np.cov(flat.T))
    return Recording(positions, 0.02, space, rates.astype(np.float32), moments, margin=np.inf)


def bearings_only(bearings: np.ndarray) -> Recording:
    return Recording(bearings, 0.02, Circle())


def plane_of_positions(rng: np.random.Generator, widths: tuple[float, float], turn: float = 0.0) -> Recording:
    """Rates of 8 units: two directions of the given widths, tilted by `turn` towards a third, and a little noise."""
    positions = rng.standard_normal((40, 50, 2)) * widths
    rates = rng.standard_normal((40, 50, 8)) * 0.1
    rates[..., 0] += positions[..., 0] * math.cos(turn)
    rates[..., 2] += positions[..., 0] * math.sin(turn)
    rates[..., 1] += positions[..., 1]
    return recording(rates + 3, positions)


def analyse(waking: Recording, resting: Recording, **settings: Any) -> Result:
    phases = {"active": waking, "quiescent": resting}
    return manifold.analyse({"run": phases}, manifold.Settings(**settings), streams)


def test_explained_variance_is_that_of_principal_component_analysis() -> None:
    phase = plane_of_positions(np.random.default_rng(0), (2, 1))
    result = analyse(phase, phase, components=2)
    oracle = PCA().fit(phase.rates.reshape(-1, 8).astype(float))
    np.testing.assert_allclose(result.details["run"]["active"], np.cumsum(oracle.explained_variance_ratio_), atol=1e-6)
    measures = result.table["run"]
    assert measures["largest_gap"] == 0
    assert measures["quiescent_share_of_active"] == pytest.approx(measures["quiescent_share"])
    assert measures["kl_plane"] == pytest.approx(0, abs=1e-9)


def test_rest_in_other_directions_is_seen_though_its_curve_is_the_same() -> None:
    rng = np.random.default_rng(0)
    waking, resting = plane_of_positions(rng, (2, 1)), plane_of_positions(rng, (2, 1), turn=math.pi / 2)
    measures = analyse(waking, resting, components=2).table["run"]
    assert measures["largest_gap"] < 0.02
    assert measures["quiescent_share"] > 0.95
    assert measures["quiescent_share_of_active"] < 0.3
    assert measures["kl_plane"] > 1


def test_rest_that_fills_less_of_the_plane_has_less_entropy_there() -> None:
    rng = np.random.default_rng(0)
    waking, resting = plane_of_positions(rng, (2, 1)), plane_of_positions(rng, (1, 0.5))
    measures = analyse(waking, resting).table["run"]
    width = 2000 ** (-1 / 3)  # of the kernel, by Scott's rule, of waking in either density
    found = measures["quiescent_entropy"] - measures["active_entropy"]
    assert found == pytest.approx(math.log((1 / 4 + width) / (1 + width)), abs=0.1)
    standard = math.log(2 * math.pi * math.e) + math.log(2) + math.log(1 + width)
    assert measures["active_entropy"] == pytest.approx(standard, abs=0.1)


def test_the_entropy_of_stretched_rest_is_that_of_its_shape() -> None:
    """Rest that is a smaller, narrower copy of waking tiles the plane as waking does; a ring does not."""
    rng = np.random.default_rng(0)
    waking, angle = plane_of_positions(rng, (2, 1)), rng.uniform(0, 2 * math.pi, (40, 50))
    ring = plane_of_positions(rng, (0, 0))
    ring.rates[..., :2] += 2 * np.stack([np.cos(angle), np.sin(angle)], -1)
    smaller, hollow = (analyse(waking, resting).table["run"] for resting in (plane_of_positions(rng, (0.2, 0.5)), ring))
    assert smaller["quiescent_entropy"] < smaller["active_entropy"] - 1
    assert smaller["quiescent_entropy_stretched"] == pytest.approx(smaller["active_entropy"], abs=0.1)
    assert hollow["quiescent_entropy_stretched"] < hollow["active_entropy"] - 0.1


def test_the_amplitude_is_that_of_the_end_of_rest() -> None:
    rng = np.random.default_rng(0)
    waking, resting = (recording(rng.standard_normal((4, 20, 8)), np.zeros((4, 20, 2))) for _ in range(2))
    resting.rates[:] *= np.linspace(1, 3, 20)[:, None]
    result = analyse(waking, resting)
    norms = {name: np.linalg.norm(phase.rates, axis=-1).mean(0) for name, phase in (("a", waking), ("q", resting))}
    assert result.table["run"]["amplitude"] == pytest.approx(norms["q"][-1] / norms["a"].mean())
    assert result.details["run"]["quiescent_norm"] == pytest.approx(norms["q"].tolist())


def test_rest_at_one_point_has_no_shares_and_no_density() -> None:
    waking = plane_of_positions(np.random.default_rng(0), (2, 1))
    still = recording(np.full((40, 50, 8), 3.0), np.zeros((40, 50, 2)))
    result = analyse(waking, still)
    unknown = {name for name, value in result.table["run"].items() if value is None}
    assert unknown == set(result.table["run"]) - {"active_share", "active_dimension", "amplitude"}
    assert json.loads(to_json(result.details))["run"]["quiescent"] == [None] * 8


def ring(bearings: np.ndarray, sense: int, rng: np.random.Generator, width: float = 0.05) -> Recording:
    rates = rng.standard_normal((*bearings.shape, 8)) * width
    rates[..., 3] += np.cos(sense * bearings + 0.7)
    rates[..., 5] += np.sin(sense * bearings + 0.7)
    return recording(rates, bearings[..., None], Circle())


@pytest.mark.parametrize("sense", [1, -1])
def test_a_ring_is_found_whichever_way_it_turns(sense: int) -> None:
    rng = np.random.default_rng(1)
    bearings = rng.uniform(-math.pi, math.pi, (40, 50))
    measures = analyse(ring(bearings, sense, rng), ring(bearings, sense, rng)).table["run"]
    assert measures["quiescent_ring_order"] > 0.99
    assert measures["quiescent_ring_hole"] > 0.8
    backwards = analyse(ring(bearings, sense, rng), ring(bearings, -sense, rng)).table["run"]
    assert backwards["quiescent_ring_order"] < 0.2
    filled = analyse(ring(bearings, sense, rng), ring(bearings, sense, rng, width=2)).table["run"]
    assert filled["quiescent_ring_hole"] < 0.5


def turning(step: float, steps: int = 101) -> np.ndarray:
    """(3, steps, 1): bearings that turn by `step` at every step, across the seam."""
    return Circle().wrap(np.arange(3)[:, None, None] + step * np.arange(steps)[:, None])


def test_turns_are_wrapped_counted_and_timed() -> None:
    phases = {"active": bearings_only(turning(0.2)), "quiescent": bearings_only(turning(-0.05))}
    result = transitions.analyse({"run": phases}, transitions.Settings(dwell_arc=0.54), streams)
    waking, resting = result.table["run"]["active"], result.table["run"]["quiescent"]
    assert waking["mean_turn"] == pytest.approx(0.2)
    assert resting["mean_absolute_turn"] == pytest.approx(0.05)
    assert (waking["reversals"], resting["reversals"]) == (0, 1)
    assert (waking["lasting_reversals"], resting["lasting_reversals"]) == (0, 1)
    assert (waking["dwell"], resting["dwell"]) == (3, 11)
    assert sum(result.details["run"]["active"]["bearings"]["shares"]) == pytest.approx(1)
    histogram = result.details["run"]["active"]["turns"]
    edges, shares = np.array(histogram["edges"]), np.array(histogram["shares"])
    assert shares.sum() == pytest.approx(1)
    assert edges[shares.argmax()] < 0.2 < edges[shares.argmax() + 1]


def test_the_median_of_times_that_are_cut_off() -> None:
    rng = np.random.default_rng(0)
    times = rng.exponential(100, 40_000).astype(int) + 1
    ends = rng.integers(60, 200, len(times))  # more than a third are cut off, some before the median
    found = survival.median_survival(np.minimum(times, ends), times <= ends)
    assert found == pytest.approx(np.median(times), abs=4 * 100 / math.sqrt(len(times)) + 1)
    assert np.median(np.minimum(times, ends)) < found - 3, "what a plain median would say"
    assert survival.median_survival(np.array([3, 5, 5, 9]), np.array([True, True, True, True])) == 5
    assert survival.median_survival(np.array([3, 5, 9]), np.array([False, True, False])) == 5
    assert survival.median_survival(np.array([3, 5, 9]), np.array([True, False, False])) == 9


@pytest.mark.parametrize("count", [24, 28, 30, 102])
def test_half_of_the_times_are_half_but_for_rounding(count: int) -> None:
    """The product of shares 23/24 · 22/23 · … is a digit above ½ after twelve of 24 times."""
    assert survival.median_survival(np.arange(1, count + 1), np.ones(count, dtype=bool)) == count // 2


def test_a_bearing_that_never_moves_is_kept_to_the_end() -> None:
    still = {"quiescent": bearings_only(np.zeros((3, 21, 1)))}
    measures = transitions.analyse({"run": still}, transitions.Settings(), streams).table["run"]["quiescent"]
    assert (measures["dwell"], measures["dwell_cut_off"]) == (20, 1)  # from step 0 to the last
    assert measures["reversals"] == 0


def test_jitter_about_one_bearing_is_no_lasting_reversal() -> None:
    jitter = 0.05 * (np.arange(101) % 2)[None, :, None]
    drifting = jitter - 0.02 * np.arange(101)[None, :, None]
    found = [
        transitions.analyse({"run": {"quiescent": bearings_only(Circle().wrap(positions))}}, settings, streams)
        .table["run"]["quiescent"]
        for positions, settings in (
            (jitter, transitions.Settings()),
            (drifting, transitions.Settings()),
            (drifting, transitions.Settings(window=12)),
            (drifting, transitions.Settings(window=200)),
        )
    ]  # fmt: skip
    assert [measures["lasting_reversals"] for measures in found] == [0, 1, 0, None]
    assert found[0]["reversals"] == pytest.approx(0.5)


def test_every_window_is_looked_at_for_a_lasting_reversal() -> None:
    """Of 30 samples, 5 windows of 25 steps; only the first one has the turn back, of exactly half the arc."""
    bearings = np.where(np.arange(30) < 1, 0.3, 0.3 - math.pi / 12)
    assert ra.transitions(bearings, Circle()).lasting_reversals == 1 / 5
    assert ra.transitions(np.full(26, 0.3), Circle()).lasting_reversals == 0
    assert ra.transitions(np.full(25, 0.3), Circle()).lasting_reversals is None


def test_bins_show_no_structure_where_bearings_of_a_grid_have_none() -> None:
    """There are 512 preferred angles, of which most numbers of bins would put two into some bins and three into others."""
    grid = -math.pi + 2 * math.pi * np.arange(512) / 512
    steps = np.concatenate([[0], np.random.default_rng(0).permutation(np.arange(-30, 31)).cumsum()])  # each turn once
    positions = grid[(np.arange(512)[:, None] + steps) % 512][..., None].astype(np.float32).astype(float)
    phases = {phase: bearings_only(positions) for phase in ("active", "quiescent")}
    details = transitions.analyse({"run": phases}, transitions.Settings(), streams).details["run"]["active"]
    shares = {kind: np.array(found["shares"]) for kind, found in details.items()}
    turns = 61 * shares["turns"]
    assert turns[turns > 0] == pytest.approx([2, *[3] * 19, 2])
    assert np.ptp(shares["bearings"]) < 1e-9


@pytest.mark.parametrize("given", [{"window": 0}, {"window": -3}, {"dwell_arc": 0.0}, {"dwell_arc": -1.0}])
def test_transitions_within_no_time_or_arc_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(given))):
        transitions.transitions(np.zeros((2, 60)), Circle(), **given)


def test_transitions_of_a_box_are_refused() -> None:
    phases = {"active": Recording(np.zeros((2, 5, 2)), 0.02, BOX)}
    with pytest.raises(BadInput, match="need bearings"):
        transitions.analyse({"run": phases}, transitions.Settings(), streams)


def test_no_more_components_are_told_than_there_are_units() -> None:
    rates = np.random.default_rng(0).normal(0, 1, (2, 30, 3))
    recording = Recording(np.zeros((2, 30, 2)), dt=0.02, space=Box(1, 1), rates=rates)
    found = [manifold.explained_variance(recording, components=count) for count in (2, 3, 10)]
    assert [one.components for one in found] == [2, 3, 3]
    assert found[1].value == found[2].value == pytest.approx(1)
