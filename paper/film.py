"""The animated picture at the top of the README: a network awake and at rest, in motion."""

from pathlib import Path

from paper.protocols import SPATIAL
from paper.study import Study
from reactivation.plotting.animation import animate, to_gif
from reactivation.plotting.style import style
from reactivation.storage.files import make_folder, write_atomically

NAME = "film.gif"
_RUN = "noisy_biased"
_TRAJECTORIES = 26


def write_film(study: Study, folder: Path) -> Path:
    """Write film.gif, of the biased spatial network of a study's first seed; returns its path.

    Raises:
        DamagedData: the network is missing.
        StorageError: the file cannot be written.
    """
    seed = study.seeds[0]
    recordings = {phase: study.recording(SPATIAL, _RUN, phase, seed) for phase in ("active", "quiescent")}
    positions = {phase: found.positions[:_TRAJECTORIES] for phase, found in recordings.items()}
    with style():
        picture = to_gif(animate(positions, recordings["active"].dt, study.space(SPATIAL, seed)))
    make_folder(folder)
    write_atomically(folder / NAME, picture)
    return folder / NAME
