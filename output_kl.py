"""How far resting state occupancy is from waking (Fig. 2e), for the trained runs of one seed.

    python output_kl.py [seed=0] [task=head_direction] [key=value ...]
    python output_kl.py seed=0 'runs=[noisy_unbiased_gru,noisy_biased_gru]' out=gru

Writes results/<task>/kl_<noise>_<seed>.json (resting → waking → nats, with rows random and uniform), and beside it
kl_<noise>_<seed>_details.json: settings, standard errors, the other direction, a symmetric divergence, matched bandwidth.
"""

from functools import partial

from reactivation.analysis.runner import run_analysis
from reactivation.machine.errors import run_command

if __name__ == "__main__":
    run_command(partial(run_analysis, "kl", __doc__ or ""))
