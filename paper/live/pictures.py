"""Pictures of the live page for its document: python -m paper.live.pictures [page=live.html] [out=docs]

Writes live_light.jpg and live_dark.jpg, of a page that exists or of a new one. Links choose what they show.
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
import time

from paper.live.browser import Chromium
from paper.live.page import page_of
from paper.study import Study
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS
from reactivation.storage.files import write_atomically

_SHOWN = {  # picture → dark, step, and link
    "live_light": (False, 4000, "network=noisy_biased&do=100!phase!rest"),
    "live_dark": (True, 100, "network=head_noisy_biased&do="),
}


@dataclass
class Settings:
    """Keys of this command."""

    page: str | None = setting(None, "a live.html that is there already; null: one is written")
    out: str = setting("docs", "folder of the pictures", folder=True)


def main(words: list[str]) -> None:
    """The command line of this module.

    Raises:
        BadInput: the page is missing.
        DamagedData: a network is missing.
        StorageError: a picture cannot be written.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    with TemporaryDirectory() as folder:
        page = page_of(settings.page, Study((0,), path=RESULTS, device="cpu"), Path(folder))
        for name, (dark, step, link) in _SHOWN.items():
            path = Path(settings.out) / f"{name}.jpg"
            write_atomically(path, _picture(f"{page.resolve().as_uri()}#{link}&step={step}", step, dark))
            print(path)


def _picture(address: str, step: int, dark: bool) -> bytes:
    """A picture of the page that a link to a step opens, once it has reached that step."""
    with Chromium(dark=dark) as chromium:
        chromium.open(address)
        while chromium.run("return live.page.simulation.steps") < step:
            time.sleep(0.1)
        return base64.b64decode(chromium.send("Page.captureScreenshot", format="jpeg", quality=55)["data"])


if __name__ == "__main__":
    run_command(main)
