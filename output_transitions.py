"""How bearings move from step to step (Fig. C.5): `python output_transitions.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("transitions")
