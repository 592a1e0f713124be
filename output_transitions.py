"""How bearings move from step to step, awake and at rest (Fig. C.5), for the head-direction runs of one seed.

    python output_transitions.py [seed=0] [key=value ...]

Writes results/head_direction/transitions_<noise>_<seed>.json (run → phase → mean turn, reversals, dwell) and
transitions_<noise>_<seed>_details.json: settings, and the histograms of turns.
"""

from functools import partial

from reactivation.analysis.runner import run_analysis
from reactivation.machine.errors import run_command

if __name__ == "__main__":
    run_command(partial(run_analysis, "transitions", __doc__ or ""))
