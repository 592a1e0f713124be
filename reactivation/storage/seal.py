"""A digest at the end of an archive: every bit of a checkpoint is checked before anything in it is read.

torch writes a zip archive. Its SHA-256 is appended as the comment of the archive, which other programs (`torch.load`,
`unzip`) ignore.
"""

from functools import cache
from pathlib import Path

from reactivation.machine.errors import storing
from reactivation.storage.files import sha256

_NO_COMMENT = b"\0\0"  # the length of the comment, 0, at the end of an archive without one
_MARK = b"reactivation sha256 "
_LENGTH = len(_MARK) + 64


def sealed(archive: bytes) -> bytes:
    """Add its digest as a comment to an archive that has no comment yet."""
    assert archive.endswith(_NO_COMMENT)
    return archive[: -len(_NO_COMMENT)] + _LENGTH.to_bytes(2, "little") + _MARK + sha256(archive).encode()


def unsealed(content: bytes) -> bytes | None:
    """The archive without its seal; None if there is no seal, or the digest does not match."""
    archive = content[: -_LENGTH - len(_NO_COMMENT)] + _NO_COMMENT
    return archive if sealed(archive) == content else None


def weights_digest(file: Path) -> str | None:
    """SHA-256 of a file without its seal, by which results name their networks; None where there is no file.

    Raises:
        StorageError: it cannot be read.
    """
    with storing(file):
        return _weights_digest(file, file.stat().st_mtime_ns) if file.exists() else None


@cache
def _weights_digest(file: Path, changed: int) -> str:
    content = file.read_bytes()
    return sha256(unsealed(content) or content)
