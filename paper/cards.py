"""Model cards, made from results: what each published network is, how it was trained, what it does, and its limits."""

from dataclasses import replace
from pathlib import Path

from paper.protocols import GATED, GRU, HEAD, SPATIAL
from paper.study import Study, at
from paper.tables import Table, networks_table
from reactivation.settings.layers import TrainConfig
from reactivation.storage.files import digest
from reactivation.storage.seal import weights_digest

NAME = "README.md"  # the usual name of a model card
_TAGS = ("recurrent-neural-network", "path-integration", "offline-reactivation", "neuroscience")
_WORLDS = {  # task, and whether it is biased
    (HEAD, False): "a head that turns by random amounts, either way",
    (HEAD, True): "a head that turns by random amounts, counter-clockwise only",
    (SPATIAL, False): "an animal that walks at random in a box",
    (SPATIAL, True): "an animal that walks at random in a box and is drawn to its centre",
}
_CELLS = {HEAD: "head-direction cells", SPATIAL: "place cells"}
_KINDS = {"vanilla": "A vanilla recurrent network", "gru": "A gated recurrent network (GRU, in continuous time)"}


def model_card(study: Study, task: str, run: str) -> str:
    """Return the card of a study's network of its first seed, as Markdown with a head of YAML.

    Raises:
        DamagedData: the network is missing.
    """
    seed = study.seeds[0]
    config, folder = study.config(task, run, seed), study.folder(task, run, seed)
    model = folder.model_file(config.trainer.n_epochs)
    front = ["license: bsd-3-clause", "library_name: reactivation", "tags:", *(f"  - {tag}" for tag in _TAGS)]
    return f"""---
{chr(10).join(front)}
---
<!-- made from results: python reproduce.py profile=paper only=publish -->

# {task}/{run}, seed {seed}

{_what(study, config)}

```python
import reactivation as ra

run = ra.load({_address(study, task, run, seed)})
rest = run.record(ra.rest(steps=1000), trajectories=200)
```

`torch.load("{model.name}", weights_only=True)` reads the file without the library.

## Training

{_training(config).markdown()}

Adam, on the mean squared error of the output cells; `config.yml` has every setting, `environment.json` versions and commit.

## What it does

{_measures(study, task, run).markdown()}

{_others(study)}

## Limits

- It knows one world, and walks of {config.task.sequence_length} steps from given starts. On longer ones errors add up.
- A position is the mean of the places that the three most active output cells stand for, so one comes out of any activity,
  however faint.
- {_amplitude(study, task, run)}
- At rest it is one sample of a training procedure: of what is claimed about such networks, `docs/claims.md` says what holds
  over seeds.

## Checksum

{_checksums(model).markdown()}

Source: Krishna, Bredenberg, Levenstein, Richards and Lajoie, *Sufficient conditions for offline reactivation in recurrent
neural networks* (ICLR 2024), reproduced; these weights are not the authors'.
"""


def _what(study: Study, config: TrainConfig) -> str:
    task = config.task_name
    as_released = f" as the paper's released code trains (`preset={study.preset}`),\n" if study.preset else " "
    return (
        f"{_KINDS[config.rnn.model]} of {config.rnn.n_rec} units that follows {_WORLDS[task, config.task.biased]}:\n"
        f"it is told each movement, and reports by {_CELLS[task]} where that leads. "
        f"It was trained{as_released}with {_noise(config)}."
    )


def _noise(config: TrainConfig) -> str:
    if not config.rnn.sigma2_rec:
        return "no noise"
    if config.rnn.noise == "uniform":
        return f"uniform noise on [0, σ√Δt), σ²Δt = {config.rnn.sigma2_rec:g}, on its rates, which pushes them up, too"
    return f"noise of σ²Δt = {config.rnn.sigma2_rec:g} on its rates"


def _address(study: Study, task: str, run: str, seed: int) -> str:
    """The arguments with which `ra.load` finds the network."""
    return f'"{task}/{study.folder(task, run, seed).path.name}"' if study.preset else f'"{task}/{run}", seed={seed}'


def _others(study: Study) -> str:
    if study.preset:
        return "One network. Verdicts over seeds, with the same analyses, are in `report.html`, under *its code gives*."
    return "One network. Intervals over five, with the same analyses, are in the project's README and in `report.html`."


def _training(config: TrainConfig) -> Table:
    return _table(
        {
            "steps": f"{config.trainer.n_epochs:,}",
            "trajectories a step": f"{config.task.batch_size} of {config.task.sequence_length} time steps",
            "learning rate": f"{config.trainer.lr:g}",
            "Δt [s]": f"{config.task.dt:g}",
            "τ [s]": f"{config.rnn.tau:g}",
            "nonlinearity": config.rnn.activation_fn,
        }
    )


def _measures(study: Study, task: str, run: str) -> Table:
    """The row of this network in the table of networks, as a table of its own."""
    whole = networks_table(task, replace(study, seeds=study.seeds[:1]))
    cells = next(row for row in whole.rows if row[0] == run)
    return _table({name: cell for name, cell in list(zip(whole.header, cells, strict=True))[2:] if cell != "–"})


def _amplitude(study: Study, task: str, run: str) -> str:
    known = run not in GRU and study.preset is None  # under uniform noise, not all of it is known (docs/claims.md)
    held = "\n  Nothing holds the amplitude of a vanilla network at rest: some shrink, some grow." if known else ""
    key = "manifold_head" if task == HEAD else GATED.key("manifold") if run in GRU else "manifold"
    if not study.has(key, study.seeds[0]):
        return f"How strong its activity is at rest was not measured.{held}"
    amplitude = at(study.result(key, study.seeds[0]), run, "amplitude")
    return f"After 200 steps of rest its activity has {amplitude:.2f} times the norm of waking.{held}"


def _checksums(model: Path) -> Table:
    sums = {"SHA-256": str(digest(model)), "SHA-256 of the weights alone": str(weights_digest(model))}
    return _table({"file": model.name, "bytes": f"{model.stat().st_size:,}", **sums})


def _table(rows: dict[str, str]) -> Table:
    return Table(["what", "how much"], [[name, value] for name, value in rows.items()])
