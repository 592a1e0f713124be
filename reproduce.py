"""The whole paper from one command: train what is missing, analyse, draw every figure, test every claim, write the report.

    python reproduce.py                                    small networks, minutes on two cores
    python reproduce.py profile=paper ledger=false         the paper's own, seeds 0 to 4, from what is published of them
    python reproduce.py profile=paper                      and what is missing for docs/differences.md
    python reproduce.py profile=paper published=false      all of it anew
    python reproduce.py profile=released                   the same of networks of the released code (preset=authors_code)
    python reproduce.py profile=paper seeds=0,1 dry_run=true
    python reproduce.py profile=paper only=analyse,draw,report,head_direction
    python reproduce.py profile=paper only=theory dry_run=true     the mechanism (docs/theory.md), of networks of tag=theory

Shows its plan first: what is there, what will run, how long it should take. Whatever is there is not made again; a training
that was interrupted goes on where it stopped. Ends in one page that needs no other file: results/report.html, where what
networks of the released code give stands beside what those of the text give (profile=quick: results/report_quick.html;
profile=released: results/report_released.html, of the former alone).
only=publish, for whoever keeps the repository, copies what results/ has to published/ and brings the numbers in documents up
to date.
"""

from reactivation.machine.errors import SomeFailed, run_command
from reactivation.machine.output import only_telling
from reactivation.settings.describing import asked_settings
from reactivation.settings.reading import refuse_idle


def main(words: list[str]) -> None:
    """Plan, and carry the plan out."""
    # Only now: what plans and draws takes seconds to load.
    from paper.plan import PARTS, THEORY, Settings, carry_out, plan, reproduction, show_outcome, show_plan, theory_seeds

    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    if settings.only in PARTS:
        refuse_idle(words, PARTS[settings.only], f"only={settings.only}")
    if settings.only == THEORY:
        from paper.theory_report import reproduce

        reproduce(settings.path, theory_seeds(settings), settings.dry_run)
        return
    what = reproduction(settings)
    steps = plan(what)
    show_plan(steps, what)
    if not settings.dry_run:
        with only_telling():
            problems = carry_out(steps, settings.device)
            show_outcome(what)
        if problems:
            raise SomeFailed(f"not all was done: {len(problems)} problems, told above", problems[0].exit_code)


if __name__ == "__main__":
    run_command(main)
