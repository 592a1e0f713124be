"""The card of a run, run.json: a summary for tables in one small file, so that many runs are read quickly.

Training writes it when it takes a folder, at every save and at the end. The card is a copy: loading a run, or continuing its
training, reads the configuration and the checkpoint themselves. A card that does not match the files of its folder is
ignored.
"""

from dataclasses import asdict, dataclass
from typing import Any

from reactivation.machine.errors import BadInput, storing
from reactivation.settings.identity import fingerprint, science_hash
from reactivation.settings.layers import TrainConfig, to_dict
from reactivation.settings.reading import flatten
from reactivation.storage.fields import made
from reactivation.storage.files import parse_json, sha256, to_json, write_atomically
from reactivation.storage.folder import RunFolder

FINISHED, PARTIAL, FAILED = "finished", "partial", "failed"
_FORMAT = 1
_GROUPS = ("task", "rnn", "trainer")  # of the settings that a table shows


@dataclass(frozen=True)
class Card:
    """Summarise what a run is, and how far it got."""

    experiment: str  # <task>/<name>
    seed: int
    tag: str | None
    fingerprint: str
    state: str
    step: int  # how many gradient steps are made
    settings: dict[str, Any]  # by dotted keys
    tested: int  # step of the last test, 0 for none
    measures: dict[str, float | None]  # of that test
    problem: str | None = None  # why it failed


def write_card(folder: RunFolder, config: TrainConfig, step: int, problem: str | None = None) -> None:
    """Write a run's card, after the files that it summarises.

    Raises:
        StorageError: it cannot be written.
    """
    write_atomically(folder.card_file, card_content(folder, config, step, problem))


def card_content(folder: RunFolder, config: TrainConfig, step: int, problem: str | None = None) -> bytes:
    """Return the content of a run's card, from the files in its folder."""
    card = asdict(_card(folder, config, step, problem))
    return to_json({"format": _FORMAT, "of": _files_of(folder), **card})


def read_card(folder: RunFolder) -> Card:
    """Return a run's card, made from the other files if run.json is missing or does not match them. Writes nothing.

    Raises:
        DamagedData: these other files are damaged.
    """
    try:
        content = parse_json(folder.card_file.read_bytes())
        if content.pop("format") == _FORMAT and content.pop("of") == _files_of(folder):
            card = made(Card, content)
            if _is_sound(card):
                return card
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, BadInput):
        pass  # the card is missing or damaged
    return _card(folder, folder.config(), max([folder.last_tested(), *folder.steps()]))


def _is_sound(card: Card) -> bool:
    """Whether the card's fields agree: state with steps, fingerprint with settings."""
    last = card.settings.get("trainer.n_epochs")
    if type(last) is not int or min(card.step, card.tested) < 0 or card.state != _state(card.step, last, card.problem):
        return False
    return card.fingerprint == fingerprint(card.experiment.split("/")[0], {"seed": card.seed, **card.settings})


def _state(step: int, last: int, problem: str | None) -> str:
    if problem:
        return FAILED
    return FINISHED if step >= last else PARTIAL


def in_the_way(folder: RunFolder, config: TrainConfig) -> bool:
    """Whether the folder has a run of another configuration that failed before a network was saved: it may be replaced.

    Raises:
        DamagedData: the run's files are damaged.
        StorageError: the folder may not be read.
    """
    with storing(folder.path):
        begun = folder.has_begun()
    if not begun or folder.steps() or folder.is_of(config):
        return False
    return read_card(folder).state == FAILED


def _files_of(folder: RunFolder) -> dict[str, Any]:
    """What identifies the files that a card summarises, and is quick to find."""
    tests = folder.table_file("test")
    return {"config": sha256(folder.config_file.read_bytes()), "tests": tests.stat().st_size if tests.exists() else None}


def _card(folder: RunFolder, config: TrainConfig, step: int, problem: str | None = None) -> Card:
    tests = folder.table("test")
    tested = max(tests, default=0)
    return Card(
        config.config,
        config.seed,
        config.tag,
        science_hash(config),
        _state(step, config.trainer.n_epochs, problem),
        step,
        flatten({group: value for group, value in to_dict(config).items() if group in _GROUPS}),
        tested,
        tests.get(tested, {}),
        problem,
    )
