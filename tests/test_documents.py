"""Published files: numbers in documents are those of results, networks agree with their card, who writes to published/."""

from dataclasses import replace
import hashlib
import json
import math
from pathlib import Path
import re
import shutil
from typing import Any

from factories import AUTHORS_TABLES, ROOT, Command, authors_keys, keys_of
import numpy as np
import pytest
import torch

from paper.cards import NAME as MODEL_CARD
from paper.cards import model_card
from paper.claims import CLAIMS
from paper.claims.ablations import effects
from paper.claims.verdicts import HOLDS, judge_all
from paper.documents import PAGES, committed, filled
from paper.figures import FIGURES, draw_figure, pictures, shows_its_numbers
from paper.panels import PANELS
from paper.plan import Settings, reproduction
from paper.protocols import AUTHORS_CODE, BIASES, FURTHER_SEEDS, HEAD, NETWORKS, SEEDS, SPATIAL, VANILLA
from paper.publishing import CARD, publish
from paper.report.page import write_report
from paper.study import Study, step_length
from paper.tables import reached
from paper.theory import BY_NAME, control_settings, family_settings, found, run_of
import reactivation as ra
from reactivation.analysis.run import load_run
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.machine.places import PUBLISHED
from reactivation.storage.card import read_card, write_card
from reactivation.storage.files import sha256
from reactivation.storage.folder import RunFolder
from reactivation.storage.seal import unsealed, weights_digest

CARDS = json.loads((PUBLISHED / CARD).read_text())


@pytest.fixture(scope="module")
def study() -> Study:
    """The published results, each read once."""
    return committed()


@pytest.mark.artifact
@pytest.mark.parametrize("page", PAGES)
def test_every_number_is_made_from_the_results(page: str, study: Study) -> None:
    text = (ROOT / page).read_text()
    assert "made from results:" in text
    assert filled(text, study) == text, "python reproduce.py profile=paper only=publish brings it up to date"


@pytest.mark.artifact
def test_a_number_changed_by_hand_is_seen(study: Study) -> None:
    text = (ROOT / "README.md").read_text()
    begin = text.index("<!-- made from results: networks head_direction")
    block = text[begin : text.index("<!-- end -->", begin) + len("<!-- end -->")]
    digit = next(place for place in range(block.index("noisy_unbiased"), len(block)) if block[place].isdecimal())
    changed = block[:digit] + str((int(block[digit]) + 1) % 10) + block[digit + 1 :]
    assert filled(changed, study) == block != changed


@pytest.mark.artifact
def test_every_effect_said_to_be_below_is(study: Study) -> None:
    rows = [
        line.split("|")[1:-1] for line in (ROOT / "docs/differences.md").read_text().splitlines() if line.startswith("| ")
    ]
    said = {row[0].strip() for row in rows if "below" in row[-1]}
    assert said == {effect.ablation.row for effect in effects(study) if effect.default} - {"–"}


def test_the_page_on_speed_names_code_that_there_is() -> None:
    """The page names code as `module.name`, or as a file."""
    folders = [ROOT / name for name in ("reactivation", "benchmarks", "tests")]
    code = {file.as_posix(): file.read_text() for folder in folders for file in folder.rglob("*.py")}
    named = re.findall(r"`([a-z_/]+)\.(\w+)`", (ROOT / "docs" / "performance.md").read_text())
    assert ("device", "prepare") in named
    for module, name in named:
        if module not in {"trainer", "pyproject", "resume"}:  # a section of settings, and files of other kinds
            texts = [text for file, text in code.items() if file.endswith(f"/{module}.py")]
            wanted = "" if name == "py" else rf"^(def|class) {name}\b"
            assert any(re.search(wanted, text, re.MULTILINE) for text in texts), f"{module}.{name}"


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(BadInput, match="no such block"):
        filled("<!-- made from results: verdicts -->\n<!-- end -->", committed())


def test_a_run_of_another_network_is_not_the_papers(tmp_path: Path) -> None:
    run = "head_direction/noisy_unbiased_0.01_0"
    shutil.copytree(PUBLISHED / run, tmp_path / run)
    study, config = Study((0,), path=str(tmp_path)), tmp_path / run / "config.yml"
    assert study.trained_seeds("head_direction", "noisy_unbiased") == (0,)
    assert "n_rec: 128" in config.read_text()
    config.write_text(config.read_text().replace("n_rec: 128", "n_rec: 64"))
    assert study.trained_seeds("head_direction", "noisy_unbiased") == ()


def test_documents_are_written_from_the_papers_results_alone() -> None:
    with pytest.raises(BadInput, match="profile=paper"):
        reproduction(Settings(only="publish"))


@pytest.mark.parametrize("words", [{"seeds": "0"}, {"path": "elsewhere"}])
def test_documents_are_about_all_results(words: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="no path or seeds"):
        reproduction(Settings(profile="paper", only="publish", **words))


@pytest.mark.artifact
def test_the_report_and_its_verdicts_are_those_of_the_results(tmp_path: Path, study: Study) -> None:
    write_report(study, "paper", PUBLISHED / "figures", tmp_path / "report.html", tmp_path / "claims.json")
    assert (tmp_path / "report.html").read_text() == (PUBLISHED / "report.html").read_text(), "reproduce.py only=report"
    assert (tmp_path / "claims.json").read_text() == (PUBLISHED / "claims.json").read_text()


MEASURED = [key for key, panel in PANELS.items() if all(need.kind != "network" for need in panel.needs)]


@pytest.mark.artifact
@pytest.mark.parametrize("key", MEASURED)
def test_numbers_of_a_panel_are_those_of_the_results(key: str, tmp_path: Path, study: Study) -> None:
    draw_figure(key, replace(study, seeds=SEEDS), tmp_path)
    table = f"fig_{key}.csv"
    assert (tmp_path / table).read_text() == (PUBLISHED / "figures" / table).read_text(), "reproduce.py only=draw"


@pytest.mark.artifact
@pytest.mark.parametrize("key", FIGURES)
def test_a_figure_shows_the_numbers_beside_it(key: str) -> None:
    assert shows_its_numbers(PUBLISHED / "figures", key), "reproduce.py only=draw"


@pytest.mark.parametrize(
    "words",
    [
        f"train.py config=head_direction/noisy_unbiased seed=1 path={PUBLISHED}/head_direction/noisy_unbiased_0.01_1",
        f"output_kl.py seed=0 path={PUBLISHED}",
        f"output_kl.py seed=0 path={PUBLISHED} out=mine",
        f"figures.py fig=1b path={PUBLISHED}",
        f"reproduce.py profile=paper only=report path={PUBLISHED}",
    ],
)
def test_no_command_writes_among_what_is_published(words: str, command: Command) -> None:
    before = {file: file.stat().st_mtime_ns for file in PUBLISHED.rglob("*")}
    done = command(*words.split())
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "published results are read-only" in done.stderr
    assert {file: file.stat().st_mtime_ns for file in PUBLISHED.rglob("*")} == before


@pytest.mark.parametrize(
    "words", ["output_kl.py task=head_direction runs=[noisy_unbiased] seed=1", "figures.py fig=3c seeds=1"]
)
def test_where_a_network_was_not_kept_what_to_delete_is_named(words: str, tmp_path: Path, command: Command) -> None:
    run = "head_direction/noisy_unbiased_0.01_1"
    shutil.copytree(PUBLISHED / run, tmp_path / "results" / run)
    done = command(*words.split())
    assert done.returncode == 3
    assert f"delete results/{run}, then: python train.py config=head_direction/noisy_unbiased seed=1" in done.stderr


def test_ones_own_runs_and_results_come_before_what_is_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Published results count unless one's own networks differ; a message says once what is taken from published/."""
    own, task = Study((0, 1), path=str(tmp_path)), "head_direction"
    assert own.seeds_of("kl_head", "manifold_head") == own.trained_seeds(task, "noisy_biased") == (0, 1)
    assert capsys.readouterr().err == f"what {tmp_path} has not is taken from {PUBLISHED}\n"
    assert Study((0,), path=str(tmp_path), fallback=False).seeds_of("kl_head") == ()
    run = f"{task}/noisy_biased_0.01_1"
    shutil.copytree(PUBLISHED / run, tmp_path / run)
    assert own.seeds_of("kl_head") == (0, 1), "the same run"
    (tmp_path / run / "model_20000.pt").write_bytes(b"another network")
    assert own.seeds_of("kl_head") == (0,)


def test_a_network_that_was_trained_here_does_not_count_with_measures_of_the_mechanism_of_another(tmp_path: Path) -> None:
    settings = family_settings(str(tmp_path), BY_NAME["drawn tanh"], 0)
    assert found(settings) is not None, "published"
    published = run_of(settings).path
    shutil.copytree(published, tmp_path / HEAD / published.name)
    assert found(settings) is None
    assert found(control_settings(str(tmp_path), HEAD, "langevin", 0)) is not None, "a control has no training"


@pytest.mark.artifact
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", AUTHORS_TABLES)
def test_the_authors_notebooks_can_read_what_is_published(name: str, seed: int) -> None:
    folders = [f"no-noise_{bias}_{seed}" for bias in BIASES] + [f"noisy_{bias}_0.0001_{seed}" for bias in BIASES]
    table = json.loads((PUBLISHED / SPATIAL / f"{name}_0.0001_{seed}.json").read_text())
    assert keys_of(table) == authors_keys(name, folders, noiseless=2)
    assert all((PUBLISHED / SPATIAL / folder / "test_metrics.json").exists() for folder in folders), "Fig. 1b"


def test_prose_about_released_networks_has_the_published_numbers() -> None:
    """Differences from the right uniform density, distances from waking, sizes of rest, and growth without the push."""
    seeds = [*range(5)]
    page = " ".join((ROOT / "docs/claims.md").read_text(encoding="utf-8").split())

    def released(name: str, seed: int, end: str = "") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (PUBLISHED / SPATIAL / f"{name}_0.0001_{seed}_authors_code{end}.json").read_text()
        )
        return found

    runs = [f"noisy_unbiased_0.0001_{seed}_authors_code" for seed in seeds]

    def differences(end: str) -> list[float]:
        tables = [released("kl", seed, end) for seed in seeds]
        return [of[run][run] - of["uniform"][run] + math.log(2.2) for of, run in zip(tables, runs, strict=True)]

    def growth(seed: int) -> float:
        ends = [
            released("manifold", seed, f"_long_{noise}_details")["noisy_biased"]["quiescent_norm"][-1]
            for noise in ("twelfth", "uniform")
        ]
        return math.log2(ends[0] / ends[1])

    doubled, single, grown = differences(""), differences("_gain1"), [growth(seed) for seed in seeds]
    still = [released("variance", seed)[run] for seed, run in zip(seeds, runs, strict=True)]
    away = [released("kl", seed)[run][run] for seed, run in zip(seeds, runs, strict=True)]
    assert len(list((PUBLISHED / SPATIAL).glob("kl_0.0001_?_authors_code.json"))) == len(seeds), "seeds are not all counted"
    assert "the difference of the five seeds" in page
    assert f"{min(doubled):.2f} to {max(doubled):.2f} nats with doubled noise" in page
    assert f"and {min(single):.2f} to {max(single):.2f} nats without" in page
    assert f"variance of {np.mean(still):.3f} m²" in page
    assert f"they are {np.mean(away):.2f} nats from it" in page
    assert f"2^{min(grown):.0f} to 2^{max(grown):.0f} times as large" in page

    def ratios(task: str, noise: str, name: str, seed: int) -> np.ndarray:
        """Doublings of the norm at each step of long rest, over its mean awake."""
        file = PUBLISHED / task / f"manifold_{noise}_{seed}_authors_code_long_details.json"
        found = json.loads(file.read_text())[name]
        return np.log2(np.array(found["quiescent_norm"]) / np.mean(found["active_norm"]))

    networks = [
        (*of_task, f"noisy_{bias}", seed)
        for of_task in ((SPATIAL, "0.0001"), (HEAD, "0.01"))
        for bias in BIASES
        for seed in seeds
    ]
    (apart,) = (network for network in networks if abs(ratios(*network)[-1]) > 1)
    assert apart == (SPATIAL, "0.0001", "noisy_biased", 4)
    assert f"as large as awake in {len(networks) - 1} of {len(networks)}" in page
    assert f"then grows 2^{ratios(*apart)[-1]:.0f}-fold by the last" in page
    assert max(ratios(*apart)[:200]) < 1
    assert min(np.diff(ratios(*apart)[300:])) > 0


def test_prose_about_released_networks_of_head_direction_has_the_published_numbers() -> None:
    page = " ".join((ROOT / "docs/claims.md").read_text(encoding="utf-8").split())
    away, turned, at_limit = [], [], []
    for file in sorted((PUBLISHED / HEAD).glob("transitions_0.01_?_authors_code.json")):
        seed = int(file.name.split("_")[2])
        run = f"noisy_biased_0.01_{seed}_authors_code"
        of_rest = json.loads(file.read_text())[run]
        away.append(json.loads((file.parent / file.name.replace("transitions", "kl")).read_text())[run][run])
        turned.append(of_rest["quiescent"]["mean_turn"] / of_rest["active"]["mean_turn"])
        at_limit.append(of_rest["quiescent"]["dwell"] == 499)
    near, *far = sorted(away)
    assert len(far) == 4
    assert away[2] == near
    told = f"few bearings, {far[0]:.2f} to {far[-1]:.2f} nats from waking; that of the fifth (seed 2) is {near:.2f} nats"
    assert told in page
    assert f"They turn on at {min(turned):.2f} to {max(turned):.2f} of the waking turn per step" in page
    assert sum(at_limit) == 2
    assert "Two of its five biased ones" in page


@pytest.mark.artifact
def test_prose_about_claims_that_hold_has_the_published_numbers(study: Study) -> None:
    verdicts = judge_all(CLAIMS, study)
    hold = [claim.key for claim in CLAIMS if not claim.ours and reached(verdicts[claim.key]) == HOLDS]
    repeats = [key for key in hold if key.endswith(("_gain1", "_gru"))]
    smooth = [key for key in hold if key.startswith("smooth_")]
    assert (len(smooth), hold.count("dwell_biased")) == (6, 1)
    away = []
    for seed in (*SEEDS, *FURTHER_SEEDS):
        run = f"noisy_unbiased_0.01_{seed}"
        table = json.loads((PUBLISHED / HEAD / f"kl_0.01_{seed}.json").read_text())
        away.append((table["random"][run], table[run][run]))
    random, trained = np.mean(away, axis=0)
    page = " ".join((ROOT / "docs/claims.md").read_text(encoding="utf-8").split())
    assert f"Of the {len(hold)} claims of the paper that hold, {len(repeats)} repeat another one" in page
    assert f"{random:.3f} nats from waking, where those at rest of the trained are {trained:.2f}" in page


def test_results_of_the_former_shape_are_still_read(tmp_path: Path) -> None:
    """They are by experiment, and distances are by run first."""
    now, runs = committed().result("distance", 0)["table"], ["noisy_unbiased", "no-noise_biased"]
    former = {run: {"active": now[run]["active"], "quiescent": now[run]["quiescent"]} for run in VANILLA}
    file, details_file = (tmp_path / SPATIAL / f"distance_0.0001_0{part}.json" for part in ("", "_details"))
    file.parent.mkdir()
    file.write_text(json.dumps(former))
    details = json.loads((PUBLISHED / SPATIAL / details_file.name).read_text())
    details_file.write_text(json.dumps(details | {"table_sha256": sha256(file.read_bytes())}))
    again = Study((0,), path=str(tmp_path)).result("distance", 0)["table"]
    assert again == former
    assert [step_length({"table": again}, run, "quiescent") for run in runs] == [
        step_length({"table": now}, run, "quiescent") for run in runs
    ]


def test_results_of_other_settings_are_not_the_papers(tmp_path: Path) -> None:
    task = "spatial_navigation"
    (tmp_path / task).mkdir()
    for part in ("", "_details"):
        shutil.copy(PUBLISHED / f"{task}/kl_0.0001_0{part}.json", tmp_path / task)
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
    breaks: list[dict[str, Any]] = [{"format": was["format"] - 1}, {"models": []}, {"settings": None}]
    for broken in breaks:
        details.write_text(json.dumps(was | broken))
        assert study.seeds_of("kl") == (), broken
    details.write_text(json.dumps(was))
    assert study.seeds_of("kl") == (0,)
    shutil.copy(PUBLISHED / f"{task}/kl_0.0001_1.json", tmp_path / task / "kl_0.0001_0.json")
    assert study.seeds_of("kl") == (), "a table of another seed"


@pytest.mark.artifact
def test_what_is_published_is_small_and_there_once() -> None:
    of_text = {card["config"] for card in CARDS.values() if "preset" not in card}
    assert of_text == {f"{task}/{run}" for task, runs in NETWORKS.items() for run in runs}
    assert {card.get("preset") for card in CARDS.values()} <= {None, AUTHORS_CODE}
    files = [file for file in PUBLISHED.rglob("*") if file.is_file()]
    of_theory = [file for file in files if "theory" in str(file.relative_to(PUBLISHED))]
    assert sum(file.stat().st_size for file in set(files) - set(of_theory)) < 100e6, "of the text and of the released code"
    assert sum(file.stat().st_size for file in files) < 190e6, "the work tree is to stay below 200 MB"
    kept = {f"{file.parent.relative_to(PUBLISHED)}" for file in set(files) - set(of_theory) if file.suffix == ".pt"}
    assert kept == set(CARDS)
    assert not [file for file in files if file.name == "metrics.jsonl"], "the tables have the same rows"


@pytest.mark.artifact
@pytest.mark.parametrize("name", CARDS)
def test_a_published_network_is_what_its_card_says(name: str) -> None:
    card, folder = CARDS[name], RunFolder(PUBLISHED / name)
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
    told = (folder.path / MODEL_CARD).read_text()
    own = Study(SEEDS, card.get("preset"), path=str(PUBLISHED), fallback=False)
    assert told == model_card(own, *card["config"].split("/")), (
        "python reproduce.py profile=paper only=publish makes it anew"
    )


def test_a_fresh_clone_analyses_the_published_networks(command: Command, tmp_path: Path) -> None:
    done = command("output_kl.py", "seed=0", "batch_size=12", "t_quiescent=20", "n_samples=50")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/spatial_navigation/kl_0.0001_0.json").exists()


def test_publishing_copies_what_a_study_has_of_its_own(tmp_path: Path) -> None:
    results, target = tmp_path / "results", tmp_path / "target"
    first, second = (f"head_direction/noisy_{bias}_0.01_0" for bias in ("unbiased", "biased"))
    released = f"{first}_{AUTHORS_CODE}"
    for run in (first, second, released):
        shutil.copytree(PUBLISHED / run, results / run)
    (results / first / "resume.pt").touch()
    folder = RunFolder(results / first)
    write_card(folder, folder.config(), folder.config().trainer.n_epochs)
    table = results / second / "test_metrics.json"
    table.write_text(json.dumps({"0": json.loads(table.read_text())["0"]}))  # has just begun
    study = Study((0,), path=str(results))
    assert {file.parent.name for file in publish(study, target)} == {Path(first).name, Path(released).name, target.name}
    made, expected = ({file.name: file.read_bytes() for file in (root / first).iterdir()} for root in (target, PUBLISHED))
    assert "was not measured" in made.pop(MODEL_CARD).decode(), "there are no results here"
    expected.pop(MODEL_CARD)
    assert made == {**expected, "run.json": folder.card_file.read_bytes()}
    assert read_card(RunFolder(target / first)) == read_card(folder)
    assert json.loads((target / CARD).read_text()) == {run: CARDS[run] for run in (first, released)}
    assert f'ra.load("{released}")' in (target / released / MODEL_CARD).read_text()
    assert ra.load(released).config.rnn.noise == "uniform"
    assert publish(study, target) == [], "nothing has changed"


def test_a_report_without_its_pictures_is_not_published(tmp_path: Path) -> None:
    """In a clone, figures are in published/ and not in results/, so a report made in results/ has none."""
    results, target = tmp_path / "results", tmp_path / "target"
    study = Study((0,), path=str(results))
    write_report(study, "paper", pictures(study), results / "report.html", results / "claims.json")
    with pytest.raises(DamagedData, match=r"lacks pictures; python reproduce\.py profile=paper only=draw,report") as refused:
        publish(study, target)
    assert "\n" not in str(refused.value)
    assert not target.exists()
