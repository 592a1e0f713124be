"""Where activity lies in the space of rates (Fig. 1, 3c-d): `python output_manifold.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("manifold")
