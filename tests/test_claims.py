"""Every claim's number, from results in which all entries differ, against values worked out by hand; missing results."""

from dataclasses import asdict
import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from paper.claims import CLAIMS
from paper.claims.ablations import effects
from paper.claims.verdicts import NOT_ASKED, TRAINING, UNDECIDED, Claim, can_be_asked, judge, judge_all, ratio, results_of
from paper.documents import committed
from paper.protocols import AUTHORS_CODE, GATED, NOT_DOUBLED, PROTOCOLS, UNIFORM_NOISE, Condition
from paper.study import Study, growth, longest_wait
from paper.tables import NOT_RUN, any_measured, crossings_table, released_verdicts, tally, with_its_mean
from reactivation.analysis.measures import transitions
from reactivation.analysis.recording import Recording
from reactivation.storage.files import to_json
from reactivation.world.spaces import Circle

U, B, QUIET_U, QUIET_B = "noisy_unbiased", "noisy_biased", "no-noise_unbiased", "no-noise_biased"
U_GRU, B_GRU = f"{U}_gru", f"{B}_gru"


def divergences(unbiased: str, biased: str, times: float) -> dict[str, dict[str, float]]:
    """Resting row → waking column."""
    rows = {unbiased: (1.0, 20.0), biased: (3.0, 0.5), "random": (5.0, 70.0), "uniform": (0.25, 11.0)}
    return {row: {unbiased: times * first, biased: times * second} for row, (first, second) in rows.items()}


def kl_result(unbiased: str, biased: str, times: float, entropies: tuple[float, float]) -> dict[str, Any]:
    """The content of the two files of a protocol."""
    table, (rest, awake) = divergences(unbiased, biased, times), entropies
    pairs = {
        row: {column: {"kl": kl, "matched_bandwidth": {"kl": kl / 10, "entropy": rest}} for column, kl in cells.items()}
        for row, cells in table.items()
    }
    for pair in pairs["uniform"].values():
        del pair["matched_bandwidth"]  # it has no kernel
    return {"table": table, "details": {"entropy_awake": {unbiased: awake}, "pairs": pairs}}


def manifold(*values: float) -> dict[str, float]:
    names = (
        "active_share",
        "quiescent_share",
        "largest_gap",
        "quiescent_share_of_active",
        "kl_plane",
        "active_entropy",
        "quiescent_entropy",
        "quiescent_entropy_stretched",
    )
    return dict(zip(names, values, strict=True))


def steps(*values: float) -> dict[str, list[float]]:
    """Mean steps of two trajectories in each phase."""
    return {
        phase: [value - 1, value + 1]
        for phase, value in zip(("active", "quiescent", "quiescent_noisy"), values, strict=True)
    }


def turning(mean: float, dwell: float, reversals: float, lasting: float) -> dict[str, float]:
    return {"mean_turn": mean, "dwell": dwell, "reversals": reversals, "lasting_reversals": lasting}


def at_last(unbiased: float, biased: float) -> dict[str, Any]:
    """Norms at rest with a given end."""
    return {"details": {run: {"quiescent_norm": [99.0, last]} for run, last in ((U, unbiased), (B, biased))}}


KL = kl_result(U, B, 1, (1.1, 1.5))
KL["table"][QUIET_U] = {QUIET_U: 0.125}
KL["table"][QUIET_B] = {QUIET_B: 0.375}
RESULTS: dict[str, Any] = {
    TRAINING: {f"spatial_navigation/{U}": 0.0625, f"spatial_navigation/{U}_gru": 0.09, f"head_direction/{U}": 0.2},
    "manifold": {"table": {U: manifold(0.8, 0.5, 0.07, 0.4, 0.21, 3.5, 3.1, 3.25)}},
    "manifold_gain1": {"table": {U: manifold(0.81, 0.6, 0.08, 0.3, 0.22, 3.5, 3.2, 3.375)}},
    "manifold_long": {
        "table": {U: {"amplitude": 0.25}, B: {"amplitude": 8.0}},
        "details": {U: {"active_norm": [3.0, 5.0]}, B: {"active_norm": [7.0, 9.0]}},
    },
    "manifold_head_long": {
        "table": {U: {"amplitude": 0.5}, B: {"amplitude": 1024.0}},
        "details": {U: {"active_norm": [1.0, 3.0]}, B: {"active_norm": [15.0, 17.0]}},
    },
    "manifold_long_uniform": at_last(8.0, 2.0),
    "manifold_long_twelfth": at_last(1.0, 4.0),
    "manifold_long_pushed": at_last(16.0, 0.25),
    "manifold_head_long_uniform": at_last(1.0, 64.0),
    "manifold_head_long_twelfth": at_last(0.0, 32.0),
    "manifold_head_long_pushed": at_last(2.0, 16.0),
    "manifold_gru": {"table": {U_GRU: manifold(0.82, 0.7, 0.09, 0.63, 0.23, 3.5, 3.7, 3.625)}},
    "kl": KL,
    "kl_gain1": kl_result(U, B, 2, (1.2, 1.5)),
    "kl_gru": kl_result(U_GRU, B_GRU, 3, (1.3, 1.5)),
    "kl_gru_gain2": kl_result(U_GRU, B_GRU, 8, (1.4, 1.5)),
    "kl_head": {"table": {U: {U: 0.01, B: 9.0}, B: {U: 8.0, B: 0.02}}},
    "variance": {"table": {U: 4.0, B: 5.0, QUIET_U: 1.0, QUIET_B: 0.5}},
    "variance_gain1": {"table": {U: 2.0, B: 2.5}},
    "distance_gain1": {
        "table": {U: steps(10, 4, 6), B: steps(20, 16, 7), QUIET_U: steps(8, 9, 44), QUIET_B: steps(8, 9, 80)}
    },
    "distance_gru": {"table": {U_GRU: steps(10, 3, 6), B_GRU: steps(20, 8, 7)}},
    "distance": {"table": {U: steps(10, 5, 6), B: steps(20, 30, 7), QUIET_U: steps(8, 9, 50), QUIET_B: steps(8, 9, 90)}},
    "distance_late": {"table": {U: steps(10, 25, 6), B: steps(20, 10, 7)}},
    "distance_uniform": {"table": {QUIET_U: steps(8, 9, 40), QUIET_B: steps(8, 9, 60)}},
    "distance_twelfth": {"table": {QUIET_U: steps(8, 9, 10), QUIET_B: steps(8, 9, 45)}},
    "manifold_head": {"table": {U: {"kl_plane": 0.24, "quiescent_ring_order": 0.97, "quiescent_ring_hole": 0.6}}},
    "transitions": {
        "table": {
            U: {"active": turning(0.5, 4, 0.41, 0.31), "quiescent": turning(-0.03, 100, 0.42, 0.32)},
            B: {"active": turning(0.8, 6, 0.01, 0.0), "quiescent": turning(0.2, 9, 0.15, 0.03)},
        }
    },
}
OF_DIVERGENCES = {
    "uniform": 1 - 0.25,
    "unbiased": 1.0,
    "biased": 0.5,
    "crossed_to_unbiased": 3 - 1,
    "crossed_to_biased": 20 - 0.5,
    "random_to_unbiased": 5 - 1,
    "random_to_biased": 70 - 0.5,
}
EXPECTED = {
    "learned": 0.0625,
    "learned_gru": 0.09,
    "learned_head": 0.2,
    "low_dimensional_awake": 0.8,
    "low_dimensional_awake_gru": 0.82,
    "low_dimensional_rest": 0.5,
    "low_dimensional_rest_gain1": 0.6,
    "low_dimensional_rest_gru": 0.7,
    "overlapping": 0.07,
    "overlapping_gain1": 0.08,
    "overlapping_gru": 0.09,
    "same_subspace": 0.4 / 0.5,
    "same_subspace_gain1": 0.3 / 0.6,
    "same_subspace_gru": 0.63 / 0.7,
    "same_plane": 0.21,
    "same_plane_gain1": 0.22,
    "same_plane_gru": 0.23,
    "tiling": 1.1 - 1.5,
    "tiling_gain1": 1.2 - 1.5,
    "tiling_gru": 1.3 - 1.5,
    "tiling_activity": 3.25 - 3.5,
    "tiling_activity_gain1": 3.375 - 3.5,
    "tiling_activity_gru": 3.625 - 3.5,
    "less_activity": 3.1 - 3.5,
    "less_activity_gain1": 3.2 - 3.5,
    "less_activity_gru": 3.7 - 3.5,
    "amplitude_unbiased": -2,
    "amplitude_biased": 3,
    "amplitude_head_unbiased": -1,
    "amplitude_head_biased": 10,
    "uniform_amplitude_unbiased": 1,
    "uniform_amplitude_biased": -2,
    "uniform_amplitude_head_unbiased": -1,
    "uniform_amplitude_head_biased": 2,
    "unpushed_amplitude_unbiased": -3,
    "unpushed_amplitude_biased": 1,
    "unpushed_amplitude_head_unbiased": -math.inf,
    "unpushed_amplitude_head_biased": -1,
    "pushed_amplitude_unbiased": 1,
    "pushed_amplitude_biased": -3,
    "pushed_amplitude_head_unbiased": 1,
    "pushed_amplitude_head_biased": -2,
    "smooth_later_unbiased": 25 / 10,
    "smooth_later_biased": 10 / 20,
    "sensitive_unbiased": (8 - 3) - (1 - 2),
    "sensitive_biased": (4 - 1.5) - (0.5 - 1),
    **OF_DIVERGENCES,
    **{f"{key}_gain1": 2 * value for key, value in OF_DIVERGENCES.items()},
    **{f"{key}_gru": 3 * value for key, value in OF_DIVERGENCES.items()},
    "noiseless_match_unbiased": 0.125,
    "noiseless_match_biased": 0.375,
    "noiseless_explore_less_unbiased": 1 / 4,
    "noiseless_explore_less_biased": 0.5 / 5,
    "noiseless_explore_less_unbiased_gain1": 1 / 2,
    "noiseless_explore_less_biased_gain1": 0.5 / 2.5,
    "smooth_unbiased": 5 / 10,
    "smooth_biased": 30 / 20,
    "smooth_unbiased_gain1": 4 / 10,
    "smooth_biased_gain1": 16 / 20,
    "smooth_unbiased_gru": 3 / 10,
    "smooth_biased_gru": 8 / 20,
    "erratic_unbiased_gain1": 44 / 4,
    "erratic_biased_gain1": 80 / 16,
    "erratic_unbiased": 50 / 5,
    "erratic_biased": 90 / 30,
    "erratic_uniform_unbiased": 40 / 5,
    "erratic_uniform_biased": 60 / 30,
    "push_unbiased": 10 / 40,
    "push_biased": 45 / 60,
    "head_unbiased": 0.01,
    "head_biased": 0.02,
    "dwell_unbiased": 100 / 4,
    "dwell_biased": 9 / 6,
    "head_plane": 0.24,
    "ring_order": 0.97,
    "ring_hole": 0.6,
    "turning_kept": 0.2 / 0.8,
    "turning_from_training": 0.03 / 0.2,
    "reversals": 0.15,
    "lasting_reversals": 0.03,
}


def test_every_claim_has_an_expected_number() -> None:
    assert {claim.key for claim in CLAIMS} == set(EXPECTED)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_the_number_of_a_claim(claim: Claim) -> None:
    only = {name: RESULTS[name] for name in claim.protocols}  # a claim names all that it reads
    assert claim.value(only) == pytest.approx(EXPECTED[claim.key])


@pytest.mark.parametrize("condition", [NOT_DOUBLED, GATED])
def test_claims_about_a_condition_say_so_and_read_its_protocols(condition: Condition) -> None:
    claims = [claim for claim in CLAIMS if claim.key.endswith(f"_{condition.name}") and TRAINING not in claim.protocols]
    assert len(claims) > 15
    for claim in claims:
        assert claim.sentence.endswith(f"{condition.words}.")
        assert claim.figure == condition.figure
        assert claim.protocols[-1] in {key for key, protocol in PROTOCOLS.items() if protocol.condition is condition}


@pytest.mark.parametrize(
    ("protocol", "text", "code"),
    [
        ("distance_uniform", ("uniform", None), ("uniform", 2.0)),
        ("distance_twelfth", ("run", 2 / 12), ("gaussian", 2 / 12)),
        ("kl_gain1", ("run", 1.0), ("uniform", 1.0)),
        ("kl_gru", ("run", None), ("uniform", 2.0)),  # as in the released notebooks
        ("kl_gru_gain2", ("run", 2.0), ("uniform", 2.0)),
        ("manifold_long_twelfth", ("gaussian", 2 / 12), ("gaussian", 2 / 12)),
    ],
)
def test_the_noise_that_a_protocol_names_is_that_of_networks_of_the_released_code_too(
    protocol: str, text: tuple[str, float | None], code: tuple[str, float | None]
) -> None:
    """Their preset changes distribution and gain where neither is given."""
    for preset, expected in ((None, text), (AUTHORS_CODE, code)):
        settings = Study((0,), preset).settings(PROTOCOLS[protocol], 0)
        assert (settings.noise_kind, settings.variance_gain) == expected


# Of networks of the released code, whose noise is uniform and doubled in every rest.
ONE_REST = {
    *(f"uniform_amplitude_{which}" for which in ("unbiased", "biased", "head_unbiased", "head_biased")),
    *(f"{key}_{bias}" for key in ("erratic_uniform", "sensitive") for bias in ("unbiased", "biased")),
}


def test_a_claim_that_compares_what_a_preset_makes_one_rest_cannot_be_asked(tmp_path: Path) -> None:
    text = Study((0,), path=str(tmp_path), fallback=False)
    assert all(can_be_asked(claim, text) for claim in CLAIMS)
    assert {claim.key for claim in CLAIMS if not can_be_asked(claim, text.of_released_code)} == ONE_REST
    verdicts = released_verdicts(text)
    told = {claim.key: with_its_mean(claim, verdicts[claim.key]) for claim in CLAIMS}
    assert {key for key, words in told.items() if words != NOT_RUN} == ONE_REST, "whether they are measured or not"
    assert told["sensitive_biased"] == f"{NOT_ASKED}: noise is doubled in both rests of GRUs"
    assert told["erratic_uniform_biased"].endswith(
        "same number as “Noise put into networks trained without it makes rest erratic (biased)”"
    )
    assert (
        tally(verdicts) == f"51 claims of the paper: {NOT_ASKED} 2, {NOT_RUN} 49; 47 of ours: {NOT_ASKED} 6, {NOT_RUN} 41."
    )
    assert not any_measured(verdicts)


def test_a_claim_compares_protocols_that_it_reads_and_names_a_claim_that_there_is() -> None:
    by_key = {claim.key: claim for claim in CLAIMS}
    compared = {claim: claim.compared for claim in CLAIMS if claim.compared}
    assert {claim.key for claim in compared} == ONE_REST
    assert all({pair.one, pair.other} <= set(claim.protocols) for claim, pair in compared.items())
    assert {pair.same_as for pair in compared.values()} <= {"", *by_key}


@pytest.mark.artifact
def test_where_two_rests_are_one_the_other_claim_has_the_same_number() -> None:
    by_key, study = {claim.key: claim for claim in CLAIMS}, committed().of_released_code
    twins = [(claim, by_key[claim.compared.same_as]) for claim in CLAIMS if claim.compared and claim.compared.same_as]
    assert len(twins) == 6
    for pair in twins:
        one, other = (claim.value(results_of(claim.protocols, study, 0)) for claim in pair)
        assert one == pytest.approx(other), pair[0].key


@pytest.mark.parametrize(("dwell", "is_at_limit"), [(498, False), (499, True)])
def test_a_bearing_kept_to_the_end_of_rest_is_at_the_limit_of_the_measure(dwell: int, is_at_limit: bool) -> None:
    """The longest time that could be seen, and not an interval without width, tells it."""
    (claim,) = (claim for claim in CLAIMS if claim.key == "dwell_unbiased")
    kept = {U: {"active": turning(0, 7, 0, 0), "quiescent": turning(0, dwell, 0, 0)}}
    settings = {"t_quiescent": 600, "t_shift": 100}
    known = Known(transitions={"table": kept, "details": {"settings": settings}})
    verdict = judge_all([claim], cast(Study, known))[claim.key]
    assert verdict
    assert verdict.values == (dwell / 7,)
    assert verdict.at_limit == ((7,) if is_at_limit else ())
    assert ("(at the upper limit: seed 7)" in with_its_mean(claim, verdict)) == is_at_limit
    assert ("at_limit" in verdict.plain()) == is_at_limit
    undecided = judge(claim, {7: dwell / 7, 8: 1.0, 9: 1.0})._replace(at_limit=verdict.at_limit)
    assert undecided.verdict == UNDECIDED
    assert ("would decide cannot be told" in with_its_mean(claim, undecided)) == is_at_limit


def test_a_bearing_that_never_moves_is_kept_for_the_longest_time_that_could_be_seen() -> None:
    still = {"run": {"quiescent": Recording(np.zeros((3, 20, 1)), 0.02, Circle())}}
    settings = transitions.Settings(t_quiescent=30, t_shift=10)
    found = transitions.analyse(still, settings, lambda _: np.random.default_rng(0))
    assert found.table["run"]["quiescent"]["dwell"] == longest_wait({"details": {"settings": asdict(settings)}})


def test_a_ratio_to_nothing_is_infinite() -> None:
    assert ratio(3, of=2) == 1.5
    assert ratio(3, of=0) == math.inf


@pytest.mark.parametrize(
    ("norms", "expected"), [([9.0, 8.0, 2.0, 3.0], 1.5), ([9.0, 5.0, 4.0], 0.8), ([1.0, 0.0, 0.0], None)]
)
def test_growth_is_the_end_of_rest_over_its_half(norms: list[float], expected: float | None) -> None:
    found = growth({"details": {U: {"quiescent_norm": norms}}}, U)
    assert math.isnan(found) if expected is None else found == expected


def test_what_has_no_number_is_null_in_the_verdicts() -> None:
    (claim,) = (claim for claim in CLAIMS if claim.key == "biased")
    degenerate = {"kl": {"table": {B: {B: None}}}}
    (tiling,) = (claim for claim in CLAIMS if claim.key == "tiling")
    stuck = {"kl": {"details": {"pairs": {U: {U: None}}, "entropy_awake": {U: None}}}}
    assert math.isnan(tiling.value(stuck))
    verdict = judge(claim, {0: claim.value(degenerate), 3: 0.2})
    written = json.loads(to_json(verdict.plain()))
    assert (written["seeds"], written["values"]) == ([0, 3], [None, 0.2])
    assert (written["interval"], written["mean"]) == ([None, None], None)
    assert math.isnan(verdict.mean)


class Known:
    """A study of one seed, with what claims need of it."""

    preset = None
    seeds = (7,)

    def __init__(self, **changed: Any):
        self.results = {name: result for name, result in RESULTS.items() if name != TRAINING} | changed
        errors = RESULTS[TRAINING] | {f"spatial_navigation/{UNIFORM_NOISE[0]}": 0.5}
        self.decoding_errors = {run: {7: error} for run, error in errors.items()}

    def seeds_of(self, *names: str) -> tuple[int, ...]:
        return (7,) if set(names) <= set(self.results) else ()

    def result(self, name: str, seed: int) -> dict[str, Any]:
        assert seed == 7
        return {"details": {}} | self.results[name]


def found_effects(**changed: Any) -> dict[tuple[str, str], tuple[Any, Any]]:
    known = cast(Study, Known(**changed))  # all that claims ask of one
    return {(effect.ablation.name, effect.claim.key): (effect.default, effect.changed) for effect in effects(known)}


def test_a_switch_of_the_analysis_changes_the_claims_over_its_protocol() -> None:
    clipped = KL | {"table": KL["table"] | divergences(U, B, 4)}
    found = found_effects(kl_clip=clipped)
    assert found["clip=1e7", "uniform"] == ((1 - 0.25,), (4 * (1 - 0.25),))
    assert found["clip=1e7", "noiseless_match_biased"] == ((0.375,), (0.375,))
    assert found["uniform_baseline=marginal", "uniform"] == ((), ()), "not measured"


def test_networks_trained_with_a_switch_changed_stand_in_for_those_without() -> None:
    u, b = UNIFORM_NOISE
    found = found_effects(
        kl_trained_uniform=kl_result(u, b, 5, (0.2, 0.9)),
        variance_trained_uniform={"table": {u: 8.0, b: 2.0}},
        distance_trained_uniform={"table": {u: steps(10, 20, 6), b: steps(20, 50, 7)}},
    )
    of = {claim: numbers for (switch, claim), numbers in found.items() if switch == "rnn.noise=uniform (in training too)"}
    assert of["crossed_to_biased"] == ((20 - 0.5,), (5 * (20 - 0.5),))
    assert of["noiseless_explore_less_unbiased"] == ((1 / 4,), (1 / 8,)), "noiseless networks are the same"
    assert of["tiling"] == ((1.1 - 1.5,), (0.2 - 0.9,))
    assert of["smooth_biased"] == ((1.5,), (2.5,))
    assert of["learned"] == ((0.0625,), (0.5,))
    assert of["overlapping"] == ((), ()), "not measured"


def test_the_released_noise_is_put_into_noiseless_networks_alone() -> None:
    assert found_effects()["noise_kind=uniform (put into noiseless networks)", "erratic_biased"] == (
        (90 / 30,),
        (60 / 30,),
    )


def test_divergences_at_matched_bandwidth() -> None:
    found = found_effects()
    assert found["matched bandwidth", "uniform"] == ((0.75,), (pytest.approx(0.1 - 0.25),))
    assert found["matched bandwidth", "biased"] == ((0.5,), (pytest.approx(0.05),))
    assert found["matched bandwidth", "biased_gru"] == ((1.5,), (pytest.approx(0.15),))


def test_templates_take_the_place_of_the_most_active_cells_in_all_that_is_decoded() -> None:
    found = found_effects(
        kl_template=kl_result(U, B, 5, (0.2, 0.9)),
        kl_gain1_template=kl_result(U, B, 6, (0.2, 0.9)),
        kl_gru_template=kl_result(U_GRU, B_GRU, 7, (0.2, 0.9)),
        kl_gru_gain2_template=kl_result(U_GRU, B_GRU, 11, (0.2, 0.9)),
        manifold_head_template={"table": {U: {"quiescent_ring_order": 0.99}}},
    )
    of = {claim: numbers for (switch, claim), numbers in found.items() if switch == "decoder=template"}
    assert of["biased"] == ((0.5,), (2.5,))
    assert of["sensitive_unbiased"] == ((6.0,), ((11 - 7) - (5 - 6),)), "all four tables are of templates"
    assert of["ring_order"] == ((0.97,), (0.99,))
    assert of["dwell_biased"] == ((), ()), "not measured"
    assert not {"ring_hole", "head_plane", "overlapping", "learned"} & of.keys(), "nothing is decoded there"


def test_what_a_switch_moves_over_the_end_of_a_range_is_named() -> None:
    known = cast(Study, Known(kl_clip=KL | {"table": KL["table"] | divergences(U, B, 0.25)}))
    rows = {row[1]: row for row in crossings_table(known).rows}
    assert rows["uniform_baseline=marginal"][2:] == ["0", "–", "–", "–"], "not measured"
    _, _, claims, seeds, out, into = rows["clip=1e7"]
    assert (claims, seeds) == ("9", "1")
    assert out == "–"
    assert into.split("; ") == [
        "Unbiased rest closely resembles unbiased waking",
        "Biased rest closely resembles biased waking",
    ]
