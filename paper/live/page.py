"""The live page as one file: template, style and script put together, with the networks inside.

It opens from a file, offline: a content policy in its head forbids requests to any host.
"""

import json
from pathlib import Path

from paper.live.networks import NETWORKS, described
from paper.study import Study
from reactivation.machine.errors import BadInput
from reactivation.storage.files import make_folder, write_atomically

NAME = "live.html"
_HERE = Path(__file__).parent
# Each uses what stands before it.
_SCRIPTS = ("product", "random", "network", "world", "measures", "simulation", "link", "drawing", "hand", "taking", "page")


def write_page(study: Study, folder: Path) -> Path:
    """Write live.html, with the networks of a study's first seed; returns its path.

    Raises:
        DamagedData: a network is missing.
        StorageError: the file cannot be written.
    """
    page = assembled(json.dumps([described(shown, study) for shown in NETWORKS]))
    make_folder(folder)
    write_atomically(folder / NAME, page.encode())
    return folder / NAME


def page_of(name: str | None, study: Study, folder: Path) -> Path:
    """Return the named page; without a name, write one into a folder, and return that.

    Raises:
        BadInput: there is no file of that name.
        DamagedData, StorageError: as `write_page`.
    """
    if name is None:
        return write_page(study, folder)
    if not Path(name).is_file():
        raise BadInput(f"page={name}: there is no such file")
    return Path(name)


def assembled(networks: str) -> str:
    """The page with its networks, given as JSON of `networks.described`."""
    script = "\n".join((_HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    parts = {"style": (_HERE / "live.css").read_text(encoding="utf-8"), "networks": networks, "script": script}
    page = (_HERE / "live.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        before, after = page.split(f"{{{{ {name} }}}}")
        page = before + part + after
    return page
