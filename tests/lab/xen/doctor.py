#!/usr/bin/env python3
"""resumectl doctor and inventory in a Linux guest on a real Xen, as its host sees them.

    doctor.py [--only NAME,...] [--show]     --show prints the doctor's output of each kind of guest

The daemon keeps the verdict in the store; here `resumectl doctor --publish` stands in for it, and
the guest writes data/resume/version by itself. The last line is `N cases, N agreed, N skipped`.
Exit codes: 0 all agree, 1 not, 70 the lab itself failed, 77 SKIP: something it needs is missing.
"""

import argparse
import json
import pathlib
import signal
import sys

from xenlab import images, linux, packages
from xenlab.dom0 import Dom0
from xenlab.errors import LabError, Skip
from xenlab.guest import Guests
from xenlab.linux_guest import MODULES, LinuxGuests
from xenlab.machine import Machine

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOOD, FINDING, OWN_FAULT, SKIPPED = 0, 1, 70, 77
MEMORY_MB = (4096, 1536)  # of QEMU, and of dom0 in it: saved guests lie in its memory
NODE = "data/resume/doctor"


class DoctorGuests(LinuxGuests):
    """Guests with resumectl instead of the agent."""

    def _ramdisk(self, release, overlay):
        names = ("resumectl", "resume-lab-usb")
        programs = tuple((f"usr/bin/{name}", self._tools / name) for name in names)
        return linux.image_for(self._cache, self._installation, "linux-doctor", release,
                               [self._tools / name for name in names], overlay=overlay,
                               programs=programs, modules=MODULES)


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


def published(lab):
    guest = lab.guest()
    doctor(guest, "--publish")
    told = guest.guest.read(NODE)
    need(told == "safe", f"dom0 reads {told!r}")
    return f"dom0 reads {told!r}"


def refusing_driver(lab):
    """A USB/IP connection: the verdict is unsafe, and the host's wrapper does not save."""
    guest = lab.guest()
    plugged = guest.shell.run("resume-lab-usb >/run/usb 2>&1 & sleep 2; cat /run/usb",
                                timeout=120)[1]
    need(plugged == ["plugged in"], f"the device that refuses: {plugged}")
    status, _ = doctor(guest, "--publish")
    told = guest.guest.read(NODE)
    need((status, told) == (2, "unsafe drivers-refuse linux-suspend-error-path"),
         f"{status}: {told!r}")
    guest.shell.run("xenstore-write data/resume/version '1 0.1.0'")
    status, output = lab.dom0.run(f"LIBRESUME_HOST_SH=/share/host.sh sh /share/resume-xl save "
                                  f"{guest.name} /tmp/never.image", check=False)
    need(status == 2 and "unsafe" in output, f"resume-xl: {status}: {output}")
    need("s" not in guest.guest.state(), "the guest went down")
    guest.shell.run("killall resume-lab-usb; sleep 1; xenstore-rm data/resume/version")
    status, _ = doctor(guest, "--publish")
    need(status == 0 and guest.guest.read(NODE) == "safe", "unsafe without the device")
    return "resume-xl refuses with 2, and the guest runs on"


def restored(lab):
    """Saved and restored on the same host: nothing required is lost, and the verdict stands in the
    new domain once it is published again."""
    guest = lab.guest()
    guest.shell.run("resumectl inventory > /run/before.json")
    for status, output in (guest.guest.save(), guest.guest.restore()):
        need(status == 0, output)
    # The network frontend connects again on the kernel's own time, after the cycle's end.
    status, lines = guest.shell.run(
        "for i in 1 2 3 4 5 6 7 8 9; do resumectl inventory > /run/after.json; resumectl inventory "
        "diff /run/before.json /run/after.json > /run/diff; status=$?; [ $status = 0 ] && break; "
        "sleep 1; done; cat /run/diff; exit $status", timeout=240)
    need(status == 0 and lines[-1] == "not degraded", f"{status}: {lines}")
    need(guest.guest.read(NODE) is None, "data/ was carried to the new domain")
    doctor(guest, "--publish")
    need(guest.guest.read(NODE) == "safe", f"dom0 reads {guest.guest.read(NODE)!r}")
    return f"{len(lines) - 1} differences, none required"


CASES = [healthy, published, refusing_driver, restored]


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
    try:
        installation = packages.find_installation()
        for name in images.LAB_PROGRAMS + ("resumectl", "resume-lab-usb"):
            need((arguments.tools / name).exists(), f"{name} is not built: ./dev build")
        cache = images.Cache(ROOT / "build/lab")
        with Machine(installation, cache, arguments.tools, *MEMORY_MB) as machine:
            dom0 = Dom0(machine)
            with Guests(dom0) as guests:
                lab = Lab(machine, DoctorGuests(machine, dom0, guests, installation, cache,
                                                arguments.tools, with_agent=False), dom0)
                if arguments.show:
                    show(lab)
                return run(lab, [case for case in CASES if case.__name__ in names])
    except Skip as reason:
        print(f"SKIP: {reason}", flush=True)
        return SKIPPED
    except LabError as error:
        print(f"LAB FAILED: {error}", flush=True)
        return OWN_FAULT


if __name__ == "__main__":
    sys.exit(main())
