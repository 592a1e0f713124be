"""Train a network, or one for each of several seeds.

    python train.py config=<task>/<experiment> [seed=0] [key=value ...]
    python train.py config=<task>/<experiment> seed=0..4 [key=value ...]   also 0,3,7

    python train.py config=spatial_navigation/noisy_unbiased seed=0
    python train.py config=spatial_navigation/noisy_unbiased seed=2 rnn.sigma2_rec=0.0003 trainer.n_epochs=1000
    python train.py config=head_direction/noisy_biased preset=authors_code

A run goes to results/<task>/<experiment>_<noise>_<seed>[_<tag>], or to path=...: model_<step>.pt, train_metrics.json and
test_metrics.json keyed by step, metrics.jsonl (every row as it comes), config.yml and environment.json. Kill it at any time:
the same command goes on where it stopped, to the same bits; after the last step it does nothing. Several seeds make as
many ordinary runs: on a CPU side by side, one process per core; on a GPU as one stack of networks in one process, where
each is trained as it would be alone, up to rounding (together=processes or together=stack chooses by hand). Options:

    --help           this text, every config and every key
    --print-config   the resolved configuration, without training

Exit codes: 0 done; 2 bad input; 3 damaged or missing data, or a loss that is not finite; 4 disk or permission;
128 + n interrupted by signal n (SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2) after saving.
"""

from collections.abc import Callable
import sys

from reactivation.machine.errors import BadInput
from reactivation.machine.output import only_telling
from reactivation.machine.places import as_typed
from reactivation.registry import names
from reactivation.settings.describing import describe, describe_cell, time_step_note
from reactivation.settings.layers import TrainConfig, base_config, experiments, resolve_train, to_yaml
from reactivation.settings.reading import COMMAND_LINE, parse_arguments, parse_seeds, to_words
from reactivation.training.processes import train_fleet


def help_text() -> str:
    """Return the manual, the configs, and every key with type, default, meaning and unit."""
    lines = [as_typed(__doc__ or ""), "Configs:", *(f"  {name}" for name in experiments())]
    for task in names("tasks"):
        described = _described(lambda task: describe(base_config(task)), task)
        lines += ["", f"Keys of {task}/*: name, type, default, meaning [unit]", *described]
    for model in names("cells"):
        if own := _described(describe_cell, model):
            lines += ["", f"Keys of rnn.model={model} alone:", *own]
    return "\n".join(lines)


def _described(describing: Callable[[str], list[str]], name: str) -> list[str]:
    """The lines for a task or cell, or the reason why there are none: files that cannot be run must not hide others."""
    try:
        return describing(name)
    except BadInput as problem:
        return [f"  {problem}"]


def main(words: list[str]) -> None:
    """Load, build, fit."""
    if {"--help", "-h"} & set(words):
        print(help_text())
        return
    arguments = parse_arguments([word for word in words if word != "--print-config"])
    seeds = parse_seeds(arguments)
    if len(seeds) > 1 and "path" in arguments:
        raise BadInput(f"{COMMAND_LINE}: path= names one run folder, and seed={arguments['seed']} makes {len(seeds)} runs")
    configs = [resolve_train({**arguments, "seed": seed}) for seed in seeds]
    if "--print-config" not in words and len(seeds) > 1 and not is_stack(configs[0]):
        with only_telling():
            train_fleet([to_words({**arguments, "seed": seed}) for seed in seeds], configs[0].device, configs[0].threads)
        return  # each process has printed its own messages
    if note := time_step_note(configs[0], arguments):
        print(note, file=sys.stderr)
    if "--print-config" in words:
        print("---\n".join(map(to_yaml, configs)), end="")
    else:
        with only_telling():
            train(configs)


def is_stack(config: TrainConfig) -> bool:
    """Whether several seeds train as one stack rather than in a process each."""
    if config.together != "auto" or config.device == "cpu":
        return config.together == "stack"
    from reactivation.machine.device import prepare  # loads torch, which knows whether there is a GPU

    return prepare(config.device).type == "cuda"


def train(configs: list[TrainConfig]) -> None:
    """Train one run, or several as a stack."""
    # Imported only after the input was checked: torch takes seconds to load.
    from reactivation.storage.finding import run_path
    from reactivation.storage.folder import RunFolder
    from reactivation.training.fit import fit, fit_together

    runs = [(config, RunFolder(run_path(config))) for config in configs]
    if len(runs) == 1:
        fit(*runs[0])
    else:
        fit_together(runs)
