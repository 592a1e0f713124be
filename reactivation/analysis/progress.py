"""Where a long measurement is: a bar on a terminal, elsewhere at most a line a minute, so that short ones print none."""

import sys
import time

from tqdm import tqdm

_QUIET = 60.0  # seconds between lines, where no bar is shown
_SHORT = 3.0  # seconds for which a call from Python shows nothing, so that short ones leave a terminal as it is


class Progress:
    """Progress of a measurement over its steps or other parts."""

    def __init__(self, name: str, total: int, unit: str = "step", *, call: str = ""):
        """Begin; `call` says what is computed by a call from Python, whose bar shows late and leaves nothing behind."""
        delay = _SHORT if call else 0.0
        self._bar = tqdm(total=total, desc=call, unit=unit, disable=None, dynamic_ncols=True, delay=delay, leave=not call)
        self._name, self._total, self._unit, self._done, self._what = name, total, unit, 0, call
        self._told = time.monotonic()

    def at(self, what: str) -> None:
        """Show what is being computed."""
        self._what = what
        self._bar.set_description(what)
        self._tell()

    def move(self, done: int = 1) -> None:
        """Add to what is done."""
        self._done += done
        self._bar.update(done)
        self._tell()

    def _tell(self) -> None:
        if self._bar.disable and time.monotonic() - self._told >= _QUIET:
            self._told = time.monotonic()
            print(f"{self._name}: {self._what}; {self._unit} {self._done}/{self._total}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
