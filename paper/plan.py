"""The whole paper as a plan: train what is missing, analyse, draw, report. `reproduce.py` is its command line.

Each stage finds its inputs in the results folder, so a plan that was interrupted goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import sys
import time

from paper.claims import CLAIMS
from paper.claims.verdicts import judge_all
from paper.documents import PAGES, committed, fill_documents
from paper.figures import FIGURES, draw_figure, pictures, tasks_of
from paper.protocols import ALL_PROTOCOLS, AUTHORS_CODE, HEAD, NETWORKS, PROTOCOLS, SEEDS, SPATIAL, VARIANTS, Protocol
from paper.publishing import publish
from paper.report.page import RELEASED, write_report
from paper.study import Study
from paper.tables import networks_table, tally
from reactivation.analysis.request import reference, request
from reactivation.analysis.result_files import result_file
from reactivation.analysis.runner import measure
from reactivation.machine.errors import BadInput, DamagedData, SomeFailed, UserError, nearest
from reactivation.machine.places import PUBLISHED, refuse_published
from reactivation.settings.declaring import setting
from reactivation.settings.layers import RESULTS
from reactivation.settings.reading import seed_list, to_words
from reactivation.training.processes import train_fleet

PRESETS = {"quick": "quick", "paper": None, RELEASED: AUTHORS_CODE}  # profile → preset of its networks
PROFILE_SEEDS = {"quick": (0,), "paper": SEEDS, RELEASED: SEEDS}
STAGES = ("train", "analyse", "draw", "report")
THEORY = "theory"  # the study of the mechanism (`paper.theory`), which runs without any other part
PUBLISH = "publish"  # for maintainers: the only stage that writes to published/ and to documents
# Parts that run without any other, and the keys that they take.
PARTS = {
    THEORY: ("only", "profile", "seeds", "dry_run", "path"),
    PUBLISH: ("only", "profile", "dry_run"),
}
# Arithmetic of a plain training step per second, as a share of the rate of a large product (docs/performance.md). The fast
# loss of head direction does a third of that arithmetic.
_ACHIEVED = {SPATIAL: 0.65, HEAD: 1.0}
_RECORDING = 0.3  # the same share for recordings
_DENSITIES = 5.0  # seconds of an analysis beside its recordings, roughly
_DRAWING, _REPORTING = 15.0, 5.0  # seconds for a figure and for the report, roughly


@dataclass
class Settings:
    """Settings of `reproduce.py`."""

    profile: str = setting(
        "quick", "small networks in minutes, those of the paper's text, or of its code", choices=tuple(PRESETS)
    )
    seeds: str | None = setting(None, "seeds, as in 0,1,2 or 0..4; null: 0 (quick), 0 to 4 (others)")
    only: str | None = setting(None, f"a part: some of {','.join(STAGES)}, and of {','.join(NETWORKS)}; or {THEORY}")
    ledger: bool | None = setting(None, "also measure what switches change; null: for profile=paper")
    dry_run: bool = setting(False, "show the plan and stop")
    published: bool = setting(True, "what is published counts as there; false: train and measure it all anew")
    path: str = setting(RESULTS, "root of the results", folder=True)
    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"))


@dataclass(frozen=True)
class Step:
    """One step of the plan, to be done or done already."""

    stage: str
    name: str
    done: bool
    seconds: float  # expected on this machine
    run: Callable[[], object] | None = None  # None for a training: those run side by side
    words: tuple[str, ...] = ()  # the command line of a training


@dataclass(frozen=True)
class Reproduction:
    """Hold which parts of the paper to reproduce, and where."""

    profile: str
    study: Study
    stages: tuple[str, ...]
    tasks: tuple[str, ...]
    ablations: bool  # whether the ablations are included

    @property
    def protocols(self) -> dict[str, Protocol]:
        return ALL_PROTOCOLS if self.ablations else PROTOCOLS

    @property
    def judged(self) -> Study:
        """The study whose claims are judged: of the paper's networks, further seeds too, which nobody is asked to train."""
        return self.study.with_further_seeds if (self.profile, self.study.seeds) == ("paper", SEEDS) else self.study

    @property
    def networks(self) -> Iterator[tuple[int, str, str]]:
        """Yield seed, task and run: one seed after the other, and the networks of ablations last."""
        for networks in (NETWORKS, VARIANTS) if self.ablations else (NETWORKS,):
            for seed in self.study.seeds:
                yield from ((seed, task, run) for task in self.tasks for run in networks[task])

    @property
    def end(self) -> str:
        """The end of file names, which keeps reports of other profiles apart from the paper's."""
        return "" if self.profile == "paper" else f"_{self.profile}"

    @property
    def report(self) -> Path:
        return Path(self.study.path) / f"report{self.end}.html"

    @property
    def verdicts(self) -> Path:
        return Path(self.study.path) / f"claims{self.end}.json"


def theory_seeds(settings: Settings) -> tuple[int, ...] | None:
    """Return the seeds of only=theory; None for those that its rules judge.

    Raises:
        BadInput: a profile other than paper, a folder of what is published, or bad seeds.
    """
    if settings.profile != "paper":
        raise BadInput(f"only={THEORY} is about networks of full size: give profile=paper")
    refuse_published(Path(settings.path))
    return None if settings.seeds is None else tuple(seed_list(settings.seeds, "seeds"))


def reproduction(settings: Settings) -> Reproduction:
    """Return the reproduction that settings ask for, once they are checked.

    Raises:
        BadInput: unknown parts, bad seeds.
    """
    seeds = PROFILE_SEEDS[settings.profile] if settings.seeds is None else seed_list(settings.seeds, "seeds")
    parts = [part.strip() for part in settings.only.split(",")] if settings.only else []
    known = [*STAGES, PUBLISH, *NETWORKS]
    for part in parts:
        if part == THEORY:
            raise BadInput(f"only={THEORY} is a part of its own: give it alone")
        if part not in known:
            raise BadInput(f"only={part} is no part; {nearest(part, [*known, THEORY])}")
    stages = tuple(stage for stage in (*STAGES, PUBLISH) if stage in parts) or STAGES
    if PUBLISH in stages and (settings.profile, settings.path, settings.seeds) != ("paper", RESULTS, None):
        raise BadInput(f"only={PUBLISH} is about all results of the project: it takes profile=paper, and no path or seeds")
    refuse_published(Path(settings.path))
    tasks = tuple(task for task in NETWORKS if task in parts) or tuple(NETWORKS)
    study = Study(seeds, PRESETS[settings.profile], settings.path, settings.device, settings.published)
    ablations = settings.profile == "paper" if settings.ledger is None else settings.ledger
    return Reproduction(settings.profile, study, stages, tasks, ablations)


def plan(what: Reproduction) -> list[Step]:
    """Return all steps in order: one seed after the other, so that an interrupted plan has as many whole seeds as it can."""
    from reactivation.machine.device import prepare
    from reactivation.training.work import product_rate

    # Before any product: computing threads inherit the handling of denormals from the thread that starts them.
    prepare(what.study.device)
    rate = product_rate(1024)
    steps: list[Step] = []
    if "train" in what.stages:
        steps += [_training(what, rate, seed, task, run) for seed, task, run in what.networks]
    if "analyse" in what.stages:
        steps += [
            _analysis(what, rate, seed, name)
            for seed in what.study.seeds
            for task in what.tasks
            for name in _protocols(what, task, seed)
        ]
    if "draw" in what.stages:
        steps += [_drawing(what, key) for key in FIGURES if tasks_of(key) & set(what.tasks)]
    if "report" in what.stages:
        steps.append(_reporting(what))
    if PUBLISH in what.stages:
        steps.append(Step(PUBLISH, PUBLISHED.name, False, 1.0, partial(publish, what.judged)))
        steps.append(Step(PUBLISH, ", ".join(PAGES), False, 1.0, partial(fill_documents, committed())))
    return steps


def show_plan(steps: list[Step], what: Reproduction) -> None:
    """Print what exists, what will run, and the time that it should take."""
    for step in steps:
        state = "there" if step.done else f"{'':5}{_duration(step.seconds):>9}"
        print(f"{step.stage:<8} {state:<14} {step.name}")
    hours = {stage: sum(step.seconds for step in steps if step.stage == stage and not step.done) for stage in what.stages}
    print("to do:", ", ".join(f"{stage} {_duration(seconds)}" for stage, seconds in hours.items()))


def show_outcome(what: Reproduction) -> None:
    """Print the measures of the networks, the verdicts on the claims, and the place of the page."""
    for task in what.tasks:
        print(f"\n{task}: means over seeds\n{networks_table(task, what.judged).text()}")
    print(f"\n{tally(judge_all(CLAIMS, what.judged))}")
    if "report" in what.stages:
        print(what.report)


def carry_out(steps: list[Step], device: str) -> list[UserError]:
    """Run the steps that are not done, trainings first and in parallel.

    Returns:
        The errors of steps that failed. Each is printed on stderr at once, and the other steps go on.

    Raises:
        Interrupted, SomeFailed: a signal came while training; the same command goes on from there.
    """
    problems: list[UserError] = []
    trainings = [step.words for step in steps if step.stage == "train" and not step.done]
    if trainings:
        from reactivation.machine.device import prepare

        try:
            train_fleet(commands(trainings, on_gpu=prepare(device).type == "cuda"), device)
        except SomeFailed as problem:
            if problem.interrupted:
                raise
            problems.append(_told(problem))
    for step in steps:
        if step.run is None or step.done:
            continue
        began = time.perf_counter()
        print(f"{step.stage} {step.name} ...", flush=True)
        try:
            step.run()
        except (BadInput, DamagedData) as problem:
            problems.append(_told(problem))
        else:
            print(f"    {time.perf_counter() - began:.0f} s", flush=True)
    return problems


def _told(problem: UserError) -> UserError:
    print(f"left out: {str(problem).splitlines()[0]}", file=sys.stderr)
    return problem


def commands(trainings: Sequence[tuple[str, ...]], on_gpu: bool) -> list[list[str]]:
    """Return command lines of trainings: one per network on a CPU, one per configuration on a GPU (its seeds as a stack)."""
    if not on_gpu:
        return [list(words) for words in trainings]
    seeds: dict[tuple[str, ...], list[str]] = {}
    for words in trainings:
        seed = next(word for word in words if word.startswith("seed="))
        seeds.setdefault(tuple(word for word in words if word != seed), []).append(seed.removeprefix("seed="))
    return [[*words, f"seed={','.join(found)}"] for words, found in seeds.items()]


def _training(what: Reproduction, rate: float, seed: int, task: str, run: str) -> Step:
    from reactivation.training.work import training_flops

    config = what.study.config(task, run, seed)
    words = to_words(reference(run, what.study.settings_of_task(task, seed)).training())
    if what.study.device != "auto":
        words.append(f"device={what.study.device}")
    left = max(0, config.trainer.n_epochs - what.study.standing(task, run, seed))
    seconds = training_flops(config) * left / (_ACHIEVED[task] * rate)
    return Step("train", " ".join(words), what.study.is_trained(task, run, seed), seconds, words=tuple(words))


def _analysis(what: Reproduction, rate: float, seed: int, name: str) -> Step:
    from reactivation.training.work import recording_flops

    protocol, settings = what.protocols[name], what.study.settings(what.protocols[name], seed)
    configs = [what.study.config(protocol.task, run, seed) for run in protocol.runs]
    seconds = sum(recording_flops(config, settings) for config in configs) / (_RECORDING * rate) + _DENSITIES
    file = result_file(protocol.analysis, settings)
    return Step(
        "analyse", str(file), what.study.has(name, seed), seconds, lambda: measure(request(protocol.analysis, settings))
    )


def _drawing(what: Reproduction, key: str) -> Step:
    return Step("draw", f"figure {key}", False, _DRAWING, partial(draw_figure, key, what.study, pictures(what.study)))


def _reporting(what: Reproduction) -> Step:
    write = partial(write_report, what.judged, what.profile, pictures(what.study), what.report, what.verdicts)
    return Step("report", str(what.report), False, _REPORTING, write)


def _protocols(what: Reproduction, task: str, seed: int) -> list[str]:
    """The protocols of a task to run for one seed.

    Protocols of networks trained for ablations are included only if these networks exist, or this plan trains them.
    Protocols with `of_kept` are left out if a network was trained, but its weights were not kept.
    """
    of_task = [
        name
        for name, protocol in what.protocols.items()
        if protocol.task == task and not (protocol.of_kept and _is_gone(what.study, protocol, seed, name))
    ]
    if "train" in what.stages:
        return of_task
    trained = {run for run in VARIANTS[task] if what.study.has_network(task, run, seed)}
    lacking = set(VARIANTS[task]) - trained
    return [name for name in of_task if what.study.has(name, seed) or not lacking & set(what.protocols[name].runs)]


def _is_gone(study: Study, protocol: Protocol, seed: int, name: str) -> bool:
    """Whether a network of a protocol was trained, but neither its weights nor the protocol's results are there."""
    trained = [run for run in protocol.runs if study.is_trained(protocol.task, run, seed)]
    return not study.has(name, seed) and not all(study.has_network(protocol.task, run, seed) for run in trained)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
