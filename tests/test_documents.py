"""What the repository ships: numbers in documents are those of the results, pretrained networks what their card says."""

import hashlib
import json
from pathlib import Path
import shutil

from conftest import ROOT
import pytest
import torch

from reactivation.errors import BadInput
from reactivation.paper.documents import PAGES, committed, filled
from reactivation.paper.evidence import Evidence
from reactivation.paper.ledger import effects
from reactivation.paper.pretrained import CARD, pack
from reactivation.paper.reproduction import Settings, reproduction
from reactivation.runs import PRETRAINED, RunFolder, load_run

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
    assert said == {effect.row for effect in effects(committed())} - {"–"}


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(BadInput, match="no such block"):
        filled("<!-- made from results: verdicts -->\n<!-- end -->", committed())


def test_documents_are_written_from_the_papers_results_alone() -> None:
    with pytest.raises(BadInput, match="profile=paper"):
        reproduction(Settings(only="documents"))


def test_pretrained_networks_are_small_together() -> None:
    assert CARDS
    assert sum(file.stat().st_size for file in PRETRAINED.rglob("*") if file.is_file()) < 40e6


@pytest.mark.parametrize("name", CARDS)
def test_a_pretrained_network_is_what_its_card_says(name: str) -> None:
    card, folder = CARDS[name], RunFolder(PRETRAINED / name)
    model = folder.model_file(card["step"])
    assert (card["file"], card["bytes"]) == (model.name, model.stat().st_size)
    assert card["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
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
    card = json.loads(pack(Evidence((0,), path=str(results)), 0, shipped).read_text())
    assert card == {name: CARDS[name]}
    assert load_run(RunFolder(shipped / name), torch.device("cpu")).step == card[name]["step"]
