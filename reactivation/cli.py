"""Train networks and analyse their rest, from any folder.

    reactivation train config=<task>/<experiment> [seed=0] [key=value ...]
    reactivation <analysis> [seed=0] [task=<task>] [key=value ...]
    reactivation theory run=<task>/<experiment> [seed=0] [key=value ...]
    reactivation runs [path=results] [of=results] [out=table.csv]
    reactivation sweep config=<task>/<experiment> seed=0..4 [key=values ...] [launcher=slurm]
    reactivation <command> --help

Runs and results go to results/ in the folder it is started in. Exit codes: 0 done; 2 bad input; 3 damaged or missing data;
4 disk or permission; 128 + n interrupted by signal n after saving (130: Ctrl-C).
"""

from collections.abc import Callable
from functools import partial
import importlib

from reactivation import __version__, registry
from reactivation.machine.errors import BadInput, in_one_line, nearest, run_command

Words = list[str]

_OTHERS = {"theory": "analysis.mechanism", "runs": "sweep.table", "sweep": "sweep.command"}  # modules with a `main`
# Figures and the report belong to the study of the paper, which is not part of the library.
_IN_A_CHECKOUT = {"figure": "figures.py", "reproduce": "reproduce.py"}


def start() -> None:
    """Run the command `reactivation` and exit with the code of its outcome."""
    run_command(main)


def run_script(name: str) -> None:
    """Run one command with the words typed after the name of its script, and exit as `start` does."""
    run_command(_command(name))


def main(words: Words) -> None:
    """Run the command that the first word names, with the other words as its arguments.

    Raises:
        BadInput: no such command, or --version with further words.
        UserError: the command raises it.
    """
    if not words or {"--help", "-h"} & set(words[:1]):
        print(__doc__)
        print(f"Commands: {', '.join(_names())}; in a checkout of the project: {', '.join(_IN_A_CHECKOUT)}")
    elif words[0] == "--version":
        if words[1:]:
            raise BadInput(f"--version takes no further words: leave out {in_one_line(' '.join(words[1:]))}")
        print(__version__)
    else:
        _command(words[0])(words[1:])


def _names() -> list[str]:
    return ["train", *registry.names("analysis"), *_OTHERS]


def _command(name: str) -> Callable[[Words], None]:
    """Return the function that runs a command; no other command is loaded.

    Raises:
        BadInput: no such command, or one that needs a checkout.
    """
    if name in _IN_A_CHECKOUT:
        raise BadInput(f"{name} needs a checkout of the project: run python {_IN_A_CHECKOUT[name]} there")
    if name not in _names():
        raise BadInput(f"{name} is no command of reactivation; {nearest(name, _names())}")
    if name in registry.names("analysis"):
        from reactivation.analysis.runner import run_analysis

        return partial(run_analysis, name)
    module = "training.command" if name == "train" else _OTHERS[name]
    main: Callable[[Words], None] = importlib.import_module(f"reactivation.{module}").main
    return main
