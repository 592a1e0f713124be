"""How far what is reported lies from where the animal or the agent was."""

import numpy as np

from reactivation.analysis.recording import Recording
from reactivation.analysis.results import Measure, mean_of_epochs
from reactivation.checks import checked
from reactivation.machine.errors import BadInput


@checked
def decoding_error(recording: Recording) -> Measure:
    """Measure the mean distance of decoded positions from the true ones [m or rad], averaged over epochs.

    It is the error that `metrics.jsonl` reports along training. A recording of waking has true positions if the network is
    in a task or in a world with `Run.of(..., positions=...)`; recorded data have them where
    `Recording(true_positions=...)` was given. For the error at each step, see
    `recording.space.distance(recording.positions, recording.true_positions)`, (B, T).

    Returns:
        `.value`, `.standard_error` over epochs, `.unit`, and `.each` (B), the value of each epoch.

    Raises:
        BadInput: true positions are not known, as at rest.

    >>> run = ra.load("head_direction/noisy_unbiased")
    >>> ra.decoding_error(run.record(ra.waking(steps=100), trajectories=20)).unit
    'rad'
    """
    if recording.true_positions is None:
        raise BadInput(
            "this recording has no true positions: record ra.waking(...) in a task or with Run.of(..., positions=...), or "
            "give Recording(true_positions=...)"
        )
    both = zip(recording.epochs, recording.true_epochs, strict=True)
    each = np.array([recording.space.distance(decoded, true).mean() for decoded, true in both])
    return mean_of_epochs(each, recording.lengths.astype(float), recording.space.unit)
