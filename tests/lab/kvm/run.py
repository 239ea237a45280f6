#!/usr/bin/env python3
"""A Debian kernel under QEMU, put to sleep and refused in every way, and what is said of it.

    run.py [--smoke] [--only NAME,...] [--reporter agent|trace] [--keep-logs DIR]

A table case / expected / reported / evidence; the last line is `N cases, N agreed, N skipped`.
Exit codes: 0 all agree, 1 not, 70 the lab itself failed, 77 SKIP: something it needs is missing.
"""

import argparse
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "xen"))

from kvmlab.cases import CASES, SMOKE  # noqa: E402
from kvmlab.parts import find_parts  # noqa: E402
from kvmlab.reporters import AgentReporter, TraceReporter  # noqa: E402
from kvmlab.runner import FINDING, GOOD, run_case  # noqa: E402
from kvmlab.session import Session  # noqa: E402
from kvmlab.table import Table  # noqa: E402
from xenlab.errors import LabError, exit_status  # noqa: E402

ROOT = HERE.parents[2]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help=f"only {', '.join(sorted(SMOKE))}")
    parser.add_argument("--only", help="names of cases, separated by commas")
    parser.add_argument("--reporter", choices=["agent", "trace"],
                        help="default: agent where it is built")
    parser.add_argument("--keep-logs", metavar="DIR", type=pathlib.Path,
                        help="keep consoles and traces in DIR")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin",
                        help="folder of resumectl, the agent and the lab's programs")
    return parser.parse_args()


def chosen_cases(arguments):
    known = {case.name: case for case in CASES}
    names = [name for name in known if not arguments.smoke or name in SMOKE]
    if arguments.only:
        names = arguments.only.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"unknown case {unknown[0]!r}; known: {', '.join(known)}")
    return [known[name] for name in names]


def run_cases(cases, parts, reporter, table, folder):
    """One guest for all cases of one kind of machine; each case leaves it as it found it."""
    for kind in sorted({case.machine for case in cases}):
        with Session(parts, kind) as machine:
            reporter.start(machine)
            try:
                for case in (case for case in cases if case.machine == kind):
                    if case.needs_agent and not reporter.is_agent:
                        table.skipped(case, "only the agent inside the guest can tell")
                    else:
                        run_case(case, machine, reporter, table)
            finally:
                (folder / f"console-{kind}.log").write_text(machine.console())


def main():
    arguments = parse_arguments()
    cases = chosen_cases(arguments)
    folder = arguments.keep_logs or pathlib.Path(tempfile.mkdtemp(prefix="resume-lab-logs-"))
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in ("resumectl", "resume-lab-server", "resume-lab-alarm")
               if not (arguments.tools / name).exists()]
    if missing:
        raise LabError(f"{arguments.tools}/{missing[0]} is not built: ./dev build")
    parts = find_parts(ROOT / "build/lab", arguments.tools)
    agent = arguments.reporter != "trace" and (arguments.tools / "resume-agent").exists()
    reporter = AgentReporter() if agent else TraceReporter(arguments.tools / "resumectl", folder)
    table = Table(reporter.name)
    run_cases(cases, parts, reporter, table, folder)
    if reporter.is_agent:
        table.say_delays(reporter.delays_ms)
    print(table.closing_line(), flush=True)
    return GOOD if table.all_agree() else FINDING


if __name__ == "__main__":
    sys.exit(exit_status(main))
