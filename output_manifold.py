"""Where activity lies in the space of rates, awake and at rest (Fig. 1c, 1f-g, 1j-k, 3c-d), for the runs of one seed.

    python output_manifold.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/manifold_<noise>_<seed>.json (run → shares of variance and what else the plane of waking shows) and
manifold_<noise>_<seed>_details.json: settings, and the curves of explained variance.
"""

from functools import partial

from reactivation.analysis.runner import run_analysis
from reactivation.machine.errors import run_command

if __name__ == "__main__":
    run_command(partial(run_analysis, "manifold", __doc__ or ""))
