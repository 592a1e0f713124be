"""The study of the mechanism: which networks its families need, what is measured of them, and what is lacking.

    python reproduce.py profile=paper only=theory [dry_run=true] [seeds=1,2,3]

Networks are trained by `train.py`, as the plan says for each that is lacking: they take hours, these measures minutes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from paper.protocols import HEAD, SPATIAL
from reactivation.settings.layers import train_config
from reactivation.storage.finding import command, trained_run
from reactivation.theory.command import Settings, has, is_control, measure, result_file, training_values

TAG = "theory"
_SEEDS = {SPATIAL: (1, 2, 3), HEAD: (0, 1, 2, 3, 4)}
_SECONDS = 300.0  # of a network, roughly, on two idle cores


@dataclass(frozen=True)
class Family:
    """Networks that are judged together: an experiment, under one noise of training."""

    name: str
    task: str
    experiment: str
    noise: float | None = None  # σ²Δt in training, or put into networks that were trained without; None: the experiment's
    is_null: bool = False  # no gradient to be found: what α scatters by


FAMILIES = (
    Family("biased GRU", SPATIAL, "noisy_biased_gru"),
    Family("biased GRU, trained without noise", SPATIAL, "no-noise_biased_gru", 1e-4),
    Family("biased vanilla", SPATIAL, "noisy_biased"),
    Family("biased vanilla, trained without noise", SPATIAL, "no-noise_biased", 1e-4),
    Family("biased GRU, half σ", SPATIAL, "noisy_biased_gru", 2.5e-5),
    Family("biased GRU, double σ", SPATIAL, "noisy_biased_gru", 4e-4),
    Family("drawn GRU", HEAD, "noisy_drawn_gru"),
    Family("drawn tanh", HEAD, "noisy_drawn_tanh"),
    Family("drawn GRU without pauses", HEAD, "noisy_drawn_gru_no_pauses"),
    Family("drawn tanh without pauses", HEAD, "noisy_drawn_tanh_no_pauses"),
    Family("undrawn GRU", HEAD, "noisy_undrawn_gru", is_null=True),
    Family("undrawn tanh", HEAD, "noisy_undrawn_tanh", is_null=True),
    Family("drawn GRU, trained without noise", HEAD, "no-noise_drawn_gru", 0.01),
)
CONTROLS = tuple(
    (density, f"control:{name}:{density}") for density in ("ring", "bearings") for name in ("langevin", "attractor")
)


@dataclass(frozen=True)
class Part:
    """One network or control to be measured."""

    name: str
    settings: Settings
    lacking: str = ""  # the command that trains it, where it is not there

    @property
    def is_done(self) -> bool:
        return has(self.settings)


def parts(path: str, seeds: Sequence[int] | None = None) -> Iterator[Part]:
    """Yield the controls first, for nothing counts without them, then the families, seed by seed.

    Args:
        path: root of the results.
        seeds: None for those that count: 1 to 3 in the box, where seed 0 was seen, and 0 to 4 on the circle.
    """
    for density, run in CONTROLS:
        yield Part(f"control {density} {run.split(':')[1]}", Settings(run=run, path=path))
    for family in FAMILIES:
        for seed in seeds or _SEEDS[family.task]:
            settings = Settings(run=f"{family.task}/{family.experiment}", seed=seed, tag=TAG, noise=family.noise, path=path)
            yield Part(f"{family.name}, seed {seed}", settings, lacking_of(settings))


def lacking_of(settings: Settings) -> str:
    """Return the command that trains a network that is not there; "" where it is, and for controls."""
    if is_control(settings):
        return ""
    values = training_values(settings)
    config = train_config(values)
    is_there = config.trainer.n_epochs in trained_run(config, settings.path).steps()
    return "" if is_there else command("train.py", values)


def show(path: str, seeds: Sequence[int] | None = None) -> list[Part]:
    """Print the plan, and return it."""
    found = list(parts(path, seeds))
    for part in found:
        state = "there" if part.is_done else "lacking" if part.lacking else f"{_SECONDS / 60:.0f} min"
        print(f"theory   {state:<8} {part.name}: {part.lacking or result_file(part.settings)}")
    to_do = sum(not part.is_done and not part.lacking for part in found)
    print(f"to do: {to_do} networks, about {to_do * _SECONDS / 60:.0f} min; lacking: {sum(bool(p.lacking) for p in found)}")
    return found


def reproduce(path: str, seeds: Sequence[int] | None, dry_run: bool) -> None:
    """Show what is measured, what will be, and what is lacking; then measure and draw.

    Raises:
        BadInput, DamagedData, StorageError: as `output_theory.py`.
    """
    for part in show(path, seeds):
        if not (dry_run or part.is_done or part.lacking):
            print(f"theory {part.name} ...", flush=True)
            measure(part.settings)
    if not dry_run:
        from paper.panels.theory import draw

        for file in draw(path):
            print(file)
