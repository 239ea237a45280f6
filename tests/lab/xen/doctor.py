#!/usr/bin/env python3
"""The doctor in Linux guests on a real Xen, as their host sees it: the agent keeps its verdict in
the store, and the host's wrapper obeys it.

    doctor.py [--only NAME,...] [--show]     --show prints the doctor's output of each kind of guest

The last line is `N cases, N agreed, N skipped`.
Exit codes: 0 all agree, 1 not, 70 the lab itself failed, 77 SKIP: something it needs is missing.
"""

import argparse
import json
import pathlib
import signal
import sys
import time

from xenlab import agent_report, images, packages
from xenlab.dom0 import XL_TIMEOUT, Dom0
from xenlab.errors import OWN_FAULT, LabError, exit_status
from xenlab.guest import Guests
from xenlab.linux_guest import LinuxGuests
from xenlab.machine import Machine

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOOD, FINDING = 0, 1
MEMORY_MB = (4096, 1536)  # of QEMU, and of dom0 in it: saved guests lie in its memory
NODE = "data/resume/doctor"


class Lab:
    def __init__(self, machine, guests, dom0):
        self.dom0 = dom0
        for name in ("resume-xl", "host.sh"):
            machine.put(ROOT / "packaging/host" / name, name)
        self._guests = guests
        self._made = {}

    def guest(self, kind="pvh"):
        if kind not in self._made:
            self._made[kind] = self._guests.create(kind=kind)
        return self._made[kind]


def need(condition, what):
    if not condition:
        raise LabError(what)


def doctor(guest, options=""):
    """(exit code, the JSON)."""
    status, lines = guest.shell.run(f"resumectl doctor --json {options}", timeout=240)
    need(lines, f"status {status} and no output")
    return status, json.loads(lines[0])


def healthy(lab):
    for kind in ("pvh", "pv"):
        status, report = doctor(lab.guest(kind))
        need(report["platform"] == f"xen-{kind}" and report["platform_sure"], report["platform"])
        need(status == 0, f"{kind} {status}: {report['node']}")
    return "xen-pvh and xen-pv, both safe"


def told(guest, wanted, timeout=60):
    """Waits until the agent has published that verdict; what stands there otherwise."""
    deadline = time.monotonic() + timeout
    while guest.guest.read(NODE) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    return guest.guest.read(NODE)


def wrapper(lab, guest, words="save", image="/tmp/never.image"):
    """(exit code, output) of packaging/host/resume-xl in dom0."""
    return lab.dom0.run(f"LIBRESUME_HOST_SH=/share/host.sh sh /share/resume-xl {words} "
                        f"{guest.name} {image}", XL_TIMEOUT, check=False)


def suspend_report(guest, timeout=60):
    """The agent's report of the one suspend that it has not told of yet."""
    deadline = time.monotonic() + timeout
    reports = []
    while not any(report["kind"] == "xen-suspend" for report in reports):
        need(time.monotonic() < deadline, f"no report of the suspend: {reports}; "
             f"{guest.shell.run('resumectl status; tail -n 5 /run/agent.log')[1]}")
        reports += guest.agent.take(1, timeout=10)
    return next(report for report in reports if report["kind"] == "xen-suspend")


def published(lab):
    verdict = told(lab.guest(), "safe")
    need(verdict == "safe", f"dom0 reads {verdict!r}")
    return f"dom0 reads {verdict!r}, published by the agent at its start"


def refusing_driver(lab):
    """A USB/IP connection: the verdict is unsafe, and the host's wrapper does not save."""
    guest = lab.guest()
    guest.plug_in_what_refuses()
    status, _ = doctor(guest, "--publish")
    verdict = guest.guest.read(NODE)
    need((status, verdict) == (2, "unsafe drivers-refuse linux-suspend-error-path"),
         f"{status}: {verdict!r}")
    status, output = wrapper(lab, guest)
    need(status == 2 and "unsafe" in output, f"resume-xl: {status}: {output}")
    need("s" not in guest.guest.state(), "the guest went down")
    guest.shell.run("killall resume-lab-usb; sleep 1; killall -HUP resume-agent")
    verdict = told(guest, "safe")
    need(verdict == "safe", f"without the device {verdict!r}")
    return "resume-xl refuses with 2, and the guest runs on; safe again without the device"


def restored(lab):
    """Saved by the wrapper, which a safe guest lets through, and restored: nothing required is lost
    by the agent's report, and the verdict stands in the new domain."""
    guest = lab.guest()
    before = guest.guest.domid
    # A guest whose agent has not published yet is saved as one that has none.
    need(told(guest, "safe") == "safe", f"dom0 reads {guest.guest.read(NODE)!r} before the save")
    status, output = wrapper(lab, guest, image=f"/tmp/{guest.name}.image")
    need(status == 0, f"resume-xl: {status}: {output}; "
         f"{guest.shell.run('tail -n 5 /run/agent.log')[1] if status else ''}")
    # The lab's agent takes requests (domu/agent.sh): the wrapper has announced this save.
    need("going on" not in output, f"the guest was not asked: {output}")
    status, output = guest.guest.restore()
    need(status == 0 and guest.guest.domid != before, output)
    verdict = told(guest, "safe")
    need(verdict == "safe", f"dom0 reads {verdict!r} below the new domain")
    report = suspend_report(guest)
    need(report["announced"], "the wrapper's announcement is not in the report")
    check = next(check for check in report["checks"] if check["id"] == "capabilities")
    need(check["status"] in ("ok", "warning") and report["outcome"] == "resumed",
         f"{report['outcome']}: {check}: {report['changed']}")
    return f"domain {before} -> {guest.guest.domid}; {check['status']}: {check['detail']}"


SITE_ROW = """[[kernel]]
id = "site-rule"
title = "not here"
verdict = "unsafe"
from = ["2.6"]
cause = "the owner says so"
ways_out = ["ask the owner"]
sources = ["the lab"]
"""


def unsafe_stands_again(lab):
    """A row of the site's own makes this kernel unsafe: dom0 reads it, the wrapper refuses, --force
    saves all the same, and after the restore it stands there again, by the agent alone."""
    guest = lab.guest()
    guest.shell.run(f"mkdir -p /etc/libresume/known-bad.d; printf '%s' '{SITE_ROW}' > "
                    "/etc/libresume/known-bad.d/site.toml; killall -HUP resume-agent")
    wanted = "unsafe site-rule"
    verdict = told(guest, wanted)
    need(verdict == wanted, f"dom0 reads {verdict!r}")
    status, output = wrapper(lab, guest)
    need(status == 2, f"resume-xl: {status}: {output}")
    status, output = wrapper(lab, guest, "--force save", f"/tmp/{guest.name}.image")
    need(status == 0, f"resume-xl --force: {status}: {output}")
    need(guest.guest.restore()[0] == 0, "xl restore failed")
    verdict = told(guest, wanted)
    need(verdict == wanted, f"below the new domain dom0 reads {verdict!r}")
    guest.shell.run("rm /etc/libresume/known-bad.d/site.toml; killall -HUP resume-agent")
    need(told(guest, "safe") == "safe", "the row is gone and the verdict is not")
    return f"{verdict!r} in domain {guest.guest.domid}, resume-xl refuses with 2"


CASES = [healthy, published, refusing_driver, restored, unsafe_stands_again]


def show(lab):
    for kind in ("pvh", "pv"):
        print(f"# {kind}", *lab.guest(kind).shell.run("resumectl doctor", timeout=240)[1], sep="\n")


def run(lab, cases):
    agreed = 0
    for case in cases:
        try:
            print(f"{case.__name__:<20} agrees      {case(lab)}", flush=True)
            agreed += 1
        except LabError as error:
            print(f"{case.__name__:<20} DISAGREES   {error}", flush=True)
    print(f"{len(cases)} cases, {agreed} agreed, 0 skipped", flush=True)
    return GOOD if agreed == len(cases) else FINDING


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="names of cases, separated by commas")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin")
    arguments = parser.parse_args()
    # So that everything is cleaned up when a time limit ends the lab.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(OWN_FAULT))
    names = arguments.only.split(",") if arguments.only else [case.__name__ for case in CASES]
    installation = packages.find_installation()
    for name in images.LAB_PROGRAMS + tuple(agent_report.PROGRAMS) + ("resume-lab-usb",):
        need((arguments.tools / name).exists(), f"{name} is not built: ./dev build")
    cache = images.Cache(ROOT / "build/lab")
    with Machine(installation, cache, arguments.tools, *MEMORY_MB) as machine:
        dom0 = Dom0(machine)
        with Guests(dom0) as guests:
            lab = Lab(machine, LinuxGuests(machine, dom0, guests, installation, cache,
                                           arguments.tools, with_agent=True), dom0)
            if arguments.show:
                show(lab)
                return GOOD
            return run(lab, [case for case in CASES if case.__name__ in names])


if __name__ == "__main__":
    sys.exit(exit_status(main))
