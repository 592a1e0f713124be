"""How much of its space each network explores at rest (Fig. 2f): `python output_variance.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("variance")
