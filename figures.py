"""The paper's figures from trained networks and their results: any panel, any figure, or all.

    python figures.py fig=2e
    python figures.py fig=C.1 seeds=0,1,2
    python figures.py fig=all preset=quick seeds=0
    python figures.py fig=live out=.
    python figures.py sweep=NAME x=rnn.sigma y=kl hue=task.biased [where='variance_gain=2']

Writes results/figures/fig_<key>.pdf and .png, and fig_<panel>.csv with the numbers that a panel is drawn from. Panels of one
network show the first seed; averages are over all given seeds that have been trained and analysed, and say how many.
fig=live writes live.html, one page of some megabytes on which networks of the first seed run (docs/live.md); fig=film
writes film.gif, the animated picture of the README. fig=M puts a network beside a recorded mouse, whose file the environment
names (docs/recordings.md).

sweep=NAME draws a measure of a sweep (docs/cluster.md) over one of its settings, by names of columns of its table or parts
of these: means over seeds, 95 % t intervals, and every seed as a dot, into results/sweeps/NAME/. Values that span a decade
have a logarithmic axis. Settings that are neither x nor hue are to be chosen with where=.
"""

from functools import partial

from paper.figures import main
from reactivation.machine.errors import run_command

if __name__ == "__main__":
    run_command(partial(main, __doc__ or ""))
