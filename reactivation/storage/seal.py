"""A digest behind an archive: every bit of a checkpoint is checked before anything in it is read.

What torch writes is a zip archive. Its SHA-256 stands behind it as the archive's comment, where programs that know nothing
of it (`torch.load`, `unzip`) do not mind it.
"""

from functools import cache
from pathlib import Path

from reactivation.machine.errors import storing
from reactivation.storage.files import sha256

_NO_COMMENT = b"\0\0"  # the length of the comment, with which an archive without one ends
_MARK = b"reactivation sha256 "
_LENGTH = len(_MARK) + 64


def sealed(archive: bytes) -> bytes:
    """The archive, which has no comment yet, with its digest as its comment."""
    assert archive.endswith(_NO_COMMENT)
    return archive[: -len(_NO_COMMENT)] + _LENGTH.to_bytes(2, "little") + _MARK + sha256(archive).encode()


def unsealed(content: bytes) -> bytes | None:
    """The archive that was sealed; None where there is no seal, or one that does not fit."""
    archive = content[: -_LENGTH - len(_NO_COMMENT)] + _NO_COMMENT
    return archive if sealed(archive) == content else None


def weights_digest(file: Path) -> str | None:
    """SHA-256 of what a file holds but for its seal, by which results name their networks; None where there is no file.

    Raises:
        StorageError: it cannot be read.
    """
    with storing(file):
        return _weights_digest(file, file.stat().st_mtime_ns) if file.exists() else None


@cache
def _weights_digest(file: Path, changed: int) -> str:
    content = file.read_bytes()
    return sha256(unsealed(content) or content)
