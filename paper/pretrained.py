"""The networks that come with the project: one seed of every configuration, with a card that says what they are.

A pretrained run is an ordinary run folder with its last model alone, so whatever loads a run loads it.
"""

from pathlib import Path

from paper.evidence import Evidence
from paper.protocols import NETWORKS
from reactivation.machine.places import PRETRAINED
from reactivation.storage.files import digest, make_folder, read_json, to_json, write_atomically
from reactivation.storage.runs import RunFolder, run_path
from reactivation.storage.seal import weights_digest

CARD = "card.json"


def pack(evidence: Evidence, seed: int, folder: Path = PRETRAINED) -> Path:
    """Copy the trained runs of a seed, and write their card: config, step, last measures, SHA-256 of the model.

    Returns:
        The card.

    Raises:
        StorageError: the folder cannot be written.
    """
    card = folder / CARD
    cards = read_json(card) if card.exists() else {}  # of networks whose weights are not at hand, it stays as it is
    for task, runs in NETWORKS.items():
        for run in runs:
            config = evidence.config(task, run, seed)
            source = RunFolder(run_path(config, evidence.path))
            step = config.trainer.n_epochs
            if not (evidence.is_trained(task, run, seed) and source.kept(step) and source.config().trainer.n_epochs == step):
                continue  # not there, not whole yet, or trained on since
            target = RunFolder(run_path(config, str(folder)))
            make_folder(target.path)
            for file in (source.config_file, source.environment_file, source.table_file("test")):
                write_atomically(target.path / file.name, file.read_bytes())
            model = source.model_file(step).read_bytes()
            write_atomically(target.model_file(step), model)
            cards[str(target.path.relative_to(folder))] = {
                "config": f"{task}/{run}",
                "seed": seed,
                "step": step,
                "measures": evidence.training(task, run, seed)[step],
                "file": target.model_file(step).name,
                "bytes": len(model),
                "sha256": digest(target.model_file(step)),
                "weights": weights_digest(target.model_file(step)),
            }
    write_atomically(card, to_json(cards))
    return card
