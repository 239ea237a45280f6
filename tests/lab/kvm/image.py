#!/usr/bin/env python3
"""The image of packaging/image booted with systemd, and its agent's word on what is done to it.

    image.py [--only NAME,...] [--debs FOLDER] [--keep-logs DIR]

The packages' own units, sandboxes and hooks. A table case / expected / reported / evidence; the last
line is `N cases, N agreed, N skipped`. Exit codes as run.py's.
"""

import argparse
import dataclasses
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "xen"))

from kvmlab import cases  # noqa: E402
from kvmlab.cases import CASES, Case  # noqa: E402
from kvmlab.debian import UnitReporter, find_parts  # noqa: E402
from kvmlab.runner import FINDING, GOOD, run_case  # noqa: E402
from kvmlab.session import Session  # noqa: E402
from kvmlab.table import Table  # noqa: E402
from xenlab.errors import exit_status  # noqa: E402

ROOT = HERE.parents[2]
# Those that start the agent by hand are not for a guest whose agent is a service.
SHARED = "s3 restore freeze-and-thaw disk-dead".split()


def systemctl_suspend(machine):
    """By way of logind and systemd's hooks, as a desktop or a cloud's agent does it."""
    machine.run("systemctl suspend")
    machine.qmp.wait_status("suspended", 60)
    machine.qmp.execute("system_wakeup")
    machine.run("while systemctl is-active --quiet systemd-suspend.service; do sleep 0.2; done",
                timeout=60)


def restart_hook(machine):
    """A service that does not survive a suspend: a hook restarts it, outside the agent's sandbox."""
    pid = "systemctl show -P MainPID lab-demo.service"
    before = machine.output(pid).strip()
    machine.run("printf '#!/bin/sh\\n[ $1 = post ] && systemctl --no-block restart "
                "lab-demo.service\\n' > /etc/libresume/hooks.d/50-demo; "
                "chmod 755 /etc/libresume/hooks.d/50-demo")
    cases.sleep_s3(machine)
    machine.run(f"until [ $({pid}) != {before} ] && [ $({pid}) != 0 ]; do sleep 0.2; done; "
                "rm /etc/libresume/hooks.d/50-demo", timeout=60)


def chronyd_told(machine):
    """The sandbox keeps the agent from the clock and from chronyd's socket, which is told all the
    same: by a unit of its own, which says what chronyd answered. The restore is told once."""
    said = "journalctl -b --no-pager -o cat -u 'libresume-makestep-*' | grep -qx '200 OK'"
    with cases.configured(machine, '[act.clock]\nmode = "step"'):
        machine.run("systemctl start chrony.service")
        cases.restore(machine)
        machine.run(f"until {said}; do sleep 0.2; done; systemctl stop chrony.service", timeout=60)


def killed(machine):
    """SIGKILL between before and after: systemd starts the agent again, and it owes the after."""
    machine.run("resumectl prepare --for s3; systemctl kill -s KILL resume-agent.service; "
                "until resumectl status; do sleep 0.2; done", timeout=60)


def chosen_cases(only):
    found = [dataclasses.replace(case, repeat=1) for name in SHARED for case in CASES
             if case.name == name]
    found += [Case("systemctl-suspend", systemctl_suspend, {**cases.RESUMED_S3, "announced": True}),
              Case("restart-hook", restart_hook, cases.RESUMED_S3),
              Case("chronyd-told", chronyd_told, {"kind": "restore", "outcome": "resumed",
                                                  "checks": cases.contains("left to chronyd")}),
              Case("killed", killed, {"kind": "s3", "outcome": "unknown", "announced": True})]
    names = only.split(",") if only else [case.name for case in found]
    unknown = set(names) - {case.name for case in found}
    if unknown:
        raise SystemExit(f"unknown case {unknown.pop()!r}")
    return [case for case in found if case.name in names]


def last_words(machine):
    print(machine.output("systemd-analyze security --no-pager resume-agent.service | tail -1; "
                         "journalctl -b --no-pager -p warning -u 'resume-*' -u 'libresume-*'; "
                         "systemctl is-system-running || systemctl --failed --no-legend", 120),
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="names of cases, separated by commas")
    parser.add_argument("--debs", type=pathlib.Path, default=ROOT / "build/package")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin",
                        help="folder of the lab's programs")
    parser.add_argument("--keep-logs", metavar="DIR", type=pathlib.Path)
    arguments = parser.parse_args()
    chosen = chosen_cases(arguments.only)
    folder = arguments.keep_logs or pathlib.Path(tempfile.mkdtemp(prefix="resume-lab-logs-"))
    folder.mkdir(parents=True, exist_ok=True)
    parts = find_parts(ROOT / "build/lab", arguments.tools, arguments.debs)
    reporter = UnitReporter()
    table = Table(reporter.name)
    with Session(parts, "pc") as machine:
        try:
            reporter.start(machine)
            for case in chosen:
                run_case(case, machine, reporter, table)
            last_words(machine)
        finally:
            (folder / "console-image.log").write_text(machine.console())
    print(table.closing_line(), flush=True)
    return GOOD if table.all_agree() else FINDING


if __name__ == "__main__":
    sys.exit(exit_status(main))
