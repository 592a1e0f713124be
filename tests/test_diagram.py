"""The phase diagram: rows are judged by their rules, a network is measured once, the figure shows the table."""

import csv
import json
import math
from pathlib import Path
import shutil
from typing import Any

import pytest

from paper.claims.replay import ADAPTED, FRICTION, rows
from paper.claims.verdicts import FAILS, HOLDS, UNDECIDED
from paper.diagram import (
    FAMILIES,
    Family,
    Part,
    Settings,
    main,
    measure,
    measured_below,
    parts,
    published_files,
    unlearned_below,
    verdict_table,
    verdicts,
)
from paper.panels.diagram import table
from reactivation.machine.errors import BadInput
from reactivation.machine.places import PUBLISHED

BY_NAME = {family.name: family for family in FAMILIES}
VANILLA = BY_NAME["published vanilla (does not count)"]


def made(family: Family, seed: int, **changed: float) -> dict[str, Any]:
    """A network whose measures change by given amounts with adaptation, momentum at c = 2λ, and momentum at c = 2."""
    points = []
    for kind, strength, gain in family.points:
        one = {"exponent": 0.5, "kl": 0.4, "coverage": 1.0, "faster": 1.0}
        if (kind, strength, gain) == ("adaptation", ADAPTED, 2.0):
            one["coverage"] -= changed["more"]
        if (kind, strength, gain) == ("momentum", FRICTION, 2 * FRICTION):
            one["faster"], one["kl"] = changed["faster"], 0.4 + changed["kl"]
        points.append(
            {"modifier": kind, "strength": strength, "gain": gain, **{k: v + 0.001 * seed for k, v in one.items()}}
        )
    return {"points": points}


def test_rows_are_judged_by_their_rules() -> None:
    family = BY_NAME["biased GRU"]
    found = {seed: made(family, seed, more=0.2, faster=2.0, kl=0.3) for seed in family.seeds}
    by_key = {claim.key: verdict.verdict for claim, verdict in verdicts(family, found).items()}
    assert by_key == {
        "adaptation_explores": HOLDS,
        "adaptation_exponent": FAILS,
        "momentum_faster": HOLDS,
        "momentum_exponent": FAILS,
        "momentum_law": FAILS,
        "momentum_needs_less_noise": FAILS,
        "noise_keeps_the_exponent": HOLDS,
    }
    two = verdicts(family, {seed: found[seed] for seed in (1, 2)})
    assert {verdict.verdict for verdict in two.values()} == {UNDECIDED}


def test_a_rest_without_a_value_leaves_its_row_open() -> None:
    family = BY_NAME["biased GRU"]
    found = {seed: made(family, seed, more=0.2, faster=2.0, kl=0.3) for seed in family.seeds}
    for point in found[1]["points"]:
        point["coverage"] = None
    by_key = {claim.key: verdict.verdict for claim, verdict in verdicts(family, found).items()}
    assert by_key["adaptation_explores"] == UNDECIDED
    assert by_key["momentum_faster"] == HOLDS


@pytest.mark.parametrize("gain", [0.5, 4.0])
def test_one_exponent_without_a_value_leaves_open_whether_the_gain_changes_it(gain: float) -> None:
    family = BY_NAME["biased GRU"]
    found = {seed: made(family, seed, more=0.2, faster=2.0, kl=0.3) for seed in family.seeds}
    for point in found[1]["points"]:
        if (point["modifier"], point["strength"], point["gain"]) == ("adaptation", 0.0, gain):
            point["exponent"] = None
    by_key = {claim.key: verdict.verdict for claim, verdict in verdicts(family, found).items()}
    assert by_key["noise_keeps_the_exponent"] == UNDECIDED


def test_every_row_asks_for_rests_that_are_measured() -> None:
    for family in FAMILIES:
        found = made(family, 0, more=0.0, faster=1.0, kl=0.0)
        assert all(math.isfinite(claim.value(found)) for claim in rows(family.of_noise))


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "diagram"),
        ({"families": [one.name for one in reversed(FAMILIES)]}, "diagram"),
        ({"families": ["drawn tanh", "biased GRU"]}, "diagram_biased-GRU_drawn-tanh"),
        ({"seeds": [2, 1]}, "diagram_seed1-2"),
        ({"steps": 500}, "diagram_100_500"),
    ],
)
def test_a_figure_of_some_networks_or_other_sizes_does_not_replace_that_of_all(asked: dict[str, Any], name: str) -> None:
    assert Settings(**asked).figure == name


def test_seeds_that_do_not_count_are_not_judged() -> None:
    asked = {part.family.name for part in parts(Settings(seeds=[0]))}
    assert {"drawn tanh", "published GRU (does not count)"} <= asked
    assert not {"biased GRU", "biased vanilla"} & asked, "seed 0 of the box was known when the rules were written"
    with pytest.raises(BadInput, match="seeds: 4 is of none of these families; known: 1, 2, 3"):
        Settings(families=["biased GRU"], seeds=[4])


@pytest.fixture
def nothing_published(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No published network replaces a missing one."""
    for module in ("reactivation.storage.finding", "paper.diagram"):
        monkeypatch.setattr(f"{module}.PUBLISHED", tmp_path_factory.mktemp("empty"))


def test_what_is_not_measured_here_counts_as_it_is_published(tmp_path: Path) -> None:
    assert measured_below(str(tmp_path)) == measured_below(str(PUBLISHED))
    assert published_files(str(tmp_path)) == []


def test_a_network_that_was_trained_here_does_not_count_with_another_ones_measurement(tmp_path: Path) -> None:
    (part,) = parts(Settings(families=["biased GRU"], seeds=[1], path=str(tmp_path)))
    assert part.found is not None, "published"
    own = tmp_path / "spatial_navigation" / part.run.path.name
    shutil.copytree(part.run.path, own)
    assert part.run.path == own
    assert part.found is None


def test_a_network_of_another_size_does_not_count_in_a_family(tmp_path: Path) -> None:
    (part,) = parts(Settings(families=["drawn tanh"], seeds=[3], path=str(tmp_path)))
    own = tmp_path / "head_direction" / part.run.path.name
    shutil.copytree(part.run.path, own)
    config = own / "config.yml"
    assert "n_rec: 128" in config.read_text()
    config.write_text(config.read_text().replace("n_rec: 128", "n_rec: 64"))
    with pytest.raises(BadInput, match=rf"{own} holds another run than drawn tanh .*rnn.n_rec 64 → 128\); move"):
        main([f"path={tmp_path}", "families=[drawn tanh]", "seeds=[3]", "dry_run=true"])


@pytest.mark.usefixtures("nothing_published")
def test_what_is_lacking_is_named_with_the_command_that_trains_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([f"path={tmp_path}", "dry_run=true", "families=[drawn tanh]", "seeds=[3]"])
    said = capsys.readouterr().out
    assert "lacking  drawn tanh, seed 3: train.py config=head_direction/noisy_drawn_tanh seed=3 tag=theory" in said.replace(
        "python ", ""
    )
    assert "≥ 0.1" in said.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.usefixtures("nothing_published")
def test_a_network_that_has_not_learned_is_named_and_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"path={tmp_path}", "families=[drawn tanh]", "seeds=[3]"]
    (part,) = parts(Settings(families=["drawn tanh"], seeds=[3], path=str(tmp_path)))
    part.run.path.mkdir(parents=True)
    shutil.copy(PUBLISHED / "head_direction" / part.run.path.name / "config.yml", part.run.path)
    part.run.model_file(25_000).touch()
    part.run.table_file("test").write_text('{"25000": {"fraction_unexplained": 0.68}}')
    main(words)
    said = capsys.readouterr().out
    assert said.startswith("left out drawn tanh, seed 3: it has not learned its task\n")
    assert "| 0; not learned: seed 3 |" in said
    part.file.parent.mkdir()
    part.file.write_text(json.dumps({"settings": part.science, **made(part.family, 3, more=0.2, faster=2.0, kl=0.3)}))
    assert measured_below(str(tmp_path)) == {}, "nor counted where it was measured"
    assert unlearned_below(str(tmp_path)) == {part.family: (3,)}
    rows = verdict_table({}, unlearned_below(str(tmp_path))).rows
    assert {(row[0], row[-2]) for row in rows} == {("drawn tanh", "0; not learned: seed 3")}, "but named on the page"
    part.run.table_file("test").write_text('{"25000": {"fraction_unexplained": 0.02}}')
    assert list(measured_below(str(tmp_path))[part.family]) == [3]


@pytest.mark.slow
def test_a_network_is_measured_once_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"path={tmp_path}", f"families=[{VANILLA.name}]", "trajectories=10", "steps=100"]
    for said in ("measure  ", "there    "):
        main(words)
        assert capsys.readouterr().out.startswith(said)
    with (tmp_path / "figures" / "fig_diagram_published-vanilla-does-not-count_10_100.csv").open() as file:
        drawn = list(csv.DictReader(file))
    (part,) = parts(Settings(families=[VANILLA.name], trajectories=10, steps=100, path=str(tmp_path)))
    assert part.found is not None
    assert [float(row["kl"]) for row in drawn] == pytest.approx([point["kl"] for point in part.found["points"]])
    assert next(iter(table({VANILLA: {0: part.found}})))["exponent"] == part.found["points"][0]["exponent"]
    other = Part(VANILLA, 0, Settings(trajectories=11, steps=100, path=str(tmp_path)))
    assert other.found is None, "other settings are other numbers"
    assert len({one.file for one in (part, other, Part(VANILLA, 0, Settings(path=str(tmp_path))))}) == 3, "and other files"
    assert measure(part) == part.found, "the same bits"
