"""How much of its space each network explores at rest (Fig. 2f), for the trained runs of one seed.

    python output_variance.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/variance_<noise>_<seed>.json (run → total variance averaged over trajectories; circular variance for
head direction), and beside it variance_<noise>_<seed>_details.json: settings, standard errors, every trajectory's value.
"""

from functools import partial

from reactivation.analysis.runner import run_analysis
from reactivation.machine.errors import run_command

if __name__ == "__main__":
    run_command(partial(run_analysis, "variance", __doc__ or ""))
