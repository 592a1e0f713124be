"""What the study of the mechanism writes: verdicts, and figures with their tables."""

from pathlib import Path

from paper.claims.mechanism import Judged, judge_mechanism
from paper.panels.theory import draw
from reactivation.storage.files import to_json, write_atomically


def write(path: str) -> list[Path]:
    """Write verdicts and figures of what is measured below a root of results; returns the files.

    Raises:
        DamagedData: nothing is measured there.
        StorageError: they cannot be written.
    """
    judged = judge_mechanism(path)
    for one in judged:
        print(f"{one.family}: {one.question} {one.ruling.verdict} ({one.ruling.reason})")
    verdicts = Path(path) / "theory_claims.json"
    write_atomically(verdicts, to_json([_plain(one) for one in judged]))
    return [verdicts, *draw(path)]


def _plain(judged: Judged) -> dict[str, object]:
    return {
        "family": judged.family,
        "question": judged.question,
        "verdict": judged.ruling.verdict,
        "reason": judged.ruling.reason,
        "networks": [one.seed for one in judged.networks],
        "planned": judged.planned,
    }
