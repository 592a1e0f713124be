"""Train a network, or one for each of several seeds: `python train.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("train")
