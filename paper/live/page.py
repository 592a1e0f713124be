"""The live page as one file: template, style and script put together, with the networks inside.

It opens from a file, offline: a policy in its head forbids it to ask any host for anything.
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
        DamagedData: a network is not there.
        StorageError: the file cannot be written.
    """
    page = assembled(json.dumps([described(shown, study) for shown in NETWORKS]))
    make_folder(folder)
    write_atomically(folder / NAME, page.encode())
    return folder / NAME


def page_of(name: str | None, study: Study, folder: Path) -> Path:
    """Return the page of a name, or, where none is named, one that is written into a folder.

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
    """The page around networks, JSON as of `networks.described`."""
    script = "\n".join((_HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    parts = {"style": (_HERE / "live.css").read_text(encoding="utf-8"), "networks": networks, "script": script}
    page = (_HERE / "live.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        before, after = page.split(f"{{{{ {name} }}}}")
        page = before + part + after
    return page
