"""Publishing: copy the results of the study from results/ to published/, where every other command only reads.

They are those of networks of the paper's text and of its released code. Of each run, the configuration and all measures are
published; of the first seed, also the last network. A card describes the networks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from paper.cards import NAME as MODEL_CARD
from paper.cards import model_card
from paper.diagram import published_files as published_files_of_diagram
from paper.figures import FIGURES, pictures
from paper.gain import published_files as published_files_of_gain
from paper.pictures import picture
from paper.protocols import ALL_PROTOCOLS, NETWORKS, SEEDS, VARIANTS
from paper.report.page import NOT_DRAWN
from paper.study import Study
from paper.theory import published_files
from reactivation.machine.errors import DamagedData, storing
from reactivation.machine.places import PUBLISHED
from reactivation.storage.files import digest, read_json, to_json, write_atomically
from reactivation.storage.folder import RunFolder
from reactivation.storage.seal import weights_digest

CARD = "card.json"  # of the networks


def publish(study: Study, target: Path = PUBLISHED) -> list[Path]:
    """Copy the files of a study into published/, and bring the card of the networks up to date.

    The files are runs trained to the end, results of exactly these networks, those of the studies of the mechanism, of the
    gain and of replay, and all figures, report, verdicts and benchmarks. Other published files stay as they are.

    Returns:
        The files that changed.

    Raises:
        DamagedData: the report lacks pictures; nothing is written then.
        StorageError: the folder cannot be written.
    """
    root, own = Path(study.path), replace(study, fallback=False)
    asked_beside = (published_files, published_files_of_gain, published_files_of_diagram)
    of_networks = (file for each in _both(own) for file in (*_runs(each), *_results(each)))
    files = (*of_networks, *_pages(own), *(file for found in asked_beside for file in found(study.path)))
    contents = {target / file.relative_to(root): file.read_bytes() for file in files}
    changed = [file for file, content in contents.items() if _put(file, content)]
    published = replace(own, path=str(target))
    cards = {target / CARD: to_json(_card(published)), **dict(_model_cards(published))}
    return changed + [file for file, content in cards.items() if _put(file, content)]


def _put(file: Path, content: bytes) -> bool:
    """Write a file if its content changes; returns whether it did."""
    if file.exists() and file.read_bytes() == content:
        return False
    with storing(file):
        file.parent.mkdir(parents=True, exist_ok=True)  # make_folder refuses to make folders in published/
    write_atomically(file, content)
    return True


def _both(study: Study) -> tuple[Study, Study]:
    """The study of networks of the paper's text, and that of networks of its released code."""
    return study, study.of_released_code


def _runs(study: Study) -> Iterator[Path]:
    for task, run in (*_of(NETWORKS), *_of(VARIANTS)):
        last = study.config(task, run, SEEDS[0]).trainer.n_epochs
        for seed in study.trained_seeds(task, run):
            folder = study.folder(task, run, seed)
            if folder.config().trainer.n_epochs != last:
                continue  # it was trained further since
            yield from (folder.config_file, folder.environment_file, *map(folder.table_file, ("train", "test")))
            if folder.card_file.exists():
                yield folder.card_file
            if run in NETWORKS[task] and seed == SEEDS[0] and folder.kept(last):
                yield folder.model_file(last)


def _of(networks: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(task, run) for task, runs in networks.items() for run in runs]


def _results(study: Study) -> Iterator[Path]:
    for name in ALL_PROTOCOLS:
        for seed in study.seeds_of(name):
            yield from study.result_files(name, seed).values()


def _pages(study: Study) -> Iterator[Path]:
    """Figures and their tables, the report and its verdicts, the output of benchmarks."""
    folder = pictures(study)
    drawn = [picture(folder, key, form) for key in FIGURES for form in ("pdf", "png")]
    tables = [picture(folder, panel, "csv") for figure in FIGURES.values() for panel in figure.panels]
    told = report, _ = [Path(study.path) / name for name in ("report.html", "claims.json")]
    if report.exists() and NOT_DRAWN in report.read_text(encoding="utf-8"):
        raise DamagedData(f"{report}: lacks pictures; python reproduce.py profile=paper only=draw,report makes it whole")
    yield from (file for file in [*drawn, *tables, *told, *study.benchmarks("*")] if file.exists())


def _model_cards(published: Study) -> Iterator[tuple[Path, bytes]]:
    """The model card of each published network, and its file."""
    for study, task, run, folder, _ in _networks(published):
        yield folder.path / MODEL_CARD, model_card(study, task, run).encode()


def _card(published: Study) -> dict[str, Any]:
    """The card of the published networks: config, step, last measures, size and SHA-256 of each."""
    card = {}
    for study, task, run, folder, step in _networks(published):
        model = folder.model_file(step)
        card[f"{task}/{folder.path.name}"] = {
            "config": f"{task}/{run}",
            **({"preset": study.preset} if study.preset else {}),
            "seed": SEEDS[0],
            "step": step,
            "measures": read_json(folder.table_file("test"))[str(step)],  # with the names in that file
            "file": model.name,
            "bytes": model.stat().st_size,
            "sha256": digest(model),
            "weights": weights_digest(model),
        }
    return card


def _networks(published: Study) -> Iterator[tuple[Study, str, str, RunFolder, int]]:
    """Each network whose weights are published: its study, task, run, folder and step."""
    for study in _both(published):
        for task, run in _of(NETWORKS):
            folder, step = study.folder(task, run, SEEDS[0]), study.config(task, run, SEEDS[0]).trainer.n_epochs
            if folder.model_file(step).exists():
                yield study, task, run, folder, step
