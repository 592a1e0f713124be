"""How far resting state occupancy is from waking (Fig. 2e): `python output_kl.py --help` prints the manual."""

from reactivation.cli import run_script

if __name__ == "__main__":
    run_script("kl")
