"""How smooth decoded trajectories are (Fig. C.4), for the trained runs of one seed.

    python output_distance.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/distance_<noise>_<seed>.json (run → active, quiescent, quiescent_noisy → mean step of each trajectory),
and beside it distance_<noise>_<seed>_details.json: settings, means and standard errors.
"""

from functools import partial

from reactivation.analysis.runner import run_analysis
from reactivation.machine.errors import run_command

if __name__ == "__main__":
    run_command(partial(run_analysis, "distance", __doc__ or ""))
