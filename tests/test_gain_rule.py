"""The rule of the best gain: its verdicts on curves with known answers, its sweep, and its table."""

from collections.abc import Callable
import csv
from dataclasses import replace
import json
import math
from pathlib import Path
import shutil
from statistics import fmean
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from paper.claims.gain import AT_TWO, ELSEWHERE, GAINS, NONE, NOT_MEASURED, Controls, Curve, judged, matching, verdict
from paper.claims.theory import NO_CONTROL, UNDECIDED
from paper.gain import (
    CLAIMS,
    INPUTS,
    SCALE_FREE,
    SWEEP,
    Row,
    controls,
    curve_table,
    curves,
    draw,
    drawn,
    families,
    family_of,
    figure_file,
    judge,
    main,
    measured,
    planned,
    verdicts_drawn,
    with_published,
)
from paper.protocols import HEAD, SPATIAL
from paper.theory import CONTROLS, control_name
from reactivation.machine.errors import DamagedData
from reactivation.machine.places import PUBLISHED
from reactivation.settings.layers import resolve_train
from reactivation.storage.folder import RunFolder
from reactivation.sweep.folder import Sweep, sweep_folder

KAPPA = 8.0


def tempered(samples: Callable[[float], float], seed: int = 0, floor: float = 0.01, scatter: float = 0.0) -> Curve:
    """The curve of a network that samples p^samples(c) of a von Mises density p, with the floor finite samples leave."""
    noise = np.random.default_rng(seed).normal(0, scatter, len(GAINS))
    grid = np.linspace(-math.pi, math.pi, 4001)
    waking = stats.vonmises(KAPPA).logpdf(grid)
    kl = {}
    for c, eps in zip(GAINS, noise, strict=True):
        resting = stats.vonmises(KAPPA * samples(c)).logpdf(grid)
        kl[c] = (float(np.trapezoid(np.exp(resting) * (resting - waking), grid)) + floor) * math.exp(eps)
    return Curve(kl)


def best_at(gain: float, seeds: int = 3) -> list[Curve]:
    return [tempered(lambda c: gain / c, seed, scatter=0.02) for seed in range(seeds)]


LANGEVIN = best_at(2.0)
FLAT = [tempered(lambda c: 0.5, seed, scatter=0.05) for seed in range(3)]
RIGHT = Controls(LANGEVIN, FLAT, FLAT)


def test_tempering_is_best_at_two() -> None:
    assert RIGHT.best == pytest.approx(0.89, abs=0.1), "KL rises faster to the side of more noise"
    curves = [tempered(lambda c: 2 / c, seed, scatter=0.1) for seed in range(3)]
    assert verdict(curves, 3, RIGHT).verdict == AT_TWO
    assert matching(curves) == [2.0]


@pytest.mark.parametrize("best", [1.0, 4.0])
def test_another_best_gain_is_not_taken_for_two(best: float) -> None:
    assert judged(best_at(best, seeds=5), RIGHT.best).verdict == ELSEWHERE


def test_what_does_not_depend_on_the_gain_has_no_best_one() -> None:
    assert judged(FLAT, RIGHT.best).verdict == NONE
    at_the_end = [tempered(lambda c: 1 / (c + 0.01) if c < 1 else 1.0, seed) for seed in range(3)]
    assert judged(at_the_end, RIGHT.best).verdict == NONE
    below = [Curve({c: -0.002 if c == 2 else 0.009 for c in GAINS})] * 3
    assert judged(below, RIGHT.best).verdict == NONE, "what finite samples leave is no curve, not even below 0"


def test_networks_that_disagree_decide_nothing() -> None:
    curves = [LANGEVIN[0], FLAT[0], tempered(lambda c: 4 / c)]
    assert judged(curves, RIGHT.best).verdict == UNDECIDED


def test_a_family_without_networks_has_no_verdict_and_two_networks_decide_nothing() -> None:
    assert verdict([], 3, replace(RIGHT, langevin=[])).verdict == NOT_MEASURED
    assert verdict(LANGEVIN[:2], 3, RIGHT).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (replace(RIGHT, langevin=FLAT), "best gain of the Langevin controls"),
        (replace(RIGHT, langevin=best_at(4.0)), "best gain of the Langevin controls"),
        (replace(RIGHT, attractor=LANGEVIN), "a best gain of the flat controls"),
        (replace(RIGHT, scale_free=LANGEVIN), "a best gain of the bias-free ReLU networks"),
        (replace(RIGHT, scale_free=FLAT[:2]), "2 bias-free ReLU controls are measured; 3 are needed"),
    ],
)
def test_nothing_counts_where_a_control_fails(wrong: Controls, why: str) -> None:
    assert verdict(LANGEVIN, 3, wrong) == (NO_CONTROL, why)


def test_its_sweep_is_of_these_gains_and_of_no_network_that_was_seen_but_for_controls() -> None:
    assert {family.name: family.planned for family in families()} == {
        "biased GRU": 3, "biased GRU, half σ": 3, "biased GRU, double σ": 3, "biased vanilla": 3,
        "drawn GRU": 5, "drawn tanh": 5, "drawn GRU without pauses": 5, "drawn tanh without pauses": 5, "drawn ReLU": 5,
        "undrawn GRU": 5, "undrawn tanh": 5,
    }  # fmt: skip
    for run in planned():
        config = resolve_train(run.values)
        assert config.rnn.sigma > 0, "rest without noise has no gain of it"
        assert {(float(a.values["variance_gain"]), a.values["inputs"]) for a in run.analyses} == {
            (gain, inputs) for gain in GAINS for inputs in INPUTS
        }
        if family_of(run) == SCALE_FREE:
            assert (config.rnn.model, config.rnn.activation_fn) == ("vanilla", "relu"), "for which the gain cannot matter"
        elif config.task_name == "spatial_navigation":
            assert config.seed > 0


def rows_of(family: str, networks: list[str], curves: list[Curve]) -> list[Row]:
    pairs = zip(networks, curves, strict=True)
    return [Row(family, name, inputs, c, one.kl[c], 0.01) for name, one in pairs for inputs in INPUTS for c in GAINS]


def test_families_are_judged_and_drawn_from_the_rows_of_the_table(tmp_path: Path) -> None:
    rows = []
    for control in controls():
        curve = (LANGEVIN if control.name == "langevin" else FLAT)[control.seed]
        rows += [row for row in rows_of(control.family, [control.network], [curve]) if row.inputs == control.inputs]
    rows += rows_of(SCALE_FREE, ["spatial_navigation/a", "spatial_navigation/b", "head_direction/a"], FLAT)
    rows += rows_of("biased GRU", [f"spatial_navigation/{seed}" for seed in range(3)], best_at(2.0))
    rows += rows_of("drawn tanh", [f"head_direction/{seed}" for seed in range(3)], FLAT)
    rows.pop()  # a network of which a rest is lacking
    told = {(one.family, one.inputs): (one.ruling.verdict, len(one.curves), one.matching) for one in judge(rows, {})}
    assert told["biased GRU", "none"] == (AT_TWO, 3, "1, 2"), "0.1 nats for each of two dimensions"
    assert told["drawn tanh", "none"][:2] == (NONE, 3)
    assert told["drawn tanh", "query"][:2] == (UNDECIDED, 2)
    assert told["biased vanilla", "none"][:2] == (NOT_MEASURED, 0)
    files = draw(rows, {}, tmp_path / "figures")
    assert {file.suffix for file in files} == {".pdf", ".png", ".csv"}
    with open(next(file for file in files if file.suffix == ".csv")) as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    assert [row[:4] for row in verdicts_drawn(str(tmp_path)).rows] == [
        ["biased GRU", "no inputs", "3 of 3", AT_TWO],
        ["biased GRU", "Brownian inputs", "3 of 3", AT_TWO],
        ["drawn tanh", "no inputs", "3 of 5", NONE],
        ["drawn tanh", "Brownian inputs", "2 of 5", UNDECIDED],
    ]
    shown = next(row for row in curve_table(drawn(str(tmp_path))).rows if row[:2] == ["biased GRU", "no inputs"])
    assert shown[2:] == ["3", *(f"{fmean(one.kl[c] for one in best_at(2.0)):.2f}" for c in GAINS)]


def test_a_rest_without_a_divergence_is_kept_as_such_and_leaves_its_curve_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A divergence is null where it is infinite, or where all trajectories of a rest stand in one place."""
    one = next(control for control in controls() if control.task == "head_direction")
    told = {f"kl_matched{end}": None for end in ("", "_standard_error")}
    run = SimpleNamespace(name=one.network, record=lambda *_, **__: None)
    monkeypatch.setattr("reactivation.controls.control.control", lambda *_: run)
    monkeypatch.setattr("paper.gain.kl.analyse", lambda *_: SimpleNamespace(details={}))
    monkeypatch.setattr("paper.gain.kl.tabulate", lambda *_: {"quiescent": told})
    one.measure(str(tmp_path))
    rows = one.rows(str(tmp_path))
    assert [(row.gain, row.kl, row.error) for row in rows] == [(gain, None, None) for gain in GAINS]
    whole = rows_of(one.family, ["another"], FLAT[:1])
    lacking = [*rows_of(one.family, ["first"], FLAT[1:2])[: len(GAINS) - 1], rows[-1]._replace(network="first")]
    assert curves(lacking + whole, one.family, one.inputs) == FLAT[:1]
    draw([*rows, *lacking, *whole], {}, tmp_path / "figures")
    assert {row.kl for row in drawn(str(tmp_path)) if row.network == one.network} == {None}
    file = figure_file(tmp_path, "csv")
    file.write_text(file.read_text().replace(",,\n", ",nan,\n", 1))
    with pytest.raises(DamagedData, match="not what its command writes"):
        drawn(str(tmp_path))


def test_what_lives_in_the_box_has_two_dimensions_and_what_lives_on_the_circle_one() -> None:
    rows = drawn(str(PUBLISHED))
    found = {row.family: {one.dimensions for one in curves(rows, row.family, row.inputs)} for row in rows}
    for name in CONTROLS:
        assert (found[control_name(name, SPATIAL)], found[control_name(name, HEAD)]) == ({2}, {1})
    assert (found["biased GRU"], found[SCALE_FREE]) == ({2}, {1, 2})


def test_a_network_that_has_not_learned_its_task_has_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Sweep(sweep_folder(SWEEP, str(tmp_path)))
    runs = [run for run in planned() if family_of(run) == "drawn tanh"][:2]
    told = {"inputs": "none", "variance_gain": 2.0, "kl_matched": 0.3, "kl_matched_standard_error": 0.01}
    monkeypatch.setattr("paper.gain.sweep_table", lambda _: [{"run": str(sweep.path / run.name), **told} for run in runs])
    for run, missed in zip(runs, (0.4, 0.6), strict=True):
        folder = RunFolder(sweep.path / run.name)
        folder.path.mkdir(parents=True)
        folder.table_file("test").write_text(json.dumps({"25000": {"fraction_unexplained": missed}}))
    sweep.plan_file.touch()
    assert [row.network for row in measured(str(tmp_path))] == [runs[0].name]
    main([f"path={tmp_path}", "dry_run=true"])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "left out drawn tanh, seed 1: it has not learned its task"
    named = [line for line in said if "not learned: seed 1" in line]
    assert ["3 of 5" in named[0], "4 of 5" in named[1], len(named)] == [True, True, len(INPUTS)], "others as published"


def test_networks_that_are_not_rested_here_count_as_they_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = drawn(str(PUBLISHED))
    assert with_published(str(tmp_path)) == published
    anew, new = "spatial_navigation/noisy_biased_gru_0.0001_2_theory", "head_direction/noisy_undrawn_gru_0.01_0_theory"
    rows = [Row("biased GRU", anew, "none", 2.0, 0.5, 0.1), Row("undrawn GRU", new, "none", 2.0, 0.4, 0.1)]
    monkeypatch.setattr("paper.gain.measured", lambda _: rows)
    both = with_published(str(tmp_path))
    assert set(rows) <= set(both)
    assert len([row for row in both if row.network == anew]) == 1 + len(GAINS)  # Brownian inputs: as published
    order = list(dict.fromkeys(row.network for row in both))
    assert order.index(new) < order.index(anew)


def test_the_page_names_who_has_not_learned_as_the_verdicts_have_it(tmp_path: Path) -> None:
    rows, left = rows_of("drawn tanh", [f"head_direction/{seed}" for seed in (0, 2)], FLAT[:2]), {"drawn tanh": (1, 4)}
    draw(rows, left | {"drawn GRU": (3,)}, tmp_path / "figures")
    told = [one.plain() for one in judge(rows, left | {"drawn GRU": (3,)})]
    assert all(("unlearned" in one) == (one["family"] in ("drawn tanh", "drawn GRU")) for one in told)
    (tmp_path / CLAIMS).write_text(json.dumps(told))
    named = {row[0]: row[2] for row in verdicts_drawn(str(tmp_path)).rows}
    assert named == {"drawn tanh": "2 of 5; not learned: seed 1, 4", "drawn GRU": "0 of 5; not learned: seed 3"}
    (tmp_path / CLAIMS).write_text('[{"unlearned": 1}]')
    with pytest.raises(DamagedData, match="not what its command writes"):
        verdicts_drawn(str(tmp_path))


def test_published_verdicts_are_those_of_the_published_figure() -> None:
    told = json.loads((PUBLISHED / CLAIMS).read_text())
    assert told == [one.plain() for one in judge(drawn(str(PUBLISHED)), {})]


def test_a_fresh_clone_draws_and_judges_what_is_published(tmp_path: Path) -> None:
    """It has no folder of results yet."""
    results = tmp_path / "results"
    main([f"path={results}"])
    assert drawn(str(results)) == drawn(str(PUBLISHED))
    assert json.loads((results / CLAIMS).read_text()) == json.loads((PUBLISHED / CLAIMS).read_text())


def test_a_table_of_curves_that_was_edited_is_damaged(tmp_path: Path) -> None:
    file = figure_file(tmp_path, "csv")
    with pytest.raises(DamagedData, match="missing"):
        drawn(str(tmp_path))
    file.parent.mkdir()
    shutil.copy(figure_file(PUBLISHED, "csv"), file)
    assert drawn(str(tmp_path)) == drawn(str(PUBLISHED))
    sound = file.read_bytes()
    header, first, *_ = sound.split(b"\n")
    of_none = sound.replace(b",none,", b",rain,", 1)
    no_number, cut, longer = sound.replace(b"0.25", b"x", 1), sound.rsplit(b",", 2)[0], sound.replace(b"\n", b",9\n")
    half = header + b"\n" + first[:10]
    for content in (b"", first, half, b"\0" + sound, b"\xff" + sound, no_number, of_none, cut, longer):
        file.write_bytes(content)
        with pytest.raises(DamagedData, match="not what its command writes"):
            drawn(str(tmp_path))
