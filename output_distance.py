"""How smooth decoded trajectories are (Fig. C.4): `python output_distance.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("distance")
