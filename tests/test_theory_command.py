"""The script of the theory's measures: its file, its errors, and its list of missing networks."""

from dataclasses import dataclass, replace
import errno
import io
import json
import math
from pathlib import Path
import shutil
import sys
from typing import Any, ClassVar

from factories import Command
import pytest

from paper.protocols import HEAD, SPATIAL
from paper.theory import BY_NAME, CONTROLS, FAMILIES, control_settings, family_settings, published_files, run_of
from paper.theory_figures import FIGURES, TABLES
from paper.theory_report import write
from reactivation.analysis.mechanism import MEASURES, Settings, _plain, is_whole, main, measure, result_file, science
from reactivation.machine.errors import DamagedData

OF_DRIFT = ["pairs=80", "gains=[0,4]"]
SMALL = [*OF_DRIFT, "trajectories=20", "steps=400", "long=2000", "tempering_gains=[1,2]"]
FEW: dict[str, Any] = {
    "pairs": 80, "trajectories": 20, "steps": 400, "long": 2000, "gains": [0.0, 4.0], "tempering_gains": [1.0, 2.0],
}  # fmt: skip
WORDS = ["run=control:langevin:bearings", *SMALL]


@pytest.fixture(autouse=True)
def _nothing_published(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep published measurements out of these tests."""
    monkeypatch.setattr("paper.theory.PUBLISHED", tmp_path_factory.mktemp("empty"))


@dataclass
class Result:
    """Of a measure."""

    such_as: ClassVar[str] = "as measured"

    value: float = math.pi
    fits: tuple[float, ...] = (math.nan,)


def test_results_are_written_without_what_belongs_to_their_class() -> None:
    assert _plain(Result()) == {"value": 3.14159, "fits": [None]}


def test_a_control_is_measured_into_one_file(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reactivation.analysis.progress._QUIET", 0.0)
    done = command("output_theory.py", *WORDS)
    assert done.returncode == 0, done.stderr
    told = [f"langevin_bearings: {name}; measure {n}/{len(MEASURES)}" for n, name in enumerate(MEASURES)]
    assert set(told) <= set(done.stderr.splitlines())
    found = json.loads((tmp_path / done.stdout.splitlines()[-1]).read_text())
    assert [fit["gain"] for fit in found["drift"]["still"]["fits"]] == [0, 4]
    assert set(found["drift"]) == {"still", "brownian", "own", "brownian x 0.5", "brownian x 2"}
    assert set(found) == {*MEASURES, "model", "settings", "format", "seconds"}
    assert found["nulls"] == {}  # a control was not trained
    again = command("output_theory.py", *WORDS[:-1])
    assert (again.returncode, "name these results with out=" in again.stderr) == (2, True)


def test_a_line_that_nobody_reads_stops_no_measurement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        """A stream on a full disk."""

        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, text)

    def measured(settings: Settings) -> dict[str, Any]:
        print("drift", file=sys.stderr)
        return {"drift": {"still": {"fits": []}}, "tempering": {"what": "the density", "value": 1.0}}

    monkeypatch.setattr("reactivation.analysis.mechanism.measure", measured)
    monkeypatch.setattr("sys.stderr", Full())
    main(WORDS)
    assert capsys.readouterr().out.splitlines() == [
        "exponent of the density: 1.00",
        str(result_file(Settings(run=WORDS[0][4:]))),
    ]


def test_the_plan_names_what_is_lacking_and_what_trains_it(command: Command) -> None:
    shown = command("reproduce.py", "profile=paper", "only=theory", "dry_run=true", "seeds=1").stdout
    assert "3 min    control langevin, ring, seed 0" in shown
    assert "python train.py config=spatial_navigation/noisy_biased_gru seed=1 tag=theory\n" in shown
    assert "config=head_direction/noisy_drawn_tanh seed=1 tag=theory task.home=1.2566370614359172" in shown
    assert command("reproduce.py", "only=theory").returncode == 2


def test_a_network_of_another_size_does_not_count_in_a_family(command: Command, tmp_path: Path) -> None:
    published = run_of(family_settings("results", BY_NAME["drawn tanh"], 3)).path
    own = tmp_path / "results" / "head_direction" / published.name
    shutil.copytree(published, own)
    config = own / "config.yml"
    assert "n_rec: 128" in config.read_text()
    config.write_text(config.read_text().replace("n_rec: 128", "n_rec: 64"))
    refused = command("reproduce.py", "profile=paper", "only=theory", "dry_run=true")
    assert refused.returncode == 2
    told = "holds another run than head_direction/noisy_drawn_tanh (there → here: rnn.n_rec 64 → 128); move it away"
    assert told in refused.stderr


def test_checkpoints_are_measured_against_the_gradient_of_another_experiment(command: Command, tmp_path: Path) -> None:
    words = ["run=spatial_navigation/noisy_unbiased_gru", "against=spatial_navigation/noisy_biased", "checkpoints=[2500]"]
    done = command("output_theory.py", *words, *OF_DRIFT)
    assert done.returncode == 0, done.stderr
    file = tmp_path / done.stdout.splitlines()[-1]
    assert file.name == "spatial_navigation_noisy_unbiased_gru_0_training.json"
    (one,) = json.loads(file.read_text())["training"]
    assert (one["step"], [fit["gain"] for fit in one["fits"]]) == (2500, [0, 4])
    # The ring that it was never shown: towards 0.33 m from within and from without.
    fit = one["fits"][0]
    towards = {place: slope for place, slope in zip(fit["place"], fit["predicted"], strict=True) if place is not None}
    assert all(slope > 0 for place, slope in towards.items() if 0.1 < place < 0.25)
    assert all(slope < 0 for place, slope in towards.items() if 0.45 < place < 0.6)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["checkpoints=[5]"], "alpha after step 5: –, 1.50 ± 0.25"),
        ([], "alpha at c = 0: –\nalpha at c = 4: 1.50 ± 0.25"),
    ],
)
def test_an_alpha_that_no_pairs_could_tell_is_a_dash(
    words: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fits = [{"gain": 0.0, "alpha": None, "standard_error": None}, {"gain": 4.0, "alpha": 1.5, "standard_error": 0.25}]
    made = {
        "drift": {"still": {"fits": fits}},
        "tempering": {"what": "kappa", "value": -1.0},
        "training": [{"step": 5, "fits": fits, "why": ""}],
    }
    monkeypatch.setattr("reactivation.analysis.mechanism.measure", lambda settings: made)
    main(["run=head_direction/noisy_drawn_tanh", *words])
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run=control:langevin:ring", "checkpoints=[100]", *OF_DRIFT], "a control is not trained"),
        (["run=control:langevin:ring:box", *OF_DRIFT], "control:<name>:<density>, and no more"),
        (["run=spatial_navigation/noisy_unbiased", "against=head_direction/noisy_drawn_tanh", *SMALL], "another space"),
    ],
)
def test_what_checkpoints_and_gradients_cannot_be_asked_is_told(command: Command, words: list[str], told: str) -> None:
    done = command("output_theory.py", *words)
    assert (done.returncode, told in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("word", "code"),
    [("run=control:langevine", 2), ("run=spatial_navigation/none", 2), ("run=head_direction/noisy_drawn_gru", 3)],
)
def test_what_cannot_be_measured_is_told_in_one_line(command: Command, word: str, code: int) -> None:
    done = command("output_theory.py", word)
    assert done.returncode == code
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_page_has_verdicts_and_figures_and_what_is_published_of_it(command: Command, tmp_path: Path) -> None:
    """The page is made from small measurements of two controls, stored as those of the plan."""
    results = tmp_path / "results"
    for name in CONTROLS:
        for task in (SPATIAL, HEAD):
            planned = control_settings(str(results), task, name, 0)
            done = command("output_theory.py", f"run={planned.run}", SMALL[0], "gains=[0,2,4]", *SMALL[2:])
            assert done.returncode == 0, done.stderr
            file = result_file(planned)
            file.write_text(json.dumps(json.loads(file.read_text()) | {"settings": science(planned)}))
    files = write(str(results))
    page = (results / "report_theory.html").read_text()
    assert page.index("Verdicts") < page.index("Figures") < page.index("The loss and its bounds")
    assert page.count("data:image/png;base64,") == len(FIGURES) - 1  # nothing is followed along training
    assert "Nothing is measured for it yet" in page
    assert '<td data-label="mechanism">not trained</td>' in page
    assert "python train.py config=head_direction/noisy_drawn_relu seed=0 tag=theory task.home=0.0</td>" in page
    assert "2.48 standard deviations with 3 networks (box) and 1.24 standard deviations with 5" in page
    for name in set(TABLES) - {"training", "nulls"}:
        lines = (results / "figures" / f"theory_{name}.csv").read_text().splitlines()
        assert len(lines) > 1
    for table in ("sensitivity", "metric", "bound"):  # the box's controls are not the circle's
        families = {row["family"] for row in TABLES[table](str(results))}
        assert len(families) == 2 * len(CONTROLS)
    told = json.loads((results / "theory_claims.json").read_text())
    assert {one["family"] for one in told} == {family.name for family in FAMILIES if family.null}
    published = published_files(str(results))
    assert set(files) <= set(published)
    assert {file.name for file in published if file.parent.name == "theory"} == {
        result_file(control_settings(str(results), task, name, 0)).name for name in CONTROLS for task in (SPATIAL, HEAD)
    }


def test_the_page_claims_no_errors_that_older_results_do_not_hold(tmp_path: Path) -> None:
    settings = replace(control_settings(str(tmp_path), HEAD, "langevin", 0), **FEW)
    whole = measure(settings)
    older = json.loads(json.dumps(whole))
    for name in ("relaxation", "diffusion", "bound"):
        older[name].pop("errors", None)
        older[name].pop("sensitivity")
    for chain in older["bound"]["chains"]:
        del chain["errors"]
    del older["bound"]["by_chance"]
    pages = []
    for held in (whole, older):
        file = result_file(control_settings(str(tmp_path), HEAD, "langevin", 0))
        file.write_text(json.dumps(held | {"settings": science(control_settings(str(tmp_path), HEAD, "langevin", 0))}))
        write(str(tmp_path))
        page = (tmp_path / "report_theory.html").read_text()
        pages.append(page[page.index("<h2>Rest of 20,000 steps") : page.index("<h2>The loss and its bounds")])
        assert ("Nothing yet: results" in page) is (held is older)
        assert ("lag of 250 steps: " in page) is (held is whole)
    assert [page.count(" ± ") for page in pages] == [3, 0]


def test_a_page_of_nothing_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match="nothing is measured"):
        write(str(tmp_path))


def test_results_that_lack_a_measure_are_completed_and_others_are_kept(tmp_path: Path) -> None:
    settings = Settings(run="control:langevin:bearings", path=str(tmp_path), **FEW)
    whole = measure(settings)
    assert is_whole(whole)
    older = {name: found for name, found in whole.items() if name != "metric"} | {"tempering": {"value": 9.0}}
    assert not is_whole(older)
    completed = measure(settings, older)
    assert (completed["tempering"], completed["metric"]) == ({"value": 9.0}, whole["metric"])
    assert completed["seconds"] > whole["seconds"]
    assert json.loads(result_file(settings).read_text()) == completed
    of_others = older | {"model": {**whole["model"], "run": "another"}}
    assert measure(settings, of_others)["tempering"] == whole["tempering"]


def test_networks_that_have_learned_nothing_are_asked_beside_a_trained_one(command: Command, tmp_path: Path) -> None:
    done = command("output_theory.py", "run=spatial_navigation/noisy_biased", *SMALL)
    assert done.returncode == 0, done.stderr
    nulls = json.loads((tmp_path / done.stdout.splitlines()[-1]).read_text())["nulls"]
    assert set(nulls) == {"untrained", "shuffled"}
    assert set(nulls["untrained"]) == {"why"}  # it reports no positions
    assert [fit["gain"] for fit in nulls["shuffled"]["fits"]] == [0, 4]
    assert nulls["shuffled"]["error"] > 0
