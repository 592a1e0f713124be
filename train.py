"""Train one network.

    python train.py config=<task>/<experiment> [seed=0] [key=value ...]

    python train.py config=spatial_navigation/noisy_unbiased seed=0
    python train.py config=spatial_navigation/noisy_unbiased seed=2 rnn.sigma2_rec=0.0003 trainer.n_epochs=1000
    python train.py config=head_direction/noisy_biased preset=authors_code

The run goes to results/<task>/<experiment>_<noise>_<seed>[_<tag>], or to path=...: model_<step>.pt, train_metrics.json and
test_metrics.json keyed by step, metrics.jsonl (every row as it comes), config.yml and environment.json. Kill it at any time:
the same command goes on where it stopped, to the same bits; after the last step it does nothing. Options:

    --help           this text, every config and every key
    --print-config   the resolved configuration, without training

Exit codes: 0 done; 2 bad input; 3 damaged or missing data, or a loss that is not finite; 4 disk or permission;
130 and 143 interrupted after saving.
"""

from reactivation.config import describe, experiments, parse_arguments, resolve_train, to_yaml, train_schema
from reactivation.errors import run_command
from reactivation.registry import names


def help_text() -> str:
    """The manual, the configs, and every key with type, default, meaning and unit."""
    lines = [__doc__ or "", "Configs:", *(f"  {name}" for name in experiments())]
    for task in names("tasks"):
        lines += ["", f"Keys of {task}/*: name, type, default, meaning [unit]", *describe(train_schema(task))]
    return "\n".join(lines)


def main(words: list[str]) -> None:
    """Load, build, fit."""
    if {"--help", "-h"} & set(words):
        print(help_text())
        return
    config = resolve_train(parse_arguments([word for word in words if word != "--print-config"]))
    if "--print-config" in words:
        print(to_yaml(config), end="")
        return
    # Only now, when the input is known to be good: torch takes seconds to load.
    from reactivation.runs import RunFolder, run_path
    from reactivation.training import fit

    fit(config, RunFolder(run_path(config)))


if __name__ == "__main__":
    run_command(main)
