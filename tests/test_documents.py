"""What the repository ships: numbers in documents are those of the results, pretrained networks what their card says."""

import hashlib
import json
from pathlib import Path
import shutil

from conftest import ROOT
import pytest
import torch

from paper.claims.ablations import effects
from paper.figures import FIGURES, draw_figure, shows_its_numbers
from paper.panels import PANELS
from paper.plan import CARD, Settings, pack, reproduction
from paper.protocols import NETWORKS
from paper.report import PAGES, committed, filled, write_report
from paper.study import Study
from reactivation.analysis.run import load_run
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.machine.places import PRETRAINED
from reactivation.storage.folder import RunFolder
from reactivation.storage.seal import unsealed, weights_digest

CARDS = json.loads((PRETRAINED / CARD).read_text()) if (PRETRAINED / CARD).exists() else {}


@pytest.mark.parametrize("page", PAGES)
def test_every_number_is_made_from_the_results(page: str) -> None:
    text = (ROOT / page).read_text()
    assert "made from results:" in text
    assert filled(text, committed()) == text, "python reproduce.py profile=paper only=documents brings it up to date"


def test_a_number_changed_by_hand_is_seen() -> None:
    text = (ROOT / "README.md").read_text()
    block = text.index("made from results: networks spatial_navigation")
    digit = next(place for place in range(block, len(text)) if text[place].isdecimal())
    changed = text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :]
    assert filled(changed, committed()) == filled(text, committed()) != changed


def test_every_effect_said_to_be_below_is() -> None:
    rows = [
        line.split("|")[1:-1] for line in (ROOT / "docs/differences.md").read_text().splitlines() if line.startswith("| ")
    ]
    said = {row[0].strip() for row in rows if "below" in row[-1]}
    assert said == {effect.ablation.row for effect in effects(committed()) if effect.default} - {"–"}


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(BadInput, match="no such block"):
        filled("<!-- made from results: verdicts -->\n<!-- end -->", committed())


def test_a_run_of_another_network_is_not_the_papers(tmp_path: Path) -> None:
    run = "head_direction/noisy_unbiased_0.01_0"
    shutil.copytree(ROOT / "results" / run, tmp_path / run, ignore=shutil.ignore_patterns("*.pt", ".lock"))
    study, config = Study((0,), path=str(tmp_path)), tmp_path / run / "config.yml"
    assert study.trained_seeds("head_direction", "noisy_unbiased") == (0,)
    assert "n_rec: 128" in config.read_text()
    config.write_text(config.read_text().replace("n_rec: 128", "n_rec: 64"))
    assert study.trained_seeds("head_direction", "noisy_unbiased") == ()


def test_documents_are_written_from_the_papers_results_alone() -> None:
    with pytest.raises(BadInput, match="profile=paper"):
        reproduction(Settings(only="documents"))


@pytest.mark.parametrize("words", [{"seeds": "0"}, {"path": "elsewhere"}])
def test_documents_are_about_all_results(words: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="no path or seeds"):
        reproduction(Settings(profile="paper", only="documents", **words))


def test_the_report_and_its_verdicts_are_those_of_the_results(tmp_path: Path) -> None:
    results = ROOT / "results"
    write_report(committed(), "paper", results / "figures", tmp_path / "report.html", tmp_path / "claims.json")
    assert (tmp_path / "report.html").read_text() == (results / "report.html").read_text(), "reproduce.py only=report"
    assert (tmp_path / "claims.json").read_text() == (results / "claims.json").read_text()


MEASURED = [key for key, panel in PANELS.items() if all(need.kind != "network" for need in panel.needs)]


@pytest.mark.parametrize("key", MEASURED)
def test_numbers_of_a_panel_are_those_of_the_results(key: str, tmp_path: Path) -> None:
    draw_figure(key, committed(), tmp_path)
    table = f"fig_{key}.csv"
    assert (tmp_path / table).read_text() == (ROOT / "results/figures" / table).read_text(), "reproduce.py only=draw"


@pytest.mark.parametrize("key", FIGURES)
def test_a_figure_shows_the_numbers_beside_it(key: str) -> None:
    assert shows_its_numbers(ROOT / "results/figures", key), "reproduce.py only=draw"


def test_a_fresh_clone_leaves_the_measures_of_its_networks_alone(tmp_path: Path, command) -> None:
    run = "results/head_direction/noisy_unbiased_0.01_0"
    shutil.copytree(ROOT / run, tmp_path / run, ignore=shutil.ignore_patterns("*.pt", ".lock"))
    before = {file: file.read_bytes() for file in (tmp_path / run).iterdir()}
    done = command("train.py", "config=head_direction/noisy_unbiased", "seed=0", "device=cpu")
    assert done.returncode == 0, done.stderr
    assert "its network is in" in done.stdout
    assert {file: file.read_bytes() for file in (tmp_path / run).iterdir()} == before


@pytest.mark.parametrize(
    "words", ["output_kl.py task=head_direction runs=[noisy_unbiased] seed=1", "figures.py fig=3c seeds=1"]
)
def test_where_a_network_was_not_kept_what_to_delete_is_named(words: str, tmp_path: Path, command) -> None:
    run = "results/head_direction/noisy_unbiased_0.01_1"
    shutil.copytree(ROOT / run, tmp_path / run, ignore=shutil.ignore_patterns("*.pt", ".lock"))
    done = command(*words.split())
    assert done.returncode == 3
    assert f"delete {run}, then: python train.py config=head_direction/noisy_unbiased seed=1" in done.stderr


def test_a_card_keeps_what_it_says_of_networks_that_are_not_at_hand(tmp_path: Path) -> None:
    shutil.copy(PRETRAINED / CARD, tmp_path)
    card = json.loads(pack(Study((0,), path=str(tmp_path / "nothing")), 0, tmp_path).read_text())
    assert card == CARDS


def test_results_of_other_settings_are_not_the_papers(tmp_path: Path) -> None:
    task = "spatial_navigation"
    (tmp_path / task).mkdir()
    for part in ("", "_details"):
        shutil.copy(ROOT / f"results/{task}/kl_0.0001_0{part}.json", tmp_path / task)
    run = f"{task}/noisy_biased_0.0001_0"
    shutil.copytree(PRETRAINED / run, tmp_path / run)
    study = Study((0,), path=str(tmp_path))
    details = tmp_path / task / "kl_0.0001_0_details.json"
    assert study.seeds_of("kl") == (0,)
    was = json.loads(details.read_text())
    model = was["models"]["noisy_biased"]
    for key, change in {
        "settings": {"t_quiescent": 50},
        "models": {"noisy_biased": model | {"step": 500}},
        "models ": {"noisy_biased": model | {"fingerprint": "another network"}},
        "models  ": {"noisy_biased": None},
        "models   ": {"noisy_biased": model | {"weights": "another file"}},
    }.items():
        details.write_text(json.dumps(was | {key.strip(): was[key.strip()] | change}))
        assert study.seeds_of("kl") == (), change
        with pytest.raises(DamagedData, match="not of just these settings and networks"):
            Study((0,), path=str(tmp_path)).result("kl", 0)
    for broken in ({"format": was["format"] - 1}, {"models": []}, {"settings": None}):
        details.write_text(json.dumps(was | broken))
        assert study.seeds_of("kl") == (), broken
    details.write_text(json.dumps(was))
    assert study.seeds_of("kl") == (0,)
    shutil.copy(ROOT / f"results/{task}/kl_0.0001_1.json", tmp_path / task / "kl_0.0001_0.json")
    assert study.seeds_of("kl") == (), "a table of another seed"


def test_pretrained_networks_are_small_together() -> None:
    assert {card["config"] for card in CARDS.values()} == {
        f"{task}/{run}" for task, runs in NETWORKS.items() for run in runs
    }
    assert sum(file.stat().st_size for file in PRETRAINED.rglob("*") if file.is_file()) < 40e6


@pytest.mark.parametrize("name", CARDS)
def test_a_pretrained_network_is_what_its_card_says(name: str) -> None:
    card, folder = CARDS[name], RunFolder(PRETRAINED / name)
    model = folder.model_file(card["step"])
    assert (card["file"], card["bytes"]) == (model.name, model.stat().st_size)
    assert card["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert card["weights"] == weights_digest(model)
    assert unsealed(model.read_bytes()) is not None
    run = load_run(folder, torch.device("cpu"))
    assert (f"{run.config.task_name}/{run.config.experiment}", run.config.seed, run.step) == (
        card["config"],
        card["seed"],
        card["step"],
    )
    assert all(torch.isfinite(weights).all() for weights in run.network.state_dict().values())


def test_a_fresh_clone_analyses_the_pretrained_networks(command, tmp_path: Path) -> None:
    done = command("output_kl.py", "seed=0", "batch_size=12", "t_quiescent=20", "n_samples=50")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/spatial_navigation/kl_0.0001_0.json").exists()


def test_packing_copies_what_a_run_needs(tmp_path: Path) -> None:
    results, shipped = tmp_path / "results", tmp_path / "shipped"
    name = next(name for name in CARDS if name.startswith("head_direction"))
    shutil.copytree(PRETRAINED / name, results / name)
    card = json.loads(pack(Study((0,), path=str(results)), 0, shipped).read_text())
    assert card == {name: CARDS[name]}
    assert load_run(RunFolder(shipped / name), torch.device("cpu")).step == card[name]["step"]
