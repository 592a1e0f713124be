"""Numbers of docs/theory.md that stand in no table are those of the published measurements."""

import json
import math
import re
from typing import Any

from factories import ROOT
import numpy as np
import pytest
import torch

from paper.claims.gain import GAINS, Curve
from paper.claims.mechanism import controls_of, networks_of
from paper.claims.theory import FLATTEST, JUDGED, NULL_SPREADS, scatter
from paper.gain import drawn as rests_drawn
from paper.panels.theory import bound_table, missed, nulls_table
from paper.protocols import HEAD, SPATIAL
from paper.theory import BY_NAME, CONTROL_SEEDS, control_settings, family_settings, found, run_of
from reactivation.analysis.results import confidence_interval
from reactivation.analysis.run import load_run
from reactivation.machine.places import PUBLISHED
from reactivation.network.phases import shuffled
from reactivation.theory.landscape import concentration_of, waking_positions
from reactivation.theory.probe import Probe, asking

pytestmark = pytest.mark.artifact


def the_page() -> str:
    """The words of the document, apart by single spaces."""
    return " ".join((ROOT / "docs/theory.md").read_text(encoding="utf-8").split())


def told(values: list[float]) -> str:
    """A mean with its interval, as in prose."""
    low, high = confidence_interval(values) or (-math.inf, math.inf)
    return f"{np.mean(values):.2g} [{low:.2g}, {high:.2g}]".replace("-", "−")


def listed(values: list[float], digits: str = ".2f") -> str:
    """Numbers in a row, as in prose."""
    first = [format(value, digits).replace("-", "−") for value in values]
    return f"{', '.join(first[:-1])} and {first[-1]}"


def measured(family: str, seed: int) -> dict[str, Any]:
    result = found(family_settings(str(PUBLISHED), BY_NAME[family], seed))
    assert result is not None
    return result


def test_prose_about_the_mechanism_has_the_published_numbers() -> None:
    """Numbers of docs/theory.md that stand in no table."""
    path, page = str(PUBLISHED), the_page()
    box, circle = controls_of(path, SPATIAL), controls_of(path, HEAD)
    drawn, undrawn = (networks_of(path, BY_NAME[name]) for name in ("drawn tanh", "undrawn tanh"))
    noisy, noiseless = (networks_of(path, BY_NAME[f"biased GRU{how}"]) for how in ("", ", trained without noise"))

    more = {
        c: [(own.alpha[c] - other.alpha[c]) / box.alpha(c) for own, other in zip(noisy, noiseless, strict=True)]
        for c in JUDGED
    }
    assert f"{told(more[0.0])} at c = 0, and by {told(more[4.0])}, which decides nothing, at c = 4" in page

    still = [one.alpha[0.0] for one in undrawn if math.isfinite(one.alpha[0.0])]
    unsure, moved = scatter(still, []) / math.sqrt(len(drawn)), [one.alpha[4.0] for one in undrawn]
    assert f"s₀/√n is {unsure:.3f}. At c = 4 their α are {listed(moved)}" in page
    assert f"with which it would be {scatter(moved, []) / math.sqrt(len(drawn)):.2f}: no power" in page
    ratios = [one.alpha[0.0] / circle.alpha(0.0) for one in drawn]
    assert f"The interval is [{told(ratios).split('[')[1]} of the control's" in page
    assert f"within ±{FLATTEST + NULL_SPREADS * unsure:.2f}" in page
    apart = [one.starts_apart for one in circle.langevin]
    assert f"bearings are {listed(apart)}, in the mean {np.mean(apart):.2f}" in page

    slopes, missing = [], []
    for seed in range(5):
        fits = measured("drawn tanh", seed)["drift"]["still"]["fits"]
        c, alpha = np.array([fit["gain"] for fit in fits]), np.array([fit["alpha"] for fit in fits])
        slopes.append(float(c @ alpha / (c @ c)))
        missing.append(100 * float(((alpha - slopes[-1] * c) ** 2).sum() / (alpha @ alpha)))
    assert f"It is c times {listed(slopes)} in seeds 0 to 4, up to {min(missing):.1g} to {max(missing):.0f} %" in page

    shares: dict[str, list[float]] = {}
    for row in bound_table(path):
        if row["dt"] == 0.02:
            shares.setdefault(row["family"].split(" (")[0], []).append(100 * row["approximated_holds"])
    own, of_null = (shares.pop(name) for name in ("drawn tanh", "null: undrawn tanh"))
    assert (
        f"at {min(own):.0f} to {max(own):.0f} % of the states of drawn tanh, at up to {max(of_null):.1f} % of those" in page
    )
    assert max(map(max, shares.values())) == 0, "at none of any other network or control"

    twins = [row for row in nulls_table(path) if row["family"].startswith("biased GRU (") and row["network"] == "shuffled"]
    parts = [f"{row['alpha at c = 4']:.2g} ± {row['error at c = 4']:.2g}" for row in twins]
    assert f"at c = 4 is {', '.join(parts[:-1])} and {parts[-1]}: no pull is shown" in page


def test_the_page_begins_with_the_verdict_of_every_judged_family() -> None:
    short = (ROOT / "docs/theory.md").read_text(encoding="utf-8").partition("## In short")[2].partition("## Symbols")[0]
    rows = [line.strip("| ").split(" | ")[:2] for line in short.splitlines() if line.startswith("| ")]
    judged = json.loads((PUBLISHED / "theory_claims.json").read_text(encoding="utf-8"))
    measured = [one for one in judged if one["question"] == "mechanism" and one["networks"]]
    assert rows[2:] == [[one["family"], one["verdict"]] for one in measured]
    makes = [one["verdict"] for one in judged if one["family"] == "biased GRU" and one["question"].startswith("does noise")]
    assert makes == ["yes"]


def test_prose_about_the_score_that_a_gru_follows_has_the_published_numbers() -> None:
    page = the_page()

    def misses(result: dict[str, Any]) -> tuple[float, float]:
        """Percent of the weighted squares of the drift at c = 0 that α times the prediction leaves, and that a line does."""
        fit = result["drift"]["still"]["fits"][0]
        kept = [
            values
            for values in zip(fit["place"], fit["velocity"], fit["velocity_error"], strict=True)
            if None not in values and 0.1 <= values[0] <= 0.5 and values[2]
        ]
        place, velocity, error = np.array(kept).T
        turn = int(np.flatnonzero((velocity[:-1] > 0) & (velocity[1:] <= 0))[0])
        home = np.interp(0, -velocity[turn : turn + 2], place[turn : turn + 2])
        away, weight = place - home, error**-2
        left = velocity - (weight * away) @ velocity / ((weight * away) @ away) * away
        by_score = missed(fit, SPATIAL)
        assert by_score is not None
        return 100 * by_score, 100 * float((weight * left) @ left / ((weight * velocity) @ velocity))

    grus = [misses(measured("biased GRU", seed)) for seed in (1, 2, 3)]
    controls = [
        misses(found(control_settings(str(PUBLISHED), SPATIAL, "langevin", seed)) or {})[0] for seed in CONTROL_SEEDS
    ]
    assert f"misses {listed([one for one, _ in grus], '.0f')} % of the drift" in page
    assert f"({min(controls):.1g} to {max(controls):.0f} % in Langevin controls)" in page
    assert f"misses {listed([one for _, one in grus], '.1f')} %" in page


def test_prose_about_the_best_gain_has_the_published_numbers() -> None:
    page = the_page()
    curves: dict[tuple[str, str], dict[float, float]] = {}
    for row in rests_drawn(str(PUBLISHED)):
        if row.inputs == "none" and row.kl is not None:
            curves.setdefault((row.family, row.network), {})[row.gain] = row.kl
    bests = {
        family: [
            best
            for (name, _), kl in sorted(curves.items())
            if name == family and len(kl) == len(GAINS) and (best := Curve(kl).best) is not None
        ]
        for family in ("drawn tanh", "control: Langevin sampling, bearings")
    }
    reference = float(np.mean(bests["control: Langevin sampling, bearings"]))
    assert f"best c of the Langevin controls is {2**reference:.2f}, not 2" in page
    assert f"greater by {told([best - reference for best in bests['drawn tanh']])}" in page
    found_at = [2**best for best in bests["drawn tanh"]]
    assert f"whose best c are {found_at[0]:.1f}, {found_at[1]:.1f} and {found_at[3]:.1f}" in page
    assert f"their best c are {found_at[2]:.1f} and {found_at[4]:.1f}" in page


def test_prose_about_where_rests_of_drawn_tanh_start_is_right() -> None:
    """κ of bearings decoded from shuffled rates, and the c at which diffusion from there is as wide as waking."""
    page, widths, gains = the_page(), [], []
    for seed in range(5):
        run = load_run(run_of(family_settings(str(PUBLISHED), BY_NAME["drawn tanh"], seed)), torch.device("cpu"))
        probe, source = Probe(run, "starts"), torch.Generator().manual_seed(0)
        with asking():
            state = probe.network.initial_state(probe.task.sample(400, 2, source).start)
            starts = probe.positions(shuffled(state, source))[:, 0]
        start, awake = (
            concentration_of(float(np.abs(np.exp(1j * bearings).mean())))
            for bearings in (starts, waking_positions(run).flat[:, 0])
        )
        fits = {fit["gain"]: fit for fit in measured("drawn tanh", seed)["drift"]["still"]["fits"]}
        widths.append(start)
        gains.append((1 / awake - 1 / start) / (2 * fits[2.0]["diffusion"] / 2 * 1750))
    found_in_prose = re.search(r"κ = (\d+), (\d+), (\d+), (\d+) and (\d+) in seeds 0 to 4", page)
    by_seed = re.search(r"but ([\d.]+), ([\d.]+) and ([\d.]+) in drawn tanh of seeds 0, 1 and 3", page)
    of_two = re.search(r"Seed 2 would be as wide as waking from ([\d.]+) on, and seed 4 starts wider", page)
    assert found_in_prose
    assert by_seed
    assert of_two
    assert widths == pytest.approx([float(one) for one in found_in_prose.groups()], rel=0.15)
    assert gains[:2] + gains[3:4] == pytest.approx([float(one) for one in by_seed.groups()], rel=0.1)
    assert gains[2] == pytest.approx(float(of_two[1]), rel=0.2)
    assert gains[4] < 0
