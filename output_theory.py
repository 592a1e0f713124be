"""The theory's mechanism, measured in one network: `python output_theory.py --help` prints the manual."""

from reactivation.machine.errors import run_command
from reactivation.theory.command import main

if __name__ == "__main__":
    run_command(main)
