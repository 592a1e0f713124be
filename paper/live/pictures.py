"""Pictures of the live page for its document: python -m paper.live.pictures [PAGE] [FOLDER]

Writes live_light.jpg and live_dark.jpg; PAGE is a live.html that is there already, FOLDER docs/. Links say what they show.
"""

import base64
from pathlib import Path
from tempfile import TemporaryDirectory
import time

from paper.live.browser import Chromium
from paper.live.page import write_page
from paper.study import Study
from reactivation.machine.errors import run_command
from reactivation.settings.layers import RESULTS
from reactivation.storage.files import write_atomically

_SHOWN = {  # picture → dark, step, and link
    "live_light": (False, 4000, "network=noisy_biased&do=100!phase!rest"),
    "live_dark": (True, 100, "network=head_noisy_biased&do="),
}


def main(words: list[str]) -> None:
    """The command line of this module.

    Raises:
        DamagedData: a network is not there.
        StorageError: a picture cannot be written.
    """
    with TemporaryDirectory() as folder:
        page = Path(words[0]) if words else write_page(Study((0,), path=RESULTS, device="cpu"), Path(folder))
        for name, (dark, step, link) in _SHOWN.items():
            path = Path(words[1] if words[1:] else "docs") / f"{name}.jpg"
            write_atomically(path, _picture(f"{page.resolve().as_uri()}#{link}&step={step}", step, dark))
            print(path)


def _picture(address: str, step: int, dark: bool) -> bytes:
    """The page that a link to a step opens, once it is there."""
    with Chromium(dark=dark) as chromium:
        chromium.open(address)
        while chromium.run("return live.page.simulation.steps") < step:
            time.sleep(0.1)
        return base64.b64decode(chromium.send("Page.captureScreenshot", format="jpeg", quality=55)["data"])


if __name__ == "__main__":
    run_command(main)
