"""The theory's mechanism, measured in one network: `python output_theory.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("theory")
