"""Train and analyse every combination of settings, here or on a cluster: `python sweep.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("sweep")
