"""`python -m reactivation` is the command `reactivation`."""

from reactivation.cli import start

start()
