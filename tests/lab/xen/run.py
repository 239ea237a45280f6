#!/usr/bin/env python3
"""Tests on a real Xen under QEMU.

    run.py xen-kernel [--smoke] [--seed N] [--vcpus 1|2|both] [--bugs NAME,...|none]
                      [--devices also|only|none|long] [--keep-logs DIR]
                                            the test kernel; ends with
                                            `N cycles, N right, N violations`
    run.py xen-soak [--seed N] [--minutes N] [--progress FILE] [--keep-logs DIR]
                                            the test kernel, cycle after cycle; goes on where it
                                            was when FILE is of the same seed
    run.py xen-beside [--keep-logs DIR]     the test kernel beside a Linux guest: a table
    run.py xen-moved [--smoke] [--cycles N] [--restores N] [--only PARTS] [--seed N]
                                            resume-stress on a Linux guest with the agent: kept in
                                            place, saved and restored, and one that refuses
    run.py xen [--smoke] [--reporter agent|kernel] [--keep-logs DIR]
                                            Linux guests with the agent; ends with
                                            `N cases, N agreed, N skipped`
    run.py xen-image [--only EXPR] [--debs FOLDER] [--keep-logs DIR]
                                            the image with the packages, as a guest; the same end

Exit codes: 0 all right, 1 not, 70 the lab itself
failed, 77 SKIP: something that it needs is not installed.
"""

import argparse
import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from xenlab import (agent_report, image_guest, images, kernel_bugs, kernel_plan, moved,
                    packages)
from xenlab.beside import Beside
from xenlab.dom0 import Dom0
from xenlab.errors import OWN_FAULT, LabError, Skip, exit_status
from xenlab.guest import Guests
from xenlab.kernel_lab import KERNEL, KernelLab
from xenlab.linux_guest import LinuxGuests
from xenlab.linux_lab import LinuxLab
from xenlab.machine import Machine
from xenlab.oracle import Oracle
from xenlab.soak import Soak

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOOD, FINDING = 0, 1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lab", choices=["xen-kernel", "xen-soak", "xen-beside", "xen-moved", "xen",
                                        "xen-image"])
    parser.add_argument("--smoke", action="store_true", help="a small mix, under 3 minutes")
    parser.add_argument("--seed", type=int, default=1, help="order and pauses (default 1)")
    parser.add_argument("--vcpus", choices=["1", "2", "4", "both"], default="both")
    parser.add_argument("--bugs", help="names, separated by commas, or `none` (default: all; "
                        "smoke: " + ",".join(kernel_plan.SMOKE_BUGS) + ")")
    parser.add_argument("--devices", choices=["also", "only", "none", "long"], default="also",
                        help="xen-kernel: the cycles with a disk under load; long: nothing but "
                        "them, 1,465 of them")
    parser.add_argument("--only", help="xen-kernel: only these kinds of cycles, e.g. fast,restore, "
                        "or none; xen, xen-image: only cases whose name matches this expression; xen-moved: of "
                        "moved, restored, refused")
    parser.add_argument("--reporter", choices=["agent", "kernel"], default="agent",
                        help="xen: whose word counts; `kernel` proves the lab without an agent")
    parser.add_argument("--cycles", type=int, default=1000,
                        help="xen-moved: fast and in place, 3 to 1")
    parser.add_argument("--restores", type=int, default=30, help="xen-moved: saved and restored")
    parser.add_argument("--minutes", type=float, default=60, help="xen-soak: for so long")
    parser.add_argument("--progress", metavar="FILE", type=pathlib.Path,
                        default=ROOT / "build/lab/soak.json", help="xen-soak: how far it got")
    parser.add_argument("--keep-logs", metavar="DIR", type=pathlib.Path,
                        help="keep consoles, Xen's log and traces in DIR")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin",
                        help="folder of resumectl and of the lab's programs")
    parser.add_argument("--debs", type=pathlib.Path, default=ROOT / "build/package",
                        help="xen-image: folder of the Debian packages")
    parser.add_argument("--kernel", type=pathlib.Path,
                        help="the test kernel (default: resume-kernel in the folder of --tools)")
    arguments = parser.parse_args()
    arguments.kernel = arguments.kernel or arguments.tools / "resume-kernel"
    return arguments


def say(text):
    print(text, flush=True)


def need_built(arguments):
    if not pathlib.Path("/usr/include/xenctrl.h").exists():
        raise Skip("xenctrl.h is not installed (Debian package libxen-dev)")
    names = images.LAB_PROGRAMS + ("resume-lab-usb", "resume-lab-transaction",
                                   "resume-store-counter")
    if arguments.lab == "xen-moved":
        names += (moved.PROGRAM, *agent_report.PROGRAMS)
    elif arguments.lab not in ("xen", "xen-image"):
        names += ("resumectl",)
    elif arguments.lab == "xen" and arguments.reporter == "agent":
        names += tuple(agent_report.PROGRAMS)
    needed = [arguments.tools / name for name in names]
    without = ("xen", "xen-image", "xen-moved")
    for path in needed + [arguments.kernel] * (arguments.lab not in without):
        if not path.exists():
            raise LabError(f"{path} is not built: cmake --preset dev && ninja -C build/dev")


@contextlib.contextmanager
def log_folder(kept):
    """The folder of --keep-logs, or one that is gone afterwards."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-lab-logs-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def save_logs(dom0, machine, folder):
    for console in dom0.consoles.all():
        (folder / f"{console.name}.console").write_text("\n".join(console.lines) + "\n")
    shutil.copy(machine.serial_log, folder / "serial.log")


def chosen_bugs(arguments):
    by_name = {bug.name: bug for bug in kernel_plan.BUGS}
    names = list(kernel_plan.SMOKE_BUGS) if arguments.smoke else list(by_name)
    if arguments.bugs:
        names = [] if arguments.bugs == "none" else arguments.bugs.split(",")
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SystemExit(f"unknown bug {unknown[0]!r}; known: {', '.join(by_name)}")
    return [by_name[name] for name in names]


def plain_plans(arguments):
    """(counts, vCPUs, whether with devices) of each stage."""
    if arguments.devices in ("only", "long"):
        return
    for vcpus in (1, 2) if arguments.vcpus == "both" else (int(arguments.vcpus),):
        counts = kernel_plan.FULL
        if arguments.smoke:
            counts = kernel_plan.SMOKE if vcpus == 1 else kernel_plan.SMOKE_2_VCPUS
        yield chosen_kinds(arguments, counts), vcpus, False


def device_plans(arguments):
    """The same."""
    if arguments.devices == "none":
        return
    all_vcpus = kernel_plan.DEVICES_VCPUS
    for index, vcpus in enumerate(all_vcpus):
        if arguments.vcpus not in ("both", str(vcpus)):
            continue
        counts = kernel_plan.DEVICES
        if arguments.devices == "long":
            counts = kernel_plan.portion(kernel_plan.DEVICES_LONG, index, len(all_vcpus))
        elif arguments.smoke and vcpus != 1:
            continue
        elif arguments.smoke:
            counts = kernel_plan.DEVICES_SMOKE
        yield chosen_kinds(arguments, counts), vcpus, True


def chosen_kinds(arguments, counts):
    if arguments.only:
        names = [] if arguments.only == "none" else arguments.only.split(",")
        unknown = [name for name in names if name not in kernel_plan.KINDS]
        if unknown:
            raise SystemExit(f"unknown kind {unknown[0]!r}; known: {', '.join(kernel_plan.KINDS)}")
        counts = {kind: count for kind, count in counts.items() if kind.name in names}
    return counts


def run_kernel_lab(arguments, machine, folder):
    plans = [each for each in (*plain_plans(arguments), *device_plans(arguments)) if each[0]]
    bugs = chosen_bugs(arguments)
    dom0 = Dom0(machine)
    machine.put(arguments.kernel, pathlib.Path(KERNEL).name)
    with Guests(dom0) as guests:
        lab = KernelLab(dom0, guests, Oracle(arguments.tools / "resumectl", folder), say)
        try:
            for counts, vcpus, devices in plans:
                lab.run_plan(counts, arguments.seed, vcpus, devices)
            seen = [kernel_bugs.run_bug(lab, bug, say) for bug in bugs]
        finally:
            save_logs(dom0, machine, folder)
    if bugs:
        say(f"{len(bugs)} bug switches, {sum(seen)} seen to fail as their reports say")
    for line in lab.times.report():
        say(line)
    say(lab.tally.closing_line())
    return GOOD if (lab.tally.is_good() or not plans) and all(seen) else FINDING


def device_model_for(arguments, installation):
    """dom0 is thrice as big with it: only where a case may need it."""
    if arguments.lab != "xen" or arguments.smoke:
        return None
    try:
        return packages.find_device_model(installation)
    except Skip:
        return None


def run_linux_lab(arguments, machine, folder):
    dom0 = Dom0(machine)
    with_agent = arguments.reporter == "agent"
    with Guests(dom0) as guests:
        made = LinuxGuests(machine, dom0, guests, packages.find_installation(),
                           images.Cache(ROOT / "build/lab"), arguments.tools, with_agent)
        try:
            good = LinuxLab(made, arguments.reporter, say, lambda: packages.find_device_model(
                packages.find_installation()), arguments.keep_logs).run(arguments.smoke,
                                                                        arguments.only)
        finally:
            save_logs(dom0, machine, folder)
    return GOOD if good else FINDING


def run_soak(arguments, machine, folder):
    soak = arguments.soak
    dom0 = Dom0(machine)
    machine.put(arguments.kernel, pathlib.Path(KERNEL).name)
    with Guests(dom0) as guests, open(folder / "batches.log", "a", encoding="utf-8") as log:
        lab = KernelLab(dom0, guests, Oracle(arguments.tools / "resumectl", folder),
                        lambda text: print(text, file=log, flush=True))
        try:
            soak.run(lab)
        finally:
            save_logs(dom0, machine, folder)


def soak_xen(arguments, start):
    """`start` runs a lab on a machine of its own."""
    arguments.progress.parent.mkdir(parents=True, exist_ok=True)
    arguments.soak = Soak(arguments.progress, arguments.seed, 60 * arguments.minutes, say)
    while not arguments.soak.is_over():
        try:
            start()
        except LabError as error:
            arguments.soak.machine_died(error)
    progress = arguments.soak.progress
    say(f"seed {progress.seed}, {progress.next_batch} batches: {progress.text()}")
    return FINDING if progress.failures or not progress.cycles else GOOD


def run_beside(arguments, machine, folder):
    dom0 = Dom0(machine)
    machine.put(arguments.kernel, pathlib.Path(KERNEL).name)
    with Guests(dom0) as guests:
        linux = LinuxGuests(machine, dom0, guests, packages.find_installation(),
                            images.Cache(ROOT / "build/lab"), arguments.tools, with_agent=False)
        kernel = KernelLab(dom0, guests, Oracle(arguments.tools / "resumectl", folder), say)
        try:
            return GOOD if Beside(dom0, kernel, linux, say).run() else FINDING
        finally:
            save_logs(dom0, machine, folder)


def run_image_lab(arguments, machine, folder):
    dom0 = Dom0(machine)
    with Guests(dom0) as guests:
        made = image_guest.ImageGuests(machine, dom0, guests, arguments.image, say)
        try:
            good = LinuxLab(made, "agent", say, None, arguments.keep_logs,
                            image_guest.CASES).run(False, arguments.only)
        finally:
            save_logs(dom0, machine, folder)
    return GOOD if good else FINDING


def run_moved(arguments, machine, folder):
    dom0 = Dom0(machine)
    with Guests(dom0) as guests:
        linux = LinuxGuests(machine, dom0, guests, packages.find_installation(),
                            images.Cache(ROOT / "build/lab"), arguments.tools, with_agent=True)
        try:
            return GOOD if moved.Moved(dom0, linux, arguments.seed, say).run(
                *((9, 3) if arguments.smoke else (arguments.cycles, arguments.restores)),
                arguments.only) else FINDING
        finally:
            save_logs(dom0, machine, folder)


LABS = {"xen-kernel": run_kernel_lab, "xen-soak": run_soak, "xen-beside": run_beside,
        "xen-moved": run_moved, "xen": run_linux_lab, "xen-image": run_image_lab}
PROGRAMS = {"xen-moved": (moved.PROGRAM,)}  # in dom0, beside the lab's own
# Of QEMU, and of dom0 in it; a Linux guest's saved memory lies in dom0's.
MEMORY_MB = {"xen-kernel": (640, 320), "xen-soak": (640, 320), "xen-beside": (2048, 768),
             "xen-moved": (2048, 1024), "xen": (4096, 1536),
             "xen-image": (2304, 1024)}


def run_lab(arguments, installation, folder):
    """On a machine of its own."""
    begun = time.monotonic()
    memory = MEMORY_MB[arguments.lab]
    model = device_model_for(arguments, installation)
    disks = ()
    if arguments.lab == "xen-image":
        arguments.image = image_guest.find_parts(ROOT / "build/lab", arguments.tools, arguments.debs)
        disks = (arguments.image.disk,)
    with Machine(installation, images.Cache(ROOT / "build/lab"), arguments.tools, *memory,
                 device_model=model, disks=disks,
                 programs=PROGRAMS.get(arguments.lab, ())) as machine:
        say(f"Xen {installation.xen_version}, Linux {installation.kernel_release} as dom0, "
            f"seed {arguments.seed}, up after {time.monotonic() - begun:.0f} s")
        return LABS[arguments.lab](arguments, machine, folder)


def main():
    arguments = parse_arguments()
    # So that everything is cleaned up when a time limit ends the lab.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(OWN_FAULT))
    installation = packages.find_installation()
    need_built(arguments)
    with log_folder(arguments.keep_logs) as folder:
        if arguments.lab == "xen-soak":
            return soak_xen(arguments, lambda: run_lab(arguments, installation, folder))
        return run_lab(arguments, installation, folder)


if __name__ == "__main__":
    sys.exit(exit_status(main))
