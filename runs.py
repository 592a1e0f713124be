"""A table of all runs, or of all their results: `python runs.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("runs")
