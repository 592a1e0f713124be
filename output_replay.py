"""How replay moves, by the measures of docs/replay.md: `python output_replay.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("replay")
