"""The rules of the theory's verdicts: the verdict on each family of made-up networks, and of made-up result files."""

from collections.abc import Sequence
from dataclasses import replace
import json
import math
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest

from paper.claims import CLAIMS
from paper.claims.chance import chances
from paper.claims.mechanism import controls_of, judge_mechanism, network_of, networks_of, pulls
from paper.claims.theory import (
    FLAT,
    GATED,
    LANGEVIN,
    NO,
    NO_CONTROL,
    NO_POWER,
    STRUCTURED,
    UNDECIDED,
    YES,
    Controls,
    Network,
    balance_is_broken,
    gain_matters,
    is_relaxed,
    noise_makes_the_drift,
    one_mode_at_home,
    scatter,
    verdict,
    when_it_appears,
)
from paper.panels.theory import gains_table, inputs_table, missed, of_metric, training_table
from paper.panels.theory import measured as shown
from paper.protocols import HEAD, SPATIAL
from paper.theory import BY_NAME, FAMILIES, FOLLOWED, LAST, control_settings, family_settings, training_settings
from reactivation.analysis.mechanism import FORMAT, Settings, result_file, science, training_values
from reactivation.analysis.results import confidence_interval
from reactivation.machine.places import PUBLISHED
from reactivation.settings.layers import to_yaml, train_config
from reactivation.storage.finding import run_path
from reactivation.storage.folder import RunFolder

NULL = [-0.1, 0.0, 0.1]


@pytest.fixture(autouse=True)
def _nothing_published(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep published measurements out of these tests."""
    monkeypatch.setattr("paper.theory.PUBLISHED", tmp_path_factory.mktemp("empty"))


def family(alphas: Sequence[float], exponent: float, brownian: float = math.nan, **others: Any) -> list[Network]:
    return [
        Network(seed, {0.0: one, 4.0: one}, exponent, brownian=brownian + (one - alphas[0]), **others)
        for seed, one in enumerate(alphas)
    ]


def controls(alpha: float, exponent: float, flat: float = 0.0) -> Controls:
    """Three controls of each kind, whose rest has a direction of -0.02 to 0.02 in time."""
    langevin = [replace(one, direction=0.02 * (one.seed - 1)) for one in family([alpha] * 3, exponent, brownian=alpha)]
    return Controls(langevin, family([flat] * 3, 0.1, brownian=flat))


GOOD, ON_CIRCLE = controls(0.8, 0.5), controls(1.0, -1.0)


@pytest.mark.parametrize(
    ("networks", "called"),
    [
        (family([0.75, 0.8, 0.85], 0.5), LANGEVIN),
        (family([0.75, 0.8, 0.85], 0.1), STRUCTURED),
        (family([0.75, 0.8, 0.85], 0.5, one_mode=False), STRUCTURED),
        (family([0.75, 0.8, 0.85], 0.5, remembered=0.5), UNDECIDED),
        (family([0.0, 0.05, 0.1], 0.0), FLAT),
        (family([0.0, 0.05, 0.1], 0.0, remembered=0.5), UNDECIDED),
        (family([0.0, 0.05, 0.1], 0.5), STRUCTURED),
        (family([-0.85, -0.8, -0.75], 0.1), STRUCTURED),
        (family([-0.85, -0.8, -0.75], 0.1, remembered=0.5), STRUCTURED),
        (family([math.nan] * 3, 0.1, is_along=False), STRUCTURED),
        (family([0.2, 0.8, 1.4], 0.5), UNDECIDED),
        (family([0.8, 0.8], 0.5), UNDECIDED),
    ],
)
def test_families_of_the_box(networks: list[Network], called: str) -> None:
    ruling = verdict(SPATIAL, networks, 3, NULL, GOOD)
    assert ruling.verdict == called
    assert ruling.reason


def test_a_prior_that_only_inputs_show() -> None:
    gated = family([-0.4, -0.35, -0.3], -0.4, brownian=0.9)
    assert verdict(HEAD, gated, 5, NULL, ON_CIRCLE).verdict == GATED
    shown_still = family([0.4, 0.45, 0.5], -0.4, brownian=0.9)
    no_pull = family([-0.4, -0.35, -0.3], -0.4, brownian=-0.2)
    assert [verdict(HEAD, one, 5, NULL, ON_CIRCLE).verdict for one in (shown_still, no_pull)] == [STRUCTURED, STRUCTURED]


def test_on_the_circle_controls_must_be_right_under_brownian_inputs_too() -> None:
    networks = family([1.0, 1.0, 1.1], -1.0, brownian=1.0)
    assert verdict(HEAD, networks, 5, NULL, ON_CIRCLE).verdict == LANGEVIN
    for brownian in (0.07, math.nan):
        wrong = Controls([replace(one, brownian=brownian) for one in ON_CIRCLE.langevin], ON_CIRCLE.attractor)
        assert verdict(HEAD, networks, 5, NULL, wrong).verdict == NO_CONTROL


@pytest.mark.parametrize(
    ("null", "of_run", "called"),
    [
        ([-0.6, 0.0, 0.6], GOOD, NO_POWER),
        ([], GOOD, UNDECIDED),
        ([0.2, 0.1], GOOD, LANGEVIN),
        ([1.7], GOOD, NO_POWER),
        (NULL, controls(0.4, 0.5), NO_CONTROL),
        (NULL, controls(0.8, 0.2), NO_CONTROL),
        (NULL, controls(0.8, 0.5, flat=0.3), NO_CONTROL),
        (NULL, Controls([replace(one, one_mode=False) for one in GOOD.langevin], GOOD.attractor), NO_CONTROL),
        (NULL, Controls([replace(one, remembered=0.5) for one in GOOD.langevin], GOOD.attractor), NO_CONTROL),
        (NULL, Controls([], []), UNDECIDED),
        (NULL, Controls(GOOD.langevin, []), UNDECIDED),
    ],
)
def test_nothing_is_said_without_power_or_with_a_failed_control(null: list[float], of_run: Controls, called: str) -> None:
    assert verdict(SPATIAL, family([0.75, 0.8, 0.85], 0.5), 3, null, of_run).verdict == called


def test_what_alpha_scatters_by_is_the_spread_of_three_nulls_or_else_the_larger_of_two_stand_ins() -> None:
    assert scatter([0.9, 1.0, 1.1], [0.0, 1.0]) == pytest.approx(0.1)
    assert scatter([0.3], [0.8, 0.9]) == pytest.approx(0.3)
    assert scatter([0.3], [0.2, 1.2]) == pytest.approx(math.sqrt(0.5))
    assert scatter([0.3, -0.4], [math.nan, math.nan]) == pytest.approx(math.sqrt(0.125))


def test_a_rest_has_forgotten_where_two_starts_give_one_exponent_and_nothing_stays_in_the_mean_over_networks() -> None:
    one, other = family([0.8, 0.8], -1.0)
    assert is_relaxed([replace(one, starts_apart=0.3), replace(other, starts_apart=-0.1)])
    assert not is_relaxed([replace(one, starts_apart=0.3), replace(other, starts_apart=0.2)])
    assert is_relaxed([replace(one, remembered=0.4), other])
    assert not is_relaxed([replace(one, remembered=0.4), replace(other, remembered=0.3)])


def test_one_mode_at_home_is_within_half_a_tuning_width_and_on_a_ring_even() -> None:
    assert one_mode_at_home(SPATIAL, 1, -0.09, 0.2)
    assert not any(one_mode_at_home(SPATIAL, *how) for how in ((2, 0.0, 0.0), (1, 0.11, 0.0), (1, 0.0, 0.31)))
    assert one_mode_at_home(HEAD, 1, 0.25, 0.0)
    assert not one_mode_at_home(HEAD, 1, -0.27, 0.0)


def test_noise_is_asked_of_pairs_of_one_seed() -> None:
    noisy = family([0.7, 0.8, 0.9], 0.5)
    apart = noise_makes_the_drift(noisy, family([0.1, 0.2, 0.3], 0.5), GOOD)
    alike = noise_makes_the_drift(noisy, family([0.7, 0.8, 0.9], 0.5), GOOD)
    mixed = noise_makes_the_drift(noisy, family([0.1, 0.8, 0.3], 0.5), GOOD)
    lacking = noise_makes_the_drift(noisy, family([0.1, 0.2], 0.5), GOOD)
    assert [one.verdict for one in (apart, alike, mixed, lacking)] == [YES, NO, UNDECIDED, UNDECIDED]


def test_a_pull_appears_where_it_stays() -> None:
    none, some, open_ = [0.0, 0.05, 0.1], [0.7, 0.75, 0.8], [0.0, 0.4, 0.8]
    since = when_it_appears({100: some, 200: none, 300: some, 400: some})
    assert since.verdict == "by step 300"
    assert since.reason.endswith("there, and at least 0.25 ever after")
    at_the_end = when_it_appears({100: [math.nan] * 3, 200: some})
    assert at_the_end.verdict == "by step 200"
    assert at_the_end.reason.endswith("only at the last step looked at"), "no later step shows whether it stays"
    assert when_it_appears({100: none, 200: none}).verdict == "not by the end"
    assert [when_it_appears(one).verdict for one in ({100: none, 200: open_}, {100: some[:2]}, {})] == [UNDECIDED] * 3


def test_the_gain_matters_where_the_width_follows_it() -> None:
    assert gain_matters(family([0.8] * 3, 0.5)).verdict == YES
    assert gain_matters(family([0.8] * 3, -0.9)).verdict == YES
    assert gain_matters(family([0.8] * 3, 0.1)).verdict == NO
    assert gain_matters(family([0.8] * 3, 0.5, remembered=0.5)).verdict == UNDECIDED
    assert gain_matters(family([0.8] * 3, 0.5, is_scale_free=True)).verdict == "it cannot"
    assert gain_matters([]).verdict == UNDECIDED


@pytest.mark.artifact
def test_the_gain_cannot_matter_to_the_noiseless_twins_of_networks_with_a_homogeneous_field() -> None:
    """Scale symmetry is not measured without noise; the cell is that of the noisy networks, whose symmetry is exact."""
    answers = {
        one.family: one.ruling.verdict for one in judge_mechanism(str(PUBLISHED)) if one.question.startswith("does the gain")
    }
    cannot = {name for name, answer in answers.items() if answer == "it cannot"}
    assert cannot == {"biased vanilla", "biased vanilla, trained without noise"}


def test_balance_is_broken_beyond_the_spread_of_the_control() -> None:
    assert balance_is_broken(family([0.8] * 3, 0.5, direction=0.3), GOOD).verdict == YES
    assert balance_is_broken(family([0.8] * 3, 0.5, direction=0.05), GOOD).verdict == NO
    assert balance_is_broken(family([0.8] * 2, 0.5, direction=0.3), GOOD).verdict == UNDECIDED


def test_what_few_networks_can_see() -> None:
    """Half widths of intervals over the standard deviation are those in docs/theory.md."""
    for values, known in (([-1.0, 0.0, 1.0], 2.48), ([-2.0, -1.0, 0.0, 1.0, 2.0], 1.24)):
        _, high = confidence_interval(values) or (math.nan, math.nan)
        assert high / stdev(values) == pytest.approx(known, abs=5e-3)


def test_verdicts_that_are_wrong_by_chance_are_one_in_forty_of_those_at_an_end() -> None:
    by_what = {one.what: one for one in chances(judge_mechanism("nothing"))}
    claims, mechanisms = by_what["claims about networks of the paper's text"], by_what["mechanisms of families"]
    assert claims.verdicts == len(CLAIMS)
    assert claims.wrong == pytest.approx(len(CLAIMS) / 40)
    assert mechanisms.verdicts == sum(family.null is not None for family in FAMILIES)
    followed = [len(FOLLOWED[family.task]) for family in FAMILIES if family.followed and family.null]
    assert by_what["questions of when the pull appears"].wrong == pytest.approx(sum(followed) / 40)
    assert mechanisms.wrong == pytest.approx(0.058 * mechanisms.verdicts, rel=0.01)  # two standard errors, five networks


def test_what_a_line_misses_and_what_the_metric_makes_of_alpha() -> None:
    """Two bins in the range of the fit, one outside, one without pairs: the drift is twice the prediction, plus 1."""
    fit = {
        "gain": 4.0, "alpha": 2.0, "diffusion": 8.0, "place": [0.2, 0.4, 0.7, None], "predicted": [1.0, -1.0, 5.0, None],
        "velocity": [4.0, -1.0, 0.0, None], "spread_drift": [1.0, 0.0, 0.0, 0.0], "velocity_error": [0.5, 0.5, 0.5, None],
    }  # fmt: skip
    assert missed(fit, SPATIAL) == pytest.approx((1 + 1) / (9 + 1))
    still = {**fit, "gain": 0.0, "diffusion": 0.0}
    result = {"drift": {"still": {"fits": [still, fit]}}, "metric": {"slope": [0.5, -0.5, None, None]}}
    assert of_metric(fit, result) == pytest.approx((4 - 2) * (8 / 4) * 0.5)
    assert of_metric(still, result) == pytest.approx((0 - 2) * (8 / 4) * 0.5)


def test_the_drift_that_is_told_beside_alpha_is_the_slope_of_velocity_on_that_of_log_p() -> None:
    """For Langevin controls of bearings, velocity over slope, from the published bins, is α times 2 D/c."""
    rows = [row for row in gains_table(str(PUBLISHED)) if row["family"] == "control: Langevin sampling, bearings"]
    files = sorted((PUBLISHED / "theory").glob("control_langevin_bearings_*.json"))
    fitted = {}
    for file in files:
        result = json.loads(file.read_text())
        fits = {fit["gain"]: fit for fit in result["drift"]["still"]["fits"]}
        for c, fit in fits.items():
            over_gain = fits[c or 0.5]["diffusion"] / (c or 0.5)
            bins = [
                (error**-2, predicted / (2 * over_gain), velocity - (spread if c else 0))
                for place, error, predicted, velocity, spread in zip(
                    *(fit[key] for key in ("place", "velocity_error", "predicted", "velocity", "spread_drift")), strict=True
                )
                if error and place is not None
            ]
            fitted[result["settings"]["seed"], c] = sum(w * x * y for w, x, y in bins) / sum(w * x * x for w, x, _ in bins)
    assert len(rows) == len(fitted) > 0
    for row in rows:
        assert row["pull"] == pytest.approx(fitted[row["seed"], row["c"]], rel=1e-4)  # files have six digits


def test_a_network_without_an_alpha_stays_open_and_is_shown_without(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = family_settings(str(PUBLISHED), BY_NAME["drawn tanh"], 0)
    result = json.loads(result_file(settings).read_text())
    for drift in result["drift"].values():
        drift["fits"][0] |= {"alpha": None, "standard_error": None}
    assert math.isnan(network_of(HEAD, 0, result, None).brownian)
    monkeypatch.setattr("paper.panels.theory.found", lambda asked: result if asked == settings else None)
    pulls_by_gain = {row["c"]: row["pull"] for row in gains_table(str(PUBLISHED))}
    assert [gain for gain, pull in pulls_by_gain.items() if pull is None] == [0.0]
    assert [row["inputs"] for row in inputs_table(str(PUBLISHED))] == ["still"], "c = ½; under inputs there is none"


# Result files -------------------------------------------------------------------------------------------------------------


def fits(alpha: float | None) -> list[dict[str, Any]]:
    return [{"gain": gain, "alpha": alpha, "standard_error": 0.1} for gain in (0.0, 4.0)]


def write(settings: Settings, **measured: Any) -> None:
    file = result_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"settings": science(settings), "format": FORMAT, **measured}))


def write_network(settings: Settings, alpha: float, exponent: float, brownian: float | None = None) -> None:
    home = {"modes": 1, "away": 0.01, "uneven": 0.0}
    drifts = {"still": {"fits": fits(alpha), "is_along": True}}
    if brownian is not None:
        drifts["brownian"] = {"fits": [{"gain": 1.0, "alpha": brownian, "standard_error": 0.1}], "is_along": True}
    write(
        settings,
        drift=drifts,
        tempering={
            "value": exponent, "of_starts": [exponent, exponent], "remembered": [0.0] * 4, "gains": [0.5, 1, 2, 4],
            "homes": [home] * 4,
        },
        relaxation={"share": 1e-4 * (1 + settings.seed), "share_reversed": 1e-4},
        scale_symmetry=0.3,
    )  # fmt: skip


@pytest.fixture
def measured(tmp_path: Path) -> str:
    """Both controls on the circle; three of five drawn tanh networks, with an input-gated prior; and three null networks."""
    path = str(tmp_path)
    for seed in range(3):
        for name, alpha, exponent in (("langevin", 1.0, -1.0), ("attractor", 0.02, 0.1)):
            write_network(control_settings(path, HEAD, name, seed), alpha, exponent, alpha)
        for name, alpha, brownian in (("drawn tanh", -0.3, 0.8), ("undrawn tanh", 0.0, 0.0)):
            member = BY_NAME[name]
            write_network(family_settings(path, member, seed), 9.0, -0.3, brownian + 0.05 * seed)
            steps = FOLLOWED[HEAD]
            early = [{"step": step, "fits": [], "is_along": None, "why": "no positions"} for step in steps[:1]]
            late = [
                {"step": step, "fits": fits(alpha + 0.02 * seed + (0.1 if step < 20_000 else 0.0)), "is_along": True}
                for step in steps[1:]
            ]
            write(training_settings(path, member, seed), training=early + late)
    return path


def test_rules_read_result_files_and_nothing_else(measured: str) -> None:
    judged = {(one.family, one.question): one for one in judge_mechanism(measured)}
    drawn = judged["drawn tanh", "mechanism"]
    assert drawn.ruling.verdict == GATED
    assert (len(drawn.networks), drawn.planned) == (3, 5)
    appears = judged["drawn tanh", "when in training does the pull appear?"]
    assert appears.ruling.verdict == "not by the end"
    lacking = judged["biased GRU", "mechanism"].ruling
    assert (lacking.verdict, lacking.reason) == (UNDECIDED, "controls are not measured")
    assert judged["drawn GRU", "mechanism"].ruling.reason.startswith("0 of 5 networks")


def test_on_the_circle_alpha_is_the_mean_over_the_last_checkpoints(measured: str) -> None:
    alphas = [one.alpha[0.0] for one in networks_of(measured, BY_NAME["drawn tanh"])]
    assert alphas == pytest.approx([-0.3, -0.28, -0.26])
    assert [one.alpha[4.0] for one in controls_of(measured, HEAD).langevin] == [1.0] * 3
    result_file(training_settings(measured, BY_NAME["drawn tanh"], 1)).unlink()
    assert [one.seed for one in networks_of(measured, BY_NAME["drawn tanh"])] == [0, 2]


def test_along_training_the_last_checkpoints_on_the_circle_are_one_point(measured: str) -> None:
    """Worked out by hand: networks of seeds 0 to 2 pull by -0.3, -0.28 and -0.26 at the last twenty, by 0.1 more before."""
    rows = [row for row in training_table(measured) if row["family"] == "drawn tanh (3 of 5)"]
    assert [row["step"] for row in rows] == [*FOLLOWED[HEAD][:-LAST], FOLLOWED[HEAD][-1]]
    assert rows[-1]["pull"] == pytest.approx(-0.28)
    assert rows[-1]["error"] == pytest.approx(0.02 / math.sqrt(3))
    assert rows[-3]["pull"] == pytest.approx(-0.18)


def test_a_network_that_has_not_learned_is_named_and_counts_nowhere(measured: str) -> None:
    for name, seed, share in (("drawn tanh", 0, 0.5), ("drawn tanh", 2, 0.51), ("undrawn tanh", 1, None)):
        config = train_config(training_values(family_settings(measured, BY_NAME[name], seed)))
        folder = RunFolder(run_path(config, measured))
        folder.path.mkdir(parents=True)
        folder.config_file.write_text(to_yaml(config))
        tests = {"100": {"fraction_unexplained": 0.1}, "25000": {"fraction_unexplained": share}}
        folder.table_file("test").write_text(json.dumps(tests))
    judged = next(one for one in judge_mechanism(measured) if one.family == "drawn tanh")
    assert [one.seed for one in judged.networks] == [0, 1]
    assert (judged.of_planned, judged.ruling.verdict) == ("2 of 5; not learned: seed 2", UNDECIDED)
    assert [one.seed for one in networks_of(measured, BY_NAME["undrawn tanh"])] == [0, 2]
    assert [len(each) for each in pulls(measured, BY_NAME["drawn tanh"], controls_of(measured, HEAD)).values()] == [2] * len(
        FOLLOWED[HEAD]
    )
    drawn = {one.label for one in shown(measured, HEAD)}
    assert {"drawn tanh (2 of 5)", "null: undrawn tanh (2 of 5)"} <= drawn


def test_results_of_other_settings_or_of_an_older_form_do_not_count(measured: str) -> None:
    file = result_file(control_settings(measured, HEAD, "langevin", 1))
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"format": FORMAT - 1}))
    assert [one.seed for one in controls_of(measured, HEAD).langevin] == [0, 2]
